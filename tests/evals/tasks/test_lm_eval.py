"""The tasks run in lm_eval itself: its own command, its own model class for pictures, nothing of ours but the tasks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mmskin_hub.evals.data import open_rows, picture
from mmskin_hub.evals.pictures import StoredPicture
from mmskin_hub.evals.protocol import protocol, question
from mmskin_hub.evals.tasks import PATH
from tests.drawing.models import tiny_llava
from tests.evals.tasks.drawn import classified, ham10000, open_vqa

pytest.importorskip("lm_eval")
TASKS = ("mmskin_ham10000_gen", "mmskin_ham10000_paper", "mmskin_vqa_open", "mmskin_vqa_closed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny LLaVA, HAM10000 built by ``mmskin build`` from drawn files, and drawn questions."""
    folder = tmp_path_factory.mktemp("lm_eval")
    tiny_llava(folder / "model")
    ham10000(folder)
    open_vqa(folder / "mm_skin")
    classified(folder / "hiba", "hiba")
    return folder


@pytest.fixture(scope="module")
def results(folder: Path) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """What ``lm_eval`` wrote after one run of several tasks: the results, and the samples of each task."""
    command = [
        sys.executable, "-m", "lm_eval", "run", "--include_path", str(PATH), "--tasks", ",".join(TASKS),
        "--model", "hf-multimodal", "--model_args", f"pretrained={folder / 'model'},dtype=float32",
        "--apply_chat_template", "--device", "cpu", "--batch_size", "4", "--limit", "2",
        "--output_path", str(folder / "out"), "--log_samples",
    ]  # fmt: skip
    env = {
        **os.environ,
        "MMSKIN_DATA": f"ham10000={folder / 'ham10000'},mm_skin={folder / 'mm_skin'}",
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(folder / "home"),
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3_000:]
    (written,) = (folder / "out").rglob("results_*.json")
    samples = {}
    for task in TASKS:
        (file,) = (folder / "out").rglob(f"samples_{task}_2*.jsonl")
        samples[task] = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return json.loads(written.read_text(encoding="utf-8")), samples


def test_the_command_gives_every_metric_of_every_task(results: tuple[Any, Any]) -> None:
    figures = results[0]["results"]
    assert set(figures) == set(TASKS)
    assert figures[TASKS[0]].keys() >= {"accuracy,none", "balanced_accuracy,none", "macro_f1,none", "unmatched,none"}
    assert figures[TASKS[1]].keys() >= {"macro_precision,none", "macro_recall,none", "macro_f1,none"}
    assert figures[TASKS[2]].keys() >= {"bleu_1,none", "rouge_l,none", "meteor,none", "token_f1,none"}
    assert figures[TASKS[3]].keys() >= {"accuracy,none", "unmatched,none"}
    assert results[0]["versions"] == {task: protocol(task).version for task in TASKS}


def test_each_sample_was_asked_our_question_with_its_own_picture(results: tuple[Any, Any], folder: Path) -> None:
    from lm_eval.utils import convert_pil_to_hash

    where = {"ham10000": str(folder / "ham10000"), "mm_skin": str(folder / "mm_skin")}
    for task in TASKS:
        p = protocol(task)
        rows = list(open_rows(p, where, limit=2))
        assert len(rows) == len(results[1][task]) == 2
        for row, sample in zip(rows, results[1][task], strict=True):
            asked, decoding, seen = (sample["arguments"]["gen_args_0"][f"arg_{place}"] for place in range(3))
            assert sample["doc"]["id"] == row["id"]
            assert asked == f"USER: <image>\n{question(p, row)} ASSISTANT:"
            assert seen["visual"] == [convert_pil_to_hash(picture(row))]
            assert decoding["do_sample"] is (p.mode == "paper")
            assert sample["resps"][0][0] is not None


def test_choice_tasks_need_a_model_that_scores_text_behind_a_picture(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lm_eval.models.hf_vlms import HFMultimodalLM
    from lm_eval.tasks import TaskManager

    monkeypatch.setenv("MMSKIN_DATA", f"hiba={folder / 'hiba'}")
    manager = TaskManager(include_path=[str(PATH)], include_defaults=False)
    (task,) = manager.load(["mmskin_hiba_choice"])["tasks"].values()
    task.build_all_requests(limit=2)
    assert [(one.request_type, one.args[1]) for one in task.instances] == [
        ("loglikelihood", " benign"),
        ("loglikelihood", " malignant"),
    ] * 2
    with pytest.raises(NotImplementedError, match="hf-multimodal"):
        HFMultimodalLM.loglikelihood(None, task.instances)


def test_building_all_requests_decodes_no_picture(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lm_eval.tasks import TaskManager

    monkeypatch.setenv("MMSKIN_DATA", f"ham10000={folder / 'ham10000'}")
    manager = TaskManager(include_path=[str(PATH)], include_defaults=False)
    (task,) = manager.load(["mmskin_ham10000_gen"])["tasks"].values()
    task.build_all_requests()
    shown = [one.args[2]["visual"] for one in task.instances]
    assert len(shown) == len(task.dataset["test"]) > 0
    for (each,) in shown:
        assert isinstance(each, StoredPicture)
        assert each._im is None
