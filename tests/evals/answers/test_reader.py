"""The strict reader, on 300 answers that are easily misread and on statements made from all classes of all datasets."""

from __future__ import annotations

import csv
import random
from collections import Counter
from pathlib import Path

import pytest

from mmskin_hub.evals.answers import Outcome, read_answer, synonyms_of
from mmskin_hub.registry import PUBLIC

TRICKY = Path(__file__).with_name("tricky.tsv")
MORE = Path(__file__).with_name("more.tsv")
DATASETS = (
    "ham10000",
    "isic2019",
    "pad_ufes_20",
    "hiba",
    "ddi",
    "fitzpatrick17k",
    "dermnet",
    "patch16",
    "bcn20000",
    "mskcc",
)
ENOUGH = 0.99


def tricky(path: Path = TRICKY) -> list[dict[str, str]]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [{**row, "answer": row["answer"].replace("\\n", "\n")} for row in rows]


def read(dataset: str, answer: str) -> tuple[str, str | None]:
    classes = PUBLIC[dataset].classes
    found = read_answer(answer, classes, dataset=dataset)
    assert (found.label is not None) == (found.outcome is Outcome.matched)
    return found.outcome.value, None if found.label is None else classes[found.label]


def test_the_fixture_covers_every_dataset_and_kind_of_trap() -> None:
    rows = tricky()
    assert len(rows) == 300
    assert Counter(row["dataset"] for row in rows) == dict.fromkeys(DATASETS, 30)
    assert {row["outcome"] for row in rows} == {each.value for each in Outcome}
    assert len({(row["dataset"], row["answer"]) for row in rows}) == 300
    for row in rows:
        assert (row["class"] in PUBLIC[row["dataset"]].classes) == (row["outcome"] == "matched"), row


def test_tricky_answers_are_read_right() -> None:
    rows = tricky()
    wrong = [row for row in rows if read(row["dataset"], row["answer"]) != (row["outcome"], row["class"] or None)]
    assert len(wrong) <= (1 - ENOUGH) * len(rows), "\n".join(str(row) for row in wrong)


def test_more_answers_are_read_right() -> None:
    rows = tricky(MORE)
    wrong = [row for row in rows if read(row["dataset"], row["answer"]) != (row["outcome"], row["class"] or None)]
    assert len(rows) > 250 and len(wrong) <= 0.02 * len(rows), "\n".join(str(row) for row in wrong)


def test_the_rule_of_the_original_fails_the_fixture() -> None:
    """The fixture can fail: the original's rule is wrong on much of it."""
    from mmskin_hub.evals.answers import paper_class

    def right(row: dict[str, str]) -> bool:
        classes = PUBLIC[row["dataset"]].classes
        found = paper_class(row["answer"], classes)
        return (classes[found] if found >= 0 else "") == row["class"]

    assert sum(map(right, tricky())) < 0.75 * 300


SAID = (
    "This is not {A}, but rather {B}.",
    "Although {A} was considered, {B} is more likely.",
    "{A} can be excluded. {B}.",
    "Unlike {A}, this is {B}.",
    "{A} is unlikely, whereas {B} fits.",
    "{A}? No. {B}? Yes.",
    "{A} has been ruled out in favor of {B}.",
    "I initially thought of {A}, but it is {B}.",
    "The answer isn't {A}. The answer is {B}.",
    "{B} rather than {A}",
    "Rather than {A}, this is {B}.",
    "It is more likely {B} than {A}.",
    "The absence of features of {A} suggests {B}.",
    "**{B}**",
    "Final answer: {B}",
    "{A} (10%), {B} (85%)",
    "{B} > {A}",
    "I favor {B} over {A}.",
    "The options are {A} and {B}. My choice: {B}",
    "<think>Maybe {A}.</think>\n{B}",
    "A) {A}\nB) {B}\n\nAnswer: B",
    "[ ] {A}\n[x] {B}",
    "If it were {A}, there would be a network. It is {B}.",
    "There is no doubt: {B}.",
    "I cannot exclude {A}, but {B} is most likely.",
    '{"diagnosis": "{B}"}',
    "I'm not a doctor, but I would say {B}.",
)
BOTH = ("{A} or {B}", "{A}, {B}", "Either {A} or {B}.", "{A}/{B}", "{A} versus {B}", "It could be {A} or {B}.")
NEITHER = ("This is not {A}.", "No evidence of {A} or {B}.", "Neither {A} nor {B}.", "{A} and {B} are ruled out.")


