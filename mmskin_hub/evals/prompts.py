"""The words of every question: the strict ones, which we stand behind, and the original release's, for ``paper``.

A question never holds an image placeholder: where the picture goes, and what stands around the question, is the chat
template's matter. **A change of any word here raises** :data:`VERSION` **of its mode**, so that two results with the
same version were asked the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmskin_hub.engine.mixture.instruct import CLOSED, OPEN

VERSION = {"strict": "1.0", "paper": "1.0"}
"""The version of the prompts, readings and targets by mode; it is the version of the lm-eval tasks."""

_PICTURE = {
    "clinical": "a clinical photograph of skin",
    "dermoscopic": "a dermoscopic image of a skin lesion",
    "pathology": "a microscopic image of a skin section",
}
_ANY_PICTURE = "an image of skin"

_ASKED = {
    "hiba": "Which of these fits the lesion?",
    "ddi": "Which of these fits the lesion?",
    "fitzpatrick17k": "Which of these kinds of skin condition does it show?",
    "dermnet": "Which of these groups of skin diseases does it belong to?",
    "patch16": "Which of these kinds of tissue does it show?",
}
_ASK_DIAGNOSIS = "Which of these diagnoses fits it best?"


def strict_choice(dataset: str, modality: str | None, names: Sequence[str]) -> str:
    """The strict question for one class of ``names``, which stand one a line in the order given.

    ``modality`` is that of the picture ("clinical", "dermoscopic", "pathology"), or ``None`` where it is unknown.
    """
    options = "\n".join(f"- {' '.join(name.split())}" for name in names)
    picture = _PICTURE.get(modality or "", _ANY_PICTURE)
    asked = _ASKED.get(dataset, _ASK_DIAGNOSIS)
    return f"This is {picture}. {asked}\n{options}\nAnswer with one of these names, word for word, and nothing else."


def paper_choice(names: Sequence[str]) -> str:
    """The zero-shot question of the original release, to the letter (double spaces of class names and all)."""
    return (
        f"This is a skin lesion image. From the following categories: {', '.join(names)}, which one is the diagnosis?"
    )


def strict_open(question: str) -> str:
    """The strict form of a question that has no set of answers."""
    return f"{question.strip()}\n{OPEN}"


def strict_closed(question: str) -> str:
    """The strict form of a question that is answered by yes or no."""
    return f"{question.strip()}\n{CLOSED}"


def paper_open(question: str) -> str:
    """The question of the original release: as it stands in the data."""
    return question.strip()
