"""The overlap audit: planted copies found and others left alone on real pictures; the lists; a million hashes.

    python -m benchmarks.overlap --pictures ../shared/data/ham10000 --lists ../shared/data/mm_skin_lists \\
        --ham ../shared/data/text/HAM10000_metadata_full.csv [--hashes 1000000 --tests 50000]

* **Planted copies**: every picture of ``--pictures`` (each ``--every``-th) is resized, recompressed, mirrored, cropped,
  and all of it, and looked for through :class:`Guards` and its index as the audit does; once with the copies
  among the train pictures, once among the test pictures. A pair is false where it is of two pictures whose lesions
  (``HAM10000_metadata`` beside them) differ.
* **Lists**: the known overlaps of the paper's test lists, from ids alone, through the command line.
* **A million**: hashes with the correlations of those of the pictures (a Gaussian of their covariance, cut at the
  median), against an index of ``--tests`` such pictures and their mirror images; and against one of all their windows.
  Memory is the peak of this process, the hashes themselves included.
"""

from __future__ import annotations

import csv
import io
import json
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import Clock, number, parse, parser, report


def main() -> None:
    """Measure what the options name, and print it."""
    made = parser(__doc__)
    made.add_argument("--pictures", type=Path, required=True, help="HAM10000 in its official layout")
    made.add_argument("--every", type=int, default=3, metavar="N", help="take each N-th picture (default: %(default)s)")
    made.add_argument("--lists", type=Path, help="the original release's test lists")
    made.add_argument("--ham", type=Path, help="HAM10000's metadata, all rows")
    made.add_argument("--hashes", type=int, default=1_000_000, metavar="N", help="train hashes (default: %(default)s)")
    made.add_argument("--tests", type=int, default=50_000, metavar="N", help="test pictures (default: %(default)s)")
    made.add_argument(
        "--windows", type=int, default=100_000, metavar="N", help="train hashes looked up among all windows"
    )
    args = parse(made)
    figures: dict[str, Any] = {"planted": planted(args.pictures, args.every)}
    if args.lists and args.ham:
        figures["lists"] = lists(args.lists, args.ham)
    figures["million"] = million(args.pictures, args.hashes, args.tests, args.windows)
    report(args, "overlap", figures, rows(figures))


def planted(folder: Path, every: int) -> dict[str, Any]:
    """Share of the copies found, by what was done to them and which side they are on; false pairs."""
    from PIL import Image

    from mmskin_hub.evals.overlap.find import LIKENESS, RADIUS, SURE, Guards, look
    from mmskin_hub.evals.overlap.hashes import likeness
    from mmskin_hub.evals.overlap.rows import Row

    with (folder / "HAM10000_metadata").open(encoding="utf-8") as table:
        lesions = {row["image_id"]: row["lesion_id"] for row in csv.DictReader(table)}
    files = sorted(folder.glob("*/*.jpg"))[::every]
    images = [Image.open(file).convert("RGB") for file in files]
    lesion = [lesions[file.stem] for file in files]
    plants = [(n, kind, _png(copy)) for n, image in enumerate(images) for kind, copy in copies(image, n)]
    figures: dict[str, Any] = {"pictures": len(files), "copies": len(plants), "radius": RADIUS}
    for side in ("train", "test"):
        guards = Guards()
        inside = plants if side == "test" else [(n, "", file.read_bytes()) for n, file in enumerate(files)]
        guards.add(0, (Row(place, "", "", "test", "t", data=data) for place, (_, _, data) in enumerate(inside)))
        guards.index()
        outside = plants if side == "train" else [(n, "", file.read_bytes()) for n, file in enumerate(files)]
        pairs: set[tuple[int, int]] = set()
        with Clock() as clock:
            for start in range(0, len(outside), 512):
                seen = [look(Row(0, "", "", "train", "a", data=data)) for *_, data in outside[start : start + 512]]
                for (a, b), bits in guards.near(seen, RADIUS).items():
                    one, other = seen[a].small, guards.small.get(b)
                    if bits <= SURE or (one is not None and other is not None and likeness(one, other) >= LIKENESS):
                        pairs.add((start + a, b))
        found: Counter[str] = Counter()
        false = 0
        for a, b in pairs:
            one, other = outside[a][0], inside[b][0]
            found[outside[a][1] or inside[b][1]] += one == other
            false += lesion[one] != lesion[other]
        planted = Counter(kind for _, kind, _ in plants)
        figures[f"copies in {side}"] = {
            "recall": number(sum(found.values()) / len(plants), 4),
            "by kind": {kind: number(found[kind] / planted[kind], 4) for kind in planted},
            "false pairs": false,
            "pairs compared": len(outside) * len(inside),
            "false share": number(false / (len(outside) * len(inside))),
            "pictures a second": number(len(outside) / clock.wall),
        }
    return figures


def _png(image: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, "PNG", compress_level=1)
    return target.getvalue()


