"""Tell clinical, dermoscopic and pathology pictures apart, and from everything else a book prints.

Two witnesses are heard. The **picture**: a small perceptron over colour and texture (:mod:`.modality_features`),
trained by ``benchmarks/train_modality.py``, its weights plain numbers in ``modality_weights.json``; inference is numpy
only. The **caption**: words that name a modality (:data:`CUES`), each with a log-likelihood ratio. They are joined as
a product of experts, that is, log-odds add up. The caption's say is bounded: it may settle which kind of photograph
this is, but not turn an unmistakable chart into a patient, nor a plain photograph into a chart.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.curate.modality_features import FEATURE_VERSION, feature_names, features
from mmskin_hub.errors import MmskinError

__all__ = ["CUES", "LABELS", "Cue", "ModalityModel", "ModalityPrediction", "caption_cues"]

LABELS = ("clinical", "dermoscopic", "pathology", "other")


@dataclass(frozen=True, slots=True)
class ModalityPrediction:
    """``label`` is one of :data:`LABELS`, ``probability`` its share (0 to 1), ``probabilities`` all four (sum 1)."""

    label: str
    probability: float
    probabilities: dict[str, float]


@dataclass(frozen=True, slots=True)
class Cue:
    """Words that speak for a modality, each cue counted once a caption.

    ``pattern`` is a regular expression; it is matched without regard to case unless ``cased``. The numbers are
    natural log-likelihood ratios; ``organ`` speaks for pathology of something other than skin, which is "other".
    """

    name: str
    pattern: str
    clinical: float = 0.0
    dermoscopic: float = 0.0
    pathology: float = 0.0
    other: float = 0.0
    organ: float = 0.0
    cased: bool = False


# Said about the patient, not about the picture: taken out before any cue is looked for.
_NOT_CUES = re.compile(
    r"""(?ix)
    \b(?:biops(?:y|ies)|histo(?:patho)?log(?:y|ical|ically|ic)|patholog(?:y|ically)|microscopically|culture|pcr)
        [-\s]+(?:proven|proved|confirmed|verified|diagnosed|documented|established)
    | \b(?:proven|proved|confirmed|verified|diagnosed|established|supported|evident)\s+(?:only\s+)?
        (?:by|on|with|at|through|after|histo\w+ly)\s+(?:(?:a|the|skin|punch|shave|excisional|incisional|direct)\s+)*
        (?:biops\w+|histo\w+|immunofluorescence|immunohisto\w+|dermo?scop\w+|dermatoscop\w+|microscopy|mri|ct|ultraso\w+)
    | \b(?:before|after|following|prior\s+to|awaiting|(?:at|from)\s+the\s+time\s+of)\s+
        (?:(?:a|the|skin|punch|shave|excisional|incisional)\s+)*
        (?:biops\w+|x-?ray\w*|dermoscopy|histology)
    | \bbiopsy\s+(?:sites?|scars?|wounds?|was|were|is|has|had|taken|punch|forceps|needle)\b
    | \b(?:sites?|place)\s+of\s+(?:the\s+)?biops\w+
    | \bport[-\s]?wine[-\s]stains?
    | \bstain(?:ing|ed|s)?\s+(?:of\s+)?(?:the\s+|her\s+|his\s+)?
        (?:teeth|tooth|nails?|skin|fingers?|clothes|clothing|underwear|palms?|hands?)
    | \b(?:yellow|brown|nicotine|tobacco|henna|blood|iodine|silver\s+nitrate)[-\s]+stain(?:ing|ed|s)?\b
    | \bx-?ray\s+(?:therapy|treatment|irradiation|dermatitis|epilation|burns?|exposure)
    | \bacanthosis\s+nigricans | \bgranuloma\s+annulare | \bspider\s+n(?:a)?evus
    | \bradio(?:therapy|dermatitis)\b | \bgeographic\s+tongue
    """
)
_SITE = (
    r"trunk|back|chest|abdomen|arms?|forearms?|elbows?|wrists?|hands?|palms?|soles?|fingers?|toes?|thumbs?|feet"
    r"|foot|legs?|"
    r"thighs?|knees?|shins?|ankles?|heels?|buttocks?|groin|axilla\w*|neck|face|cheeks?|nose|nasal\s+al\w+|ears?"
    r"|eyelids?|"
    r"lips?|tongue|gingiva\w*|scalp|forehead|chin|temples?|shoulders?|flanks?|breasts?|genital\w*|penis"
    r"|vulva\w*|scrotum|"
    r"nails?|hairline|eyebrows?|beard|mouth|palate|buccal\s+mucosa"
)
CUES: tuple[Cue, ...] = (
    Cue("dermoscopy", r"\b(?:video)?derm(?:at)?oscop(?:y|ic|ical|ically|ies)\b|\b(?:tricho|onycho"
        r"|capillaro)scop(?:y|ic)\b"
        r"|\bepiluminescence\b|\b(?:skin\s+)?surface\s+microscopy\b", dermoscopic=4.5),
    Cue("dermatoscope", r"\b(?:dermatoscope|dermoscope)s?\b", dermoscopic=1.5, other=1.0),
    Cue("dermoscopic signs", r"\b(?:pigment(?:ed)?\s+network|reticular\s+pattern|negative\s+network"
        r"|blue[-\s–]*whit(?:e|ish)\s+(?:veil|structures)"
        r"|milia[-\s]like|comedo[-\s]like|radial\s+streaming|(?:maple[-\s])?leaf[-\s]like|arbori[sz]ing"
        r"|spoke[-\s]?wheel"
        r"|(?:brown|black|blue|irregular|aggregated|peripheral)\s+(?:dots|globules)|(?:red|blue"
        r"|purple)\s+lacunae|dots\s+and\s+globules"
        r"|(?:dotted|hairpin|glomerular|comma|crown|polymorphous)\s+vessels|parallel\s+(?:ridge|furrow)"
        r"|starburst|pseudopods"
        r"|structureless\s+area|shiny\s+white\s+(?:lines|streaks)|chrysalis|rosettes|ovoid\s+nests"
        r"|scar[-\s]like\s+depigmentation"
        r"|exclamation[-\s]mark\s+hairs|yellow\s+dots|delta[-\s]wing|regression\s+structures)", dermoscopic=2.5),
    Cue("polarised light", r"\b(?:non-?)?polari[sz]ed\b|\bimmersion\s+(?:oil|fluid)|\bcontact\s+(?:fluid"
        r"|plate)", dermoscopic=1.0, pathology=0.3),
    Cue("histology", r"\b(?:histo(?:patho|morpho)?log\w+|photo-?micrograph\w*|(?:electron\s+)?micrographs?"
        r"|microscop(?:y|ic|ically)"
        r"|cytolog\w+|cytopatholog\w+|tzanck|dermatopatholog\w+|frozen\s+section|paraffin|immuno(?:histo(?:chem"
        r"|patho)\w+|stain\w*"
        r"|peroxidase|cytochem\w+|phenotyp\w+|fluorescen\w+|electron\w*))\b", pathology=4.5),
    Cue("stains", r"\bh\s?(?:&|and|\+|/)\s?e\b|\bh(?:a)?ematoxylin|\beosin\b|\bgiemsa|\bperiodic\s+acid"
        r"|\bmasson|\btrichrome\b|\bcongo\s+red"
        r"|\btoluidine|\balcian|\bziehl|\bfite\b|\bgrocott|\bmethenamine|\bvon\s+kossa|\bverhoeff"
        r"|\bvan\s+gieson|\bgram\s+stain|\bwright\b"
        r"|\bpapanicolaou|\bprussian\s+blue|\bfontana|\bperls?\b|\bcolloidal\s+iron|\bthioflavin|\bleder\b"
        r"|\bkoh\b|\bpotassium\s+hydroxide",
        pathology=4.5),
    Cue("stained", r"\bstain(?:s|ed|ing)?\b|\bcounterstain", pathology=3.0),
    Cue("stain letters", r"\b(?:HE|PAS|DIF|IHC|DAB|GMS|EVG|AFB)\b", pathology=2.5, cased=True),
    Cue("markers", r"\bCD\s?\d{1,3}[a-z]?\+?|\bS-?100|\bKi-?67|\bHMB-?45|\bMelan-?A\b|\bMART-?1|\bSOX-?10"
        r"|\bp(?:63|16|53|40)\b|\bEMA\b|\bCK\s?\d+",
        pathology=2.0, cased=True),
    Cue("specimen", r"\b(?:biops(?:y|ies)|specimens?|sections?)\b", pathology=1.6),
    Cue("microscopic power", r"\b(?:low|medium|high|scanning|original)[-\s]+(?:power|magnification)|\bmagnification\b",
        pathology=2.5),
    Cue("large magnification", r"(?:[×✕]\s?|\bx\s?)(?:[3-9]\d|[1-9]\d{2,4})\b|\b(?:[3-9]\d"
        r"|[1-9]\d{2,4})\s?[×✕x](?![\w×])", pathology=2.0),
    Cue("small magnification", r"(?:[×✕]\s?|\bx\s?)(?:[4-9]|[12]\d)(?:\.\d)?\b"
        r"|\b[12]\d\s?[×✕]", dermoscopic=0.6, pathology=0.8, clinical=-0.5),
    Cue("microscopic signs", r"\b(?:acanthosis|parakeratosis|orthokeratosis|spongiosis|acantholy\w+"
        r"|dyskerato\w+|infiltrates?|keratinocytes?"
        r"|lymphocyt\w+|neutrophil\w*|eosinophil\w*|histiocyt\w+|plasma\s+cells|giant\s+cells|mast\s+cells"
        r"|basaloid|palisad\w+|spindle(?:d)?[-\s]cells?"
        r"|rete\s+(?:ridges|pegs)|nucle(?:i|us|oli|ar)|mitos[ei]s|mitotic|(?:sub|intra)epidermal|(?:papillary"
        r"|reticular|upper|mid|deep|superficial)\s+dermis"
        r"|dermal[-\s](?:papillae|o?edema)|dermo-?epidermal|papillomatosis|cytoplasm\w*|storiform"
        r"|keratin\s+pearls|hypergranulosis|vacuolar|lobules|stroma"
        r"|basement\s+membrane|collagen|perivascular|granulomas|granulomatous\s+inflammation|elastic\s+fib\w+"
        r"|hyphae|spores)\b", pathology=1.8),
    Cue("clinical view", r"\bclinical(?:ly)?\b(?!\s+(?:trial|course|stud))|\bphotographs?\b|\b(?:pre"
        r"|post)-?operative|\b(?:before|after)\s+(?:\w+\s+)?(?:treatment|therapy|surgery|laser|excision)"
        r"|\bwood'?s?['’s]*\s+(?:lamp|light)|\bphysical\s+examination|\bclose-?up\b|\bon\s+examination"
        r"|\bbedside\b", clinical=2.0),
    Cue("body site", rf"\b(?:on|over|of|in|at|to|affecting|involving|across|behind|around)\s+(?:(?:the|his|her"
        rf"|both|all|an?|left|right|upper|lower|inner|outer|dorsal|dorsum\s+of|lateral|medial|volar|proximal"
        rf"|distal|anterior|posterior|and)\s+)*(?:{_SITE})\b",
        clinical=1.5),
    Cue("lesions", r"\b(?:plaques?|papules?|macul\w+|patch(?:es)?|nodules?|vesicles?|blisters?|bulla[e]?"
        r"|ulcer\w*|erosions?|eryth(?:ema|ematous)|crust\w*"
        r"|pustul\w+|wheals?|scal(?:e|es|y|ing)|rash|exanthem\w*|eruptions?|lesions?|petechia\w*|purpur\w+"
        r"|ecchymo\w+|swelling|alopecia|excoriat\w+)\b",
        clinical=1.0),
    Cue("patient", r"\b(?:patient|man|woman|boy|girl|infant|neonate|newborn|child)\b", clinical=0.5),
    Cue("imaging", r"\b(?:radiograph\w*|x-?rays?|computed\s+tomogra\w+|tomogra\w+|magnetic\s+resonance"
        r"|ultraso(?:und|nograph\w+|nogram)|sonogra\w+"
        r"|echocardiogra\w+|electrocardiogra\w+|electroencephalogra\w+|electromyogra\w+|doppler|(?:arterio"
        r"|angio|mammo|veno|lympho)gra(?:m|ms|phy|phic)|lympho-?scintigra\w+|scintigra\w+"
        r"|positron\s+emission|t[12][-\s]?weighted|gadolinium|endoscop\w+|colonoscop\w+|gastroscop\w+"
        r"|laparoscop\w+|bronchoscop\w+|fundoscop\w+|fundus\s+photograph\w*|thermogra\w+|elastogra\w+)\b", other=4.5),
    Cue("imaging letters", r"\b(?:MRI|MRA|CT|HRCT|PET|ECG|EKG|EEG|EMG|OCT|FLAIR|STIR|SPECT"
        r"|CXR)\b", other=4.0, cased=True),
    Cue("confocal", r"\bconfocal\b|\boptical\s+coherence", other=2.5),
    Cue("drawn", r"\b(?:graphs?|graphical|charts?|histogram|kaplan|flow\s?-?charts?|flow\s+diagram|algorithms?"
        r"|schematic\w*|scheme|diagram\w*"
        r"|illustrations?|illustrat(?:es|ing)\s+the|drawings?|sketch|cartoon|timeline|decision\s+tree|nomogram"
        r"|infographic|logo|pedigree|electropherogram|chromatogram|sequenc(?:e|ing)\s+(?:of|result|data)"
        r"|(?:western|southern)\s+blot|gel\s+electrophoresis|scatter\s?plots?|box\s?plots?|survival\s+curves?"
        r"|dose[-\s]response|curves?)\b", other=3.5),
    Cue("overview", r"\b(?:classification|summary|overview|pathways?|mechanisms?|pathogenesis|life\s+cycle"
        r"|chemical\s+structure|molecular|incidence|prevalence|"
        r"levels?|trend|changes\s+(?:in|of)|parameters|laboratory|map|percentage|distribution\s+of\s+(?:cases"
        r"|patients)|phylogen\w+|anatomy|dermatomes?|blaschko)\b", other=1.3),
    Cue("devices", r"\b(?:instruments?|devices?|apparatus|equipment|syringes?|forceps|curettes?|microtome"
        r"|microscope|handpiece|bottles?|screenshot|"
        r"portrait\s+of|title\s+page|textbook|statue|painting|engraving|culture\s+(?:plate|medium)"
        r"|agar)\b", other=2.0),
)  # fmt: skip

#: What it tells that a caption speaks, but has no cue for the modality of this name.
SILENCES: tuple[Cue, ...] = (
    Cue("dermoscopic", "", dermoscopic=-2.2),
    Cue("pathology", "", pathology=-0.7),
    Cue("other", "", other=-0.7),
)

_ORGAN = (
    r"\b(?:livers?|hepat\w+|kidneys?|renal|glomerul\w+|brains?|cerebr\w+|cerebell\w+|myocardi\w+"
    r"|endomyocardi\w+|cardiac|hearts?|bone\s+marrow"
    r"|lungs?|pulmonary|alveol(?:i|ar)|spleen|splenic|stomach|gastric|colon|colonic|intestin\w+|duoden\w+"
    r"|ile(?:um|al)|jejun\w+|pancrea\w+"
    r"|thyroid|prostat\w+|uter(?:us|ine)|endometri\w+|ovar(?:y|ian|ies)|placenta\w*|portal\s+tracts?"
    r"|bile\s+duct\w*|kupffer|sural\s+nerve"
    r"|muscle\s+(?:biopsy|fib\w+)|lymph\s+nodes?|adrenal|bladder|retina\w*|tonsil\w*|o?esophag\w+)\b"
)
_SKIN = (
    r"\b(?:skin|cutaneous\w*|derm(?:is|al|a|o\w+|at\w+)|epiderm\w*|follic\w+|subcut\w+|hypoderm\w*|melano\w+"
    r"|n(?:a)?ev(?:us|i|ic)|eccrine|apocrine|sebaceous"
    r"|panniculi\w+|keratin\w*|(?:para|hyper|ortho)keratosis|acanthosis|stratum|nail|scalp|papules?|plaques?"
    r"|purpura|rash|cutis|basal\s+cell|squamous)\b"
)
# Among photographs of tissue without any word on the organ, a dermatology book shows skin.
_ORGAN_PRIOR = 0.02
_ORGAN_WEIGHT = 6.5
_PHOTO_LIMIT, _OTHER_LIMIT, _WITHIN_LIMIT = 3.0, 4.5, 6.5
_FLOOR = 5e-4  # no picture is more certain than this, whatever the perceptron says

_COMPILED = tuple((cue, re.compile(cue.pattern, 0 if cue.cased else re.IGNORECASE)) for cue in CUES)
_ORGAN_RE, _SKIN_RE = re.compile(_ORGAN, re.IGNORECASE), re.compile(_SKIN, re.IGNORECASE)


def caption_cues(caption: str) -> tuple[Cue, ...]:
    """The cues a caption carries, in the order of :data:`CUES`; () for a caption that is mute on the modality.

    An organ other than skin is a cue only where no word of skin stands beside it. :data:`SILENCES` come last.
    """
    said = _NOT_CUES.sub(" ", " ".join(caption.split()))
    found = tuple(cue for cue, pattern in _COMPILED if pattern.search(said))
    if _ORGAN_RE.search(said) and not _SKIN_RE.search(said):
        found += (Cue("organ", _ORGAN, organ=_ORGAN_WEIGHT),)
    if said.strip():  # authors name the unusual way of looking and pass over the usual one
        found += tuple(silence for silence in SILENCES if not any(getattr(c, silence.name) > 0 for c in found))
    return found


def _caption_scores(cues: Iterable[Cue]) -> NDArray[np.float64]:
    """Log-likelihood of the cues under clinical, dermoscopic, skin pathology, organ pathology, other; bounded."""
    totals = np.zeros(5)
    for cue in cues:
        totals += (cue.clinical, cue.dermoscopic, cue.pathology, cue.pathology + cue.organ, cue.other)
    photo = totals[:3].max()
    inside = np.maximum(totals[:4] - photo, -_WITHIN_LIMIT) + max(-_PHOTO_LIMIT, min(_PHOTO_LIMIT, photo))
    return np.append(inside, min(_OTHER_LIMIT, totals[4]))


class ModalityModel:
    """The perceptron and its calibration; make one with :meth:`load`, it is small and holds no state of a picture."""

    def __init__(self, weights: dict[str, Any]) -> None:
        """Raises MmskinError where the weights were trained for other features or other labels."""
        if (
            weights.get("version") != FEATURE_VERSION
            or tuple(weights.get("features", ())) != feature_names()
            or tuple(weights.get("labels", ())) != LABELS
        ):
            raise MmskinError(
                f"The modality weights are of version {weights.get('version')!r}, the features of {FEATURE_VERSION}.",
                "Reinstall mmskin-hub, or train again: python benchmarks/train_modality.py --help",
            )
        self._mean, self._scale = np.asarray(weights["mean"]), np.asarray(weights["scale"])
        self._hidden, self._hidden_bias = np.asarray(weights["hidden"]), np.asarray(weights["hidden_bias"])
        self._out, self._out_bias = np.asarray(weights["out"]), np.asarray(weights["out_bias"])
        self._temperature = float(weights["temperature"])

    @classmethod
    def load(cls) -> ModalityModel:
        """The model with the weights that ship in the package."""
        source = resources.files("mmskin_hub.curate").joinpath("modality_weights.json")
        return cls(json.loads(source.read_text(encoding="utf-8")))

    def look(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Calibrated probabilities of :data:`LABELS` from the picture alone: float64, shape (4,), sum 1.

        ``image`` is uint8, H × W × 3, RGB. Raises ValueError where it is no picture.
        """
        # Outliers are reined in: ten standard deviations off says "unlike anything seen", not "ten times as sure".
        values = np.clip((features(image) - self._mean) / self._scale, -6.0, 6.0)
        hidden = np.maximum(values @ self._hidden + self._hidden_bias, 0.0)
        scores = (hidden @ self._out + self._out_bias) / self._temperature
        raised = np.exp(scores - scores.max())
        shares = np.maximum(raised / raised.sum(), _FLOOR)
        return np.asarray(shares / shares.sum())

    def predict(self, image: NDArray[np.uint8], caption: str = "") -> ModalityPrediction:
        """The modality of a picture with its caption ("" where there is none).

        ``image`` is uint8, H × W × 3, RGB; ``caption`` the clean caption of this picture or panel, head included.
        Raises ValueError where ``image`` is no picture.
        """
        return self.combine(self.look(image), caption)

    def combine(self, looked: NDArray[np.float64], caption: str) -> ModalityPrediction:
        """Join the picture's probabilities (shape (4,), from :meth:`look`) with the caption's cues."""
        skin, organ = looked[2] * (1 - _ORGAN_PRIOR), looked[2] * _ORGAN_PRIOR
        split = np.array([looked[0], looked[1], skin, organ, looked[3]])
        joint = np.log(split) + _caption_scores(caption_cues(caption))
        raised = np.exp(joint - joint.max())
        shares = raised / raised.sum()
        four = [float(shares[0]), float(shares[1]), float(shares[2]), float(shares[3] + shares[4])]
        four = [share / math.fsum(four) for share in four]
        best = max(range(4), key=lambda index: four[index])
        return ModalityPrediction(LABELS[best], four[best], dict(zip(LABELS, four, strict=True)))
