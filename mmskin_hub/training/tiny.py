"""A LLaVA of about a million parameters, drawn from a config: the whole recipe on a CPU, in a few minutes.

It is small, but nothing is missing: CLIP tower, projector, Llama, processor, byte-level BPE, chat template. Its weights
are random, so everything is trained (``open_vision_tower``), and what it knows at the end it learned from the data.
``python -m mmskin_hub.training.tiny FOLDER`` draws it by itself.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SEED = 20250509
SIDE, PATCH = 48, 8
"""Pictures are padded to squares, scaled to 48 × 48 pixels, and read in 36 patches, one token each."""

_CORPUS = (
    "This is a skin lesion image. What is shown in the picture? Which one is the diagnosis? Describe the image. "
    "From the following categories: melanoma, nevus, basal cell carcinoma, squamous cell carcinoma, actinic keratosis, "
    "benign keratosis, seborrheic keratosis, dermatofibroma, vascular lesion. Is the lesion benign or malignant? "
    "Answer yes or no. What colour is it? How old is the patient? Age and sex: 40 years old, female, male, child. "
    "Clinical photograph, dermoscopy, pathology. Erythematous plaques and papules with scale on the trunk and arms. "
    "What shape is shown? What colour is the shape? In which corner is the shape? circle square triangle cross star "
    "red green blue yellow black white brown, top left, top right, bottom left, bottom right, above, below, how many "
    "USER: ASSISTANT:"
)
_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}USER: "
    "{% elif message['role'] == 'assistant' %}ASSISTANT: {% endif %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>\n{% else %}{{ part['text'] }}"
    "{% endif %}{% endfor %}{{ eos_token if message['role'] == 'assistant' else ' ' }}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)


def draw(folder: Path, words: Sequence[str] = (_CORPUS,) * 4) -> Path:
    """Write the model into ``folder`` as a model of the Hub has it, unless it is there; return ``folder``.

    ``words`` are what the tokenizer learns its 640 pieces from: with the words of the training data it needs fewer of
    them a sentence.
    """
    if (folder / "config.json").is_file():
        return folder
    import torch
    from transformers import LlavaForConditionalGeneration

    processor = _processor(_tokenizer(words))
    stage = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(stage, ignore_errors=True)
    stage.parent.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = LlavaForConditionalGeneration(_config(processor.tokenizer))
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    model.save_pretrained(stage)
    processor.save_pretrained(stage)
    stage.rename(folder)
    return folder


def _tokenizer(words: Sequence[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    named = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    special = [*named.values(), "<image>"]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=640 - len(special), special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(words, trainer)
    bos = ("<s>", tokenizer.token_to_id("<s>"))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[bos])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=1024, extra_special_tokens={"image_token": "<image>"}, **named
    )


def _processor(tokenizer: Any) -> Any:
    from transformers import LlavaImageProcessorPil, LlavaProcessor

    size = {"height": SIDE, "width": SIDE}
    return LlavaProcessor(
        image_processor=LlavaImageProcessorPil(do_pad=True, size={"shortest_edge": SIDE}, crop_size=size),
        tokenizer=tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_TEMPLATE,
    )


def _config(tokenizer: Any) -> Any:
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig

    sight = CLIPVisionConfig(
        hidden_size=96, intermediate_size=192, num_hidden_layers=3, num_attention_heads=4, image_size=SIDE,
        patch_size=PATCH, projection_dim=96,
    )  # fmt: skip
    words = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=128, intermediate_size=256, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=1024, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, tie_word_embeddings=False,
    )  # fmt: skip
    return LlavaConfig(
        vision_config=sight,
        text_config=words,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=(SIDE // PATCH) ** 2,
        vision_feature_layer=-1,  # LLaVA's -2 would leave the last of three layers without use
    )


def words_of(dataset: Path) -> list[str]:
    """Everything that is said in the training rows of a mixture that ``mmskin build skinvl_sft`` wrote."""
    import pyarrow.parquet as pq

    said = []
    for file in sorted((dataset / "data").glob("train-*.parquet")):
        for row in pq.read_table(file, columns=["prompt", "completion"]).to_pylist():
            said += [str(message["content"]) for turns in row.values() for message in turns]
    return said


def main(argv: Sequence[str] | None = None) -> None:
    """``python -m mmskin_hub.training.tiny FOLDER [--words DATASET]``."""
    parser = argparse.ArgumentParser("python -m mmskin_hub.training.tiny", description="Draw a tiny LLaVA.")
    parser.add_argument("folder", type=Path, help="folder to write the model into")
    parser.add_argument("--words", type=Path, metavar="DIR", help="mixture whose words the tokenizer learns")
    args = parser.parse_args(argv)
    if args.words is None:
        draw(args.folder)
    elif words := words_of(args.words):
        draw(args.folder, words)
    else:
        parser.error(f"{args.words} holds no data/train-*.parquet")


if __name__ == "__main__":
    main()
