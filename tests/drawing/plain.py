"""Layouts where every picture has a caption of its own nearby: below, above, beside, in grids, without a label."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.drawing.press import Area, Book, Face, House, Shot
from tests.drawing.truth import Truth

SMALL_ITALIC = Face(family="times", size=8, leading=9.6, align="left", italic=True)


def one(
    book: Book,
    x: float,
    y: float,
    width: float,
    *,
    size: str = "any",
    how: str = "jpeg",
    drop: str | None = None,
    modality: str | None = None,
    form: str | None = None,
    gap: float = 5,
    text_width: float | None = None,
    face: Face | None = None,
    above: bool = False,
    height: float | None = None,
    text_x: float | None = None,
) -> float:
    """A picture with its caption below (or above) it; the y below both."""
    shot = book.shot(modality, drop=drop)
    said = book.words(shot, size)
    label, plain = book.label(form)
    text = label + said.text + book.credit()
    wide, at = text_width or width, x if text_x is None else text_x
    width = min(width, height / shot.ratio) if height else width
    if above:
        y = book.set(text, at, y, wide, face) + gap
        y = book.put(shot, x, y, width, how=how).y1
    else:
        y = book.put(shot, x, y, width, how=how).y1 + gap
        y = book.set(text, at, y, wide, face)
    book.own(shot, said, plain)
    return y + 8


def below_one(path: Path, seed: int) -> list[Truth]:
    """One column, caption below, charts and tables between; a face and an annotated picture among them."""
    book = Book(path, seed, "below_one", House(credits=0.3, furniture=("head", "folio", "logo")))
    for page in range(7):
        area = book.turn()
        y = book.heading(f"{book.chapter}.{page + 1} Clinical features", area.x0, area.y0, area.width)
        y = book.fill(area.x0, y, y + 90, area.width) + 8
        y = one(book, area.x0, y, 250, drop={2: "face", 4: "annotated"}.get(page))
        if page % 3 == 1:
            y = one(book, area.x0 + 60, y, 200, modality="other")
        elif page % 3 == 2:
            y = book.table(area.x0, y, 320, page)
        elif y < 560:
            y = book.fill(area.x0, y, y + 40, area.width) + 8
            y = one(book, area.x0, y, 180, size="short", text_width=area.width)
        book.fill(area.x0, y + 4, area.y1, area.width)
    return book.done()


def below_two(path: Path, seed: int) -> list[Truth]:
    """Two columns, justified and hyphenated captions below; now and then a picture across both columns."""
    cap = Face(family="times", size=8, leading=9.5)
    house = House(
        label="<b>FIGURE {c}–{n}.</b> ",
        cap=cap,
        body=Face(size=9, leading=11),
        margins=(48, 64, 48, 60),
        credits=0.2,
        furniture=("head", "folio", "rules"),
    )
    book = Book(path, seed, "below_two", house)
    for page in range(6):
        area = book.turn()
        top = area.y0
        if page % 3 == 2:
            top = one(book, area.x0 + 40, top, area.width - 80, how="cmyk", text_width=area.width - 80) + 6
        for k, column in enumerate(book.columns(2)):
            y = top
            if (page + k) % 2:
                y = book.fill(column.x0, y, y + 100, column.width) + 6
            y = one(book, column.x0, y, column.width, how="flate" if k else "jpeg")
            if page % 3 == 0:
                y = book.fill(column.x0, y, y + 70, column.width) + 6
                if y < 520:
                    y = one(book, column.x0, y, column.width, modality="other" if page and k else None)
            book.fill(column.x0, y + 4, area.y1, column.width)
    return book.done()


def above(path: Path, seed: int) -> list[Truth]:
    """Captions ABOVE their pictures, two to four on a page, in one column; the next caption follows right below."""
    house = House(label="<c>Figure {c}-{n}</c>  ", cap=Face(family="helvetica", size=8.5, leading=10.5, align="left"))
    book = Book(path, seed, "above", house)
    for page in range(6):
        area = book.turn()
        y = area.y0
        if page % 2:
            y = book.fill(area.x0, y, y + 110, area.width) + 8
        for k in range(3):
            if y > 560:
                break
            y = one(book, area.x0, y, 190 if k else 230, above=True, text_width=330) + 4
            if page % 3 == 1:
                y = book.fill(area.x0, y, y + 45, area.width) + 8
        book.fill(area.x0, y + 2, area.y1, area.width)
    return book.done()


def above_two(path: Path, seed: int) -> list[Truth]:
    """Two columns with captions above, in the body's own font and size, the label alone bold."""
    face = Face(size=9, leading=11)
    house = House(label="<b>Fig. {n}</b>  ", cap=face, body=face, margins=(50, 70, 50, 60))
    book = Book(path, seed, "above_two", house)
    for page in range(5):
        area = book.turn()
        for k, column in enumerate(book.columns(2, 22)):
            y = area.y0
            for part in range(2):
                if y > 480:
                    break
                if (page + k + part) % 2:
                    y = book.fill(column.x0, y, y + 80, column.width) + 10
                y = one(book, column.x0, y, column.width * 0.85, above=True, text_width=column.width, size="medium") + 4
            book.fill(column.x0, y + 4, area.y1, column.width)
    return book.done()


