"""What the recipe costs beyond the model: its step against a bare PyTorch loop, and padding with and without grouping.

    python -m benchmarks.train_overhead [--steps 120]

**Step.** ``tiny.yaml`` trains on drawn shapes through the recipe's own ``main``, every figure, callback and log
included. After each ten of its steps the run is held, and a loop as one would write it by hand makes ten with a model
of its own: the same rows in the same order through a plain ``DataLoader`` and the same collator, AdamW with the same
settings, clipping, a scheduler, the loss printed every tenth step. Side by side, both see the same load of the machine;
the figure is the median over the pairs of tens, of wall and of CPU seconds.

**Padding.** The lengths of a mixture as realistic as can be drawn (captions, open questions, demographics, classes
with and without their list; 576 image tokens each, as LLaVA 1.5) go through the order of an epoch, batches of 16.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import number, one_thread, parse, parser, report

TENS = 10
CAPTION_WORDS, ANSWER_WORDS = (3.4, 0.6), (1.6, 0.8)
"""Mean and standard deviation of the logarithm of the number of words: medians of 30 and 5."""
TOKENS_A_WORD = 1.4
IMAGE_TOKENS = 576


def pairs_of_steps(folder: Path, steps: int) -> list[dict[str, float]]:
    """Seconds of each ten steps: ours and the bare loop's, wall and CPU."""
    from transformers import TrainerCallback

    import mmskin_hub.training.watch as watch
    from mmskin_hub.training.arguments import read_arguments
    from recipes import sft
    from tests.drawing import shapes
    from tests.recipes.running import CONFIGS, arguments

    data = shapes.write_mixture(folder / "data", 128, 0)
    measured: list[dict[str, float]] = []

    class Between(TrainerCallback):  # type: ignore[misc]
        """Takes the time of ten steps, then lets the bare loop make ten."""

        bare: Any = None

        def take(self, trainer: Any) -> None:
            self.bare = bare_loop(trainer)

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step % TENS:
                return
            ours = (
                (time.perf_counter() - self.wall, time.process_time() - self.cpu) if state.global_step > TENS else None
            )
            wall, cpu = time.perf_counter(), time.process_time()
            next(self.bare)
            theirs = time.perf_counter() - wall, time.process_time() - cpu
            if ours is not None and state.global_step > 2 * TENS:
                measured.append({"wall": ours[0], "cpu": ours[1], "bare_wall": theirs[0], "bare_cpu": theirs[1]})
            self.wall, self.cpu = time.perf_counter(), time.process_time()

    made = watch.make_callbacks
    watch.make_callbacks = lambda *args: [*made(*args), Between()]
    given = {
        "data": f"skinvl_sft={data}", "output_dir": folder / "out", "max_steps": steps, "save_strategy": "no",
        "eval_strategy": "no", "generate_every_epoch": 0, "dataloader_num_workers": 0, "logging_steps": TENS,
    }  # fmt: skip
    sft.main(*read_arguments(arguments(CONFIGS / "tiny.yaml", **given)))
    return measured


def bare_loop(trainer: Any) -> Any:
    """A generator that makes ten steps each time it is asked."""
    import copy

    import torch
    from torch.utils.data import DataLoader

    model = copy.deepcopy(trainer.model).train()
    trained = [weights for weights in model.parameters() if weights.requires_grad]
    args = trainer.args
    betas = (args.adam_beta1, args.adam_beta2)
    fused = "fused" in str(args.optim)
    optimizer = torch.optim.AdamW(trained, args.learning_rate, betas, weight_decay=args.weight_decay, fused=fused)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.max_steps)
    order = trainer.order()
    batch = args.per_device_train_batch_size
    loader = DataLoader(trainer.train_split.rows, batch, sampler=order, collate_fn=trainer.facts.collator)
    step, total = 0, torch.zeros(())
    while True:
        order.set_epoch(order.epoch + 1)
        for rows in loader:
            rows.pop("mmskin_facts")
            loss = model(**rows).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, args.max_grad_norm)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
            total += loss.detach()
            step += 1
            if step % TENS == 0:
                print({"bare": float(total) / TENS})
                total.zero_()
                yield


