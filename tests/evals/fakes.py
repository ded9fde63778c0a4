"""Runs without a model and without files: what evaluate() needs, drawn, for tests and for processes that are killed."""

from __future__ import annotations

import argparse
import io
import random
import resource
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmskin_hub.errors import MmskinError
from mmskin_hub.evals import run
from mmskin_hub.evals.data import COLUMNS
from mmskin_hub.evals.model.api import Ask, PartialAnswers, Scores
from mmskin_hub.evals.protocol import Protocol

SAID = ("Nevus", "It is melanoma.", "", "I cannot tell.", "Basal cell carcinoma", "Not melanoma", "\ud800?")
GEN, CHOICE = "mmskin_ham10000_gen", "mmskin_ham10000_choice"


@cache
def jpeg(seed: int, side: int = 128) -> bytes:
    """A picture of one colour; decoded it takes 48 KB."""
    dice, out = random.Random(seed), io.BytesIO()
    Image.new("RGB", (side, side), tuple(dice.randrange(256) for _ in range(3))).save(out, "JPEG")
    return out.getvalue()


def drawn_row(number: int, classes: int = 7) -> dict[str, Any]:
    """A row as open_rows gives it; two pictures a lesion, sex and age known of most."""
    known = {
        "id": f"ISIC_{number:07d}",
        "row": number,
        "image": {"bytes": jpeg(number % 50), "path": None},
        "label": random.Random(number).randrange(classes),
        "group_id": f"lesion{number // 2}",
        "sex": ("male", "female", None)[number % 3],
        "age_years": float("nan") if number % 5 == 4 else 20.0 + number % 70,
        "modality": "dermoscopic",
    }
    return {**dict.fromkeys(COLUMNS), **known}


@dataclass(frozen=True)
class Place:
    """A row of :class:`Drawn`."""

    row: int


@dataclass(frozen=True)
class Drawn:
    """A benchmark whose rows are drawn when they are read."""

    protocol: Protocol
    places: tuple[Place, ...]
    revision: str = "drawn-1"
    where: str = "ham10000=drawn"
    split: str = "test"
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return len(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for place in self.places:
            yield drawn_row(place.row)

    def shard(self, rank: int, world: int) -> Drawn:
        rows = len(self.places)
        return replace(self, places=self.places[rows * rank // world : rows * (rank + 1) // world])

    def without(self, rows: Collection[int]) -> Drawn:
        done = set(rows)
        return replace(self, places=tuple(place for place in self.places if place.row not in done))


@dataclass
class Fake:
    """A model that answers by the sample's id alone; it can be slow, fail, or be another one.

    ``fails`` are ids at which it stops, having answered those before; ``asked`` keeps what it was asked.
    """

    name: str = "fake"
    revision: str = "1"
    weights: str = "sha256:fake"
    delay: float = 0.0
    fails: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)
    said: tuple[str, ...] = SAID

    @property
    def facts(self) -> dict[str, Any]:
        return {"weights": self.weights, "dtype": "float32", "device": "cpu"}

    def generate(self, asks: Sequence[Ask], **generation: Any) -> list[str]:
        return self._each(asks, lambda ask: self.said[int(ask.id[-7:]) * 7919 % len(self.said)])

    def choose(self, asks: Sequence[Ask], choices: Sequence[Sequence[str]]) -> list[Scores]:
        def scores(ask: Ask) -> Scores:
            dice = random.Random(ask.id)
            return Scores(tuple(-9 * dice.random() for _ in choices[0]), tuple(1 + len(c) // 4 for c in choices[0]))

        return self._each(asks, scores)

    def _each(self, asks: Sequence[Ask], answer: Any) -> list[Any]:
        found: list[Any] = []
        for ask in asks:
            if ask.id in self.fails:
                error = MmskinError(f"Sample {ask.id}: the model gave NaN.", "Take --dtype float32.")
                raise PartialAnswers(error, dict(enumerate(found)))
            time.sleep(self.delay)
            self.asked.append(ask.id)
            found.append(answer(ask))
        return found


def install(patch: pytest.MonkeyPatch, scorer: Fake, rows: int, revision: str = "drawn-1") -> None:
    """Have evaluate() ask ``scorer`` about ``rows`` drawn rows, until ``patch`` is undone."""

    def opened(p: Protocol, where: Any, split: str = "test", limit: int | None = None, start: int = 0) -> Drawn:
        return Drawn(p, tuple(Place(row) for row in range(min(rows, limit or rows))), revision)

    patch.setattr(run, "load", lambda request: scorer)
    patch.setattr(run, "open_rows", opened)


def request(out: Path, tasks: tuple[str, ...] = (GEN,), **more: Any) -> run.Request:
    """What a user would ask for."""
    return run.Request(model="fake", tasks=tasks, data={"ham10000": "drawn"}, out=out, **more)


def main() -> None:
    """A run in a process of its own; prints the highest resident set in KiB."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("rows", type=int)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--tasks", nargs="+", default=[GEN])
    args = parser.parse_args()
    with pytest.MonkeyPatch.context() as patch:
        install(patch, Fake(delay=args.delay), args.rows)
        run.evaluate(request(args.out, tuple(args.tasks)))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    main()
