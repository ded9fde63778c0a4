"""Layouts where picture and words stand apart: plates with collected legends, facing pages, captions overleaf."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.drawing.press import Area, Book, Face, House, Shot
from tests.drawing.truth import Truth
from tests.drawing.words import Words

LEGEND = Face(family="times", size=8.5, leading=10.5, align="justify")
WHITE = (1.0, 1.0, 1.0)
ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")


def _plate(book: Book, box: Area, count: int, across: int, number: str, where: str) -> list[str]:
    """A grid of pictures that carry only numbers; the legends as "number. words", to be set anywhere."""
    gap, high = 10.0, 12.0 if where == "under" else 0.0
    wide = (box.width - gap * (across - 1)) / across
    legends, y = [], box.y0
    for k in range(count):
        x = box.x0 + (k % across) * (wide + gap)
        shot = book.shot(size=(400, 300))
        said = book.words(shot, "short" if count > 4 else "medium")
        markup, plain = book.label(number)
        at = book.put(shot, x, y, wide)
        mark = plain.rstrip(".")
        if where == "under":
            book.set(mark, x, at.y1 + 1, wide, Face("helvetica", 8, 10, "centre"))
        else:
            corner = Face("helvetica", 9, 11, "left", ink=WHITE, bold=True)
            book.set(mark, x + 5, at.y1 - 16 if where == "low" else at.y0 + 3, wide, corner)
        book.own(shot, said, plain)
        legends.append(f"{markup}{said.text}")
        if k % across == across - 1:
            y = at.y1 + gap + high
    return legends


def plate_list(path: Path, seed: int) -> list[Truth]:
    """PLATE IV: six numbered pictures, legends one a line at the bottom of the same page."""
    book = Book(path, seed, "plate_list", House(title="A Colour Atlas of Dermatology"))
    for page in range(3):
        area = book.turn()
        book.set(f"PLATE {ROMAN[page + 3]}", area.x0, area.y0, area.width, Face("times", 13, 18, "centre", hyphen=""))
        legends = _plate(book, Area(area.x0, area.y0 + 24, area.x1, 0), 6 if page else 4, 2, "<b>{n}.</b> ", "under")
        y = area.y0 + 24 + (3 if page else 2) * (area.width / 2 * 0.75 + 18) + 8
        for legend in legends:
            y = book.set(legend, area.x0, y, area.width, LEGEND) + 2
        area = book.turn()
        book.fill(area.x0, area.y0, area.y1, area.width)
    return book.done()


def plate_runin(path: Path, seed: int) -> list[Truth]:
    """Numbered pictures (white figures in the lower corner) with ONE run-in paragraph of legends below the plate."""
    book = Book(path, seed, "plate_runin", House(title="Diseases of the Skin", margins=(56, 60, 56, 60)))
    for page in range(3):
        area = book.turn()
        y = book.fill(area.x0, area.y0, area.y0 + 70, area.width) + 8 if page == 1 else area.y0
        across = 3 if page == 2 else 2
        legends = _plate(book, Area(area.x0, y, area.x1, 0), 2 * across, across, "<b>{n}.</b> ", "low")
        wide = (area.width - 10 * (across - 1)) / across
        y += 2 * (wide * 0.75 + 10) + 6
        y = book.set(" ".join(legends), area.x0, y, area.width, LEGEND) + 10
        book.fill(area.x0, y, area.y1, area.width)
    return book.done()


def plate_facing(path: Path, seed: int) -> list[Truth]:
    """Plates on right-hand pages, "Fig. 7" in the upper corner of each picture; legends on the left-hand page."""
    book = Book(path, seed, "plate_facing", House(title="Atlas of Skin Diseases"))
    area = book.turn()
    book.fill(area.x0, area.y0, area.y1, area.width)
    for page in range(3):
        area = book.turn()  # even: the legends' page; what it says is known once the plate is made
        legends = _legends_first(book, 4)
        y = book.set(f"Plate {ROMAN[page]} (opposite)", area.x0, area.y0, area.width, replace(LEGEND, bold=True)) + 8
        for _shot, _said, markup, _plain, text in legends:
            y = book.set(markup + text, area.x0, y, area.width, LEGEND) + 5
        book.fill(area.x0, y + 20, area.y1, area.width)
        area = book.turn()
        wide, y = (area.width - 12) / 2, area.y0
        for k, (shot, said, _markup, plain, _text) in enumerate(legends):
            at = book.put(shot, area.x0 + (k % 2) * (wide + 12), y, wide)
            book.set(plain, at.x0 + 5, at.y0 + 4, wide, Face("helvetica", 9, 11, "left", ink=WHITE, bold=True))
            book.own(shot, said, plain)
            y = at.y1 + 12 if k % 2 else y
    return book.done()


def _legends_first(book: Book, count: int) -> list[tuple[Shot, Words, str, str, str]]:
    found = []
    for _ in range(count):
        shot = book.shot(size=(400, 300))
        said = book.words(shot, "medium")
        markup, plain = book.label("<b>Fig. {n}</b> ")
        found.append((shot, said, markup, plain, said.text))
    return found


def plate_single(path: Path, seed: int) -> list[Truth]:
    """One large picture a page under the line "Plate IV", its legend below in the middle; text pages between."""
    cap = Face(family="times", size=9.5, leading=12, align="centre", italic=True, hyphen="")
    book = Book(path, seed, "plate_single", House(label="PLATE {r}\n", cap=cap, furniture=()))
    for page in range(6):
        area = book.turn()
        shot = book.shot()
        said = book.words(shot, "medium")
        markup, plain = book.label()
        wide = min(area.width, 480 / shot.ratio)
        x = area.x0 + (area.width - wide) / 2
        at = book.put(shot, x, area.y0 + 20, wide, how="frame" if page % 2 else "jpeg")
        book.set(markup + said.text, area.x0 + 40, at.y1 + 12, area.width - 80)
        book.own(shot, said, plain)
        if page % 2:
            area = book.turn()
            book.fill(area.x0, area.y0, area.y1, area.width)
    return book.done()


def facing(path: Path, seed: int) -> list[Truth]:
    """A picture fills a whole page; its caption stands at the foot of the page that faces it."""
    house = House(label="<b>Fig. {c}.{n}</b> ", cap=Face(family="helvetica", size=8, leading=10, align="left"))
    book = Book(path, seed, "facing", house)
    area = book.turn()
    book.fill(area.x0, area.y0, area.y1, area.width)
    for page in range(5):
        first = page % 2  # odd rounds: the picture comes first (left), the caption faces it on the right
        shot = book.shot(size=(380, 538))
        said = book.words(shot, "medium" if page % 2 else "long")
        side = ("(facing page)", "(opposite)", "(overleaf, facing)")[0 if page < 3 else 1]
        markup, plain = book.label()
        text = f"{markup}{side} {said.text}"
        for half in (0, 1):
            if (half == 0) == bool(first):
                book.turn(furniture=False)
                book.put(shot, 0, 0, book.width, book.height)
                book.own(shot, said, plain, accept=[said.text, f"{side} {said.text}"])
            else:
                area = book.turn()
                high = book.measure(text, area.width)
                book.fill(area.x0, area.y0, area.y1 - high - 16, area.width)
                book.set(text, area.x0, area.y1 - high, area.width)
    return book.done()


def overleaf(path: Path, seed: int) -> list[Truth]:
    """A tall picture takes the rest of a page, so its caption overflows to the top of the next one."""
    house = House(label="<b>Figure {n}.</b> ", cap=Face(family="helvetica", size=8, leading=10, align="left"))
    book = Book(path, seed, "overleaf", house)
    carried: str | None = None
    for page in range(8):
        area = book.turn()
        y = area.y0
        if carried:
            y = book.set(carried, area.x0, y, area.width) + 14
            carried = None
        y = book.fill(area.x0, y, y + 130, area.width) + 10
        shot = book.shot(size=(380, 430) if page % 2 == 0 else (480, 320))
        said = book.words(shot, "medium")
        markup, plain = book.label()
        if page % 2 == 0:
            wide = (area.y1 - y - 2) / shot.ratio
            book.put(shot, area.x0, y, min(wide, area.width))
            carried = markup + said.text
        else:
            at = book.put(shot, area.x0 + 40, y, 300)
            y = book.set(markup + said.text, area.x0 + 40, at.y1 + 5, 300) + 10
            book.fill(area.x0, y, area.y1, area.width)
        book.own(shot, said, plain)
    return book.done()


LAYOUTS = {f.__name__: f for f in (plate_list, plate_runin, plate_facing, plate_single, facing, overleaf)}
