"""The base model of a run: where it is, whether it can see, and its weights in the form that the run asks for."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmskin_hub.errors import MissingExtra, MmskinError, WrongUse, describe
from mmskin_hub.training.arguments import ScriptArguments

TINY = "tiny"
"""The name of the model that is drawn in code."""


@dataclass
class Base:
    """A base model before its weights are loaded. ``place`` is what transformers loads: a folder or a repository."""

    name: str
    place: str
    revision: str | None
    config: Any
    processor: Any
    facts: dict[str, Any] = field(default_factory=dict)


def open_base(arguments: Any, training: Any) -> Base:
    """Config and processor of the model that trl's ``ModelConfig`` (``arguments``) names.

    Raises :class:`WrongUse` where it is none that can be trained here.
    """
    try:
        from transformers import AutoConfig, AutoProcessor
    except ImportError as error:
        raise MissingExtra("Training", "train", error.name or "transformers") from error
    from mmskin_hub.models.check import require_vlm

    name = arguments.model_name_or_path
    if not name:
        raise WrongUse("No model was named.", "Say --model_name_or_path FOLDER, or a model of the Hub, or tiny")
    place, revision = str(name), arguments.model_revision
    if name == TINY:
        from mmskin_hub.training.tiny import draw

        with training.main_process_first(local=False, desc="drawing the tiny model"):
            place, revision = str(draw(Path(training.output_dir) / "tiny-base")), None
    elif Path(place).expanduser().is_dir():
        place, revision = str(Path(place).expanduser()), None
    folder = _configured(place, revision, str(name))
    require_vlm(folder, str(name))
    trust = {"trust_remote_code": training.trust_remote_code}
    try:
        config = AutoConfig.from_pretrained(place, revision=revision, **trust)
        # For LLaVA Pillow's pictures: padded and scaled they are exactly those of the original code; torchvision's,
        # which are chosen where it is installed, differ by up to .015.
        backend = {"backend": "pil"} if config.model_type == "llava" else {}
        processor = AutoProcessor.from_pretrained(place, revision=revision, **trust, **backend)
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise WrongUse(
            f"{name} cannot be opened ({describe(error)}).", "Check the name, or your connection."
        ) from error
    if not hasattr(processor, "image_processor") or not hasattr(processor, "tokenizer"):
        raise WrongUse(f"{name} has no processor for pictures.", "Copy preprocessor_config.json into its folder.")
    if training.chat_template_path is not None:
        try:
            processor.chat_template = Path(training.chat_template_path).read_text("utf-8")
        except OSError as error:
            raise WrongUse(
                f"--chat_template_path cannot be read ({describe(error)}).", "Name a .jinja file."
            ) from error
        training.chat_template_path = None  # or trl would read it again, and extend the vocabulary
    if processor.tokenizer.pad_token is None:
        # Padding is masked everywhere; which token stands there is all the same.
        processor.tokenizer.pad_token = processor.tokenizer.eos_token
    commit = folder.name if "snapshots" in folder.parts else None
    return Base(str(name), place, revision, config, processor, {"name": str(name), "revision": commit or revision})


def _configured(place: str, revision: str | None, name: str) -> Path:
    """The folder that holds the model's ``config.json``: its own, or one in the Hub's cache."""
    if Path(place).is_dir():
        return Path(place)
    from transformers.utils import cached_file

    try:
        return Path(str(cached_file(place, "config.json", revision=revision))).parent
    except (OSError, ValueError) as error:
        raise WrongUse(
            f"{name}: there is no such folder here, and the Hub did not give a model of that name ({describe(error)}).",
            "Check the name, your connection, and for a gated model: hf auth login",
        ) from error


def longest(base: Base, asked: int | None) -> int | None:
    """The longest row in tokens: what was ``asked`` for, but no more than the model has positions for."""
    text = base.config.get_text_config()
    most = getattr(text, "max_position_embeddings", None)
    return min((each for each in (asked, most) if each), default=None)


def load_weights(base: Base, arguments: Any, script: ScriptArguments, training: Any) -> Any:
    """The model itself, on the CPU unless it is quantized; what is trained of it is not decided here."""
    import torch
    from transformers import AutoModelForImageTextToText

    quantization = _quantization(arguments)
    dtype = arguments.dtype if arguments.dtype in ("auto", None) else getattr(torch, arguments.dtype)
    options: dict[str, Any] = {
        **(training.model_init_kwargs or {}),
        "revision": base.revision,
        "dtype": dtype,
        "attn_implementation": _attention(arguments, script, dtype),
        "trust_remote_code": training.trust_remote_code,
    }
    if quantization is not None:
        options |= {"quantization_config": quantization, "device_map": {"": training.local_process_index}}
    try:
        model = AutoModelForImageTextToText.from_pretrained(base.place, config=base.config, **options)
    except (OSError, ValueError, RuntimeError) as error:
        raise MmskinError(f"The weights of {base.name} cannot be loaded ({describe(error)}).",
                          "Check that the folder is whole.") from error  # fmt: skip
    model.config.use_cache = False
    if quantization is not None:
        import peft

        prepare: Any = peft.prepare_model_for_kbit_training
        model = prepare(model, use_gradient_checkpointing=training.gradient_checkpointing)
    if script.fast_kernels and torch.cuda.is_available() and importlib.util.find_spec("liger_kernel"):
        training.use_liger_kernel = True
    return model


def _attention(arguments: Any, script: ScriptArguments, dtype: Any) -> str | None:
    """flash-attention where it is installed and can run (a GPU, weights of half precision), else torch's own."""
    import torch

    if arguments.attn_implementation or not script.fast_kernels:
        return str(arguments.attn_implementation) if arguments.attn_implementation else None
    half = dtype in (torch.bfloat16, torch.float16)
    if half and torch.cuda.is_available() and importlib.util.find_spec("flash_attn"):
        return "flash_attention_2"
    return None


def _quantization(arguments: Any) -> Any:
    """The quantization that QLoRA asks for, or ``None``; raises where it cannot be done here."""
    if not arguments.load_in_4bit and not arguments.load_in_8bit:
        return None
    import torch

    which = "load_in_4bit" if arguments.load_in_4bit else "load_in_8bit"
    if not arguments.use_peft:
        raise WrongUse(f"{which} needs LoRA: quantized weights cannot be trained.", "Say --use_peft true")
    if not torch.cuda.is_available():
        raise WrongUse(f"{which} needs a GPU, and there is none.", f"Say --{which} false")
    if importlib.util.find_spec("bitsandbytes") is None:
        raise MmskinError(f"{which} needs the package 'bitsandbytes', which is not installed.",
                          "Install it with: pip install bitsandbytes")  # fmt: skip
    from transformers import BitsAndBytesConfig

    from mmskin_hub.training.lora import MORE_PROJECTORS, PROJECTORS, TOWERS

    half = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return BitsAndBytesConfig(
        load_in_4bit=arguments.load_in_4bit,
        load_in_8bit=arguments.load_in_8bit,
        bnb_4bit_compute_dtype=half,
        bnb_4bit_quant_type=arguments.bnb_4bit_quant_type,
        bnb_4bit_use_double_quant=arguments.use_bnb_nested_quant,
        bnb_4bit_quant_storage=getattr(torch, arguments.bnb_4bit_quant_storage or "uint8"),
        # The projector is trained as it is, and the tower is small beside the language model.
        llm_int8_skip_modules=["lm_head", *PROJECTORS, *MORE_PROJECTORS, *TOWERS],
    )
