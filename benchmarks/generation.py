"""Batched generation against lm-eval's own ``hf-multimodal``: the same model, the same batch, the same answers.

    python -m benchmarks.generation [--samples 64 --batch 4 --tokens 16]

A small LLaVA with random weights; every request has a picture of its own, so that none is encoded before. Both classes
get the same lm-eval requests (one chat template, greedy, the same batch size) and take turns, ``--rounds`` times;
loading and building the requests is not counted. Where an answer differs the run fails.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import Clock, number, parse, parser, report, versions

PACKAGES = ("torch", "transformers", "tokenizers", "torchvision", "lm_eval")
NEEDED = 1.3


def main() -> None:
    """Measure, and print."""
    made = parser(__doc__)
    made.add_argument("--samples", type=int, default=64, metavar="N", help="requests (default: %(default)s)")
    made.add_argument("--batch", type=int, default=4, metavar="N", help="samples a batch (default: %(default)s)")
    made.add_argument("--tokens", type=int, default=16, metavar="N", help="new tokens (default: %(default)s)")
    made.add_argument("--rounds", type=int, default=3, metavar="N", help="turns of each (default: %(default)s)")
    args = parse(made)
    figures = measure(args.samples, args.batch, args.tokens, args.rounds)
    report(args, "generation", {**figures, "versions": versions(PACKAGES)}, rows(figures))


def measure(samples: int, batch: int, tokens: int, rounds: int) -> dict[str, Any]:
    """Seconds of both model classes for the same requests; ends the script where their answers differ."""
    import torch
    from lm_eval.api.registry import get_model

    import mmskin_hub.evals.model.lm
    from tests.drawing.models import tiny_llava

    with tempfile.TemporaryDirectory() as folder:
        path = str(tiny_llava(Path(folder)))
        ours = mmskin_hub.evals.model.lm.MmskinVLM(path, device="cpu", batch_size=batch)
        theirs = get_model("hf-multimodal")(pretrained=path, device="cpu", batch_size=batch, dtype="float32")
        models = {"mmskin-vlm": ours, "hf-multimodal": theirs}
        clocks: dict[str, list[Clock]] = {name: [] for name in models}
        said: dict[str, list[str]] = {}
        for turn in range(rounds + 1):
            for name, model in models.items():
                asked = requests(model, samples, tokens)
                ours.vlm.pictures.forget()
                with Clock() as clock:
                    said[name] = model.generate_until(asked)
                if turn:  # the first turn warms up
                    clocks[name].append(clock)
            if said["mmskin-vlm"] != said["hf-multimodal"]:
                raise SystemExit(f"the answers differ: {said}")
    seconds = {name: min(clock.wall for clock in each) for name, each in clocks.items()}
    return {
        "samples": samples,
        "batch": batch,
        "new tokens": tokens,
        "threads": torch.get_num_threads(),
        "different answers": len(set(said["mmskin-vlm"])),
        "seconds": {name: number(value) for name, value in seconds.items()},
        "cpu seconds": {name: number(min(clock.cpu for clock in each)) for name, each in clocks.items()},
        "samples a second": {name: number(samples / value) for name, value in seconds.items()},
        "times faster": number(seconds["hf-multimodal"] / seconds["mmskin-vlm"]),
    }


def requests(model: Any, samples: int, tokens: int) -> list[Any]:
    """lm-eval's requests, through the chat template of ``model``; a picture each, and questions of two lengths."""
    import numpy as np
    from lm_eval.api.instance import Instance
    from PIL import Image

    rng = np.random.default_rng(1)
    pictures = [Image.fromarray(rng.integers(0, 256, (450, 600, 3), dtype=np.uint8)) for _ in range(samples)]
    words = ("Which one is the diagnosis?", "Is the lesion in the picture benign or malignant? Answer yes or no.")
    made = []
    for n in range(samples):
        turn = [{"role": "user", "content": f"<image>{words[n % 2]}"}]
        decoding = {"max_gen_toks": tokens, "do_sample": False, "until": ["</s>"]}
        arguments = (model.apply_chat_template(turn), decoding, {"visual": [pictures[n]]})
        made.append(
            Instance(request_type="generate_until", doc={}, arguments=arguments, idx=0, metadata=("generation", n, 1))
        )
    return made


def rows(figures: dict[str, Any]) -> list[list[str]]:
    """The line of the table in the README."""
    return [
        [
            "generation against hf-multimodal",
            f"≥ {NEEDED} ×, same answers",
            f"{figures['times faster']} ×",
            f"tiny LLaVA, {figures['samples']} samples, batch {figures['batch']}, {figures['new tokens']} tokens",
        ]
    ]


if __name__ == "__main__":
    main()
