"""How fast a public dataset is built, beside a bare Pillow loop that reads, resizes and encodes the same pictures.

::

    python benchmarks/public_build.py FOLDER_OF_JPEGS --pictures 10000 --workers 2

The pictures of the folder are repeated under new ids until there are enough; both do the same ones, in turns, on the
same cores. Prints pictures a second of each, and the share.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

from PIL import Image

from mmskin_hub.builders.ham10000 import SPEC
from mmskin_hub.engine.public.build import Request, build

SIDE = 512


def bare(path: Path) -> int:
    """One picture as anybody would do it."""
    image = Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
    scale = SIDE / max(image.size)
    size = (round(image.width * scale), round(image.height * scale))
    out = io.BytesIO()
    image.resize(size, Image.Resampling.LANCZOS).save(out, "JPEG", quality=95)
    return len(out.getvalue())


def lay(root: Path, source: Path, count: int) -> list[Path]:
    """HAM10000's layout, with the pictures of ``source``."""
    folder = root / "HAM10000_images_part_1"
    folder.mkdir(parents=True)
    lines, files = ["lesion_id,image_id,dx,dx_type,age,sex,localization"], []
    for number, file in zip(range(count), cycle(sorted(source.glob("*.jpg"))), strict=False):
        name = f"ISIC_{number:07d}"
        (folder / f"{name}.jpg").write_bytes(file.read_bytes())
        files.append(folder / f"{name}.jpg")
        lines.append(f"HAM_{number},{name},nv,histo,50,male,back")
    (root / "HAM10000_metadata").write_text("\n".join(lines) + "\n")
    return files


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="a folder of JPEG files")
    parser.add_argument("--pictures", type=int, default=10_000, help="how many (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="threads of both (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=1, help="how often, in turns (default: %(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        files = lay(root / "raw", args.source, args.pictures)
        request = Request(raw=root / "raw", out=root / "out", threads=args.workers, overwrite=True)
        for _ in range(args.rounds):
            began = time.perf_counter()
            with ThreadPoolExecutor(args.workers) as pool:
                list(pool.map(bare, files))
            middle = time.perf_counter()
            build(SPEC, request)
            ended = time.perf_counter()
            own, other = len(files) / (ended - middle), len(files) / (middle - began)
            print(f"bare loop {other:.0f} a second, build {own:.0f} a second: {own / other:.0%}")


if __name__ == "__main__":
    main()
