"""A LoRA adapter becomes part of its base, and the result is proven before it is called done.

The base is merged in float32 where memory allows (a base in bfloat16 loses nothing by that, and the sum is rounded
once), saved in its own dtype under native names, loaded again, and asked the same questions each time:

* adapter beside the base, and merged into it: the same logits, up to what rounding alone does to them;
* merged in memory, and loaded from the files: the same logits, bit for bit on one machine.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmskin_hub.engine.publish import staged
from mmskin_hub.engine.work import write_json
from mmskin_hub.errors import MissingExtra, MmskinError, WrongUse, describe
from mmskin_hub.models.check import (
    adapter_fits,
    check_room,
    check_target,
    read_adapter,
    repository_of,
    require_vlm,
    told_when_full,
    weights_sha256,
)
from mmskin_hub.models.folder import find_weights
from mmskin_hub.models.questions import ask, largest_difference

TOLERANCE = 1e-5
"""How far apart two logits may be, at least."""
_FLOORS = 8
"""And at most, in units of what rounding alone does to the model's logits (:meth:`Questions.shaken`): merging changes
the order of sums. Measured on random LLaVAs of 2 to 24 layers, whose floors lie between 2e-6 and 1e-4, it is 0.8 to 1.3
of them; a mistake is thousands."""
_EMBEDDING = re.compile(r"(?:embed_tokens|lm_head)\.(?:base_layer\.)?weight$")
_DTYPES = ("float32", "bfloat16", "float16")
_PREPARATION = re.compile(
    r"(?:tokenizer.*|special_tokens_map\.json|added_tokens\.json|vocab\..*|merges\.txt|spiece\.model|"
    r"(?:video_)?(?:pre)?processor_config\.json|video_preprocessor_config\.json|chat_template.*|additional_chat_.*)"
)
_REPOSITORY = re.compile(r"(?P<name>[\w.-]+/[\w.-]+?)(?:@(?P<revision>[\w./-]+))?")


@dataclass(frozen=True, slots=True)
class Base:
    """Where the base lies, and what it is called."""

    folder: Path
    name: str
    revision: str | None


def merge(
    adapter: Path,
    out: Path,
    base: str | Path | None = None,
    *,
    overwrite: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Merge the LoRA adapter (and the layers trained whole with it) into its base; returns what was found.

    ``base``: a folder, or ``owner/name[@revision]``; without it the base that the adapter names. The facts are the part
    "merge" of ``out/run.json``; what training recorded there is kept. Raises :class:`WrongUse` for an adapter that is
    none or belongs to another base, :class:`MmskinError` where the proof fails, nothing then being left in ``out``.
    """
    settings = read_adapter(adapter)
    found = find_base(adapter, settings, base)
    check_target(out, overwrite, (adapter, found.folder))
    require_vlm(found.folder, found.name)
    digests = {"base": weights_sha256(found.folder), "adapter": weights_sha256(adapter)}
    record = _training_record(adapter)
    problems = [*adapter_fits(adapter, found.folder, settings), *_changed(record, found, digests["base"])]
    if problems:
        raise WrongUse(f"{adapter} is an adapter for another base than {found.name}: {'; '.join(problems)}.",
                       "Name the base it was trained on: --base DIR")  # fmt: skip
    stored = sum(path.stat().st_size for path in found.folder.glob("*") if path.suffix in (".safetensors", ".bin"))
    check_room(out, int(stored * 1.05))
    with told_when_full(out), staged(out) as stage:
        proof = _merge(adapter, found, stage, tell)
        facts = {
            "base": {"name": found.name, "revision": found.revision, "sha256": digests["base"]},
            "adapter": {"name": adapter.name, "sha256": digests["adapter"], **_lora(settings)},
            "result": weights_sha256(stage),
            **proof,
        }
        write_json(stage / "run.json", {**record, "merge": facts})
    return facts


