"""The report stands alone, tells what results.json tells, shows the worst mistakes, and warns of overlap."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mmskin_hub.cli import main
from mmskin_hub.errors import WrongUse
from mmskin_hub.evals.audited import Audit, read_audit
from mmskin_hub.evals.metrics import softmax
from mmskin_hub.evals.mistakes import SHOWN, worst
from mmskin_hub.evals.protocol import protocol
from mmskin_hub.evals.report_plots import Mark, confusion, intervals, reliability
from mmskin_hub.evals.run import evaluate
from mmskin_hub.evals.samples import Columns
from tests.evals.fakes import CHOICE, GEN, Fake, install, request

ROWS = 90
PAPER = "mmskin_ham10000_paper"
SAID = ("Nevus", "<script>alert(1)</script> & mela\x00noma", "", "Dermatofibroma")


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.inside: dict[str, list[str]] = {"style": [], "script": []}
        self.words = ""
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        self._open = tag if tag in self.inside else ""

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.inside[self._open].append(data)
        else:
            self.words += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit of lists: five test pictures, three of the 90 rows and two beyond, are in the training set."""
    folder = tmp_path_factory.mktemp("audit")
    (folder / "train.csv").write_text("image\n" + "".join(f"ISIC_{n:07d}\n" for n in (3, 4, 50, 500, 501)))
    (folder / "test.csv").write_text("image\n" + "".join(f"ISIC_{n:07d}.jpg\n" for n in range(600)))
    command = ["audit", f"web={folder / 'train.csv'}", "--against", f"ham10000={folder / 'test.csv'}"]
    assert main([*command, "--out", str(folder / "audit")]) == 3
    return folder / "audit" / "report.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, audited: Path) -> tuple[Page, dict[str, Any], Path]:
    out = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        install(patch, Fake(said=SAID), ROWS)
        results: Any = evaluate(request(out, (GEN, CHOICE, PAPER), calibrate=True, audit=audited))
    return Page((out / "report.html").read_text("utf-8")), results, out


def test_the_page_needs_nothing_and_keeps_its_own_policy(made: tuple[Page, dict[str, Any], Path]) -> None:
    page, _, out = made
    text = (out / "report.html").read_text("utf-8")
    assert not re.search(r"https?://|//[a-z]+\.|@import|url\(", text)
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    for tag in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256("".join(page.inside[tag]).encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
        assert len(page.all(tag)) == 1
    assert not [name for _, attributes in page.tags for name in attributes if name == "style" or name.startswith("on")]
    assert {attributes["src"][:22] for attributes in page.all("img")} == {"data:image/jpeg;base64"}
    assert not page.all("link") and not page.all("iframe")


def test_everybody_can_read_it(made: tuple[Page, dict[str, Any], Path]) -> None:
    page, _, _ = made
    assert page.all("html")[0]["lang"] == "en" and page.all("main") and page.all("h1")
    assert all(image["alt"] and "true:" in image["alt"] for image in page.all("img"))
    assert all(each["role"] == "img" and each["aria-label"] for each in page.all("svg"))
    assert all("scope" in each for each in page.all("th"))
    regions = [attributes for attributes in page.all("div") if attributes.get("role") == "region"]
    assert regions and all(each["tabindex"] == "0" and each["aria-label"] for each in regions)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [link["href"].removeprefix("#") for link in page.all("a")]
    assert set(targets) <= set(ids) and "overview" in targets
    assert "<script>alert(1)" in page.words  # what the model said, as text
    assert "mela\u2400noma" in page.words


def test_the_figures_are_those_of_the_results(made: tuple[Page, dict[str, Any], Path]) -> None:
    page, results, _ = made
    for task in results["tasks"].values():
        for name in ("accuracy", "balanced_accuracy", "macro_f1"):
            figure = task["metrics"][name]
            assert f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]" in " ".join(page.words.split())
    for variant in ("normalised", "calibrated"):
        assert f"{results['tasks'][CHOICE][variant]['accuracy']['value']:.3f}" in page.words
    assert "strict mode" in page.words and "paper mode" in page.words and "For comparison" in page.words
    assert results["tasks"][GEN]["asked"] in page.words
    labels = [each["aria-label"] for each in page.all("svg")]
    assert sum("Confusion" in label for label in labels) == 3
    assert sum("Reliability" in label for label in labels) == 1
    assert sum("slice" in label for label in labels) == 3


def test_the_overlap_is_told_first(made: tuple[Page, dict[str, Any], Path], audited: Path) -> None:
    page, results, out = made
    assert page.words.index("Training data repeats test data") < page.words.index("All tasks")
    (count,) = results["audit"]["counts"]
    assert (count["train"], count["here"], count["train_rows"]) == ("web", True, 5)
    assert results["audit"]["sha256"] == hashlib.sha256(audited.read_bytes()).hexdigest()
    rows = pq.read_table(out / f"samples-{GEN}.parquet").to_pylist()
    overlap = results["tasks"][GEN]["overlap"]
    assert overlap["samples"] == 3
    clean = [row["correct"] for row in rows if row["row"] not in (3, 4, 50)]
    assert overlap["without"]["accuracy"] == pytest.approx(np.mean(clean))


