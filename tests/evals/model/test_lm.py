"""``mmskin-vlm`` under lm-eval's own evaluator, on our tasks and on a task made here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmskin_hub.evals.model.api import Ask

Folder = Callable[[str], Path]
CLASSES = ("melanoma", "basal cell carcinoma", "nevus")
TASK = """
task: {name}
output_type: {kind}
custom_dataset: !function tiny.dataset
test_split: test
fewshot_config: {{samples: []}}
num_fewshot: 0
doc_to_image: !function tiny.picture
doc_to_text: "<image>{{{{question}}}}"
doc_to_target: label
{more}
metadata: {{version: 1}}
"""
CODE = """
import datasets
from PIL import Image

def dataset(**kwargs):
    rows = [{"question": f"Which one is it, case {n // 2}?", "label": n % 3, "file": FILES[n % 4]} for n in range(6)]
    return {"test": datasets.Dataset.from_list(rows)}

def picture(doc):
    return [Image.open(doc["file"]).convert("RGB")]
"""


@pytest.fixture
def tasks(tmp_path: Path, pictures: list[Image.Image]) -> Path:
    """A folder with two lm-eval tasks on six rows."""
    files = []
    for n, image in enumerate(pictures):
        files.append(str(tmp_path / f"{n}.png"))
        image.save(files[-1])
    (tmp_path / "tiny.py").write_text(f"FILES = {files!r}\n{CODE}")
    choose = f"doc_to_choice: {json.dumps(CLASSES)}\nmetric_list: [{{metric: acc}}]"
    write = (
        'generation_kwargs: {max_gen_toks: 6, do_sample: false, until: ["zz"]}\n'
        "metric_list: [{metric: bypass, aggregation: bypass, higher_is_better: true}]"
    )
    (tmp_path / "choose.yaml").write_text(TASK.format(name="tiny_choice", kind="multiple_choice", more=choose))
    (tmp_path / "write.yaml").write_text(TASK.format(name="tiny_gen", kind="generate_until", more=write))
    return tmp_path


@pytest.fixture
def evaluate(tasks: Path, folder: Folder) -> Iterator[Callable[..., dict[str, Any]]]:
    """Run lm-eval's evaluator on a drawn model."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    import mmskin_hub.evals.model.lm  # noqa: F401

    def run(kind: str, *names: str, model: str = "mmskin-vlm", batch_size: Any = 4, **more: Any) -> dict[str, Any]:
        manager = TaskManager(include_path=str(tasks), include_defaults=False)
        found = lm_eval.simple_evaluate(
            model=model, model_args={"pretrained": str(folder(kind))}, tasks=list(names), batch_size=batch_size,
            task_manager=manager, bootstrap_iters=0, device="cpu", **more,
        )  # fmt: skip
        assert found is not None
        return dict(found)

    yield run


def _rows(pictures: list[Image.Image]) -> list[Ask]:
    return [Ask(f"{n}", f"Which one is it, case {n // 2}?", (pictures[n % 4],)) for n in range(6)]


@pytest.mark.parametrize("templated", [False, True])
@pytest.mark.parametrize("kind", ["llava", "gemma3"])
def test_choices_under_lm_eval(
    evaluate: Any, load: Any, pictures: list[Image.Image], kind: str, templated: bool
) -> None:
    found = evaluate(kind, "tiny_choice", apply_chat_template=templated)
    right = load(kind).choose(_rows(pictures), [CLASSES] * 6)
    samples = sorted(found["samples"]["tiny_choice"], key=lambda each: each["doc_id"])
    assert len(samples) == 6
    for sample, scores in zip(samples, right, strict=True):
        assert [float(pair[0]) for pair in sample["filtered_resps"]] == pytest.approx(scores.loglik, abs=1e-3)
    hits = [each.loglik.index(max(each.loglik)) == n % 3 for n, each in enumerate(right)]
    assert found["results"]["tiny_choice"]["acc,none"] == pytest.approx(sum(hits) / 6)
    assert found["config"]["mmskin_vlm"]["choice_scoring"] == "packed"


def test_answers_equal_those_of_hf_multimodal(evaluate: Any) -> None:
    """On models whose template writes no BOS token: of Idefics3 and Gemma3 hf-multimodal makes two."""
    for kind in ("llava", "qwen2_vl"):
        said = []
        for model in ("mmskin-vlm", "hf-multimodal"):
            found = evaluate(kind, "tiny_gen", model=model, apply_chat_template=True)
            samples = sorted(found["samples"]["tiny_gen"], key=lambda each: each["doc_id"])
            said.append([each["resps"][0][0] for each in samples])
        assert said[0] == said[1], kind
        assert len(set(said[0])) > 1


