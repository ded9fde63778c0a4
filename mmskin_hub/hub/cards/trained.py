"""What ``run.json`` says of a model, made ready for its card: base, data, settings, hardware, energy, merge."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from mmskin_hub.hub.cards.carbon import GRAMS_A_KWH, grams, mass
from mmskin_hub.hub.cards.markdown import Cell, code, listed, plain, table
from mmskin_hub.hub.subject import TrainingData

TITLES = {"mm": "SkinVL-MM", "pub": "SkinVL-Pub", "pubmm": "SkinVL-PubMM"}
_REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w.-]+")
_SETTINGS: dict[str, tuple[str, ...]] = {
    "model": ("use_peft", "lora_r", "lora_alpha", "lora_dropout", "use_rslora", "use_dora", "load_in_4bit",
              "load_in_8bit", "dtype"),
    "script": ("train_projector", "open_vision_tower", "projector_learning_rate", "vision_learning_rate",
               "use_row_weights", "weights", "caps", "group_by_length"),
    "training": ("learning_rate", "lr_scheduler_type", "warmup_steps", "optim", "weight_decay", "max_grad_norm",
                 "num_train_epochs", "max_steps", "per_device_train_batch_size", "gradient_accumulation_steps",
                 "max_length", "bf16", "fp16", "gradient_checkpointing"),
}  # fmt: skip
"""The settings that decide what came out, by the part of the configuration that holds them."""
_OF_LORA = ("lora_r", "lora_alpha", "lora_dropout", "use_rslora", "use_dora")
_OFF = (None, False, -1)
"""Values of a setting that was not used."""


def last(place: object) -> str:
    """The last part of a path of some machine."""
    text = str(place)
    return PurePosixPath(text.replace("\\", "/")).name or text


def repository(data: TrainingData) -> str:
    """The repository that ``data`` names, without its revision; of a folder its last part."""
    return data.place.partition("@")[0] if data.commit else last(data.place)


def base_of(run: Mapping[str, Any]) -> dict[str, Any]:
    """The base model: ``name``, ``repository`` and ``revision`` on the Hub ("" where unknown), ``sha256`` of its files.

    A name counts as one on the Hub only with a revision; a converted base has that of what it was converted from.
    """
    merged, trained = (run.get("merge") or {}).get("base") or {}, run.get("base") or {}
    # Training knew the name; merging may have been given a folder of it.
    facts = {**{k: v for k, v in merged.items() if v}, **{k: v for k, v in trained.items() if v}}
    name, source = str(facts.get("name", "")), facts.get("converted_from") or {}
    found: dict[str, Any] = {
        "name": last(name), "sha256": facts.get("sha256") or {}, "repository": "", "revision": "", "converted": False,
    }  # fmt: skip
    if facts.get("revision") and _REPOSITORY.fullmatch(name):
        found |= {"name": name, "repository": name, "revision": facts["revision"]}
    elif source.get("repository"):
        found |= {"repository": source["repository"], "revision": source["revision"], "converted": True}
    return found


def is_adapter(run: Mapping[str, Any]) -> bool:
    """Whether the model is a LoRA adapter that needs its base: it was trained as one, and not merged."""
    return bool(((run.get("configuration") or {}).get("model") or {}).get("use_peft")) and "merge" not in run


def title_of(run: Mapping[str, Any], repo: str, name: str) -> str:
    """The name of the repository, else that of the SkinVL variant, else ``name``."""
    variant = ((run.get("configuration") or {}).get("script") or {}).get("variant")
    return repo.partition("/")[2] or TITLES.get(variant or "", name)


def settings(run: Mapping[str, Any]) -> str:
    """The settings of the training as a table; those that were not used are left out."""
    configuration = run.get("configuration") or {}
    lora = (configuration.get("model") or {}).get("use_peft")
    rows: list[list[Cell]] = []
    for part, names in _SETTINGS.items():
        held = configuration.get(part) or {}
        for name in names:
            if held.get(name) in _OFF or (name in _OF_LORA and not lora):
                continue
            rows.append([code(name), _value(held[name])])
    for name in ("seed", "data_seed"):
        if run.get(name) is not None:
            rows.append([code(name), _value(run[name])])
    return table(["setting", "value"], rows, "ll")


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return plain(", ".join(f"{key} {_value(each)}" for key, each in value.items()))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else plain(value)


def data_rows(run: Mapping[str, Any]) -> str:
    """What became of the rows of each split, as a table."""
    counts = (run.get("data") or {}).get("counts") or {}
    fates = ("read", "used", "too_long", "capped", "tokens", "learned")
    rows: list[list[Cell]] = [[split, *(row.get(fate) for fate in fates)] for split, row in counts.items()]
    return table(["split", "read", "used", "too long", "capped", "tokens", "tokens learned"], rows, "lrrrrrr")


def data_sources(run: Mapping[str, Any], data: Sequence[TrainingData]) -> str:
    """The datasets it was trained on: as the release names them, else as the training recorded them."""
    rows: list[list[Cell]] = [
        [code(repository(each)), plain(each.record.get("version") or each.revision), code(each.commit)] for each in data
    ]
    if not rows:
        rows = [
            [code(each.get("repository") or each["name"]), plain(each.get("version") or ""),
             code(each.get("commit") or "")]
            for each in (run.get("data") or {}).get("sources") or ()
        ]  # fmt: skip
    return table(["dataset", "version", "commit"], rows, "lll")


def outcome(run: Mapping[str, Any]) -> str:
    """Steps, epochs and losses in a sentence; "" where nothing is known."""
    result = run.get("result") or {}
    parts = []
    if result.get("step") is not None:
        parts.append(f"{result['step']:,} steps")
    if result.get("epoch") is not None:
        parts.append(f"{result['epoch']:.2f} epochs")
    for key, words in (("train_loss", "mean training loss"), ("eval_loss", "validation loss")):
        if result.get(key) is not None:
            parts.append(f"{words} {result[key]:.3f}")
    return f"{listed(parts)}." if parts else ""


def hardware(run: Mapping[str, Any]) -> str:
    """What it ran on, how long, and in how many goes; "" where nothing is known."""
    sessions = run.get("sessions") or ()
    if not sessions:
        return ""
    kinds = list(dict.fromkeys(_kind(each) for each in sessions[-1].get("hardware") or ()))
    began = str(sessions[0].get("began", ""))[:10]
    words = [
        f"Begun on {began}" if began else "Training",
        f"{run['hours']:.3g} hours" if run.get("hours") is not None else "",
        f"in {len(sessions):,} goes" if len(sessions) > 1 else "",
        f"on {listed(kinds)}" if kinds else "",
    ]
    return f"{', '.join(filter(None, words))}."


def _kind(each: Mapping[str, Any]) -> str:
    accelerator = each.get("accelerator") or {}
    memory = f" ({accelerator['memory_gb']:g} GB)" if accelerator.get("memory_gb") else ""
    device = f"{plain(accelerator['name'])}{memory}" if accelerator.get("name") else ""
    processor = plain(each.get("processor") or "a processor of unknown name")
    what = f"{device} with {processor}" if device else processor
    return f"{each['processes']:,} × {what}" if each.get("processes") else what


def energy(run: Mapping[str, Any]) -> list[str]:
    """The energy and what it stands for in carbon, as sentences; empty where the run does not know it."""
    found, emitted = run.get("energy") or {}, grams(run)
    if emitted is None:
        return []
    parts = [f"{name.upper()} {part['kwh']:.3g} kWh ({plain(part['source'])})" for name, part in found["parts"].items()]
    return [
        f"Energy: **{found['kwh']:.3g} kWh**: {listed(parts)}.",
        f"Carbon: about **{mass(emitted)} CO2e**, assuming the world's average electricity, {GRAMS_A_KWH} g CO2e a kWh "
        "(Green Algorithms); where it was made is not recorded.",
        *([f"Not in it: {plain(found['without'])}."] if found.get("without") else []),
    ]


def merged(run: Mapping[str, Any]) -> str:
    """The proof of the merge in a sentence; "" for what was not merged."""
    facts = run.get("merge")
    if not facts:
        return ""
    return (
        f"The adapter was merged in {facts['merged_in']} and saved in {facts['dtype']}. Over {facts['questions']:,} "
        f"questions the adapter moves logits by up to {facts['effect_of_adapter']:.3g}; adapter beside the base and "
        f"merged into it differ by {facts['adapter_vs_merged']:.3g}, merged and loaded again by "
        f"{facts['merged_vs_reloaded']:.3g}."
    )


def digests(held: Mapping[str, str] | None) -> str:
    """SHA-256 of files of weights, as a table."""
    return table(["file", "SHA-256"], ([code(name), code(value)] for name, value in (held or {}).items()), "ll")


def licences_of(data: Iterable[TrainingData]) -> dict[str, set[str]]:
    """The licences of the rows of each source of ``data``, as their records state them."""
    found: dict[str, set[str]] = {}
    for each in data:
        record = each.record
        sources = (record.get("counts") or {}).get("licences")
        if sources is None:
            licence = record.get("licence")
            sources = {str(record.get("dataset") or each.place): {str(licence): 0}} if licence else {}
        for name, licences in sources.items():
            found.setdefault(name, set()).update(licences)
    return found
