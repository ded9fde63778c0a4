"""What a run must not begin with: an error that names the row or the key, before the first step, and no traceback."""

from __future__ import annotations

import json
import re
import shutil
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("trl")

from tests.drawing import shapes
from tests.recipes.running import SMALL, arguments, losses, newest, train

BROKEN = shapes.encoded(shapes.draw(shapes.scene(3)), "JPEG")[:900]
"""The first bytes of a picture: its header is whole, its pixels are not."""


def also(*values: Any) -> Any:
    """One more case of what another shows already: not among the fast tests."""
    return pytest.param(*values, marks=pytest.mark.slow)


class Runs:
    """Runs of the recipe on data that a test makes; each is to fail."""

    def __init__(self, folder: Path, base: Callable[[str], Path]) -> None:
        self.folder, self.output, self.base = folder, folder / "out", base

    def data(self, rows: list[dict[str, Any]] | None = None, name: str = "data", **record: Any) -> Path:
        """A mixture of these rows, by default 24 good ones."""
        good = shapes.rows(range(8)) if rows is None else rows
        return shapes.write_rows(self.folder / name, {"train": good}, **record)

    def argv(self, data: Path | None, config: Path | None = None, **more: Any) -> list[str]:
        """The command line of a short run."""
        given = {**SMALL, "model_name_or_path": self.base("llava"), "output_dir": self.output, "max_steps": 3,
                 "save_steps": 2, **more}  # fmt: skip
        return arguments(config, **({} if data is None else {"data": f"skinvl_sft={data}"}), **given)

    def refused(self, data: Path | None, *words: str, status: int = 1, steps: bool = False, **more: Any) -> str:
        """The message of a run that is to fail; it says ``words`` and a remedy, and nothing was trained."""
        prepare = more.pop("prepare", None)
        said = train(self.argv(data, **more), self.folder / "log", status=status, prepare=prepare)
        assert "Traceback" not in said, said
        message = said[said.index("mmskin: error: ") :]
        assert re.search(r"\n  \S", message), f"no remedy: {message}"
        for word in words:
            assert word in message, f"{word!r} is not in: {message}"
        if not steps:
            assert "'loss'" not in said
            assert not list(self.output.glob("checkpoint-*"))
        return message


@pytest.fixture
def runs(tmp_path: Path, base: Callable[[str], Path]) -> Runs:
    """Runs in a folder of this test."""
    return Runs(tmp_path, base)


def some(number: int, **other: Any) -> list[dict[str, Any]]:
    """24 rows, of which one has other values."""
    rows = shapes.rows(range(8))
    rows[number] |= other
    return rows


@pytest.mark.parametrize("column", ["images", *(also(name) for name in ("id", "prompt", "completion"))])
def test_a_dataset_without_a_column(runs: Runs, column: str) -> None:
    import pyarrow.parquet as pq

    data = runs.data()
    file = next(data.rglob("train*.parquet"))
    pq.write_table(pq.read_table(file).drop_columns([column]), file)
    runs.refused(data, f"'{column}'", file.name, status=2)


def test_a_dataset_that_is_none(runs: Runs) -> None:
    folder = runs.folder / "empty"
    folder.mkdir()
    runs.refused(folder, "build.json", status=2)
    runs.refused(runs.folder / "nowhere", "nowhere", status=2)
    runs.refused(None, "data", status=2)


def test_a_file_that_is_no_parquet(runs: Runs) -> None:
    data = runs.data()
    file = next(data.rglob("train*.parquet"))
    file.write_bytes(file.read_bytes()[:2000])
    runs.refused(data, file.name, status=2)


def test_a_row_without_a_picture(runs: Runs) -> None:
    row = some(17, images=[], image_sha256=None)[17]
    runs.refused(runs.data(some(17, images=[], image_sha256=None)), row["id"], "picture", "--text_rows")


@pytest.mark.parametrize("other", [{"completion": []}, also({"completion": [{"role": "assistant", "content": " "}]})])
def test_a_row_without_an_answer(runs: Runs, other: dict[str, Any]) -> None:
    rows = some(5, **other)
    runs.refused(runs.data(rows), rows[5]["id"], "answer")


def test_a_row_that_says_the_image_token(runs: Runs) -> None:
    rows = some(5, prompt=[{"role": "user", "content": "<image>\nWhat is it?"}])
    runs.refused(runs.data(rows), rows[5]["id"], "<image>")