def copies(image: Any, seed: int) -> Iterator[tuple[str, Any]]:
    """What may become of a picture on its way into another dataset."""
    import numpy as np
    from PIL import Image, ImageOps

    def jpeg(plain: Any, quality: int) -> Any:
        target = io.BytesIO()
        plain.save(target, "JPEG", quality=quality)
        return Image.open(target).convert("RGB")

    def crop(left: float, top: float, right: float, bottom: float) -> Any:
        width, height = image.size
        sides = (left * width, top * height, width - right * width, height - bottom * height)
        return image.crop(tuple(round(side) for side in sides))

    rng = np.random.default_rng(seed)
    scale = rng.uniform(0.5, 2.0)
    yield "resized", image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
    yield "recompressed", jpeg(image, int(rng.integers(50, 91)))
    yield "mirrored", ImageOps.mirror(image)
    yield "2.5 % off each side", crop(0.025, 0.025, 0.025, 0.025)
    yield "5 % off each side", crop(0.05, 0.05, 0.05, 0.05)
    sides = [0.0] * 4
    sides[int(rng.integers(4))] = 0.05
    yield "5 % off one side", crop(*sides)
    x, y = rng.uniform(0, 0.05, 2)
    yield "a window of 95 % anywhere", crop(x, y, 0.05 - x, 0.05 - y)
    yield "up to 5 % off each side", crop(*rng.uniform(0, 0.05, 4))
    small = jpeg(ImageOps.mirror(crop(0.05, 0.05, 0.05, 0.05)), 75)
    yield "all of it", small.resize((round(small.width * 0.8), round(small.height * 0.8)))


def lists(folder: Path, ham: Path) -> dict[str, Any]:
    """Rows of HAM10000 and of the BCN20000 test list whose id is in the ISIC2019 test list."""
    command = [
        sys.executable,
        "-m",
        "mmskin_hub",
        "audit",
        f"ham10000={ham}",
        f"bcn20000={folder / 'BCN20000_test.csv'}",
    ]
    with Clock(children=True) as clock:
        done = subprocess.run(
            [*command, "--against", f"isic2019={folder / 'ISIC_test.csv'}", "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
    counts = json.loads(done.stdout)["counts"]
    found = {f"{row['train']} {row['kind']}": row["test_rows"] for row in counts}
    return {**found, "exit": done.returncode, "seconds": number(clock.wall)}


def million(folder: Path, hashes: int, tests: int, windows: int) -> dict[str, Any]:
    """Seconds and memory of the search among hashes alone."""
    import numpy as np
    from PIL import Image

    from mmskin_hub.evals.overlap import hashes
    from mmskin_hub.evals.overlap.find import RADIUS
    from mmskin_hub.evals.overlap.index import HashIndex

    real = []
    for file in sorted(folder.glob("*/*.jpg"))[::4]:
        codes, telling = hashes.whole(hashes.grey(Image.open(file)))
        if telling:
            real.append(np.unpackbits(codes[0].view(np.uint8)))
    signs = np.array(real, dtype=np.float32) * 2 - 1
    shape = np.linalg.cholesky(np.cov(signs.T) + 1e-3 * np.eye(256)).astype(np.float32)

    def draw(count: int, seed: int) -> Any:
        rng = np.random.default_rng(seed)
        parts = []
        for start in range(0, count, 50_000):
            waves = rng.standard_normal((min(50_000, count - start), 256), dtype=np.float32) @ shape.T + signs.mean(
                axis=0
            )
            parts.append(np.packbits(waves > np.median(waves, axis=1, keepdims=True), axis=1).view(np.uint64))
        return np.concatenate(parts)

    train, test = draw(hashes, 1), draw(tests, 2)
    rng = np.random.default_rng(3)
    chosen = rng.choice(hashes, 1000, replace=False)
    plain = np.unpackbits(test[:1000].view(np.uint8), axis=1)
    for bits in plain:
        bits[rng.choice(256, 20, replace=False)] ^= 1
    train[chosen] = np.packbits(plain, axis=1).view(np.uint64)
    with Clock() as clock:
        index = HashIndex(np.concatenate([test, hashes.mirrored(test)]))
        query, place, _ = index.search(train, RADIUS)
    pairs = set(zip(query.tolist(), (place % tests).tolist(), strict=True))
    recall = sum((int(q), n) in pairs for n, q in enumerate(chosen)) / len(chosen)
    figures = {
        "train": hashes,
        "test": tests,
        "seconds": number(clock.wall),
        "cpu seconds": number(clock.cpu),
        "planted 20 bits apart, found": recall,
        "peak GiB": number(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20),
    }
    if windows:
        drawn = draw(tests * 2 * len(hashes.WINDOWS), 4)
        with Clock() as building:
            wide = HashIndex(drawn)
        with Clock() as clock:
            wide.search(train[:windows], RADIUS)
        figures["all windows"] = {
            "index": len(wide),
            "index seconds": number(building.wall),
            "a million in seconds": number(clock.wall * 1_000_000 / windows),
            "peak GiB": number(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20),
        }
    return figures


def rows(figures: dict[str, Any]) -> list[list[str]]:
    """The lines of the table in the README."""
    made, large = figures["planted"], figures["million"]
    sides = [made["copies in train"], made["copies in test"]]
    lines = [
        ["planted copies found", "≥ .95", f"{min(side['recall'] for side in sides)}", f"{made['copies']} copies"],
        ["false pairs", "≤ .001", f"{max(side['false share'] for side in sides)}", "of all pairs compared"],
        [
            f"{large['train']:,} hashes against {large['test']:,}",
            "minutes, 2 GB",
            f"{large['seconds']} s, {large['peak GiB']} GiB",
            "index included",
        ],
    ]
    if known := figures.get("lists"):
        same = [str(known.get(f"{name} same_id", 0)) for name in ("ham10000", "bcn20000")]
        lines.append(["ISIC test images in HAM10000, in the BCN test", "2981, 739", ", ".join(same), "ids alone"])
    return lines


if __name__ == "__main__":
    main()
