"""Fragments of text become lines and paragraphs, in whatever order and pieces they were drawn."""

from __future__ import annotations

import random

import pytest

from mmskin_hub.pdf.layout import Box, Line
from mmskin_hub.pdf.lines import Fragment, assemble_lines

SIZE = 10.0
ADVANCE = 5.0  # width of a character


def fragment(text: str, x: float, y: float, size: float = SIZE, block: int = 0, row: int = 0) -> Fragment:
    width = len(text) * ADVANCE * size / SIZE
    return Fragment(text, Box(x, y, x + width, y + size), "Serif", size, False, False, False, 0, block, row)


def words(text: str, x: float, y: float, block: int) -> list[Fragment]:
    """One fragment, of a block of its own, a word, as books "stored word by word" have them."""
    out = []
    for n, word in enumerate(text.split()):
        out.append(fragment(word, x, y, block=block + n))
        x += (len(word) + 0.6) * ADVANCE
    return out


SENTENCES = ["Erythematous plaques with silvery scale", "on the extensor aspects of both arms"]


@pytest.mark.parametrize("seed", range(5))
def test_words_in_any_order_become_lines(seed: int) -> None:
    pieces = words(SENTENCES[0], 50, 100, 0) + words(SENTENCES[1], 50, 112, 100)
    random.Random(seed).shuffle(pieces)
    lines = assemble_lines(pieces)
    assert [line.text for line in lines] == SENTENCES
    assert {line.block for line in lines} == {0}


def test_letters_one_by_one_keep_their_word_spaces() -> None:
    pieces, x = [], 50.0
    for character in "Tinea corporis":
        if character != " ":
            pieces.append(fragment(character, x, 100, block=len(pieces)))
        x += ADVANCE
    assert [line.text for line in assemble_lines(pieces)] == ["Tinea corporis"]


def test_narrow_gutter_between_two_captions() -> None:
    pieces = [
        fragment("Figure 1. Nummular eczema of the lower leg in an", 50, 100, block=1, row=0),
        fragment("adult man after one week", 50, 111, block=1, row=1),
        fragment("Figure 2. Herpes zoster of the left flank in an", 298, 100, block=2, row=0),
        fragment("adult woman after one day", 298, 111, block=2, row=1),
    ]
    lines = assemble_lines(pieces)
    assert len(lines) == 4
    assert len({line.block for line in lines}) == 2


def test_larger_leading_starts_a_paragraph() -> None:
    lines = assemble_lines(
        [fragment(f"a line of body text number {n}", 50, y) for n, y in enumerate((100, 112, 124, 150, 162))]
    )
    assert [line.block for line in lines] == [0, 0, 0, 1, 1]


def test_another_size_starts_a_paragraph() -> None:
    caption = fragment("Fig. 3 A plaque of the knee, close by", 50, 100, size=8)
    body = fragment("The course of the disease is chronic", 50, 109.5, size=9.5)
    assert [line.block for line in assemble_lines([caption, body])] == [0, 1]


def test_bold_label_is_noted() -> None:
    label = Fragment("Fig. 3", Box(50, 100, 80, 110), "Serif-Bold", SIZE, True, False, False, 0, 0, 0)
    text = fragment(" A scaly plaque on the elbow", 80, 100)
    (line,) = assemble_lines([label, text])
    assert isinstance(line, Line)
    assert (line.text, line.lead_bold, line.bold) == ("Fig. 3 A scaly plaque on the elbow", True, False)


def test_no_fragments() -> None:
    assert assemble_lines([]) == ()
