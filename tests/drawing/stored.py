"""Layouts that are easy to read and hard to parse: how pictures, text and pages are stored in the file."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tests.drawing import pictures, words
from tests.drawing.plain import one
from tests.drawing.press import Area, Book, Face, House, Shot
from tests.drawing.truth import Truth
from tests.drawing.words import Words

CAP = Face(family="helvetica", size=8, leading=10, align="left")


def _ways(path: Path, seed: int, style: str, ways: Sequence[str], house: House | None = None) -> list[Truth]:
    """Two figures a page, each pasted in the next of ``ways``; every third page in two columns."""
    book = Book(path, seed, style, house or House(label="<b>Fig. {c}.{n}</b> ", cap=CAP))
    todo = list(ways)
    page = 0
    while todo:
        area = book.turn()
        page += 1
        columns = book.columns(2) if page % 3 == 0 else [area]
        for column in columns:
            y = book.fill(column.x0, column.y0, column.y0 + 60, column.width) + 8
            for k in range(2 if len(columns) == 1 else 1):
                if todo and (k == 0 or y < 0.62 * book.height):
                    y = one(
                        book,
                        column.x0 + 50 * k,
                        y,
                        min(column.width, 240 - 50 * k),
                        how=todo.pop(0),
                        height=220,
                        text_width=column.width if len(columns) > 1 else column.width - 50 * k,
                    )
                    y = book.fill(column.x0, y, y + 45, column.width) + 8 if k == 0 and len(columns) == 1 else y
            book.fill(column.x0, y, column.y1, column.width)
    return book.done()


def pieces(path: Path, seed: int) -> list[Truth]:
    """Photographs stored as 40 strips or 12 x 12 tiles, touching, 0.2 pt apart, or overlapping by 0.2 pt."""
    ways = ("strips", "tiles", "stripsgap", "tilesgap", "stripslap", "strips", "tiles", "jpeg")
    return _ways(path, seed, "pieces", ways)


def turned(path: Path, seed: int) -> list[Truth]:
    """Photographs stored sideways, upside down or mirrored, and turned back by their matrix."""
    return _ways(path, seed, "turned", ("turned90", "turned180", "turned270", "flipped", "mirrored") * 2)


def coded(path: Path, seed: int) -> list[Truth]:
    """CMYK JPEG, palette, JPEG 2000, soft mask, grey, inline, inside forms, in a frame, cut by a clip path."""
    return _ways(
        path,
        seed,
        "coded",
        ("cmyk", "indexed", "jpx", "mask", "grey", "inline", "form", "nested", "frame", "clip", "flate", "clip"),
    )


def by_word(path: Path, seed: int) -> list[Truth]:
    """Every word a text object of its own, in shuffled order; ligatures; hyphenated justified captions."""
    house = House(
        label="<b>Fig. {c}.{n}.</b> ",
        stored="word",
        shuffled=True,
        ligatures=True,
        cap=Face(family="vera", size=7, leading=9),
        body=Face(family="vera", size=8.5, leading=11),
    )
    return _ways(path, seed, "by_word", ("jpeg",) * 9, house)


def by_letter(path: Path, seed: int) -> list[Truth]:
    """Every letter placed on its own, as some typesetters do; no space is ever stored."""
    house = House(label="<b>Figure {n}</b>  ", stored="letter", cap=Face(family="times", size=8.5, leading=10.5))
    return _ways(path, seed, "by_letter", ("jpeg",) * 8, house)


def _page_trick(name: str, house: House) -> Callable[[Path, int], list[Truth]]:
    def draw(path: Path, seed: int) -> list[Truth]:
        return _ways(path, seed, name, ("jpeg", "strips", "turned90", "jpeg", "clip", "form", "flate"), house)

    draw.__name__ = name
    return draw


TRICKS = {
    "rotate90": House(rotate=90, cap=CAP),
    "rotate180": House(rotate=180, cap=CAP),
    "rotate270": House(rotate=270, cap=CAP),
    "cropped": House(crop=36, cap=CAP, label="<b>Fig {n}:</b> "),
    "shifted": House(origin=(-120, 310), cap=CAP, label="<b>Picture {n}</b> "),
    "shifted_turned": House(origin=(55, -40), rotate=90, crop=20, cap=CAP),
    "papered": House(
        furniture=("background", "head", "folio", "logo", "watermark", "rules"), cap=CAP, label="<b>{c}.{n}{l}</b> "
    ),
}


def overlaid(path: Path, seed: int) -> list[Truth]:
    """Arrows as vector paths, words and asterisks as text over photographs (annotated); thin frames (not annotated)."""
    book = Book(path, seed, "overlaid", House(label="<b>Figure {c}.{n}</b> ", cap=CAP))
    kinds = ("arrow", "", "text", "frame", "asterisk", "", "arrow", "frame", "letter", "")
    for start in range(0, len(kinds), 2):
        area = book.turn()
        y = book.fill(area.x0, area.y0, area.y0 + 60, area.width) + 8
        for kind in kinds[start : start + 2]:
            shot = book.shot()
            shot.drop = "annotated" if kind in ("arrow", "text", "asterisk") else None
            said = book.words(shot, "medium")
            markup, plain = book.label()
            wide = min(260, 210 / shot.ratio)
            box = book.put(shot, area.x0, y, wide, how="frame" if kind == "frame" else "jpeg")
            _overlay(book, box, kind)
            book.own(shot, said, plain)
            y = book.set(markup + said.text, area.x0, box.y1 + 5, 330) + 10
            y = book.fill(area.x0, y, y + 40, area.width) + 8
        book.fill(area.x0, y, area.y1, area.width)
    return book.done()


def _overlay(book: Book, box: Area, kind: str) -> None:
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    white = (1.0, 1.0, 1.0)
    if kind == "arrow":
        for k in range(2):
            tip, angle = (x + 30 * k, y + 20 * k), 0.6 + k
            tail = (tip[0] + 34 * math.cos(angle), tip[1] + 34 * math.sin(angle))
            book.rule(*tail, *tip, ink=white, width=2.2)
            for turn in (0.45, -0.45):
                book.rule(*tip, tip[0] + 11 * math.cos(angle + turn), tip[1] + 11 * math.sin(angle + turn), white, 2.2)
    elif kind == "text":
        book.set("epidermis", x - 40, y - 30, 100, Face("helvetica", 10, 12, "left", ink=white, bold=True))
        book.rule(x - 10, y - 16, x + 20, y + 20, (1, 1, 1), 1)
    elif kind == "asterisk":
        for dx, dy in ((0, 0), (30, 25), (-35, 30)):
            book.set("*", x + dx, y + dy, 30, Face("helvetica", 22, 24, "left", bold=True))
    elif kind == "letter":
        book.set("A", box.x0 + 5, box.y0 + 3, 30, Face("helvetica", 12, 14, "left", ink=white, bold=True))


def vector(path: Path, seed: int) -> list[Truth]:
    """Charts drawn with paths and one-bit drawings (JBIG2, CCITT), each with a caption, beside real photographs."""
    book = Book(path, seed, "vector", House(label="<b>Figure {n}</b>  ", cap=CAP))
    for page in range(5):
        area = book.turn()
        y = book.fill(area.x0, area.y0, area.y0 + 60, area.width) + 8
        chart = Area(area.x0, y, area.x0 + 240, y + 150)
        markup, plain = book.label()
        said = Words(book.rng.choice(words.CHARTS) + ".")
        if page % 2 == 0:
            _chart(book, chart)
            book.own_region(chart, said, plain, "other")
        else:
            drawing = pictures.other(book.next_picture + page, (480, 300), "scheme")
            book.put(Shot(drawing, "other"), chart.x0, y, 240, 150, how="jbig2" if page == 1 else "ccitt")
            book.own(Shot(drawing.convert("1").convert("RGB"), "other", "other"), said, plain)
        y = book.set(markup + said.text, area.x0, chart.y1 + 5, 300) + 10
        y = one(book, area.x0 + 40, y, 220)
        book.fill(area.x0, y, area.y1, area.width)
    return book.done()


def _chart(book: Book, box: Area) -> None:
    book.rule(box.x0 + 20, box.y0, box.x0 + 20, box.y1 - 14)
    book.rule(box.x0 + 20, box.y1 - 14, box.x1, box.y1 - 14)
    face = Face("helvetica", 6, 7, "left", hyphen="")
    for k in range(6):
        top = box.y0 + book.rng.uniform(5, 110)
        x = box.x0 + 30 + 34 * k
        book.tint(Area(x, top, x + 20, box.y1 - 14), (0.2 + 0.1 * k, 0.4, 0.7))
        book.set(str(1980 + 5 * k), x, box.y1 - 11, 30, face)
        book.set(str(20 * k), box.x0, box.y1 - 20 - 25 * k, 18, face)


def decorated(path: Path, seed: int) -> list[Truth]:
    """Chapter openers with a full-page photograph, an author's portrait, icons, a landscape table; numbers restart."""
    book = Book(
        path, seed, "decorated", House(label="<b>Fig. {n}</b> ", cap=CAP, furniture=("head", "folio", "logo", "rules"))
    )
    icon = Shot(pictures.logo(77), "other", "decoration")
    for chapter in range(2):
        book.chapter, book.figure = chapter + 1, 0
        book.turn(furniture=False)
        opener = Shot(pictures.scenery(chapter + seed), "other", "decoration")
        book.put(opener, 0, 0, book.width, book.height)
        book.own(opener, Words(""), "")
        big = Face("helvetica", 34, 40, "left", ink=(1, 1, 1), bold=True, hyphen="")
        book.set(f"Chapter {chapter + 1}\nDiseases of the appendages", 60, 120, 400, big)
        for page in range(2):
            area = book.turn()
            y = area.y0
            if page == 0:
                portrait = Shot(pictures.face(), "other", "face")
                book.put(portrait, area.x1 - 80, y, 80)
                if chapter == 0:
                    book.own(portrait, Words(""), "")
                y = book.heading("About this chapter", area.x0, y, 300)
                y = book.fill(area.x0, y, y + 80, area.width - 100) + 10
            book.put(icon, area.x0, y, 18, how="flate")
            y = book.fill(area.x0 + 28, y, y + 50, area.width - 28) + 8
            y = one(book, area.x0, y, 240, height=210, size="medium", text_width=320)
            y = one(book, area.x0 + 60, y, 240, height=180, size="short", text_width=320)
            book.fill(area.x0, y, area.y1, area.width)
        book.turn(size=(842, 595))
        end = book.table(book.area.x0, book.area.y0, 600, chapter + 1)
        book.fill(book.area.x0, end, book.area.y1, book.area.width)
    return book.done()


