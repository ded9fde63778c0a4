"""A tiny LLaVA served by the real ``transformers serve`` on this machine: it says what it says when it is loaded."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmskin_hub.evals.model.api import Ask, PartialAnswers
from mmskin_hub.evals.model.endpoint import open_endpoint
from mmskin_hub.served.faults import EndpointFailed
from mmskin_hub.served.pool import Patience
from tests.drawing.models import tiny_llava

pytestmark = pytest.mark.slow
QUICK = Patience(timeout=60.0, attempts=3, backoff=0.05)
WORDS = ("Which one is the diagnosis?", "Is the lesion benign or malignant? Answer yes or no.", "What is shown?")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MMSKIN_EVAL_KEY", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny LLaVA as a folder."""
    path = tmp_path_factory.mktemp("models") / "tiny-llava"
    tiny_llava(path)
    return path


@pytest.fixture(scope="module")
def served(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a server of it, and its process, which the last test kills: starting takes seconds."""
    tmp_path = tmp_path_factory.mktemp("server")
    for package in ("fastapi", "uvicorn", "openai"):
        if find_spec(package) is None:
            pytest.skip(f'`transformers serve` needs {package}: pip install "transformers[serving]"')
    program = shutil.which("transformers", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("this transformers has no command line")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = ("--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32")
    quiet = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "HF_HOME": str(tmp_path / "home")}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(folder), *where], env=quiet, stdout=log, stderr=log)
        try:
            _wait(process, f"http://127.0.0.1:{port}/health", tmp_path / "log")
            yield f"http://127.0.0.1:{port}/v1", process
        finally:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"the server did not start\n{log.read_text()[-2000:]}")


def asks(number: int) -> list[Ask]:
    made = [Image.effect_noise((40, 32), 10 + 20 * n).convert("RGB") for n in range(number)]
    return [Ask(f"id{n}", WORDS[n % len(WORDS)], (picture,)) for n, picture in enumerate(made)]


def loaded_answers(folder: Path, questions: list[Ask], tokens: int) -> list[str]:
    """What the model answers when it is loaded, one question at a time: no batch, no padding."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    model: Any = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    processor: Any = AutoProcessor.from_pretrained(folder)
    answers = []
    for ask in questions:
        content = [{"type": "image", "image": ask.images[0]}, {"type": "text", "text": ask.prompt}]
        chat = [{"role": "user", "content": content}]
        inputs = processor.apply_chat_template(
            chat, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )
        with torch.inference_mode():
            written = model.generate(**inputs, do_sample=False, max_new_tokens=tokens)
        answers.append(processor.decode(written[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))
    return answers


def test_a_served_model_writes_what_it_writes_when_loaded(
    folder: Path, served: tuple[str, subprocess.Popen[bytes]]
) -> None:
    questions = asks(6)
    model = open_endpoint(served[0], str(folder), patience=QUICK)
    answers = model.generate(questions, do_sample=False, num_beams=1, max_new_tokens=12)
    assert answers == loaded_answers(folder, questions, 12)
    assert len(set(answers)) == 6
    assert 0 < model.facts["tokens_out"] <= 6 * 12


def test_this_server_cannot_score_choices_and_says_what_to_do(
    folder: Path, served: tuple[str, subprocess.Popen[bytes]]
) -> None:
    model = open_endpoint(served[0], str(folder), patience=QUICK)
    with pytest.raises(PartialAnswers, match="choices cannot be scored") as refused:
        model.choose(asks(3), [("melanoma", "nevus")] * 3)
    assert "_gen" in str(refused.value)


def test_a_model_folder_that_is_not_there(tmp_path: Path, served: tuple[str, subprocess.Popen[bytes]]) -> None:
    model = open_endpoint(served[0], str(tmp_path / "none"), patience=QUICK)
    with pytest.raises(PartialAnswers) as refused:
        model.generate(asks(2), max_new_tokens=4)
    assert str(tmp_path / "none") in str(refused.value)
    assert refused.value.done == {}


def test_the_server_is_killed_and_its_answers_stay(folder: Path, served: tuple[str, subprocess.Popen[bytes]]) -> None:
    url, process = served
    model = open_endpoint(url, str(folder), patience=QUICK)

    def kill_after_five() -> None:
        while model.facts["requests"] < 5 and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill_after_five, daemon=True)
    killer.start()
    questions = asks(60)
    with pytest.raises(PartialAnswers, match="is gone") as end:
        model.generate(questions, do_sample=False, max_new_tokens=48)
    killer.join()
    kept = end.value.done
    assert 5 <= len(kept) < 60
    places = sorted(kept)
    assert [kept[place] for place in places] == loaded_answers(folder, [questions[place] for place in places], 48)
    assert "run the same command again" in str(end.value)
    with pytest.raises(EndpointFailed, match="No server answers"):
        open_endpoint(url, None, patience=QUICK)
