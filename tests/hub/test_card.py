"""The dataset card: the Hub's own parser reads it, load_dataset obeys it, and it states only what was recorded."""

from __future__ import annotations

import copy
import io
import re
from pathlib import Path
from typing import Any

import datasets
import datasets.exceptions
import pytest
from datasets import Dataset, load_dataset
from huggingface_hub import DatasetCard
from PIL import Image

from mmskin_hub.hub.cards.books import LICENSE_NAME, front_matter, render_dataset_card
from mmskin_hub.schema import MODALITIES, captions_features, demographics_features

BUILD: dict[str, Any] = {
    "dataset": "mm_skin",
    "version": "1.2.0",
    "options": {"configs": ["captions", "demographics"], "ocr": "auto", "min_size": 96, "split_by": "auto"},
    "tools": {"python": "3.11.7", "pymupdf": "1.27.0"},
    "inputs": [
        {"name": "secret name.pdf", "sha256": "ab" * 32, "size": 10, "pages": 30},
        {"name": "broken.pdf", "sha256": "cd" * 32, "size": 0, "pages": 0, "rejected": "empty_file"},
    ],
    "counts": {
        "books": {"given": 2, "read": 1, "rejected": 1}, "pages": 30, "scanned_pages": 7, "pictures": 12,
        "panel_extra": 1, "pairs": 9, "published": 6, "figures": 5, "rejected_pictures": 4, "rejected_pairs": 3,
        "rejects": {"no_caption": 4, "annotated": 3}, "modalities": {"clinical": 4, "dermoscopic": 2, "pathology": 0},
        "splits": {"train": 4, "validation": 1, "test": 1},
    },
    "configs": {"demographics": {"train": 2}, "captions": {"train": 4, "validation": 1, "test": 1}},
    "files": {
        "captions/train-00000-of-00001.parquet": {"sha256": "0" * 64, "size": 1000},
        "captions/test-00000-of-00001.parquet": {"sha256": "0" * 64, "size": 500},
        "rejects.parquet": {"sha256": "0" * 64, "size": 77},
    },
}  # fmt: skip


def build(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(BUILD), **changes}


def squeezed(text: str) -> str:
    """``text`` with its tables as if their columns were not padded."""
    return re.sub(r" {2,}", " ", text)


def test_the_hubs_parser_reads_the_front_matter() -> None:
    data = DatasetCard(render_dataset_card(build())).data.to_dict()
    assert data["license"] == "other"
    assert data["license_name"] == LICENSE_NAME
    assert data["language"] == "en"
    assert data["size_categories"] == ["n<1K"]
    first, second = data["configs"]
    assert first["config_name"] == "captions" and first["default"] is True and first["version"] == "1.2.0"
    assert second["config_name"] == "demographics" and "default" not in second
    assert [file["split"] for file in first["data_files"]] == ["train", "validation", "test"]
    info = data["dataset_info"][0]
    assert datasets.Features._from_yaml_list(info["features"]) == captions_features()
    assert info["splits"] == [
        {"name": "train", "num_examples": 4},
        {"name": "validation", "num_examples": 1},
        {"name": "test", "num_examples": 1},
    ]
    assert info["download_size"] == 1500
    assert datasets.Features._from_yaml_list(data["dataset_info"][1]["features"]) == demographics_features()


def test_sizes_of_the_tables_are_given_where_they_are_known() -> None:
    known = {"captions": {"train": {"rows": 4, "bytes": 900}, "test": {"rows": 1, "bytes": 100}}}
    info = DatasetCard(render_dataset_card(build(configs=known))).data.to_dict()["dataset_info"][0]
    assert info["splits"][0] == {"name": "train", "num_bytes": 900, "num_examples": 4}
    assert info["dataset_size"] == 1000


@pytest.mark.parametrize(("rows", "size"), [(999, "n<1K"), (1000, "1K<n<10K"), (50_000, "10K<n<100K")])
def test_size_category(rows: int, size: str) -> None:
    assert f"- {size}" in front_matter({"configs": {"captions": {"train": rows}}})


def test_the_body_states_the_recorded_facts() -> None:
    text = squeezed(render_dataset_card(build()))
    for fact in (
        "Version **1.2.0**", "6 pairs from 5 figures of 1 book", "| `captions` | 4 | 1 | 1 | 6 |",
        "not redistributable", "| `annotated` | 3 |", "| dermoscopic | 2 |", "`" + "ab" * 32 + "` | 30 |",
        "pymupdf 1.27.0", "7 of 30 pages", "2505.06152", "Not a medical device", "12 pictures were seen",
    ):  # fmt: skip
        assert fact in text, fact
    assert "secret name" not in text


