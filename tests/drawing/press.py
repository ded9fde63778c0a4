"""A small press: pages, type and pictures in top-left coordinates (points), over reportlab's canvas.

Everything a layout needs is a box and a call: ``fill`` sets body text, ``set`` a caption, ``put`` a picture, ``own``
writes down what is true. How text and pictures end up *stored* (by line, word or letter, shuffled; strips, tiles,
forms, turned) is a matter of :class:`House` and of ``how``, so that any layout can be had in any storage.
"""

from __future__ import annotations

import functools
import random
import re
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image
from reportlab import rl_config
from reportlab.pdfbase import pdfmetrics, ttfonts
from reportlab.pdfgen.canvas import Canvas

from mmskin_hub.demo import paint
from mmskin_hub.demo.press import Area
from tests.drawing import pictures
from tests.drawing import words as wording
from tests.drawing.truth import Truth, phash

FONTS = {  # regular, bold, italic, bold italic
    "times": ("Times-Roman", "Times-Bold", "Times-Italic", "Times-BoldItalic"),
    "helvetica": ("Helvetica", "Helvetica-Bold", "Helvetica-Oblique", "Helvetica-BoldOblique"),
    "courier": ("Courier", "Courier-Bold", "Courier-Oblique", "Courier-BoldOblique"),
    "vera": ("Vera", "VeraBd", "VeraIt", "VeraBI"),
}
Ink = tuple[float, float, float]
BLACK: Ink = (0, 0, 0)


@functools.cache
def _embed() -> None:
    """The fonts inside reportlab's wheel, embedded, with ligatures that the standard fourteen leave out."""
    rl_config.useA85 = 0  # pages deflated and nothing more, as other programs write them
    for name in FONTS["vera"]:
        pdfmetrics.registerFont(ttfonts.TTFont(name, name + ".ttf"))


@dataclass(frozen=True)
class Face:
    """How text is set. ``align``: left, justify, centre or right; ``hyphen``: the sign at a broken word, or none."""

    family: str = "times"
    size: float = 10
    leading: float = 12.5
    align: str = "justify"
    ink: Ink = BLACK
    accent: Ink = (0.1, 0.25, 0.55)
    hyphen: str = "-"
    italic: bool = False
    bold: bool = False


@dataclass(frozen=True)
class House:
    """A publisher's style. ``label`` is markup with {c} chapter, {n} number; ``plain`` the same as it reads."""

    size: tuple[float, float] = (595, 842)
    margins: tuple[float, float, float, float] = (60, 70, 60, 70)  # left, top, right, bottom
    body: Face = Face()
    cap: Face = Face(family="helvetica", size=8, leading=10, align="left")
    label: str = "<b>Fig. {c}.{n}</b> "
    title: str = "Clinical Dermatology"
    stored: str = "line"  # line, word or letter
    shuffled: bool = False
    rotate: int = 0
    origin: tuple[float, float] = (0, 0)  # where the lower left of the MediaBox lies
    crop: float = 0.0  # the CropBox is this much smaller than the MediaBox on every side
    furniture: tuple[str, ...] = ("head", "folio")  # also logo, rules, watermark, background, stripe
    credits: float = 0.0  # share of captions with a credit line
    plates: bool = False
    ligatures: bool = False


@dataclass
class Shot:
    """One picture of a book: upright pixels and what it is."""

    image: Image.Image
    modality: str
    drop: str | None = None

    @property
    def ratio(self) -> float:
        return self.image.height / self.image.width


_WORD = re.compile(r"<(/?)([bic])>|(\s*\n\s*)|([^\S\n]+)|([^<\s]+|<)")


