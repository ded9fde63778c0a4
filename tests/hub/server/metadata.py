"""The metadata of a card: what ``/api/validate-yaml`` accepts. Coarser than the real check."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import yaml

_LICENCES = (
    "apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 "
    "bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0 "
    "cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 "
    "cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 "
    "cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl "
    "gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc h-research intel-research lppl-1.3c ms-pl apple-ascl apple-amlr "
    "mpl-2.0 odc-by odbl openmdw-1.0 openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr "
    "deepfloyd-if-license fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 gemma "
    "unknown other"
)
LICENCES = frozenset(_LICENCES.split())
_STEPS = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
SIZES = frozenset({"n<1K", "n>1T", *(f"{low}<n<{high}" for low, high in pairwise(_STEPS))})
REPO = re.compile(r"[\w.-]+(/[\w.-]+)?\Z")


def front_matter(text: str) -> tuple[Any, str]:
    """The metadata at the head of a card (None without one), and what is wrong with it as YAML."""
    match = re.match(r"\s*---\r?\n(.*?)\r?\n---\r?(\n|\Z)", text, re.DOTALL)
    if match is None:
        return None, ""
    try:
        return yaml.safe_load(match[1]), ""
    except yaml.YAMLError as error:
        return None, f"The metadata is no YAML: {error}"


def problems(text: str, kind: str) -> tuple[list[str], list[str]]:
    """Errors and warnings about the card ``text`` of a ``model`` or ``dataset``."""
    metadata, wrong = front_matter(text)
    if wrong:
        return [wrong], []
    if metadata is None:
        return [], ["empty or missing yaml metadata in repo card"]
    if not isinstance(metadata, dict):
        return ["The metadata must be a mapping"], []
    errors = [f'"{key}" {why}' for key, why in _wrong(metadata, kind)]
    return errors, []


def _texts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _wrong(metadata: dict[str, Any], kind: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    licences = _texts(metadata.get("license", "unknown"))
    if not all(isinstance(one, str) and one in LICENCES for one in licences):
        found.append(("license", f"must be one of [{', '.join(sorted(LICENCES))}]"))
    for key in ("tags", "language", "datasets", "base_model", "size_categories", "task_categories", "metrics"):
        if key in metadata and not all(isinstance(one, str) for one in _texts(metadata[key])):
            found.append((key, "must be a string or a list of strings"))
    for key in ("pipeline_tag", "library_name", "pretty_name", "license_name", "license_link"):
        if key in metadata and not isinstance(metadata[key], str):
            found.append((key, "must be a string"))
    if kind == "dataset":
        found += [("size_categories", f"{one!r} is none") for one in _texts(metadata.get("size_categories") or [])
                  if one not in SIZES]  # fmt: skip
        found += _wrong_configs(metadata.get("configs"))
    else:
        found += [(key, f"{one!r} is no repository") for key in ("datasets", "base_model")
                  for one in _texts(metadata.get(key) or []) if not REPO.match(str(one))]  # fmt: skip
        found += _wrong_index(metadata.get("model-index"))
    return found


def _wrong_configs(configs: Any) -> list[tuple[str, str]]:
    if configs is None:
        return []
    if not isinstance(configs, list) or not all(isinstance(one, dict) for one in configs):
        return [("configs", "must be a list of mappings")]
    found = []
    for one in configs:
        if not isinstance(one.get("config_name"), str):
            found.append(("configs", "each must have a config_name"))
        files = one.get("data_files")
        for entry in files if isinstance(files, list) else []:
            if isinstance(entry, dict) and not ("split" in entry and "path" in entry):
                found.append(("configs", "each of data_files must have split and path"))
    if sum(bool(one.get("default")) for one in configs) > 1:
        found.append(("configs", "only one may be the default"))
    return found


def _wrong_index(index: Any) -> list[tuple[str, str]]:
    if index is None:
        return []
    if not isinstance(index, list):
        return [("model-index", "must be a list")]
    found = []
    for number, model in enumerate(index):
        place = f"model-index[{number}]"
        if not isinstance(model, dict) or not isinstance(model.get("name"), str):
            found.append((f"{place}.name", "is required"))
            continue
        for place_of, result in enumerate(model.get("results") or []):
            here = f"{place}.results[{place_of}]"
            if not isinstance(result.get("task", {}).get("type"), str):
                found.append((f"{here}.task.type", "is required"))
            dataset = result.get("dataset", {})
            found += [(f"{here}.dataset.{key}", "is required") for key in ("name", "type")
                      if not isinstance(dataset.get(key), str)]  # fmt: skip
            metrics = result.get("metrics")
            if not isinstance(metrics, list) or not all("type" in one and "value" in one for one in metrics):
                found.append((f"{here}.metrics", "each must have type and value"))
    return found
