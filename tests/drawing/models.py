"""Tiny vision-language models drawn from configs: whole ``save_pretrained`` folders, no download, the same every time.

``tiny_llava(path)`` and its siblings write weights, config, processor, tokenizer and chat template, as a model on the
Hub has them. The weights are random but large, so that every token, image and position moves the answer: a mistake in
a mask or a position shows. The tokenizer is a byte-level BPE trained here: class names are several tokens long.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

CORPUS = (
    "This is a skin lesion image. From the following categories: melanoma, nevus, basal cell carcinoma, "
    "squamous cell carcinoma, seborrheic keratosis, actinic keratosis, dermatofibroma, vascular lesion, "
    "which one is the diagnosis? Is the lesion benign or malignant? Answer yes or no. What is shown in the picture? "
    "USER: ASSISTANT: User: Assistant: [INST] [/INST] user model assistant system You are a helpful assistant."
)
LLAVA_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}USER: {% else %}ASSISTANT:{% endif %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>\n{% endif %}{% endfor %}"
    "{% for part in message['content'] %}{% if part['type'] == 'text' %}"
    "{{ ' ' if message['role'] == 'assistant' }}{{ part['text'] }}{% endif %}{% endfor %}"
    "{{ ' ' if message['role'] == 'user' else eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
# Writes the BOS token itself, as the templates of Idefics3 and Gemma3 do: a second one from the tokenizer is a mistake.
IDEFICS_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ message['role'] | capitalize }}:"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>{% else %} {{ part['text'] }}"
    "{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
GEMMA_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<start_of_turn>"
    "{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<start_of_image>{% else %}{{ part['text'] }}"
    "{% endif %}{% endfor %}<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
QWEN_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tiny_tokenizer(
    special: dict[str, str],
    others: tuple[str, ...] = (),
    adds_bos: bool = True,
    corpus: str = CORPUS,
    merges: int = 150,
) -> Any:
    """A byte-level BPE tokenizer of about 420 tokens with the given special tokens; ``<s>`` in front where asked."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    named = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    tokens = [*named.values(), *special.values(), *others]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + len(tokens) + merges, special_tokens=tokens, initial_alphabet=alphabet
    )
    tokenizer.train_from_iterator([corpus] * 4, trainer)
    if adds_bos:
        bos = ("<s>", tokenizer.token_to_id("<s>"))
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[bos])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=4096, extra_special_tokens=special, **named
    )
    fast.add_special_tokens({"additional_special_tokens": list(others)}, replace_extra_special_tokens=False)
    return fast


def _text(tokenizer: Any, **more: Any) -> dict[str, Any]:
    """What the language halves have in common: two layers, width 48, grouped keys, large weights."""
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 48,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "initializer_range": 0.25,
        **more,
    }


def _save(path: Path, model_class: Any, config: Any, processor: Any, seed: int) -> Path:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = model_class(config).eval()
        with torch.no_grad():
            for name, weights in model.named_parameters():
                # Projectors that start as nothing (Gemma3) would hide the picture from the language model.
                if weights.dim() == 2 and not bool(weights.any()) and "padding" not in name:
                    weights.normal_(std=0.25)
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    path.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(path)
    processor.save_pretrained(path)
    return path


def tiny_llava(
    path: Path,
    *,
    text: str = "llama",
    side: int = 56,
    seed: int = 0,
    chat_template: bool = True,
    sight: dict[str, Any] | None = None,
    words: dict[str, Any] | None = None,
    **language: Any,
) -> Path:
    """CLIP and Llama (or ``text="mistral"``) as LLaVA-1.5; (side / 14)² image tokens, 16 by default.

    ``language`` overrides the config of the language half (``hidden_size=512, num_hidden_layers=8, …``), ``sight`` that
    of the vision tower, and ``words`` are further arguments of :func:`tiny_tokenizer`.
    """
    from transformers import (
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaImageProcessorPil,
        LlavaProcessor,
        MistralConfig,
    )

    tokenizer = tiny_tokenizer({"image_token": "<image>"}, **(words or {}))
    halves = {"llama": LlamaConfig, "mistral": MistralConfig}
    tower = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "image_size": side, "patch_size": 14, "projection_dim": 32, "initializer_range": 0.5, **(sight or {}),
    }  # fmt: skip
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**tower),
        text_config=halves[text](**_text(tokenizer, **language)),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=(side // 14) ** 2,
        initializer_range=0.25,
    )
    size = {"height": side, "width": side}
    processor = LlavaProcessor(
        image_processor=LlavaImageProcessorPil(do_pad=True, size={"shortest_edge": side}, crop_size=size),
        tokenizer=tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=LLAVA_TEMPLATE if chat_template else None,
    )
    return _save(Path(path), LlavaForConditionalGeneration, config, processor, seed)


def tiny_idefics3(path: Path, *, seed: int = 0) -> Path:
    """Idefics3 (the architecture of SmolVLM): one 4-token tile, or four and an overview where the picture is large."""
    from transformers import (
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        Idefics3ImageProcessorPil,
        Idefics3Processor,
        LlamaConfig,
    )

    tiles = tuple(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7))
    tokenizer = tiny_tokenizer(
        {"image_token": "<image>", "fake_image_token": "<fake_token_around_image>"},
        ("<global-img>", "<end_of_utterance>", *tiles),
    )
    sight = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "image_size": 56, "patch_size": 14, "initializer_range": 0.5,
    }  # fmt: skip
    config = Idefics3Config(
        vision_config=sight,
        text_config=LlamaConfig(**_text(tokenizer)),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        initializer_range=0.25,
    )
    processor = Idefics3Processor(
        image_processor=Idefics3ImageProcessorPil(
            size={"longest_edge": 112}, max_image_size={"longest_edge": 56}, do_image_splitting=True
        ),
        tokenizer=tokenizer,
        image_seq_len=4,
        chat_template=IDEFICS_TEMPLATE,
    )
    return _save(Path(path), Idefics3ForConditionalGeneration, config, processor, seed)


