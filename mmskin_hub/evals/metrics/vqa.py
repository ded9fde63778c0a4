"""Every figure of answers that are texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mmskin_hub.errors import MissingExtra
from mmskin_hub.evals.metrics import text
from mmskin_hub.evals.metrics.bleu import paper_bleu, strict_bleu
from mmskin_hub.evals.metrics.bootstrap import FEW, RESAMPLES, Floats, Sums, cluster_numbers
from mmskin_hub.evals.metrics.classification import figures
from mmskin_hub.evals.metrics.counts import mean

if TYPE_CHECKING:
    from mmskin_hub.evals.metrics.bertscore import BERTScore


def vqa(
    references: Sequence[str],
    answers: Sequence[str],
    closed: Sequence[bool] | None = None,
    groups: Sequence[Any] | None = None,
    *,
    bertscore: BERTScore | str | None = None,
    mode: str = "strict",
    n: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """The metrics of a run whose answers are texts, ready for JSON.

    ``references`` and ``answers`` (rows,) are texts, ``closed`` says which rows are answered by yes or no, ``groups``
    are the clusters of the intervals. ``bertscore`` is a :class:`~mmskin_hub.evals.metrics.bertscore.BERTScore`, or the
    name or folder of the model of one; without it there is no BERTScore.

    bleu_1 … bleu_4 (corpus), rouge_1, rouge_2, rouge_l, meteor, token_recall, token_f1, exact_match, empty (the share
    of answers without a word) and, where asked for, bertscore are {"value", "low", "high"}, all 0 to 1 (a rescaled
    BERTScore may be below 0). ``closed`` holds exact_match, token_f1 and accuracy (the first word is the right yes or
    no) of closed rows and their ``n``. ``facts`` says how: libraries and versions, whether METEOR had WordNet,
    BERTScore's model, layer and baseline.

    Raises ValueError where lengths differ or there are no rows, :class:`MissingExtra` without the extra ``eval``.
    """
    if len(references) != len(answers) or not references or (closed is not None and len(closed) != len(answers)):
        raise ValueError(f"{len(answers)} answers to {len(references)} references: both need the same number of rows")
    scores = vqa_scores(references, answers, mode=mode)
    statistics: dict[str, Sums] = {**_bleu(references, answers, mode)}
    statistics.update({name: mean(each) for name, each in scores.items()})
    statistics["empty"] = mean(np.array([not text.normalised(answer) for answer in answers], dtype=np.float64))
    facts = facts_of()
    if bertscore is not None:
        from mmskin_hub.evals.metrics.bertscore import BERTScore

        scorer = BERTScore(bertscore) if isinstance(bertscore, str) else bertscore
        statistics["bertscore"] = mean(scorer.score(references, answers))
        facts["bertscore"] = scorer.facts
    clusters = cluster_numbers(groups, len(answers))[1]
    found: dict[str, Any] = {"n": len(answers), "clusters": clusters, "few_clusters": clusters < FEW}
    found.update(figures(statistics, groups, n, seed))
    if closed is not None and any(closed):
        found["closed"] = _of_closed(references, answers, closed, groups, n, seed)
    found["facts"] = facts
    return found


def vqa_points(references: Sequence[str], answers: Sequence[str], mode: str = "strict") -> dict[str, float]:
    """The figures of :func:`vqa` alone, without intervals and BERTScore."""
    found = {name: each() for name, each in _bleu(references, answers, mode).items()}
    scores = vqa_scores(references, answers, mode=mode)
    return {**found, **{name: float(each.mean()) for name, each in scores.items()}}


def vqa_scores(references: Sequence[str], answers: Sequence[str], *, mode: str = "strict") -> dict[str, Floats]:
    """Every score that a single row has, (rows,) each: rouge_1, rouge_2, rouge_l, meteor, token_recall, token_f1 and
    exact_match."""
    true, said = _prepared(references, answers, mode)
    split = [[each.split() for each in texts] for texts in (true, said)]
    try:
        found = {**text.rouge(true, said, paper=mode == "paper"), "meteor": text.meteor(*split)}
    except ImportError as error:
        raise MissingExtra("Scoring answers that are texts", "eval", error.name or "rouge_score") from error
    found["token_recall"] = np.array([text.token_recall(*pair) for pair in zip(*split, strict=True)])
    for name, score in (("token_f1", text.token_f1), ("exact_match", text.exact_match)):
        found[name] = np.array([score(*pair) for pair in zip(references, answers, strict=True)])
    return found


def facts_of() -> dict[str, Any]:
    """How the texts were scored: versions of the libraries, and whether METEOR had WordNet's synonyms."""
    from importlib.metadata import version

    found: dict[str, Any] = {name: version(name) for name in ("sacrebleu", "rouge_score", "nltk")}
    found["meteor"] = "exact, stem and WordNet" if text.has_wordnet() else "exact and stem (no WordNet data here)"
    return found


def _bleu(references: Sequence[str], answers: Sequence[str], mode: str) -> dict[str, Sums]:
    true, said = _prepared(references, answers, mode)
    try:
        if mode == "paper":
            return paper_bleu([each.split() for each in true], [each.split() for each in said])
        return strict_bleu(true, said)
    except ImportError as error:
        raise MissingExtra("Scoring answers that are texts", "eval", error.name or "sacrebleu") from error


def _prepared(references: Sequence[str], answers: Sequence[str], mode: str) -> tuple[list[str], list[str]]:
    if mode == "paper":
        return [each.strip() for each in references], [each.strip() for each in answers]
    return [text.normalised(each) for each in references], [text.normalised(each) for each in answers]


def _of_closed(
    references: Sequence[str],
    answers: Sequence[str],
    closed: Sequence[bool],
    groups: Sequence[Any] | None,
    n: int,
    seed: int,
) -> dict[str, Any]:
    rows = [row for row, each in enumerate(closed) if each]
    pairs = [(references[row], answers[row]) for row in rows]
    kept = None if groups is None else [groups[row] for row in rows]
    scores = {"exact_match": text.exact_match, "token_f1": text.token_f1, "accuracy": text.yes_or_no_match}
    statistics = {name: mean(np.array([score(*pair) for pair in pairs])) for name, score in scores.items()}
    return {"n": len(rows), **figures(statistics, kept, n, seed)}
