"""Scores of answers that are texts, one number a row.

``strict`` compares normalised texts: small letters, no accents, no punctuation but the point in a number, one space
between words. ``paper`` splits the texts as they are at spaces, as the original scripts do. An empty answer scores 0
everywhere, and so does any answer to an empty reference.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any
from zipfile import BadZipFile

import numpy as np

from mmskin_hub.evals.metrics.bootstrap import Floats

_WORD = re.compile(r"[^\W_]+(?:\.\d+)?", re.UNICODE)
_YES_OR_NO = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)
ROUGES = {"rouge1": "rouge_1", "rouge2": "rouge_2", "rougeL": "rouge_l"}


def normalised(text: str) -> str:
    """``text`` in small letters, without accents and punctuation, words one space apart."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(_WORD.findall(plain.casefold()))


def exact_match(reference: str, answer: str) -> float:
    """1 where both are the same once normalised, else 0."""
    said = normalised(answer)
    return float(bool(said) and said == normalised(reference))


def yes_or_no_match(reference: str, answer: str) -> float:
    """1 where the first word of the answer, yes or no, is that of the reference; 0 otherwise."""
    true, said = _YES_OR_NO.match(reference), _YES_OR_NO.match(answer)
    return float(true is not None and said is not None and true[1].lower() == said[1].lower())


def token_f1(reference: str, answer: str) -> float:
    """Harmonic mean of precision and recall of the normalised words, each as often as it stands there.

    As in SQuAD (Rajpurkar P et al. EMNLP 2016), but for its dropping of articles.
    """
    true, said = Counter(normalised(reference).split()), Counter(normalised(answer).split())
    shared = (true & said).total()
    return 2.0 * shared / (true.total() + said.total()) if shared else 0.0


def token_recall(reference: Sequence[str], answer: Sequence[str]) -> float:
    """Share of the different words of the reference that the answer has."""
    true = set(reference)
    return len(true & set(answer)) / len(true) if true else 0.0


def rouge(references: Sequence[str], answers: Sequence[str], paper: bool = False) -> dict[str, Floats]:
    """ROUGE-1, -2 and -L of each row, F-measure, by rouge_score without stemming.

    ``paper`` keeps the words as they stand between spaces. (The original used the package rouge, whose ROUGE-L is made
    sentence by sentence, and which fails on an empty answer.)
    """
    from rouge_score import rouge_scorer

    scorer = rouge_scorer.RougeScorer(list(ROUGES), use_stemmer=False, tokenizer=_Spaces() if paper else None)
    rows = [scorer.score(true, said) for true, said in zip(references, answers, strict=True)]
    return {name: np.array([row[key].fmeasure for row in rows], dtype=np.float64) for key, name in ROUGES.items()}


class _Spaces:
    """A tokenizer for rouge_score that splits at spaces and changes nothing."""

    def tokenize(self, text: str) -> list[str]:
        return text.split()


def meteor(references: Sequence[Sequence[str]], answers: Sequence[Sequence[str]]) -> Floats:
    """METEOR of each row, of texts already split, by nltk (Banerjee S, Lavie A. ACL workshop 2005).

    Exact words, stems and, where :func:`has_wordnet`, synonyms are matched.
    """
    score = _meteor()
    pairs = zip(references, answers, strict=True)
    return np.array(
        [score([list(true)], list(said)) if true and said else 0.0 for true, said in pairs], dtype=np.float64
    )


@lru_cache(maxsize=1)
def has_wordnet() -> bool:
    """Whether nltk finds the data of WordNet here (nothing is downloaded)."""
    from nltk.corpus import wordnet

    try:
        wordnet.ensure_loaded()
    except (LookupError, OSError, ValueError, BadZipFile):
        return False
    return True


class _NoSynonyms:
    """Stands for WordNet where its data is not there: no word has a synonym."""

    def synsets(self, word: str) -> list[Any]:
        return []


def _meteor() -> Callable[[list[list[str]], list[str]], float]:
    from nltk.translate.meteor_score import meteor_score

    if has_wordnet():
        return meteor_score  # type: ignore[no-any-return]
    missing = _NoSynonyms()
    return lambda references, answer: float(meteor_score(references, answer, wordnet=missing))
