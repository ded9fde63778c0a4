"""From a name to a model that can be asked: weights and processor, an adapter on top, or a server.

Everything that can be wrong with a name or a folder is told as a :class:`~mmskin_hub.errors.MmskinError`. Weights come
from safetensors files only, and no code of a checkpoint is run, unless the user says so.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mmskin_hub.errors import MissingExtra, MmskinError, WrongUse
from mmskin_hub.evals.model.adapter import find_adapter, put_on
from mmskin_hub.evals.model.api import Scorer
from mmskin_hub.evals.model.facts import facts_of

DTYPES = ("auto", "float32", "bfloat16", "float16")
LISTED = 5


def load_model(
    name: str,
    *,
    adapter: str | None = None,
    revision: str | None = None,
    dtype: str = "auto",
    device: str | None = None,
    batch_size: int | str = "auto",
    trust_remote_code: bool = False,
    pickle: bool = False,
    template: str | None = None,
    max_length: int | None = None,
    model: str | None = None,
) -> Scorer:
    """The model called ``name``: a folder, a model on the Hub, a LoRA adapter (its base is then found through it), or
    the address of a server (``http://…/v1``, with ``model`` where it serves several).

    ``adapter`` is a LoRA adapter on top; ``dtype`` one of :data:`DTYPES` ("auto" is the checkpoint's own); ``device``
    as torch names it (by default the GPU of this process, else the CPU); ``template`` as
    :class:`~mmskin_hub.evals.model.prompts.Prompts` takes it; ``pickle`` also loads weights that are not safetensors.

    Raises :class:`MmskinError` for a model that is none, takes no pictures, lacks weights or an adapter's base, and
    :class:`MissingExtra` without the packages.
    """
    _check(dtype, batch_size)
    if name.lower().startswith(("http://", "https://")):
        from mmskin_hub.evals.model.endpoint import open_endpoint

        given = {"--adapter": adapter, "--revision": revision, "--template": template, "--device": device}
        given |= {"--dtype": None if dtype == "auto" else dtype}
        for option, value in given.items():
            if value:
                raise WrongUse(f"{option} does not go with a served model.", "Start the server with it.")
        return open_endpoint(name, model, concurrency=batch_size if isinstance(batch_size, int) else None)
    if model is not None:
        raise WrongUse(
            f"--served-model {model} goes with the address of a server, and {name} is none.", "Leave it out."
        )
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtra("mmskin eval", "eval", error.name or str(error)) from error
    from mmskin_hub.evals.model.vlm import VLM

    transformers.utils.logging.disable_progress_bar()
    found = find_adapter(adapter or name, None if adapter else revision, required=adapter is not None, pickle=pickle)
    base, base_revision = name, revision
    if found is not None and adapter is None:
        base, base_revision = found.base, found.base_revision
        if not _is_there(base):
            raise MmskinError(
                f"{name} is an adapter, and its base model {base!r} is no folder here and no name on the Hub.",
                f"Say where the base is: mmskin eval BASE --adapter {name}",
            )
    common = {"revision": base_revision, "trust_remote_code": trust_remote_code}
    config = _config(base, common)
    _only_safetensors(base, base_revision, pickle)
    processor = _processor(base if found is None or not found.has_processor else str(found.folder), common)
    where = _device(torch, device)
    whole = _weights(base, config, dtype, common, pickle)
    facts = facts_of(base, whole, processor, where)
    if found is not None:
        whole = put_on(whole, found, base)
        facts.update(found.facts(base))
    whole = _moved(whole, where, base)
    return VLM(
        whole,
        processor,
        name=name,
        revision=facts["revision"],
        template=template,
        batch_size=batch_size,
        max_length=max_length,
        facts=facts,
    )


def _check(dtype: str, batch_size: int | str) -> None:
    if dtype not in DTYPES:
        raise WrongUse(f"There is no --dtype {dtype}.", f"Choose one of: {', '.join(DTYPES)}.")
    if batch_size != "auto" and not (isinstance(batch_size, int) and batch_size > 0):
        raise WrongUse(f"--batch-size {batch_size} is no number of samples.", 'Give 1 or more, or "auto".')


def _device(torch: Any, name: str | None) -> Any:
    """The device called ``name``; without a name the GPU of this process, where there is one (each process of
    ``accelerate launch`` has its own), else the CPU."""
    if name:
        try:
            device = torch.device(name)
            torch.empty(1, device=device)
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            raise WrongUse(f"--device {name} is not to be had: {_reason(error)}", "Try --device cpu.") from error
        return device
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def _is_there(name: str) -> bool:
    """Whether ``name`` is a folder, or may be a name on the Hub (which is asked later)."""
    return bool(name) and (Path(name).is_dir() or (name.count("/") == 1 and not name.startswith((".", "/", "~"))))


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


def _config(name: str, common: dict[str, Any]) -> Any:
    """The config of a model that takes pictures and text and answers in text."""
    from transformers import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING, AutoConfig

    if name.startswith((".", "/", "~")) and not Path(name).is_dir():
        raise MmskinError(f"There is no folder {name}.", "Give the folder of a model, or OWNER/NAME on the Hub.")
    if Path(name).is_dir() and not (Path(name) / "config.json").is_file():
        raise MmskinError(f"The model {name} cannot be loaded: no config.json in it.", "Give the folder of a model.")
    try:
        config = AutoConfig.from_pretrained(name, **common)
    except OSError as error:
        raise MmskinError(
            f"The model {name} cannot be loaded: {_reason(error)}", "Give a folder with config.json, or OWNER/NAME."
        ) from error
    except ValueError as error:
        if "trust_remote_code" in str(error):
            raise MmskinError(
                f"The model {name} comes with code of its own, which is not run unasked.",
                "Read that code; if you trust it, say --trust-remote-code.",
            ) from error
        raise MmskinError(
            f"The model {name} is of a kind transformers does not know: {_reason(error)}",
            "Convert it to one transformers has (LLaVA-Med v1.5 is a LLaVA), or update transformers.",
        ) from error
    remote = "AutoModelForImageTextToText" in (getattr(config, "auto_map", None) or {})
    if type(config) not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING and not remote:
        raise MmskinError(
            f"{name} is no vision-language model: {config.model_type!r} does not take pictures and answer in text.",
            "Give a model for image-text-to-text. For an encoder of pictures take the probes: --tasks probe8",
        )
    return config


def _processor(name: str, common: dict[str, Any]) -> Any:
    from transformers import AutoProcessor

    try:
        processor = AutoProcessor.from_pretrained(name, **common)
    except ImportError as error:
        what = f"The processor of {name} needs more packages: {_reason(error)}"
        raise MmskinError(what, "Install what it names.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MmskinError(
            f"The processor of {name} cannot be loaded: {_reason(error)}",
            "Save it beside the weights: AutoProcessor.from_pretrained(BASE).save_pretrained(FOLDER)",
        ) from error
    if getattr(processor, "image_processor", None) is None or getattr(processor, "tokenizer", None) is None:
        raise MmskinError(
            f"{name} has no processor for pictures and text, only a {type(processor).__name__}.",
            "Save the processor of its base model beside the weights.",
        )
    return processor


def _only_safetensors(name: str, revision: str | None, pickle: bool) -> None:
    """Refuse a folder that has pickled weights only; for a model on the Hub, ``use_safetensors`` does."""
    folder = Path(name)
    if pickle or not folder.is_dir() or any(folder.glob("*.safetensors")):
        return
    pickled = sorted(path.name for path in folder.glob("*.bin")) + sorted(path.name for path in folder.glob("*.pt*"))
    if pickled:
        raise _pickled(name, pickled[0])
    raise MmskinError(f"{name} has no weights: no *.safetensors in it.", "Save or copy the whole model.")


def _pickled(name: str, file: str) -> MmskinError:
    return MmskinError(
        f"The weights of {name} are pickled ({file}), not safetensors; a pickle can run any code.",
        "Convert them (load and save_pretrained); or, where you trust their source, say --pickle.",
    )


def _weights(name: str, config: Any, dtype: str, common: dict[str, Any], pickle: bool) -> Any:
    """The model, every weight of it from the checkpoint."""
    import torch
    from transformers import AutoModelForImageTextToText

    kind = dtype if dtype == "auto" else getattr(torch, dtype)
    try:
        model, info = AutoModelForImageTextToText.from_pretrained(
            name,
            config=config,
            dtype=kind,
            use_safetensors=None if pickle else True,
            output_loading_info=True,
            **common,
        )
    except OSError as error:
        if not pickle and "safetensors" in str(error):
            raise _pickled(name, "no *.safetensors") from error
        raise MmskinError(f"The weights of {name} cannot be read: {_reason(error)}", "Download them again.") from error
    except (ValueError, RuntimeError) as error:
        from mmskin_hub.evals.model.batches import out_of_memory

        if out_of_memory(error):
            raise MmskinError(f"{name} does not fit into the memory.", "Take --dtype bfloat16.") from error
        raise MmskinError(
            f"The weights of {name} do not fit its config: {_reason(error)}", "Get both again."
        ) from error
    except Exception as error:
        if type(error).__name__ != "SafetensorError":
            raise
        raise MmskinError(f"The weights of {name} are damaged: {_reason(error)}", "Download them again.") from error
    missing = sorted(map(str, info.get("missing_keys") or ()))
    wrong = sorted(str(each[0] if isinstance(each, tuple) else each) for each in info.get("mismatched_keys") or ())
    if missing or wrong:
        some = ", ".join([*missing, *wrong][:LISTED])
        raise MmskinError(
            f"{name} lacks {len(missing) + len(wrong)} of its weights, which would be random: {some}"
            f"{', …' if len(missing) + len(wrong) > LISTED else ''}.",
            "Its checkpoint is incomplete, or was saved under other names by another version of transformers.",
        )
    return model


def _moved(model: Any, device: Any, name: str) -> Any:
    from mmskin_hub.evals.model.batches import out_of_memory

    try:
        return model.to(device)
    except Exception as error:
        if out_of_memory(error):
            raise MmskinError(
                f"{name} does not fit on {device}.", "Take --dtype bfloat16 or another device."
            ) from error
        raise
