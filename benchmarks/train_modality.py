"""Train the modality model and write its weights as plain numbers.

Run by hand, where the public pictures are at hand; nothing of them ends up in the project::

    python benchmarks/train_modality.py --clinical PAD_UFES_20 --dermoscopic HAM10000 --pathology HISTOLOGY \\
        --write mmskin_hub/curate/modality_weights.json

Each option takes folders, searched for jpg and png. "Other" is drawn here: charts, flow charts, electrocardiograms,
radiology-like greys, tables, logos, screenshots, diagrams; plus the sample pictures inside scikit-image and
scikit-learn. Every photograph is cropped, scaled, blurred, re-lit, re-balanced and re-compressed at random, alike for
every class, so that size, shape, JPEG quality or one camera's white balance cannot be the answer. What the folders
lack is made: bodies before a wall or a drape, grey and Wood's-light photographs, other stains, fluorescence,
low-magnification sections. The model is a one-layer perceptron; five folds grouped by source picture give the
accuracy, the temperature and the expected calibration error, then one fit on everything gives the weights.

Longer than the house's 200 lines: sixty short drawings side by side read best in one file.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import multiprocessing
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from mmskin_hub.curate.modality import LABELS
from mmskin_hub.curate.modality_features import FEATURE_VERSION, feature_names, features

Random = np.random.Generator
Colour = tuple[int, int, int]
_TEXT = (
    "patient platelet day count severe mild group control dose week skin fever liver treatment risk study dermis "
    "cell type p value total mean age years cause signs Hb WBC CRP"
)
WORDS = _TEXT.split()


# ---------------------------------------------------------------- photographs: what any camera or press may do


def camera(picture: Image.Image, random: Random, crop: float = 0.6) -> Image.Image:
    """Crop, turn, scale, blur, light, white balance, noise and JPEG at random: the same for every class."""
    width, height = picture.size
    share = random.uniform(crop, 1.0)
    aspect = math.exp(random.normal(0, 0.15))
    w, h = min(width, int(width * share * aspect)), min(height, int(height * share / aspect))
    x, y = int(random.integers(0, width - w + 1)), int(random.integers(0, height - h + 1))
    picture = picture.crop((x, y, x + w, y + h))
    if random.random() < 0.5:
        picture = ImageOps.mirror(picture)
    if random.random() < 0.3:
        picture = picture.transpose(Image.Transpose.ROTATE_90)
    side = random.uniform(90, 260) / math.sqrt(picture.width * picture.height)
    picture = picture.resize((max(48, int(picture.width * side)), max(48, int(picture.height * side))))
    if random.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.4)))
    if random.random() < 0.15:
        picture = picture.filter(ImageFilter.UnsharpMask(2, int(random.integers(50, 200)), 2))
    values = np.asarray(picture, dtype=np.float32) / 255
    gains = np.exp(random.normal(0, 0.05, 3)) * math.exp(random.normal(0, 0.08))
    values = np.clip(values * gains, 0, 1) ** math.exp(random.normal(0, 0.18))
    if random.random() < 0.25:
        values = values + random.normal(0, random.uniform(0.005, 0.03), values.shape)
    grey = values.mean(axis=2, keepdims=True)
    values = grey + (values - grey) * random.uniform(0.75, 1.2)
    picture = Image.fromarray((np.clip(values, 0, 1) * 255).astype(np.uint8))
    if random.random() < 0.7:
        store = io.BytesIO()
        picture.save(store, "JPEG", quality=int(random.integers(35, 96)))
        picture = Image.open(store).convert("RGB")
    return picture


def smooth(random: Random, height: int, width: int, cells: float) -> NDArray[np.float32]:
    """Smooth noise in 0 to 1 with about ``cells`` bumps along the longer side."""
    step = max(height, width) / cells
    small = random.random((max(2, int(height / step) + 1), max(2, int(width / step) + 1)))
    big = Image.fromarray((small * 255).astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(big, dtype=np.float32) / 255


def blend(front: Image.Image, back: Image.Image, mask: NDArray[np.float32]) -> Image.Image:
    return Image.composite(front, back, Image.fromarray((np.clip(mask, 0, 1) * 255).astype(np.uint8)))


def backdrop(random: Random, size: tuple[int, int]) -> Image.Image:
    """What stands behind a patient: black, white, wall, blue or green drape, checked cloth."""
    kinds: list[Colour] = [
        (8, 8, 10),
        (245, 245, 243),
        (120, 150, 190),
        (30, 70, 150),
        (60, 120, 100),
        (150, 140, 130),
        (40, 60, 50),
        (200, 205, 215),
    ]
    base = np.array(kinds[random.integers(len(kinds))], dtype=np.float32)
    folds = smooth(random, size[1], size[0], random.uniform(1.5, 7))[..., None] - 0.5
    values = base * (1 + random.uniform(0, 0.7) * folds)
    if random.random() < 0.2:
        stripe = (np.arange(size[0]) // int(random.integers(3, 12)) % 2)[None, :, None]
        values = values * (1 - 0.3 * stripe)
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def rash(photo: Image.Image, random: Random) -> Image.Image:
    """Spread red, purple or brown marks over skin: the exanthems that a set of single lesions does not hold."""
    width, height = photo.size
    field = smooth(random, height, width, random.uniform(4, 45))
    if random.random() < 0.5:
        field = 0.5 * field + 0.5 * smooth(random, height, width, random.uniform(2, 10))
    cut, soft = random.uniform(0.45, 0.75), random.uniform(0.03, 0.3)
    amount = np.clip((field - cut) / soft, 0, 1)[..., None] * random.uniform(0.25, 0.9)
    tints = ((1.0, 0.62, 0.60), (0.85, 0.45, 0.45), (0.65, 0.40, 0.50), (0.70, 0.55, 0.45), (1.1, 1.1, 1.12))
    values = np.asarray(photo, dtype=np.float32)
    return Image.fromarray(
        np.clip(values * (1 + amount * (np.array(tints[random.integers(5)]) - 1)), 0, 255).astype(np.uint8)
    )


def skin_sheet(photo: Image.Image, random: Random, width: int, height: int) -> Image.Image:
    """A sheet of skin: the photograph mirrored side by side, calmed to its own tone where chance says so."""
    tile = photo.resize((int(random.integers(40, 200)),) * 2)
    skin = Image.new("RGB", (width, height))
    for i, x in enumerate(range(0, width, tile.width)):
        for j, y in enumerate(range(0, height, tile.height)):
            part = ImageOps.mirror(tile) if i % 2 else tile
            skin.paste(ImageOps.flip(part) if j % 2 else part, (x, y))
    calm = np.array(photo.resize((8, 8)), dtype=np.float32).reshape(-1, 3)
    tone = Image.new("RGB", skin.size, tuple(int(v) for v in np.median(calm, axis=0)))
    skin = blend(tone, skin, smooth(random, height, width, random.uniform(2, 6)) * random.uniform(0.2, 1.4))
    return rash(skin, random) if random.random() < 0.6 else skin


def body(photo: Image.Image, random: Random) -> Image.Image:
    """Limbs or a trunk before a backdrop: skin with the light falling off at its edges, perhaps some clothing."""
    width, height = int(random.integers(130, 300)), int(random.integers(130, 300))
    picture = backdrop(random, (width, height))
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    down, across = down / height * 2 - 1, across / width * 2 - 1
    angle = random.uniform(0, math.pi)
    limbs = int(random.integers(1, 4))
    skin = skin_sheet(photo, random, width, height)
    for _ in range(limbs):
        turned = angle + random.normal(0, 0.15)
        along, over = (
            across * math.cos(turned) + down * math.sin(turned),
            -across * math.sin(turned) + down * math.cos(turned),
        )
        bend = (
            random.uniform(0.25, 1.3)
            / limbs**0.7
            * (1 + 0.35 * np.sin(along * random.uniform(1, 3) + random.uniform(0, 6)))
        )
        inside = 1 - abs(over + random.uniform(-0.7, 0.7) * (limbs > 1) + random.uniform(-0.3, 0.3)) / bend
        if random.random() < 0.4:
            inside = np.minimum(inside, 1 - (along / random.uniform(0.7, 1.3)) ** 2)
        light = np.clip(0.5 + 1.0 * np.clip(inside, 0, 0.5) + 0.3 * random.normal() * along, 0.15, 1.25)[..., None]
        shaded = Image.fromarray(np.clip(np.asarray(skin) * light, 0, 255).astype(np.uint8))
        picture = blend(shaded, picture, np.clip(inside * 14, 0, 1))
    if random.random() < 0.35:  # underwear, sheets, sleeves, hair
        level, side = random.uniform(0.2, 0.7), random.normal(0, 0.5)
        cloth = backdrop(random, (width, height))
        picture = blend(cloth, picture, np.clip((down * math.cos(side) + across * math.sin(side) - level) * 20, 0, 1))
    return picture


def gather(make: Callable[[], Image.Image], random: Random) -> Image.Image:
    """Some figures are two or four photographs printed as one, with a gutter between them."""
    if random.random() > 0.08:
        return make()
    columns, rows = (2, 1) if random.random() < 0.6 else (2, 2) if random.random() < 0.6 else (1, 2)
    side = int(random.integers(90, 180))
    tall = int(side * random.uniform(0.7, 1.4))
    gutter = int(random.integers(0, 7))
    sheet = Image.new(
        "RGB",
        (columns * (side + gutter) - gutter, rows * (tall + gutter) - gutter),
        "white" if random.random() < 0.85 else "black",
    )
    for index in range(columns * rows):
        sheet.paste(
            make().resize((side, tall)), (index % columns * (side + gutter), index // columns * (tall + gutter))
        )
    return sheet


def marked(picture: Image.Image, random: Random) -> Image.Image:
    """A publisher's arrow or letter: it belongs to another check and says nothing about the modality."""
    if random.random() > 0.06:
        return picture
    pen = ImageDraw.Draw(picture := picture.copy())
    colour = ((255, 255, 255), (0, 0, 0), (230, 30, 30), (255, 230, 40), (40, 90, 230))[random.integers(5)]
    for _ in range(int(random.integers(1, 4))):
        x, y = random.uniform(0, picture.width), random.uniform(0, picture.height)
        length, angle = random.uniform(8, 35), random.uniform(0, 6.28)
        tip = (x + length * math.cos(angle), y + length * math.sin(angle))
        pen.line((x, y, *tip), fill=colour, width=int(random.integers(1, 4)))
        pen.ellipse((tip[0] - 3, tip[1] - 3, tip[0] + 3, tip[1] + 3), fill=colour)
    return picture


