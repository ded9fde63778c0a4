"""Layouts of lettered panels: as separate pictures, or drawn together in one raster with gutters."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from tests.drawing import words
from tests.drawing.press import Book, Face, House, Shot
from tests.drawing.truth import Truth
from tests.drawing.words import Words

CAP = Face(family="helvetica", size=8, leading=10, align="left")
LETTER = {
    "(A)": "({A}) {t} ",
    "a,": "{a}, {t} ",
    "A.": "{A}. {t} ",
    "A:": "{A}: {t} ",
    "bold": "<b>{a}</b> {t} ",
    "(a)": "({a}) {t} ",
    "sides": "{side}: {t} ",
    "bold)": "<b>({A})</b> {t} ",
}
SIDES = (("Left", "Right"), ("Top", "Bottom"), ("Upper", "Lower"))


def _shared(first: str, second: str) -> int:
    first, second = first.lower(), second.lower()
    return difflib.SequenceMatcher(None, first, second, False).find_longest_match().size


def figure(
    book: Book, count: int, form: str, sides: tuple[str, ...] = SIDES[0], head: bool = True
) -> tuple[list[Shot], str, str]:
    """Panels with words of their own after a shared head: the pictures, the markup and the label; truth is written."""
    shots = [book.shot(size=(400, 300)) for _ in range(count)]
    said: list[Words] = []
    while len(said) < count:
        one = words.caption(book.rng, shots[len(said)].modality, "short")
        if all(_shared(one.text, other.text) < 25 for other in said):  # else nobody could tell their words apart
            said.append(one)
    if book.rng.random() < 0.6:
        who = words.patient(book.rng)
        name = book.rng.choice(words.DIAGNOSES)
        lead = f"{name[:1].upper()}{name[1:]} {who.text}."
    else:
        who, lead = Words(""), f"{book.rng.choice(words.DIAGNOSES).capitalize()}."
    if not head:
        lead, who = "", Words("")
    parts = []
    for k, own_words in enumerate(said):
        text = own_words.text
        if form == "a,":
            text = text.rstrip(".") + ("." if k == count - 1 else ";")
        side = sides[k] if k < len(sides) else ""
        parts.append(LETTER[form].format(A=chr(65 + k), a=chr(97 + k), side=side, t=text))
    markup, plain = book.label()
    body = f"{lead} {''.join(parts)}".strip()
    whole = body.replace("<b>", "").replace("</b>", "")
    names = [sides[k] if form == "sides" else chr(65 + k) for k in range(count)]
    for k, shot in enumerate(shots):
        own = Words(said[k].text, said[k].age or who.age, said[k].sex or who.sex)
        book.own(shot, own, plain, caption=whole, panel=names[k], others=[s.text for j, s in enumerate(said) if j != k])
    return shots, markup + body, plain


def together(
    shots: Sequence[Shot],
    across: int,
    gutter: int,
    ink: tuple[int, int, int],
    letters: bool,
    cell: tuple[int, int] = (400, 300),
) -> Image.Image:
    """One raster of all panels with gutters, as authors submit them; letters burnt into the lower left corners."""
    down = math.ceil(len(shots) / across)
    size = (across * cell[0] + (across - 1) * gutter, down * cell[1] + (down - 1) * gutter)
    sheet = Image.new("RGB", size, ink)
    for k, shot in enumerate(shots):
        x, y = (k % across) * (cell[0] + gutter), (k // across) * (cell[1] + gutter)
        sheet.paste(shot.image.resize(cell), (x, y))
        if letters:
            draw = ImageDraw.Draw(sheet)
            draw.rectangle((x, y + cell[1] - 34, x + 30, y + cell[1] - 1), fill=(255, 255, 255))
            draw.text((x + 6, y + cell[1] - 31), chr(65 + k), fill=(0, 0, 0), font_size=26)
    return sheet


def _separate(path: Path, seed: int, style: str, forms: Sequence[str], mark: str, label: str) -> list[Truth]:
    book = Book(path, seed, style, House(label=label, cap=CAP, margins=(55, 65, 55, 60)))
    for page, form in enumerate(forms):
        area = book.turn()
        y = book.fill(area.x0, area.y0, area.y0 + 60 + 30 * (page % 2), area.width) + 8
        count = 2 if form == "sides" else (2, 3, 4)[page % 3]
        stacked = form == "sides" and page % 2 == 1
        shots, text, _plain = figure(book, count, form, SIDES[1] if stacked else SIDES[0], head=page != 2)
        across = 1 if stacked else 2 if count != 3 else 3
        wide, low = (area.width - 6 * (across - 1)) / across * (0.55 if stacked else 1), y
        for k, shot in enumerate(shots):
            step = wide * shot.ratio + (16 if mark == "under" else 6)
            x, top = area.x0 + (k % across) * (wide + 6), y + (k // across) * step
            at = book.put(shot, x, top, wide)
            low = at.y1
            if mark == "under":
                book.set(chr(97 + k), x, at.y1 + 1, wide, Face("helvetica", 8, 10, "left", bold=True))
            elif mark == "corner":
                ink = (1.0, 1.0, 1.0)
                book.set(chr(65 + k), x + 5, at.y0 + 3, wide, Face("helvetica", 12, 14, "left", ink=ink, bold=True))
        y = book.set(text, area.x0, low + (16 if mark == "under" else 5), area.width) + 10
        book.fill(area.x0, y, area.y1, area.width)
    return book.done()


def panels_corner(path: Path, seed: int) -> list[Truth]:
    """Separate pictures, white letter in the corner as text; captions "(A) …", "A. …", bold "(A)"."""
    forms = ("(A)", "A.", "bold)", "(A)", "A:")
    return _separate(path, seed, "panels_corner", forms, "corner", "<b>Figure {c}-{n}</b> ")


def panels_under(path: Path, seed: int) -> list[Truth]:
    """Separate pictures, small letter under each as text; captions "a, …; b, …", "(a) …", bold a without a bracket."""
    return _separate(path, seed, "panels_under", ("a,", "(a)", "bold", "a,", "(a)"), "under", "<b>Fig. {n}</b> ")


def panels_plain(path: Path, seed: int) -> list[Truth]:
    """Separate pictures without a printed letter: reading order, or Left/Right and Top/Bottom."""
    return _separate(path, seed, "panels_plain", ("(A)", "sides", "(a)", "sides", "A.", "sides"), "", "Fig. {c}.{n}. ")


def _one_raster(
    path: Path, seed: int, style: str, forms: Sequence[str], ink: tuple[int, int, int], letters: bool, gutter: int
) -> list[Truth]:
    book = Book(path, seed, style, House(label="<b>Figure {n}.</b> ", cap=CAP))
    for page, form in enumerate(forms):
        area = book.turn()
        y = book.fill(area.x0, area.y0, area.y0 + 70, area.width) + 8
        count = (4, 2, 3, 6)[page % 4]
        across = (2, 2, 3, 3)[page % 4]
        shots, text, _plain = figure(book, count, form)
        sheet = Shot(together(shots, across, gutter, ink, letters), "clinical")
        y = book.put(sheet, area.x0, y, area.width * (0.8 if page % 4 == 1 else 1)).y1 + 5
        y = book.set(text, area.x0, y, area.width) + 10
        book.fill(area.x0, y, area.y1, area.width)
    return book.done()


def panels_white(path: Path, seed: int) -> list[Truth]:
    """All panels in ONE raster with white gutters and letters burnt in."""
    return _one_raster(path, seed, "panels_white", ("(A)", "a,", "bold", "(a)"), (255, 255, 255), True, 10)


def panels_black(path: Path, seed: int) -> list[Truth]:
    """All panels in ONE raster with black gutters and no letters."""
    return _one_raster(path, seed, "panels_black", ("(A)", "sides", "(a)", "A."), (0, 0, 0), False, 8)


def panels_hairline(path: Path, seed: int) -> list[Truth]:
    """All panels in ONE raster with white gutters of four pixels and no letters."""
    return _one_raster(path, seed, "panels_hairline", ("(a)", "(A)", "A:"), (255, 255, 255), False, 4)


def panels_shared(path: Path, seed: int) -> list[Truth]:
    """Ranges and shared words: "(A–C) …. (D) …", "… (a and b)", and sentences that letters interrupt."""
    book = Book(path, seed, "panels_shared", House(label="<b>Fig. {n}</b> ", cap=CAP))
    for page in range(6):
        area = book.turn()
        y = book.fill(area.x0, area.y0, area.y0 + 60, area.width) + 8
        count = 4 if page % 3 == 0 else 2
        shots = [book.shot("clinical", (400, 300)) for _ in range(count)]
        wide = (area.width - 8) / 2
        for k, shot in enumerate(shots):
            at = book.put(shot, area.x0 + (k % 2) * (wide + 8), y + (k // 2) * (wide * 0.75 + 8), wide)
            face = Face("helvetica", 11, 13, "left", ink=(1, 1, 1), bold=True)
            book.set((chr(65 + k), chr(97 + k))[page % 3 > 0], at.x0 + 5, at.y0 + 3, 40, face)
        text = (_range, _and, _prose)[page % 3](book, shots)
        y = book.set(text, area.x0, at.y1 + 5, area.width) + 10
        book.fill(area.x0, y, area.y1, area.width)
    return book.done()


def _range(book: Book, shots: list[Shot]) -> str:
    first, last = book.words(shots[0], "short"), book.words(shots[3], "short")
    while _shared(first.text, last.text) >= 25:
        last = book.words(shots[3], "short")
    markup, plain = book.label()
    body = f"(A–C) {first.text} (D) {last.text}"
    for k, shot in enumerate(shots):
        own, rest = (last, first) if k == 3 else (first, last)
        book.own(shot, own, plain, caption=body, panel=chr(65 + k), others=[rest.text])
    return markup + body


def _and(book: Book, shots: list[Shot]) -> str:
    said = book.words(shots[0], "medium")
    markup, plain = book.label()
    body = said.text.rstrip(".") + " (a and b)."
    for shot in shots:
        book.own(shot, said, plain, caption=body, accept=[body, said.text])
    return markup + body


def _prose(book: Book, shots: list[Shot]) -> str:
    site = book.rng.sample(words.SITES, 2)
    first, second = book.rng.sample(words.CLINICAL, 2)
    markup, plain = book.label()
    second = second[:1].lower() + second[1:]
    parts = (f"{first} on {site[0]}", f"{second} on {site[1]}")
    body = f"{parts[0]} (a), with {parts[1]} (b)."
    for k, shot in enumerate(shots):
        accept = [body, parts[k], f"with {parts[k]}", f"{parts[k]}."]
        book.own(shot, Words(body), plain, accept=accept)
    return markup + body


def pair_caption(path: Path, seed: int) -> list[Truth]:
    """One caption serves two pictures side by side: "Figs. 5 and 6. …" or "Figure 5 Two patients with …"."""
    book = Book(path, seed, "pair_caption", House(cap=CAP))
    for page in range(5):
        area = book.turn()
        y = book.fill(area.x0, area.y0, area.y0 + 60, area.width) + 8
        shots = [book.shot("clinical", (400, 300)) for _ in range(2)]
        wide = (area.width - 10) / 2
        for k, shot in enumerate(shots):
            low = book.put(shot, area.x0 + k * (wide + 10), y, wide).y1
        name, site = book.rng.choice(words.DIAGNOSES), book.rng.choice(words.SITES)
        text = f"Two patients with {name}, both with lesions on {site}. {book.rng.choice(words.MORE)}"
        if page % 2:
            _markup, plain = book.label()
            markup = f"<b>Figure {book.figure}</b> "
        else:
            book.label()
            book.label()
            plain = f"Figs. {book.figure - 1} and {book.figure}"
            markup = f"<b>{plain}.</b> "
        for shot in shots:
            book.own(shot, Words(text), plain)
        y = book.set(markup + text, area.x0, low + 5, area.width) + 10
        book.fill(area.x0, y, area.y1, area.width)
    return book.done()


LAYOUTS = {
    f.__name__: f
    for f in (
        panels_corner,
        panels_under,
        panels_plain,
        panels_white,
        panels_black,
        panels_hairline,
        panels_shared,
        pair_caption,
    )
}