def twice(path: Path, seed: int) -> list[Truth]:
    """The same photograph printed twice with different captions ("either": one of them may go), among others."""
    book = Book(path, seed, "twice", House(label="<b>Figure {n}.</b> ", cap=CAP))
    kept = book.shot("clinical")
    for page in range(4):
        area = book.turn()
        y = book.fill(area.x0, area.y0, area.y0 + 60, area.width) + 8
        if page in (0, 3):
            said, (markup, plain) = book.words(kept, "medium"), book.label()
            shown = replace(kept, drop="either")
            y = book.set(markup + said.text, area.x0, book.put(kept, area.x0, y, 200).y1 + 5, 300) + 10
            book.own(shown, said, plain)
        y = one(book, area.x0 + 40, y, 230)
        book.fill(area.x0, y, area.y1, area.width)
    return book.done()


def case_report(path: Path, seed: int) -> list[Truth]:
    """A journal case report: two columns, abstract, logo, a figure across both columns, credits, references."""
    cap = Face(family="helvetica", size=7.5, leading=9.2, align="left")
    house = House(
        size=(595, 792),
        label="<c>Figure {n}</c>\u2002",
        cap=cap,
        body=Face(size=9, leading=11),
        credits=0.3,
        margins=(45, 70, 45, 55),
        furniture=("head", "folio", "logo", "rules"),
        title="J Case Rep Dermatol 2019",
    )
    book = Book(path, seed, "case_report", house)
    for page in range(4):
        area = book.turn()
        y = area.y0
        if page == 0:
            y = book.heading("A 61-year-old man with a growing nodule: report of a case", area.x0, y, area.width)
            book.tint(Area(area.x0, y, area.x1, y + 90), (0.93, 0.93, 0.96))
            y = book.fill(area.x0 + 8, y + 4, y + 84, area.width - 16, Face("helvetica", 8, 10)) + 16
        elif page == 2:
            y = one(book, area.x0, y, area.width * 0.7, text_width=area.width, height=230) + 6
        for k, column in enumerate(book.columns(2, 16)):
            top = y
            if (page + k) % 2 == 0 or page == 1:
                top = book.fill(column.x0, top, top + (140 if k else 90), column.width) + 6
                top = one(
                    book,
                    column.x0,
                    top,
                    column.width,
                    modality="pathology" if k else "clinical",
                    height=190,
                    text_width=column.width,
                )
            book.fill(column.x0, top + 2, area.y1, column.width)
    return book.done()


LAYOUTS = {
    f.__name__: f for f in (pieces, turned, coded, by_word, by_letter, overlaid, vector, decorated, twice, case_report)
} | {name: _page_trick(name, house) for name, house in TRICKS.items()}
