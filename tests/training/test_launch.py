"""Which config of accelerate a machine gets: a plain function of a described machine."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mmskin_hub import cli
from mmskin_hub.errors import WrongUse
from mmskin_hub.training import launch
from mmskin_hub.training.launch import CONFIGS, Machine, choose, find_recipe, shipped

NONE, ONE, EIGHT = Machine(cores=16), Machine(1, "H100", 16), Machine(8, "H100", 64)
CLUSTER = Machine(8, "H100", 64, nodes=4, node=2, head="node-0", port=29400)


def options(choice: launch.Choice) -> dict[str, str]:
    """The options of a choice by their names."""
    return dict(zip(choice.options[::2], choice.options[1::2], strict=True))


@pytest.fixture(autouse=True)
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.mark.parametrize(
    ("machine", "name", "processes", "word"),
    [
        (NONE, "cpu", 1, "no accelerator"),
        (ONE, "single_gpu", 1, "one accelerator (H100)"),
        (EIGHT, "ddp", 8, "8 accelerators"),
        (CLUSTER, "multi_node", 32, "4 machines"),
    ],
)
def test_what_suits_a_machine(machine: Machine, name: str, processes: int, word: str) -> None:
    choice = choose(machine)
    assert (choice.config.stem, choice.processes) == (name, processes)
    assert word in choice.why
    assert options(choice)["--num_processes"] == str(processes)


def test_the_place_of_a_machine_among_several() -> None:
    found = options(choose(CLUSTER))
    assert found["--num_machines"] == "4" and found["--machine_rank"] == "2"
    assert found["--main_process_ip"] == "node-0" and found["--main_process_port"] == "29400"
    with pytest.raises(WrongUse, match="MASTER_ADDR") as caught:
        choose(Machine(8, nodes=2))
    assert "scontrol show hostnames" in caught.value.remedy
    with pytest.raises(WrongUse, match="8 tasks a machine"):
        choose(Machine(8, nodes=2, tasks_a_node=8, head="a"))


def test_cores_are_shared_out_on_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert options(choose(NONE))["--num_cpu_threads_per_process"] == "16"
    assert options(choose(NONE, "cpu_two"))["--num_cpu_threads_per_process"] == "8"
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert options(choose(NONE, "cpu_two"))["--num_cpu_threads_per_process"] == "3"


def test_two_runs_on_a_machine_take_ports_of_their_own() -> None:
    assert options(choose(NONE, "cpu_two"))["--main_process_port"] == "0"
    assert "--main_process_port" not in options(choose(NONE))


@pytest.mark.parametrize(
    ("machine", "given", "processes", "words"),
    [
        (NONE, "ddp", None, "needs accelerators"),
        (NONE, "fsdp", None, "needs accelerators"),
        (NONE, "cpu", 2, "would run one process where 2"),
        (EIGHT, "single_gpu", 8, "would run one process where 8"),
        (EIGHT, "ddp", 16, "asks for 16 processes"),
        (ONE, "ddp", None, "is for several processes"),
        (EIGHT, "deepspeed_zero3", None, "needs DeepSpeed"),
        (NONE, "cpu_too", None, "no config of accelerate 'cpu_too'"),
    ],
)
def test_what_a_machine_cannot_run_is_refused(machine: Machine, given: str, processes: int | None, words: str) -> None:
    with pytest.raises(WrongUse, match=words):
        choose(machine, given, processes)


def test_the_nearest_name_is_offered() -> None:
    with pytest.raises(WrongUse) as caught:
        choose(NONE, "cpu_too")
    assert "Did you mean cpu_two?" in caught.value.remedy
    with pytest.raises(WrongUse, match="no recipe 'no-such'"):
        find_recipe("no-such")


def test_fsdp_and_zero_take_every_accelerator() -> None:
    assert choose(EIGHT, "fsdp").processes == 8
    assert choose(Machine(4, deepspeed=True), "deepspeed_zero3").processes == 4
    assert choose(EIGHT, "fsdp", 4).processes == 4


def test_a_file_of_ones_own_says_how_many(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("distributed_type: MULTI_GPU\nnum_processes: 4\n")
    choice = choose(EIGHT, str(path))
    assert choice.config == path and choice.processes == 4
    path.write_text("distributed_type: MULTI_CPU\nuse_cpu: true\nnum_processes: 2\n")
    with pytest.raises(WrongUse, match=r"MULTI_CPU.*would run one process"):
        choose(NONE, str(path))
    path.write_text("distributed_type: FSDP\nuse_cpu: true\nnum_processes: 2\n")
    with pytest.raises(WrongUse, match="plain DDP"):
        choose(NONE, str(path))
    path.write_text("epochs: 3\n")
    with pytest.raises(WrongUse, match="no distributed_type"):
        choose(NONE, str(path))
    path.write_text("a: [\n")
    with pytest.raises(WrongUse, match="cannot be read"):
        choose(NONE, str(path))


def test_every_config_is_one_that_accelerate_takes() -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    found = shipped(CONFIGS)
    assert set(found) == {"cpu", "cpu_two", "single_gpu", "ddp", "fsdp", "deepspeed_zero3", "multi_node"}
    for path in found.values():
        config = load_config_from_file(str(path))  # an unknown key raises
        assert config.num_processes == yaml.safe_load(path.read_text())["num_processes"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"SLURM_JOB_ID": "1", "SLURM_NNODES": "4"}, {}),  # a job script, not a step: it runs on one machine
        (
            {"SLURM_STEP_ID": "0", "SLURM_NODEID": "3", "SLURM_STEP_NUM_NODES": "4", "MASTER_ADDR": "a",
             "SLURM_STEP_TASKS_PER_NODE": "1(x4)"},
            {"nodes": 4, "node": 3, "tasks_a_node": 1, "head": "a", "port": 0},
        ),
        (
            {"SLURM_STEP_ID": "0", "SLURM_NODEID": "0", "SLURM_NNODES": "2", "SLURM_STEP_TASKS_PER_NODE": "8,4",
             "MASTER_PORT": "1234"},
            {"nodes": 2, "node": 0, "tasks_a_node": 8, "head": "", "port": 1234},
        ),
    ],
)  # fmt: skip
def test_slurm_is_read(given: dict[str, str], expected: dict[str, object]) -> None:
    assert launch._slurm(given) == expected


def test_what_stands_behind_two_dashes_goes_to_the_recipe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "describe", lambda: NONE)
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("max_steps: 2\n")
    line = ["train", str(recipe), "--data", "a=b", "--data", "c=d", "--model", "tiny", "--output", "out", "--resume"]
    assert cli.main([*line, "--dry-run", "--", "--max_steps", "3", "--output_dir", "other"]) == 0
    said = capsys.readouterr().out
    assert said.rstrip().endswith(
        f"--module mmskin_hub.recipes.sft --config {recipe} --data a=b c=d --model_name_or_path tiny --output_dir out "
        "--resume_from_checkpoint newest --max_steps 3 --output_dir other"
    )
    assert "cpu.yaml" in said


def test_a_folder_with_another_run_is_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.training.saver import Saver

    monkeypatch.setattr(launch, "describe", lambda: NONE)
    Saver(tmp_path / "out", keep=1).save(4)
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("max_steps: 2\n")
    assert cli.main(["train", str(recipe), "--output", str(tmp_path / "out")]) == 1
    assert "checkpoint-4" in capsys.readouterr().err