def beside(path: Path, seed: int) -> list[Truth]:
    """Captions in the outer margin: left of the picture on even pages, right on odd ones, top-aligned or low."""
    house = House(
        label="<b>{c}.{n}</b>\n",
        margins=(60, 70, 60, 70),
        cap=Face(family="helvetica", size=7.5, leading=9.5, align="left"),
    )
    book = Book(path, seed, "beside", house)
    for page in range(7):
        area = book.turn()
        odd, gutter, margin = book.page % 2, 14, 118
        x = area.x0 if odd else area.x0 + margin + gutter
        note = area.x1 - margin if odd else area.x0
        wide = area.width - margin - gutter
        y = area.y0
        for _ in range(2):
            if y > 520:
                break
            shot = book.shot()
            said = book.words(shot)
            label, plain = book.label()
            text = label + said.text
            box = book.put(shot, x, y, wide * (0.8 if shot.ratio > 1 else 1) * 0.85)
            high = book.measure(text, margin)
            top = box.y0 if page % 2 else max(box.y0, box.y1 - high)
            end = book.set(text, note, top, margin)
            book.own(shot, said, plain)
            y = max(box.y1, end) + 12
            y = book.fill(x, y, y + 60, wide) + 10
        book.fill(x, y, area.y1, wide)
    return book.done()


def beside_left(path: Path, seed: int) -> list[Truth]:
    """Captions right of small pictures inside the column, the next row below: an atlas of pocket size."""
    house = House(
        size=(420, 595), margins=(36, 48, 36, 44), label="Image {n}: ", cap=SMALL_ITALIC, body=Face(size=9, leading=11)
    )
    book = Book(path, seed, "beside_left", house)
    for page in range(5):
        area = book.turn()
        y = area.y0
        for row in range(3):
            shot = book.shot(size=(420, 320))
            said = book.words(shot, "medium")
            label, plain = book.label()
            swap = (page + row) % 4 == 3
            box = book.put(shot, area.x1 - 170 if swap else area.x0, y, 170, how="frame" if row == 1 else "jpeg")
            book.set(label + said.text, area.x0 if swap else box.x1 + 12, y + (4, 40, 70)[row], 160)
            book.own(shot, said, plain)
            y = box.y1 + 14
        book.fill(area.x0, y, area.y1, area.width)
    return book.done()


def grid(path: Path, seed: int) -> list[Truth]:
    """2 x 2 and 2 x 3 grids, each cell with its own caption below; heights differ, so that rows are ragged."""
    house = House(
        label="<b>Fig. {c}.{n}</b>. ",
        cap=Face(family="helvetica", size=7.5, leading=9, align="left"),
        margins=(45, 60, 45, 60),
    )
    book = Book(path, seed, "grid", house)
    for page in range(4):
        area = book.turn()
        count = 2 if page % 2 else 3
        tops = [area.y0] * count
        for _row in range(2):
            for k, column in enumerate(book.columns(count, 10)):
                size = (400, 300) if page < 2 else None
                shot = book.shot(size=size)
                said = book.words(shot, "medium" if count == 2 else "short")
                label, plain = book.label()
                box = book.put(shot, column.x0, tops[k], column.width)
                tops[k] = book.set(label + said.text, column.x0, box.y1 + 3, column.width) + 9
                book.own(shot, said, plain)
            if page < 2:
                tops = [max(tops)] * count
        book.fill(area.x0, max(tops) + 6, area.y1, area.width)
    return book.done()


