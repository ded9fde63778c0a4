"""What is as it should be passes, whatever its kind."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from mmskin_hub.evals.overlap import Request, audit
from mmskin_hub.hub.gate import checks, judge, passed
from tests.hub.gate.made import Shop, good, subject_of
from tests.hub.shelf import locator_of


def test_mm_skin(books: Path) -> None:
    verdicts = good(subject_of(books), "locator")
    assert verdicts == judge(subject_of(books))
    assert [verdict.check for verdict in verdicts] == list(checks("dataset"))
    assert passed(verdicts)


def test_a_public_dataset(public: Path, toned: Path) -> None:
    good(subject_of(public), "locator")
    good(subject_of(toned), "locator")


def test_a_mixture(mix: Path) -> None:
    good(subject_of(mix), "locator")


def test_a_dataset_that_an_audit_took_rows_out_of(public: Path, mix: Path, tmp_path: Path) -> None:
    """``mmskin audit --fix`` writes the dataset anew, without the rows that repeat a test set."""
    for name, source in (("ham10000", public), ("pubmm", mix)):
        held = tmp_path / f"held-{name}.csv"
        ids = pq.read_table(source / "data" / "train-00000-of-00001.parquet").column("image_id").to_pylist()
        held.write_text("\n".join(["image_id", *[each for each in ids if each][:3]]), encoding="utf-8")
        report = audit(Request((f"{name}={source}",), (f"ham10000={held}",), fix=tmp_path / name))
        assert report["fixed"]
        good(subject_of(tmp_path / name), "locator")


def test_a_locator_of_each_kind(locator: Path, toned: Path, mix: Path, tmp_path: Path) -> None:
    good(subject_of(locator))
    good(subject_of(locator_of(toned, tmp_path / "ddi")))
    good(subject_of(locator_of(mix, tmp_path / "mix")))


def test_a_model(shop: Shop) -> None:
    verdicts = good(shop.subject(), "no_worse")
    assert verdicts == judge(shop.subject())
    assert [verdict.check for verdict in verdicts] == list(checks("model"))


def test_a_model_that_has_a_forerunner(shop: Shop) -> None:
    subject = shop.subject()
    found = judge(shop.subject(previous_results=subject.results, previous_version="0.9.0"))
    (verdict,) = (each for each in found if each.check == "no_worse")
    assert verdict.passed and verdict.found == "18 tasks compared with v0.9.0"
