"""Captions as printed, and as they are published."""

from __future__ import annotations

import json
import random
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskin_hub.curate.text import clean_caption, credit_of, join_lines

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        (["haemor-", "rhagic crusts"], "haemorrhagic crusts"),
        (["haemor\u00ad", "rhagic crusts"], "haemorrhagic crusts"),
        (["haemor\u2010", "rhagic crusts"], "haemorrhagic crusts"),
        (["comedo-", "like openings"], "comedo-like openings"),
        (["milia-", "like cysts"], "milia-like cysts"),
        (["ill-", "defined patches"], "ill-defined patches"),
        (["well-", "demarcated plaque"], "well-demarcated plaque"),
        (["well-demar-", "cated plaque"], "well-demarcated plaque"),
        (["flat-", "topped papules"], "flat-topped papules"),
        (["skin-", "coloured nodule"], "skin-coloured nodule"),
        (["a blue-", "white veil"], "a blue-white veil"),
        (["after 5-", "year follow-", "up"], "after 5-year follow-up"),
        (["a 10-year-", "old girl"], "a 10-year-old girl"),
        (["Stevens-", "Johnson"], "Stevens-Johnson"),
        (["T-", "cell lymphoma"], "T-cell lymphoma"),
        (["non-", "blanching"], "non-blanching"),
        (["small- and medium-", "sized"], "small- and medium-sized"),
        (["small-", "and medium-sized"], "small- and medium-sized"),
        (["the pheno-", "type"], "the phenotype"),
        (["a thresh-", "old"], "a threshold"),
        (["dermo-", "scopic view"], "dermoscopic view"),
        (["a scale-crust, and a scale-", "crust"], "a scale-crust, and a scale-crust"),
        (["plaque", "", "  with  ", "scale"], "plaque with scale"),
        (["and/", "or"], "and/or"),
        (["plaque\u2014", "with scale"], "plaque\u2014with scale"),
        (["10\u00adyear\u00adold"], "10-year-old"),
        ([], ""),
    ],
)
def test_join_lines(lines: list[str], joined: str) -> None:
    assert join_lines(lines) == joined


