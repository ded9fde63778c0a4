"""Every kind of card: the Hub takes its metadata, it states what the records state, and nothing that they do not."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from datasets import load_dataset
from huggingface_hub import DatasetCard, ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results

from mmskin_hub.cli import main
from mmskin_hub.errors import WrongUse
from mmskin_hub.hub.cards import eval_results, render
from mmskin_hub.hub.cards.citations import CITATIONS
from mmskin_hub.hub.cards.markdown import by_split, code, plain, table
from mmskin_hub.hub.locator import make_locator
from mmskin_hub.hub.subject import Subject, TrainingData
from mmskin_hub.registry import PUBLIC
from tests.hub.cards import records
from tests.hub.cards.tracing import parts

NOWHERE = Path("nowhere")
VALIDATE = """
import sys
from pathlib import Path
import huggingface_hub
from huggingface_hub import CommitOperationAdd, DatasetCard, HfApi, ModelCard

api = HfApi()
for path in sorted(Path(sys.argv[1]).iterdir()):
    kind = path.stem.split("-")[0]
    card = (ModelCard if kind == "model" else DatasetCard).load(path)
    if not huggingface_hub.__version__.startswith("1."):  # 1.x asks the real Hub, whatever HF_ENDPOINT says
        card.validate()
    repo = api.create_repo(f"me/{path.stem}", repo_type=kind).repo_id
    made = [CommitOperationAdd("README.md", path.read_bytes())]
    api.create_commit(repo, made, commit_message="card", repo_type=kind)
    print(path.stem)
"""


@dataclass(frozen=True)
class Verdict:
    """What the gate says, as far as a card looks."""

    check: str
    passed: bool | None
    found: str = ""
    wanted: str = ""
    remedy: str = ""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn public dataset and a mixture, built."""
    folder = tmp_path_factory.mktemp("cards")
    records.mixture(folder, records.ddi(folder))
    return folder


def dataset(folder: Path, record: dict[str, Any], **other: Any) -> Subject:
    return Subject("dataset", folder, record["dataset"], record["version"], record, **other)


def model(shelf: Path, run: dict[str, Any], results: dict[str, Any] | None = None, **other: Any) -> Subject:
    data = (TrainingData("me/pubmm", "v1.2.0", "c" * 40, records.record_of(shelf / "pubmm")),)
    return Subject("model", NOWHERE, "merged", "0.3.0", run, **{"results": results, "data": data, **other})


def squeezed(text: str) -> str:
    """``text`` with its tables as if their columns were not padded."""
    return re.sub(r" {2,}", " ", text)


def test_the_hub_takes_all_of_them(shelf: Path, tmp_path: Path, script: Callable[..., str]) -> None:
    adapter = records.run()
    del adapter["merge"]
    public = dataset(shelf / "ddi", records.record_of(shelf / "ddi"), repo="me/ddi")
    subjects = {
        "dataset-books": dataset(NOWHERE, records.books(), repo="me/mm-skin"),
        "dataset-public": public,
        "dataset-mixture": dataset(shelf / "pubmm", records.record_of(shelf / "pubmm")),
        "dataset-locator": make_locator(public, tmp_path / "locator"),
        "model-merged": model(shelf, records.run(), records.results(), repo="me/SkinVL"),
        "model-adapter": model(shelf, adapter, records.results()),
        "model-bare": Subject("model", NOWHERE, "bare", "0.1.0", {"convert": {"from": {"folder": "x"}}}),
    }
    cards = tmp_path / "cards"
    cards.mkdir()
    for name, subject in subjects.items():
        card = render(subject, [Verdict("splits", False, "2 shared", "0")], "a | reason: *odd*", "- so be it\n---\n# x")
        assert card == render(
            subject, [Verdict("splits", False, "2 shared", "0")], "a | reason: *odd*", "- so be it\n---\n# x"
        )
        assert "None" not in parts(card)[1] and "Undefined" not in card, name
        assert "Not a medical device" in card and "Misuse" in card and "Known limits" in card
        (cards / f"{name}.md").write_text(card, encoding="utf-8")
    assert script(VALIDATE, str(cards)).split() == sorted(subjects)


def test_a_forced_release_says_why_and_what_failed() -> None:
    subject = dataset(NOWHERE, records.books())
    verdicts = [Verdict("secrets", False, "2 rows", "none"), Verdict("splits", True, "7 groups", "0")]
    card = render(subject, verdicts, "checked by hand", "The rights are theirs.")
    assert "**Released against its gate.** Reason given: checked by hand" in card
    assert "> * secrets: 2 rows (wanted: none)" in card
    assert "7 groups" not in card
    assert "The rights are theirs." in card
    quiet = render(subject)
    assert "gate" not in parts(quiet)[1] and "rights are theirs" not in quiet