def find_base(adapter: Path, settings: Mapping[str, Any], base: str | Path | None) -> Base:
    """The folder of the base: ``base`` if said, else what the adapter's config names, from the Hub where need be.

    A base that was drawn lies inside the folder of the training (``tiny-base``), and moves with it.
    """
    wanted = str(base) if base is not None else str(settings.get("base_model_name_or_path") or "")
    if not wanted:
        raise WrongUse("The adapter does not say what its base is.", "Name it: --base DIR")
    folder, inside = Path(wanted).expanduser(), adapter / Path(wanted).name
    if base is None and not folder.is_dir() and (inside / "config.json").is_file():
        folder = inside
    if folder.is_dir():
        known = repository_of(folder)
        return Base(folder.absolute(), known.get("repository") or folder.absolute().name, known.get("revision"))
    match = _REPOSITORY.fullmatch(wanted)
    if match is None or folder.parent.is_dir():
        raise WrongUse(f"There is no base model in {wanted}.", "Name the folder it lies in now: --base DIR")
    said = match["revision"] or (settings.get("revision") if base is None else None)
    return _fetched(match["name"], said)


def _fetched(name: str, revision: str | None) -> Base:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, revision=revision, ignore_patterns=["*.bin", "*.pth", "*.gguf"]))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise MmskinError(
            f"The base {name} is not here, and the Hub did not give it ({describe(error)}).",
            "Fetch it, and name its folder: --base DIR. For a gated model: hf auth login",
        ) from error
    return Base(folder, name, folder.name)


def _training_record(adapter: Path) -> dict[str, Any]:
    path = adapter / "run.json"
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise WrongUse(f"{path} cannot be read ({describe(error)}).", "Mend it, or take it away.") from error
    return found if isinstance(found, dict) else {}


def _changed(record: Mapping[str, Any], base: Base, here: Mapping[str, str]) -> list[str]:
    """Whether training saw other bytes than the files that would be loaded, whatever their names were then."""
    recorded = record.get("base")
    seen = recorded.get("sha256") if isinstance(recorded, dict) else None
    if isinstance(seen, dict) and seen and not {here[file] for file in find_weights(base.folder)} <= set(seen.values()):
        return ["run.json says that it was trained on files of weights with other SHA-256 sums"]
    return []


def _lora(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: settings.get(key) for key in ("r", "lora_alpha", "use_rslora", "use_dora", "modules_to_save")}


