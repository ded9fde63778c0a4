"""What may be passed on: every dataset of the registry, mixtures, and what nobody knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmskin_hub.builders.skinvl_sft import Request as Mixture
from mmskin_hub.builders.skinvl_sft import build as mix
from mmskin_hub.errors import WrongUse
from mmskin_hub.hub.rights import CLASSES, Rights, Source, class_of, decide, source_of, statement
from mmskin_hub.hub.subject import Subject, TrainingData
from mmskin_hub.registry import DATASETS, PUBLIC
from tests.engine.mixture.drawn import CLASSES as LABELS
from tests.engine.mixture.drawn import built, public_row, public_rows

NEVER = {"mm_skin", "mm_skin_release", "ddi", "dermnet", "patch16", "fitzpatrick17k", "derm1m"}


def subject(record: dict[str, Any], folder: Path = Path("nowhere")) -> Subject:
    return Subject("dataset", folder, record["dataset"], "1.0.0", record)


def mixture(*names: str, licences: dict[str, dict[str, int]] | None = None, **other: Any) -> Subject:
    inputs = [{"name": name, "dataset": name} for name in names]
    counts = {"sources": {name: {} for name in names}, "licences": licences or {}}
    return subject({"dataset": "skinvl_sft", "inputs": inputs, "counts": counts, **other})


def test_every_dataset_has_a_class() -> None:
    found = {name: source_of(name).redistribution for name in DATASETS if name != "skinvl_sft"}
    assert {name for name, kind in found.items() if kind == "none"} == NEVER
    assert {name for name, kind in found.items() if kind == "agreement"} == {"scin"}
    assert {found[name] for name in found.keys() - NEVER - {"scin"}} == {"attribution"}
    assert found.keys() == {*PUBLIC, "mm_skin"}
    for name in found:
        rights = class_of(subject({"dataset": name}))
        assert rights.redistribution == found[name]
        assert rights.sources == (source_of(name),) and rights.sources[0].why and rights.sources[0].licence


@pytest.mark.parametrize("name", sorted(NEVER))
def test_what_is_not_ours_never_goes_to_a_public_repository(name: str) -> None:
    rights = class_of(subject({"dataset": name}))
    assert not rights.may_be_public
    assert decide(rights, private=False, i_hold_the_rights=False, full=False) == "locator"
    assert decide(rights, private=True, i_hold_the_rights=False, full=False) == "locator"
    assert decide(rights, private=True, i_hold_the_rights=True, full=False) == "full"
    assert decide(rights, private=True, i_hold_the_rights=True, full=True) == "full"
    for held in (False, True):
        for full in (False, True):
            if held or full:
                with pytest.raises(WrongUse, match=name) as raised:
                    decide(rights, private=False, i_hold_the_rights=held, full=full)
                assert "private" in raised.value.remedy
    with pytest.raises(WrongUse, match="--i-hold-the-rights"):
        decide(rights, private=True, i_hold_the_rights=False, full=True)


def test_what_is_licensed_goes_anywhere() -> None:
    for name in ("ham10000", "pad_ufes_20"):
        rights = class_of(subject({"dataset": name}))
        assert rights.may_be_public
        for private in (False, True):
            assert decide(rights, private, i_hold_the_rights=False, full=False) == "full"


def test_what_is_behind_an_agreement_goes_to_a_private_repository() -> None:
    rights = class_of(subject({"dataset": "scin"}))
    assert decide(rights, private=True, i_hold_the_rights=False, full=True) == "full"
    assert decide(rights, private=False, i_hold_the_rights=False, full=False) == "locator"
    with pytest.raises(WrongUse, match="no gate"):
        decide(rights, private=False, i_hold_the_rights=False, full=True)


def test_a_mixture_is_as_strict_as_its_strictest_source() -> None:
    assert class_of(mixture("ham10000", "pad_ufes_20")).redistribution == "attribution"
    assert class_of(mixture("ham10000", "scin")).redistribution == "agreement"
    rights = class_of(mixture("ham10000", "scin", "mm_skin"))
    assert rights.redistribution == "none"
    assert [source.name for source in rights.sources] == ["ham10000", "mm_skin", "scin"]
    assert [source.name for source in rights.strictest] == ["mm_skin"]
    for name in NEVER:
        assert class_of(mixture("ham10000", name)).redistribution == "none"


def test_another_name_does_not_help() -> None:
    """A table that goes under the name of another dataset, a record that says less, and no record of sources at all."""
    found = subject(
        {
            "dataset": "skinvl_sft",
            "inputs": [{"name": "ham10000", "dataset": "ddi"}],
            "counts": {"sources": {"ham10000": {}}},
        }
    )
    assert class_of(found).redistribution == "none"
    assert class_of(subject({"dataset": "skinvl_sft", "counts": {}})).redistribution == "none"
    hidden = {"dataset": "skinvl_sft", "inputs": [{"name": "ham10000"}], "counts": {"licences": {"dermnet": {"": 1}}}}
    assert class_of(subject(hidden)).redistribution == "none"
    assert class_of(subject({"dataset": "ddi", "may_push": "yes"})).redistribution == "none"
    assert class_of(subject({"dataset": "ham10000", "may_push": "no"})).redistribution == "none"
    assert class_of(subject({"dataset": "somebody_elses"})).redistribution == "none"
    assert class_of(mixture("ham10000", "my_own")).redistribution == "none"


def test_where_each_picture_is_licensed_the_strictest_decides(tmp_path: Path) -> None:
    rows = [public_row(seed, "train", licence=text) for seed, text in enumerate(("CC-0", "CC-BY", "CC-0"))]
    folder = built(tmp_path / "free", "mskcc", rows)
    assert class_of(subject({"dataset": "mskcc"}, folder)).redistribution == "attribution"
    folder = built(tmp_path / "zero", "mskcc", [row for row in rows if row["licence"] == "CC-0"])
    assert class_of(subject({"dataset": "mskcc"}, folder)).redistribution == "open"
    for number, odd in enumerate((None, "copyright of somebody", "CC BY-NC-ND 4.0")):
        folder = built(tmp_path / f"odd{number}", "mskcc", [*rows, public_row(9, "test", licence=odd)])
        rights = class_of(subject({"dataset": "mskcc"}, folder))
        assert rights.redistribution == "none"
        assert (odd or "unknown") in rights.sources[0].why
    # A mixture counts them; a dataset with one licence for all need not repeat it in each row.
    assert class_of(mixture("mskcc", licences={"mskcc": {"CC-0": 2, "unknown": 1}})).redistribution == "none"
    assert class_of(mixture("ham10000", licences={"ham10000": {"unknown": 1}})).redistribution == "attribution"


def test_what_is_in_a_mixture_counts_whatever_its_record_says(tmp_path: Path) -> None:
    parts = {"ham10000": public_rows(0, 12), "ddi": public_rows(50, 12)}
    for name, rows in parts.items():
        built(tmp_path / name, name, rows, classes=LABELS)
    data = tuple(f"{name}={tmp_path / name}" for name in parts)
    record = mix(Mixture("pub", data, tmp_path / "pub"))
    assert class_of(subject(record, tmp_path / "pub")).redistribution == "none"
    less = {
        **record,
        "inputs": [entry for entry in record["inputs"] if entry["name"] != "ddi"],
        "counts": {"sources": {"ham10000": {}}, "licences": {}},
    }
    assert class_of(subject(less)).redistribution == "attribution"
    assert class_of(subject(less, tmp_path / "pub")).redistribution == "none"


def test_a_model_holds_no_row_of_what_it_was_trained_on() -> None:
    data = TrainingData("me/mm-skin", "v1.0.0", "0" * 40, {"dataset": "mm_skin"})
    rights = class_of(Subject("model", Path("m"), "skinvl", "1.0.0", {}, data=(data,)))
    assert rights.may_be_public
    assert [source.name for source in rights.sources] == ["mm_skin"]
    told = statement(rights, "full", private=False, i_hold_the_rights=False)
    assert "weights" in told and "mm_skin" in told


def test_the_statement_says_who_holds_the_rights() -> None:
    rights = class_of(subject({"dataset": "mm_skin"}))
    assert "--i-hold-the-rights" in statement(rights, "full", private=True, i_hold_the_rights=True)
    locator = statement(rights, "locator", private=False, i_hold_the_rights=False)
    assert "mmskin rematerialize" in locator and "i-hold" not in locator
    assert "attribution" in statement(class_of(subject({"dataset": "ham10000"})), "full", False, False)
    assert "gate" in statement(class_of(subject({"dataset": "scin"})), "full", True, False)
    for kind in CLASSES:
        assert statement(Rights(kind, (Source("a", kind, "b", "c"),)), "full", True, False)
