"""OCR engines: choice, exact remedies, what is read and how recognised text is mended."""

from __future__ import annotations

import logging
import socket
from importlib import util
from pathlib import Path

import numpy as np
import pymupdf
import pytest

from mmskin_hub.errors import MissingExtra, MmskinError
from mmskin_hub.pdf import ocr


def line_of(text: str, size: float = 9, dpi: int = 170) -> np.ndarray:
    """One line of print as an RGB crop."""
    with pymupdf.open() as book:
        page = book.new_page(width=440, height=size * 1.7)
        page.insert_text((3, size * 1.2), text, fontsize=size, fontname="tiro")
        pixels = page.get_pixmap(dpi=dpi)
        return np.frombuffer(pixels.samples, np.uint8).reshape(pixels.h, pixels.w, 3).copy()


@pytest.fixture(scope="module")
def engine() -> ocr.OcrEngine:
    made = ocr.make_engine("rapidocr")
    assert made is not None
    return made


def test_none_is_no_engine() -> None:
    assert ocr.make_engine("none") is None


def test_unknown_engine_lists_the_choices() -> None:
    with pytest.raises(MmskinError, match="tesseract") as caught:
        ocr.make_engine("tesseract")
    assert "auto, rapidocr, doctr, none" in caught.value.remedy


def test_auto_is_rapidocr_without_doctr_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTR_CACHE_DIR", str(tmp_path))
    made = ocr.make_engine("auto")
    assert made is not None
    assert made.name == "rapidocr"
    assert made.version[0].isdigit()


def test_doctr_weights_are_told_by_their_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTR_CACHE_DIR", str(tmp_path))
    assert ocr.missing_doctr_weights() == ["fast_base", "crnn_vgg16_bn"]
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "fast_base-688a8b34.pt").write_bytes(b"x")
    (tmp_path / "models" / "crnn_vgg16_bn-0417f351.pt").write_bytes(b"")  # a download that broke off
    assert ocr.missing_doctr_weights() == ["crnn_vgg16_bn"]
    (tmp_path / "models" / "crnn_vgg16_bn-0417f351.pt").write_bytes(b"x")
    assert ocr.missing_doctr_weights() == []


def test_doctr_without_package_or_weights_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTR_CACHE_DIR", str(tmp_path))
    with pytest.raises(MmskinError) as caught:
        ocr.make_engine("doctr")
    if util.find_spec("doctr") is None:
        assert isinstance(caught.value, MissingExtra)
        assert 'pip install "mmskin-hub[ocr]"' in caught.value.remedy
    else:
        assert "DOCTR_CACHE_DIR" in caught.value.remedy


def test_lines_are_read_with_their_spaces_and_signs(engine: ocr.OcrEngine) -> None:
    texts = [
        "Fig. 12-4A  Psoriasis vulgaris. Well-demarcated plaques on the leg.",
        "(H&E, original magnification \u00d7100) of a patient's 10 mm lesion",
    ]
    read = engine.recognise([line_of(text) for text in texts])
    assert [text for text, _ in read] == [text.replace("  ", " ") for text in texts]
    assert all(0.8 < score <= 1 for _, score in read)


def test_a_crop_reads_the_same_alone_and_among_others(engine: ocr.OcrEngine) -> None:
    crops = [line_of("Fig. 3 A nodule."), line_of("A much longer line of text that would set the width of a batch.")]
    assert engine.recognise(crops) == [engine.recognise([crop])[0] for crop in crops]


def test_empty_input_and_slivers(engine: ocr.OcrEngine) -> None:
    assert engine.recognise([]) == []
    sliver = np.full((2, 40, 3), 255, np.uint8)
    read = engine.recognise([sliver, line_of("Plate 7"), np.full((20, 60, 3), 255, np.uint8)])
    assert read[0] == ("", 0.0)
    assert read[1][0] == "Plate 7"
    assert read[2] == ("", 0.0)


def test_whole_page_reading_gives_boxes(engine: ocr.OcrEngine) -> None:
    page = np.full((300, 1100, 3), 255, np.uint8)
    crop = line_of("Fig. 3 A nodule on the nose.")
    page[120 : 120 + crop.shape[0], 40 : 40 + crop.shape[1]] = crop[:, : 1100 - 40]
    (line,) = engine.read(page)
    assert line.text == "Fig. 3 A nodule on the nose."
    assert 30 < line.box[0] < 60
    assert 110 < line.box[1] < line.box[3] < 170
    assert engine.read(np.full((200, 200, 3), 255, np.uint8)) == []


def test_nothing_is_fetched_and_nothing_printed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("an engine went to the network")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    made = ocr.make_engine("rapidocr")
    assert made is not None
    made.recognise([line_of("Fig. 1")])
    made.read(np.full((64, 64, 3), 255, np.uint8))
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("RapidOCR").level >= logging.ERROR


@pytest.mark.parametrize(
    ("read", "mended"),
    [
        ("（H&E，x100）", "(H&E, ×100)"),
        ("shown,with scale", "shown, with scale"),
        ("1,000 cases, 5.5 mm", "1,000 cases, 5.5 mm"),
        ("a 3 x 4 cm plaque", "a 3 ×4 cm plaque"),
        ("keratosis.Dermoscopy", "keratosis. Dermoscopy"),
        ("patient’s", "patient's"),
        ("Fig.6.1 and Plate7, CD34, p53", "Fig. 6.1 and Plate 7, CD34, p53"),
        ("e.g. this", "e.g. this"),
        ("", ""),
    ],
)
def test_tidy(read: str, mended: str) -> None:
    assert ocr.tidy(read) == mended


def test_a_line_is_cut_into_its_words() -> None:
    words = ocr.split_words(line_of("Fig. 3.2 Annular plaque", size=12))
    assert len(words) == 4
    assert ocr.split_words(np.full((20, 60, 3), 255, np.uint8)) == []
