"""What the type of body text is, where there is more text below pictures than between them."""

from __future__ import annotations

from mmskin_hub.pdf.captions import TypeStyle, body_style, find_captions
from mmskin_hub.pdf.layout import Box, Line, Page


def paragraph(lines: list[str], font: str, size: float, y: float, block: int) -> list[Line]:
    """``lines`` below each other from ``y`` down."""
    return [
        Line(words, Box(50, y + 12 * n, 50 + 4.5 * len(words), y + 12 * n + size), font, size, block=block)
        for n, words in enumerate(lines)
    ]


def atlas_page(number: int) -> Page:
    """Two captions, one of whose lines ends a sentence early, and a short remark between them."""
    lines = [
        *paragraph(
            ["Figure 3.1 Melanoma in a 53-year-old woman.", "Dermoscopy shows a blue-white veil over most of it."],
            "Serif", 8, 300, 0,
        ),
        *paragraph(["The growing edge is what should be looked at first."], "Sans", 10, 400, 1),
        *paragraph(
            ["Figure 3.2 Melanoma, seen in polarised light at a magnification", "of twenty, in the same patient."],
            "Serif", 8, 600, 2,
        ),
    ]  # fmt: skip
    return Page(number, 600, 800, lines=tuple(lines))


def test_captions_do_not_make_the_body_where_there_is_any_other_text() -> None:
    style = body_style([atlas_page(number) for number in range(5)])
    assert (style.font, style.size) == ("Sans", 10)


def test_a_caption_of_an_atlas_is_not_cut_at_a_line_that_ends_a_sentence() -> None:
    pages = [atlas_page(number) for number in range(5)]
    first, second = find_captions(pages[0], body_style(pages))
    assert first.text.endswith("over most of it.") and second.text.endswith("in the same patient.")


def test_where_all_text_is_captions_theirs_is_the_only_type_there_is() -> None:
    lines = paragraph(["Figure 1 A plaque with silvery scale on the knee"], "Serif", 8, 300, 0)
    assert body_style([Page(0, 600, 800, lines=tuple(lines))]) == TypeStyle("Serif", 8, 1)


def test_pages_without_text_have_no_type() -> None:
    assert body_style([Page(0, 600, 800)]) == TypeStyle()
