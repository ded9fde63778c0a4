"""Draw test books: ``python -m tests.drawing OUTDIR [names]``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.drawing import LAYOUTS, draw_all

if len(sys.argv) < 2 or any(name not in LAYOUTS for name in sys.argv[2:]):
    sys.exit(f"usage: python -m tests.drawing OUTDIR [names]\nnames: {' '.join(LAYOUTS)}")
for name, rows in draw_all(Path(sys.argv[1]), sys.argv[2:]).items():
    print(f"{name:20s} {len(rows):3d} pictures, {sum(row.drop is None for row in rows):3d} of them pairs")
