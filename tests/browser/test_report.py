"""The evaluation report in a browser: tables sort as Python sorts, tasks and mistakes are found, plots have words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from mmskin_hub.evals.mistakes import SHOWN
from mmskin_hub.evals.report import figure
from tests.browser.conftest import TASKS
from tests.browser.looking import Looker, column, eventually, focused
from tests.evals.fakes import CHOICE, GEN

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

Results = tuple[Path, Any]


def table(page: Page, label: str) -> tuple[str, Locator]:
    region = f".scroll[aria-label='{label}']"
    return f"{region} table", page.locator(region)


def ordered(values: Sequence[float | None], down: bool) -> list[float | None]:
    """Numbers in order, those that are missing last whatever the direction."""
    known = sorted((value for value in values if value is not None), reverse=down)
    return [*known, *[None] * (len(values) - len(known))]


def sorted_twice(page: Page, label: str, heading: str, values: Sequence[float | None]) -> None:
    """Press the heading twice by keyboard; the column must stand in the order that Python gives ``values``."""
    where, region = table(page, label)
    head = region.get_by_role("columnheader", name=heading, exact=True)
    place: int = head.evaluate("(cell) => cell.cellIndex")
    head.get_by_role("button").focus()
    for key, way in (("Enter", "ascending"), ("Space", "descending")):
        page.keyboard.press(key)
        assert head.get_attribute("aria-sort") == way
        assert region.locator("[aria-sort]").count() == 1
        shown = [cell.split()[0].replace(",", "") for cell in column(page, where, place)]
        assert shown == [figure(value) for value in ordered(values, way == "descending")]


def test_the_overview_sorts(results: Results, look: Looker) -> None:
    page = look.open(results[0] / "report.html")
    metrics = [results[1]["tasks"][name]["metrics"] for name in TASKS]
    for heading, key in (("balanced accuracy", "balanced_accuracy"), ("AUROC", "auroc"), ("unmatched", "unmatched")):
        values = [each[key]["value"] if key in each else None for each in metrics]
        sorted_twice(page, "Figures of all tasks", heading, values)
    where, region = table(page, "Figures of all tasks")
    region.get_by_role("columnheader", name="task").get_by_role("button").click()
    assert column(page, where, 0) == sorted(TASKS)


@pytest.mark.parametrize("task", [GEN, CHOICE])
def test_classes_and_slices_sort(results: Results, look: Looker, task: str) -> None:
    page = look.open(results[0] / "report.html")
    found = results[1]["tasks"][task]
    for key in ("precision", "recall"):
        sorted_twice(page, f"Figures by class of {task}", key, [row[key] for row in found["metrics"]["per_class"]])
    groups = [group for held in found["slices"].values() for group in held["groups"]]
    label = f"Figures by slice of {task}"
    sorted_twice(page, label, "accuracy", [group["accuracy"]["value"] for group in groups])
    where, region = table(page, label)
    region.get_by_role("columnheader", name="samples").get_by_role("button").click()
    assert [int(cell) for cell in column(page, where, 2)] == sorted(group["n"] for group in groups)


def test_tasks_are_filtered(results: Results, look: Looker) -> None:
    page = look.open(results[0] / "report.html")
    tools = page.get_by_role("search", name="Tasks")

    def shown() -> list[str]:
        sections: list[str] = page.locator(".task > h2").filter(visible=True).all_inner_texts()
        assert column(page, table(page, "Figures of all tasks")[0], 0) == sections
        assert tools.get_by_role("status").inner_text() == f"{len(sections)} of {len(TASKS)} tasks"
        return sections

    assert shown() == list(TASKS)
    for name, key in (("Mode", "mode"), ("Kind", "kind")):
        chooser = tools.get_by_role("combobox", name=name)
        for value in {results[1]["tasks"][task][key] for task in TASKS}:
            chooser.select_option(value)
            assert shown() == [task for task in TASKS if results[1]["tasks"][task][key] == value]
        chooser.select_option("")
    tools.get_by_role("searchbox").fill("ham10000 CHOICE")
    eventually(page, "location.hash === '#task=ham10000+CHOICE'")
    assert shown() == [CHOICE]
    other = look.open(results[0] / "report.html", page.evaluate("location.hash.slice(1)"))
    assert other.locator(".task > h2").filter(visible=True).all_inner_texts() == [CHOICE]


def test_mistakes_are_filtered_by_class_and_words(results: Results, look: Looker) -> None:
    page = look.open(results[0] / "report.html")
    classes = results[1]["tasks"][GEN]["classes"]
    samples = {row["id"]: row for row in pq.read_table(results[0] / f"samples-{GEN}.parquet").to_pylist()}
    tools = page.get_by_role("search", name=f"Mistakes of {GEN}")
    status = tools.get_by_role("status")

    def shown() -> list[str]:
        cards = page.locator(f"#mistakes-{GEN} > .card").filter(visible=True)
        found: list[str] = cards.locator("dd:last-of-type").all_text_contents()
        assert status.inner_text() == f"{len(found)} of {SHOWN} mistakes"
        return found

    def said(name: str) -> str:
        number = samples[name]["predicted"]
        return "no class" if number is None else str(classes[number])

    every = shown()
    assert len(every) == page.locator(f"#mistakes-{GEN} img").count() == SHOWN
    assert all(samples[name]["predicted"] != samples[name]["gold"] for name in every)
    for label, value_of in (("True class", lambda name: samples[name]["gold_text"]), ("Class said", said)):
        chooser = tools.get_by_role("combobox", name=label)
        for value in {value_of(name) for name in every}:
            chooser.select_option(value)
            assert shown() == [name for name in every if value_of(name) == value]
        chooser.select_option("")
    tools.get_by_role("searchbox").fill("script")
    eventually(page, "location.hash.includes('script')")
    assert shown() == [name for name in every if "script" in samples[name]["said"]]


def test_each_picture_says_what_was_true_and_what_was_said(results: Results, look: Looker) -> None:
    page = look.open(results[0] / "report.html")
    for task in TASKS:
        samples = {row["id"]: row for row in pq.read_table(results[0] / f"samples-{task}.parquet").to_pylist()}
        for picture in page.locator(f"#mistakes-{task} img").all():
            alt = str(picture.get_attribute("alt"))
            sample = samples[alt.partition(":")[0]]
            assert alt == (
                f"{sample['id']}: dermoscopic picture; true: {sample['gold_text']}; said: {sample['said'] or 'nothing'}"
            )


def test_each_plot_has_words_and_a_table(results: Results, look: Looker) -> None:
    page = look.open(results[0] / "report.html")
    plots = page.locator("svg")
    assert plots.count() == 1 + 2 * len(TASKS) + 1
    for plot in plots.all():
        assert plot.get_attribute("role") == "img" and plot.get_attribute("aria-label")
        assert plot.locator("xpath=ancestor::figure/figcaption").count() == 1
    for task in TASKS:
        where, region = table(page, f"Table of the confusion matrix of {task}")
        region.locator("xpath=ancestor::details").locator("summary").press("Enter")
        matrix = results[1]["tasks"][task]["metrics"]["confusion"]
        shown = [list(map(int, column(page, where, n + 1))) for n in range(len(matrix[0]))]
        assert shown == [list(row) for row in zip(*matrix, strict=True)]
    where, region = table(page, f"Table of the reliability diagram of {CHOICE}")
    region.locator("xpath=ancestor::details").locator("summary").press("Enter")
    bins = results[1]["tasks"][CHOICE]["metrics"]["reliability"]
    assert column(page, where, 1) == [str(each["n"]) for each in bins]


def test_the_keyboard_finds_a_task_and_its_mistakes(results: Results, look: Looker) -> None:
    page = look.open(results[0] / "report.html")
    page.keyboard.press("Tab")
    assert focused(page).startswith("A skip") or "To the figures" in focused(page)
    page.keyboard.press("Enter")
    assert "overview" in focused(page)
    page.get_by_role("link", name=CHOICE).press("Enter")
    assert focused(page).startswith(f"H2 {CHOICE}")
    eventually(page, f"Math.abs(document.getElementById('{CHOICE}').getBoundingClientRect().top) < 200")
    first = page.locator(f"#mistakes-{CHOICE} .enlarge").first
    first.press("Enter")
    dialog = page.get_by_role("dialog")
    assert dialog.is_visible() and "true" in dialog.inner_text()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "enlarge"
    page.keyboard.press("j")
    place = f"Array.from(document.querySelectorAll('#mistakes-{CHOICE} > .card')).indexOf(document.activeElement)"
    assert page.evaluate(place) == 1