def lengths(rows: int, kinds: int, seed: int = 1) -> Any:
    """Tokens of so many rows: captions and open questions in turn (``kinds`` 2), and classes as well (3)."""
    import numpy as np

    from mmskin_hub.engine.mixture.conversations import classify, describe

    random = np.random.default_rng(seed)
    classes = {"few": [f"Class number {each}" for each in range(7)], "many": [f"Disease {each}" for each in range(114)]}
    found = []
    for place in range(rows):
        kind = place % kinds
        if kind == 0:
            asked, said = describe(f"row-{place}", "clinical")[0][1], random.lognormal(*CAPTION_WORDS)
        elif kind == 1:
            asked, said = "Which finding does this clinical photograph show?", random.lognormal(*ANSWER_WORDS)
        else:
            asked, said = classify(f"row-{place}", "dermoscopic", classes["many" if place % 2 else "few"])[0][1], 2.0
        found.append(IMAGE_TOKENS + 8 + round(TOKENS_A_WORD * (len(asked.split()) + min(float(said), 300.0))))
    return np.array(found, dtype=np.int32)


def padding(rows: int, kinds: int, batch: int = 16) -> dict[str, float]:
    """Tokens of padding a row, with and without grouping by length, and what grouping saves of them (0 to 1)."""
    from mmskin_hub.training.sampler import Order

    own = lengths(rows, kinds)
    found: dict[str, float] = {}
    for name, grouped in (("grouped", True), ("plain", False)):
        taken = own[Order(own, batch, 42, by_length=grouped).indices(0)].reshape(-1, batch)
        found[name] = number(float((taken.max(axis=1, keepdims=True) - taken).mean()))
        found[f"{name}_share"] = number(1 - float(taken.sum()) / float(taken.max(axis=1).sum() * batch))
    found["saved"] = number(1 - found["grouped"] / found["plain"])
    return found


def main() -> None:
    """Measure both."""
    made = parser(__doc__)
    made.add_argument("--steps", type=int, default=120, help="steps of each side (default: %(default)s)")
    made.add_argument("--rows", type=int, default=30_000, help="rows of the mixture (default: %(default)s)")
    args = parse(made)
    one_thread()
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        pairs = pairs_of_steps(Path(temporary), args.steps)
    wall = statistics.median(pair["wall"] / pair["bare_wall"] for pair in pairs)
    cpu = statistics.median(pair["cpu"] / pair["bare_cpu"] for pair in pairs)
    own = statistics.median(pair["wall"] for pair in pairs) / TENS
    bare = statistics.median(pair["bare_wall"] for pair in pairs) / TENS
    saved = padding(args.rows, 3)
    without = padding(args.rows, 2)
    figures: dict[str, Any] = {
        "wall_ratio": number(wall), "cpu_ratio": number(cpu), "step_seconds": number(own),
        "bare_step_seconds": number(bare), "pairs": len(pairs), "padding": saved, "padding_without_classes": without,
    }  # fmt: skip
    shares = f"{saved['plain_share']:.1%} to {saved['grouped_share']:.1%}"
    load = f"load {args.machine['load_before']} on {args.machine['cores']} cores"
    report(args, "train_overhead", figures, [
        ("training step, to a bare PyTorch loop", "≤ 1.05 ×", f"{wall:.3f} × (CPU {cpu:.3f} ×)",
         f"tiny.yaml, batches of 16, one thread, {len(pairs)} pairs of ten steps side by side; {1000 * own:.0f} ms to "
         f"{1000 * bare:.0f} ms; {load}"),
        ("padding cut by grouping by length", "≥ 1/3", f"{saved['saved']:.0%}",
         f"{args.rows:,} drawn rows, batches of 16: {saved['plain']:.0f} tokens a row to {saved['grouped']:.1f} "
         f"({shares} of all tokens); without lists of classes {without['saved']:.0%}"),
    ])  # fmt: skip


if __name__ == "__main__":
    main()
