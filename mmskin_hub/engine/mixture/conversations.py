"""A caption, a question or a class becomes what a user says and what the assistant answers.

Which wording a row gets, whether it is shown the list of classes and in which order they stand is decided by its id
alone, so a row says the same in every mixture. A class is answered by its name as the dataset spells it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from mmskin_hub.engine.mixture.items import Message

_PICTURE = {
    "clinical": ("clinical photograph", "photograph of the skin", "clinical image"),
    "dermoscopic": ("dermoscopic image", "dermoscopy image", "dermatoscopic image"),
    "pathology": ("histological image", "histopathology image", "section of skin"),
}
_ANY_PICTURE = ("image", "image of the skin", "picture")

_DESCRIBE = (
    "Describe this {picture}.",
    "What does this {picture} show?",
    "What can be seen in this {picture}?",
    "Write a caption for this {picture}.",
    "Give a short description of this {picture}.",
    "Summarise the findings in this {picture}.",
    "Explain what this {picture} depicts.",
    "Please describe what you see in this {picture}.",
)
_CLASSES: dict[str, tuple[str, ...]] = {
    "diagnosis": (
        "What is the diagnosis in this {picture}?",
        "Which skin condition does this {picture} show?",
        "What disease is seen in this {picture}?",
        "What is the most likely diagnosis for this {picture}?",
        "Classify the condition in this {picture}.",
        "Which category of skin disease does this {picture} belong to?",
        "Name the condition shown in this {picture}.",
        "How would you label the finding in this {picture}?",
    ),
    "malignancy": (
        "Is what this {picture} shows benign or malignant?",
        "How would you class what is seen in this {picture} with regard to malignancy?",
        "What is the nature of the condition in this {picture}?",
        "Judge from this {picture} whether the condition is malignant.",
        "Which category of malignancy does this {picture} belong to?",
        "Assess the malignancy of what is seen in this {picture}.",
    ),
    "tumour": (
        "Does this {picture} show tumour tissue?",
        "Is there tumour in this {picture}?",
        "Classify the tissue in this {picture} as tumour or not.",
        "How would you class the tissue in this {picture}?",
        "Which kind of tissue does this {picture} show?",
        "Judge whether the tissue in this {picture} is tumour.",
    ),
}
_OPTIONS = (
    "{question} Choose one of: {options}.",
    "{question} Options: {options}.",
    "{question}\nAnswer with one of the following: {options}.",
    "{question}\nThe possible answers are: {options}.",
)
_MALIGNANCY = {"benign", "malignant", "nonmalignant", "nonneoplastic", "neoplastic", "indeterminate", "premalignant"}
_TUMOUR = {"tumor", "tumour", "nontumor", "nontumour"}


def describe(name: str, modality: str | None) -> tuple[Message, ...]:
    """The prompt of the row ``name`` that a caption answers."""
    return (("user", pick(_DESCRIBE, f"describe:{name}").format(picture=_picture(name, modality))),)


def classify(name: str, modality: str | None, classes: Sequence[str]) -> tuple[Message, ...]:
    """The prompt of the row ``name`` that one of ``classes`` answers; half of the rows are shown the whole list.

    ``classes`` may be empty where nobody knows them all; the list is then never shown. Its order differs from row to
    row, so that the place of a class says nothing.
    """
    question = pick(_CLASSES[kind_of(classes)], f"class:{name}").format(picture=_picture(name, modality))
    if len(classes) < 2 or _number(f"options:{name}") % 2:
        return (("user", question),)
    order = sorted(classes, key=lambda option: _number(f"order:{name}:{option}"))
    # A class such as "Herpes, hpv" would fall apart in a list that commas part.
    text = ("; " if any("," in option for option in order) else ", ").join(order)
    return (("user", pick(_OPTIONS, f"ask:{name}").format(question=question, options=text)),)


def kind_of(classes: Sequence[str]) -> str:
    """ "malignancy", "tumour" or "diagnosis": what a list of class names is about."""
    plain = {"".join(filter(str.isalpha, name.casefold())) for name in classes}
    if plain and plain <= _MALIGNANCY:
        return "malignancy"
    return "tumour" if plain and plain <= _TUMOUR else "diagnosis"


def pick(choices: Sequence[str], key: str) -> str:
    """One of ``choices``, decided by ``key`` alone."""
    return choices[_number(key) % len(choices)]


def _picture(name: str, modality: str | None) -> str:
    return pick(_PICTURE.get(modality or "", _ANY_PICTURE), f"picture:{name}")


def _number(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:8], "big")
