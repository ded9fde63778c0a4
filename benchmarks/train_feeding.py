"""How fast batches come: our rows and collator in a DataLoader, against a bare DataLoader over the same Parquet.

    python -m benchmarks.train_feeding [--pictures 256] [--workers 1]

Drawn JPEGs of 600 × 450 pixels, as HAM10000 has them, for a processor of 336 pixels and 576 tokens (LLaVA 1.5's). The
bare loader is what one would write by hand: ``load_dataset("parquet")``, whose ``Image`` feature decodes, the chat
template, the processor, and labels that mask the prompt by its length. Ours does that too, and finds the rows, their
tokens and failures besides; mapped and streamed. All go through every row in turn, round after round; the figure is the
median over the rounds.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.common import number, one_thread, parse, parser, report

BATCH = 8


def draw(folder: Path, pictures: int) -> Path:
    """A mixture of so many pictures, one question each."""
    from tests.drawing import shapes

    rows = []
    for place in range(pictures):
        shown = shapes.scene(place)
        image = shapes.draw(shown, 600).crop((0, 75, 600, 525))
        picture = {"bytes": shapes.encoded(image, "JPEG"), "path": f"{place}.jpg"}
        rows.append(shapes.row(shown, "colour", images=[picture], image_sha256=f"{place:064x}"))
    return shapes.write_rows(folder, {"train": rows})


def processor(folder: Path) -> Any:
    """That of a LLaVA 1.5: 336 pixels, 576 tokens a picture."""
    from transformers import AutoProcessor

    from tests.drawing.models import tiny_llava

    return AutoProcessor.from_pretrained(tiny_llava(folder, side=336))


def bare(data: Path, made: Any, workers: int) -> Iterable[dict[str, Any]]:
    """The loader by hand."""
    from datasets import load_dataset
    from torch.utils.data import DataLoader

    rows = load_dataset("parquet", data_files=str(data / "data" / "train-*.parquet"), split="train")

    def collate(batch: list[dict[str, Any]]) -> dict[str, Any]:
        texts, lengths = [], []
        for row in batch:
            question = [{"type": "image"}, {"type": "text", "text": row["prompt"][0]["content"]}]
            answer = [{"type": "text", "text": row["completion"][0]["content"]}]
            asked = [{"role": "user", "content": question}]
            texts.append(made.apply_chat_template([*asked, {"role": "assistant", "content": answer}]))
            prompt = made.apply_chat_template(asked, add_generation_prompt=True)
            lengths.append(len(made.tokenizer(texts[-1])["input_ids"]) - len(made.tokenizer(prompt)["input_ids"]))
        images = [[image.convert("RGB") for image in row["images"]] for row in batch]
        inputs = made(text=texts, images=images, padding=True, padding_side="right", return_tensors="pt")
        labels = inputs["input_ids"].clone()
        for place, (length, mask) in enumerate(zip(lengths, inputs["attention_mask"], strict=True)):
            end = int(mask.sum())
            labels[place, : end - length] = -100
            labels[place, end:] = -100
        return {**inputs, "labels": labels}

    return DataLoader(rows, BATCH, shuffle=True, collate_fn=collate, num_workers=workers)


def ours(data: Path, made: Any, workers: int, stream: bool) -> Iterable[dict[str, Any]]:
    """The loader of a training, in the order of its epochs."""
    import numpy as np
    import pyarrow.parquet as pq
    from torch.utils.data import DataLoader

    from mmskin_hub.training.collate import Collator
    from mmskin_hub.training.rows import Mapped, Rows, Streamed
    from mmskin_hub.training.sampler import Order

    files = sorted((data / "data").glob("train-*.parquet"))
    sizes = [group for file in files for group in _groups(pq.ParquetFile(file))]
    count = sum(sizes)
    rows = Rows(Streamed(files) if stream else Mapped(files, "train"), np.arange(count, dtype=np.int32))
    groups = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    order = Order(np.full(count, 600, np.int32), BATCH, 42, groups=groups if stream else None)
    return DataLoader(rows, BATCH, sampler=order, collate_fn=Collator(made), num_workers=workers, drop_last=True)


def _groups(file: Any) -> list[int]:
    return [file.metadata.row_group(each).num_rows for each in range(file.num_row_groups)]


def timed(loader: Iterable[dict[str, Any]]) -> tuple[float, float]:
    """Wall and CPU seconds a picture of one pass, the worker processes' included."""
    import os

    def cpu() -> float:
        times = os.times()
        return times.user + times.system + times.children_user + times.children_system

    began, used, count = time.perf_counter(), cpu(), 0
    for batch in loader:
        assert "labels" in batch, batch
        count += len(batch["labels"])
    return (time.perf_counter() - began) / count, (cpu() - used) / count


def main() -> None:
    """Measure, round after round."""
    made = parser(__doc__)
    made.add_argument("--pictures", type=int, default=256, help="default: %(default)s")
    made.add_argument("--workers", type=int, default=1, help="processes of each loader (default: %(default)s)")
    made.add_argument("--rounds", type=int, default=5, help="passes of each loader (default: %(default)s)")
    args = parse(made)
    one_thread()
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        data, llava = draw(Path(temporary, "data"), args.pictures), processor(Path(temporary, "llava"))
        ways: dict[str, Callable[[], Iterable[dict[str, Any]]]] = {
            "bare": lambda: bare(data, llava, args.workers),
            "mapped": lambda: ours(data, llava, args.workers, False),
            "streamed": lambda: ours(data, llava, args.workers, True),
        }
        for way in ways.values():
            next(iter(way()))
        rounds = [{name: timed(way()) for name, way in ways.items()} for _ in range(args.rounds)]
    rate = {name: statistics.median(1 / each[name][0] for each in rounds) for name in ways}
    shares = {
        name: [statistics.median(each["bare"][k] / each[name][k] for each in rounds) for k in (0, 1)]
        for name in ("mapped", "streamed")
    }
    figures = {
        "pictures_a_second": {name: number(value) for name, value in rate.items()},
        "of_bare": {name: {"wall": number(wall), "cpu": number(cpu)} for name, (wall, cpu) in shares.items()},
    }
    load = f"load {args.machine['load_before']} on {args.machine['cores']} cores"
    how = f"{args.pictures} JPEGs of 600 × 450, {args.workers} workers, {args.rounds} rounds; {load}"
    rows = [
        (f"pictures fed, {name}, to a bare DataLoader", "≥ 0.9 ×", f"{wall:.2f} × (CPU {cpu:.2f} ×)",
         f"{rate[name]:.0f} pictures a second to {rate['bare']:.0f}; {how}")
        for name, (wall, cpu) in shares.items()
    ]  # fmt: skip
    report(args, "train_feeding", figures, rows)


if __name__ == "__main__":
    main()