def parse(text: str, face: Face) -> list[list[tuple[str, str, Ink]]]:
    """Markup (<b> bold, <i> italic, <c> bold and coloured) as words of (text, font, ink); [] is a line break."""
    fonts = FONTS[face.family]
    found: list[list[tuple[str, str, Ink]]] = []
    bold, italic, accent = face.bold, face.italic, False
    glue = False
    for close, tag, newline, space, word in _WORD.findall(text):
        if tag:
            bold = (tag == "b" and not close) or (bold and tag != "b" and tag != "c") or (tag == "c" and not close)
            italic = not close if tag == "i" else italic
            accent = not close if tag == "c" else accent
            if close and tag == "b":
                bold = face.bold
        elif newline:
            found.append([])
            glue = False
        elif space:
            glue = False
        else:
            piece = (word, fonts[2 * italic + bold], face.accent if accent else face.ink)
            found[-1].append(piece) if glue and found else found.append([piece])
            glue = True
    return found


@functools.lru_cache(maxsize=65536)
def _width(text: str, font: str, size: float) -> float:
    return float(pdfmetrics.stringWidth(text, font, size))


def _wide(word: list[tuple[str, str, Ink]], size: float) -> float:
    return sum(_width(text, font, size) for text, font, _ink in word)


def _break(word: list[tuple[str, str, Ink]], room: float, face: Face) -> tuple[Any, Any] | None:
    """Split a long word so that its head and a hyphen fit into ``room``; None where it cannot be."""
    text, font, ink = word[0]
    if not face.hyphen or len(word) > 1 or len(text) < 7 or not text[:-1].isalpha():
        return None
    for cut in range(len(text) - 3, 2, -1):
        head = text[:cut] + face.hyphen
        if text[cut] not in "aeiouy" and text[cut - 1] in "aeiouyn" and _wide([(head, font, ink)], face.size) <= room:
            return [(head, font, ink)], [(text[cut:], font, ink)]
    return None


def wrap(text: str, width: float, face: Face) -> list[tuple[list[Any], bool]]:
    """Lines of words, each with whether it ends a paragraph (and so is not justified)."""
    lines: list[tuple[list[Any], bool]] = []
    line: list[Any] = []
    used, space = 0.0, _wide([(" ", FONTS[face.family][0], BLACK)], face.size)
    queue = parse(text, face)[::-1]
    while queue:
        word = queue.pop()
        if not word:
            lines.append((line, True))
            line, used = [], 0.0
            continue
        wide = _wide(word, face.size)
        if not line or used + space + wide <= width:
            used += (space if line else 0) + wide
            line.append(word)
            continue
        split = _break(word, width - used - space, face)
        if split:
            line.append(split[0])
            queue.append(split[1])
        else:
            queue.append(word)
        lines.append((line, False))
        line, used = [], 0.0
    if line:
        lines.append((line, True))
    return lines


LIGATURES = (("ffi", "ﬃ"), ("ffl", "ﬄ"), ("fi", "ﬁ"), ("fl", "ﬂ"))