# Printed, published, credit.
CAPTIONS = [
    ("Fig. 3.2 Annular plaque.", "Annular plaque.", ""),
    ("FIGURE 21.1. Annular plaque", "Annular plaque", ""),
    ("Plate IV\nAnnular plaque", "Annular plaque", ""),
    ("Figure 3.2 (continued) (C) Histology.", "(C) Histology.", ""),
    ("Figure 2.", "", ""),
    ("Annular plaque without any label", "Annular plaque without any label", ""),
    # kept to the letter
    ("Fig. 1 “Stuck-on” papule – Mohs’ surgery, 20 µm², ×100", "“Stuck-on” papule – Mohs’ surgery, 20 µm², ×100", ""),
    ("Fig. 1 Scale (see Fig. 3.1 and Chapter 4).", "Scale (see Fig. 3.1 and Chapter 4).", ""),
    ("Fig. 1 Nests (H&E, original magnification ×40).", "Nests (H&E, original magnification ×40).", ""),
    ("Fig. 1 Nests, H & E, x 40", "Nests, H & E, x 40", ""),
    ("Fig. 1 (A) Papule. (B) Plaque.", "(A) Papule. (B) Plaque.", ""),
    ("Fig. 1 A, Papule. B, Plaque.", "A, Papule. B, Plaque.", ""),
    (
        "Fig. 1 Plaque(s) with (hyper)keratosis, pH 5.5, 1,000 cells",
        "Plaque(s) with (hyper)keratosis, pH 5.5, 1,000 cells",
        "",
    ),
    ("Fig. 1 From left to right: papule, plaque.", "From left to right: papule, plaque.", ""),
    ("Fig. 1 From the same patient as Fig. 3.", "From the same patient as Fig. 3.", ""),
    (
        "Fig. 1 Photograph of a plaque. Source of infection: cattle.",
        "Photograph of a plaque. Source of infection: cattle.",
        "",
    ),
    ("Fig. 1 Clinical image: Papules.", "Clinical image: Papules.", ""),
    ("Fig. 1 Image: Papule.", "Image: Papule.", ""),
    ("Fig. 1 Images by Doppler show flow.", "Images by Doppler show flow.", ""),
    ("Fig. 1 Case: A 40-year-old man.", "Case: A 40-year-old man.", ""),
    ("Fig. 1 In Asian men, seen since 1999.", "In Asian men, seen since 1999.", ""),
    ("Fig. 1 Papule. (A from Doe 2001, with permission.)", "Papule.", "A from Doe 2001, with permission."),
    ("Fig. 1 Papule. Adapted from ref. 12.", "Papule.", "Adapted from ref. 12."),
    ("Fig. 1 Scars reproduced by friction.", "Scars reproduced by friction.", ""),
    # repaired
    (
        "Fig. 1 Speci\ufb01c in\ufb02ammation, e\ufb00aced, di\ufb03cult, ba\ufb04ing",
        "Specific inflammation, effaced, difficult, baffling",
        "",
    ),
    ("Fig. 1 Speci fi c in fl ammation with fi rm papules", "Specific inflammation with firm papules", ""),
    ("Fig. 1 Scaly\u200b plaque\u00a0on\u2009the\u3000knee", "Scaly plaque on the knee", ""),
    ("Fig. 1 Plaque on the skin . Note ( H&E ) scale , too .", "Plaque on the skin. Note (H&E) scale, too.", ""),
    (
        "Fig. 1 Plaque on the knee.Note the scale,with bleeding(arrow).",
        "Plaque on the knee. Note the scale, with bleeding (arrow).",
        "",
    ),
    ("F I G U R E 4 P s o r i a s i s of the nail", "Psoriasis of the nail", ""),
    ("Fig. 1 T he o ther w ith scale", "T he other with scale", ""),
    ("Fig. 1 Cafe\u0301-au-lait; Sj¨ogren", "Café-au-lait; Sjögren", ""),
    (
        "Fig. 1 An 81-year- old man with well- demarcated, ery- thematous plaques",
        "An 81-year-old man with well-demarcated, erythematous plaques",
        "",
    ),
    # credits
    ("Fig. 1 Papule (Courtesy of Dr. J. Smith, London).", "Papule.", "Courtesy of Dr. J. Smith, London"),
    ("Fig. 1 Papule. Courtesy of Dr. J. B. Smith.", "Papule.", "Courtesy of Dr. J. B. Smith."),
    ("Fig. 1 Papule, courtesy of Dr. Smith.", "Papule.", "courtesy of Dr. Smith."),
    ("Fig. 1 Papule. Courtesy of Dr. J. B. Smith. (B) Plaque.", "Papule. (B) Plaque.", "Courtesy of Dr. J. B. Smith."),
    ("Fig. 1 Papule (H&E, ×100; courtesy of Dr X).", "Papule (H&E, ×100).", "courtesy of Dr X"),
    (
        "Fig. 1 Papule. Reproduced with permission from Elsevier. Note the scale.",
        "Papule. Note the scale.",
        "Reproduced with permission from Elsevier.",
    ),
    (
        "Fig. 1 Papule. From Smith AB, Jones C. Papules in boys. J Am Acad Dermatol 2003;48:1-10, with permission.",
        "Papule.",
        "From Smith AB, Jones C. Papules in boys. J Am Acad Dermatol 2003;48:1-10, with permission.",
    ),
    (
        "Fig. 1 Papule. (From Smith AB, et al. Atlas, 2nd ed. Springer, 1999.)",
        "Papule.",
        "From Smith AB, et al. Atlas, 2nd ed. Springer, 1999.",
    ),
    ("Fig. 1 Papule. © 2010 Elsevier. All rights reserved.", "Papule.", "© 2010 Elsevier. All rights reserved."),
    ("Fig. 1 Papule. Photo: Dr. Jane Doe", "Papule.", "Photo: Dr. Jane Doe"),
    ("Fig. 1 Papule (Photo by J. Doe).", "Papule.", "Photo by J. Doe"),
    ("Fig. 1 Papule. Image credit: National Cancer Institute", "Papule.", "Image credit: National Cancer Institute"),
    ("Fig. 1 Papule. Source: Wikimedia Commons", "Papule.", "Source: Wikimedia Commons"),
    (
        "Fig. 1 Papule. Used with permission from Mayo Foundation.",
        "Papule.",
        "Used with permission from Mayo Foundation.",
    ),
    (
        "Fig. 1 Papule. Reprinted from Doe J. Br J Dermatol 1999;1:2.",
        "Papule.",
        "Reprinted from Doe J. Br J Dermatol 1999;1:2.",
    ),
    ("Fig. 1 Papule [DermNet NZ].", "Papule.", "DermNet NZ"),
    ("Fig. 1 Ringworm (CDC/Dr. L. Georg).", "Ringworm.", "CDC/Dr. L. Georg"),
    ("Fig. 1 Ringworm. Public Health Image Library, CDC.", "Ringworm.", "Public Health Image Library, CDC."),
    (
        "Fig. 1 A, Papule. B, Plaque (A, courtesy of Dr X; B, from Doe et al, 2003).",
        "A, Papule. B, Plaque.",
        "A, courtesy of Dr X; B, from Doe et al, 2003",
    ),
    ("Fig. 1 Papule. Image provided by the patient’s doctor.", "Papule.", "Image provided by the patient’s doctor."),
    ("Courtesy of Dr X.", "", "Courtesy of Dr X."),
    ("", "", ""),
]


