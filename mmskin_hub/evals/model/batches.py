"""Many samples through a model: the longest first, as many at a time as fit, fewer where the memory ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from mmskin_hub.errors import MmskinError
from mmskin_hub.evals.model.api import PartialAnswers
from mmskin_hub.evals.model.inputs import Encoded

T = TypeVar("T")

MOST = 64
"""The largest automatic batch: beyond it a GPU is busy anyway."""
ON_CPU = 8
"""The automatic batch without a GPU, where memory is no help to size it."""
SHARE = 0.8
"""Of the free GPU memory, what an automatic batch may take."""


class BatchSizes:
    """How many samples go at once, for each kind of work (its ``label``).

    ``given`` is a number, or "auto": then the first batch on a GPU is the longest sample alone, and what it took of the
    memory tells how many would fit. Either way :meth:`halve` makes it smaller where the memory ends all the same.
    """

    def __init__(self, given: int | str, device: Any) -> None:
        self._given = given
        self.gpu = device.type == "cuda"
        self._device = device
        self.sizes: dict[str, int] = {}
        self.halved = 0

    def of(self, label: str) -> int:
        """The batch for the next samples of ``label``; 1 where it is still to be found out."""
        if label in self.sizes:
            return self.sizes[label]
        if isinstance(self._given, int):
            return self._given
        return 1 if self.gpu else ON_CPU

    def start(self) -> None:
        """A batch begins: from here on its memory is counted."""
        if self.gpu:
            import torch

            torch.cuda.reset_peak_memory_stats(self._device)

    def learn(self, label: str, samples: int) -> None:
        """A batch of ``samples`` went through: find the automatic size where it is not known yet."""
        if label in self.sizes or isinstance(self._given, int) or not self.gpu:
            self.sizes.setdefault(label, self.of(label))
            return
        import torch

        held = torch.cuda.memory_allocated(self._device)
        took = max(1, torch.cuda.max_memory_allocated(self._device) - held) / samples
        free, _ = torch.cuda.mem_get_info(self._device)
        free += torch.cuda.memory_reserved(self._device) - held
        self.sizes[label] = max(1, min(MOST, int(SHARE * free / took)))

    def halve(self, label: str, samples: int) -> None:
        """``samples`` at once were too many."""
        self.sizes[label] = max(1, samples // 2)
        self.halved += 1


def out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that the memory of the device (or of the machine) is used up."""
    import torch

    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and any(
        words in text for words in ("out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")
    )


class Run:
    """One pass over ``asks``: ``encode`` makes a sample's tensors, ``work`` answers a batch of them."""

    def __init__(
        self,
        sizes: BatchSizes,
        label: str,
        encode: Callable[[int], Encoded],
        work: Callable[[Sequence[int], Sequence[Encoded]], Sequence[T]],
        release: Callable[[], None],
    ) -> None:
        self._sizes = sizes
        self._label = label
        self._encode = encode
        self._work = work
        self._release = release
        self._ahead = sizes.gpu

    def answers(self, lengths: Sequence[int]) -> list[Any]:
        """The answer to each sample, in the order of the asks; ``lengths`` is by what they are sorted.

        Raises :class:`PartialAnswers`, with what was answered, where a sample cannot be: not even alone does it fit
        into the memory, or ``encode`` or ``work`` raise a :class:`MmskinError`.
        """
        order = sorted(range(len(lengths)), key=lambda place: (-lengths[place], place))
        done: dict[int, Any] = {}
        try:
            for places, items in self._groups(order):
                self._one(places, items, done)
        except PartialAnswers as error:
            raise PartialAnswers(error, {**done, **error.done}) from error
        except MmskinError as error:
            raise PartialAnswers(error, done) from error
        return [done[place] for place in range(len(lengths))]

    def _groups(self, order: Sequence[int]) -> Iterator[tuple[Sequence[int], Sequence[Encoded]]]:
        """The samples in batches, longest first; on a GPU the next batch is made ready while one is at work."""
        with ThreadPoolExecutor(1) as pool:
            start = 0
            waiting: Any = None
            while start < len(order) or waiting is not None:
                if waiting is None:
                    places = order[start : start + self._sizes.of(self._label)]
                    start += len(places)
                    items = self._encoded(places)
                else:
                    places, future = waiting
                    waiting, items = None, future.result()
                if self._ahead and start < len(order):
                    following = order[start : start + self._sizes.of(self._label)]
                    start += len(following)
                    waiting = (following, pool.submit(self._encoded, following))
                yield places, items

    def _encoded(self, places: Sequence[int]) -> list[Encoded]:
        return [self._encode(place) for place in places]

    def _one(self, places: Sequence[int], items: Sequence[Encoded], done: dict[int, Any]) -> None:
        """Answer one batch into ``done``, in halves where it does not fit."""
        self._sizes.start()
        try:
            done.update(zip(places, self._work(places, items), strict=True))
        except PartialAnswers as error:
            # Places within the batch become places among all asks.
            raise PartialAnswers(error, {places[place]: answer for place, answer in error.done.items()}) from error
        except Exception as error:
            if not out_of_memory(error):
                raise
            too_many, reason = True, error.__class__.__name__
        else:
            too_many, reason = False, ""
        if not too_many:
            self._sizes.learn(self._label, len(items))
            return
        # Outside of the handler: the traceback would keep the tensors alive.
        self._release()
        if len(items) == 1:
            raise MmskinError(
                f"Sample {items[0].id} does not fit into the memory, not even alone ({reason}).",
                "Take a smaller --dtype (bfloat16), a smaller model or a larger device.",
            )
        self._sizes.halve(self._label, len(items))
        half = len(items) // 2
        for part in (slice(None, half), slice(half, None)):
            self._one(places[part], items[part], done)
