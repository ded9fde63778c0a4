"""The contact sheet: every pair once, lowest scores first, harmless whatever a caption holds, the same each time."""

from __future__ import annotations

import base64
import hashlib
import io
import random
import re
import tracemalloc
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmskin_hub.hub.contact_sheet import REJECTS_SHOWN, thumbnail, write_contact_sheet

BUILD = {
    "dataset": "mm_skin",
    "version": "1.0.0",
    "inputs": [{"name": "Atlas & Text.pdf", "sha256": "ab" * 32, "pages": 9}],
    "counts": {"published": 3, "rejects": {"annotated": 1, "no_caption": 4}},
}
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>{{ 7*7 }}</textarea>&lt;'


def picture(width: int = 400, height: int = 300, seed: int = 0, form: str = "JPEG") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (height // 10, width // 10, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).resize((width, height)).save(out, form)
    return out.getvalue()


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"ab-p{number:04d}-f1", "image": {"bytes": picture(seed=number), "path": "a.jpg"},
        "caption": f"Plaque {number}", "raw_caption": f"Fig. {number}\nPlaque", "figure_label": f"Fig. {number}",
        "panel": "", "modality": "clinical", "modality_score": 0.9, "pair_score": 0.5, "age_years": None, "sex": None,
        "book": "ab" * 32, "page": number, "split": "train", **changes,
    }  # fmt: skip


class Page(HTMLParser):
    """The elements of a page, with their attributes, and the text of each card."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cards: list[str] = []
        self.inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside.append(tag)
        if tag == "li":
            self.cards.append("")

    def handle_endtag(self, tag: str) -> None:
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "li" in self.inside:
            self.cards[-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def sheet(tmp_path: Path, rows: list[dict[str, Any]], rejects: Any = (), build: dict[str, Any] = BUILD) -> str:
    path = tmp_path / "contact_sheet.html"
    assert write_contact_sheet(path, iter(rows), build, rejects) == len(rows)
    return path.read_text(encoding="utf-8")


def test_every_pair_is_shown_once_lowest_scores_first(tmp_path: Path) -> None:
    scores = [0.9, 0.1, 0.5]
    page = Page(sheet(tmp_path, [row(n, pair_score=score) for n, score in enumerate(scores)]))
    assert [float(str(card["data-pair"])) for card in page.all("li")] == sorted(scores)
    assert ["Plaque 1" in page.cards[0], "Plaque 2" in page.cards[1], "Plaque 0" in page.cards[2]] == [True] * 3
    assert all("Atlas & Text.pdf" in card for card in page.cards)
    images = page.all("img")
    assert len(images) == 3
    for image in images:
        assert image["alt"] and image["loading"] == "lazy"
        data = base64.b64decode(str(image["src"]).removeprefix("data:image/jpeg;base64,"))
        with Image.open(io.BytesIO(data)) as small:
            assert small.format == "JPEG" and small.size == (240, 180)


def test_a_hostile_caption_adds_no_element_and_no_attribute(tmp_path: Path) -> None:
    calm = Page(sheet(tmp_path, [row(1)], [reject("quiet")]))
    text = sheet(
        tmp_path,
        [row(1, caption=HOSTILE, raw_caption=HOSTILE, figure_label=HOSTILE, id=HOSTILE, split=HOSTILE, book=HOSTILE)],
        [reject(HOSTILE)],
    )
    page = Page(text)
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in calm.tags]
    assert [sorted(attributes) for _, attributes in page.tags] == [sorted(attributes) for _, attributes in calm.tags]
    assert HOSTILE in page.cards[0]


def reject(text: str) -> dict[str, Any]:
    words = dict.fromkeys(("book", "book_name", "detail", "caption"), text)
    return {"reason": "annotated", "page": 1, "score": 0.4, **words}


def test_the_policy_allows_the_pages_own_script_and_style_alone(tmp_path: Path) -> None:
    text = sheet(tmp_path, [row(1)])
    policy = next(str(tag["content"]) for tag in Page(text).all("meta") if "http-equiv" in tag)
    assert "default-src 'none'" in policy and "unsafe" not in policy
    for tag in ("script", "style"):
        bodies = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert len(bodies) == 1
        digest = base64.b64encode(hashlib.sha256(bodies[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_the_page_asks_for_nothing_outside_itself(tmp_path: Path) -> None:
    page = Page(sheet(tmp_path, [row(1)]))
    for _, attributes in page.tags:
        for name in ("src", "href", "srcset", "action"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#"))
    assert not page.all("link") and not page.all("iframe")


def test_order_and_threads_leave_no_trace(tmp_path: Path) -> None:
    rows = [row(n, pair_score=(n * 7 % 5) / 10) for n in range(20)]
    first = sheet(tmp_path, rows)
    shuffled = random.Random(3).sample(rows, len(rows))
    assert sheet(tmp_path, shuffled) == first == sheet(tmp_path, rows)


@pytest.mark.parametrize("data", [b"", b"no picture", picture()[:200]])
def test_a_picture_that_cannot_be_decoded_keeps_its_card(tmp_path: Path, data: bytes) -> None:
    page = Page(sheet(tmp_path, [row(1, image=data), row(2)]))
    assert len(page.cards) == 2
    assert len(page.all("img")) == 1


def test_rejects_are_counted_and_listed_up_to_a_limit(tmp_path: Path) -> None:
    text = sheet(tmp_path, [row(1)], (reject(f"detail {n}") for n in range(REJECTS_SHOWN + 5)))
    assert text.count("<td>annotated</td>") == REJECTS_SHOWN
    assert f"<td>detail {REJECTS_SHOWN - 1}</td>" in text and f"<td>detail {REJECTS_SHOWN}</td>" not in text
    counts = re.findall(r'<th scope="row">(\w+)</th><td class="number" data-value="\d+">(\d+)</td>', text)
    assert counts == [("no_caption", "4"), ("annotated", "1")]


def test_facts_that_are_unknown_stay_absent(tmp_path: Path) -> None:
    page = Page(sheet(tmp_path, [row(1)], build={}))
    assert "rejects" not in {attributes.get("id") for _, attributes in page.tags}
    assert "abababababab" in page.cards[0]


@pytest.mark.parametrize(("form", "size"), [("PNG", (50, 20)), ("JPEG", (3000, 2000)), ("PNG", (20, 3000))])
def test_thumbnails_fit_and_are_never_enlarged(form: str, size: tuple[int, int]) -> None:
    made = thumbnail(picture(*size, form=form), 240)
    assert made is not None
    data, width, height = made
    with Image.open(io.BytesIO(data)) as small:
        assert small.size == (width, height)
    assert max(width, height) == min(240, max(size))
    scale = max(size) / max(width, height)
    assert abs(size[0] / scale - width) < 1.5 and abs(size[1] / scale - height) < 1.5


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    data = picture(80, 60)

    def rows(count: int) -> Iterator[dict[str, Any]]:
        for number in range(count):
            yield row(number, image=data, caption="Plaque " * 600)

    peaks = []
    for count in (100, 400):
        tracemalloc.start()
        write_contact_sheet(tmp_path / "sheet.html", rows(count), BUILD)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # The page is a megabyte and a half longer.
    assert peaks[1] - peaks[0] < 500_000
    assert (tmp_path / "sheet.html").stat().st_size > 2_000_000