def test_all_choices_of_a_question_are_one_ask(evaluate: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from mmskin_hub.evals.model.vlm import VLM

    asked: list[int] = []
    choose = VLM.choose

    def counted(self: Any, asks: Any, choices: Any) -> Any:
        asked.append(len(asks))
        assert all(len(each) == 3 for each in choices)
        return choose(self, asks, choices)

    monkeypatch.setattr(VLM, "choose", counted)
    evaluate("llava", "tiny_choice")
    assert asked == [6]


def test_answers_are_kept_in_the_cache_of_lm_eval(
    evaluate: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sqlitedict")
    from mmskin_hub.evals.model.vlm import VLM

    first = evaluate("llava", "tiny_gen", use_cache=str(tmp_path / "cache"))
    monkeypatch.setattr(VLM, "generate", lambda *args, **more: pytest.fail("asked again"))
    again = evaluate("llava", "tiny_gen", use_cache=str(tmp_path / "cache"))
    assert [s["resps"] for s in first["samples"]["tiny_gen"]] == [s["resps"] for s in again["samples"]["tiny_gen"]]


def test_the_command_line(
    tasks: Path, folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``python -m mmskin_hub.evals.lm_eval``, without the 15 seconds lm-eval takes to list its own tasks."""
    import sys

    from lm_eval.tasks import TaskManager

    from mmskin_hub.evals.lm_eval import main

    monkeypatch.setattr(sys, "argv", [])
    build = TaskManager.__init__
    monkeypatch.setattr(
        TaskManager, "__init__", lambda self, **more: build(self, **{**more, "include_defaults": False})
    )
    arguments = ["--tasks", "tiny_choice", "--include_path", str(tasks), "--batch_size", "auto", "--output_path"]
    arguments += [str(tmp_path / "out"), "--model", "mmskin-vlm", "--model_args"]
    assert main([*arguments, f"pretrained={folder('llava')},dtype=float32"]) == 0
    assert "tiny_choice" in capsys.readouterr().out
    (results,) = (tmp_path / "out").rglob("results_*.json")
    told = json.loads(results.read_text())
    assert told["config"]["mmskin_vlm"]["choice_scoring"] == "packed"
    assert main([*arguments, f"pretrained={tmp_path}"]) == 1
    assert f"error: The model {tmp_path} cannot be loaded" in capsys.readouterr().err


LAUNCHED = """
import sys
from lm_eval.tasks import TaskManager
from mmskin_hub.evals.lm_eval import main

build = TaskManager.__init__
TaskManager.__init__ = lambda self, **more: build(self, **{**more, "include_defaults": False})
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_two_processes_answer_as_one(evaluate: Any, tasks: Path, folder: Folder, tmp_path: Path) -> None:
    """Three and two of five samples, gathered by lm-eval: the same log-likelihoods as of one process."""
    import os
    import subprocess
    import sys

    script = tmp_path / "launched.py"
    script.write_text(LAUNCHED)
    arguments = ["--model", "mmskin-vlm", "--model_args", f"pretrained={folder('llava')}", "--tasks", "tiny_choice"]
    arguments += ["--include_path", str(tasks), "--batch_size", "2", "--device", "cpu", "--limit", "5", "--log_samples"]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", str(script)]
    done = subprocess.run(
        [*launch, *arguments, "--output_path", str(tmp_path / "out")],
        capture_output=True, text=True, timeout=200, check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    (samples,) = (tmp_path / "out").rglob("samples_*.jsonl")
    alone = evaluate("llava", "tiny_choice", limit=5)["samples"]["tiny_choice"]
    found = []
    for rows in ([json.loads(line) for line in samples.read_text().splitlines()], alone):
        rows = sorted(rows, key=lambda row: int(row["doc_id"]))
        assert [row["doc_id"] for row in rows] == [0, 1, 2, 3, 4]
        found.append([float(pair[0]) for row in rows for pair in row["filtered_resps"]])
    assert found[0] == pytest.approx(found[1], abs=1e-4)


def test_the_command_line_knows_our_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    import lm_eval.__main__

    from mmskin_hub.evals.lm_eval import main
    from mmskin_hub.evals.tasks import PATH

    monkeypatch.setattr(sys, "argv", [])
    given: list[list[str]] = []
    monkeypatch.setattr(lm_eval.__main__, "cli_evaluate", lambda: given.append(sys.argv[1:]))
    main(["--model", "mmskin-vlm"])
    main(["ls", "tasks"])
    main(["run", "--include_path", "elsewhere"])
    main(["--help"])
    assert given == [
        ["run", "--model", "mmskin-vlm", "--include_path", str(PATH)],
        ["ls", "tasks", "--include_path", str(PATH)],
        ["run", "--include_path", "elsewhere"],
        ["--help"],
    ]
