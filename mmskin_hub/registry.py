"""One table of what the house can make. ``builders/`` is reached from here, by name, and never imported directly."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset that ``mmskin build`` makes.

    ``module`` has ``build(request) -> report``; ``source`` says what it is built from, and thereby which options the
    command takes ("books": PDF files; "mixture": built datasets). ``configs`` are all its configurations, the default
    first; of a mixture its variants.
    """

    name: str
    title: str
    module: str
    source: str
    configs: tuple[str, ...]

    def load(self) -> ModuleType:
        """Import the builder; this is where the heavy packages come in."""
        return import_module(self.module)


DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            name="mm_skin",
            title="picture-caption pairs out of dermatology textbooks",
            module="mmskin_hub.builders.mm_skin",
            source="books",
            configs=("captions", "open_vqa", "demographics"),
        ),
        Dataset(
            name="skinvl_sft",
            title="the training mixture of a SkinVL variant, as conversations",
            module="mmskin_hub.builders.skinvl_sft",
            source="mixture",
            configs=("mm", "pub", "pubmm"),
        ),
    )
}
