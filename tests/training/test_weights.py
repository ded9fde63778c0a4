"""What is trained, at which rate, and that a checkpoint comes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.training.load import load_weights, longest, open_base
from mmskin_hub.training.lora import LANGUAGE, PROJECTOR, VISION, freeze, kind_of, lora_config, projectors
from tests.drawing.models import DRAWN

Settings = Callable[..., tuple[Any, Any, Any]]
Base = Callable[[str], Path]


def loaded(settings: Settings, folder: Path, **given: Any) -> tuple[Any, Any, Any, Any, Any]:
    script, training, model = settings(model_name_or_path=folder, **given)
    base = open_base(model, training)
    return load_weights(base, model, script, training), base, script, training, model


def trainer_of(settings: Settings, folder: Path, mixture: Path, **given: Any) -> Any:
    from mmskin_hub.training.collate import Collator
    from mmskin_hub.training.data import open_training_data
    from mmskin_hub.training.trainer import SkinTrainer

    weights, base, script, training, model = loaded(settings, folder, data=[f"skinvl_sft={mixture}"], **given)
    train, validation, facts = open_training_data(script, training, Collator(base.processor))
    return SkinTrainer(
        weights, training, script, train, validation, facts, lora_config(weights, model, script), callbacks=[]
    )


@pytest.mark.parametrize("name", DRAWN)
def test_lora_is_on_the_language_model_only(name: str, settings: Settings, base: Base) -> None:
    from peft import get_peft_model

    model, _, script, _, arguments = loaded(settings, base(name), use_peft="true")
    between = projectors(model)
    linear = {
        part for part, module in model.named_modules() if type(module).__name__ == "Linear" and ".layers." in part
    }
    text = {part for part in linear if ".language_model." in part or ".text_model." in part}
    wrapped = get_peft_model(model, lora_config(model, arguments, script))
    trained = [part for part, weights in wrapped.named_parameters() if weights.requires_grad]
    with_lora = {part.split(".lora_")[0].removeprefix("base_model.model.") for part in trained if ".lora_" in part}
    assert with_lora == {part for part in text if "vision" not in part}
    others = [part for part in trained if ".lora_" not in part]
    assert others and all(kind_of(part, between) == PROJECTOR and "modules_to_save" in part for part in others)


def test_an_opened_tower_is_trained_whole_and_a_closed_one_never(settings: Settings, base: Base) -> None:
    for name in ("llava", "qwen2_vl"):
        for given, expected in (({}, False), ({"open_vision_tower": "true"}, True)):
            model, _, script, _, arguments = loaded(settings, base(name), **given)
            between = projectors(model)
            freeze(model, script)
            for part, weights in model.named_parameters():
                kind = kind_of(part, between)
                assert weights.requires_grad == (expected if kind == VISION else True), part
            model, _, script, _, arguments = loaded(settings, base(name), use_peft="true", **given)
            saved = lora_config(model, arguments, script).modules_to_save
            assert any(part.rpartition(".")[2] in ("vision_tower", "visual") for part in saved) == expected


def test_the_optimizer_has_a_rate_for_the_projector(settings: Settings, base: Base, mixture: Path) -> None:
    trainer = trainer_of(settings, base("llava"), mixture, use_peft="true", learning_rate=5e-5,
                         projector_learning_rate=2e-5, weight_decay=0.01)  # fmt: skip
    groups = trainer.create_optimizer().param_groups
    assert [(group["group"], group["lr"]) for group in groups if group["weight_decay"]] == [
        (LANGUAGE, 5e-5), (PROJECTOR, 2e-5),
    ]  # fmt: skip
    assert trainer.create_optimizer() is trainer.optimizer
    trained = sum(weights.numel() for weights in trainer.model.parameters() if weights.requires_grad)
    assert sum(weights.numel() for group in groups for weights in group["params"]) == trained


def test_what_is_trained_is_kept_in_full_precision(settings: Settings, base: Base, mixture: Path) -> None:
    import torch

    trainer = trainer_of(settings, base("llava"), mixture, use_peft="true", dtype="bfloat16")
    kinds = {weights.requires_grad: weights.dtype for weights in trainer.model.parameters()}
    assert kinds == {True: torch.float32, False: torch.bfloat16}


@pytest.mark.parametrize("name", DRAWN)
def test_a_whole_model_comes_back_from_its_checkpoint(
    name: str, settings: Settings, base: Base, mixture: Path, tmp_path: Path
) -> None:
    import torch

    trainer = trainer_of(settings, base(name), mixture)
    before = {part: weights.clone() for part, weights in trainer.model.state_dict().items()}
    trainer.model.save_pretrained(tmp_path / "checkpoint")
    with torch.no_grad():
        for weights in trainer.model.parameters():
            weights.zero_()
    trainer._load_from_checkpoint(str(tmp_path / "checkpoint"))
    after = trainer.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[part], after[part]) for part in before)


def test_batches_of_the_trainer(settings: Settings, base: Base, mixture: Path) -> None:
    trainer = trainer_of(settings, base("llava"), mixture, per_device_train_batch_size=4,
                         gradient_accumulation_steps=2, dataloader_num_workers=1)  # fmt: skip
    assert trainer.order().batch == 8
    loader = trainer.get_train_dataloader()
    assert len(loader) == 6
    batches, items = trainer.get_batch_samples(iter(loader), 2, torch_device())
    live = trainer.facts.live
    assert live.samples == 8 and live.ids == [trainer.train_split.ids[row] for row in list(trainer.order())[:8]]
    assert live.tokens == sum(int(batch["attention_mask"].sum()) for batch in batches)
    assert live.slots == sum(batch["input_ids"].numel() for batch in batches) >= live.tokens
    assert int(items) == sum(int((batch["labels"] != -100).sum()) for batch in batches)
    assert len(trainer.get_eval_dataloader()) == 1
    assert trainer.evaluate()["eval_loss"] > 0


@pytest.mark.parametrize("name", DRAWN)
def test_the_short_way_to_the_loss_is_that_of_trl(name: str, settings: Settings, base: Base, mixture: Path) -> None:
    import torch

    trainer = trainer_of(settings, base(name), mixture, per_device_train_batch_size=4)
    trainer.model.eval()  # without dropout
    (batch,), items = trainer.get_batch_samples(iter(trainer.get_train_dataloader()), 1, torch_device())
    for count in (items, items * 3, None):
        losses = []
        for trainer._small in (True, False):
            loss = trainer.compute_loss(trainer.model, dict(batch), num_items_in_batch=count)
            trainer.model.zero_grad()
            loss.backward()
            norms = [weights.grad.norm() for weights in trainer.model.parameters() if weights.grad is not None]
            losses.append((float(loss.detach()), float(torch.stack(norms).norm())))
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def torch_device() -> Any:
    import torch

    return torch.device("cpu")


def test_a_picture_that_breaks_on_the_way_stops_the_run_by_name(
    settings: Settings, base: Base, mixture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_of(settings, base("llava"), mixture, per_device_train_batch_size=4, dataloader_num_workers=1,
                         max_steps=6)  # fmt: skip
    whole, broken = type(trainer.train_split.rows).__getitem__, trainer.train_split.ids[5]

    def halved(rows: Any, number: int) -> Any:
        row = whole(rows, number)
        return {**row, "images": [{"bytes": row["images"][0]["bytes"][:60]}]} if row["id"] == broken else row

    monkeypatch.setattr(type(trainer.train_split.rows), "__getitem__", halved)
    with pytest.raises(MmskinError, match=broken):
        trainer.train()


def test_models_that_cannot_be_trained(
    settings: Settings, base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import LlamaConfig

    # Or the Hub, which no test may reach, is tried for half a minute.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    LlamaConfig(hidden_size=32).save_pretrained(tmp_path / "words")
    for place, said in ((tmp_path / "words", "sees no pictures"), ("nobody/nothing", "there is no such folder")):
        with pytest.raises(WrongUse, match=said):
            loaded(settings, place)
    _, training, model = settings()
    with pytest.raises(WrongUse, match="No model was named"):
        open_base(model, training)


def test_quantized_weights_want_lora_and_a_gpu(settings: Settings, base: Base) -> None:
    import torch

    with pytest.raises(WrongUse, match="load_in_4bit needs LoRA"):
        loaded(settings, base("llava"), load_in_4bit="true")
    if not torch.cuda.is_available():
        with pytest.raises(WrongUse, match="load_in_4bit needs a GPU"):
            loaded(settings, base("llava"), load_in_4bit="true", use_peft="true")


def test_the_longest_row_is_what_the_model_has_positions_for(settings: Settings, base: Base) -> None:
    _, training, model = settings(model_name_or_path=base("llava"))
    assert longest(open_base(model, training), 512) == 512
    assert longest(open_base(model, training), 9999) == longest(open_base(model, training), None) == 2048


def test_the_tiny_model_is_the_same_every_time_and_of_a_million(tmp_path: Path) -> None:
    from transformers import AutoModelForImageTextToText

    from mmskin_hub.training.tiny import draw

    one, other = draw(tmp_path / "one"), draw(tmp_path / "other")
    for file in ("model.safetensors", "tokenizer.json", "config.json"):
        assert (one / file).read_bytes() == (other / file).read_bytes()
    assert 0.8e6 < AutoModelForImageTextToText.from_pretrained(one).num_parameters() < 1.3e6
    stamp = (one / "config.json").stat().st_mtime_ns
    assert draw(one) == one and (one / "config.json").stat().st_mtime_ns == stamp


def test_the_tiny_model_may_learn_the_words_of_its_data(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from transformers import AutoProcessor

    from mmskin_hub.training.tiny import draw, main

    rows = [{"prompt": [{"role": "user", "content": "Milia-like cysts?"}],
             "completion": [{"role": "assistant", "content": "Parakeratosis."}]}]  # fmt: skip
    (tmp_path / "mixture/data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows * 9), tmp_path / "mixture/data/train-00000-of-00001.parquet")
    main([str(tmp_path / "own"), "--words", str(tmp_path / "mixture")])
    own, other = (
        AutoProcessor.from_pretrained(folder).tokenizer for folder in (tmp_path / "own", draw(tmp_path / "x"))
    )
    for words in ("Milia", "Parakeratosis"):
        assert len(own.tokenize(words)) == 1 < len(other.tokenize(words))
        assert own.decode(own.encode(words), skip_special_tokens=True) == words
    with pytest.raises(SystemExit):
        main([str(tmp_path / "no"), "--words", str(tmp_path)])


def test_layers_named_for_saving_come_beside_the_projector(settings: Settings, base: Base) -> None:
    model, _, script, _, arguments = loaded(
        settings, base("llava"), use_peft="true", lora_modules_to_save=["lm_head", "multi_modal_projector"]
    )
    assert lora_config(model, arguments, script).modules_to_save == ["model.multi_modal_projector", "lm_head"]
    script.train_projector = False
    assert lora_config(model, arguments, script).modules_to_save == ["lm_head", "multi_modal_projector"]
