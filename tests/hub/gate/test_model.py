"""For every check of a model, a defect that fails it and no other."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmskin_hub.engine.publish import digest_of_sums
from mmskin_hub.evals.model.facts import hash_weights
from mmskin_hub.evals.protocol import GROUPS, SKINVL8
from mmskin_hub.hub.checks.scores import beyond, skill
from mmskin_hub.hub.gate import judge, thresholds
from mmskin_hub.models.check import weights_sha256
from tests.hub.gate.made import Shop, failing, good, only, run_record, weights_in

Edit = Callable[[dict[str, Any]], object]
CHOICE, GEN = "mmskin_ham10000_choice", "mmskin_ham10000_gen"


def results_of(shop: Shop, edit: Edit) -> dict[str, Any]:
    """The results of the model, changed by ``edit``."""
    found = json.loads((shop.results / "results.json").read_text("utf-8"))
    edit(found)
    return dict(found)


def moved(shop: Shop, target: Path, edit: Edit = lambda record: None) -> Shop:
    """The model in another folder, its ``run.json`` changed by ``edit``."""
    shutil.copytree(shop.folder, target)
    record = json.loads((target / "run.json").read_text("utf-8"))
    edit(record)
    (target / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return replace(shop, folder=target)


# ---- weights


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pytorch_model.bin", "is no file of safe weights"),
        ("adapter.pt", "is no file of safe weights"),
        ("model.pkl", "is no file of safe weights"),
        ("modeling_mine.py", "is no file of safe weights"),
        ("model.gguf", "is no file of safe weights"),
        ("optimizer.safetensors", "left behind by training"),
        ("trainer_state.json", "left behind by training"),
        ("training_args.bin", "left behind by training"),
        ("rejects.jsonl", "left behind by training"),
        ("checkpoint-10/config.json", "left behind by training"),
        ("samples/index.html", "left behind by training"),
        ("index/train.parquet", "left behind by training"),
    ],
)
def test_what_is_no_part_of_a_model(shop: Shop, tmp_path: Path, name: str, words: str) -> None:
    made = moved(shop, tmp_path / "m")
    (made.folder / name).parent.mkdir(exist_ok=True)
    (made.folder / name).write_bytes(b"{}")
    found = judge(made.subject())
    # Weights of another form are weights that nobody recorded, too; whatever is left behind is told once.
    assert "weights" in failing(found) and set(failing(found)) <= {"weights", "same_weights", "opens"}
    assert f"{name} " in found[0].found and words in found[0].found
    if name in ("trainer_state.json", "rejects.jsonl", "modeling_mine.py", "samples/index.html", "training_args.bin"):
        only(made.subject(), "weights", words)


def test_safetensors_that_are_half_copied(shop: Shop, tmp_path: Path) -> None:
    made = moved(shop, tmp_path / "m")
    path = made.folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-8])
    # The record and the results are made to fit: what is left is the file itself.
    fit(made)
    only(fitted(made), "weights", "model.safetensors: it has", "its header speaks of")


def test_safetensors_that_are_none(shop: Shop, tmp_path: Path) -> None:
    made = moved(shop, tmp_path / "m")
    (made.folder / "model.safetensors").write_bytes(b"\x80\x04\x95 a pickle under another name" * 9)
    fit(made)
    only(fitted(made), "weights", "model.safetensors: it is no safetensors file")


def fit(shop: Shop) -> None:
    """``run.json`` speaks of the weights as they are now."""
    record = json.loads((shop.folder / "run.json").read_text("utf-8"))
    record["merge"]["result"] = weights_sha256(shop.folder)
    (shop.folder / "run.json").write_text(json.dumps(record), encoding="utf-8")


def fitted(shop: Shop) -> Any:
    """The subject, its results made of the weights as they are now."""
    told = hash_weights(shop.folder)
    return shop.subject(results=results_of(shop, lambda found: found["model"].update(weights=told)))


def test_a_shard_that_an_index_names_and_nobody_has(shop: Shop, tmp_path: Path) -> None:
    made = moved(shop, tmp_path / "m")
    index = {"metadata": {}, "weight_map": {"a.weight": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (made.folder / "model.safetensors.index.json").write_text(json.dumps(index))
    only(made.subject(), "weights", "half downloaded", "model-00002-of-00002.safetensors")


def test_a_folder_without_weights(shop: Shop, tmp_path: Path) -> None:
    made = moved(shop, tmp_path / "m")
    (made.folder / "model.safetensors").unlink()
    only(made.subject(), "weights", "there are no weights")


# ---- results, and of which weights


def test_a_model_without_results(shop: Shop) -> None:
    verdict = only(shop.subject(results=None), "results", "there are none")
    assert "mmskin eval merged --tasks skinvl8,mm_skin_vqa" in verdict.remedy


def test_results_of_another_form(shop: Shop) -> None:
    only(shop.subject(results=results_of(shop, lambda found: found.update(tasks={}))), "results", "without tasks")


def test_results_of_other_weights(shop: Shop) -> None:
    other = results_of(shop, lambda found: found["model"].update(weights=f"sha256:{'0' * 64}"))
    only(shop.subject(results=other), "same_weights", "were made of other weights")


def test_results_of_a_server_that_does_not_tell_its_weights(shop: Shop) -> None:
    other = results_of(shop, lambda found: found["model"].pop("weights"))
    only(shop.subject(results=other), "same_weights", "do not say which weights")


def test_results_of_a_base_with_an_adapter_are_not_those_of_the_merged_model(shop: Shop) -> None:
    other = results_of(shop, lambda found: found["model"].update(adapter=f"out sha256:{'1' * 64}"))
    only(shop.subject(results=other), "same_weights", "were made of other weights")


def test_weights_that_changed_after_they_were_merged_and_measured(shop: Shop, tmp_path: Path) -> None:
    made = moved(shop, tmp_path / "m")
    shutil.copy(weights_in(tmp_path / "other", seed=1) / "model.safetensors", made.folder / "model.safetensors")
    only(made.subject(), "same_weights", "run.json is about other weights: model.safetensors")


def test_a_record_that_knows_no_weights(shop: Shop, tmp_path: Path) -> None:
    made = moved(shop, tmp_path / "m", lambda record: record["merge"].pop("result"))
    only(made.subject(), "same_weights", "does not say which weights")


def test_the_digest_is_that_of_mmskin_eval(tmp_path: Path) -> None:
    folder = weights_in(tmp_path / "m", "model-00001-of-00002.safetensors")
    shutil.copy(folder / "model-00001-of-00002.safetensors", folder / "model-00002-of-00002.safetensors")
    assert hash_weights(folder) == f"sha256:{digest_of_sums(sorted(weights_sha256(folder).items()))}"
    (folder / "training_args.bin").write_bytes(b"a pickle that is no weight")
    assert hash_weights(folder) == f"sha256:{digest_of_sums(sorted(weights_sha256(folder).items()))}"


# ---- an adapter


def adapter(shop: Shop, target: Path, base: dict[str, str]) -> tuple[Shop, dict[str, Any]]:
    """A LoRA adapter as ``mmskin train`` leaves it, and its results on a base with the files ``base``."""
    weights_in(target, "adapter_model.safetensors")
    settings = {"peft_type": "LORA", "base_model_name_or_path": "microsoft/llava-med-v1.5-mistral-7b"}
    (target / "adapter_config.json").write_text(json.dumps(settings), encoding="utf-8")
    record = json.loads((shop.folder / "run.json").read_text("utf-8"))
    del record["merge"]
    record["weights"] = weights_sha256(target)
    (target / "run.json").write_text(json.dumps(record), encoding="utf-8")
    told = {"weights": f"sha256:{digest_of_sums(sorted(base.items()))}", "adapter": f"out {hash_weights(target)}"}
    return replace(shop, folder=target), results_of(shop, lambda found: found["model"].update(told))


def test_an_adapter_passes(shop: Shop, tmp_path: Path) -> None:
    made, results = adapter(shop, tmp_path / "adapter", {"model.safetensors": "9" * 64})
    good(made.subject(results=results), "no_worse")


def test_an_adapter_that_was_measured_on_another_base(shop: Shop, tmp_path: Path) -> None:
    made, results = adapter(shop, tmp_path / "adapter", {"model.safetensors": "7" * 64})
    only(made.subject(results=results), "same_weights", "on another base")


def test_an_adapter_whose_base_is_a_folder_of_this_machine(shop: Shop, tmp_path: Path) -> None:
    made, results = adapter(shop, tmp_path / "adapter", {"model.safetensors": "9" * 64})
    settings = {"peft_type": "LORA", "base_model_name_or_path": "/models/llava-med"}
    (made.folder / "adapter_config.json").write_text(json.dumps(settings), encoding="utf-8")
    only(made.subject(results=results), "paths", "adapter_config.json base_model_name_or_path")


def test_what_mmskin_eval_says_of_an_adapter_is_what_is_compared(shop: Shop, tmp_path: Path) -> None:
    from mmskin_hub.evals.model.adapter import find_adapter

    made, results = adapter(shop, tmp_path / "out", {})
    found = find_adapter(str(made.folder), None, required=True, pickle=False)
    assert found is not None and found.facts("base")["adapter"] == results["model"]["adapter"]


@pytest.mark.slow
def test_a_real_model_really_asked(shop: Shop, tmp_path: Path) -> None:
    """Drawn weights that transformers load: what ``mmskin eval`` records of them, the gate finds in the files."""
    from mmskin_hub.evals.run import Request, evaluate
    from tests.drawing.models import tiny_llava

    folder = tiny_llava(tmp_path / "merged")
    data = {"ham10000": str(shop.places["ham10000"])}
    results = evaluate(Request(str(folder), (CHOICE,), data, tmp_path / "run", limit=2, device="cpu"))
    (folder / "run.json").write_text(json.dumps(run_record(folder, shop.mixture)), encoding="utf-8")
    told = {each.check: each for each in judge(replace(shop, folder=folder).subject(results=results))}
    assert told["weights"].passed and told["same_weights"].passed and told["revisions"].passed
    assert told["coverage"].passed is False
    (folder / "run.json").unlink()
    tiny_llava(folder, seed=1)
    (folder / "run.json").write_text(json.dumps(run_record(folder, shop.mixture)), encoding="utf-8")
    told = {each.check: each for each in judge(replace(shop, folder=folder).subject(results=results))}
    assert "other weights" in told["same_weights"].found


# ---- revisions


def test_an_evaluation_of_no_revision(shop: Shop) -> None:
    def edit(found: dict[str, Any]) -> None:
        for name in (CHOICE, GEN):
            found["tasks"][name]["data"]["revision"] = "main"

    only(shop.subject(results=results_of(shop, edit)), "revisions", "ham10000 is of no revision")


def test_two_revisions_of_one_dataset(shop: Shop) -> None:
    other = results_of(shop, lambda found: found["tasks"][GEN]["data"].update(revision="a" * 64))
    only(shop.subject(results=other), "revisions", "ham10000 is of 2 revisions")


def test_another_build_than_training_knew(shop: Shop) -> None:
    def edit(found: dict[str, Any]) -> None:
        for name in (CHOICE, GEN):
            found["tasks"][name]["data"]["revision"] = "a" * 64

    verdict = only(shop.subject(results=results_of(shop, edit)), "revisions", "is not the build that training knew")
    assert "mmskin eval" in verdict.remedy


def test_a_folder_here_and_the_hub_there_cannot_be_compared_and_it_is_told(shop: Shop) -> None:
    def edit(found: dict[str, Any]) -> None:
        for name in (CHOICE, GEN):
            found["tasks"][name]["data"]["revision"] = "a" * 40

    (verdict,) = (
        each for each in judge(shop.subject(results=results_of(shop, edit))) if each.check == "revisions"
    )  # fmt: skip
    assert verdict.passed and "from the Hub here, from a folder there: ham10000" in verdict.found


# ---- coverage


def test_a_task_that_was_not_asked(shop: Shop) -> None:
    other = results_of(shop, lambda found: found["tasks"].pop("mmskin_vqa_closed"))
    only(shop.subject(results=other), "coverage", "mmskin_vqa_closed is missing")


def test_an_evaluation_of_the_first_rows_only(shop: Shop) -> None:
    other = results_of(shop, lambda found: found["settings"].update(limit=100))
    only(shop.subject(results=other), "coverage", "only the first 100 samples were asked")


# ---- floor, no_worse


def lowered(shop: Shop, names: tuple[str, ...], metric: str, value: float) -> dict[str, Any]:
    def edit(found: dict[str, Any]) -> None:
        for name in names:
            found["tasks"][name]["metrics"][metric] = {"value": value, "low": value - 0.02, "high": value + 0.02}

    return results_of(shop, edit)


@pytest.mark.parametrize(
    ("tasks", "metric", "value", "words"),
    [
        (GROUPS["skinvl8_choice"], "balanced_accuracy", 0.04, "choice_skill"),
        (GROUPS["skinvl8_gen"], "balanced_accuracy", 0.04, "gen_skill"),
        (GROUPS["skinvl8_gen"], "unmatched", 0.7, "gen_read 0.300, floor 0.500"),
        (("mmskin_vqa_open",), "token_f1", 0.05, "vqa_open_token_f1 0.050, floor 0.100"),
        (("mmskin_vqa_closed",), "accuracy", 0.5, "vqa_closed_accuracy 0.500, floor 0.550"),
    ],
)
def test_below_the_floor(shop: Shop, tasks: tuple[str, ...], metric: str, value: float, words: str) -> None:
    only(shop.subject(results=lowered(shop, tasks, metric, value)), "floor", words)


def test_the_floor_is_a_mean_one_weak_benchmark_does_not_fail_it(shop: Shop) -> None:
    subject = shop.subject(results=lowered(shop, (CHOICE,), "balanced_accuracy", 0.04))
    assert "floor" not in failing(judge(subject))


def test_skill_is_what_scikit_learn_calls_adjusted() -> None:
    from sklearn.metrics import balanced_accuracy_score

    true, said = [0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 2, 2]
    plain = balanced_accuracy_score(true, said)
    task = {"classes": ["a", "b", "c"], "metrics": {"balanced_accuracy": {"value": plain}}}
    assert skill(task) == pytest.approx(balanced_accuracy_score(true, said, adjusted=True))


def test_worse_than_the_last_version_beyond_the_interval(shop: Shop) -> None:
    now = lowered(shop, (CHOICE,), "balanced_accuracy", 0.60)
    before = lowered(shop, (CHOICE,), "balanced_accuracy", 0.64)
    subject = shop.subject(results=now, previous_results=before, previous_version="1.3.0")
    only(subject, "no_worse", f"{CHOICE}: balanced accuracy 0.600, 0.640 in v1.3.0")


def test_worse_within_the_interval_of_the_difference(shop: Shop) -> None:
    now = lowered(shop, (CHOICE,), "balanced_accuracy", 0.60)
    before = lowered(shop, (CHOICE,), "balanced_accuracy", 0.62)
    good(shop.subject(results=now, previous_results=before))
    old, new = ({"value": v, "low": v - 0.03, "high": v + 0.04} for v in (0.65, 0.60))
    assert not beyond(old, new) and beyond(old, {**new, "high": 0.61})


def test_what_was_asked_of_other_rows_is_not_compared(shop: Shop) -> None:
    now = lowered(shop, (CHOICE,), "balanced_accuracy", 0.60)
    before = copy.deepcopy(lowered(shop, (CHOICE,), "balanced_accuracy", 0.90))
    before["tasks"][CHOICE]["data"]["revision"] = "b" * 64
    verdicts = good(shop.subject(results=now, previous_results=before))
    assert "1 asked of other rows" in next(each.found for each in verdicts if each.check == "no_worse")


# ---- training data, audit


def test_data_that_was_not_named(shop: Shop) -> None:
    verdict = only(shop.subject(data=()), "training_data", "skinvl_sft 1.2.0 is none of the data named")
    assert "--data OWNER/NAME@vX.Y.Z" in verdict.remedy


def test_data_of_other_bytes(shop: Shop) -> None:
    (data,) = shop.subject().data
    files = {path: {**each, "sha256": "0" * 64} for path, each in data.record["files"].items()}
    other = replace(data, record={**data.record, "files": files})
    only(shop.subject(data=(other,)), "training_data", "none of the data named", "me/pubmm@v1.2.0 was not trained on")


def test_data_that_it_was_not_trained_on(shop: Shop) -> None:
    (data,) = shop.subject().data
    more = replace(data, place="me/more", record={**data.record, "files": {}})
    only(shop.subject(data=(data, more)), "training_data", "me/more@v1.2.0 was not trained on")


def test_a_record_that_does_not_know_its_data(shop: Shop, tmp_path: Path) -> None:
    made = moved(shop, tmp_path / "m", lambda record: record["data"].pop("sources"))
    only(made.subject(), "training_data", "does not say what the model was trained on")


def test_data_released_as_a_locator(shop: Shop) -> None:
    (data,) = shop.subject().data
    full = {"full": {"files": data.record["files"]}, "files": {}, "form": "locator"}
    good(shop.subject(data=(replace(data, record={**data.record, **full}),)), "no_worse")


def test_a_model_without_an_audit(shop: Shop) -> None:
    verdict = only(shop.subject(audits=()), "audit", "there is none")
    assert "mmskin audit" in verdict.remedy


def test_an_audit_of_other_training_data(shop: Shop) -> None:
    report = copy.deepcopy(dict(shop.report))
    report["train"][0]["version"] = "1.1.0"
    only(shop.subject(audits=(report,)), "audit", "skinvl_sft 1.2.0 was not audited")


def test_an_audit_of_other_rows_of_the_same_name(shop: Shop) -> None:
    report = copy.deepcopy(dict(shop.report))
    report["train"][0]["rows"] -= 1
    only(shop.subject(audits=(report,)), "audit", "skinvl_sft 1.2.0 was not audited")


def test_a_benchmark_that_the_audit_did_not_look_at(shop: Shop) -> None:
    report = copy.deepcopy(dict(shop.report))
    report["against"] = [each for each in report["against"] if each["name"] != SKINVL8[-1]]
    only(shop.subject(audits=(report,)), "audit", f"{SKINVL8[-1]} was not looked at")


def test_overlaps_that_the_results_do_not_tell(shop: Shop) -> None:
    report = copy.deepcopy(dict(shop.report))
    name = report["train"][0]["name"]
    report["counts"] = [{"train": name, "test": "ham10000", "kind": "same_id", "train_rows": 3, "test_rows": 3}]
    verdict = only(shop.subject(audits=(report,)), "audit", "it found 3 overlaps")
    assert "--audit" in verdict.remedy
    told = {"sha256": "0" * 64, "train": [], "against": [], "counts": [], "unaudited": []}
    other = results_of(shop, lambda found: found.update(audit=told))
    assert "audit" not in failing(judge(shop.subject(audits=(report,), results=other)))


# ---- text, card


@pytest.mark.parametrize(
    ("check", "value"),
    [("secrets", "hf_" + "Zz9" * 12), ("paths", "/scratch/anna/out"), ("e-mails", "anna@clinic.org")],
)
def test_the_record_of_a_model(shop: Shop, tmp_path: Path, check: str, value: str) -> None:
    def edit(record: dict[str, Any]) -> None:
        record["configuration"]["training"]["hub_note"] = value

    only(moved(shop, tmp_path / "m", edit).subject(), check, "run.json")


def test_a_secret_in_any_text_beside_the_weights(shop: Shop, tmp_path: Path) -> None:
    made = moved(shop, tmp_path / "m")
    (made.folder / "chat_template.jinja").write_text("{# ghp_" + "Ab1" * 12 + " #}")
    only(made.subject(), "secrets", "chat_template.jinja line 1: a GitHub token")


def test_a_card_without_a_licence(shop: Shop) -> None:
    (data,) = shop.subject().data
    counts = {name: each for name, each in data.record["counts"].items() if name != "licences"}
    other = replace(data, record={**data.record, "counts": counts})
    only(shop.subject(data=(other,)), "card", "license is missing from the metadata")


def test_every_threshold_has_its_reason() -> None:
    from importlib import resources

    lines = (resources.files("mmskin_hub.recipes") / "gates.yaml").read_text("utf-8").splitlines()
    told = [line for line in lines if ":" in line.partition("#")[0] and line.strip() != "floor:"]
    assert len(told) == len(thresholds()) - 1 + len(thresholds()["floor"])
    assert all(len(line.partition("#")[2].split()) >= 6 for line in told)
