"""Choices scored behind one reading of picture and prompt, against one whole forward pass a choice.

    OMP_NUM_THREADS=1 python -m benchmarks.choice_scoring [--samples 3 --layers 6 --width 384]

A LLaVA with random weights: 576 image tokens (a picture of 336 × 336 in patches of 14), the zero-shot prompt of
DermNet and its 23 classes. The tokenizer is trained on the class names; its tokens a choice are in the figures.

* ``naive`` reads picture, prompt and choice 23 times a sample, each in one forward pass, with the head at the choice's
  tokens only. It is :meth:`Reader.alone`, and does nothing else that could be saved.
* ``packed`` and ``cached`` are the ways of :mod:`mmskin_hub.evals.model.choices`.

The ways take turns on each sample, in one process, so that whatever else the machine does meets all of them. The
largest difference of a log-probability is told beside the seconds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import Clock, number, parse, parser, report, versions

PACKAGES = ("torch", "transformers", "tokenizers", "torchvision")
NEEDED = 12


def main() -> None:
    """Measure, and print."""
    made = parser(__doc__)
    made.add_argument("--samples", type=int, default=3, metavar="N", help="samples (default: %(default)s)")
    made.add_argument("--layers", type=int, default=6, metavar="N", help="layers of the language half")
    made.add_argument("--width", type=int, default=384, metavar="N", help="width of the language half, of 64 a head")
    args = parse(made)
    figures = {**measure(args.samples, args.layers, args.width), "versions": versions(PACKAGES)}
    report(args, "choice scoring", figures, rows(figures))


def measure(samples: int, layers: int, width: int) -> dict[str, Any]:
    """Seconds a sample of each way, and how far its scores are from the naive ones."""
    import numpy as np
    import torch
    from PIL import Image

    from mmskin_hub.evals.model.api import Ask
    from mmskin_hub.evals.model.inputs import collate
    from mmskin_hub.evals.protocol import choices, protocol, question

    task = protocol("mmskin_dermnet_choice")
    names = choices(task)
    model = drawn(layers, width, [*names, question(task, {"label": 0})])
    rng = np.random.default_rng(0)
    noise = [Image.fromarray(rng.integers(0, 256, (450, 600, 3), dtype=np.uint8)) for _ in range(samples + 1)]
    asks = [Ask(f"{n}", question(task, {"label": 0}), (image,)) for n, image in enumerate(noise)]
    tokens = model.prompts.continuations(model.render(asks[0]), names)
    ways: dict[str, Callable[[Any], Any]] = {
        "naive": lambda batch: model.reader.alone(batch, tokens),
        "packed": lambda batch: model.reader.packed(batch, [tokens])[0],
        "cached": lambda batch: model.reader.cached(batch, [tokens])[0],
    }
    clocks: dict[str, list[Clock]] = {way: [] for way in ways}
    apart = dict.fromkeys(ways, 0.0)
    prompt = 0
    with torch.inference_mode():
        for n, ask in enumerate(asks):
            found: dict[str, Sequence[float]] = {}
            batch = collate([model._encoder.encode(ask)], 0, model.model.device)
            prompt = int(batch.ids.shape[1])
            for way, score in ways.items():
                model.pictures.forget()
                with Clock() as clock:
                    found[way] = score(batch).loglik
                apart[way] = max(apart[way], *(abs(a - b) for a, b in zip(found[way], found["naive"], strict=True)))
                if n:  # the first sample warms up
                    clocks[way].append(clock)
    seconds = {way: sum(clock.wall for clock in each) / samples for way, each in clocks.items()}
    cpu = {way: sum(clock.cpu for clock in each) / samples for way, each in clocks.items()}
    return {
        "samples": samples,
        "choices": len(names),
        "image tokens": 576,
        "prompt tokens": prompt,
        "tokens a choice": [min(map(len, tokens)), max(map(len, tokens))],
        "parameters": sum(each.numel() for each in model.model.parameters()),
        "threads": torch.get_num_threads(),
        "seconds a sample": {way: number(value) for way, value in seconds.items()},
        "cpu seconds a sample": {way: number(value) for way, value in cpu.items()},
        "times faster": {way: number(seconds["naive"] / value) for way, value in seconds.items()},
        "times less cpu": {way: number(cpu["naive"] / value) for way, value in cpu.items()},
        "nats apart": {way: number(value) for way, value in apart.items()},
    }


def drawn(layers: int, width: int, words: Sequence[str]) -> Any:
    """A LLaVA with random weights, as ``load_model`` gives it; its vision tower has half the layers and the width."""
    from mmskin_hub.evals.model.load import load_model
    from tests.drawing.models import tiny_llava

    with tempfile.TemporaryDirectory() as folder:
        path = tiny_llava(
            Path(folder), side=336, words={"corpus": " ".join(words), "merges": 400},
            sight={"hidden_size": width, "intermediate_size": 4 * width, "num_hidden_layers": max(2, layers // 2),
                   "num_attention_heads": width // 64, "initializer_range": 0.02},
            hidden_size=width, intermediate_size=3 * width, num_hidden_layers=layers, num_attention_heads=width // 64,
            num_key_value_heads=width // 64, initializer_range=0.05,
        )  # fmt: skip
        return load_model(str(path), device="cpu")


def rows(figures: dict[str, Any]) -> list[list[str]]:
    """The line of the table in the README."""
    faster, apart = figures["times faster"], figures["nats apart"]
    how = f"{figures['choices']} choices, {figures['image tokens']} image tokens, {figures['threads']} thread(s)"
    return [
        ["choice scoring, packed / cached", f"≥ {NEEDED} × naive", f"{faster['packed']} × / {faster['cached']} ×", how],
        ["… against whole forward passes", "≤ 1e-4", f"{apart['packed']} / {apart['cached']}", "log-probability, fp32"],
    ]


if __name__ == "__main__":
    main()