@pytest.mark.parametrize("named", ["classes", "synonyms"])
def test_statements_about_any_two_classes(named: str) -> None:
    """Every kind of statement, about pairs drawn from all datasets: by the name of the class, or another name of it."""
    rng = random.Random(5)
    wrong = []
    for words in (*SAID, *BOTH, *NEITHER):
        for _ in range(12):
            dataset = rng.choice(DATASETS)
            classes = PUBLIC[dataset].classes
            one, other = rng.sample([name for name in classes if name != "other"], 2)
            if words in NEITHER and len(classes) <= 3:
                continue  # to deny one of two classes is to name the other
            names = [_named(dataset, each, named, rng) for each in (one, other)]
            answer = words.replace("{A}", names[0]).replace("{B}", names[1])
            meant = ("matched", other) if words in SAID else ("ambiguous" if words in BOTH else "none", None)
            if read(dataset, answer) != meant:
                wrong.append((dataset, answer, read(dataset, answer)))
    assert len(wrong) <= 0.01 * 12 * len((*SAID, *BOTH, *NEITHER)), wrong


def _named(dataset: str, name: str, named: str, rng: random.Random) -> str:
    others = [each for each in synonyms_of(dataset).get(name, ()) if len(each) > 4]
    return rng.choice(others) if named == "synonyms" and others else name


def test_every_class_and_every_other_name_of_it_is_read_as_it() -> None:
    for dataset in DATASETS:
        classes = PUBLIC[dataset].classes
        names = [(name, name) for name in classes]
        others = [(name, each) for name in classes for each in synonyms_of(dataset)[name]]
        names += others[:: 1 + len(others) // 700]
        for name, each in names:
            assert read(dataset, each) == ("matched", name), (dataset, each)
            assert read(dataset, f"The diagnosis is {each}.") == ("matched", name), (dataset, each)


def test_no_name_stands_under_two_classes_and_groups_leave_a_class_its_own() -> None:
    for dataset in DATASETS:
        names = [
            each.casefold() for phrases in synonyms_of(dataset).values() for each in set(map(str.casefold, phrases))
        ]
        assert len(names) == len(set(names))
    assert "solar lentigo" in synonyms_of("ham10000")["Benign Keratosis"]
    assert "solar lentigo" not in synonyms_of("bcn20000")["seborrheic keratosis"]
    assert synonyms_of("no such dataset") == {}


def test_a_reader_of_bare_classes_needs_no_table() -> None:
    assert read_answer("It is a red one, not a blue one.", ("red", "blue")).label == 0
    assert read_answer("crimson", ("red", "blue"), {"red": ("crimson",)}).label == 0
    assert read_answer("redder", ("red", "blue")).outcome is Outcome.none


@pytest.mark.parametrize("answer", ["", " ", "\n", "...", "</s>", "**", "<pad><pad>", "🙂"])
def test_an_answer_without_a_word_is_empty(answer: str) -> None:
    assert read("ham10000", answer) == ("empty", None)


@pytest.mark.parametrize(
    "answer",
    ["melanoma " * 3000, "not " * 5000 + "melanoma", "((((" * 2000, "a, " * 5000, "\n" * 50_000, " \t" * 20_000,
     "\x00\ufffd melanoma \ue000"],
    ids=("one word", "not", "brackets", "commas", "lines", "blanks", "odd"),
)  # fmt: skip
def test_long_and_odd_answers_neither_crash_nor_stall(answer: str) -> None:
    """A pattern that goes back and forth over these would not come to its end."""
    read("ham10000", answer)
