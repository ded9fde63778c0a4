"""lm-eval's way in: the model class ``mmskin-vlm``.

::

    MMSKIN_DATA="ham10000=data/ham10000" python -m mmskin_hub.evals.lm_eval run \\
        --model mmskin-vlm --model_args pretrained=MODEL,dtype=bfloat16 --tasks mmskin_ham10000_choice

Importing this module registers the class; ``lm_eval.simple_evaluate(model="mmskin-vlm", …)`` knows it from then on.
Requests about one picture and one prompt are put together, so that all choices of a question are scored behind one
reading of it. The chat template is applied once: by lm-eval where it is told to (``--apply_chat_template``), else here.

Under ``accelerate launch --multi_gpu --num_processes N -m mmskin_hub.evals.lm_eval …`` each process takes its share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, TypeVar

import lm_eval.models  # noqa: F401  lm-eval registers its own models only while there are none
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model

from mmskin_hub.errors import WrongUse
from mmskin_hub.evals.model.api import Ask, PartialAnswers
from mmskin_hub.evals.model.load import load_model
from mmskin_hub.evals.model.prompts import PLACEHOLDER
from mmskin_hub.evals.model.vlm import VLM
from mmskin_hub.evals.team import join

T = TypeVar("T")

CHUNK = 512
"""Questions asked before lm-eval's cache of answers (``--use_cache``) is told of them."""


@register_model("mmskin-vlm")
class MmskinVLM(LM):
    """A vision-language model under lm-eval; the arguments are those of
    :func:`~mmskin_hub.evals.model.load.load_model`, with its names in lm-eval (``pretrained``, ``peft``) understood."""

    MULTIMODAL = True

    def __init__(
        self,
        pretrained: str | VLM,
        *,
        peft: str | None = None,
        adapter: str | None = None,
        device: str | None = None,
        batch_size: int | str = "auto",
        max_batch_size: int | None = None,
        **options: Any,
    ) -> None:
        """``pretrained`` may also be a loaded :class:`~mmskin_hub.evals.model.vlm.VLM`; ``max_batch_size`` is not used,
        the memory decides. Raises what ``load_model`` does."""
        super().__init__()
        # lm-eval's command line says so whether or not there is a GPU; left open, each process finds its own.
        device = None if device in ("cuda", "cuda:0") else device
        self._team = join(device)
        if isinstance(pretrained, VLM):
            self.vlm = pretrained
        else:
            size = int(batch_size) if str(batch_size).isdigit() else "auto"
            loaded = load_model(pretrained, adapter=adapter or peft, device=device, batch_size=size, **options)
            if not isinstance(loaded, VLM):
                raise WrongUse("mmskin-vlm takes models in this process.", "Ask a served one with: mmskin eval URL")
            self.vlm = loaded
        self._device = self.vlm.model.device
        self._rank, self._world_size = self._team.rank, self._team.world
        self._templated = False

    @property
    def tokenizer_name(self) -> str:
        """What lm-eval keeps requests apart by: the model and its template."""
        return f"{self.vlm.name} {self.vlm.prompts.fingerprint}".replace("/", "__")

    def chat_template(self, chat_template: bool | str = False) -> str | None:
        """The template lm-eval applies, for its log; ours has one only. Another one: ``--model_args template=…``."""
        if isinstance(chat_template, str) and chat_template not in ("", "default"):
            raise WrongUse(f"There is no template {chat_template!r} to choose.", "Give it: --model_args template=…")
        return self.vlm.prompts.template if chat_template else None

    def apply_chat_template(self, chat_history: list[dict[str, Any]], add_generation_prompt: bool = True) -> str:
        """The conversation as text; ``<image>`` in it marks the pictures. Ours is not applied again after that."""
        self._templated = True
        return self.vlm.prompts.history(chat_history, add_generation_prompt)

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """The answer to each request, (context, generation arguments, pictures); those that decode alike together."""
        groups: dict[str, list[int]] = {}
        for place, request in enumerate(requests):
            groups.setdefault(repr(sorted(dict(request.args[1]).items())), []).append(place)
        found: dict[int, str] = {}
        for places in groups.values():
            decoding = dict(requests[places[0]].args[1])
            for some in batched(places, CHUNK):
                asks = [self._ask(requests[place]) for place in some]
                answers = self._kept(partial(self.vlm.generate, asks, **decoding))
                for k, text in answers:
                    found[some[k]] = text
                    self.cache_hook.add_partial("generate_until", requests[some[k]].args, text)
        return [found[place] for place in range(len(requests))]

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """For each request, (context, continuation, pictures): the sum of natural log-probabilities of the
        continuation, and whether greedy decoding would write it."""
        groups: dict[Any, list[int]] = {}
        for place, request in enumerate(requests):
            seen = tuple(id(image) for image in _pictures(request))
            groups.setdefault((request.args[0], seen), []).append(place)
        found: dict[int, tuple[float, bool]] = {}
        for some in batched(groups.values(), CHUNK):
            asks = [self._ask(requests[places[0]]) for places in some]
            choices = [[requests[place].args[1] for place in places] for places in some]
            for k, scores in self._kept(partial(self.vlm.choose, asks, choices)):
                for place, loglik, greedy in zip(some[k], scores.loglik, scores.greedy, strict=True):
                    found[place] = (loglik, greedy)
                    self.cache_hook.add_partial("loglikelihood", requests[place].args, found[place])
        return [found[place] for place in range(len(requests))]

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:
        """Not here: no task of ours asks for the likelihood of a whole text."""
        raise NotImplementedError(
            "mmskin-vlm scores answers to questions, not whole texts: take lm-eval's hf for those"
        )

    def get_model_info(self) -> dict[str, Any]:
        """What lm-eval writes beside its results."""
        return {"mmskin_vlm": self.vlm.facts}

    def all_gather(self, tensor: Any) -> Any:
        """``tensor`` of every process, one after the other."""
        if self.world_size == 1:
            return tensor
        from accelerate.utils import gather

        return gather(tensor)

    def gather_object(self, obj: Any, dst: int = 0) -> Any:
        """``obj`` of every process as a list in process ``dst``; ``None`` in the others."""
        if self.world_size == 1:
            return [obj]
        import torch.distributed

        gathered = [None] * self.world_size if self.rank == dst else None
        torch.distributed.gather_object(obj, gathered, dst=dst)
        return gathered

    def barrier(self) -> None:
        """Wait for the other processes."""
        self._team.wait()

    def _ask(self, request: Any) -> Ask:
        pictures = _pictures(request)
        name = f"{request.task_name} {request.doc_id}"
        if self._templated:
            return Ask(name, request.args[0], pictures, templated=True)
        return Ask(name, request.args[0].replace(PLACEHOLDER, ""), pictures)

    def _kept(self, ask: Callable[[], Sequence[Any]]) -> Iterator[tuple[int, Any]]:
        """Each answer with its place; where the model fails, those it gave come first, and then the error."""
        try:
            yield from enumerate(ask())
        except PartialAnswers as error:
            yield from error.done.items()
            raise


def _pictures(request: Any) -> tuple[Any, ...]:
    return tuple(request.args[2]["visual"]) if len(request.args) > 2 else ()


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """``items`` in lists of ``size``, the last one shorter (itertools has it from Python 3.12 on)."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