def test_a_picture_that_cannot_be_read(runs: Runs) -> None:
    broken = [{"bytes": BROKEN, "path": "broken.jpg"}]
    rows = some(20, images=broken, image_sha256="0" * 64)
    runs.refused(runs.data(rows), rows[20]["id"], "picture")


@pytest.mark.parametrize("workers", [2, also(0)])
def test_a_picture_that_breaks_in_the_middle_of_an_epoch(runs: Runs, workers: int) -> None:
    """Where nobody was to look beforehand the run says which row it was, and its checkpoint stays."""
    broken = [{"bytes": BROKEN, "path": "broken.jpg"}]
    rows = some(20, images=broken, image_sha256="0" * 64)
    runs.refused(
        runs.data(rows), rows[20]["id"], "picture", check_pictures="none", max_steps=6, save_steps=1, steps=True,
        dataloader_num_workers=workers, group_by_length=False, seed=4,
    )  # fmt: skip
    assert losses(runs.output)


def test_a_base_that_cannot_see(runs: Runs) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    from tests.drawing.models import tiny_tokenizer

    folder = runs.folder / "blind"
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=500, **sizes)).save_pretrained(folder)
    tiny_tokenizer({}).save_pretrained(folder)
    runs.refused(runs.data(), "blind", status=2, model_name_or_path=folder)


def test_a_base_that_is_not_there(runs: Runs) -> None:
    runs.refused(runs.data(), "no-such/model", status=2, model_name_or_path="no-such/model")


def test_a_base_in_the_original_form(runs: Runs) -> None:
    """LLaVA-Med as its authors saved it: the command that converts it is named."""
    folder = runs.folder / "original"
    folder.mkdir()
    config = {"model_type": "llava_mistral", "architectures": ["LlavaMistralForCausalLM"], "mm_vision_tower": "clip"}
    (folder / "config.json").write_text(json.dumps(config))
    runs.refused(runs.data(), "mmskin convert llava-med", status=2, model_name_or_path=folder)


def test_an_adapter_for_another_base(runs: Runs) -> None:
    from tests.drawing.models import tiny_llava

    data = runs.data()
    given = {"use_peft": True, "lora_r": 4}
    train(runs.argv(data, **given), runs.folder / "first.log")
    other = tiny_llava(runs.folder / "other", hidden_size=64, intermediate_size=128)
    before = losses(runs.output)
    more = {**given, "model_name_or_path": other, "resume_from_checkpoint": "newest", "max_steps": 6}
    runs.refused(data, newest(runs.output).name, "other", status=2, steps=True, **more)
    assert losses(runs.output) == before
    runs.refused(data, "use_peft", status=2, steps=True, use_peft=False, resume_from_checkpoint="newest")


def test_answers_that_are_too_long(runs: Runs) -> None:
    rows = shapes.rows(range(8))
    for place in (3, 9, 11):
        rows[place]["completion"] = [{"role": "assistant", "content": "red " * 300}]
    message = runs.refused(runs.data(rows), "max_length", "max_rejected", max_length=120)
    assert any(rows[place]["id"] in message for place in (3, 9, 11))
    said = train(runs.argv(runs.folder / "data", max_length=120, max_rejected=0.2), runs.folder / "second.log")
    rejects = [json.loads(line) for line in (runs.output / "rejects.jsonl").read_text().splitlines()]
    assert [each["id"] for each in rejects] == [rows[place]["id"] for place in (3, 9, 11)], said
    assert all(each["reason"] == "too_long" and each["tokens"] > each["limit"] == 120 for each in rejects)


def test_nothing_that_fits(runs: Runs) -> None:
    runs.refused(runs.data(), "max_length", status=2, max_length=8)


def full_disk() -> None:
    """In the process of the run: a disk with next to nothing free."""
    usage = namedtuple("usage", "total used free")
    shutil.disk_usage = lambda path: usage(10**9, 10**9 - 1000, 1000)  # type: ignore[assignment, misc]


def test_no_space_for_a_checkpoint(runs: Runs) -> None:
    """Known before the first step, not at the first checkpoint hours later."""
    runs.refused(runs.data(), str(runs.output), "space", prepare=full_disk)


