"""The project's own test books, drawn in code with exact truth.

:data:`LAYOUTS` maps a layout's name to ``draw(path, seed) -> list[Truth]``; ``python -m tests.drawing OUTDIR [names]``
writes one folder a layout with ``book.pdf`` and ``truth.jsonl``. :mod:`tests.drawing.broken` makes bad files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from tests.drawing import panels, plain, plates, scans, stored
from tests.drawing.truth import Truth, write_truth

Draw = Callable[[Path, int], list[Truth]]
LAYOUTS: dict[str, Draw] = {**plain.LAYOUTS, **plates.LAYOUTS, **panels.LAYOUTS, **stored.LAYOUTS, **scans.LAYOUTS}
NAMES = {"below_one": "Кожные болезни, том 2.pdf", "grid": "Atlas dermatológico à l’usage (3ème éd.).pdf"}


def draw_all(out: Path, names: Iterable[str] = (), seed: int = 1) -> dict[str, list[Truth]]:
    """Draw the named layouts (all of them where none is named) under ``out``; the truth of each by name."""
    drawn = {}
    for name in list(names) or list(LAYOUTS):
        folder = Path(out) / name
        folder.mkdir(parents=True, exist_ok=True)
        drawn[name] = LAYOUTS[name](folder / NAMES.get(name, "book.pdf"), seed)
        write_truth(folder, drawn[name])
    return drawn


__all__ = ["LAYOUTS", "Draw", "Truth", "draw_all", "write_truth"]
