"""What each task is: its dataset, its classes, what is asked, how it is decoded, and what the right answer is.

One table, :data:`PROTOCOLS`, serves ``mmskin eval`` and the YAML files of ``tasks/``, so that both ask and read alike.

===========================  =====================================================================================
``mmskin_<dataset>_gen``     zero-shot, the model writes an answer, greedily; the strict parser reads it
``mmskin_<dataset>_choice``  zero-shot, the likelihood of each class name as the answer; nothing is written
``mmskin_<dataset>_paper``   zero-shot as the original release did it: prompt, 5 beams with sampling, substring match
``mmskin_vqa_open``          MM-Skin questions without a set of answers
``mmskin_vqa_closed``        MM-Skin questions that are answered by yes or no
``mmskin_vqa_paper``         every MM-Skin question, as the original release did it
===========================  =====================================================================================

Sources: the zero-shot and VQA scripts of github.com/ZwQ803/MM-Skin for ``paper``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mmskin_hub.errors import WrongUse
from mmskin_hub.evals import prompts
from mmskin_hub.registry import PUBLIC

if TYPE_CHECKING:
    from mmskin_hub.evals.answers import Read

MODES = ("strict", "paper")
KINDS = ("gen", "choice", "vqa")

VQA_DATASET, VQA_CONFIG = "mm_skin", "open_vqa"
SKINVL8 = tuple(name for name, dataset in PUBLIC.items() if dataset.benchmark)
"""The eight benchmarks of the paper, in the order of the registry."""
CLASSIFIED = (*SKINVL8, "bcn20000", "mskcc")
"""Every dataset with a classification task."""

GREEDY = MappingProxyType({"do_sample": False, "num_beams": 1, "max_new_tokens": 64})
"""Strict decoding. A class name has at most 20 tokens; an answer that has not named it in 64 is none."""
_SAMPLED = {"do_sample": True, "top_p": 0.9, "num_beams": 5, "max_new_tokens": 256}
PAPER_ZERO_SHOT = MappingProxyType({**_SAMPLED, "temperature": 0.5, "min_new_tokens": 1})
PAPER_VQA = MappingProxyType({**_SAMPLED, "temperature": 0.2, "min_new_tokens": 20})
"""The original's decoding: beams *and* sampling; of VQA at least 20 new tokens. It was not seeded there."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """One task.

    ``dataset`` is a name of the registry and ``config`` its configuration; ``kind`` one of :data:`KINDS`; ``mode`` one
    of :data:`MODES`; ``classes`` the registry's, in its order, through which labels and predictions count (empty for
    VQA); ``generation`` the keyword arguments of transformers' ``generate`` (empty for ``choice``); ``version`` that
    of the prompts and readings.
    """

    task: str
    dataset: str
    kind: str
    mode: str
    version: str
    classes: tuple[str, ...] = ()
    config: str = "default"
    generation: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def answers(self) -> str:
        """Which rows of a VQA dataset it takes: "open", "closed" (yes or no) or "all"; "" of other kinds."""
        if self.kind != "vqa":
            return ""
        return "all" if self.mode == "paper" else self.task.rpartition("_")[2]


def _classification(dataset: str) -> tuple[Protocol, ...]:
    classes = PUBLIC[dataset].classes
    strict, paper = (prompts.VERSION[mode] for mode in MODES)
    name = f"mmskin_{dataset}"
    return (
        Protocol(f"{name}_gen", dataset, "gen", "strict", strict, classes, generation=GREEDY),
        Protocol(f"{name}_choice", dataset, "choice", "strict", strict, classes),
        Protocol(f"{name}_paper", dataset, "gen", "paper", paper, classes, generation=PAPER_ZERO_SHOT),
    )


def _vqa(task: str, mode: str, generation: Mapping[str, Any]) -> Protocol:
    return Protocol(task, VQA_DATASET, "vqa", mode, prompts.VERSION[mode], (), VQA_CONFIG, generation)


PROTOCOLS: dict[str, Protocol] = {
    each.task: each
    for each in (
        *(each for dataset in CLASSIFIED for each in _classification(dataset)),
        _vqa("mmskin_vqa_open", "strict", GREEDY),
        _vqa("mmskin_vqa_closed", "strict", MappingProxyType({**GREEDY, "max_new_tokens": 16})),
        _vqa("mmskin_vqa_paper", "paper", PAPER_VQA),
    )
}
"""Every task by its name."""

GROUPS: dict[str, tuple[str, ...]] = {
    "skinvl8": tuple(f"mmskin_{name}_{kind}" for kind in ("gen", "choice") for name in SKINVL8),
    **{f"skinvl8_{kind}": tuple(f"mmskin_{name}_{kind}" for name in SKINVL8) for kind in ("gen", "choice", "paper")},
    "mm_skin_vqa": ("mmskin_vqa_open", "mmskin_vqa_closed"),
}
"""The tasks of each group, in the order they are run."""


def protocol(task: str) -> Protocol:
    """The protocol of ``task``; raises :class:`WrongUse` where there is none of that name."""
    try:
        return PROTOCOLS[task]
    except KeyError:
        raise WrongUse(f"There is no task {task!r}.", "See what there is: mmskin tasks") from None


def question(p: Protocol, doc: Mapping[str, Any]) -> str:
    """What the model is asked about ``doc`` (a row of :func:`~mmskin_hub.evals.data.open_rows`), without a placeholder
    for the picture."""
    if p.kind == "vqa":
        ask = {"open": prompts.strict_open, "closed": prompts.strict_closed, "all": prompts.paper_open}[p.answers]
        return ask(str(doc["question"]))
    if p.mode == "paper":
        return prompts.paper_choice(p.classes)
    modality = doc.get("modality") or None
    if modality is None and len(PUBLIC[p.dataset].modality) == 1:
        modality = PUBLIC[p.dataset].modality[0]
    return prompts.strict_choice(p.dataset, modality, p.classes)


def choices(p: Protocol) -> tuple[str, ...]:
    """What a ``choice`` task scores, one text a class in the order of ``classes``; empty for every other kind.

    The texts are bare: whether a space belongs before an answer is the chat template's matter.
    """
    return tuple(" ".join(name.split()) for name in p.classes) if p.kind == "choice" else ()


def target(p: Protocol, doc: Mapping[str, Any]) -> int | str:
    """The right answer: the place of the class in ``p.classes``, or the reference of a VQA row.

    The reference of a closed question is "yes" or "no", whatever else the row's answer goes on to say.
    """
    if p.kind != "vqa":
        return int(doc["label"])
    return yes_or_no(str(doc["answer"])) or "" if p.answers == "closed" else str(doc["answer"])


_YES_OR_NO = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)


def yes_or_no(text: str) -> str | None:
    """ "yes" or "no" where that is the first word of ``text``, else ``None``.

    It decides which rows are closed, too: the column of that name also marks questions that offer other choices.
    """
    found = _YES_OR_NO.match(text)
    return found[1].lower() if found else None


def read(p: Protocol, text: str) -> Read:
    """What class ``text``, an answer to a ``gen`` question of ``p``, names, by the rule of its mode.

    ``Read.label`` counts through ``p.classes``, ``None`` where no class was read; ``paper`` reports no span and knows
    the outcomes ``matched`` and ``none`` only.
    """
    from mmskin_hub.evals.answers import Outcome, Read, paper_class, read_answer, synonyms_of

    if p.mode == "strict":
        return read_answer(text, p.classes, synonyms_of(p.dataset), dataset=p.dataset)
    found = paper_class(text, p.classes)
    return Read(Outcome.none, None, "") if found < 0 else Read(Outcome.matched, found, "")