class Book:
    """One PDF in the making. Pages are 1-based; ``truth`` grows with every :meth:`own`."""

    def __init__(self, path: Path, seed: int, style: str, house: House | None = None) -> None:
        _embed()
        self.path, self.style, self.house = Path(path), style, house or House()
        self.seed, self.rng = seed, random.Random(f"{style}-{seed}")
        self.width, self.height = self.house.size
        self.canvas = Canvas(str(path), pagesize=self._paper(), pageCompression=1, invariant=1)
        self.truth: list[Truth] = []
        self.page = 0
        self.chapter, self.figure = self.rng.randint(1, 9), 0
        self.next_picture = seed * 37 + zlib.crc32(style.encode()) % 1000
        self.text: list[tuple[float, float, str, str, float, Ink, float]] = []
        self._logo = pictures.logo(self.next_picture)
        self._later: list[tuple[int, int, Area]] = []  # rows whose hash is that of a region, known once it is drawn

    # pages

    def _paper(self) -> tuple[float, float]:
        grow = 2 * self.house.crop
        wide, high = self.width + grow, self.height + grow
        return (high, wide) if self.house.rotate in (90, 270) else (wide, high)

    @property
    def area(self) -> Area:
        """What lies inside the margins."""
        left, top, right, bottom = self.house.margins
        return Area(left, top, self.width - right, self.height - bottom)

    def columns(self, count: int, gap: float = 18) -> list[Area]:
        """The area as columns of equal width."""
        area = self.area
        wide = (area.width - gap * (count - 1)) / count
        return [
            Area(area.x0 + k * (wide + gap), area.y0, area.x0 + k * (wide + gap) + wide, area.y1) for k in range(count)
        ]

    def turn(self, furniture: bool = True, size: tuple[float, float] | None = None) -> Area:
        """Begin the next page; its area."""
        if self.page:
            self._flush()
            self.canvas.showPage()
        self.page += 1
        self.width, self.height = size or self.house.size
        wide, high = self._paper()
        house = self.house
        full_w, full_h = self.width + 2 * house.crop, self.height + 2 * house.crop
        self.canvas.setPageSize((full_w, full_h))  # upright: the canvas itself swaps the sides of a page on its side
        if house.rotate:
            self.canvas.setPageRotation(house.rotate)
        if house.crop:
            self.canvas.setCropBox((house.crop, house.crop, wide - house.crop, high - house.crop))
        turns = {90: (0, 1, -1, 0, full_h, 0), 180: (-1, 0, 0, -1, full_w, full_h), 270: (0, -1, 1, 0, 0, full_w)}
        if house.rotate:
            self.canvas.transform(*turns[house.rotate])
        if house.crop:
            self.canvas.translate(house.crop, house.crop)
        if furniture:
            self._furniture()
        return self.area

    def _furniture(self) -> None:
        items, area, odd = self.house.furniture, self.area, self.page % 2
        face = replace(self.house.body, size=8, leading=10, align="left" if not odd else "right", hyphen="")
        if "background" in items:
            self._paper_texture()
        if "watermark" in items:
            self.put(Shot(self._logo, "logo"), self.width / 2 - 90, self.height / 2 - 90, 180, how="faint")
        if "head" in items:
            head = self.house.title if not odd else f"Chapter {self.chapter}   Papulosquamous diseases"
            self.set(head, area.x0, area.y0 - 34, area.width, face)
        if "folio" in items:
            self.set(str(self.page + 212), area.x0, self.height - 40, area.width, replace(face, align="centre"))
        if "rules" in items:
            self.rule(area.x0, area.y0 - 18, area.x1, area.y0 - 18)
            self.rule(area.x0, self.height - 48, area.x1, self.height - 48)
        if "logo" in items:
            self.put(Shot(self._logo, "logo"), area.x1 - 22, area.y0 - 46, 22, how="flate")
        if "stripe" in items:
            self.tint(Area(self.width - 22 if odd else 0, 0, self.width if odd else 22, self.height), (0.8, 0.3, 0.2))

    def _paper_texture(self) -> None:
        texture = pictures.scenery(1, (300, 420)).resize((300, 420))
        pale = Image.blend(Image.new("RGB", texture.size, (255, 252, 244)), texture, 0.08)
        self.put(Shot(pale, "background"), 0, 0, self.width, self.height)

    # drawing

    def rule(self, x0: float, y0: float, x1: float, y1: float, ink: Ink = BLACK, width: float = 0.6) -> None:
        """A straight line."""
        self.canvas.setStrokeColorRGB(*ink)
        self.canvas.setLineWidth(width)
        self.canvas.line(x0, self.height - y0, x1, self.height - y1)

    def tint(self, box: Area, fill: Ink | None, stroke: Ink | None = None) -> None:
        """A filled and/or framed box."""
        if fill:
            self.canvas.setFillColorRGB(*fill)
        if stroke:
            self.canvas.setStrokeColorRGB(*stroke)
        self.canvas.setLineWidth(0.8)
        self.canvas.rect(
            box.x0, self.height - box.y1, box.width, box.y1 - box.y0, fill=int(bool(fill)), stroke=int(bool(stroke))
        )

    def measure(self, text: str, width: float, face: Face | None = None) -> float:
        """The height that ``text`` takes."""
        face = face or self.house.cap
        return len(wrap(text, width, face)) * face.leading

    def set(
        self, text: str, x: float, y: float, width: float, face: Face | None = None, lines: tuple[int, int] = (0, 999)
    ) -> float:
        """Set text with its top at ``y``; the y below it. ``lines`` sets only some of its lines (from, to)."""
        face = face or self.house.cap
        for line, last in wrap(text, width, face)[lines[0] : lines[1]]:
            self._line(line, last, x, y + face.size, width, face)
            y += face.leading
        return y

    def _line(self, line: list[Any], last: bool, x: float, y: float, width: float, face: Face) -> None:
        space = _wide([(" ", FONTS[face.family][0], BLACK)], face.size)
        total = sum(_wide(word, face.size) for word in line) + space * (len(line) - 1)
        if face.align == "justify" and not last and len(line) > 1:
            space += max(0.0, width - total) / (len(line) - 1)
        x += {"centre": (width - total) / 2, "right": width - total}.get(face.align, 0)
        if self.house.stored != "line":
            for word in line:
                for text, font, ink in word:
                    x = self._pieces(x, y, text, font, face.size, ink)
                x += space
            return
        runs: list[list[Any]] = []
        for k, word in enumerate(line):
            for text, font, ink in word:
                if runs and runs[-1][1:3] == [font, ink]:
                    runs[-1][0] += text
                else:
                    runs.append([text, font, ink])
            if k < len(line) - 1:
                runs[-1][0] += " "
        extra = space - _wide([(" ", FONTS[face.family][0], BLACK)], face.size)
        for text, font, ink in runs:
            self.text.append((x, y, text, font, face.size, ink, extra))
            x += pdfmetrics.stringWidth(text, font, face.size) + extra * text.count(" ")

    def _pieces(self, x: float, y: float, text: str, font: str, size: float, ink: Ink) -> float:
        parts = [text] if self.house.stored == "word" else list(text)
        for part in parts:
            self.text.append((x, y, part, font, size, ink, 0.0))
            x += _width(part, font, size)
        return x

    def _flush(self) -> None:
        if self.house.shuffled:
            self.rng.shuffle(self.text)
        for x, y, text, font, size, ink, extra in self.text:
            if self.house.ligatures and font in FONTS["vera"]:
                for plain, joined in LIGATURES[2:]:
                    text = text.replace(plain, joined)
            block = self.canvas.beginText(x, self.height - y)
            block.setFont(font, size)
            block.setFillColorRGB(*ink)
            block.setWordSpace(extra)
            block.textOut(text)
            self.canvas.drawText(block)
        self.text = []

    def put(self, shot: Shot, x: float, y: float, width: float, height: float | None = None, how: str = "jpeg") -> Area:
        """Draw a picture with its top left at (x, y); the box it takes. ``how`` names the storage (see pasting)."""
        from tests.drawing import pasting

        height = height or width * shot.ratio
        pasting.paste(self.canvas, shot.image, (x, self.height - y - height, width, height), how, self.page)
        return Area(x, y, x + width, y + height)

    # content

    def shot(self, modality: str | None = None, size: tuple[int, int] | None = None, drop: str | None = None) -> Shot:
        """A fresh picture; clinical, dermoscopic or pathology where ``modality`` is not given."""
        modality = modality or self.rng.choices(("clinical", "dermoscopic", "pathology"), (5, 2, 2))[0]
        self.next_picture += 1
        image = pictures.face() if drop == "face" else pictures.make(modality, self.next_picture, size)
        if drop == "annotated":
            image = paint.arrows(image, self.next_picture)
        return Shot(image, modality, drop or ("other" if modality == "other" else None))

    def words(self, shot: Shot, size: str = "any") -> wording.Words:
        """A caption for a picture."""
        return wording.caption(self.rng, shot.modality, size)

    def label(self, form: str | None = None) -> tuple[str, str]:
        """The next label: as markup, and as it reads."""
        self.figure += 1
        roman = (
            "",
            "I",
            "II",
            "III",
            "IV",
            "V",
            "VI",
            "VII",
            "VIII",
            "IX",
            "X",
            "XI",
            "XII",
            "XIII",
            "XIV",
            "XV",
            "XVI",
            "XVII",
            "XVIII",
            "XIX",
            "XX",
            "XXI",
            "XXII",
            "XXIII",
            "XXIV",
        )[min(self.figure, 24)]
        markup = (form or self.house.label).format(c=self.chapter, n=self.figure, r=roman, l=chr(64 + self.figure % 26))
        return markup, " ".join(re.sub(r"</?[bic]>", "", markup).split()).rstrip(".:")

    def credit(self) -> str:
        """A credit line, or nothing."""
        return " " + self.rng.choice(wording.CREDITS) if self.rng.random() < self.house.credits else ""

    def own(
        self,
        shot: Shot,
        said: wording.Words,
        number: str,
        *,
        caption: str | None = None,
        panel: str | None = None,
        others: list[str] | None = None,
        accept: list[str] | None = None,
        image: Image.Image | None = None,
        page: int | None = None,
    ) -> None:
        """Write down the truth of one picture; ``said`` is its own text (a panel's, where ``panel`` is given)."""
        self.truth.append(
            Truth(
                shot.drop,
                phash(image or shot.image),
                self.path.name,
                str(len(self.truth)),
                shot.modality,
                caption or said.text,
                said.age,
                said.sex,
                number,
                panel,
                said.text if panel else None,
                others or [],
                self.style,
                page or self.page,
                accept or [],
            )
        )

    def own_region(self, area: Area, said: wording.Words, number: str, drop: str, modality: str = "other") -> None:
        """Write down a figure that is no raster: its hash is taken from the finished page."""
        self._later.append((len(self.truth), self.page, area))
        self.own(Shot(Image.new("RGB", (64, 64)), modality, drop), said, number)

    def fill(self, x: float, y: float, bottom: float, width: float, face: Face | None = None) -> float:
        """Body text from ``y`` until the next line would cross ``bottom``; where it ended."""
        face = face or self.house.body
        while bottom - y >= 2 * face.leading:
            near = (f"{self.chapter}.{max(1, self.figure)}", f"{self.chapter}.{self.figure + 1}")
            text = wording.paragraph(self.rng, near, self.rng.randint(3, 6))
            room = int((bottom - y) / face.leading)
            y = self.set(text, x, y, width, face, (0, room)) + face.leading * 0.4
        return y

    def heading(self, text: str, x: float, y: float, width: float) -> float:
        """A section heading; the y below it."""
        face = replace(self.house.body, size=13, leading=18, bold=True, align="left", hyphen="")
        return self.set(text, x, y, width, face) + 4

    def table(self, x: float, y: float, width: float, number: int = 1) -> float:
        """A ruled table with its caption above; the y below it."""
        face = replace(self.house.cap, italic=False, hyphen="")
        y = self.set(f"<b>Table {number}</b> Systemic drugs and what to watch", x, y, width, face) + 4
        rows, step = wording.TABLE[: self.rng.randint(4, 7)], face.leading + 4
        for k, row in enumerate(rows):
            for c, cell in enumerate(row):
                self.set(cell, x + 4 + c * width / 3, y + k * step + 2, width / 3, face)
            self.rule(x, y + k * step, x + width, y + k * step)
        self.rule(x, y + len(rows) * step, x + width, y + len(rows) * step)
        return y + len(rows) * step + 10

    def done(self) -> list[Truth]:
        """Close the file; the truth."""
        self._flush()
        self.canvas.showPage()
        self.canvas.save()
        if self.house.origin != (0, 0):
            from tests.drawing import pasting

            pasting.move_origin(self.path, self.house.origin)
        if self._later:
            self._hash_regions()
        return self.truth

    def _hash_regions(self) -> None:
        import pymupdf

        with pymupdf.open(self.path) as document:
            for index, page, area in self._later:
                shot = document[page - 1].get_pixmap(clip=pymupdf.Rect(*area), dpi=100)
                self.truth[index].phash = phash(Image.frombytes("RGB", (shot.width, shot.height), shot.samples))
