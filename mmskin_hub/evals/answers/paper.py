"""The rule by which the original scripts took a class from an answer (``paper`` mode).

Source: the zero-shot script of MM-Skin (github.com/ZwQ803/MM-Skin). Its faults are kept on purpose: "not malignant"
is malignant, "nontumor" holds "tumor" where the classes stand in that order, "melanoma metastasis" is melanoma, an
echoed list of options is its first option. :mod:`mmskin_hub.evals.answers.reader` is what we stand behind.
"""

from __future__ import annotations

from collections.abc import Sequence

UNMATCHED = -1
"""The class of an answer that names none; the original puts it into macro-F1 as a class of its own."""


def paper_class(text: str, classes: Sequence[str]) -> int:
    """The index of the first of ``classes`` that is a substring of ``text``, case ignored; -1 where none is.

    Before that, "actinic keratosis" is rewritten to "actinic keratoses", whatever the dataset, and only where it is
    written in small letters: a model that answers "actinic keratosis" is therefore right on HAM10000, whose class is
    "Actinic Keratoses", and never on ISIC2019, PAD-UFES-20, BCN20000 or MSKCC.
    """
    said = text.strip().replace("actinic keratosis", "actinic keratoses").lower()
    return next((index for index, name in enumerate(classes) if name.lower() in said), UNMATCHED)