def tiny_gemma3(path: Path, *, seed: int = 0, window: int = 24) -> Path:
    """SigLIP and Gemma3: image tokens that see one another, a sliding layer (``window`` tokens) and a full one."""
    from transformers import (
        Gemma3Config,
        Gemma3ForConditionalGeneration,
        Gemma3ImageProcessorPil,
        Gemma3Processor,
        Gemma3TextConfig,
        SiglipVisionConfig,
    )

    tokenizer = tiny_tokenizer(
        {"image_token": "<image_soft_token>", "boi_token": "<start_of_image>", "eoi_token": "<end_of_image>"},
        ("<start_of_turn>", "<end_of_turn>"),
    )
    text = _text(
        tokenizer, head_dim=12, query_pre_attn_scalar=12, sliding_window=window, num_hidden_layers=3,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
    )  # fmt: skip
    config = Gemma3Config(
        vision_config=SiglipVisionConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, image_size=56,
            patch_size=14, vision_use_head=False, initializer_range=0.5,
        ),
        text_config=Gemma3TextConfig(**text),
        mm_tokens_per_image=16,
        boi_token_index=tokenizer.boi_token_id,
        eoi_token_index=tokenizer.eoi_token_id,
        image_token_index=tokenizer.image_token_id,
        initializer_range=0.25,
    )  # fmt: skip
    processor = Gemma3Processor(
        image_processor=Gemma3ImageProcessorPil(size={"height": 56, "width": 56}),
        tokenizer=tokenizer,
        image_seq_length=16,
        chat_template=GEMMA_TEMPLATE,
    )
    return _save(Path(path), Gemma3ForConditionalGeneration, config, processor, seed)


def tiny_qwen2_vl(path: Path, *, seed: int = 0) -> Path:
    """Qwen2-VL: pictures of any size, three-dimensional rotary positions, no BOS token."""
    from transformers import (
        Qwen2VLConfig,
        Qwen2VLForConditionalGeneration,
        Qwen2VLImageProcessorPil,
        Qwen2VLProcessor,
        Qwen2VLVideoProcessor,
    )

    tokenizer = tiny_tokenizer(
        {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"},
        ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"),
        adds_bos=False,
    )
    ids = tokenizer.convert_tokens_to_ids
    text = _text(tokenizer, rope_parameters={"rope_type": "default", "mrope_section": [2, 2, 2], "rope_theta": 1e4})
    config = Qwen2VLConfig(
        vision_config={
            "depth": 2, "embed_dim": 32, "hidden_size": 48, "num_heads": 4, "patch_size": 14, "mlp_ratio": 2,
            "spatial_merge_size": 2, "temporal_patch_size": 2, "initializer_range": 0.3,
        },
        text_config=text,
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
        initializer_range=0.25,
    )  # fmt: skip
    bounds = {"shortest_edge": 56 * 56, "longest_edge": 112 * 112}
    processor = Qwen2VLProcessor(
        image_processor=Qwen2VLImageProcessorPil(size=bounds, patch_size=14, merge_size=2, temporal_patch_size=2),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(size=bounds, patch_size=14, merge_size=2, temporal_patch_size=2),
        chat_template=QWEN_TEMPLATE,
    )
    return _save(Path(path), Qwen2VLForConditionalGeneration, config, processor, seed)


def tiny_qwen3_vl(path: Path, *, seed: int = 0) -> Path:
    """Qwen3-VL: as Qwen2-VL, with features of the vision tower's layers added in the first layers (DeepStack)."""
    from transformers import (
        Qwen2VLImageProcessorPil,
        Qwen3VLConfig,
        Qwen3VLForConditionalGeneration,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
    )

    tokenizer = tiny_tokenizer(
        {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"},
        ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"),
        adds_bos=False,
    )
    ids = tokenizer.convert_tokens_to_ids
    rope = {"rope_type": "default", "mrope_section": [2, 2, 2], "rope_theta": 1e4, "mrope_interleaved": True}
    config = Qwen3VLConfig(
        vision_config={
            "depth": 3, "hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 48, "num_heads": 4,
            "patch_size": 16, "spatial_merge_size": 2, "temporal_patch_size": 2, "deepstack_visual_indexes": [0, 1],
            "num_position_embeddings": 64, "initializer_range": 0.3,
        },
        text_config=_text(tokenizer, head_dim=12, rope_parameters=rope),
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
        initializer_range=0.25,
    )  # fmt: skip
    bounds = {"shortest_edge": 64 * 64, "longest_edge": 128 * 128}
    processor = Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessorPil(size=bounds, patch_size=16, merge_size=2, temporal_patch_size=2),
        tokenizer=tokenizer,
        video_processor=Qwen3VLVideoProcessor(size=bounds),
        chat_template=QWEN_TEMPLATE,
    )
    return _save(Path(path), Qwen3VLForConditionalGeneration, config, processor, seed)


DRAWN = {
    "llava": tiny_llava,
    "idefics3": tiny_idefics3,
    "gemma3": tiny_gemma3,
    "qwen2_vl": tiny_qwen2_vl,
    "qwen3_vl": tiny_qwen3_vl,
}
"""Every drawn model by its model type: ``DRAWN[name](path)``."""
