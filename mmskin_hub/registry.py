"""One table of what the house can make. ``builders/`` is reached from here, by name, and never imported directly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType

from mmskin_hub.errors import MissingExtra


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset that ``mmskin build`` makes.

    ``source`` says what it is built from, and thereby which options the command takes ("books": PDF files; "mixture":
    built datasets; "public": the files of an official source). ``module`` has ``build(request) -> report`` or, of a
    public dataset, its description ``SPEC``. ``configs`` are all its configurations, the default first; of a mixture
    its variants.
    """

    name: str
    title: str
    module: str
    source: str
    configs: tuple[str, ...]

    def load(self) -> ModuleType:
        """Import the builder; this is where the heavy packages come in.

        Raises :class:`MissingExtra` where a package it needs is not installed.
        """
        try:
            return import_module(self.module)
        except ImportError as error:
            raise MissingExtra(f"mmskin build {self.name}", "build", error.name or str(error)) from error


@dataclass(frozen=True, slots=True)
class PublicDataset:
    """A dataset of somebody else, as its official source publishes it.

    ``classes`` stand in the order of the original scripts (by alphabet, but for DDI), and are empty where the data
    decides; ``images`` and ``per_class`` are the counts of a complete download, ``None`` and empty where the source
    states none; ``licence`` is that of the pictures; ``may_push`` says what of it may go to a public repository:
    "yes", "no", "labels" or "gated" (behind an agreement). ``group_by`` is what a grouped split keeps together,
    ``splits`` what ``--split`` takes; ``benchmark`` marks the eight that models are judged on.
    """

    name: str
    title: str
    modality: tuple[str, ...]
    classes: tuple[str, ...]
    images: int | None
    licence: str
    may_push: str
    source: str
    how_to_get: str
    group_by: tuple[str, ...]
    splits: tuple[str, ...]
    benchmark: bool = False
    per_class: Mapping[str, int] = field(default_factory=dict)
    configs: tuple[str, ...] = ("default",)

    @property
    def module(self) -> str:
        """The builder."""
        return f"mmskin_hub.builders.{self.name}"


_ARCHIVE = "isic image download --collections {number} DIR (pip install isic-cli): pictures and metadata.csv"
_NC = "CC BY-NC 4.0"

