"""Questions that say how they want to be answered: as many as asked for, in the words of the evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmskin_hub.engine.mixture.instruct import instructed
from mmskin_hub.engine.mixture.items import Item
from mmskin_hub.engine.mixture.recipe import Recipe, read_recipe
from mmskin_hub.errors import WrongUse
from mmskin_hub.evals.prompts import strict_closed, strict_open


def item(number: int, question: str = "What is it?", answer: str = "A nevus.", task: str = "vqa") -> Item:
    name = f"a/open_vqa/{number}"
    return Item("a", "open_vqa", "train", name, task, (("user", question),), answer, "f", number)


def recipe(share: object) -> Recipe:
    return read_recipe(Path("mine.yaml"), "mm", f"mm:\n  a:\n    configs:\n      open_vqa: {{instructed: {share}}}\n")


@pytest.mark.parametrize(
    ("answer", "short"),
    [("Yes.", "Yes."), ("No, it is a melanoma.", "No."), ("yes, on the back", "Yes."), ("NO", "No.")],
)
def test_a_yes_or_no_question_is_asked_as_the_evaluation_asks_it(answer: str, short: str) -> None:
    (row,) = instructed([item(1, "Is it a nevus?", answer)], recipe(1), 0)
    assert row.prompt == (("user", strict_closed("Is it a nevus?")),) and row.answer == short


@pytest.mark.parametrize("answer", ["A nevus.", "Nodules.", "Yesterday's wound.", "None."])
def test_any_other_question_too_and_its_answer_stays(answer: str) -> None:
    (row,) = instructed([item(1, answer=answer)], recipe(1), 0)
    assert row.prompt == (("user", strict_open("What is it?")),) and row.answer == answer


def test_captions_and_classes_and_what_nobody_asked_for_stay_as_they_are() -> None:
    rows = [item(1, task="caption"), item(2, task="classification"), item(3, task="demographics")]
    assert instructed(rows, recipe(1), 0) == rows
    assert instructed([item(4)], recipe(0), 0) == [item(4)]
    assert instructed([item(5)], read_recipe(Path("mine.yaml"), "mm", "mm:\n  a: {}\n"), 0) == [item(5)]


def test_a_share_is_kept_does_not_depend_on_the_order_and_a_larger_one_only_adds() -> None:
    rows = [item(number) for number in range(2000)]

    def chosen(share: float, order: list[Item], seed: int = 0) -> set[str]:
        return {row.id for row in instructed(order, recipe(share), seed) if "\n" in row.prompt[0][1]}

    small, large = chosen(0.3, rows), chosen(0.6, rows[::-1])
    assert small < large and chosen(0.3, rows[::-1]) == small != chosen(0.3, rows, seed=1)
    assert abs(len(small) / 2000 - 0.3) < 0.05 and abs(len(large) / 2000 - 0.6) < 0.05


@pytest.mark.parametrize("share", ["-0.1", "1.5", "true", "half", ".nan"])
def test_what_is_no_share_is_refused_with_its_line(share: str) -> None:
    with pytest.raises(WrongUse, match=r"line 4 .*instructed"):
        recipe(share)