def test_what_is_unknown_stays_absent() -> None:
    text = render_dataset_card({"configs": {"captions": {"train": 2}}})
    body = text.split("---\n", 2)[2]
    for absent in ("Version", "rejects.parquet", "| pages", "Made with", "| option |", "scans", "None", "were seen"):
        assert absent not in body, absent
    assert "version:" not in front_matter({"configs": {"captions": {"train": 2}}})


@pytest.mark.parametrize("missing", ["version", "options", "tools", "inputs", "counts", "files", "dataset"])
def test_any_fact_may_be_missing(missing: str) -> None:
    facts = build()
    del facts[missing]
    assert DatasetCard(render_dataset_card(facts)).data.license == "other"


def test_splits_by_modality_where_they_were_counted() -> None:
    facts = build()
    facts["counts"]["split_modalities"] = {"train": {"clinical": 3, "dermoscopic": 1}, "test": {"clinical": 1}}
    assert "| train | 3 | 1 | 4 |" in squeezed(render_dataset_card(facts))


def test_no_fact_breaks_out_of_its_cell() -> None:
    facts = build(options={"ocr": "a|b\n---\n# <script>x</script>"})
    text = squeezed(render_dataset_card(facts))
    assert r"| `ocr` | a\|b --- \# &lt;script&gt;x&lt;/script&gt; |" in text


def test_the_same_facts_give_the_same_text() -> None:
    assert render_dataset_card(build()) == render_dataset_card(build())


def test_load_dataset_obeys_the_card(tmp_path: Path) -> None:
    def write(config: str, split: str, count: int) -> None:
        features = captions_features() if config == "captions" else demographics_features()
        rows = [row(n, config == "demographics") for n in range(count)]
        folder = tmp_path / "data" / config
        folder.mkdir(parents=True, exist_ok=True)
        table = Dataset.from_list([features.encode_example(one) for one in rows], features=features)
        table.to_parquet(folder / f"{split}-00000-of-00001.parquet")

    configs = {"captions": {"train": 4, "validation": 1, "test": 1}, "demographics": {"train": 2}}
    for config, splits in configs.items():
        for split, count in splits.items():
            write(config, split, count)
    # Files a reader must not take for data.
    Dataset.from_list([{"reason": "annotated"}]).to_parquet(tmp_path / "data" / "rejects.parquet")
    (tmp_path / "data" / "build.json").write_text("{}")
    (tmp_path / "data" / "README.md").write_text(render_dataset_card(build(configs=configs)), encoding="utf-8")

    folder, cache = str(tmp_path / "data"), str(tmp_path / "cache")
    captions = load_dataset(folder, "captions", cache_dir=cache)
    assert {name: len(split) for name, split in captions.items()} == configs["captions"]
    assert captions["train"].features == captions_features()
    assert captions["train"][0]["image"].size == (12, 8)
    assert str(captions["train"].version) == "1.2.0"
    assert load_dataset(folder, cache_dir=cache)["train"].config_name == "captions"
    assert load_dataset(folder, "demographics", split="train", cache_dir=cache)[1]["answer"] == "5 years old"
    streamed = load_dataset(folder, "captions", split="test", streaming=True)
    assert next(iter(streamed))["id"] == "id-0"
    # The row counts of the card are checked against the files.
    wrong = render_dataset_card(build(configs={"captions": {**configs["captions"], "train": 5}}))
    (tmp_path / "data" / "README.md").write_text(wrong, encoding="utf-8")
    with pytest.raises(datasets.exceptions.NonMatchingSplitsSizesError):
        load_dataset(folder, "captions", cache_dir=str(tmp_path / "other"))


def row(number: int, demographics: bool) -> dict[str, Any]:
    out = io.BytesIO()
    Image.new("RGB", (12, 8), (200, 150, 120)).save(out, "PNG")
    extra = {"age_group": "child", "question": "How old?", "answer": "5 years old"} if demographics else {}
    return {
        "id": f"id-{number}", "image": {"bytes": out.getvalue(), "path": "a.png"}, "caption": "A plaque",
        "raw_caption": "Fig. 1 A plaque", "figure_label": "Fig. 1", "panel": "", "modality": MODALITIES[0],
        "modality_score": 0.5, "pair_score": 0.5, "age_years": 5.0, "sex": None, "book": "ab", "page": 1,
        "bbox": [0.0, 0.0, 1.0, 1.0], "phash": "0" * 64, **extra,
    }  # fmt: skip
