"""The modality model: pictures drawn here, captions in plain words, and real pictures where they are at hand."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from mmskin_hub.curate import modality
from mmskin_hub.curate.modality import LABELS, ModalityModel, caption_cues
from mmskin_hub.curate.modality_features import FEATURE_VERSION, feature_names, features, thumbnail
from mmskin_hub.errors import MmskinError

Pixels = NDArray[np.uint8]
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
EVEN = np.full(4, 0.25)


@pytest.fixture(scope="module")
def model() -> ModalityModel:
    return ModalityModel.load()


def bumps(height: int, width: int, cells: int, seed: int) -> NDArray[np.float64]:
    small = np.random.default_rng(seed).random((cells, cells)) * 255
    return np.asarray(Image.fromarray(small.astype(np.uint8)).resize((width, height), 3), dtype=float) / 255


def skin(seed: int = 0, height: int = 360, width: int = 420) -> Pixels:
    """Skin under a lamp from the side: tan, fine relief, a red patch, light falling off."""
    values = np.ones((height, width, 3)) * (205, 150, 120)
    relief = 0.9 + 0.2 * bumps(height, width, 90, seed) + 0.10 * bumps(height, width, 9, seed + 1)
    values *= relief[..., None] * np.linspace(1.15, 0.65, width)[None, :, None]
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    patch = np.clip(1.5 - 4 * np.hypot(down, across) - bumps(height, width, 12, seed + 2), 0, 1)[..., None]
    return np.clip(values * (1 - patch * (0.15, 0.45, 0.4)), 0, 255).astype(np.uint8)


def dermoscopy(seed: int = 0, height: int = 450, width: int = 600) -> Pixels:
    """A brown lesion in even pink light inside the round field of a dermatoscope."""
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    values = np.ones((height, width, 3)) * (225, 175, 180) * (0.95 + 0.08 * bumps(height, width, 14, seed))[..., None]
    lesion = np.clip(6 * (0.55 - np.hypot(down, across) + 0.25 * bumps(height, width, 10, seed + 1)), 0, 1)
    brown = np.array((120, 70, 60)) * (0.6 + 0.8 * bumps(height, width, 40, seed + 2))[..., None]
    values = values * (1 - lesion[..., None]) + brown * lesion[..., None]
    field = np.clip((1.0 - np.hypot(down * height, across * width) / (0.56 * width * 2 / 1.15)) * 30, 0, 1)
    return np.clip(values * field[..., None], 0, 255).astype(np.uint8)


def histology(seed: int = 0, height: int = 360, width: int = 420) -> Pixels:
    """Blue nuclei in pink, some white gaps."""
    picture = Image.new("RGB", (width, height), (228, 160, 200))
    pen, random = ImageDraw.Draw(picture), np.random.default_rng(seed)
    for _ in range(30):
        x, y, r = random.uniform(0, width), random.uniform(0, height), random.uniform(8, 26)
        pen.ellipse((x - r, y - r, x + r, y + r * 0.5), fill=(246, 236, 244))
    for _ in range(420):
        x, y, r = random.uniform(0, width), random.uniform(0, height), random.uniform(3, 8)
        pen.ellipse((x - r, y - r * 0.7, x + r, y + r * 0.7), fill=(90 + int(30 * random.random()), 50, 140))
    values = np.asarray(picture.filter(ImageFilter.GaussianBlur(1)), dtype=float)
    return np.clip(values * (0.85 + 0.25 * bumps(height, width, 40, seed))[..., None], 0, 255).astype(np.uint8)


def chart() -> Pixels:
    picture = Image.new("RGB", (640, 420), "white")
    pen = ImageDraw.Draw(picture)
    pen.line((60, 20, 60, 380, 620, 380), fill="black", width=2)
    for i, colour in enumerate(("red", "blue", "green", "orange")):
        pen.line([(60 + 60 * k, 340 - 40 * i - 23 * ((k * (i + 2)) % 5)) for k in range(10)], fill=colour, width=3)
        pen.text((500, 30 + 16 * i), f"series {i}", fill=colour)
    return np.asarray(picture)


def electrocardiogram() -> Pixels:
    picture = Image.new("RGB", (720, 360), (255, 238, 234))
    pen = ImageDraw.Draw(picture)
    for at in range(0, 720, 8):
        pen.line((at, 0, at, 360), fill=(240, 150, 150), width=2 if at % 40 == 0 else 1)
        pen.line((0, at, 720, at), fill=(240, 150, 150), width=2 if at % 40 == 0 else 1)
    for row in range(3):
        x = np.arange(0, 720, 2.0)
        beat = x % 90 / 90
        y = 70 + 110 * row - 60 * np.exp(-((beat - 0.5) ** 2) / 0.0007) - 10 * np.exp(-((beat - 0.75) ** 2) / 0.004)
        pen.line(list(zip(x, y, strict=True)), fill=(20, 20, 20), width=2)
    return np.asarray(picture)


def scan(seed: int = 0) -> Pixels:
    """A row of three grey slices on black, as MRI is printed."""
    sheet = Image.new("L", (720, 240))
    pen = ImageDraw.Draw(sheet)
    for i in range(3):
        x = 240 * i
        pen.ellipse((x + 20, 20, x + 220, 225), fill=70, outline=180)
        pen.ellipse((x + 60, 60, x + 150, 170), fill=120)
        pen.ellipse((x + 90, 90, x + 130 + 5 * i, 140), fill=200)
    values = np.asarray(sheet.filter(ImageFilter.GaussianBlur(2)), dtype=float)
    values = values * (0.7 + 0.6 * bumps(240, 720, 50, seed)) + np.random.default_rng(seed).normal(0, 5, values.shape)
    return np.repeat(np.clip(values, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def flow_chart() -> Pixels:
    picture = Image.new("RGB", (500, 600), "white")
    pen = ImageDraw.Draw(picture)
    for i in range(5):
        pen.rounded_rectangle((90, 20 + 115 * i, 410, 95 + 115 * i), 10, fill=(205, 220, 240), outline="black")
        pen.text((110, 45 + 115 * i), "suspected lesion: biopsy or follow up", fill="black")
        pen.line((250, 95 + 115 * i, 250, 135 + 115 * i), fill="black", width=2)
    return np.asarray(picture)


OTHERS = (chart, electrocardiogram, scan, flow_chart)
DRAWN = [
    (skin, "clinical"),
    (dermoscopy, "dermoscopic"),
    (histology, "pathology"),
    *((draw, "other") for draw in OTHERS),
]


@pytest.mark.parametrize(("draw", "label"), DRAWN, ids=[d.__name__ for d, _ in DRAWN])
def test_the_picture_alone_is_enough(model: ModalityModel, draw: object, label: str) -> None:
    found = model.predict(draw())  # type: ignore[operator]
    assert found.label == label, found.probabilities


@pytest.mark.parametrize("draw", OTHERS, ids=[d.__name__ for d in OTHERS])
@pytest.mark.parametrize(
    "caption",
    ["Erythematous plaques on the trunk of a 40-year-old woman.", "Dermoscopy shows a pigment network.", "H&E, ×100."],
)
def test_no_caption_turns_a_drawing_into_a_patient(model: ModalityModel, draw: object, caption: str) -> None:
    assert model.predict(draw(), caption).label == "other"  # type: ignore[operator]


@pytest.mark.parametrize(
    ("draw", "caption"),
    [(skin, "Plaque of psoriasis; MRI of the spine was normal."), (histology, "Diagram and section.")],
)
def test_a_stray_word_does_not_reject_a_photograph(model: ModalityModel, draw: object, caption: str) -> None:
    assert model.predict(draw(), caption).label != "other"  # type: ignore[operator]


CAPTIONS = [
    ("Biopsy-proven melanoma on the arm.", "clinical"),
    ("Basal cell carcinoma confirmed by histopathology on the nose of a man.", "clinical"),
    ("Port-wine stain on the left cheek of an infant.", "clinical"),
    ("Acanthosis nigricans of the neck.", "clinical"),
    ("Scaly plaque on the back before biopsy.", "clinical"),
    ("Clinical photograph of the same patient.", "clinical"),
    ("Dermoscopy of the lesion on the left cheek (×10).", "dermoscopic"),
    ("Dermatoscopic image: atypical pigment network and blue-white veil.", "dermoscopic"),
    ("Trichoscopy showing yellow dots and exclamation mark hairs.", "dermoscopic"),
    ("Psoriasis. Parakeratosis and regular acanthosis (H&E, ×100).", "pathology"),
    ("Histopathology reveals nests of basaloid cells in a plaque on the trunk.", "pathology"),
    ("Biopsy specimen of leg showing subepidermal bullae (Haematoxylin and Eosin stain × 10).", "pathology"),
    ("Immunohistochemistry: tumour cells express S-100.", "pathology"),
    ("Direct immunofluorescence, linear IgG at the basement membrane.", "pathology"),
    ("Cardiac MRI with late gadolinium enhancement.", "other"),
    ("Electrocardiogram with ST segment elevation.", "other"),
    ("Flow chart of patient selection.", "other"),
    ("Kaplan-Meier survival curves.", "other"),
    ("Chest radiograph.", "other"),
    ("Schematic drawing of the skin.", "other"),
]


@pytest.mark.parametrize(("caption", "label"), CAPTIONS, ids=[c[:30] for c, _ in CAPTIONS])
def test_the_caption_decides_where_the_picture_is_mute(model: ModalityModel, caption: str, label: str) -> None:
    assert model.combine(EVEN, caption).label == label


def test_photograph_is_no_graph_and_a_clinical_dermoscopic_pair_leaves_it_to_the_picture(model: ModalityModel) -> None:
    assert "drawn" not in [cue.name for cue in caption_cues("Photograph of dermographism and a geographic tongue")]
    both = model.combine(EVEN, "Clinical photograph and dermoscopic image of a plaque on the arm.").probabilities
    assert both["pathology"] < 0.02 and both["other"] < 0.02
    assert (
        model.predict(histology(), "Clinical and histopathological picture of a plaque on the arm.").label
        == "pathology"
    )
    assert model.predict(skin(), "Clinical and histopathological picture of a plaque on the arm.").label == "clinical"


def test_tissue_of_another_organ_is_other(model: ModalityModel) -> None:
    tissue = histology()
    assert model.predict(tissue, "Histology of the liver biopsy (H&E ×400), portal tracts expanded.").label == "other"
    assert model.predict(tissue, "Renal biopsy, glomeruli with crescents (PAS).").label == "other"
    assert (
        model.predict(tissue, "Skin biopsy of a patient with renal failure: calcified dermal vessels.").label
        == "pathology"
    )
    assert model.predict(tissue, "Melanoma metastasis in a lymph node (HMB-45).").label == "pathology"
    assert model.predict(skin(), "Spider telangiectases on the chest in liver cirrhosis.").label == "clinical"


def test_probabilities_are_probabilities(model: ModalityModel) -> None:
    for draw, _ in DRAWN:
        for caption in ("", "Dermoscopy", "x" * 5000, "MRI, H&E, dermoscopy of a plaque on the arm"):
            found = model.predict(draw(), caption)  # type: ignore[operator]
            assert tuple(found.probabilities) == LABELS
            assert sum(found.probabilities.values()) == pytest.approx(1.0, abs=1e-9)
            assert found.probability == max(found.probabilities.values()) == found.probabilities[found.label]


@pytest.mark.parametrize("draw", [skin, dermoscopy, histology, chart, scan], ids=lambda d: d.__name__)
def test_size_says_nothing(model: ModalityModel, draw: object) -> None:
    whole = draw()  # type: ignore[operator]
    height, width = whole.shape[:2]
    base, wanted = features(whole), model.predict(whole).label
    spread = np.std([features(d()) for d, _ in DRAWN], axis=0) + 0.02  # type: ignore[operator]
    for factor in (0.5, 3.0):
        scaled = np.asarray(Image.fromarray(whole).resize((int(width * factor), int(height * factor)), 1))
        assert np.mean(abs(features(scaled) - base) / spread) < 0.25, factor
        assert model.predict(scaled).label == wanted, factor


def test_odd_pictures_are_measured_all_the_same(model: ModalityModel) -> None:
    random = np.random.default_rng(1)
    for shape in ((1, 1, 3), (1, 4000, 3), (4000, 2, 3), (97, 101, 3), (50, 60), (50, 60, 4)):
        found = features(random.integers(0, 256, shape, dtype=np.uint8))
        assert found.shape == (len(feature_names()),) and np.isfinite(found).all()
    for shade in (0, 128, 255):
        assert model.predict(np.full((200, 300, 3), shade, dtype=np.uint8)).label == "other"
    for bad in (np.zeros((0, 10, 3), np.uint8), np.zeros((10, 10, 3), np.float32), np.zeros(10, np.uint8)):
        with pytest.raises(ValueError, match="picture is uint8"):
            features(bad)


def test_transparency_is_laid_on_white() -> None:
    clear = np.zeros((64, 64, 4), dtype=np.uint8)
    assert thumbnail(clear).min() == 1.0


def test_same_picture_same_numbers(model: ModalityModel) -> None:
    picture = dermoscopy()
    assert features(picture).tobytes() == features(picture.copy()).tobytes()
    assert features(np.asfortranarray(picture)).tobytes() == features(picture).tobytes()
    assert ModalityModel.load().predict(picture, "Dermoscopy.") == model.predict(picture, "Dermoscopy.")


def test_weights_fit_the_features() -> None:
    source = resources.files("mmskin_hub.curate").joinpath("modality_weights.json")
    weights = json.loads(source.read_text(encoding="utf-8"))
    assert weights["version"] == FEATURE_VERSION
    assert tuple(weights["features"]) == feature_names() and tuple(weights["labels"]) == LABELS
    assert len(set(feature_names())) == len(feature_names())
    assert len(source.read_bytes()) < 200_000
    assert weights["held_out"]["ece"] < 0.03
    for change in ({"version": -1}, {"labels": ["a"]}, {"features": weights["features"][::-1]}):
        with pytest.raises(MmskinError, match="weights"):
            ModalityModel(weights | change)


def test_inference_needs_numpy_and_pillow_only() -> None:
    probe = (
        "import sys, numpy as np; from mmskin_hub.curate.modality import ModalityModel; "
        "ModalityModel.load().predict(np.zeros((40, 40, 3), np.uint8), 'x'); "
        "print([m for m in ('sklearn', 'skimage', 'scipy', 'cv2', 'torch') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_cues_name_a_modality_each() -> None:
    assert len({cue.name for cue in modality.CUES}) == len(modality.CUES)
    for cue in modality.CUES:
        assert max(cue.clinical, cue.dermoscopic, cue.pathology, cue.other) > 0


def test_a_long_caption_costs_little(model: ModalityModel) -> None:
    start = time.perf_counter()
    model.combine(EVEN, "the skin biopsy of the left, the right and the upper " * 400)
    assert time.perf_counter() - start < 1.0


def real(pattern: str, every: int = 1) -> list[Pixels]:
    paths = sorted(SHARED.glob(pattern))[::every]
    if not paths:
        pytest.skip(f"no public pictures at ../shared/data/{pattern}")
    return [np.asarray(Image.open(path).convert("RGB")) for path in paths]


@pytest.mark.parametrize(
    ("pattern", "every", "label", "caption"),
    [
        ("pad_ufes_20/imgs*/*.png", 8, "clinical", "Scaly plaque on the arm of a man."),
        ("ham10000/HAM*/*.jpg", 80, "dermoscopic", "Dermoscopy of a naevus."),
        ("ham10000_fullsize/*.jpg", 1, "dermoscopic", "Dermoscopy of a naevus."),
        ("histology/*", 1, "pathology", "Histopathology (H&E, ×100)."),
    ],
)
def test_real_pictures(model: ModalityModel, pattern: str, every: int, label: str, caption: str) -> None:
    pictures = real(pattern, every)
    looked = [model.look(picture) for picture in pictures]
    alone = [model.combine(shares, "").label == label for shares in looked]
    joint = [model.combine(shares, caption).label == label for shares in looked]
    assert np.mean(alone) >= 0.9
    assert np.mean(joint) >= 0.97


def test_papers_without_skin_give_nothing(model: ModalityModel) -> None:
    pymupdf = pytest.importorskip("pymupdf")
    papers = sorted((SHARED / "papers" / "without_skin").glob("*.pdf"))
    if not papers:
        pytest.skip("no ../shared/data/papers/without_skin")
    kept = []
    for paper in papers:
        with pymupdf.open(paper) as book:
            for xref in sorted({entry[0] for page in book for entry in page.get_images(full=True)}):
                pixmap = pymupdf.Pixmap(pymupdf.csRGB, pymupdf.Pixmap(book, xref))
                pixels = np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.width, pixmap.n)[..., :3]
                found = model.predict(np.ascontiguousarray(pixels))
                if min(pixels.shape[:2]) >= 40 and found.label != "other":
                    kept.append((paper.name, xref, found.label, np.ascontiguousarray(pixels)))
    # Tissue is tissue to the eye; that it is liver stands in the caption.
    assert [label for _, _, label, _ in kept] in ([], ["pathology"])
    for _, _, _, pixels in kept:
        assert model.predict(pixels, "A and B Histology of the liver biopsy. (H&E stain × 400)").label == "other"
