"""YAML and command line become arguments, and typos do not get through."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from mmskin_hub.errors import WrongUse
from mmskin_hub.training.arguments import UNUSED, ScriptArguments, known_keys, numbers, read_arguments, read_config


def write(folder: Path, text: str) -> str:
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    return str(folder / "config.yaml")


def test_the_command_line_overrides_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, "data: {skinvl_sft: here}\nlearning_rate: 5e-5\nlora_r: 8\nbf16: true\nweights: {a: 2}\n")
    script, training, model = read_arguments(["--config", file, "--lora_r", "4", "--output_dir", str(tmp_path)])
    assert script.data == ["skinvl_sft=here"]
    assert script.weights == ["a=2"]
    assert training.learning_rate == pytest.approx(5e-5)
    assert model.lora_r == 4
    assert training.bf16


def test_a_typo_in_the_file_is_refused_with_the_nearest_key(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="'learing_rate'") as caught:
        read_arguments(["--config", write(tmp_path, "learing_rate: 1.0e-4\n")])
    assert caught.value.remedy == "Did you mean learning_rate?"


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("--lora_rr", "lora_r"),
        ("--projector_learn_rate", "projector_learning_rate"),
        ("--learning", "learning_rate"),
        ("--batch_eval", None),
    ],
)
def test_a_typo_on_the_command_line_is_refused(typo: str, meant: str | None) -> None:
    with pytest.raises(WrongUse, match=typo[2:]) as caught:
        read_arguments([typo, "1"])
    assert meant is None or caught.value.remedy == f"Did you mean {meant}?"


@pytest.mark.parametrize(
    ("text", "said"), [("- a\n", "keys and values"), ("a: [\n", "no YAML"), ("seed: word\n", "invalid int value")]
)
def test_a_file_that_is_none(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(WrongUse, match=said):
        read_arguments(["--config", write(tmp_path, text), "--output_dir", str(tmp_path)])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="cannot be read"):
        read_config(tmp_path / "none.yaml")
    with pytest.raises(WrongUse, match="names no file"):
        read_arguments(["--config"])


@pytest.mark.parametrize("given", [{"max_rejected": 2}, {"keep_checkpoints": 0}, {"length_window": 0}])
def test_values_out_of_range(given: dict[str, Any]) -> None:
    with pytest.raises(WrongUse, match=next(iter(given))):
        ScriptArguments(**given)


def test_numbers_by_name() -> None:
    assert numbers(["a=2", "b/c=0.5"], "weights") == {"a": 2.0, "b/c": 0.5}
    assert numbers(None, "caps") == {}
    for bad in ("a", "a=", "=1", "a=word", "a=-1", "a=inf"):
        with pytest.raises(WrongUse, match="caps"):
            numbers([bad], "caps")


def test_every_shipped_config_has_known_keys_and_every_line_of_the_original_a_source() -> None:
    folder = resources.files("mmskin_hub.recipes.configs")
    files = sorted(Path(str(each)) for each in folder.iterdir() if each.name.endswith(".yaml"))
    originals = ["skinvl_mm", "skinvl_pub", "skinvl_pubmm"]
    assert [file.stem for file in files] == sorted([*originals, *(f"{name}_qwen3vl" for name in originals), "tiny"])
    for file in files:
        config = read_config(file)
        assert config.keys() <= set(known_keys())
        if file.stem in originals:
            assert config["variant"] == file.stem.removeprefix("skinvl_")
            lines = [line for line in file.read_text("utf-8").splitlines() if ": " in line and line[0] != "#"]
            assert all("  #" in line for line in lines if not line.startswith("output_dir"))


def test_the_variants_differ_in_their_data_only() -> None:
    folder = Path(str(resources.files("mmskin_hub.recipes.configs")))
    for suffix in ("", "_qwen3vl"):
        configs = [read_config(folder / f"skinvl_{variant}{suffix}.yaml") for variant in ("mm", "pub", "pubmm")]
        for config in configs:
            del config["variant"], config["output_dir"]
        assert configs[0] == configs[1] == configs[2]


def test_without_an_accelerator_bf16_is_no_mistake(settings: Callable[..., tuple[Any, Any, Any]]) -> None:
    import torch

    _, training, _ = settings(bf16="true")
    assert training.use_cpu is not torch.cuda.is_available()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lora_r: 12.5\n", "lora_r is 12.5: invalid int value"),
        ("per_device_train_batch_size:\n", "per_device_train_batch_size is None: it must have a value"),
        ("gradient_accumulation_steps: 0\n", "gradient_accumulation_steps is 0, and must be 1 or more"),
        ("learning_rate: [1.0e-4]\n", "it takes one value"),
        ("check_pictures: decod\n", "check_pictures is 'decod': invalid choice"),
    ],
)
def test_a_value_of_the_file_is_as_the_command_line_would_take_it(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(WrongUse, match=said):
        read_arguments(["--config", write(tmp_path, text), "--output_dir", str(tmp_path)])


@pytest.mark.parametrize(("key", "instead"), [("report_to", "--log_to"), ("save_total_limit", "--keep_checkpoints")])
def test_what_would_do_nothing_is_refused(tmp_path: Path, key: str, instead: str) -> None:
    for given in (["--config", write(tmp_path, f"{key}: 3\n")], [f"--{key}", "3"]):
        with pytest.raises(WrongUse, match=key) as caught:
            read_arguments(given)
        assert instead in caught.value.remedy


def test_every_argument_that_does_nothing_exists() -> None:
    assert set(UNUSED) <= set(known_keys())
