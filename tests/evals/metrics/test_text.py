"""Scores of texts against sacrebleu, rouge_score and nltk on random inputs."""

from __future__ import annotations

import json
import random
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskin_hub.evals.metrics import exact_match, normalised, token_f1, vqa, vqa_points, vqa_scores
from mmskin_hub.evals.metrics import text as scores
from mmskin_hub.evals.metrics.bleu import PAPER_WEIGHTS, paper_bleu, strict_bleu

WORDS = [
    "the",
    "lesion",
    "is",
    "a",
    "red",
    "scaly",
    "plaque",
    "on",
    "left",
    "forearm",
    "of",
    "patient",
    "with",
    "raised",
    "border",
    "and",
    "white",
    "scale",
    "no",
    "melanoma",
]


def texts(seed: int, empty: bool = True) -> tuple[list[str], list[str]]:
    """References and answers that share some words; some answers are empty, short or the reference itself."""
    rng = random.Random(seed)
    references, answers = [], []
    for _ in range(rng.randint(1, 12)):
        reference = rng.choices(WORDS, k=rng.randint(1, 14))
        answer = [word for word in reference if rng.random() < 0.8] + rng.choices(WORDS, k=rng.randint(0, 4))
        if rng.random() < 0.2:
            answer = list(reference)
        if empty and rng.random() < 0.15:
            answer = []
        references.append(" ".join(reference))
        answers.append(" ".join(answer))
    return references, answers


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 2**32 - 1))
def test_strict_bleu_equals_sacrebleu(seed: int) -> None:
    from sacrebleu.metrics import BLEU

    references, answers = texts(seed)
    found = strict_bleu(references, answers)
    for order in (1, 2, 3, 4):
        expected = BLEU(max_ngram_order=order, tokenize="none").corpus_score(answers, [references]).score / 100
        assert found[f"bleu_{order}"]() == pytest.approx(expected, abs=1e-9)


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 2**32 - 1))
def test_paper_bleu_equals_nltk_with_the_weights_of_the_original(seed: int) -> None:
    from nltk.translate.bleu_score import corpus_bleu

    references, answers = texts(seed)
    found = paper_bleu([each.split() for each in references], [each.split() for each in answers])
    for order, weights in enumerate(PAPER_WEIGHTS, 1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = corpus_bleu([[each.split()] for each in references], [each.split() for each in answers], weights)
        assert found[f"bleu_{order}"]() == pytest.approx(expected, abs=1e-9)
    assert sum(PAPER_WEIGHTS[2]) == pytest.approx(0.99)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_rouge_and_meteor_equal_their_libraries(seed: int) -> None:
    from nltk.translate.meteor_score import meteor_score
    from rouge_score.rouge_scorer import RougeScorer

    references, answers = texts(seed)
    found = vqa_scores(references, answers)
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"])
    for row, (reference, answer) in enumerate(zip(references, answers, strict=True)):
        expected = scorer.score(reference, answer)
        for name, key in (("rouge_1", "rouge1"), ("rouge_2", "rouge2"), ("rouge_l", "rougeL")):
            assert found[name][row] == pytest.approx(expected[key].fmeasure)
        with_none = {} if scores.has_wordnet() else {"wordnet": scores._NoSynonyms()}
        meteor = meteor_score([reference.split()], answer.split(), **with_none) if answer else 0.0
        assert found["meteor"][row] == pytest.approx(meteor)


def test_meteor_without_wordnet_matches_words_and_stems() -> None:
    if scores.has_wordnet():
        pytest.skip("WordNet is here")
    found = scores.meteor([["scaly", "plaques"]] * 3, [["scaly", "plaques"], ["scaly", "plaque"], ["red", "spot"]])
    # One chunk of two matched words: the penalty is .5 * (1/2)^3, the F-mean 1. A stem counts as a match.
    assert found.tolist() == pytest.approx([1 - 0.5 / 8, 1 - 0.5 / 8, 0])


def test_scores_of_one_row_by_hand() -> None:
    assert normalised("  Naïve, non-SCALY “Plaque” 0.5 cm! ") == "naive non scaly plaque 0.5 cm"
    assert exact_match("Yes", "yes.") == 1 and exact_match("yes", "yes, it is") == 0
    assert token_f1("a red plaque", "red red plaque") == pytest.approx(2 * 2 / 6)
    assert scores.token_recall(["a", "red", "red", "plaque"], ["red"]) == pytest.approx(1 / 3)
    assert scores.yes_or_no_match("yes", "Yes, it is") == 1 and scores.yes_or_no_match("no", "not sure") == 0


@pytest.mark.parametrize("mode", ["strict", "paper"])
def test_empty_answers_score_zero_and_never_crash(mode: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for answers in (["", ""], ["...", " "], ["", "red plaque"]):
            found = vqa(["a red plaque", "red plaque"], answers, mode=mode, n=20)
            json.dumps(found, allow_nan=False)
            if answers == ["", ""]:
                figures = [each["value"] for name, each in found.items() if isinstance(each, dict) and "value" in each]
                assert sorted(figures) == [0.0] * (len(figures) - 1) + [1.0]  # all but the share of empty answers
        assert vqa_points(["", "x"], ["something", ""], mode=mode)["rouge_1"] == 0


def test_the_report_of_a_run() -> None:
    references = ["Yes", "no", "A red plaque on the arm", "Melanoma"]
    answers = ["yes.", "Yes, it does", "red plaque on arm", ""]
    found = vqa(references, answers, [True, True, False, False], ["p", "p", "q", "r"], n=100)
    assert found["n"] == 4 and found["clusters"] == 3 and found["empty"]["value"] == 0.25
    closed = {name: figure["value"] for name, figure in found["closed"].items() if name != "n"}
    assert closed == {"exact_match": 0.5, "token_f1": 0.5, "accuracy": 0.5} and found["closed"]["n"] == 2
    assert found["bleu_1"]["low"] <= found["bleu_1"]["value"] <= found["bleu_1"]["high"]
    assert set(found["facts"]) == {"sacrebleu", "rouge_score", "nltk", "meteor"}
    points = vqa_points(references, answers)
    assert points == {name: pytest.approx(found[name]["value"]) for name in points}
    with pytest.raises(ValueError):
        vqa(["a"], [])
    with pytest.raises(ValueError):
        vqa([], [])


def test_paper_mode_splits_at_spaces_and_keeps_case() -> None:
    references, answers = ["Red plaque."], ["red plaque"]
    paper, strict = (vqa_points(references, answers, mode=mode) for mode in ("paper", "strict"))
    assert strict["bleu_1"] == strict["rouge_1"] == strict["token_recall"] == 1
    assert paper["bleu_1"] == paper["rouge_1"] == paper["token_recall"] == 0


def test_intervals_of_bleu_are_those_of_resampled_corpora() -> None:
    from sacrebleu.metrics import BLEU

    from mmskin_hub.evals.metrics import bootstrap

    references, answers = (texts(3, empty=False)[0] * 4, texts(3, empty=False)[1] * 4)
    groups = [row // 2 for row in range(len(references))]

    def of_rows(rows: np.ndarray) -> float:
        said, true = [answers[row] for row in rows], [references[row] for row in rows]
        return float(BLEU(tokenize="none").corpus_score(said, [true]).score / 100)

    fast = bootstrap(strict_bleu(references, answers)["bleu_4"], groups, n=40)
    assert fast == pytest.approx(bootstrap(of_rows, groups, n=40))
