"""Answers after each epoch: what is written, and that they neither draw a random number nor end a run."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from mmskin_hub.training.data import Example
from mmskin_hub.training.samples import Samples
from mmskin_hub.training.stopping import Notice


class Parrot(torch.nn.Module):
    """Says the last token of the question once more, and one more than it."""

    def __init__(self, harm: bool = False) -> None:
        super().__init__()
        self.config = SimpleNamespace(use_cache=False, text_config=SimpleNamespace(use_cache=False))
        self.harm, self.seen = harm, []

    def generate(self, input_ids: torch.Tensor, max_new_tokens: int, **given: Any) -> torch.Tensor:
        """``input_ids`` (1, tokens) and two more."""
        if self.harm:
            raise RuntimeError("out of memory")
        self.seen.append((self.training, self.config.use_cache, given["do_sample"], max_new_tokens))
        last = input_ids[:, -1:]
        return torch.cat([input_ids, last, last + 1], dim=1)


def samples(model: Parrot, count: int = 2) -> Samples:
    """Over three examples; a token is a letter."""
    examples = [
        Example(f"row-{n}", [{"role": "user", "content": f"Which <b> is {letter}"}], [Image.new("RGB", (300, 20))], "&")
        for n, letter in enumerate("abc")
    ]
    tokenizer = SimpleNamespace(
        pad_token_id=0, decode=lambda tokens, skip_special_tokens: "".join(map(chr, tokens.tolist()))
    )
    collator = SimpleNamespace(
        prompts=lambda given: {"input_ids": torch.tensor([[*map(ord, given[0].prompt[0]["content"])]])}
    )
    facts = SimpleNamespace(examples=examples, processor=SimpleNamespace(tokenizer=tokenizer), collator=collator)
    made = Samples(facts, count, 5, Notice())
    accelerator = SimpleNamespace(unwrap_model=lambda model: model, autocast=contextlib.nullcontext)
    made.take(SimpleNamespace(
        model=model, accelerator=accelerator, is_fsdp_enabled=False, is_deepspeed_enabled=False,
        args=SimpleNamespace(device=torch.device("cpu")),
    ))  # fmt: skip
    return made


def ended(made: Samples, output: Path, epoch: float, first: bool = True) -> None:
    """An epoch ends."""
    state = SimpleNamespace(epoch=epoch, global_step=int(epoch * 10), is_world_process_zero=first)
    made.on_epoch_end(SimpleNamespace(output_dir=str(output)), state, None)


def test_answers_of_each_epoch_stand_side_by_side(tmp_path: Path) -> None:
    model = Parrot().train()
    made = samples(model)
    ended(made, tmp_path, 1.0)
    ended(made, tmp_path, 2.0)
    lines = [json.loads(line) for line in (tmp_path / "samples" / "epoch-2.jsonl").read_text().splitlines()]
    assert lines == [
        {"id": f"row-{n}", "question": f"Which <b> is {letter}", "answer": "&",
         "generated": letter + chr(ord(letter) + 1), "epoch": 2, "step": 20}
        for n, letter in enumerate("ab")
    ]  # fmt: skip
    page = (tmp_path / "samples" / "index.html").read_text()
    assert "<th>epoch 1</th><th>epoch 2</th>" in page and page.count("data:image/jpeg;base64,") == 2
    assert "Which &lt;b&gt; is a" in page and "<td>&amp;</td>" in page and page.count("<td>ab</td>") == 2
    assert sorted(path.name for path in (tmp_path / "samples").iterdir()) == [
        "epoch-1.jsonl", "epoch-2.jsonl", "index.html",
    ]  # fmt: skip


def test_the_model_answers_as_it_will_be_used_and_trains_on_as_before(tmp_path: Path) -> None:
    model = Parrot().train()
    state = torch.random.get_rng_state()
    ended(samples(model), tmp_path, 0.5)
    assert model.seen == [(False, True, False, 5)] * 2
    assert model.training and model.config.use_cache is False and model.config.text_config.use_cache is False
    assert torch.equal(torch.random.get_rng_state(), state)
    assert (tmp_path / "samples" / "epoch-1.jsonl").is_file()  # an epoch that ended early counts as begun


def test_what_goes_wrong_is_said_and_ends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = Parrot(harm=True).train()
    ended(samples(model), tmp_path, 1.0)
    assert "out of memory" in capsys.readouterr().err
    assert model.training and not (tmp_path / "samples").exists()


def test_none_are_generated_where_none_are_asked_for(tmp_path: Path) -> None:
    model = Parrot()
    ended(samples(model, count=0), tmp_path, 1.0)
    ended(samples(model), tmp_path, 1.0, first=False)
    leaving = samples(model)
    leaving.notice.agreed = True
    ended(leaving, tmp_path, 1.0)
    assert model.seen == [] and not (tmp_path / "samples").exists()