def test_how_to_load_names_repository_and_tag(shelf: Path, tmp_path: Path) -> None:
    there = render(dataset(NOWHERE, records.books(), repo="me/mm-skin"))
    assert 'load_dataset("me/mm-skin", "captions", split="train", revision="v1.2.0")' in there
    assert 'load_dataset("path/to/this/folder", "captions", split="train")' in render(dataset(NOWHERE, records.books()))
    public = dataset(shelf / "ddi", records.record_of(shelf / "ddi"), repo="me/ddi")
    assert 'load_dataset("me/ddi", split="train", revision="v1.0.0")' in render(public)
    locator = render(make_locator(public, tmp_path / "locator"))
    assert "mmskin rematerialize me/ddi@v1.0.0 --raw ~/download --out data/ddi" in locator
    assert 'pretrained_model_name_or_path="me/SkinVL", revision="v0.3.0"' in render(
        model(shelf, records.run(), repo="me/SkinVL")
    )


def test_the_public_card_counts_skin_tones_by_split(shelf: Path) -> None:
    record = records.record_of(shelf / "ddi")
    front, body = parts(render(dataset(shelf / "ddi", record)))
    assert "| split      | I-II | III-IV | V-VI | all |" in body
    held = record["counts"]["split_skin_tones"]
    assert sum(sum(row.values()) for row in held.values()) == record["counts"]["published"]
    assert f"| train | {' | '.join(map(str, held['train'].values()))} | {sum(held['train'].values())} |" in squeezed(
        body
    )
    assert front["license"] == "other" and front["license_name"] == "stanford-aimi-research-use-agreement"
    assert front["license_link"] == "https://ddi-dataset.github.io/"
    assert "daneshjou2022ddi" in body and "must not be passed on" in body


def test_a_build_of_an_older_version_has_a_card_too(shelf: Path) -> None:
    record = records.record_of(shelf / "ddi")
    for name in ("title", "how_to_get", "full_release"):
        del record[name]
    del record["counts"]["split_skin_tones"], record["counts"]["split_modalities"]
    card = render(dataset(shelf / "ddi", record))
    assert "Rows by" not in card and "in the full release" not in parts(card)[1]


def test_the_mixture_card_attributes_every_source(shelf: Path) -> None:
    record = records.record_of(shelf / "pubmm")
    body = squeezed(parts(render(dataset(shelf / "pubmm", record)))[1])
    assert "| `ddi` | Stanford AIMI research use agreement | <https://ddi-dataset.github.io/> |" in body
    assert "| `mm_skin` | textbook content, not redistributable |" in body
    assert "zeng2025mmskin" in body and "daneshjou2022ddi" in body
    tones = record["counts"]["split_skin_tones"]["train"]
    assert {"I-II", "III-IV", "V-VI", "unknown"} == set(tones)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_dataset_has_a_card(name: str, shelf: Path) -> None:
    facts, record = PUBLIC[name], records.record_of(shelf / "ddi")
    splits = record["configs"].pop("default")
    counts = {**record["counts"], "modalities": dict.fromkeys(facts.modality, 1)}
    record |= {
        "dataset": name, "title": facts.title, "source": facts.source, "licence": facts.licence, "counts": counts,
        "may_push": facts.may_push, "classes": list(facts.classes), "configs": dict.fromkeys(facts.configs, splits),
    }  # fmt: skip
    front, body = parts(render(dataset(shelf / "ddi", record)))
    assert facts.title in body and facts.source in body and facts.title == front["pretty_name"]
    assert ("## Citation" in body) == (name in CITATIONS)
    assert [each["config_name"] for each in front["dataset_info"]] == list(facts.configs)


def test_a_dataset_without_its_overlap_counts_what_is_left(shelf: Path, tmp_path: Path) -> None:
    list_of_ids = tmp_path / "seen.csv"
    gone = "ddi_000001"
    with pq.ParquetFile(next((shelf / "ddi" / "data").glob("train-*"))) as file:
        gone = file.read(["id"]).column("id")[0].as_py()
    list_of_ids.write_text(f"id\n{gone}\n", encoding="utf-8")
    given = ["audit", f"ddi={shelf / 'ddi'}", "--against", f"ddi={list_of_ids}", "--fix", str(tmp_path / "fixed")]
    assert main(given) == 0
    record = records.record_of(tmp_path / "fixed")
    left = {split: size["rows"] for split, size in record["configs"]["default"].items()}
    for name in ("split_modalities", "split_skin_tones"):
        assert {split: sum(row.values()) for split, row in record["counts"][name].items()} == left
    assert "> **Audited.** 1 of 40 rows were dropped" in render(dataset(tmp_path / "fixed", record))