def grid_above(path: Path, seed: int) -> list[Truth]:
    """A 2 x 3 grid with captions above each picture and coloured label words, "Photo 12"."""
    house = House(
        label="<c>Photo {n}</c> ",
        cap=Face(family="vera", size=7, leading=9, align="left"),
        body=Face(family="vera", size=8, leading=11),
        margins=(50, 60, 50, 60),
        ligatures=True,
    )
    book = Book(path, seed, "grid_above", house)
    for _ in range(3):
        area = book.turn()
        y = area.y0
        for _row in range(3):
            cells = []
            for column in book.columns(2, 16):
                shot = book.shot(size=(400, 260))
                said = book.words(shot, "short")
                label, plain = book.label()
                cells.append((column, shot, label + said.text))
                book.own(shot, said, plain)
            high = max(book.measure(text, column.width) for column, _s, text in cells)
            for column, shot, text in cells:
                book.set(text, column.x0, y + high - book.measure(text, column.width), column.width)
                book.put(shot, column.x0, y + high + 3, column.width)
            y += high + 3 + cells[0][0].width * 0.65 + 10
        book.fill(area.x0, y, area.y1, area.width)
    return book.done()


def grid_rows(path: Path, seed: int) -> list[Truth]:
    """Rows of two or three pictures with ONE caption a row ("Two patients with …"), below the row."""
    house = House(label="<b>Figure {n}</b> ", cap=Face(family="helvetica", size=8, leading=10, align="left"))
    book = Book(path, seed, "grid_rows", house)
    for page in range(4):
        area = book.turn()
        y = area.y0
        for row in range(2):
            count = 2 + (page + row) % 2
            columns = book.columns(count, 6)
            shots = [book.shot("clinical", (400, 300)) for _ in columns]
            said = book.words(shots[0], "medium")
            label, plain = book.label()
            for shot, column in zip(shots, columns, strict=True):
                low = book.put(shot, column.x0, y, column.width).y1
                book.own(shot, said, plain)
            y = book.set(label + said.text, area.x0, low + 4, area.width) + 8
            y = book.fill(area.x0, y, y + 70, area.width) + 8
        book.fill(area.x0, y, area.y1, area.width)
    return book.done()


def unlabelled(path: Path, seed: int) -> list[Truth]:
    """Captions without any label, in small italics right below; body text goes on below them."""
    book = Book(path, seed, "unlabelled", House(label="", cap=SMALL_ITALIC, body=Face(size=10.5, leading=13)))
    for page in range(6):
        area = book.turn()
        columns = book.columns(2) if page % 2 else [area]
        for column in columns:
            y = book.fill(column.x0, area.y0, area.y0 + 80, column.width) + 10
            y = one(book, column.x0, y, min(column.width, 260), size="medium", gap=3) + 6
            if len(columns) == 1:
                y = book.fill(column.x0, y, y + 50, column.width) + 10
                y = one(book, column.x0, y, 200, size="short", gap=3, text_width=300) + 6
            book.fill(column.x0, y, area.y1, column.width)
    return book.done()


def unlabelled_sans(path: Path, seed: int) -> list[Truth]:
    """Captions without a label told by a grey sans type, centred, beside body in serif; two pictures a row."""
    cap = Face(family="helvetica", size=8, leading=10, align="centre", ink=(0.35, 0.35, 0.35), hyphen="")
    book = Book(path, seed, "unlabelled_sans", House(label="", cap=cap, size=(612, 792)))
    for _ in range(4):
        area = book.turn()
        y = book.fill(area.x0, area.y0, area.y0 + 100, area.width) + 10
        lows = []
        for column in book.columns(2, 20):
            lows.append(one(book, column.x0, y, column.width, size="short", gap=4))
        y = book.fill(area.x0, max(lows) + 6, max(lows) + 90, area.width) + 10
        if y < 500:
            y = one(book, area.x0 + 120, y, 230, size="short", gap=4)
        book.fill(area.x0, y + 6, area.y1, area.width)
    return book.done()


