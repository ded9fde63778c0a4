"""What ``build.json`` says of a public dataset: every line accounted for, and how far it is from a full download."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmskin_hub.engine.public.spec import REASONS
from mmskin_hub.engine.public.write import Part, classes_of
from mmskin_hub.engine.publish import file_digests
from mmskin_hub.engine.tools import installed_versions
from mmskin_hub.registry import PublicDataset
from mmskin_hub.schema import SPLITS

if TYPE_CHECKING:
    from mmskin_hub.engine.public.build import Request

_TOOLS = ("mmskin-hub", "datasets", "pyarrow", "numpy", "scipy", "pillow", "imagehash")


def record_of(
    stage: Path,
    facts: PublicDataset,
    request: Request,
    parts: Sequence[Part],
    sizes: Mapping[str, Any],
) -> dict[str, Any]:
    """The facts of the build, and the card made of them."""
    from mmskin_hub.hub.cards.public import render_public_card

    main = parts[0]
    record: dict[str, Any] = {
        "dataset": facts.name,
        "version": request.version,
        "title": facts.title,
        "options": {"split": request.split, "max_side": request.max_side, "allow_missing": request.allow_missing},
        "tools": installed_versions(_TOOLS),
        "inputs": [{"name": name} for part in parts for name in part.read.inputs],
        "licence": facts.licence,
        "may_push": facts.may_push,
        "source": facts.source,
        "how_to_get": facts.how_to_get,
        "full_release": {"images": facts.images, "per_class": dict(facts.per_class)},
        "classes": list(classes_of(facts, main.records)),
        "group_by": list(facts.group_by),
        "counts": _counts(main, facts),
        "split": main.split,
        "configs": dict(sizes),
        "files": file_digests(stage),
    }
    if len(parts) > 1:
        record["sets"] = {part.spec.config: {"counts": _counts(part, facts), "split": part.split} for part in parts}
    card = render_public_card(record, {part.spec.config: part.spec for part in parts})
    (stage / "README.md").write_text(card, encoding="utf-8")
    return record


def _counts(part: Part, facts: PublicDataset) -> dict[str, Any]:
    """How many lines were read, and what became of them; the equation holds: read = published + rejected."""
    reasons = Counter(row.reason for row in part.rejects)
    classes = Counter(record.label for record in part.records if record.label is not None)
    counts: dict[str, Any] = {
        "read": part.read.lines,
        "published": len(part.records),
        "rejected": len(part.rejects),
        "rejects": {reason: reasons[reason] for reason in REASONS if reasons[reason]},
        "classes": {name: classes[name] for name in classes_of(facts, part.records)},
        "no_label": sum(record.label is None for record in part.records),
        "modalities": dict(sorted(Counter(str(record.modality) for record in part.records).items())),
        "split_modalities": _by_split((record.split, record.modality) for record in part.records),
        "split_skin_tones": _by_split((record.split, record.skin_tone) for record in part.records),
        "pictures_not_in_a_table": part.read.unlisted,
        "cells_not_understood": dict(sorted(part.read.unread.items())),
    }
    counts["differs"] = _differs(part, facts)
    return counts


def _by_split(rows: Iterable[tuple[str, str | None]]) -> dict[str, dict[str, int]]:
    """How many rows of each split have each value, splits in reading order; rows without one are "unknown"."""
    found = Counter((split, value or "unknown") for split, value in rows)
    names = sorted({value for _, value in found})
    held = [split for split in SPLITS if any(own == split for own, _ in found)]
    return {split: {name: found[split, name] for name in names} for split in held}


def _differs(part: Part, facts: PublicDataset) -> dict[str, dict[str, int]]:
    """Where the published rows are not those of a complete download: ``here`` and ``expected``, by class and in all.

    Rows of an official test set (which come beside the release) are not part of the comparison.
    """
    own = [record for record in part.records if not record.pinned]
    found: dict[str, dict[str, int]] = {}
    if facts.images is not None and len(own) != facts.images:
        found["images"] = {"here": len(own), "expected": facts.images}
    labels = Counter(record.label for record in own)
    for name, expected in facts.per_class.items():
        if labels[name] != expected:
            found[name] = {"here": labels[name], "expected": expected}
    return found
