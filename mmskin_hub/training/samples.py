"""What the model answers, after each epoch, to the same few questions: figures alone do not show nonsense.

::

    <output>/samples/epoch-1.jsonl     {"id", "question", "answer", "generated", "epoch", "step"}, one line a row
    <output>/samples/index.html        pictures, answers, and what was generated after each epoch, side by side

Answers are greedy, so that they change with the model alone and draw no random number of the training.
"""

from __future__ import annotations

import base64
import contextlib
import html
import io
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from mmskin_hub.engine.work import atomic
from mmskin_hub.errors import describe
from mmskin_hub.training.stopping import Notice

FOLDER = "samples"
SIDE = 224
"""Longest side, in pixels, of a picture on the page."""


class Samples(TrainerCallback):  # type: ignore[misc]
    """``count`` answers of at most ``tokens`` tokens after each epoch, on ``facts.examples``; ``count`` 0: none."""

    def __init__(self, facts: Any, count: int, tokens: int, notice: Notice) -> None:
        self.facts, self.count, self.tokens, self.notice = facts, count, tokens, notice
        self.trainer: Any = None

    def take(self, trainer: Any) -> None:
        """The trainer of the run."""
        self.trainer = trainer

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Answer, and write the answers down. What goes wrong here is said, and the training goes on."""
        examples = self.facts.examples[: self.count]
        if not examples or self.notice.agreed:
            return
        # Where the weights lie in pieces, every process has to take part; elsewhere the first answers alone.
        pieces = bool(self.trainer.is_fsdp_enabled or self.trainer.is_deepspeed_enabled)
        if not pieces and not state.is_world_process_zero:
            return
        try:
            generated = self._answers(examples, pieces)
            if state.is_world_process_zero:
                _write(Path(args.output_dir) / FOLDER, examples, generated, state)
        except Exception as error:
            if pieces:
                raise  # the processes would not meet again
            print(f"mmskin: no answers were generated after this epoch: {describe(error)}", file=sys.stderr, flush=True)

    def _answers(self, examples: Sequence[Any], pieces: bool) -> list[str]:
        import torch

        trainer = self.trainer
        model = trainer.model if pieces else trainer.accelerator.unwrap_model(trainer.model)
        tokenizer = self.facts.processor.tokenizer
        training = model.training
        model.eval()
        try:
            with torch.no_grad(), trainer.accelerator.autocast(), _cached(model):
                found = []
                for example in examples:
                    batch = {
                        name: value.to(trainer.args.device) if hasattr(value, "to") else value
                        for name, value in self.facts.collator.prompts([example]).items()
                    }
                    made = model.generate(
                        **batch,
                        max_new_tokens=self.tokens,
                        do_sample=False,
                        synced_gpus=pieces,
                        pad_token_id=tokenizer.pad_token_id,
                    )
                    new = made[0, batch["input_ids"].shape[1] :]
                    found.append(str(tokenizer.decode(new, skip_special_tokens=True)).strip())
                return found
        finally:
            model.train(training)


@contextlib.contextmanager
def _cached(model: Any) -> Any:
    """With a cache of keys and values, which a training switches off."""
    both: list[Any] = [model.config, getattr(model.config, "text_config", None)]
    configs = [each for each in both if hasattr(each, "use_cache")]
    before = [each.use_cache for each in configs]
    for each in configs:
        each.use_cache = True
    try:
        yield
    finally:
        for each, value in zip(configs, before, strict=True):
            each.use_cache = value


def _write(folder: Path, examples: Sequence[Any], generated: Sequence[str], state: Any) -> None:
    epoch = max(1, math.ceil(round(float(state.epoch or 0), 6)))
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for example, text in zip(examples, generated, strict=True):
        line = {
            "id": example.id, "question": _question(example), "answer": example.answer, "generated": text,
            "epoch": epoch, "step": int(state.global_step),
        }  # fmt: skip
        lines.append(json.dumps(line, ensure_ascii=False) + "\n")
    with atomic(folder / f"epoch-{epoch}.jsonl") as temporary:
        temporary.write_text("".join(lines), "utf-8")
    with atomic(folder / "index.html") as temporary:
        temporary.write_text(_page(folder, examples), "utf-8")


def _question(example: Any) -> str:
    return "\n".join(message["content"] for message in example.prompt if message["role"] == "user")


def _page(folder: Path, examples: Sequence[Any]) -> str:
    """Rows are examples, columns epochs."""
    said: dict[int, dict[str, str]] = {}
    for path in folder.glob("epoch-*.jsonl"):
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        said.update({int(row["epoch"]): {each["id"]: each["generated"] for each in rows} for row in rows[:1]})
    epochs = sorted(said)
    head = "".join(f"<th>epoch {epoch}</th>" for epoch in epochs)
    body = []
    for example in examples:
        pictures = "".join(f'<img alt="" src="{_inline(image)}">' for image in example.images)
        cells = "".join(f"<td>{html.escape(said[epoch].get(example.id, ''))}</td>" for epoch in epochs)
        body.append(
            f"<tr><td>{pictures}<br><small>{html.escape(example.id)}</small></td>"
            f"<td>{html.escape(_question(example))}</td><td>{html.escape(example.answer)}</td>{cells}</tr>\n"
        )
    style = "body{font:14px sans-serif}td,th{border:1px solid #ccc;padding:6px;vertical-align:top;white-space:pre-wrap}"
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Samples</title><style>{style}</style>\n'
        f"<table><tr><th>picture</th><th>question</th><th>answer</th>{head}</tr>\n{''.join(body)}</table></html>\n"
    )


def _inline(image: Any) -> str:
    small = image.copy()
    small.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    small.convert("RGB").save(buffer, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
