"""Which diagnoses belong to the classes of each dataset, beyond what the label table says.

An entry is the name of a term of ``derive/vqa/terms`` (its kinds follow it), a path of terms ("a > b"), or, after "=",
a phrase. The nearest rule up the path of a term wins, so a class of its own ("solar lentigo") is never swallowed by a
group. Sources: the descriptions of the datasets (Tschandl P et al. Sci Data 2018;5:180161 for HAM10000 and thereby
ISIC2019; the folders of Dermnet and the captions in them), where the label table has no row of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

Rules = Mapping[str, tuple[str, ...]]

_VASCULAR = (
    "neoplastic > benign > vascular",
    "vascular malformation",
    "lymphatic malformation",
    "subungual hematoma",
    "hematoma",
    "=vascular",
    "=vascular tumor",
    "=vascular malformation",
    "=hemorrhage",
    "=blood vessel lesion",
)
_KERATOSIS = (
    "seborrheic keratosis",
    "solar lentigo",
    "lichen planus-like keratosis",
    "=pigmented benign keratosis",
    "=benign keratosis",
    "=benign keratosis like lesion",
    "=benign keratotic lesion",
)
_METASTASIS = (
    "=metastasis of melanoma",
    "=metastasis from melanoma",
    "=secondary melanoma",
    "=metastatic deposit of melanoma",
)
_AIMP = ("=atypical intraepidermal melanocytic proliferation",)

_DERMNET: Rules = {
    "Acne and rosacea": ("inflammatory > acneiform", "hidradenitis suppurativa", "=pimple", "=rhinophyma"),
    "Actinic Keratosis Basal Cell Carcinoma and other Malignant Lesions": (
        "neoplastic > malignant",
        "neoplastic > premalignant",
        "=malignant lesion",
        "=malignant tumor",
    ),
    "Atopic dermatitis": ("atopic dermatitis",),
    "Bullous disease": (
        "inflammatory > autoimmune bullous disease",
        "Darier disease",
        "Hailey-Hailey disease",
        "transient acantholytic dermatosis",
        "epidermolysis bullosa",
        "=blistering disease",
        "=bullous disorder",
        "=autoimmune blistering disease",
    ),
    "Cellulitis Impetigo and other Bacterial Infections": ("infectious > bacterial", "=bacterial infection"),
    "Eczema": ("dermatitis", "lichen simplex chronicus", "=eczema"),
    "Exanthems and Drug Eruptions": (
        "drug reaction",
        "infectious > viral > viral exanthem",
        "exanthem",
        "=drug eruption",
        "=drug rash",
        "=exanthem",
        "=exanthema",
    ),
    "Hair loss  alopecia and other hair diseases": (
        "hair",
        "=hair loss",
        "=hair disease",
        "=hair disorder",
        "=baldness",
    ),
    "Herpes hpv and other stds": (
        "herpes simplex",
        "condyloma acuminatum",
        "infectious > sexually transmitted",
        "=herpes",
        "=hpv",
        "=std",
        "=sti",
        "=genital wart",
        "=sexually transmitted disease",
        "=sexually transmitted infection",
    ),
    "Light Diseases and Disorders of Pigmentation": (
        "pigmentary",
        "photosensitivity",
        "sunburn",
        "=light disease",
        "=pigmentation disorder",
        "=disorder of pigmentation",
        "=pigmentary disorder",
        "=photodermatosis",
    ),
    "Lupus and other Connective Tissue diseases": (
        "inflammatory > connective tissue disease",
        "=lupus",
        "=connective tissue disease",
    ),
    "Melanoma Skin Cancer Nevi and Moles": (
        "neoplastic > malignant > melanocytic",
        "neoplastic > benign > nevus",
        "nevus",
        "=mole",
        "=nevus",
    ),
    "Nail Fungus and other Nail Disease": ("nail", "onychomycosis", "=nail fungus", "=nail disease", "=nail disorder"),
    "Poison ivy  and other contact dermatitis": ("contact dermatitis", "plant dermatitis", "=poison ivy"),
    "Psoriasis pictures Lichen Planus and related diseases": (
        "inflammatory > papulosquamous",
        "inflammatory > lichenoid dermatitis",
        "lichen planus",
    ),
    "Scabies Lyme Disease and other Infestations and Bites": (
        "infestation",
        "Lyme disease",
        "erythema migrans",
        "=infestation",
        "=insect bite",
        "=arthropod bite",
        "=bug bite",
        "=lice",
    ),
    "Seborrheic Keratoses and other Benign Tumors": ("neoplastic > benign", "=benign tumor", "=benign growth"),
    "Systemic Disease": ("other > systemic disease", "=systemic disorder"),
    "Tinea Ringworm Candidiasis and other Fungal Infections": (
        "infectious > fungal",
        "=fungal infection",
        "=ringworm",
        "=tinea",
        "=mycosis",
    ),
    "Urticaria Hives": ("inflammatory > urticarial", "=hives", "=urticaria"),
    "Vascular Tumors": (
        "neoplastic > benign > vascular",
        "vascular malformation",
        "=vascular tumor",
        "=vascular lesion",
    ),
    "Vasculitis": ("vascular > vasculitis", "=vasculitis"),
    "Warts Molluscum and other Viral Infections": (
        "infectious > viral",
        "=viral infection",
        "=wart",
        "=molluscum",
    ),
}

RULES: Mapping[str, Rules] = {
    "ham10000": {
        "Actinic Keratoses": ("Bowen disease", "squamous cell carcinoma in situ", "=intraepithelial carcinoma"),
        "Benign Keratosis": _KERATOSIS,
        "Vascular lesions": _VASCULAR,
    },
    "isic2019": {"Benign Keratosis-like Lesions": _KERATOSIS, "Vascular Lesions": _VASCULAR},
    "bcn20000": {"vascular lesion": _VASCULAR, "melanoma metastasis": _METASTASIS},
    "mskcc": {"vascular lesion": _VASCULAR, "AIMP": _AIMP, "cafe-au-lait macule": ("=cafe au lait",)},
    "dermnet": _DERMNET,
    "hiba": {
        "benign": ("=benignity", "=harmless"),
        "malignant": ("=malignancy", "=malign", "=cancer", "=cancerous", "=skin cancer", "=carcinoma", "=lymphoma"),
    },
    "ddi": {
        "Non-Malignant": ("=benign", "=benignity", "=harmless", "=non neoplastic", "=premalignant", "=inflammatory"),
        "Malignant": ("=malignancy", "=malign", "=cancer", "=cancerous", "=skin cancer", "=carcinoma", "=lymphoma"),
    },
    "fitzpatrick17k": {
        "benign": ("=benign tumor", "=benign neoplasm", "=benignity"),
        "malignant": (
            "=malignancy",
            "=malign",
            "=malignant tumor",
            "=malignant neoplasm",
            "=cancer",
            "=cancerous",
            "=skin cancer",
            "=carcinoma",
            "=lymphoma",
        ),
        "non-neoplastic": (
            "=inflammatory",
            "=inflammation",
            "=infectious",
            "=infection",
            "=infestation",
            "=autoimmune",
            "=genodermatosis",
            "=non tumor",
        ),
    },
    "patch16": {
        "nontumor": (
            "=normal",
            "=healthy",
            "=normal skin",
            "=normal tissue",
            "=healthy skin",
            "=healthy tissue",
            "=non tumorous",
            "=non tumoral",
            "=non neoplastic",
            "=tumor free",
            "=non tumor tissue",
        ),
        "tumor": (
            "=tumorous",
            "=tumoral",
            "=neoplasm",
            "=neoplastic",
            "=neoplasia",
            "=cancer",
            "=cancerous",
            "=malignancy",
            "=malignant",
            "=carcinoma",
            "=lymphoma",
            "neoplastic",
        ),
    },
}
"""By dataset and class."""

BY_MALIGNANCY: Mapping[str, Mapping[str, str]] = {
    "hiba": {"malignant": "malignant", "benign": "benign", "non-neoplastic": "benign"},
    "ddi": {
        "malignant": "Malignant",
        "premalignant": "Non-Malignant",
        "benign": "Non-Malignant",
        "non-neoplastic": "Non-Malignant",
    },
    "fitzpatrick17k": {"malignant": "malignant", "benign": "benign", "non-neoplastic": "non-neoplastic"},
}
"""The class that a diagnosis of each malignancy belongs to. Premalignant is none of the classes of HIBA and
Fitzpatrick17k: reading actinic keratosis as either would be our opinion and not the answer's."""
