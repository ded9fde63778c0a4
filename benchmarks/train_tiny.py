"""What ``tiny.yaml`` learns: drawn shapes it never saw, and HAM10000 where it lies beside the checkout.

    python -m benchmarks.train_tiny [--ham ../shared/data/ham10000]

``mmskin train tiny`` trains on 1,344 drawn pictures with three questions each; then it is asked about 64 others, once
with the right picture and once with that of another scene. The questions have four answers each: chance is 25 %. On
HAM10000 the figure is balanced accuracy on the validation rows, where the majority class alone gets one seventh.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import Clock, one_thread, parse, parser, report


def trained(data: Path, output: Path) -> dict[str, float]:
    """Train through the real command; its wall and CPU seconds."""
    from tests.recipes.running import arguments, mmskin

    with Clock(children=True) as clock:
        status, said = mmskin(
            "train", "tiny", "--data", f"skinvl_sft={data}", "--output", str(output), "--accelerate", "cpu", "--",
            *arguments(log_to="none"), seconds=3600,
        )  # fmt: skip
    if status:
        raise SystemExit(said[-3000:])
    return {"wall": round(clock.wall, 1), "cpu": round(clock.cpu, 1)}


def main() -> None:
    """Train and ask."""
    made = parser(__doc__)
    made.add_argument("--ham", type=Path, metavar="DIR", help="raw HAM10000; left out without")
    args = parse(made)
    one_thread()
    from tests.drawing import shapes
    from tests.recipes.asking import balanced, held_out
    from tests.recipes.running import mmskin

    load = f"load {args.machine['load_before']} on {args.machine['cores']} cores"
    figures: dict[str, Any] = {}
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        times = trained(shapes.write_mixture(folder / "shapes", 1344, 64), folder / "out")
        found = figures["shapes"] = {**held_out(folder / "out"), **times}
        rows.append((
            "tiny.yaml on drawn shapes, held-out answers right", "≥ .9; chance with a wrong picture",
            f"{found['right']:.3f}; {found['wrong']:.3f}",
            f"{found['questions']} questions, chance .25 (another picture has the same answer to {found['same']:.3f}); "
            f"{times['wall']:.0f} s, CPU {times['cpu']:.0f} s, {load}",
        ))  # fmt: skip
        if args.ham is not None:
            ham, data = folder / "ham", folder / "data"
            for command in (
                ["build", "ham10000", "--raw", str(args.ham), "--out", str(ham)],
                ["build", "skinvl_sft", "--variant", "pub", "--data", f"ham10000={ham}", "--out", str(data)],
            ):
                status, said = mmskin(*command, seconds=3600)
                if status:
                    raise SystemExit(said[-3000:])
            times = trained(data, folder / "real")
            found = figures["ham10000"] = {**balanced(folder / "real", data), **times}
            rows.append((
                "tiny.yaml on HAM10000, balanced accuracy", "> .143", f"{found['balanced']:.3f}",
                f"{found['rows']} held-out pictures, 160 × 120; plain accuracy {found['accuracy']:.3f}, most frequent "
                f"class {found['most_frequent']:.3f}; {times['wall']:.0f} s, CPU {times['cpu']:.0f} s, {load}",
            ))  # fmt: skip
    report(args, "train_tiny", figures, rows)


if __name__ == "__main__":
    main()
