"""The label grammar: what is a label, what only mentions a figure, and how numbers compare."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmskin_hub.pdf.labels import (
    is_continued,
    is_reference,
    normal_number,
    parse_bare_number,
    parse_label,
    parse_panel_letter,
)

# Text, kind, printed, key, panel, the caption's own words.
LABELS = [
    ("Fig. 3.2 Annular plaque", "figure", "Fig. 3.2", "3.2", "", "Annular plaque"),
    ("Fig 3 Annular", "figure", "Fig 3", "3", "", "Annular"),
    ("Fig.3.2 Annular", "figure", "Fig.3.2", "3.2", "", "Annular"),
    ("FIG. 3-2. Annular", "figure", "FIG. 3-2", "3.2", "", "Annular"),
    ("Figure 3–2: Annular", "figure", "Figure 3–2", "3.2", "", "Annular"),
    ("FIGURE 21.1 Annular", "figure", "FIGURE 21.1", "21.1", "", "Annular"),
    ("FIGURE21.1 Annular", "figure", "FIGURE21.1", "21.1", "", "Annular"),
    ("FIGURE\u2003\u20033.2\u2003Annular", "figure", "FIGURE 3.2", "3.2", "", "Annular"),
    ("F I G U R E 3 Annular", "figure", "F I G U R E 3", "3", "", "Annular"),
    ("Figure 3.\nAnnular", "figure", "Figure 3", "3", "", "Annular"),
    ("Figure 3.2—Annular", "figure", "Figure 3.2", "3.2", "", "Annular"),
    ("Figure 3 | Annular", "figure", "Figure 3", "3", "", "Annular"),
    ("■ Figure 3.2 Annular", "figure", "Figure 3.2", "3.2", "", "Annular"),
    ("(Fig. 3.2) Annular", "figure", "Fig. 3.2", "3.2", "", "Annular"),
    ("Figure (3). Annular", "figure", "Figure (3)", "3", "", "Annular"),
    ("Figure 3.2Annular", "figure", "Figure 3.2", "3.2", "", "Annular"),
    ("Fig. 12.4A Annular", "figure", "Fig. 12.4A", "12.4", "A", "Annular"),
    ("Fig. 12.4A-C. Annular", "figure", "Fig. 12.4A-C", "12.4", "A-C", "Annular"),
    ("Fig. 12.4a,b. Annular", "figure", "Fig. 12.4a,b", "12.4", "A,B", "Annular"),
    ("Fig. 12.4(a). Annular", "figure", "Fig. 12.4(a)", "12.4", "A", "Annular"),
    ("Fig. 12.4 A plaque", "figure", "Fig. 12.4", "12.4", "", "A plaque"),
    ("Fig. 12.4 A, Plaque. B, Histology", "figure", "Fig. 12.4", "12.4", "", "A, Plaque. B, Histology"),
    ("Fig. 12.4A, Plaque. B, Histology", "figure", "Fig. 12.4", "12.4", "", "A, Plaque. B, Histology"),
    ("Fig. 12.4(a) Plaque. (b) Histology", "figure", "Fig. 12.4", "12.4", "", "(a) Plaque. (b) Histology"),
    ("Fig. IV. Annular", "figure", "Fig. IV", "4", "", "Annular"),
    ("Plate XII Annular", "plate", "Plate XII", "12", "", "Annular"),
    ("Color Plate 7. Annular", "plate", "Color Plate 7", "7", "", "Annular"),
    ("Picture 2. Annular", "figure", "Picture 2", "2", "", "Annular"),
    ("Photo 3: Annular", "figure", "Photo 3", "3", "", "Annular"),
    ("Photograph 3: Annular", "figure", "Photograph 3", "3", "", "Annular"),
    ("Image 1.2 Annular", "figure", "Image 1.2", "1.2", "", "Annular"),
    ("Illustration 4 Annular", "figure", "Illustration 4", "4", "", "Annular"),
    ("Slide 4 Annular", "figure", "Slide 4", "4", "", "Annular"),
    ("Abb. 3.2 Ekzem", "figure", "Abb. 3.2", "3.2", "", "Ekzem"),
    ("Figura 3. Placa", "figure", "Figura 3", "3", "", "Placa"),
    ("Figure S1. Annular", "figure", "Figure S1", "S1", "", "Annular"),
    ("eFigure 1. Annular", "figure", "eFigure 1", "e1", "", "Annular"),
    ("Extended Data Fig. 2 Annular", "figure", "Extended Data Fig. 2", "2", "", "Annular"),
    ("Flg. 3 Annular", "figure", "Flg. 3", "3", "", "Annular"),
    ("F1g. 3. Annular", "figure", "F1g. 3", "3", "", "Annular"),
    ("Fig, 3 Annular", "figure", "Fig, 3", "3", "", "Annular"),
    ("Fig . 3 Annular", "figure", "Fig . 3", "3", "", "Annular"),
    ("Fig. l.2 Annular", "figure", "Fig. l.2", "1.2", "", "Annular"),
    ("Fig. 1O.2 Annular", "figure", "Fig. 1O.2", "10.2", "", "Annular"),
    ("Fig. 3-10-year-old boy", "figure", "Fig. 3", "3", "", "10-year-old boy"),
    ("Fig. 3. 2-cm nodule", "figure", "Fig. 3", "3", "", "2-cm nodule"),
    ("Fig. 3 (continued) Annular", "figure", "Fig. 3", "3", "", "Annular"),
    ("Figure. Annular plaque", "figure", "Figure", "", "", "Annular plaque"),
    ("Table 3.1 Causes", "table", "Table 3.1", "3.1", "", "Causes"),
    ("Box 2.1 Key points", "box", "Box 2.1", "2.1", "", "Key points"),
    ("Algorithm 1. Work-up", "algorithm", "Algorithm 1", "1", "", "Work-up"),
    ("Scheme 2 Synthesis", "scheme", "Scheme 2", "2", "", "Synthesis"),
    ("Video 4. Removal", "video", "Video 4", "4", "", "Removal"),
]


@pytest.mark.parametrize(("text", "kind", "printed", "key", "panel", "own"), LABELS, ids=[row[0] for row in LABELS])
def test_labels(text: str, kind: str, printed: str, key: str, panel: str, own: str) -> None:
    label = parse_label(text)
    assert label is not None
    assert (label.kind, label.printed, label.key, label.panel, text[label.end :]) == (kind, printed, key, panel, own)
    assert label.certainty >= 0.5
    assert not is_reference(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Annular plaque",
        "Image 5 days after treatment",
        "Picture in the left",
        "Figured bass 3",
        "Plates of scale",
        "Photograph of a plaque",
        "Plate IVory",
        "Fig. 3rd",
        "Tablets 3 of",
        "3.2 Annular",
        "Imagery 3",
        "Photo",
    ],
)
def test_what_is_no_label(text: str) -> None:
    assert parse_label(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Figure 3.2 shows annular plaques",
        "Figures 2 and 3 depict lesions",
        "Fig. 4 illustrates the",
        "Fig. 2 was taken",
        "Figure 14.6 (a) demonstrates the",
        "Figure 3 is a photograph of",
        "Plate IV presents the",
        "As shown in Figure 3, the",
        "(see Fig. 3)",
        "see Figs. 3 and 4",
        "In Figure 3, the",
        "Figure 3.2 and the text",
        "Fig. 3) and",
        "(Fig. 3). The rash",
        "Figure 3, which",
        "Figure 3a and b show",
        "Fig. 3 clearly demonstrates",
        "Table 3 lists the",
        "Fig. 2 left shows",
        "Figs 3 and 4 recapitulate the",
        "Fig. 3A and B illustrate",
        "Figure\n3 shows",
        "Figure 3 A and B show",
        "Figure 3 and B",
    ],
)
def test_references(text: str) -> None:
    assert is_reference(text)
    label = parse_label(text)
    assert label is None or label.certainty < 0.3


@pytest.mark.parametrize(
    "text",
    [
        "Figure 3. Shows of hands",
        "Fig. 3 Plaque psoriasis shows silvery scale",
        "Figure 3.2 Annular plaque",
        "Fig. 7",
        "Fig. 3 Same patient as in Fig. 2",
        "Figure 3. Lesions that show",
        "Annular plaque, as in Figure 3",
        "Fig. 3 lichen planus",
        "Fig. 1 A and B Histology of the skin",
        "Fig. 1 a–c Clinical views",
    ],
)
def test_captions_are_no_references(text: str) -> None:
    assert not is_reference(text)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Figs. 3-5 Plaques", ("3", "4", "5")),
        ("Figs 3.2–3.4. Plaques", ("3.2", "3.3", "3.4")),
        ("Figs 3-2, 3-4 Plaques", ("3.2", "3.4")),
        ("Figures 2 and 3. Plaques", ("2", "3")),
        ("Figure 3-5 Plaques", ("3.5",)),
        ("Figs. 7, 8, and 9 Plaques", ("7", "8", "9")),
    ],
)
def test_plural_labels_name_every_figure(text: str, numbers: tuple[str, ...]) -> None:
    label = parse_label(text)
    assert label is not None and label.numbers == numbers and label.key == numbers[0]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3-2", "3.2"),
        ("3–2", "3.2"),
        ("3.2", "3.2"),
        ("3·2", "3.2"),
        ("IV", "4"),
        ("iv", "4"),
        ("XLII", "42"),
        ("12.4A", "12.4"),
        ("S1", "S1"),
        ("s1", "S1"),
        ("e1", "e1"),
        ("03", "3"),
        ("IV-3", "4.3"),
        ("plaque", ""),
        ("", ""),
    ],
)
def test_normal_number(text: str, number: str) -> None:
    assert normal_number(text) == number


@pytest.mark.parametrize(
    ("text", "panel"),
    [
        ("A", "A"),
        ("(a)", "A"),
        ("a.", "A"),
        ("B)", "B"),
        ("C:", "C"),
        ("A–C", "A-C"),
        ("A, B", "A,B"),
        ("(ii)", "ii"),
        ("I", "I"),
        ("L", "L"),
        ("M", None),
        ("AB", None),
        ("the", None),
        ("1", None),
        ("", None),
    ],
)
def test_panel_letters(text: str, panel: str | None) -> None:
    assert parse_panel_letter(text) == panel


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("7", "7"),
        ("3.2", "3.2"),
        ("(12)", "12"),
        ("7.", "7"),
        ("IV", "4"),
        ("Fig. 3.2", "3.2"),
        ("7a", "7"),
        ("Figure 3-2.", "3.2"),
        ("2010", None),
        ("A", None),
        ("C", None),
        ("1 cm", None),
        ("Fig. 3.2 Plaque", None),
        ("plaque", None),
        ("", None),
    ],
)
def test_bare_numbers(text: str, key: str | None) -> None:
    label = parse_bare_number(text)
    assert (label.key if label else None) == key


@pytest.mark.parametrize(
    ("text", "continued"),
    [
        ("(continued)", True),
        ("Fig. 3 (Continued)", True),
        ("Figure 3.2 cont'd. More", True),
        ("(cont.)", True),
        ("Continued.", True),
        ("continued swelling", False),
        ("Fig. 3 Continued growth", False),
        ("contact", False),
        ("", False),
    ],
)
def test_continued(text: str, continued: bool) -> None:
    assert is_continued(text) is continued


@given(
    st.sampled_from(["Fig.", "Figure", "FIGURE", "Fig", "Plate", "Photo", "Image", "FIG.", "Picture"]),
    st.integers(1, 99),
    st.integers(1, 99) | st.none(),
    st.sampled_from(".-–"),
    st.sampled_from([". ", ": ", " ", "\u2003", " – ", "—", ".\n", " | "]),
)
def test_every_form_gives_its_number(word: str, chapter: int, number: int | None, dash: str, gap: str) -> None:
    printed = f"{word} {chapter}" + (f"{dash}{number}" if number else "")
    text = f"{printed}{gap}Annular plaque"
    label = parse_label(text)
    assert label is not None
    assert label.printed == printed
    assert label.key == (f"{chapter}.{number}" if number else str(chapter))
    assert text[label.end :] == "Annular plaque"
    assert label.certainty >= 0.8


@given(st.text(max_size=60))
def test_any_text_is_answered(text: str) -> None:
    label = parse_label(text)
    assert label is None or (0 < label.end <= len(text) and 0 <= label.certainty <= 1)
    is_reference(text), is_continued(text), parse_panel_letter(text), parse_bare_number(text), normal_number(text)


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, mmskin_hub.pdf.labels; print([m for m in ('numpy', 'PIL', 'pymupdf', 'cv2') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
