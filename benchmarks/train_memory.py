"""Resident memory of a streaming run over 100,000 rows, from its first step to its last.

    python -m benchmarks.train_memory [--rows 100000]

The rows are drawn (pictures of 32 pixels, each its own, padded with noise to 6 KB) and trained on once, every one of
them, by a LLaVA of a few thousand weights: what grows is the recipe's doing. The recipe runs through its own command
line with one worker that prepares batches; twice a second its process and all below it are looked at. Counted is
the resident size (RSS) of the main process, and that of all of them, in which shared pages count twice. (USS and PSS
would not do: they grow when some other process that has mapped the same libraries ends.)

A worker first fills the row groups it holds and touches the pages it shares with its parent. "Does not grow": the mean
of the last tenth of the steps is at most 2 % or 16 MiB above that of the sixth. All tenths are in the figures.
"""

from __future__ import annotations

import io
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import number, one_thread, parse, parser, report

BATCH = 200
NOISE = 6000


def draw(folder: Path, rows: int) -> Path:
    """A mixture of so many rows, each with a picture of its own, in files as the builder writes them."""
    import numpy as np
    from PIL import Image

    from mmskin_hub.engine.mixture.items import mixture_features
    from mmskin_hub.engine.tables import write_split

    random = np.random.default_rng(1)

    def made() -> Any:
        for place in range(rows):
            buffer = io.BytesIO()
            Image.fromarray(random.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(buffer, "JPEG")
            # Bytes behind the end of a JPEG are ignored by every reader.
            picture = buffer.getvalue() + random.bytes(NOISE)
            yield {
                "id": f"drawn/default/{place}",
                "images": [{"bytes": picture, "path": f"{place}.jpg"}],
                "prompt": [{"role": "user", "content": "What?"}],
                "completion": [{"role": "assistant", "content": str(place % 7)}],
                "source": "drawn",
                "config": "default",
                "task": "vqa",
                "weight": 1.0,
                "modality": None,
                **dict.fromkeys(("image_id", "patient_id", "lesion_id", "image_sha256", "phash", "licence")),
            }

    write_split(folder / "data", "train", made(), mixture_features(), lambda row: row["id"])
    (folder / "build.json").write_text(json.dumps({"dataset": "skinvl_sft", "version": "1.0.0", "files": {}}))
    return folder


def watch(command: list[str], log: Path) -> list[dict[str, float]]:
    """Run ``command``; a line for each look: seconds, step, and resident MiB of its main process and of all."""
    import psutil

    seen: list[dict[str, float]] = []
    began = time.perf_counter()
    with log.open("w") as target:
        running = subprocess.Popen(command, stdout=target, stderr=subprocess.STDOUT)
        root = psutil.Process(running.pid)
        while running.poll() is None:
            try:
                family = [root, *root.children(recursive=True)]
                sizes = [each.memory_info().rss / 2**20 for each in family]
                seen.append({"at": time.perf_counter() - began, "main": sizes[0], "all": sum(sizes),
                             "step": _step(log)})  # fmt: skip
            except (psutil.Error, OSError):
                pass  # one of them ended between being listed and being looked at
            time.sleep(0.5)
    if running.returncode:
        raise SystemExit(f"{' '.join(command)}\n{log.read_text(errors='replace')[-3000:]}")
    return seen


def _step(log: Path) -> int:
    """The last step the progress bar names."""
    with log.open("rb") as text:
        text.seek(max(0, log.stat().st_size - 2000))
        found = re.findall(rb"(\d+)/\d+ \[", text.read())
    return int(found[-1]) if found else 0


def main() -> None:
    """Draw, train, watch."""
    made = parser(__doc__)
    made.add_argument("--rows", type=int, default=100_000, help="default: %(default)s")
    args = parse(made)
    one_thread()
    from tests.drawing.models import tiny_llava
    from tests.recipes.running import QUIET, RECIPE, arguments

    os.environ.update(QUIET)
    steps = args.rows // BATCH
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        data = draw(folder / "data", args.rows)
        size = sum(path.stat().st_size for path in data.rglob("*.parquet")) / 2**20
        small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        model = tiny_llava(folder / "llava", side=28, **{**small, "num_key_value_heads": 1})
        given = {
            "data": f"skinvl_sft={data}", "model_name_or_path": model, "output_dir": folder / "out", "stream": True,
            "num_train_epochs": 1, "per_device_train_batch_size": BATCH, "logging_steps": 10, "save_strategy": "no",
            "dataloader_num_workers": 1, "bf16": False, "use_cpu": True, "log_to": "none", "eval_strategy": "no",
            "generate_every_epoch": 0, "check_pictures": "header", "gradient_checkpointing": False,
        }  # fmt: skip
        seen = watch([sys.executable, "-m", RECIPE, *arguments(**given)], folder / "log")
    trained = [each for each in seen if each["step"] >= 1]
    figures: dict[str, Any] = {"rows": args.rows, "steps": steps, "parquet_mib": number(size), "looks": len(trained)}
    words = []
    grows = False
    for kind, name in (("main", "main process"), ("all", "all processes")):
        tenth = {k: [each[kind] for each in trained if steps * k / 10 <= each["step"] < steps * (k + 1) / 10]
                 for k in range(10)}  # fmt: skip
        means = {k: statistics.mean(own) for k, own in tenth.items() if own}
        early, late = means[min(k for k in means if k >= 5)], means[max(means)]
        grows = grows or late > max(1.02 * early, early + 16)
        figures[kind] = {"sixth_tenth_mib": number(early), "last_tenth_mib": number(late),
                         "tenths_mib": [number(means[k]) for k in sorted(means)],
                         "peak_mib": number(max(each[kind] for each in trained))}  # fmt: skip
        words.append(f"{name} {', '.join(f'{means[k]:,.0f}' for k in sorted(means))} MiB by tenths of the steps")
    figures["grows"] = grows
    how = f"{size:,.0f} MiB of Parquet, {steps} steps of {BATCH}; {'; '.join(words)}"
    what = f"memory of a streaming run over {args.rows:,} rows"
    report(args, "train_memory", figures, [(what, "does not grow", "grows" if grows else "does not grow", how)])


if __name__ == "__main__":
    main()