def clinical(photo: Image.Image, random: Random) -> Image.Image:
    draw = random.random()
    if draw < 0.42:
        photo = body(photo, random)
    elif draw < 0.52:
        photo = rash(photo, random)
    elif draw < 0.62:
        photo = skin_sheet(photo, random, int(random.integers(120, 260)), int(random.integers(120, 260)))
    if random.random() < 0.18:  # darker skin, as half of the world's books show it
        values = np.asarray(photo, dtype=np.float32) / 255
        photo = Image.fromarray((values ** random.uniform(1.2, 2.0) * np.array([235, 225, 220])).astype(np.uint8))
    if random.random() < 0.1:  # ink
        pen = ImageDraw.Draw(photo := photo.copy())
        x, y, r = (
            photo.width * random.uniform(0.3, 0.7),
            photo.height * random.uniform(0.3, 0.7),
            photo.width * random.uniform(0.1, 0.35),
        )
        pen.arc(
            (x - r, y - r, x + r, y + r),
            random.uniform(0, 180),
            random.uniform(200, 480),
            fill=(40, 40, int(random.integers(80, 160))),
            width=int(random.integers(2, 7)),
        )
    kind = random.random()
    if kind < 0.06:
        photo = photo.convert("L").convert("RGB")
    elif kind < 0.09:  # Wood's light
        light = np.asarray(photo.convert("L"), dtype=np.float32)[..., None] / 255
        photo = Image.fromarray(
            (
                np.clip(
                    light ** random.uniform(0.8, 1.6)
                    * np.array([random.uniform(40, 120), random.uniform(20, 110), 255]),
                    0,
                    255,
                )
            ).astype(np.uint8)
        )
    return camera(photo, random)