def test_an_audited_dataset_says_so(shelf: Path) -> None:
    audit = {"dropped": 3, "read": 43, "against": [{"name": "ham", "version": "1.0.0", "rows": 7}]}
    for record in (records.books(), records.record_of(shelf / "ddi"), records.record_of(shelf / "pubmm")):
        body = parts(render(dataset(NOWHERE, {**record, "audit": audit})))[1]
        assert "> **Audited.** 3 of 43 rows were dropped" in body and "(`ham` 1.0.0)" in body
        assert "Audited" not in render(dataset(NOWHERE, record))


def test_load_dataset_obeys_them(shelf: Path, tmp_path: Path) -> None:
    public = dataset(shelf / "ddi", records.record_of(shelf / "ddi"))
    mixture = dataset(shelf / "pubmm", records.record_of(shelf / "pubmm"))
    for number, subject in enumerate((public, mixture, make_locator(public, tmp_path / "locator"))):
        folder = tmp_path / str(number)
        shutil.copytree(subject.folder, folder)
        (folder / "README.md").write_text(render(subject), encoding="utf-8")
        # The numbers of the card are compared with what is read; another one is an error.
        found = load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
        sizes = subject.record["configs"]["default"]
        assert {name: len(rows) for name, rows in found.items()} == {name: size["rows"] for name, size in sizes.items()}


def test_a_locator_card_quotes_nothing(tmp_path: Path, shelf: Path) -> None:
    locator = make_locator(dataset(shelf / "ddi", records.record_of(shelf / "ddi")), tmp_path / "locator")
    front, body = parts(render(locator))
    assert "No pictures, no sentences" in body
    for path, file in locator.record["full"]["files"].items():
        assert f"`{path}`" in body and file["sha256"] in body
    (info,) = front["dataset_info"]
    assert {each["name"] for each in info["features"]} == set(locator.record["columns"]["default"])


def test_the_model_card_says_where_it_comes_from(shelf: Path) -> None:
    front, body = parts(render(model(shelf, records.run(), records.results(), repo="me/SkinVL-PubMM")))
    assert front["base_model"] == "microsoft/llava-med-v1.5-mistral-7b"
    assert front["base_model_relation"] == "finetune"
    assert front["library_name"] == "transformers" and front["pipeline_tag"] == "image-text-to-text"
    assert front["datasets"] == ["me/pubmm"]
    assert front["license_name"] == "most-restrictive-of-its-training-data-textbook-content-not-redistributable"
    assert front["co2_eq_emissions"]["emissions"] == 1520.0
    assert front["co2_eq_emissions"]["hardware_used"] == "An Accelerator"
    assert "about **1.52 kg CO2e**" in body and "Not in it: cooling (PUE)" in body
    assert "| `learning_rate`" in body and "5e-05" in body
    assert "llava_med" not in body and "/models/" not in body
    for entry in ("zeng2025mmskin", "daneshjou2022ddi", "li2023llavamed", "hu2021lora", "lannelongue2021green"):
        assert entry in body


def test_an_adapter_needs_its_base(shelf: Path) -> None:
    run = records.run(base={"name": "owner/base", "revision": "a" * 40})
    del run["merge"]
    front, body = parts(render(model(shelf, run, repo="me/lora")))
    assert front["base_model"] == "owner/base" and front["base_model_relation"] == "adapter"
    assert front["library_name"] == "peft" and "lora" in front["tags"]
    assert f'from_pretrained("owner/base", revision="{"a" * 40}", dtype="auto")' in body
    assert 'PeftModel.from_pretrained(base, "me/lora", revision="v0.3.0")' in body


def test_a_local_base_is_no_repository(shelf: Path) -> None:
    run = records.run(base={"name": "models/llava-med"})
    front, body = parts(render(model(shelf, run)))
    assert "base_model" not in front and "base_model_relation" not in front
    assert "`llava-med`" in body and "huggingface.co" not in body


def test_what_is_not_known_of_a_model_stays_absent(shelf: Path) -> None:
    front, body = parts(render(Subject("model", NOWHERE, "bare", "", {})))
    assert front["license"] == "unknown" and "model-index" not in front and "co2_eq_emissions" not in front
    assert "has not been evaluated" in body
    for absent in ("## Evaluation", "Energy", "Version", "setting", "None", "Made with"):
        assert absent not in body, absent


def test_figures_have_intervals_and_groups(shelf: Path) -> None:
    body = squeezed(parts(render(model(shelf, records.run(), records.results())))[1])
    assert "| `mmskin_ddi_gen` | 66 | 0.600 [0.550, 0.650] |" in body
    assert "| `mmskin_ddi_gen` | V-VI | 44 | balanced accuracy | 0.600 [0.550, 0.650] | few samples |" in body
    assert "| `mmskin_ddi_gen` | skin tone | V-VI | 22 | balanced accuracy | 0.400 | 0.200 |" in body
    assert "do\\_sample=False, num\\_beams=1, max\\_new\\_tokens=64" in body
    assert "| `pubmm` | `ddi` | `near_duplicate` | 4 | 5 | no |" in body
    assert "**Not looked at**: `ham10000`." in body
    paper = body.index("By the original release's scripts")
    assert paper < body.index("`mmskin_ddi_paper`")


