"""Batches: the order of the asks is kept, memory that runs out halves them, and what was answered is not lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from mmskin_hub.errors import MmskinError
from mmskin_hub.evals.model.api import Ask, PartialAnswers
from mmskin_hub.evals.model.batches import BatchSizes, Run, out_of_memory

CPU = torch.device("cpu")


class Machine:
    """Answers samples (numbers) with their square, while no more than ``room`` come at once."""

    def __init__(self, room: int, size: int | str = 8, refused: int | None = None) -> None:
        self.room = room
        self.sizes = BatchSizes(size, CPU)
        self.refused = refused
        self.batches: list[int] = []
        self.released = 0

    def answers(self, samples: Sequence[int]) -> list[Any]:
        def encode(place: int) -> Any:
            if samples[place] == self.refused:
                raise MmskinError(f"Sample {samples[place]} is refused.")
            return SimpleNamespace(id=str(samples[place]), value=samples[place])

        def work(places: Sequence[int], items: Sequence[Any]) -> list[int]:
            self.batches.append(len(items))
            if len(items) > self.room:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
            return [item.value**2 for item in items]

        def release() -> None:
            self.released += 1

        return Run(self.sizes, "squares", encode, work, release).answers(samples)


def test_longest_first_and_answers_in_order() -> None:
    machine = Machine(room=100)
    samples = [3, 9, 1, 7, 5, 2, 8, 4, 6, 10, 11]
    assert machine.answers(samples) == [n * n for n in samples]
    assert machine.batches == [8, 3]


@pytest.mark.parametrize("room", [1, 2, 3, 5, 7])
def test_out_of_memory_halves_and_goes_on(room: int) -> None:
    machine = Machine(room=room, size=8)
    samples = list(range(20))
    assert machine.answers(samples) == [n * n for n in samples]
    assert machine.sizes.of("squares") <= room
    assert machine.released == machine.sizes.halved > 0
    before = machine.sizes.halved
    machine.answers(samples)
    assert machine.sizes.halved == before, "what was learnt is kept for the next samples"


def test_the_automatic_batch_fills_the_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU of 80 GB with 16 taken by the weights and 10 by somebody else; the first sample takes 2 on top."""
    told = {"memory_allocated": 16, "max_memory_allocated": 18, "memory_reserved": 20, "reset_peak_memory_stats": None}
    for name, value in told.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value and value * 10**9)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (50 * 10**9, 80 * 10**9))
    sizes = BatchSizes("auto", torch.device("cuda"))
    assert sizes.of("x") == 1
    sizes.learn("x", 1)
    assert sizes.of("x") == int(0.8 * (50 + 4) / 2)
    assert sizes.of("y") == 1, "other work takes other memory"
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 16 * 10**9 + 1)
    sizes.learn("y", 1)
    assert sizes.of("y") == 64
    sizes.halve("y", 64)
    sizes.learn("y", 32)
    assert sizes.of("y") == 32
    assert BatchSizes(5, torch.device("cuda")).of("x") == 5


def test_out_of_memory_alone_names_the_sample_and_keeps_the_rest() -> None:
    machine = Machine(room=0, size=2)
    with pytest.raises(PartialAnswers, match=r"Sample 9 does not fit[\s\S]*--dtype"):
        machine.answers([4, 9, 1])
    machine = Machine(room=5, size=2, refused=3)
    with pytest.raises(PartialAnswers, match="Sample 3 is refused") as raised:
        machine.answers([8, 3, 5, 9, 1])
    assert raised.value.done == {3: 81, 0: 64}


def test_what_counts_as_out_of_memory() -> None:
    assert out_of_memory(torch.OutOfMemoryError("x"))
    assert out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried …"))
    assert out_of_memory(MemoryError())
    assert not out_of_memory(RuntimeError("shape mismatch"))
    assert not out_of_memory(ValueError("out of memory"))


def test_other_errors_are_not_swallowed() -> None:
    machine = Machine(room=5)
    machine.sizes.start = lambda: 1 / 0  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        machine.answers([1, 2])


def test_a_model_that_runs_out_of_memory_answers_all_the_same(
    load: Callable[..., Any], pictures: list[Image.Image]
) -> None:
    whole, tight = load("llava", batch_size=4), load("llava", batch_size=4)
    asks = [Ask(f"{n}", "Which one? " * (n % 3 + 1), (pictures[n % 4],)) for n in range(8)]
    language = tight.model.model.language_model

    def full(module: Any, args: Any, kwargs: Any) -> None:
        if len(kwargs["inputs_embeds"]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    language.register_forward_pre_hook(full, with_kwargs=True)
    choices = [("melanoma", "nevus")] * 8
    assert tight.generate(asks, max_new_tokens=4) == whole.generate(asks, max_new_tokens=4)
    for one, other in zip(tight.choose(asks, choices), whole.choose(asks, choices), strict=True):
        assert one.loglik == pytest.approx(other.loglik, abs=1e-4)
    assert set(tight.facts["batch_size"].values()) == {2}
    assert tight.facts["batch_halved"] == 2