@pytest.mark.parametrize(("raw", "clean", "credit"), CAPTIONS, ids=[row[0][:60] for row in CAPTIONS])
def test_captions(raw: str, clean: str, credit: str) -> None:
    assert clean_caption(raw) == clean
    assert credit_of(raw) == credit
    assert clean_caption(clean) == clean


_PIECES = st.sampled_from(
    [
        "Fig. 3.2 ",
        "Fig.",
        "3",
        "(A) ",
        "B, ",
        "plaque",
        " plaques.",
        "comedo-\nlike",
        "ery-\nthema",
        " - ",
        "( ",
        " )",
        "Courtesy of Dr. X.",
        "© 2010",
        "(Courtesy of Y)",
        " ,",
        ".",
        "From Doe et al, 2003.",
        "\n",
        "\u00ad",
        "\ufb01",
        " fi ",
        "H&E",
        "×100",
        "x 40",
        "[",
        "]",
        "Photo: Z",
        "Slide 4 ",
        "(continued)",
        "o ther",
        "a b c d f",
        ";",
        "–",
        "\u200b",
        "well- ",
        "demarcated",
        "10-year- old",
        "Figure 3 shows ",
        "I",
        "V",
        "e",
        "2",
        " with permission",
        "Plate IV",
        "10\u00ad",
    ]
)


@settings(max_examples=600, deadline=None)
@given(st.lists(_PIECES, max_size=12).map("".join) | st.text(max_size=80))
def test_cleaning_twice_changes_nothing(raw: str) -> None:
    clean = clean_caption(raw)
    assert clean_caption(clean) == clean
    assert "\n" not in clean and "  " not in clean and "\u00ad" not in clean


_WORD = st.sampled_from(
    ["plaque", "scaly", "knee", "annular", "border", "nodule", "crust", "purpura", "macule", "violet"]
)
_LABEL = st.sampled_from(
    ["Fig. 3.2 ", "Figure 12-4. ", "FIGURE 21.1\n", "Plate IV: ", "Photo 3. ", "Fig. 7 | ", "F I G U R E 3 "]
)


@settings(max_examples=200, deadline=None)
@given(_LABEL, st.lists(_WORD, min_size=2, max_size=12), st.integers(0, 2**16))
def test_an_undamaged_caption_comes_back_as_printed(label: str, words: list[str], seed: int) -> None:
    chance = random.Random(seed)
    text = words[0].capitalize() + "".join(chance.choice([" ", ", ", "; "]) + word for word in words[1:]) + "."
    assert clean_caption(label + text.replace(" ", "\n", 1)) == text


def _printed(caption: str, width: int) -> str:
    """The caption as a narrow column would print it, long words broken after their fourth or fifth letter."""
    lines, line = [], ""
    for word in caption.split():
        room = width - len(line) - 1
        if len(word) > room and len(word) > 9 and room > 6 and word[:6].isalpha():
            lines.append(f"{line} {word[:5]}-".strip())
            line = word[5:]
        elif len(word) > room:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join([*lines, line])


@pytest.mark.parametrize("folder", ["books", "papers"])
def test_shared_captions_come_back_as_printed(folder: str) -> None:
    truth = SHARED / folder / "truth.jsonl"
    if not truth.is_file():
        pytest.skip(f"the shared test data ({folder}/truth.jsonl) is not beside this checkout")
    for line in truth.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        raw = _printed(f"{row['number']} {row['caption']} (Courtesy of Dr. A. Person, Somewhere.)", 42)
        ratio = SequenceMatcher(None, clean_caption(raw), row["caption"], autojunk=False).ratio()
        assert ratio >= 0.97, (raw, clean_caption(raw))