@pytest.mark.parametrize(
    ("typo", "meant"), [("projector_learning_rte", "projector_learning_rate"), also("learning_rat", "learning_rate")]
)
@pytest.mark.parametrize("where", ["file", also("command line")])
def test_a_key_with_a_typo(runs: Runs, typo: str, meant: str, where: str) -> None:
    config = runs.folder / "mine.yaml"
    config.write_text(f"max_steps: 2\n{typo}: 0.001\n" if where == "file" else "max_steps: 2\n")
    more = {} if where == "file" else {typo: 0.001}
    runs.refused(runs.data(), typo, f"{meant}?", status=2, config=config, **more)


def test_a_config_that_is_none(runs: Runs) -> None:
    runs.refused(runs.data(), "nowhere.yaml", status=2, config=runs.folder / "nowhere.yaml")
    config = runs.folder / "mine.yaml"
    config.write_text("a: [1,\n")
    runs.refused(runs.folder / "data", "mine.yaml", status=2, config=config)


@pytest.mark.parametrize(
    "more",
    [{"max_steps": "many"}, *map(also, ({"learning_rate": "fast"}, {"optim": "adamm"}, {"check_pictures": "no"}))],
)
def test_a_value_that_is_none(runs: Runs, more: dict[str, str]) -> None:
    runs.refused(runs.data(), next(iter(more)), status=2, **more)


def test_data_at_another_version(runs: Runs) -> None:
    data = runs.data(version="1.2.0")
    runs.refused(data, "1.2.0", "2.0.0", "data_version", status=2, data_version="2.0.0")


def test_data_of_another_variant(runs: Runs) -> None:
    runs.refused(runs.data(variant="pub"), "pub", "pubmm", status=2, variant="pubmm")


def test_weights_for_a_source_that_is_not_there(runs: Runs) -> None:
    runs.refused(runs.data(), "shape", "shapes", status=2, weights="shape=2")


def test_an_output_folder_with_another_run(runs: Runs) -> None:
    data = runs.data()
    train(runs.argv(data), runs.folder / "first.log")
    before = losses(runs.output)
    said = train(runs.argv(data, learning_rate=1e-2), runs.folder / "second.log", status=1)
    assert "Traceback" not in said
    assert "--resume" in said
    assert losses(runs.output) == before


def test_a_checkpoint_that_is_named_and_is_not_whole(tmp_path: Path) -> None:
    """transformers would go on without its optimizer, at the first step's learning rate."""
    from mmskin_hub.errors import WrongUse
    from mmskin_hub.recipes.sft import _checkpoint
    from mmskin_hub.training.checkpoints import seal

    written, final = tmp_path / ".saving" / "checkpoint-4", tmp_path / "checkpoint-4"
    written.mkdir(parents=True)
    for name in ("trainer_state.json", "optimizer.pt"):
        (written / name).write_text("{}", "utf-8")
    seal(written, final, 4, 1)
    training = SimpleNamespace(resume_from_checkpoint=str(final), output_dir=str(tmp_path), process_index=0)
    assert _checkpoint(training) == final
    (final / "optimizer.pt").unlink()
    with pytest.raises(WrongUse, match=r"is not whole \(optimizer\.pt is missing\)"):
        _checkpoint(training)


def test_a_run_that_goes_on_otherwise_is_told(runs: Runs) -> None:
    data = runs.data()
    train(runs.argv(data), runs.folder / "first.log")
    more = {"resume_from_checkpoint": "newest", "per_device_train_batch_size": 2, "max_steps": 6, "save_steps": 2}
    said = train(runs.argv(data, **more), runs.folder / "second.log")
    assert "in another order" in said
    assert "global batch 2 instead of 4" in said


def test_an_adapter_of_another_rank(runs: Runs) -> None:
    data = runs.data()
    lora = {"use_peft": True, "lora_r": 4, "lora_alpha": 8}
    train(runs.argv(data, **lora), runs.folder / "first.log")
    again = {**lora, "resume_from_checkpoint": "newest"}
    said = train(runs.argv(data, **{**again, "lora_r": 8}), runs.folder / "second.log", status=2)
    assert "lora_r 4" in said
    assert "Traceback" not in said
    said = train(runs.argv(data, **{**again, "lora_alpha": 16}), runs.folder / "third.log", status=2)
    assert "lora_alpha 8" in said
