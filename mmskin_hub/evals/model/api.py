"""What a model under test can be asked, without saying what it is: weights in this process, or a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mmskin_hub.errors import MmskinError


@dataclass(frozen=True, slots=True)
class Ask:
    """One question: ``prompt`` without image placeholders, ``images`` as PIL pictures, ``id`` to speak of it.

    The model applies its chat template to the prompt, once. Where ``templated`` is true that has been done already (as
    lm-eval does it), and the prompt holds the placeholders of the pictures too.
    """

    id: str
    prompt: str
    images: tuple[Any, ...] = ()
    templated: bool = False


@dataclass(frozen=True, slots=True)
class Scores:
    """The choices of one question: the sum of natural log-probabilities of each one's tokens, and how many those are.

    ``loglik[i] / tokens[i]`` is the length-normalised score (:attr:`normalised`). ``greedy[i]`` says whether each token
    of the choice is the likeliest one where it stands; empty where that is not known (a served model).
    """

    loglik: tuple[float, ...]
    tokens: tuple[int, ...]
    greedy: tuple[bool, ...] = ()

    @property
    def normalised(self) -> tuple[float, ...]:
        """The mean log-probability of a token, for each choice."""
        return tuple(total / count for total, count in zip(self.loglik, self.tokens, strict=True))


class PartialAnswers(MmskinError):
    """Scoring ended before every sample was answered; its words are those of ``error``, which ended it.

    ``done`` holds the answers there are, by their place among the ``asks`` of the call: texts of ``generate``,
    :class:`Scores` of ``choose``. The caller keeps them and passes the error on.
    """

    def __init__(self, error: MmskinError, done: Mapping[int, Any]) -> None:
        super().__init__(error.what, error.remedy)
        self.done = dict(done)


class Scorer(Protocol):
    """A model under test. ``facts`` go to the report: dtype, device, versions, whatever tells how it was run."""

    @property
    def name(self) -> str:
        """The name of the model, as the user gave it."""

    @property
    def revision(self) -> str:
        """The commit or the hash of its weights; "" where that cannot be known."""

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of the model and how it runs; JSON."""

    def generate(self, asks: Sequence[Ask], **generation: Any) -> list[str]:
        """The answer to each of ``asks``; ``generation`` as transformers' ``generate`` names it."""

    def choose(self, asks: Sequence[Ask], choices: Sequence[Sequence[str]]) -> list[Scores]:
        """How likely each of ``choices[i]`` is as the answer to ``asks[i]``."""