def same_font(path: Path, seed: int) -> list[Truth]:
    """Captions in the body's own font, size and measure; only "Figure 3." and the place tell them."""
    face = Face(size=10, leading=12.5)
    book = Book(path, seed, "same_font", House(label="Figure {n}. ", cap=face, body=face))
    for page in range(6):
        area = book.turn()
        y = area.y0
        if page % 2:
            y = book.fill(area.x0, y, y + 120, area.width) + 8
        y = one(book, area.x0 + 80 * (page % 2), y, 280, size="medium", text_width=area.width, text_x=area.x0)
        y = book.fill(area.x0, y + 2, y + 80, area.width) + 8
        if y < 560:
            y = one(book, area.x0 + 60, y, 200, size="medium", text_width=area.width, text_x=area.x0)
        book.fill(area.x0, y + 2, area.y1, area.width)
    return book.done()


def label_line(path: Path, seed: int) -> list[Truth]:
    """The label on a line of its own, in capitals and colour: FIGURE 3-2, and the words below it."""
    house = House(
        label="<c>FIGURE {c}-{n}</c>\n",
        cap=Face(family="helvetica", size=8, leading=10, align="left", accent=(0.7, 0.1, 0.1)),
        credits=0.4,
    )
    book = Book(path, seed, "label_line", house)
    for page in range(5):
        area = book.turn()
        for k, column in enumerate(book.columns(2)):
            y = area.y0
            if (page + k) % 2 == 0:
                y = book.fill(column.x0, y, y + 120, column.width) + 8
            y = one(book, column.x0, y, column.width)
            book.fill(column.x0, y + 4, area.y1, column.width)
    return book.done()


def tinted(path: Path, seed: int) -> list[Truth]:
    """Each picture and its caption sit on a tinted panel; a sidebar box holds another picture of its own."""
    house = House(label="<b>Fig. {c}.{n} </b>", furniture=("head", "folio", "stripe"))
    book = Book(path, seed, "tinted", house)
    for page in range(5):
        area = book.turn()
        side = Area(area.x1 - 150, area.y0, area.x1, area.y0 + 330)
        book.tint(side, (0.92, 0.95, 0.86), (0.4, 0.5, 0.3))
        y = book.heading("Clinical pearl", side.x0 + 8, side.y0 + 6, 130)
        y = book.fill(side.x0 + 8, y, y + 60, 134, Face("helvetica", 7.5, 9.5, "left")) + 4
        one(book, side.x0 + 8, y, 134, size="short", height=110, text_width=134)
        wide = area.width - 170
        y = book.fill(area.x0, area.y0, area.y0 + 90, wide) + 8
        start = y
        shot = book.shot(size=(480, 320))
        said = book.words(shot, "medium")
        label, plain = book.label()
        high = wide * 0.94 * shot.ratio + book.measure(label + said.text, wide - 20) + 26
        book.tint(Area(area.x0, start, area.x0 + wide, start + high), (0.88, 0.92, 0.97))
        box = book.put(shot, area.x0 + wide * 0.03, start + 8, wide * 0.94)
        book.set(label + said.text, area.x0 + 10, box.y1 + 6, wide - 20)
        book.own(shot, said, plain)
        y = book.fill(area.x0, start + high + 8, side.y1 + 10, wide) if start + high < side.y1 else start + high + 8
        book.fill(area.x0, y + 4, area.y1, area.width if y > side.y1 else wide)
        if page == 2:
            icon = Shot(book._logo, "other")
            book.put(icon, area.x0 - 20, area.y0, 14, how="flate")
    return book.done()


def narrow(path: Path, seed: int) -> list[Truth]:
    """Very narrow justified captions, soft hyphens at broken words, three columns."""
    cap = replace(Face(size=7.5, leading=9), hyphen="\u00ad")
    house = House(label="<b>Fig. {n}</b> ", cap=cap, body=Face(size=8, leading=10), margins=(40, 60, 40, 60))
    book = Book(path, seed, "narrow", house)
    for page in range(4):
        area = book.turn()
        for k, column in enumerate(book.columns(3, 14)):
            y = area.y0
            if (page + k) % 2:
                y = book.fill(column.x0, y, y + 130, column.width) + 6
            y = one(book, column.x0, y, column.width, size="long" if k == 1 else "medium", gap=4)
            book.fill(column.x0, y + 2, area.y1, column.width)
    return book.done()


LAYOUTS = {
    f.__name__: f
    for f in (
        below_one,
        below_two,
        above,
        above_two,
        beside,
        beside_left,
        grid,
        grid_above,
        grid_rows,
        unlabelled,
        unlabelled_sans,
        same_font,
        label_line,
        tinted,
        narrow,
    )
}
