"""The books of a locator: which of them the user has, and the real builder that reads them again."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmskin_hub.engine.books import find_books
from mmskin_hub.engine.publish import sha256_of
from mmskin_hub.errors import WrongUse, name_of
from mmskin_hub.hub.locator.read import Locator
from mmskin_hub.hub.locator.request import Request, Tell
from mmskin_hub.registry import DATASETS

NEAREST, FACTOR = 3, 4.0
"""So many unknown books are looked into for every one that is missing: those nearest in size, up to this factor."""
_SAMPLING = re.compile(r"temperature (?P<temperature>[\d.e+-]+), at most (?P<tokens>\d+) tokens, seed (?P<seed>-?\d+)")
_ALLOWED = {
    "ocr": ("rapidocr", "doctr", "none"),
    "split_by": ("auto", "book", "figure"),
    "duplicates": ("pair", "picture"),
}
"""What a build from books can have recorded."""
_NOBODY = "http://127.0.0.1:9/v1"
"""An address at which nobody answers: the discard port of this machine. Only the cache is asked."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The user's books beside those of a locator.

    ``found`` maps a fingerprint to its file, ``missing`` are the locator's records of the others; ``strangers`` are
    files that the locator does not know, with their size in bytes.
    """

    found: Mapping[str, str]
    missing: tuple[Mapping[str, Any], ...]
    strangers: Mapping[str, int]


def shelf_of(locator: Locator, books: Sequence[str], tell: Tell) -> Shelf:
    """Which of the books that ``locator`` needs are among ``books``, under whatever name and in whatever folder.

    Only files whose size fits are read. Raises what :func:`mmskin_hub.engine.books.find_books` raises.
    """
    # A file that the survey refused, and a second copy, gave the dataset no row that the locator's record lacks.
    needed = {str(entry["sha256"]): entry for entry in locator.inputs if not entry.get("rejected")}
    sizes = {int(entry["size"]) for entry in needed.values()}
    found: dict[str, str] = {}
    strangers: dict[str, int] = {}
    for path in find_books(books).paths:
        try:
            size = Path(path).stat().st_size
            tell(f"looking at {name_of(path)}")
            digest = sha256_of(Path(path)) if size in sizes else ""
        except OSError as error:
            tell(f"{name_of(path)} cannot be read: {error.strerror}")
            continue
        if digest in needed:
            found.setdefault(digest, path)
        else:
            strangers[path] = size
    missing = tuple(needed[book] for book in sorted(needed) if book not in found)
    return Shelf(found, missing, strangers)


def stand_ins(shelf: Shelf) -> list[str]:
    """The unknown files that could be other copies or editions of what is missing: the nearest in size of each."""
    chosen: set[str] = set()
    for entry in shelf.missing:
        whole = max(1, int(entry["size"]))
        far = {path: abs(math.log(max(1, size) / whole)) for path, size in shelf.strangers.items()}
        near = [path for path in far if far[path] <= math.log(FACTOR)]
        chosen.update(sorted(near, key=lambda path: (far[path], path))[:NEAREST])
    return sorted(chosen)


def make_books(locator: Locator, request: Request, books: Sequence[str], out: Path, configs: Sequence[str]) -> None:
    """Build ``configs`` of the locator's dataset from the files ``books`` into ``out``, with the recorded options.

    Raises what the builder raises.
    """
    module = DATASETS[locator.dataset].load()
    options = locator.options
    kept = {name: options.get(name) for name in _ALLOWED}
    odd = [name for name, value in kept.items() if value not in _ALLOWED[name]]
    if not isinstance(options.get("min_size"), int):
        odd.append("min_size")
    if odd:
        raise WrongUse(
            f"{locator.place}: build.json has no option {odd[0]} that this version knows.",
            f"Install the version that it was made with: {options.get('library') or 'see its card'}.",
        )
    asked = {}
    if request.cache is not None and options.get("vqa") == "endpoint" and "open_vqa" in configs:
        asked = {"endpoint": _from_cache(locator, request), "cache": request.cache}
    module.build(
        module.Request(
            books=tuple(books),
            out=out,
            version=locator.version,
            configs=tuple(configs),
            workers=request.workers,
            min_size=options["min_size"],
            work=request.work,
            overwrite=True,
            **kept,
            **asked,
        )
    )


def _from_cache(locator: Locator, request: Request) -> Any:
    """The endpoint that wrote the questions, as settings that find its answers in the cache and can ask nobody."""
    from mmskin_hub.derive.vqa.endpoint import EndpointSettings

    options = locator.options
    found = _SAMPLING.fullmatch(str(options.get("vqa_sampling") or ""))
    if found is None:
        raise WrongUse(
            f"{locator.place}: build.json does not say how the questions were written.", "Leave out --cache."
        )
    if "vqa_model" in (locator.record.get("withheld") or ()) and not request.vqa_model:
        raise WrongUse(
            f"The model that wrote the questions was a folder called {options['vqa_model']!r} on another machine.",
            "Its answers are kept under the whole name: give it with --vqa-model NAME.",
        )
    return EndpointSettings(
        url=_NOBODY,
        model=request.vqa_model or str(options["vqa_model"]),
        prompt=str(options["vqa_prompt"]),
        temperature=float(found["temperature"]),
        max_tokens=int(found["tokens"]),
        seed=int(found["seed"]),
        attempts=1,
        failures=1,
    )