def dermoscopic(photo: Image.Image, random: Random) -> Image.Image:
    photo = camera(photo, random, 0.5)
    width, height = photo.size
    if random.random() < 0.25:  # the round field of a dermatoscope, on black or cut out on white
        down, across = np.mgrid[0:height, 0:width]
        radius = np.hypot(down - height * random.uniform(0.45, 0.55), across - width * random.uniform(0.45, 0.55))
        edge = random.uniform(0.42, 0.62) * (max if random.random() < 0.7 else min)(photo.size)
        colour = (255, 255, 255) if random.random() < 0.2 else (int(random.integers(0, 25)),) * 3
        photo = blend(
            photo, Image.new("RGB", photo.size, colour), ((edge - radius) / random.uniform(1, 10)).astype(np.float32)
        )
    if random.random() < 0.12:  # the scale on the glass
        pen, y = ImageDraw.Draw(photo), int(height * random.uniform(0.05, 0.95))
        for i, x in enumerate(range(0, width, int(random.integers(4, 14)))):
            pen.line((x, y, x, y - (9 if i % 5 == 0 else 5)), fill=(20, 20, 20))
    if random.random() < 0.08:
        pen = ImageDraw.Draw(photo)
        for _ in range(int(random.integers(1, 6))):  # bubbles in the fluid
            x, y, r = random.uniform(0, width), random.uniform(0, height), random.uniform(2, 12)
            pen.ellipse((x - r, y - r, x + r, y + r), outline=(235, 230, 230))
    return photo


# ---------------------------------------------------------------- pathology: stains and magnifications

STAINS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "he": ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11)),
    "he_red": ((0.58, 0.74, 0.34), (0.16, 0.92, 0.36)),
    "giemsa": ((0.83, 0.51, 0.21), (0.60, 0.75, 0.28)),
    "pas": ((0.70, 0.65, 0.28), (0.18, 0.91, 0.37)),
    "dab": ((0.72, 0.62, 0.31), (0.30, 0.57, 0.77)),
    "trichrome": ((0.80, 0.59, 0.10), (0.10, 0.87, 0.48)),
    "red_chromogen": ((0.72, 0.62, 0.31), (0.20, 0.80, 0.57)),
    "elastic": ((0.60, 0.58, 0.55), (0.12, 0.70, 0.70)),
    "congo": ((0.68, 0.66, 0.33), (0.08, 0.62, 0.78)),
    "alcian": ((0.87, 0.45, 0.20), (0.25, 0.90, 0.35)),
    "silver": ((0.52, 0.58, 0.63), (0.25, 0.50, 0.83)),
}
UNSTAIN = np.linalg.inv(np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.71, 0.42, 0.56]]))


def stains_of(photo: Image.Image) -> NDArray[np.float64]:
    density = -np.log10(np.maximum(np.asarray(photo, dtype=np.float64) / 255, 0.01))
    return np.clip(density @ UNSTAIN, 0, None)[..., :2]


def coloured(amounts: NDArray[np.float64], random: Random) -> Image.Image:
    names = list(STAINS)
    name = names[0] if random.random() < 0.45 else names[random.integers(1, len(names))]
    vectors = np.array(STAINS[name]) + random.normal(0, 0.035, (2, 3))
    gains = np.exp(random.normal(0, 0.35, 2))
    if name in ("dab", "red_chromogen"):  # the chromogen sits on some cells only
        where = smooth(random, amounts.shape[0], amounts.shape[1], 5) > random.uniform(0.3, 0.7)
        nuclei = np.clip(amounts[..., 0], 0, None)
        amounts = np.stack([nuclei * ~where * 0.7 + 0.05, nuclei * where * 1.6 + 0.04 * amounts[..., 1]], axis=2)
    light = 10 ** -((amounts * gains) @ np.clip(vectors, 0, None))
    paper = np.array([1, random.uniform(0.94, 1), random.uniform(0.92, 1)]) * random.uniform(0.88, 1)
    return Image.fromarray((np.clip(light * paper, 0, 1) * 255).astype(np.uint8))


