"""The original rule, against a statement of it written here from the protocol's words and nothing else."""

from __future__ import annotations

import random
import re

from mmskin_hub.evals.answers import paper_class
from mmskin_hub.registry import PUBLIC

DATASETS = [name for name, dataset in PUBLIC.items() if dataset.benchmark] + ["bcn20000", "mskcc"]
PIECES = (
    "This is",
    "not",
    "no",
    "non",
    "a case of",
    "metastasis",
    "or",
    ",",
    ".",
    "benign",
    "tumor",
    "actinic keratosis",
    "Actinic Keratosis",
    "actinic  keratosis",
    "keratoses",
    "lesions",
    "\n",
    "**",
    "skin",
    "ACTINIC KERATOSIS",
)


def restated(answer: str, classes: list[str]) -> int:
    """Go through the dictionary from its first name to its last; the first that the answer contains, whatever the case
    of the letters, is the prediction, and -1 is where none is. Beforehand the small-lettered words "actinic keratosis"
    in the answer give way to "actinic keratoses", on every dataset."""
    number = {name: place for place, name in enumerate(classes)}
    answer = re.sub("actinic keratosis", "actinic keratoses", answer.strip())
    prediction = -1
    for name in reversed(list(number)):
        if re.search(re.escape(name), answer, flags=re.IGNORECASE):
            prediction = number[name]
    return prediction


def test_agrees_with_the_restated_rule_on_5000_answers() -> None:
    rng = random.Random(20)
    outcomes = set()
    for _ in range(5000):
        classes = list(PUBLIC[rng.choice(DATASETS)].classes)
        parts = [rng.choice([rng.choice(PIECES), _cased(rng.choice(classes), rng)]) for _ in range(rng.randint(0, 7))]
        answer = rng.choice([" ", "", "-"]).join(parts)
        found = paper_class(answer, classes)
        assert found == restated(answer, classes), (answer, classes)
        outcomes.add(found)
    assert -1 in outcomes and len(outcomes) > 20


def _cased(name: str, rng: random.Random) -> str:
    cut = name[: rng.randint(1, len(name))] if rng.random() < 0.1 else name
    return rng.choice([str, str.lower, str.upper, str.title])(cut)


def test_keeps_the_faults_of_the_original() -> None:
    binary = PUBLIC["hiba"].classes
    assert binary[paper_class("This is not malignant.", binary)] == "malignant"
    assert paper_class("nontumor", ("tumor", "nontumor")) == 0
    bcn = PUBLIC["bcn20000"].classes
    assert bcn[paper_class("melanoma metastasis", bcn)] == "melanoma"
    assert paper_class(", ".join(bcn), bcn) == 1  # "actinic keratosis", the first, was rewritten
    ham = PUBLIC["ham10000"].classes
    assert ham[paper_class("actinic keratosis", ham)] == "Actinic Keratoses"
    assert paper_class("Actinic keratosis", ham) == -1
    pad = PUBLIC["pad_ufes_20"].classes
    assert paper_class("actinic keratosis", pad) == -1
    assert pad[paper_class("Actinic keratosis", pad)] == "Actinic Keratosis"
    assert paper_class("", ham) == -1
