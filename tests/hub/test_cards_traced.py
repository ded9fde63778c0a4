"""Every number on a card comes from a field of a record: with another number there, that one stands on the card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from mmskin_hub.hub.cards import eval_results, render
from mmskin_hub.hub.cards.carbon import GRAMS_A_KWH, mass, metadata
from mmskin_hub.hub.cards.citations import CITATIONS
from mmskin_hub.hub.locator import make_locator
from mmskin_hub.hub.subject import Subject, TrainingData
from mmskin_hub.registry import PUBLIC
from mmskin_hub.schema import REJECT_REASONS
from tests.hub.cards import records
from tests.hub.cards.tracing import Trace, marked, parts, said_in, words

CONSTANTS = {
    "SHA-256": "the name of a hash",
    "95": "per cent: every interval",
    "0": "scores go from 0 to 1; no rows of a config that has none",
    "1": "scores go from 0 to 1; weights are 1 on average",
    "1-based": "how pages count",
    "64": "tokens, in the code that loads a model",
    "F1": "a figure's name",
    "arXiv:2505.06152": "MM-Skin",
    "https://arxiv.org/abs/2505.06152": "MM-Skin",
    "2505.06152": "MM-Skin",
    "CO2e": "carbon dioxide and what equals it",
    str(GRAMS_A_KWH): "grams a kWh: the assumption, in hub/carbon.py",
    "f1": "the Hub's id of a figure",
    **dict.fromkeys(("1K", "10K", "100K", "1M", "10M"), "the Hub's categories of size"),
}
"""Everything with a digit on a card that is no fact of a record, and what it is."""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn public dataset and a mixture, built."""
    folder = tmp_path_factory.mktemp("cards")
    records.mixture(folder, records.ddi(folder))
    return folder


def dataset(folder: Path, record: Mapping[str, Any]) -> Subject:
    return Subject("dataset", folder, str(record["dataset"]), "3.2.1", record, repo="me/some-name")


def strangers(card: str, *held: Any, derived: tuple[str, ...] = ()) -> list[str]:
    """The words of ``card`` that come from none of ``held``. References and the words of the registry are no numbers
    of ours: they are taken out as a whole, where they stand unchanged."""
    front, body = parts(card)
    text = f"{said_in(front)}\n{body}"
    for entry in (entry for entries in CITATIONS.values() for entry in entries):
        text = text.replace(entry, "")
    known = [text for facts in PUBLIC.values() for text in (facts.title, facts.source, facts.licence)]
    constants = {*CONSTANTS, *words(" ".join(known)), *words(" ".join(REJECT_REASONS.values()))}
    trace = Trace(held, constants, (*derived, *words("me/some-name@v3.2.1 v3.2.1 3.2.1")))
    return trace.strangers(text)


def test_a_stranger_is_found() -> None:
    record = marked(records.books())
    card = render(dataset(Path("nowhere"), record))
    assert strangers(card, record) == []
    assert strangers(card.replace("pictures were seen", "pictures were seen in 3 years"), record) == ["3"]
    assert "512" in strangers(f"{card}\n512 rows", record)


def test_books() -> None:
    record = marked(records.books())
    assert not strangers(render(dataset(Path("nowhere"), record)), record)


def test_public(shelf: Path) -> None:
    record = marked(records.record_of(shelf / "ddi"))
    card = render(dataset(shelf / "ddi", record))
    assert not strangers(card, record)
    tones = record["counts"]["split_skin_tones"]["train"]
    assert f"{tones['V-VI']:,}" in card and f"{sum(tones.values()):,}" in card
    assert f"{record['counts']['split_modalities']['test']['clinical']:,}" in card
    assert f"{record['full_release']['per_class']['Malignant']:,}" in card


def test_mixture(shelf: Path) -> None:
    record = marked(records.record_of(shelf / "pubmm"))
    card = render(dataset(shelf / "pubmm", record))
    assert not strangers(
        card, record, derived=("most-restrictive-of-its-sources-textbook-content-not-redistributable",)
    )
    assert f"{record['counts']['split_skin_tones']['train']['I-II']:,}" in card


@pytest.mark.parametrize("name", ["ddi", "pubmm"])
def test_locator(shelf: Path, tmp_path: Path, name: str) -> None:
    whole = dataset(shelf / name, records.record_of(shelf / name))
    locator = make_locator(replace(whole, name=str(whole.record["dataset"])), tmp_path / "locator")
    record = marked(locator.record)
    card = render(replace(locator, record=record))
    assert not strangers(card, record)
    for file in record["full"]["files"].values():
        assert file["sha256"] in card and f"{file['size']:,}" in card


def model(shelf: Path, run: dict[str, Any], results: dict[str, Any] | None, **other: Any) -> Subject:
    data = (TrainingData("me/pubmm@v1.2.0", "v1.2.0", "c" * 40, marked(records.record_of(shelf / "pubmm"))),)
    facts = {"results": results, "data": data, "repo": "me/some-name", **other}
    return Subject("model", Path("nowhere"), "merged", "3.2.1", run, **facts)


def test_model(shelf: Path) -> None:
    both = marked({"run": records.run(), "results": records.results()})
    run, results = both["run"], both["results"]
    subject = model(shelf, run, results)
    grams = run["energy"]["kwh"] * GRAMS_A_KWH
    emitted = (*mass(grams).split(), str((metadata(run) or {})["emissions"]), str(len(run["sessions"])))
    held = (run, results, subject.data[0].record, subject.data[0].place, subject.data[0].commit)
    card = render(subject)
    assert not strangers(card, *held, derived=emitted)
    # And the other way: what must be on the card is there.
    for name, task in results["tasks"].items():
        assert name in card
        for figure in (each for each in task["metrics"].values() if isinstance(each, dict)):
            assert f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]" in card, name
    for text in (run["seed"], f"{run['hours']:.3g} hours", f"{run['data']['counts']['train']['used']:,}"):
        assert str(text) in card


def test_a_model_with_audits_of_its_own(shelf: Path) -> None:
    report = {
        "train": [{"name": "pubmm", "rows": 470}], "against": [{"name": "ddi", "rows": 66}], "fixed": [],
        "counts": [{"train": "pubmm", "test": "ddi", "kind": "same_bytes", "train_rows": 4, "test_rows": 5}],
    }  # fmt: skip
    both = marked({"run": records.run(), "results": records.results(audit=None), "audit": report})
    subject = model(shelf, both["run"], both["results"], audits=(both["audit"],))
    card = render(subject)
    assert f"{both['audit']['counts'][0]['train_rows']:,}" in card
    grams = both["run"]["energy"]["kwh"] * GRAMS_A_KWH
    emitted = (*mass(grams).split(), str((metadata(both["run"]) or {})["emissions"]), str(len(both["run"]["sessions"])))
    held = (both, subject.data[0].record, subject.data[0].place, subject.data[0].commit)
    assert not strangers(card, *held, derived=emitted)


def test_eval_results_say_what_the_results_say(shelf: Path) -> None:
    results = marked(records.results())
    subject = model(shelf, marked(records.run()), results)
    files = eval_results.write(subject)
    assert set(files) == {".eval_results/ddi.yaml", ".eval_results/mm_skin.yaml"}
    trace = Trace([results], CONSTANTS, words("3.2.1"))
    for data in files.values():
        assert not trace.strangers(said_in(yaml.safe_load(data)))
