"""MM-Skin-O written by a language model behind an OpenAI-compatible endpoint: vLLM, TGI, ``transformers serve``, or
HF Inference Providers.

Each caption is asked about once, with a versioned prompt (:mod:`~mmskin_hub.derive.vqa.endpoint.prompts`) and a JSON
schema, and its answer is on disk before it counts (:mod:`~mmskin_hub.derive.vqa.endpoint.cache`): a run that was killed
goes on where it was, and a rebuild asks nothing. What comes out depends on the answers alone, not on the order they
came in.

The key of the endpoint comes from the environment variable ``MMSKIN_VQA_KEY``. For HF Inference Providers, and for
nobody else, the token of the Hugging Face login (``HF_TOKEN``) stands in for it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmskin_hub.derive.vqa.endpoint.cache import opened
from mmskin_hub.derive.vqa.endpoint.prompts import load_prompt
from mmskin_hub.derive.vqa.endpoint.run import NOTHING, OPTIONS, Progress, Run
from mmskin_hub.schema import Asked, Written
from mmskin_hub.served.client import base_url, find_key
from mmskin_hub.served.faults import EndpointFailed
from mmskin_hub.served.pool import Patience, run_to_end

__all__ = ["EndpointFailed", "EndpointSettings", "EndpointWriter", "Progress"]


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Whom to ask, how, and how long. Times are in seconds.

    ``url`` is the base URL of an OpenAI-compatible API, "" for HF Inference Providers; ``model`` the name the server
    knows the model by; ``prompt`` a version in :mod:`~mmskin_hub.derive.vqa.endpoint.prompts`. ``temperature``,
    ``max_tokens`` and ``seed`` go to the model and are part of what an answer is cached under.

    ``concurrency`` requests are under way at most, each for ``timeout`` at most. ``attempts`` faults end the attempt at
    a caption; between them it waits from ``backoff`` on, doubling, or as long as the server asks, but never longer than
    ``longest_wait``. ``failures`` captions in a row that got no answer end the run. At ``time_limit`` nothing more is
    asked; what is under way is waited for. The prices are of a million tokens, in any currency, for the cost shown.
    """

    url: str
    model: str
    prompt: str = "open_vqa-1"
    temperature: float = 0.0
    max_tokens: int = 1024
    seed: int = 0
    concurrency: int = 8
    timeout: float = 120.0
    attempts: int = 6
    time_limit: float | None = None
    price_in: float = 0.0
    price_out: float = 0.0
    backoff: float = 1.0
    longest_wait: float = 300.0
    failures: int = 20

    def check(self) -> None:
        """Raise :class:`EndpointFailed`, without asking anybody, where these settings cannot work."""
        if not self.model.strip():
            raise EndpointFailed("The endpoint needs the name of a model.", "Give it with --vqa-model NAME.")
        base_url(self.url, OPTIONS)
        load_prompt(self.prompt)

    @property
    def patience(self) -> Patience:
        """The part of these settings that the requests go by."""
        return Patience(self.concurrency, self.timeout, self.attempts, self.backoff, self.longest_wait, self.time_limit)


class EndpointWriter:
    """Writes questions by asking an endpoint; ``name`` is "<model>/<prompt version>".

    ``cache`` is the folder the answers are kept in. ``progress`` is called after each caption, ``say`` with a sentence
    a user should read (default: printed to standard error).
    """

    def __init__(
        self,
        settings: EndpointSettings,
        cache: Path,
        *,
        progress: Callable[[Progress], None] | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        settings.check()
        self.settings = settings
        self.cache = cache
        self.prompt = load_prompt(settings.prompt)
        self.name = f"{settings.model}/{settings.prompt}"
        self.progress = progress or (lambda _: None)
        self.say = say or (lambda sentence: print(sentence, file=sys.stderr, flush=True))

    def write_all(self, asked: Sequence[Asked]) -> list[Written]:
        """What the model writes about each of ``asked``, in their order. Runs an event loop of its own.

        A caption that got no usable answer has the reason "writer_failed" or "bad_answer"; a later run asks again.
        Raises :class:`EndpointFailed` where the endpoint cannot be asked (no server, no such model, the key refused,
        the quota used up, :attr:`EndpointSettings.failures` captions in a row without an answer) or the time limit is
        reached, and :class:`MmskinError` where the cache cannot be written or another run holds it.
        """
        keys = [self.key_of(one) if one.caption.split() else "" for one in asked]
        questions = {key: one for key, one in zip(keys, asked, strict=True) if key}
        outcomes = {"": NOTHING}
        with opened(self.cache, questions.keys()) as cache:
            run = Run(self, cache, questions, Counter(keys))
            outcomes |= run.from_cache()
            if questions.keys() - outcomes.keys():
                url = base_url(self.settings.url, OPTIONS)
                key = find_key(url, OPTIONS)
                with key.kept_from_logs():
                    outcomes |= run_to_end(run.ask(url, key))
        found = [outcomes[key] for key in keys]
        return [
            Written(one.id, out.pairs, self.name, out.reason, out.detail) for one, out in zip(asked, found, strict=True)
        ]

    def key_of(self, asked: Asked) -> str:
        """What the answer to ``asked`` is cached under: SHA-256 (hex) of everything the model is told, and of who."""
        settings = self.settings
        sampling = [float(settings.temperature), settings.max_tokens, settings.seed]
        years = None if asked.age_years is None else float(asked.age_years)
        told = [asked.caption, asked.modality, years, asked.sex or None]
        value = [settings.model, settings.prompt, self.prompt.digest, sampling, told]
        return hashlib.sha256(json.dumps(value).encode()).hexdigest()
