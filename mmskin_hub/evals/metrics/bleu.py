"""Corpus BLEU of orders 1 to 4 as a function of column sums, so that it has an interval like every other figure.

The counts are those of the library a mode names, taken sentence by sentence: sacrebleu's in ``strict`` (Post M. A call
for clarity in reporting BLEU scores. WMT 2018), nltk's in ``paper``. The formula over the sums is the library's too
(tests/evals/metrics/test_text.py holds them equal): with exponential smoothing in ``strict``, without it and with the
original's weights in ``paper``, of which those of BLEU-3 sum to .99.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mmskin_hub.evals.metrics.bootstrap import Floats, Sums

ORDER = 4
PAPER_WEIGHTS = ((1.0, 0.0, 0.0, 0.0), (0.5, 0.5, 0.0, 0.0), (0.33, 0.33, 0.33, 0.0), (0.25, 0.25, 0.25, 0.25))
"""Of BLEU-1 to BLEU-4 in the original scripts."""


def strict_bleu(references: Sequence[str], answers: Sequence[str]) -> dict[str, Sums]:
    """BLEU-1 to BLEU-4, 0 to 1 (sacrebleu's figure over 100), of normalised texts that are split at spaces."""
    from sacrebleu.metrics import BLEU

    counter = BLEU(tokenize="none", effective_order=True)
    parts = np.zeros((len(answers), 2 * ORDER + 2))
    for row, (reference, answer) in enumerate(zip(references, answers, strict=True)):
        score = counter.sentence_score(answer, [reference])
        parts[row] = (*score.counts, *score.totals, score.sys_len, score.ref_len)
    return {f"bleu_{order}": Sums(parts, _Strict(order)) for order in range(1, ORDER + 1)}


def paper_bleu(references: Sequence[Sequence[str]], answers: Sequence[Sequence[str]]) -> dict[str, Sums]:
    """BLEU-1 to BLEU-4, 0 to 1, of texts already split, by nltk's counts and the original's weights."""
    from nltk.translate.bleu_score import modified_precision

    parts = np.zeros((len(answers), 2 * ORDER + 2))
    for row, (reference, answer) in enumerate(zip(references, answers, strict=True)):
        each = [modified_precision([reference], answer, order) for order in range(1, ORDER + 1)]
        tops, bottoms = [part.numerator for part in each], [part.denominator for part in each]
        parts[row] = (*tops, *bottoms, len(answer), len(reference))
    return {f"bleu_{order}": Sums(parts, _Paper(PAPER_WEIGHTS[order - 1])) for order in range(1, ORDER + 1)}


def _brevity(sums: Floats) -> Floats:
    said, true = sums[..., -2], sums[..., -1]
    ratio = np.divide(true, said, out=np.full(said.shape, np.inf), where=said > 0)
    return np.where(said >= true, np.where(said > 0, 1.0, 0.0), np.exp(1.0 - ratio))


class _Strict:
    """sacrebleu's formula: an order without a match counts as half, a quarter, … of one."""

    def __init__(self, order: int) -> None:
        self.order = order

    def __call__(self, sums: Floats) -> Floats:
        right, total = sums[..., : self.order], sums[..., ORDER : ORDER + self.order]
        halvings = np.cumsum(right == 0, axis=-1)
        tops = np.where(right == 0, 0.5**halvings, right)
        share = np.divide(tops, total, out=np.zeros(total.shape), where=total > 0)
        known = (share > 0).all(axis=-1) & (right > 0).any(axis=-1)
        logs = np.log(share, out=np.zeros(share.shape), where=share > 0).mean(axis=-1)
        return np.where(known, _brevity(sums) * np.exp(logs), 0.0)


class _Paper:
    """nltk's formula, without smoothing: an order without a match makes the score vanish."""

    def __init__(self, weights: Sequence[float]) -> None:
        self.weights = np.array(weights)

    def __call__(self, sums: Floats) -> Floats:
        right, total = sums[..., :ORDER], sums[..., ORDER : 2 * ORDER]
        share = np.divide(right, total, out=np.zeros(total.shape), where=total > 0)
        # nltk puts the smallest float in the place of 0, whose logarithm is about -708.
        logs = np.log(share, out=np.full(share.shape, math.log(np.finfo(float).tiny)), where=share > 0)
        found: Floats = _brevity(sums) * np.exp((logs * self.weights).sum(axis=-1))
        return np.where(right[..., 0] > 0, found, 0.0)