def section(tiles: Image.Image, random: Random) -> NDArray[np.float64]:
    """A low-magnification section: a wavy dark epidermis over a pale dermis, white above."""
    width, height = int(random.integers(160, 320)), int(random.integers(140, 280))
    scale = random.uniform(0.25, 0.8)
    tile = stains_of(tiles.resize((max(24, int(tiles.width * scale)), max(24, int(tiles.height * scale)))))
    repeat = np.concatenate([tile, tile[:, ::-1]], axis=1)
    repeat = np.concatenate([repeat, repeat[::-1]], axis=0)
    field = np.tile(repeat, (height // repeat.shape[0] + 1, width // repeat.shape[1] + 1, 1))[:height, :width]
    line = smooth(random, 2, width, random.uniform(2, 5))[0] * random.uniform(10, 70) + random.uniform(
        -20, height * 0.45
    )
    rete = smooth(random, 2, width, random.uniform(5, 25))[0] * random.uniform(5, 40) + random.uniform(4, 20)
    rows = np.arange(height)[:, None]
    above, epidermis = rows < line[None], (rows >= line[None]) & (rows < (line + rete)[None])
    field = field * random.uniform(0.5, 1.1)
    infiltrate = smooth(random, height, width, random.uniform(4, 9)) > random.uniform(0.55, 0.9)
    field[..., 0] += np.where(infiltrate, random.uniform(0, 0.5) * random.random((height, width)), 0)
    field[epidermis] = np.stack(
        [0.35 + 0.3 * random.random(int(epidermis.sum())), np.full(int(epidermis.sum()), 0.3)], axis=1
    )
    torn = smooth(random, height, width, random.uniform(3, 12)) > random.uniform(0.65, 1.0)
    field[above | torn] = 0.01
    if random.random() < 0.35:  # a punch biopsy seen whole
        down, across = np.mgrid[0:height, 0:width]
        field[np.hypot((down / height - 0.5) * 2, (across / width - 0.5) * random.uniform(2, 5)) > 0.95] = 0.01
    turn = int(random.integers(0, 4)) if random.random() < 0.4 else 0
    return np.rot90(field, turn).copy()


def smear(random: Random) -> NDArray[np.float64]:
    """Cells, hyphae or spores on a pale ground."""
    height, width = int(random.integers(130, 240)), int(random.integers(130, 260))
    picture = Image.new("L", (width, height), 0)
    pen = ImageDraw.Draw(picture)
    for _ in range(int(random.integers(4, 90))):
        x, y, r = random.uniform(0, width), random.uniform(0, height), random.uniform(2, 11)
        pen.ellipse((x - r, y - r, x + r, y + r * random.uniform(0.6, 1.4)), fill=int(random.integers(60, 140)))
        pen.ellipse((x - r / 2, y - r / 2, x + r / 2, y + r / 2), fill=int(random.integers(150, 255)))
    for _ in range(int(random.integers(0, 6))):
        points = [(random.uniform(0, width), random.uniform(0, height)) for _ in range(3)]
        pen.line(points, fill=int(random.integers(80, 220)), width=int(random.integers(1, 5)))
    cells = np.asarray(picture.filter(ImageFilter.GaussianBlur(0.8)), dtype=np.float64) / 255
    return np.stack([cells * 0.9, 0.05 + 0.25 * smooth(random, height, width, 6) + 0.2 * cells], axis=2)


def fluorescent(amounts: NDArray[np.float64], random: Random) -> Image.Image:
    colours = ((40, 255, 60), (255, 50, 40), (60, 90, 255), (120, 255, 40), (240, 200, 60))
    first = np.clip(amounts[..., 0] * random.uniform(1.5, 4) - random.uniform(0.1, 0.4), 0, 1)[..., None]
    glow = first * np.array(colours[random.integers(5)])
    if random.random() < 0.3:
        glow = glow + np.clip(amounts[..., 1:] - 0.3, 0, 1) * np.array(colours[random.integers(5)])
    return Image.fromarray(np.clip(glow + random.uniform(0, 14), 0, 255).astype(np.uint8))


def pathology(photo: Image.Image, random: Random) -> Image.Image:
    if min(photo.size) > 300:
        photo = photo.resize((photo.width // 2, photo.height // 2)) if random.random() < 0.5 else photo
    share = random.uniform(0.35, 1.0)
    w, h = int(photo.width * share), int(photo.height * share)
    x, y = int(random.integers(0, photo.width - w + 1)), int(random.integers(0, photo.height - h + 1))
    photo = photo.crop((x, y, x + w, y + h))
    kind = random.random()
    if kind < 0.15:
        return camera(photo, random, 0.8)
    if kind < 0.50:
        picture = coloured(stains_of(photo), random)
    elif kind < 0.85:
        picture = coloured(section(photo, random), random)
    elif kind < 0.90:
        picture = coloured(smear(random), random)
    elif kind < 0.97:
        picture = fluorescent(section(photo, random) if random.random() < 0.5 else stains_of(photo), random)
    else:
        picture = coloured(stains_of(photo), random).convert("L").convert("RGB")
    return camera(picture, random, 0.8)


# ---------------------------------------------------------------- other: drawn


def canvas(random: Random, colour: Colour = (255, 255, 255)) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    width = int(random.integers(240, 720))
    picture = Image.new("RGB", (width, max(90, int(width * random.uniform(0.4, 1.2)))), colour)
    return picture, ImageDraw.Draw(picture)


def ink(random: Random) -> Colour:
    dark = random.random() < 0.4
    return tuple(int(v) for v in random.integers(0, 90 if dark else 256, 3)) if random.random() < 0.7 else (0, 0, 0)  # type: ignore[return-value]


def pale(random: Random) -> Colour:
    return tuple(int(v) for v in random.integers(200, 256, 3))  # type: ignore[return-value]


def text(
    pen: ImageDraw.ImageDraw,
    random: Random,
    x: float,
    y: float,
    words: int = 3,
    size: int = 12,
    fill: Colour = (0, 0, 0),
) -> None:
    pen.text(
        (x, y),
        " ".join(WORDS[i] for i in random.integers(0, len(WORDS), words)),
        fill=fill,
        font=ImageFont.load_default(size),
    )


def axes(picture: Image.Image, pen: ImageDraw.ImageDraw, random: Random) -> tuple[float, float, float, float]:
    w, h = picture.size
    box = (w * 0.12, h * 0.08, w * 0.95, h * 0.85)
    if random.random() < 0.5:
        for y in np.linspace(box[1], box[3], 6):
            pen.line((box[0], y, box[2], y), fill=(210, 210, 210))
    pen.line((box[0], box[1], box[0], box[3], box[2], box[3]), fill=(0, 0, 0), width=int(random.integers(1, 3)))
    for x in np.linspace(box[0], box[2], 7)[:-1]:
        text(pen, random, x, box[3] + 4, 1, 10)
    for y in np.linspace(box[1], box[3], 5):
        pen.text((box[0] - w * 0.1, y - 5), f"{int(random.integers(0, 500))}", fill=(0, 0, 0))
    return box


def chart(random: Random) -> Image.Image:
    picture, pen = canvas(random, pale(random) if random.random() < 0.2 else (255, 255, 255))
    x0, y0, x1, y1 = axes(picture, pen, random)
    kind, series = int(random.integers(0, 6)), int(random.integers(1, 7))
    for s in range(series):
        colour, n = ink(random), int(random.integers(4, 16))
        xs = np.linspace(x0, x1, n)
        ys = y1 - (y1 - y0) * np.clip(random.random() + np.cumsum(random.normal(0, 0.12, n)), 0.02, 0.98)
        if kind == 0:
            pen.line(list(zip(xs, ys, strict=True)), fill=colour, width=int(random.integers(1, 5)))
        elif kind == 1:
            wide = (x1 - x0) / n / (series + 1)
            for x, y in zip(xs[:-1], ys, strict=False):
                pen.rectangle((x + s * wide, y, x + (s + 1) * wide, y1), fill=colour)
        elif kind == 2:
            for _ in range(int(random.integers(10, 120))):
                x, y = random.uniform(x0, x1), random.uniform(y0, y1)
                pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour)
        elif kind == 3:  # survival steps
            fall = np.sort(ys)
            pen.line([p for i in range(n - 1) for p in ((xs[i], fall[i]), (xs[i + 1], fall[i]))], fill=colour, width=2)
        elif kind == 4:
            for x, y in zip(xs[1:-1], ys[1:-1], strict=True):
                r = (y1 - y0) * 0.1
                pen.line((x, y - 2 * r, x, y + 2 * r), fill=(0, 0, 0))
                pen.rectangle((x - 8, y - r, x + 8, y + r), fill=colour, outline=(0, 0, 0))
        else:
            pen.polygon([(x0, y1), *zip(xs, ys, strict=True), (x1, y1)], fill=colour)
        text(pen, random, x0 + 10 + s * 60, y1 + 18, 1, 10, colour)
    return picture


def pie(random: Random) -> Image.Image:
    picture, pen = canvas(random)
    r, start = min(picture.size) * 0.42, 0.0
    x, y = picture.width / 2, picture.height / 2
    for share in random.dirichlet(np.ones(int(random.integers(3, 8)))):
        pen.pieslice(
            (x - r, y - r, x + r, y + r), start, start + 360 * share, fill=ink(random), outline=(255, 255, 255)
        )
        start += 360 * share
    text(pen, random, 5, 5)
    return picture


def heatmap(random: Random) -> Image.Image:
    n, m = int(random.integers(4, 30)), int(random.integers(4, 30))
    values = random.random((n, m)) if random.random() < 0.5 else smooth(random, n, m, 4)
    a, b, c = (np.array(ink(random)) for _ in range(3))
    mixed = np.where(
        values[..., None] < 0.5, a + (b - a) * 2 * values[..., None], b + (c - b) * (2 * values[..., None] - 1)
    )
    picture = Image.fromarray(mixed.astype(np.uint8)).resize((m * 14, n * 14), Image.Resampling.NEAREST)
    return ImageOps.expand(picture, int(random.integers(0, 50)), (255, 255, 255))


def flow(random: Random) -> Image.Image:
    picture, pen = canvas(random)
    fill, last = pale(random) if random.random() < 0.6 else ink(random), None
    rows, columns = int(random.integers(2, 6)), int(random.integers(1, 4))
    for j in range(rows):
        for i in range(columns):
            if random.random() < 0.15:
                continue
            w, h = picture.width / columns, picture.height / rows
            box = (i * w + w * 0.1, j * h + h * 0.15, i * w + w * 0.9, j * h + h * 0.75)
            if last:
                pen.line((*last, (box[0] + box[2]) / 2, box[1]), fill=(60, 60, 60), width=2)
            pen.rounded_rectangle(box, 8 if random.random() < 0.7 else 0, fill=fill, outline=(60, 60, 60))
            light = sum(fill) < 300
            for k in range(int(random.integers(1, 4))):
                text(pen, random, box[0] + 4, box[1] + 4 + 13 * k, 2, 11, (255, 255, 255) if light else (0, 0, 0))
            last = ((box[0] + box[2]) / 2, box[3])
    return picture


def ecg(random: Random) -> Image.Image:
    grid = [(245, 160, 160), (250, 190, 170), (230, 150, 130), (170, 200, 170), (200, 200, 200)][random.integers(5)]
    picture, pen = canvas(random, (255, 240, 236) if random.random() < 0.6 else (255, 255, 255))
    step = int(random.integers(4, 9))
    for axis, far in ((0, picture.width), (1, picture.height)):
        for i, at in enumerate(range(0, far, step)):
            line = (at, 0, at, picture.height) if axis == 0 else (0, at, picture.width, at)
            pen.line(line, fill=grid, width=2 if i % 5 == 0 else 1)
    leads = int(random.integers(1, 6))
    for lead in range(leads):
        x = np.arange(0, picture.width, 2.0)
        beat = (x % random.uniform(40, 90)) / 60
        wave = (
            1.0 * np.exp(-((beat - 0.5) ** 2) / 0.0008)
            - 0.3 * np.exp(-((beat - 0.58) ** 2) / 0.001)
            + 0.22 * np.exp(-((beat - 0.85) ** 2) / 0.006)
        )
        y = picture.height * ((lead + 0.6) / leads) - wave * random.uniform(-0.6, 1) * picture.height / leads
        pen.line(list(zip(x, y, strict=True)), fill=(20, 20, 30), width=int(random.integers(1, 3)))
    text(pen, random, 5, 4, 4, 10)
    if random.random() < 0.4:  # photographed paper
        shade = 0.65 + 0.4 * smooth(random, picture.height, picture.width, 2)[..., None]
        tint = np.array([1, 0.95, 0.88]) if random.random() < 0.5 else np.ones(3)
        picture = Image.fromarray(np.clip(np.asarray(picture) * shade * tint, 0, 255).astype(np.uint8))
    return picture


def slice_scan(random: Random) -> Image.Image:
    """MRI or CT: nested grey ovals with speckle on black, one or several."""
    columns, rows = int(random.integers(1, 5)), int(random.integers(1, 3))
    side = int(random.integers(90, 240))
    sheet = np.zeros((rows * side, columns * side), dtype=np.float32)
    for i in range(rows * columns):
        picture = Image.new("L", (side, side), int(random.integers(0, 25)))
        pen = ImageDraw.Draw(picture)
        for depth in range(int(random.integers(4, 22))):
            cx, cy = (side / 2 + random.normal(0, side * 0.14 * (depth > 0)) for _ in range(2))
            rx, ry = (
                side * (random.uniform(0.3, 0.48) if depth == 0 else random.uniform(0.02, 0.25)) for _ in range(2)
            )
            pen.ellipse(
                (cx - rx, cy - ry, cx + rx, cy + ry),
                fill=int(random.integers(20, 230)),
                outline=int(random.integers(60, 255)),
            )
        soft = np.asarray(picture.filter(ImageFilter.GaussianBlur(random.uniform(0.7, 4))), dtype=np.float32)
        soft = soft * (0.75 + 0.5 * smooth(random, side, side, random.uniform(4, 30))) + random.normal(
            0, random.uniform(2, 12), soft.shape
        )
        y, x = divmod(i, columns)
        sheet[y * side : (y + 1) * side, x * side : (x + 1) * side] = soft
    return Image.fromarray(np.clip(sheet, 0, 255).astype(np.uint8)).convert("RGB")


def radiograph(random: Random) -> Image.Image:
    height, width = int(random.integers(160, 320)), int(random.integers(140, 320))
    glow = smooth(random, height, width, 3) * 150 + 30 * smooth(random, height, width, 40)
    picture = Image.fromarray(glow.astype(np.uint8))
    pen = ImageDraw.Draw(bones := Image.new("L", picture.size, 0))
    for _ in range(int(random.integers(3, 16))):
        x, y, a = random.uniform(0, width), random.uniform(0, height), random.uniform(0, 6.28)
        length = random.uniform(40, 200)
        pen.line(
            (x, y, x + length * math.cos(a), y + length * math.sin(a)),
            fill=int(random.integers(50, 140)),
            width=int(random.integers(5, 26)),
        )
    both = np.asarray(picture, dtype=np.float32) + np.asarray(
        bones.filter(ImageFilter.GaussianBlur(3)), dtype=np.float32
    )
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    fall = np.clip(random.uniform(1.0, 1.8) - np.hypot(down, across * random.uniform(0.7, 1.5)), 0, 1)
    return Image.fromarray(np.clip(both * fall + random.normal(0, 4, both.shape), 0, 255).astype(np.uint8)).convert(
        "RGB"
    )


def ultrasound(random: Random) -> Image.Image:
    width, height = int(random.integers(200, 400)), int(random.integers(180, 360))
    speckle = (
        smooth(random, height, width, 90) * smooth(random, height, width, 6) * 330 * smooth(random, height, width, 25)
    )
    picture = Image.fromarray(np.clip(speckle, 0, 255).astype(np.uint8)).convert("RGB")
    if random.random() < 0.6:
        pen = ImageDraw.Draw(mask := Image.new("L", picture.size, 0))
        pen.pieslice((width * -0.2, height * -0.9, width * 1.2, height * 0.97), 90 - 40, 90 + 40, fill=255)
        picture = Image.composite(picture, Image.new("RGB", picture.size), mask)
    pen = ImageDraw.Draw(picture)
    if random.random() < 0.3:
        for colour in ((220, 40, 20), (30, 60, 230)):
            x, y, r = width * random.uniform(0.3, 0.7), height * random.uniform(0.3, 0.7), random.uniform(8, 30)
            pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    text(pen, random, 6, 6, 3, 10, (230, 230, 230))
    return picture


def table(random: Random) -> Image.Image:
    picture, pen = canvas(random)
    rows, columns = int(random.integers(4, 14)), int(random.integers(2, 7))
    head, stripe = ink(random), pale(random) if random.random() < 0.5 else (255, 255, 255)
    for j in range(rows):
        y = picture.height * j / rows
        pen.rectangle(
            (0, y, picture.width, y + picture.height / rows),
            fill=head if j == 0 and sum(head) < 500 else stripe if j % 2 else (255, 255, 255),
        )
        pen.line((0, y, picture.width, y), fill=(120, 120, 120))
        for i in range(columns):
            text(
                pen,
                random,
                picture.width * i / columns + 3,
                y + 3,
                int(random.integers(1, 3)),
                11,
                (255, 255, 255) if j == 0 and sum(head) < 500 else (0, 0, 0),
            )
    return picture


def prose(random: Random) -> Image.Image:
    picture, pen = canvas(random, pale(random) if random.random() < 0.3 else (255, 255, 255))
    size = int(random.integers(9, 40))
    for y in range(4, picture.height, int(size * random.uniform(1.2, 1.8))):
        text(pen, random, 6, y, int(picture.width / size / 3) + 1, size, (20, 20, 20))
    return picture


def logo(random: Random) -> Image.Image:
    back = ink(random) if random.random() < 0.4 else (255, 255, 255)
    picture, pen = canvas(random, back)
    w, h = picture.size
    for _ in range(int(random.integers(1, 6))):
        x, y, r = random.uniform(0, w), random.uniform(0, h), random.uniform(0.1, 0.5) * min(w, h)
        shape = int(random.integers(0, 4))
        if shape == 0:
            pen.ellipse((x - r, y - r, x + r, y + r), fill=ink(random))
        elif shape == 1:
            pen.rectangle((x - r, y - r, x + r, y + r), fill=ink(random))
        elif shape == 2:
            pen.polygon([(random.uniform(0, w), random.uniform(0, h)) for _ in range(3)], fill=ink(random))
        else:
            pen.arc((x - r, y - r, x + r, y + r), 0, random.uniform(180, 360), fill=ink(random), width=int(r / 3) + 1)
    text(pen, random, w * 0.1, h * 0.4, 2, int(random.integers(16, 60)), ink(random))
    return picture


def gradient(random: Random) -> Image.Image:
    """Fills, shadows and page ornaments."""
    picture, _ = canvas(random)
    a, b = np.array(ink(random)), np.array(pale(random) if random.random() < 0.6 else ink(random))
    ramp = np.linspace(0, 1, picture.height)[:, None, None] * np.ones((1, picture.width, 1))
    return Image.fromarray((a + (b - a) * (ramp if random.random() < 0.7 else 0 * ramp)).astype(np.uint8))


def code(random: Random) -> Image.Image:
    n = int(random.integers(21, 45))
    bits = (random.random((n, n)) < 0.5).astype(np.uint8) * 255
    if random.random() < 0.4:
        bits[:] = bits[:1]
    picture = Image.fromarray(bits).resize((n * 8, n * 8), Image.Resampling.NEAREST)
    return ImageOps.expand(picture.convert("RGB"), 16, (255, 255, 255))


def line_art(random: Random) -> Image.Image:
    picture, pen = canvas(random, (255, 255, 255) if random.random() < 0.8 else pale(random))
    w, h = picture.size
    for _ in range(int(random.integers(5, 60))):
        x, y, angle = random.uniform(0, w), random.uniform(0, h), random.uniform(0, 6)
        points = []
        for _ in range(int(random.integers(4, 30))):
            angle += random.normal(0, 0.5)
            x, y = x + 9 * math.cos(angle), y + 9 * math.sin(angle)
            points.append((x, y))
        pen.line(points, fill=(0, 0, 0) if random.random() < 0.8 else ink(random), width=int(random.integers(1, 4)))
    for _ in range(int(random.integers(0, 6))):
        text(pen, random, random.uniform(0, w), random.uniform(0, h), 2)
    return picture


def skin_diagram(random: Random) -> Image.Image:
    """Layers of skin or anatomy, in flat or softly shaded flesh colours: the drawn thing nearest to a photograph."""
    picture, pen = canvas(random)
    w, h = picture.size
    flesh: list[Colour] = [
        (250, 214, 190),
        (240, 180, 150),
        (225, 140, 120),
        (255, 230, 160),
        (200, 90, 80),
        (245, 200, 205),
        (210, 160, 130),
    ]
    top = h * random.uniform(0.0, 0.3)
    for _ in range(int(random.integers(2, 6))):
        wave = top + smooth(random, 2, w, random.uniform(2, 20))[0] * random.uniform(2, 30)
        pen.polygon(
            [(0, h), *zip(range(w), wave, strict=True), (w, h)],
            fill=flesh[random.integers(len(flesh))],
            outline=(90, 50, 40) if random.random() < 0.5 else None,
        )
        top += h * random.uniform(0.1, 0.3)
    for _ in range(int(random.integers(0, 25))):
        x, y, r = random.uniform(0, w), random.uniform(0, h), random.uniform(3, 25)
        pen.ellipse(
            (x - r, y - r, x + r, y + r),
            fill=(ink(random), flesh[random.integers(len(flesh))])[int(random.integers(2))],
            outline=(60, 40, 40),
        )
    for _ in range(int(random.integers(0, 7))):
        x, y = random.uniform(0, w * 0.8), random.uniform(0, h)
        pen.line((x, y, x + random.uniform(-80, 80), y + random.uniform(-60, 60)), fill=(0, 0, 0))
        text(pen, random, x, y, 1)
    if random.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(random.uniform(0.5, 3)))
    return picture


def screen(random: Random) -> Image.Image:
    picture, pen = canvas(random, pale(random))
    w, h = picture.size
    pen.rectangle((0, 0, w, h * 0.1), fill=ink(random))
    pen.rectangle((0, h * 0.1, w * 0.2, h), fill=pale(random))
    for _ in range(int(random.integers(4, 20))):
        x, y = random.uniform(0, w), random.uniform(0, h)
        pen.rounded_rectangle(
            (x, y, x + random.uniform(20, 150), y + random.uniform(8, 50)),
            4,
            fill=pale(random) if random.random() < 0.7 else ink(random),
        )
        text(pen, random, x, y, 2, 10)
    return picture


def world_map(random: Random) -> Image.Image:
    picture, _ = canvas(random)
    w, h = picture.size
    land = smooth(random, h, w, 5) + 0.3 * smooth(random, h, w, 20)
    colours = np.array([pale(random), ink(random), ink(random), pale(random)])
    return Image.fromarray(colours[np.digitize(land, (0.6, 0.75, 0.85))].astype(np.uint8))


def gel(random: Random) -> Image.Image:
    picture, pen = canvas(random, (int(random.integers(150, 230)),) * 3)
    for i in range(lanes := int(random.integers(4, 12))):
        for _ in range(int(random.integers(1, 6))):
            x, y = picture.width * (i + 0.2) / lanes, random.uniform(0, picture.height)
            pen.rectangle(
                (x, y, x + picture.width * 0.6 / lanes, y + random.uniform(3, 12)),
                fill=(int(random.integers(0, 110)),) * 3,
            )
    return picture.filter(ImageFilter.GaussianBlur(2))


def rainbow_scan(random: Random) -> Image.Image:
    """Thermography, Doppler, PET: a rainbow palette over smooth values."""
    height, width = int(random.integers(120, 260)), int(random.integers(120, 300))
    v = smooth(random, height, width, random.uniform(2, 8))[..., None] * 4
    rgb = np.clip(1.5 - abs(v - np.array([3, 2, 1])), 0, 1)
    return Image.fromarray((rgb * 255).astype(np.uint8))


def tools(random: Random) -> Image.Image:
    """Instruments, bottles and tubes: smooth highlights on a drape or a table."""
    picture = backdrop(random, (int(random.integers(160, 320)), int(random.integers(140, 300))))
    for _ in range(int(random.integers(1, 6))):
        w, h = int(random.integers(10, 60)), int(random.integers(60, 220))
        ramp = np.sin(np.linspace(0, math.pi, w))[None, :, None] ** 0.6 * np.ones((h, 1, 1))
        metal = np.array([200, 205, 215]) if random.random() < 0.6 else np.array(ink(random))
        part = Image.fromarray(np.clip(ramp * metal + 25, 0, 255).astype(np.uint8)).rotate(
            a := random.uniform(-60, 60), expand=True
        )
        mask = Image.new("L", (w, h), 255).rotate(a, expand=True)
        picture.paste(
            part, (int(random.integers(-20, picture.width)), int(random.integers(-40, picture.height // 2))), mask
        )
    return picture


DRAWINGS: tuple[Callable[[Random], Image.Image], ...] = (
    chart, chart, chart, pie, heatmap, flow, flow, ecg, ecg, slice_scan, slice_scan, slice_scan, radiograph, radiograph,
    ultrasound, ultrasound, table, prose, logo, logo, gradient, code, line_art, line_art, skin_diagram, skin_diagram,
    skin_diagram, screen, world_map, gel, rainbow_scan, tools,
)  # fmt: skip


def other(photos: list[Image.Image], inset: list[Image.Image], random: Random) -> Image.Image:
    if random.random() < 0.1:
        return camera(photos[random.integers(len(photos))], random, 0.35)
    picture = DRAWINGS[random.integers(len(DRAWINGS))](random)
    if random.random() < 0.07 and inset:  # covers and graphical abstracts carry a small photograph
        photo = inset[random.integers(len(inset))].resize((picture.width // 4, picture.height // 4))
        picture.paste(
            photo, (int(random.integers(0, picture.width * 3 // 4)), int(random.integers(0, picture.height * 3 // 4)))
        )
    if random.random() < 0.5:
        picture = picture.filter(ImageFilter.GaussianBlur(random.uniform(0.2, 1.0)))
    if random.random() < 0.35:
        return camera(picture, random, 0.75)
    if random.random() < 0.1:
        return picture.convert("L").convert("RGB")
    return picture


# ---------------------------------------------------------------- the training set

POOL: dict[str, list[Image.Image]] = {}


def pictures(folders: list[str]) -> list[Image.Image]:
    paths = sorted(
        p for folder in folders for p in Path(folder).rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png")
    )
    if not paths:
        raise SystemExit(f"no jpg or png below {', '.join(folders)}")
    loaded = []
    for path in paths:
        picture = Image.open(path).convert("RGB")
        picture.thumbnail((512, 512))
        loaded.append(picture)
    return loaded


def sample_photos() -> list[Image.Image]:
    """The pictures inside scikit-image and scikit-learn that show neither skin nor stained tissue."""
    import skimage
    from sklearn.datasets import load_sample_images

    names = (
        "brick.png",
        "camera.png",
        "cell.png",
        "chelsea.png",
        "coffee.png",
        "coins.png",
        "color.png",
        "grass.png",
        "gravel.png",
        "hubble_deep_field.jpg",
        "logo.png",
        "moon.png",
        "motorcycle_left.png",
        "page.png",
        "phantom.png",
        "retina.jpg",
        "rocket.jpg",
        "text.png",
        "microaneurysms.png",
    )
    paths = [Path(skimage.__file__).parent / "data" / name for name in names]
    photos = [Image.open(path).convert("RGB") for path in paths if path.exists()]
    return photos + [Image.fromarray(array) for array in load_sample_images().images]


def sample(job: tuple[int, int]) -> tuple[int, int, list[float]]:
    """One training row: class, source group, features. The seed is the row's own number."""
    label, number = job
    random = np.random.default_rng((20260, label, number))
    name = LABELS[label]
    if name == "other":
        group, picture = -1 - number, other(POOL["other"], POOL["clinical"] + POOL["pathology"], random)
    else:
        group = number % len(POOL[name])
        make = {"clinical": clinical, "dermoscopic": dermoscopic, "pathology": pathology}[name]
        picture = marked(gather(lambda: make(POOL[name][group], random), random), random)
    return label, group, [float(v) for v in features(np.asarray(picture.convert("RGB")))]


def network(seed: int) -> Any:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # Forty passes are the plan, not a failure to converge: more of them learn the augmentation by heart.
    warnings.filterwarnings("ignore", message="Stochastic Optimizer: Maximum iterations")
    return make_pipeline(
        StandardScaler(), MLPClassifier((40,), alpha=0.2, max_iter=40, batch_size=128, random_state=seed)
    )


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def calibration_error(probabilities: NDArray[np.float64], truth: NDArray[np.intp], bins: int = 15) -> float:
    """Expected calibration error (Guo et al. 2017), equal-width bins of the greatest probability."""
    best, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    place = np.minimum((best * bins).astype(np.intp), bins - 1)
    return float(
        sum(
            abs(best[place == b].mean() - right[place == b].mean()) * (place == b).mean()
            for b in range(bins)
            if (place == b).any()
        )
    )


def cross_validate(rows: NDArray[np.float64], truth: NDArray[np.intp], groups: NDArray[np.intp]) -> dict[str, Any]:
    from scipy.optimize import minimize_scalar
    from sklearn.model_selection import StratifiedGroupKFold

    held = np.zeros((len(rows), len(LABELS)))
    for train, test in StratifiedGroupKFold(5, shuffle=True, random_state=0).split(rows, truth, groups):
        held[test] = np.log(network(0).fit(rows[train], truth[train]).predict_proba(rows[test]) + 1e-12)
    pick = np.arange(len(truth))
    fitted = minimize_scalar(
        lambda t: -np.log(softmax(held / t)[pick, truth] + 1e-12).mean(), bounds=(0.5, 5), method="bounded"
    )
    calm = softmax(held / fitted.x)
    confusion = np.zeros((len(LABELS), len(LABELS)), dtype=int)
    np.add.at(confusion, (truth, calm.argmax(axis=1)), 1)
    return {
        "temperature": round(float(fitted.x), 4),
        "accuracy": round(float((calm.argmax(axis=1) == truth).mean()), 4),
        "ece_before": round(calibration_error(softmax(held), truth), 4),
        "ece": round(calibration_error(calm, truth), 4),
        "confusion": confusion.tolist(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in LABELS[:3]:
        parser.add_argument(f"--{name}", nargs="+", required=True, help="folders of pictures")
    parser.add_argument("--rows", type=int, default=2400, help="training pictures a class")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--write", help="where the weights go; only the figures are printed without it")
    parser.add_argument("--cache", help="an .npz that keeps the features between runs")
    options = parser.parse_args()
    for name in LABELS[:3]:
        POOL[name] = pictures(getattr(options, name))
    POOL["other"] = sample_photos()
    if options.cache and Path(options.cache).exists():
        stored = np.load(options.cache)
        truth, groups, rows = stored["truth"], stored["groups"], stored["rows"]
    else:
        jobs = [(label, number) for label in range(len(LABELS)) for number in range(options.rows)]
        with multiprocessing.get_context("fork").Pool(options.workers) as pool:
            made = pool.map(sample, jobs, chunksize=32)
        truth, rows = np.array([m[0] for m in made]), np.array([m[2] for m in made])
        groups = np.array([m[0] * 1_000_000 + abs(m[1]) for m in made])
        if options.cache:
            np.savez(options.cache, truth=truth, groups=groups, rows=rows)
    report = cross_validate(rows, truth, groups)
    print(json.dumps(report, indent=1))
    if options.write:
        scaler, layers = network(0).fit(rows, truth).steps
        write(Path(options.write), scaler[1], layers[1], report)


def write(path: Path, scaler: Any, layers: Any, report: dict[str, Any]) -> None:
    def short(array: Any) -> Any:
        return [short(a) for a in array] if getattr(array, "ndim", 0) > 1 else [float(f"{v:.5g}") for v in array]

    weights = {
        "version": FEATURE_VERSION, "labels": list(LABELS), "features": list(feature_names()),
        "mean": short(scaler.mean_), "scale": short(scaler.scale_),
        "hidden": short(layers.coefs_[0]), "hidden_bias": short(layers.intercepts_[0]),
        "out": short(layers.coefs_[1]), "out_bias": short(layers.intercepts_[1]),
        "temperature": report["temperature"], "held_out": report,
    }  # fmt: skip
    path.write_text("{\n" + ",\n".join(f" {json.dumps(k)}: {json.dumps(v)}" for k, v in weights.items()) + "\n}\n")
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
