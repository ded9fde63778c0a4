"""The weights of a model: safetensors and nothing else, and the very ones that were recorded and measured."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmskin_hub.engine.publish import digest_of_sums
from mmskin_hub.errors import MmskinError, some
from mmskin_hub.hub.checks.look import Look
from mmskin_hub.hub.checks.results import eval_command, tasks_of
from mmskin_hub.hub.checks.verdict import Thresholds, Verdict, Wanted
from mmskin_hub.models.check import ADAPTER, weights_sha256
from mmskin_hub.models.folder import find_weights

WEIGHTS = Wanted("weights", "whole safetensors files, no pickles, nothing that training left behind")
SAME = Wanted("same_weights", "record and results are of these very weights (SHA-256)")

_ADAPTER_WEIGHTS = "adapter_model.safetensors"
_BELONGS = re.compile(
    r"[\w.-]+\.(?:safetensors|json|jinja|model|txt|md|ya?ml|bib|cff)|LICEN[CS]E|NOTICE|USE_POLICY\.md|"
    r"chat_templates/[\w.-]+\.jinja"
)
_LEFTOVERS = re.compile(
    r"(?:.*/)?(?:optimizer|scheduler|rng_state|scaler|trainer_state|training_args|global_step|complete\.json|stopped|"
    r"latest$|zero_to_fp32)[\w.-]*|(?:checkpoint-\d+|index|samples|runs|logs|wandb)/.*|rejects\.jsonl"
)


def weights(look: Look, thresholds: Thresholds) -> Verdict:
    """Every file belongs to a model; safetensors are as long as they say, and none that an index names is missing."""
    left = [name for name in look.files if _LEFTOVERS.fullmatch(name)]
    strange = [name for name in look.files if name not in left and not _BELONGS.fullmatch(name)]
    if left or strange:
        told = [f"{name} was left behind by training" for name in left]
        told += [f"{name} is no file of safe weights, or of a model at all" for name in strange]
        return WEIGHTS.bad(some(told), "Take these files out of the folder, or release what mmskin merge writes.")
    folder = look.subject.folder
    try:
        names = find_weights(folder) or tuple(_ADAPTER_WEIGHTS for _ in [0] if (folder / _ADAPTER_WEIGHTS).is_file())
    except MmskinError as error:
        return WEIGHTS.bad(error.what, error.remedy)
    if not names:
        return WEIGHTS.bad("there are no weights", "Name the folder that mmskin merge or mmskin train wrote.")
    if names == (_ADAPTER_WEIGHTS,) and not (folder / ADAPTER).is_file():
        return WEIGHTS.bad(f"an adapter without {ADAPTER}", "Name the folder that mmskin train wrote.")
    more = [name for name in look.files if name.endswith(".safetensors") and name not in names]
    if more:
        return WEIGHTS.bad(some(f"{name} is of no index" for name in more), "Take these files out of the folder.")
    if wrong := [f"{name}: {why}" for name in names if (why := _damaged(folder / name))]:
        return WEIGHTS.bad(some(wrong), "Merge or train again: the file is damaged or half copied.")
    return WEIGHTS.good(f"{len(names)} safetensors file{'s' if names[1:] else ''}")


def _damaged(path: Path) -> str:
    """Why a safetensors file is none, from its header alone; "" where it is one.

    The form: 8 bytes, little-endian, the length of a JSON header; the header; then exactly the bytes it speaks of
    (github.com/huggingface/safetensors, "Format").
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > size - 8:
            return "it is no safetensors file"
        try:
            header = json.loads(file.read(length))
            ends = [int(each["data_offsets"][1]) for name, each in header.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            return "it is no safetensors file"
    if 8 + length + max(ends, default=0) != size:
        return f"it has {size:,} bytes, and its header speaks of {8 + length + max(ends, default=0):,}"
    return ""


def same_weights(look: Look, thresholds: Thresholds) -> Verdict:
    """What ``run.json`` says was written, and what ``results.json`` says was asked, are the files of the folder.

    ``mmskin eval`` records the digest over names and SHA-256 of the files of weights (of an adapter beside that of its
    base); ``mmskin train`` and ``mmskin merge`` the SHA-256 of each.
    """
    folder = look.subject.folder
    here = weights_sha256(folder, look.subject.sums)
    if not here:
        return SAME.unfit("there are no weights (see weights)")
    written = _written(look.record)
    if written is None:
        return SAME.bad("run.json does not say which weights it is about", "Merge or train again: it is written there.")
    if written != here:
        odd = sorted(name for name in {*here, *written} if here.get(name) != written.get(name))
        return SAME.bad(f"run.json is about other weights: {some(odd)}", "Merge or train again, then evaluate that.")
    if tasks_of(look) is None:
        return SAME.unfit("there are no results (see results)")
    model = (look.subject.results or {}).get("model") or {}
    adapter = (folder / ADAPTER).is_file()
    told = str(model.get("adapter") or "").rpartition(" ")[2] if adapter else str(model.get("weights") or "")
    digest = digest_of_sums(sorted(here.items()))
    if told != f"sha256:{digest}" or (not adapter and model.get("adapter")):
        what = "do not say which weights they are of" if not told else "were made of other weights"
        return SAME.bad(f"the results {what}", f"Evaluate these: {eval_command(look)}")
    if adapter and (why := _other_base(look.record, str(model.get("weights") or ""))):
        return SAME.bad(why, "Evaluate the adapter on the base it was trained on: mmskin eval BASE --adapter DIR …")
    return SAME.good(f"sha256:{digest[:12]}…")


def _written(record: Mapping[str, Any]) -> Mapping[str, str] | None:
    """SHA-256 of the weights by file, as the last step that wrote them recorded it."""
    for step, key in (("merge", "result"), ("", "weights"), ("convert", "result")):
        found = (record.get(step) or {}).get(key) if step else record.get(key)
        if isinstance(found, Mapping) and found:
            return found
    return None


def _other_base(record: Mapping[str, Any], told: str) -> str:
    sums = (record.get("base") or {}).get("sha256")
    if not isinstance(sums, Mapping) or not sums or not told.startswith("sha256:"):
        return ""
    if told != f"sha256:{digest_of_sums(sorted(sums.items()))}":
        return "the results were made with the adapter on another base"
    return ""
