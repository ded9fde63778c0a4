"""Figures and their intervals. Importing this loads numpy and nothing heavier; scores of texts load their libraries
(sacrebleu, rouge_score, nltk; transformers for BERTScore) when they are first asked for.

===================  ====================================================================================
``classification``   every figure of a classification run
``vqa``              every figure of answers that are texts
``bootstrap``        the interval of a statistic, by resampling clusters
``slices``           the figures by skin tone, sex, age group, modality
``paired``           two runs on the same rows
``point_metrics``    the figures alone, as lm-eval's aggregations want them; ``paper_metrics`` the original's
===================  ====================================================================================
"""

from mmskin_hub.evals.metrics.auroc import auroc
from mmskin_hub.evals.metrics.bootstrap import FEW, RESAMPLES, Sums, bootstrap, intervals
from mmskin_hub.evals.metrics.calibration import reliability, softmax
from mmskin_hub.evals.metrics.classification import classification, figure
from mmskin_hub.evals.metrics.paired import mcnemar, paired, paired_classification
from mmskin_hub.evals.metrics.points import paper_metrics, point_metrics
from mmskin_hub.evals.metrics.slices import SLICES, SMALL, age_group, slices
from mmskin_hub.evals.metrics.text import exact_match, normalised, token_f1
from mmskin_hub.evals.metrics.vqa import vqa, vqa_points, vqa_scores

__all__ = [
    "FEW",
    "RESAMPLES",
    "SLICES",
    "SMALL",
    "Sums",
    "age_group",
    "auroc",
    "bootstrap",
    "classification",
    "exact_match",
    "figure",
    "intervals",
    "mcnemar",
    "normalised",
    "paired",
    "paired_classification",
    "paper_metrics",
    "point_metrics",
    "reliability",
    "slices",
    "softmax",
    "token_f1",
    "vqa",
    "vqa_points",
    "vqa_scores",
]