PUBLIC: dict[str, PublicDataset] = {
    dataset.name: dataset
    for dataset in (
        PublicDataset(
            name="ham10000",
            title="HAM10000, dermoscopic pictures of pigmented lesions",
            modality=("dermoscopic",),
            classes=(
                "Actinic Keratoses",
                "Basal Cell Carcinoma",
                "Benign Keratosis",
                "Dermatofibroma",
                "Melanoma",
                "Nevus",
                "Vascular lesions",
            ),
            per_class={
                "Actinic Keratoses": 327,
                "Basal Cell Carcinoma": 514,
                "Benign Keratosis": 1099,
                "Dermatofibroma": 115,
                "Melanoma": 1113,
                "Nevus": 6705,
                "Vascular lesions": 142,
            },
            images=10_015,
            licence=_NC,
            may_push="yes",
            source="https://doi.org/10.7910/DVN/DBW86T",
            how_to_get="Harvard Dataverse DBW86T: HAM10000_images_part_1 and _2, HAM10000_metadata; for the official "
            "test also ISIC2018_Task3_Test_Images and ISIC2018_Task3_Test_GroundTruth.csv",
            group_by=("lesion",),
            splits=("grouped", "paper", "official"),
            benchmark=True,
        ),
        PublicDataset(
            name="isic2019",
            title="ISIC 2019 challenge, training pictures",
            modality=("dermoscopic",),
            classes=(
                "Actinic Keratosis",
                "Basal Cell Carcinoma",
                "Benign Keratosis-like Lesions",
                "Dermatofibroma",
                "Melanoma",
                "Nevus",
                "Squamous Cell Carcinoma",
                "Vascular Lesions",
            ),
            per_class={
                "Actinic Keratosis": 867,
                "Basal Cell Carcinoma": 3323,
                "Benign Keratosis-like Lesions": 2624,
                "Dermatofibroma": 239,
                "Melanoma": 4522,
                "Nevus": 12875,
                "Squamous Cell Carcinoma": 628,
                "Vascular Lesions": 253,
            },
            images=25_331,
            licence=_NC,
            may_push="yes",
            source="https://challenge.isic-archive.com/data/#2019",
            how_to_get="the challenge page: ISIC_2019_Training_Input.zip, ISIC_2019_Training_GroundTruth.csv and "
            "ISIC_2019_Training_Metadata.csv",
            group_by=("lesion",),
            splits=("grouped", "paper"),
            benchmark=True,
        ),
        PublicDataset(
            name="bcn20000",
            title="BCN20000, dermoscopic pictures of the Hospital Clínic of Barcelona",
            modality=("dermoscopic",),
            classes=(
                "actinic keratosis",
                "basal cell carcinoma",
                "dermatofibroma",
                "melanoma",
                "melanoma metastasis",
                "nevus",
                "other",
                "scar",
                "seborrheic keratosis",
                "solar lentigo",
                "squamous cell carcinoma",
                "vascular lesion",
            ),
            images=18_946,  # as its paper has it (Hernández-Pérez et al. 2024)
            licence="CC BY-NC (per picture)",
            may_push="yes",
            source="https://api.isic-archive.com/collections/249/",
            how_to_get=_ARCHIVE.format(number=249),
            group_by=("patient", "lesion"),
            splits=("grouped", "paper"),
        ),
        PublicDataset(
            name="hiba",
            title="HIBA Skin Lesions, dermoscopic and clinical pictures of the Hospital Italiano de Buenos Aires",
            modality=("dermoscopic", "clinical"),
            classes=("benign", "malignant"),
            images=1_616,  # as its paper has it (Ricci Lara et al. 2023)
            licence="CC BY (per picture)",
            may_push="yes",
            source="https://api.isic-archive.com/collections/175/",
            how_to_get=_ARCHIVE.format(number=175),
            group_by=("patient", "lesion"),
            splits=("grouped", "paper"),
            benchmark=True,
        ),
        PublicDataset(
            name="mskcc",
            title="MSKCC, dermoscopic pictures of the Memorial Sloan Kettering Cancer Center",
            modality=("dermoscopic",),
            classes=(
                "AIMP",
                "acrochordon",
                "actinic keratosis",
                "angiokeratoma",
                "atypical melanocytic proliferation",
                "basal cell carcinoma",
                "cafe-au-lait macule",
                "dermatofibroma",
                "lentigo NOS",
                "lentigo simplex",
                "lichenoid keratosis",
                "melanoma",
                "neurofibroma",
                "nevus",
                "other",
                "scar",
                "seborrheic keratosis",
                "solar lentigo",
                "squamous cell carcinoma",
                "vascular lesion",
                "verruca",
            ),
            images=None,
            licence="per picture (copyright_license)",
            may_push="yes",
            source="https://api.isic-archive.com/collections/163/",
            how_to_get=_ARCHIVE.format(number=163),
            group_by=("patient", "lesion"),
            splits=("grouped", "paper"),
        ),
        PublicDataset(
            name="pad_ufes_20",
            title="PAD-UFES-20, photographs of skin lesions by smartphone",
            modality=("clinical",),
            classes=(
                "Actinic Keratosis",
                "Basal Cell Carcinoma",
                "Melanoma",
                "Nevus",
                "Seborrheic Keratosis",
                "Squamous Cell Carcinoma",
            ),
            per_class={
                "Actinic Keratosis": 730,
                "Basal Cell Carcinoma": 845,
                "Melanoma": 52,
                "Nevus": 244,
                "Seborrheic Keratosis": 235,
                "Squamous Cell Carcinoma": 192,
            },
            images=2_298,
            licence="CC BY 4.0",
            may_push="yes",
            source="https://data.mendeley.com/datasets/zr7vgbcyr2/1",
            how_to_get="Mendeley Data zr7vgbcyr2: metadata.csv and imgs_part_1.zip to imgs_part_3.zip",
            group_by=("patient", "lesion"),
            splits=("grouped",),
            benchmark=True,
        ),
        PublicDataset(
            name="ddi",
            title="DDI, Diverse Dermatology Images of biopsied lesions in all skin tones",
            modality=("clinical",),
            classes=("Non-Malignant", "Malignant"),
            per_class={"Non-Malignant": 485, "Malignant": 171},
            images=656,
            licence="Stanford AIMI research use agreement",
            may_push="no",
            source="https://ddi-dataset.github.io/",
            how_to_get="gated: sign the research use agreement of Stanford AIMI, then download the zip",
            group_by=(),
            splits=("grouped", "paper"),
            benchmark=True,
        ),
        PublicDataset(
            name="fitzpatrick17k",
            title="Fitzpatrick17k, clinical pictures of two atlases with skin types",
            modality=("clinical",),
            classes=("benign", "malignant", "non-neoplastic"),
            per_class={"benign": 2234, "malignant": 2263, "non-neoplastic": 12080},
            images=16_577,
            licence="annotations CC BY-NC-SA 3.0, pictures of the atlases they come from",
            may_push="labels",
            source="https://github.com/mattgroh/fitzpatrick17k",
            how_to_get="fitzpatrick17k.csv from its repository; the pictures by the column url (many are dead), or on "
            "request from the authors, as <md5hash>.jpg",
            group_by=("picture",),
            splits=("grouped", "paper"),
            benchmark=True,
        ),
        PublicDataset(
            name="scin",
            title="SCIN, photographs that people took of their own skin",
            modality=("clinical",),
            classes=(),
            images=10_408,
            licence="SCIN Data Use License (attribution, no re-identification)",
            may_push="gated",
            source="https://github.com/google-research-datasets/scin",
            how_to_get="gsutil -m cp -r gs://dx-scin-public-data/dataset DIR",
            group_by=("case",),
            splits=("grouped",),
        ),
        PublicDataset(
            name="dermnet",
            title="Dermnet, clinical pictures in 23 folders",
            modality=("clinical",),
            classes=(
                "Acne and rosacea",
                "Actinic Keratosis Basal Cell Carcinoma and other Malignant Lesions",
                "Atopic dermatitis",
                "Bullous disease",
                "Cellulitis Impetigo and other Bacterial Infections",
                "Eczema",
                "Exanthems and Drug Eruptions",
                "Hair loss  alopecia and other hair diseases",
                "Herpes hpv and other stds",
                "Light Diseases and Disorders of Pigmentation",
                "Lupus and other Connective Tissue diseases",
                "Melanoma Skin Cancer Nevi and Moles",
                "Nail Fungus and other Nail Disease",
                "Poison ivy  and other contact dermatitis",
                "Psoriasis pictures Lichen Planus and related diseases",
                "Scabies Lyme Disease and other Infestations and Bites",
                "Seborrheic Keratoses and other Benign Tumors",
                "Systemic Disease",
                "Tinea Ringworm Candidiasis and other Fungal Infections",
                "Urticaria Hives",
                "Vascular Tumors",
                "Vasculitis",
                "Warts Molluscum and other Viral Infections",
            ),
            images=19_559,
            licence="copyright of Dermnet",
            may_push="no",
            source="https://www.kaggle.com/datasets/shubhamgoel27/dermnet",
            how_to_get="login only: kaggle datasets download shubhamgoel27/dermnet",
            group_by=("case series",),
            splits=("grouped", "paper", "official"),
            benchmark=True,
        ),
        PublicDataset(
            name="patch16",
            title="PATCH16, tiles of skin sections",
            modality=("pathology",),
            classes=("nontumor", "tumor"),
            images=129_364,  # as its paper has it (Kriegsmann et al. 2022)
            licence="not verified",
            may_push="no",
            source="https://doi.org/10.11588/data/7QCR8S",
            how_to_get="heiDATA 7QCR8S: the zip with data/tiles and data/tiles-v2.csv; ask before passing it on",
            group_by=("slide",),
            splits=("grouped", "paper", "official"),
            benchmark=True,
        ),
        PublicDataset(
            name="mm_skin_release",
            title="MM-Skin as its authors published it: captions and questions",
            modality=("clinical", "dermoscopic", "pathology"),
            classes=(),
            images=None,
            licence="textbook content, not redistributable",
            may_push="no",
            source="https://github.com/ZwQ803/MM-Skin",
            how_to_get="the links on its page: the folder of pictures, caption.csv, VQA.csv and MM-Skin_test.csv",
            group_by=("book",),
            splits=("grouped", "paper"),
            configs=("captions", "open_vqa"),
        ),
        PublicDataset(
            name="derm1m",
            title="Derm1M, pictures and captions with a path in an ontology",
            modality=(),
            classes=(),
            images=None,
            licence=_NC,
            may_push="no",
            source="https://huggingface.co/datasets/redlessone/Derm1M",
            how_to_get="gated on the Hub: accept its terms, then hf download redlessone/Derm1M --repo-type dataset; "
            "link to it, do not copy it",
            group_by=("picture",),
            splits=("grouped", "official"),
        ),
    )
}
"""The public datasets, the eight benchmarks among them (``benchmark``)."""

DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            name="mm_skin",
            title="picture-caption pairs out of dermatology textbooks",
            module="mmskin_hub.builders.mm_skin",
            source="books",
            configs=("captions", "open_vqa", "demographics"),
        ),
        Dataset(
            name="skinvl_sft",
            title="the training mixture of a SkinVL variant, as conversations",
            module="mmskin_hub.builders.skinvl_sft",
            source="mixture",
            configs=("mm", "pub", "pubmm"),
        ),
        *(Dataset(public.name, public.title, public.module, "public", public.configs) for public in PUBLIC.values()),
    )
}
