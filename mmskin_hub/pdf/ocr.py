"""OCR engines behind one small interface: RapidOCR (its models come inside the wheel) and docTR (extra ``ocr``).

An engine reads whole pages (:meth:`OcrEngine.read`) and, which is what :mod:`mmskin_hub.pdf.scans` uses, single
line crops (:meth:`OcrEngine.recognise`): lines are found without a network, and only those that can hold a caption
are recognised. No engine ever downloads anything here; missing weights are an error with the command that mends it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.errors import MissingExtra, MmskinError

Raster = NDArray[np.uint8]

ENGINES = ("auto", "rapidocr", "doctr", "none")

#: The two networks of the embedded engine, by the start of their file name inside the RapidOCR wheel.
_RAPID_FILES = {"Det": "*_det_*.onnx", "Rec": "*_rec_*.onnx"}


class OcrLine(NamedTuple):
    """One line read on a page: its text, its box (left, top, right, bottom in pixels) and a score from 0 to 1."""

    text: str
    box: tuple[float, float, float, float]
    score: float


class OcrEngine(Protocol):
    """What an engine offers. Rasters are RGB, uint8, H × W × 3."""

    @property
    def name(self) -> str:
        """The engine: "rapidocr" or "doctr"."""

    @property
    def version(self) -> str:
        """The version of its package."""

    def read(self, image: Raster) -> list[OcrLine]:
        """Find and recognise every line of a whole page."""

    def recognise(self, crops: Sequence[Raster]) -> list[tuple[str, float]]:
        """The text and score (0 to 1) of each crop, which holds one upright line each; ("", 0.0) where unreadable."""


def resolve_engine(name: str) -> str:
    """What "auto" means on this machine, now: docTR where its package and its weights are, otherwise RapidOCR.

    Any other name stays as it is. Nothing is imported; files are looked for.
    """
    if name != "auto":
        return name
    return "doctr" if util.find_spec("doctr") is not None and not missing_doctr_weights() else "rapidocr"


def check_engine(name: str) -> None:
    """Raise :class:`MissingExtra` or :class:`MmskinError` where docTR is asked for and is not all there."""
    if name != "doctr":
        return
    if util.find_spec("doctr") is None:
        raise MissingExtra("The OCR engine docTR", "ocr", "doctr")
    if missing := missing_doctr_weights():
        raise MmskinError(
            f"docTR has no weights for {' and '.join(missing)} in {doctr_cache() / 'models'}.",
            "Fetch them once on a machine with a network: "
            'python -c "from doctr.models import ocr_predictor as p; '
            f"p('{DoctrEngine.detector}', '{DoctrEngine.recogniser}', pretrained=True)\" ; then copy that folder here "
            "or point DOCTR_CACHE_DIR at it, or use --ocr rapidocr.",
        )


def make_engine(name: str, threads: int = 1) -> OcrEngine | None:
    """The engine called ``name``: "auto", "rapidocr", "doctr" or "none" (which gives ``None``).

    "auto" is what :func:`resolve_engine` says. ``threads`` are those of one engine: pages are spread over processes,
    so the default is one.

    Raises :class:`MissingExtra` where the package is absent, :class:`MmskinError` for an unknown name or where
    weights are missing.
    """
    name = resolve_engine(name)
    if name == "none":
        return None
    if name == "rapidocr":
        return RapidEngine(threads)
    if name == "doctr":
        return DoctrEngine(threads)
    raise MmskinError(f"There is no OCR engine called {name!r}.", f"Choose one of: {', '.join(ENGINES)}.")


class RapidEngine:
    """RapidOCR with the PP-OCR models of its own wheel, run by onnxruntime on the CPU.

    Crops are recognised one by one: a line is then never padded to the width of its neighbours, costs what it is
    wide, and reads the same whatever else is on the page. (On a CPU a batch is no faster than its lines.)
    """

    name = "rapidocr"

    def __init__(self, threads: int = 1) -> None:
        try:
            from rapidocr import RapidOCR
        except ModuleNotFoundError as error:
            raise MissingExtra("Reading scanned pages", "build", error.name or "rapidocr") from None
        self.version = metadata.version("rapidocr")
        params: dict[str, Any] = {
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            # A narrow floor and batches of one: no crop is padded.
            "Rec.rec_img_shape": [3, 48, 48],
            "Rec.rec_batch_num": 1,
        }
        for part, pattern in _RAPID_FILES.items():
            params[f"{part}.model_path"] = str(_rapid_model(pattern))
        self._ocr = RapidOCR(params=params)

    def read(self, image: Raster) -> list[OcrLine]:
        """As :meth:`OcrEngine.read`."""
        found = self._ocr(np.ascontiguousarray(image[:, :, ::-1]))
        if getattr(found, "boxes", None) is None or getattr(found, "txts", None) is None:
            return []
        lines = []
        for corners, text, score in zip(found.boxes, found.txts, found.scores, strict=True):
            (x0, y0), (x1, y1) = np.min(corners, axis=0), np.max(corners, axis=0)
            lines.append(OcrLine(tidy(text), (float(x0), float(y0), float(x1), float(y1)), float(score)))
        return lines

    def recognise(self, crops: Sequence[Raster]) -> list[tuple[str, float]]:
        """As :meth:`OcrEngine.recognise`."""
        usable = [np.ascontiguousarray(crop[:, :, ::-1]) for crop in crops if min(crop.shape[:2]) >= 3]
        if not usable:
            return [("", 0.0)] * len(crops)
        result = self._ocr.recognize_txt(usable)
        read = zip(result.txts or (), result.scores, strict=True)
        out = []
        for crop in crops:
            text, score = next(read) if min(crop.shape[:2]) >= 3 else ("", 0.0)
            out.append((tidy(text), float(score) if text.strip() else 0.0))
        return out


def missing_rapid_models() -> list[str]:
    """The model files ("*_det_*.onnx") that the RapidOCR wheel should hold and does not; [] where all are there.

    Nothing is imported; raises :class:`MissingExtra` where RapidOCR is not installed.
    """
    return [pattern for pattern in _RAPID_FILES.values() if not _rapid_files(pattern)]


def _rapid_folder() -> Path:
    found = util.find_spec("rapidocr")
    if found is None or found.origin is None:
        raise MissingExtra("Reading scanned pages", "build", "rapidocr")
    return Path(found.origin).parent / "models"


def _rapid_files(pattern: str) -> list[Path]:
    # A later download by another program may have put larger models beside it: "small" is what the wheel ships.
    return sorted(_rapid_folder().glob(pattern), key=lambda path: ("small" not in path.name, path.name))


def _rapid_model(pattern: str) -> Path:
    """The model file inside the RapidOCR wheel; an explicit path keeps RapidOCR from going to the network for one."""
    files = _rapid_files(pattern)
    if not files:
        raise MmskinError(
            f"RapidOCR holds no model file ({pattern}) in {_rapid_folder()}.",
            "Install it anew: pip install --force-reinstall --no-deps rapidocr",
        )
    return files[0]


class DoctrEngine:
    """docTR: FAST detection and a CRNN recogniser, from weights that are already on this machine.

    Raises :class:`MissingExtra` without the package and :class:`MmskinError` where a weight file is absent or damaged.
    """

    name = "doctr"
    detector = "fast_base"
    recogniser = "crnn_vgg16_bn"

    def __init__(self, threads: int = 1) -> None:
        check_engine("doctr")
        import torch
        from doctr.models import ocr_predictor

        torch.set_num_threads(threads)
        self.version = metadata.version("python-doctr")
        # pretrained_backbone would fetch a second file that the full weights make needless.
        self._ocr: Any = ocr_predictor(
            self.detector,
            self.recogniser,
            pretrained=True,
            pretrained_backbone=False,
            assume_straight_pages=True,
            resolve_blocks=False,
        )

    def read(self, image: Raster) -> list[OcrLine]:
        """As :meth:`OcrEngine.read`."""
        height, width = image.shape[:2]
        lines = []
        for block in self._ocr([image]).pages[0].blocks:
            for line in block.lines:
                words = [word for word in line.words if word.value]
                if not words:
                    continue
                (x0, y0), (x1, y1) = line.geometry[0], line.geometry[-1]
                box = (x0 * width, y0 * height, x1 * width, y1 * height)
                score = float(np.mean([word.confidence for word in words]))
                lines.append(OcrLine(tidy(" ".join(word.value for word in words)), box, score))
        return lines

    def recognise(self, crops: Sequence[Raster]) -> list[tuple[str, float]]:
        """As :meth:`OcrEngine.recognise`."""
        # docTR's recognisers read words: a line goes in word by word.
        words: list[Raster] = []
        owner: list[int] = []
        for number, crop in enumerate(crops):
            pieces = split_words(crop) if min(crop.shape[:2]) >= 3 else []
            words += pieces
            owner += [number] * len(pieces)
        out: list[list[tuple[str, float]]] = [[] for _ in crops]
        for number, (text, score) in zip(owner, self._ocr.reco_predictor(words) if words else (), strict=True):
            out[number].append((text, float(score)))
        return [
            (tidy(" ".join(text for text, _ in parts if text)), float(np.mean([s for _, s in parts])) if parts else 0.0)
            for parts in out
        ]


def doctr_cache() -> Path:
    """The folder docTR keeps its weights under: DOCTR_CACHE_DIR, else its default."""
    return Path(os.environ.get("DOCTR_CACHE_DIR") or Path.home() / ".cache" / "doctr")


def missing_doctr_weights() -> list[str]:
    """The networks of :class:`DoctrEngine` without a weight file ("<name>-<hash>.pt"); [] where all are there."""
    folder = doctr_cache() / "models"
    return [
        name
        for name in (DoctrEngine.detector, DoctrEngine.recogniser)
        if not any(path.stat().st_size for path in folder.glob(f"{name}-*.pt"))
    ]


def split_words(crop: Raster) -> list[Raster]:
    """Cut a line crop (RGB, dark on light) at the gaps between its words, left to right; [crop] where none is seen.

    A gap is a word space where it is wider than a quarter of the height of the ink.
    """
    grey = crop.min(axis=2)
    light = float(np.percentile(grey, 90))
    ink = grey < 0.7 * light
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(columns):
        return []
    space = max(3.0, 0.25 * (rows[-1] - rows[0] + 1))
    cuts = np.flatnonzero(np.diff(columns) > space)
    starts = [int(columns[0]), *(int(columns[c + 1]) for c in cuts)]
    ends = [*(int(columns[c]) for c in cuts), int(columns[-1])]
    pad = max(1, int(space // 3))
    return [crop[:, max(0, start - pad) : end + 1 + pad] for start, end in zip(starts, ends, strict=True)]


# Full-width forms and look-alikes a recogniser with a Chinese alphabet falls into on English print.
_LOOKALIKES = str.maketrans(
    {
        "（": "(", "）": ")", "，": ",", "。": ".", "：": ":", "；": ";", "！": "!", "？": "?", "％": "%", "＆": "&",
        "＋": "+", "－": "-", "＝": "=", "～": "~", "／": "/", "［": "[", "］": "]", "“": '"', "”": '"', "、": ",",
        "‘": "'", "’": "'", "＇": "'", "´": "'", "`": "'", "一": "-", "　": " ", "μ": "µ", "✕": "×", "✖": "×",
        "Х": "X", "х": "×", "╳": "×", "＜": "<", "＞": ">", "【": "[", "】": "]", "·": "·",
    }
)  # fmt: skip
_RULES = (
    # "x40", "X 100" after an open bracket or a word of magnification is the sign of multiplication.
    (re.compile(r"(?<=[\s(,])[xX] ?(?=\d{1,4}(?:[.,]\d+)?\b)"), "×"),
    # A comma or a bracket is followed by a space, unless inside a number or before a closing sign.
    (re.compile(r"(?<=[A-Za-z\d)])([,;])(?=[A-Za-z(×])"), r"\1 "),
    (re.compile(r"(?<=[a-z]{2})\.(?=[A-Z][a-z])"), ". "),
    (re.compile(r"(?<=[a-z,;])\((?=[A-Za-z])"), " ("),
    (re.compile(r"\)(?=[A-Za-z]{2})"), ") "),
    # The space between a label and its number is the first to be lost: "Plate7", "Fig.6.1".
    (re.compile(r"\b((?:Figure|Fig|Plate|Picture|Photo|Image|Table|Case)s?\.?)(?=\d)", re.IGNORECASE), r"\1 "),
    (re.compile(r"\s+"), " "),
)


def tidy(text: str) -> str:
    """Recognised text with full-width forms made plain, "x100" made "×100" and lost spaces after stops put back."""
    text = text.translate(_LOOKALIKES)
    for pattern, by in _RULES:
        text = pattern.sub(by, text)
    return text.strip()