def test_limits_follow_from_the_records(shelf: Path) -> None:
    known = model(shelf, records.run(), records.results())
    limits = parts(render(known))[1].split("## Known limits")[1].split("##")[0]
    assert "Its training data shares something with `ddi`" in limits
    assert "No audit compared its training data with `ham10000`." in limits
    assert re.search(r"Of what it was trained on: \d+ of \d+ rows have no skin tone", limits)
    assert "dark skin" not in limits and "first" not in limits
    blind = records.results(audit=None, settings={"limit": 40})
    for task in blind["tasks"].values():
        task["slices"], task["metrics"]["few_clusters"] = {}, True
    limits = parts(render(model(shelf, records.run(status="stopped"), blind)))[1].split("## Known limits")[1]
    for words in ("How it does on dark skin is not known", "its first 40 rows only", "No overlap audit was made",
                  "Too few patients or lesions", "Its training did not end: stopped."):  # fmt: skip
        assert words in limits, words


def test_the_model_index_holds_strict_figures_only(shelf: Path) -> None:
    card = ModelCard(render(model(shelf, records.run(), records.results())))
    name, found = model_index_to_eval_results(card.data.to_dict()["model-index"])
    assert name == "SkinVL-PubMM"
    assert not [each for each in found if "_paper" in str(each.metric_name)]
    hub = [each for each in found if each.dataset_type == "me/ddi"]
    assert {each.dataset_revision for each in hub} == {"d" * 40}
    assert {each.metric_name for each in hub} >= {
        "balanced accuracy, mmskin_ddi_gen", "balanced accuracy, mmskin_ddi_choice",
    }  # fmt: skip
    (local,) = {(each.dataset_type, each.dataset_revision) for each in found if "ham10000" in str(each.metric_name)}
    assert local == ("ham10000", None)
    some = records.results(settings={"limit": 40})
    assert "model-index" not in parts(render(model(shelf, records.run(), some)))[0]
    assert eval_results.write(model(shelf, records.run(), some)) == {}


def test_eval_results_files(shelf: Path) -> None:
    from huggingface_hub import parse_eval_result_entries

    files = eval_results.write(model(shelf, records.run(), records.results()))
    entries = parse_eval_result_entries(yaml.safe_load(files[".eval_results/ddi.yaml"]))
    assert [(each.dataset_id, each.task_id, each.value, each.dataset_revision) for each in entries] == [
        ("me/ddi", "mmskin_ddi_gen", 0.6, "d" * 40), ("me/ddi", "mmskin_ddi_choice", 0.6, "d" * 40),
    ]  # fmt: skip
    assert entries[0].notes == "balanced accuracy; strict protocol 1.0; 66 samples; 95 % interval 0.5500 to 0.6500"
    assert eval_results.write(dataset(NOWHERE, records.books())) == {}


def test_a_record_that_lacks_a_fact_is_told() -> None:
    with pytest.raises(WrongUse, match="lacks 'configs'"):
        render(Subject("dataset", NOWHERE, "mm_skin", "1.0.0", {"dataset": "mm_skin"}))
    with pytest.raises(WrongUse, match="the registry does not know"):
        render(Subject("dataset", NOWHERE, "other", "1.0.0", {"dataset": "other"}))


def test_tables_align_and_leave_out_what_is_empty() -> None:
    made = table(["name", "rows", "nothing", "what"], [["a", 1_234, None, "b"], ["long", None, "", ""]], "lrll")
    assert made.splitlines() == [
        "| name |  rows | what |",
        "| ---- | ----: | --- |",
        "| a    | 1,234 | b |",
        "| long |       | |",
    ]
    assert table(["a"], [], "l") == ""
    assert len({len(line) for line in by_split({"train": {"I-II": 9, "unknown": 1}}).splitlines()}) == 1
    assert by_split({"train": {"unknown": 9}}) == "" == by_split(None)


def test_no_fact_breaks_out() -> None:
    assert plain("a|b\n# <i>*x*") == r"a\|b \# &lt;i&gt;\*x\*"
    assert code("a`b|c\nd") == r"`a'b\|c d`"


def test_the_books_card_keeps_its_names_to_itself() -> None:
    card = render(replace(dataset(NOWHERE, records.books()), repo="me/x"))
    assert "secret name" not in card
    assert DatasetCard(card).data.to_dict()["configs"][0]["version"] == "1.2.0"