def test_without_an_audit_the_report_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, audited: Path) -> None:
    install(monkeypatch, Fake(), 8)
    assert evaluate(request(tmp_path / "a"))["audit"] is None
    assert "No overlap audit was given" in (tmp_path / "a" / "report.html").read_text("utf-8")
    report = json.loads(audited.read_text("utf-8"))
    report["against"][0]["name"] = "pad_ufes_20"
    for each in (*report["counts"], *report["pairs"]):
        each["test"] = "pad_ufes_20"
    (tmp_path / "report.json").write_text(json.dumps(report))
    results: Any = evaluate(request(tmp_path / "b", audit=tmp_path))
    assert results["audit"]["unaudited"] == ["ham10000"] and results["tasks"][GEN]["overlap"]["samples"] == 0
    assert "The audit did not look at: ham10000" in (tmp_path / "b" / "report.html").read_text("utf-8")
    for text in ("no JSON", "[]", "{}"):
        (tmp_path / "odd.json").write_text(text)
        with pytest.raises(WrongUse, match="--audit"):
            read_audit(tmp_path / "odd.json")


@pytest.mark.parametrize(
    ("name", "dataset", "here"),
    [
        ("ham10000", None, ["ham10000"]),
        ("HAM10000_test", None, ["ham10000"]),
        ("mine", "isic2019", ["isic2019"]),
        ("isic", None, ["ham10000", "isic2019"]),  # a name of none of them: either
        ("ddi", None, []),
    ],
)
def test_which_test_set_an_audit_looked_at(audited: Path, name: str, dataset: str | None, here: list[str]) -> None:
    audit = read_audit(audited)
    test = {"name": name, "rows": 1, **({"dataset": dataset} if dataset else {})}
    counts = [{**audit.report["counts"][0], "test": name}]
    record = Audit({**audit.report, "against": [test], "counts": counts}, "").record(["ham10000", "isic2019"])
    assert record["unaudited"] == [each for each in ("ham10000", "isic2019") if each not in here]
    assert record["counts"][0]["here"] == bool(here)


def test_what_an_audit_fixed_or_ignored_does_not_count(audited: Path, tmp_path: Path) -> None:
    report = json.loads(audited.read_text("utf-8"))
    assert len(read_audit(audited).overlapping("ham10000")) == 5
    # HAM10000 pictures are in ISIC 2019, too: names count within the archive.
    assert len(read_audit(audited).overlapping("isic2019")) == 5
    assert not read_audit(audited).overlapping("ddi")
    for change in ({"fixed": [{"train": "web"}]}, {"settings": {"ignore": ["same_id"]}}):
        (tmp_path / "report.json").write_text(json.dumps({**report, **change}))
        assert not read_audit(tmp_path).overlapping("ham10000")


def test_the_twenty_worst_mistakes_are_shown_with_their_pictures(made: tuple[Page, dict[str, Any], Path]) -> None:
    page, _, out = made
    assert len(page.all("img")) == 3 * SHOWN
    data = base64.b64decode(page.all("img")[0]["src"].partition(",")[2])
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (128, 128)
    rows = pq.read_table(out / f"samples-{CHOICE}.parquet").to_pylist()
    belief = softmax(np.array([row["loglik"] for row in rows]))
    margins = {
        row["id"]: belief[n, row["predicted"]] - belief[n, row["gold"]]
        for n, row in enumerate(rows)
        if not row["correct"]
    }
    ranked = sorted(margins, key=lambda name: -margins[name])[:SHOWN]
    section = (out / "report.html").read_text("utf-8").partition(f'id="mistakes-{CHOICE}"')[2].partition("</ul>")[0]
    assert re.findall(r'alt="(ISIC_\d+):', section) == ranked


def test_mistakes_of_answers_are_of_every_kind() -> None:
    columns = Columns()
    for gold, predicted in [(0, 1)] * 5 + [(2, 3)] * 2 + [(4, None)] * 9 + [(5, 5)]:
        sample = dict.fromkeys(("skin_tone", "sex", "age_group", "modality"))
        known = {"group": "g", "outcome": "", "asked": "", "seconds": 0, "gold": gold, "predicted": predicted}
        columns.add({**sample, **known, "loglik": []})
    order, sure = worst(protocol(GEN), columns)
    assert order[:4] == [0, 5, 7, 1] and len(order) == 16 and not sure


def test_plots_hold_every_number() -> None:
    svg = str(confusion(("a<b", "c"), [[3, 1, 0], [0, 2, 4]]))
    assert "a&lt;b, said c: 1 of 4" in svg and "c, said no class: 4 of 6" in svg
    assert "2 classes; 5 of 10 samples on the diagonal" in svg
    svg = str(intervals([Mark("x", 0.5, 0.25, 1.5), Mark("y", 0.1, None, None, True)], "Two", [0.5]))
    assert "x: 0.500, 95 % interval 0.250 to 1.500" in svg and 'x1="365.0"' in svg and 'x2="680.0"' in svg
    assert svg.count("<circle") == 2 and svg.count('class="pale"') == 1
    bins = [{"low": 0.0, "high": 0.5, "n": 4, "confidence": 0.3, "accuracy": 0.25}]
    assert "confidence 0.30: 0.25 right of 4" in str(reliability([*bins, {**bins[0], "n": 0, "accuracy": None}]))