def _merge(adapter: Path, base: Base, stage: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """Merge, save into ``stage``, load again, compare; returns the figures. Raises where they are too far apart."""
    import torch

    peft = _peft()
    model, dtype = _load_base(base, tell)
    questions = ask(adapter, base.folder, model)
    exact = str(model.dtype).removeprefix("torch.")
    before = questions.answers(model)
    model = peft.PeftModel.from_pretrained(model, adapter).eval()
    _check_loaded(model, adapter)
    _cast(model, getattr(torch, exact))
    beside = questions.answers(model)
    floor = largest_difference(beside, questions.shaken(model))
    tell(f"merging {adapter} into {base.name}")
    model = model.merge_and_unload(safe_merge=True)
    inside = questions.answers(model)
    proof = {
        "dtype": dtype,
        "merged_in": exact,
        "questions": questions.count,
        "largest_logit": max(float(each.abs().max()) for each in beside),
        "effect_of_adapter": largest_difference(before, beside),
        "rounding_floor": floor,
        "adapter_vs_merged": _agree(
            beside, inside, max(TOLERANCE, _FLOORS * floor), "merging changed what the adapter says"
        ),
    }
    _cast(model, getattr(torch, dtype))
    _quiet(model)
    rounded = inside if dtype == exact else questions.answers(model)
    proof["rounding_to_dtype"] = largest_difference(inside, rounded)
    model.save_pretrained(stage, save_original_format=False)
    del model
    for folder in (base.folder, adapter):
        # What the adapter brings goes over what the base has: training may have added a chat template.
        _copy_preparation(folder, stage)
    tell("loading it again")
    again = _load(stage)
    proof["merged_vs_reloaded"] = _agree(
        rounded, questions.answers(again), TOLERANCE, "what was saved is another model"
    )
    return proof


def _peft() -> Any:
    try:
        import peft
    except ImportError as error:
        raise MissingExtra("mmskin merge", "train", error.name or "peft") from error
    return peft


def _load_base(base: Base, tell: Callable[[str], None]) -> tuple[Any, str]:
    """The base, in float32 where memory allows, and the dtype it is stored in."""
    import torch

    config = json.loads((base.folder / "config.json").read_text("utf-8"))
    if config.get("quantization_config"):
        raise WrongUse(
            f"{base.name} is quantized; LoRA cannot be merged into it without loss.",
            "Name the base before quantization: --base DIR",
        )
    model = _load(base.folder)
    dtype = str(model.dtype).removeprefix("torch.")
    if dtype not in _DTYPES:
        raise WrongUse(f"{base.name} is stored as {dtype}.", f"Merging is for {', '.join(_DTYPES)}.")
    if dtype != "float32":
        needed = model.num_parameters() * 4
        if needed * 1.2 < _free_memory():
            _cast(model, torch.float32)
        else:
            tell(f"float32 would take {needed / 1e9:.0f} GB of memory; merging in {dtype}")
    return model.eval(), dtype


def _cast(model: Any, dtype: Any) -> None:
    """Cast the weights alone: tables that are computed and not stored (rotary frequencies) stay in float32."""
    for weight in model.parameters():
        if weight.is_floating_point():
            weight.data = weight.data.to(dtype)


def _free_memory() -> int:
    """Bytes of memory that can be had: what the kernel says, else half of all there is."""
    try:
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _load(folder: Path) -> Any:
    """The model in ``folder`` in the dtype it is stored in; raises where a weight would be left to chance."""
    from transformers import AutoModelForImageTextToText

    if not find_weights(folder):
        raise WrongUse(f"{folder} holds no weights.", "Name the folder of a whole model.")
    try:
        model, told = AutoModelForImageTextToText.from_pretrained(
            folder, dtype="auto", output_loading_info=True, local_files_only=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise MmskinError(f"{folder} cannot be loaded ({describe(error)}).", "Fetch the model again.") from error
    wrong = sorted([*told["missing_keys"], *(str(each) for each in told["mismatched_keys"])])
    if wrong:
        raise MmskinError(
            f"{folder} lacks {len(wrong)} weights of its model ({', '.join(wrong[:4])}); they would be random.",
            "Fetch the model again, or convert it: mmskin convert llava-med",
        )
    return model.eval()


def _check_loaded(model: Any, adapter: Path) -> None:
    """peft loads with ``strict=False``: make sure that every weight arrived, and none was left as drawn."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import load_file

    wanted = load_file(adapter / "adapter_model.safetensors")
    # "auto" would ask the Hub whether the vocabulary grew; :func:`adapter_fits` has compared all shapes.
    found = get_peft_model_state_dict(model, save_embedding_layers=False)
    arrived = {key for key in found if key in wanted and bool((wanted[key].to(found[key]) == found[key]).all())}
    differing = [key for key in found if key not in arrived]
    strange = [key for key in wanted if key not in found and not _EMBEDDING.search(key)]
    if differing or strange:
        raise WrongUse(
            f"{adapter}: {len(differing) + len(strange)} of {len(wanted)} weights do not find their layer in the base "
            f"({', '.join([*strange, *differing][:3])}).",
            "It was trained on another base, or with another version of transformers: name the base with --base DIR",
        )


def _agree(ours: Any, theirs: Any, allowed: float, what: str) -> float:
    difference = largest_difference(ours, theirs)
    # Written so that a NaN is no agreement.
    if not difference <= allowed:
        raise MmskinError(
            f"The proof failed: {what} (logits differ by {difference:.3g}; at most {allowed:.3g} is allowed).",
            "Nothing was written. Try again with float32 weights, and report this if it stays.",
        )
    return difference


def _quiet(model: Any) -> None:
    """Generation settings that contradict one another (a temperature without sampling) must not stop the saving."""
    settings = model.generation_config
    if not settings.do_sample:
        for name in ("temperature", "top_p", "top_k"):
            setattr(settings, name, None)


def _copy_preparation(folder: Path, out: Path) -> None:
    for path in sorted(folder.iterdir()):
        if path.is_file() and _PREPARATION.fullmatch(path.name):
            shutil.copyfile(path, out / path.name)
