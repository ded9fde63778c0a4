"""How to cite the sources: BibTeX of the papers that datasets and methods come from.

Only what is certain is here: a source without a paper (Dermnet), or whose reference nobody has checked, has none, and
the card then gives its address alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from mmskin_hub.engine.names import space_of
from mmskin_hub.registry import PUBLIC

_MM_SKIN = """\
@misc{zeng2025mmskin,
  title         = {MM-Skin: Enhancing Dermatology Vision-Language Model with an Image-Text Dataset Derived from Textbooks},
  author        = {Zeng, Wenqi and Sun, Yuqi and Ma, Chenxi and Tan, Weimin and Yan, Bo},
  year          = {2025},
  eprint        = {2505.06152},
  archivePrefix = {arXiv}
}"""  # noqa: E501 (a title is not broken)
_HAM10000 = """\
@article{tschandl2018ham10000,
  title   = {The {HAM10000} dataset, a large collection of multi-source dermatoscopic images of common pigmented skin lesions},
  author  = {Tschandl, Philipp and Rosendahl, Cliff and Kittler, Harald},
  journal = {Scientific Data},
  volume  = {5},
  pages   = {180161},
  year    = {2018},
  doi     = {10.1038/sdata.2018.161}
}"""  # noqa: E501
_ISIC_2017 = """\
@misc{codella2017isic,
  title         = {Skin Lesion Analysis Toward Melanoma Detection: A Challenge at the 2017 International Symposium on Biomedical Imaging (ISBI), Hosted by the International Skin Imaging Collaboration (ISIC)},
  author        = {Codella, Noel C. F. and others},
  year          = {2017},
  eprint        = {1710.05006},
  archivePrefix = {arXiv}
}"""  # noqa: E501
_BCN20000 = """\
@article{hernandezperez2024bcn20000,
  title   = {{BCN20000}: Dermoscopic Lesions in the Wild},
  author  = {Hern{\\'a}ndez-P{\\'e}rez, Carlos and others},
  journal = {Scientific Data},
  volume  = {11},
  pages   = {641},
  year    = {2024},
  doi     = {10.1038/s41597-024-03387-w}
}"""
_HIBA = """\
@article{riccilara2023hiba,
  title   = {A dataset of skin lesion images collected in {Argentina} for the evaluation of {AI} tools in this population},
  author  = {Ricci Lara, Mar{\\'i}a Agustina and Rodr{\\'i}guez Kowalczuk, Mar{\\'i}a Victoria and Lisa Eliceche, Maite and Ferraresso, Mar{\\'i}a Guillermina and Luna, Daniel Roberto and Benitez, Sonia Elizabeth and Mazzuoccolo, Luis Daniel},
  journal = {Scientific Data},
  year    = {2023},
  doi     = {10.1038/s41597-023-02630-0}
}"""  # noqa: E501
_PAD_UFES_20 = """\
@article{pacheco2020padufes20,
  title   = {{PAD-UFES-20}: A skin lesion dataset composed of patient data and clinical images collected from smartphones},
  author  = {Pacheco, Andre G. C. and others},
  journal = {Data in Brief},
  volume  = {32},
  pages   = {106221},
  year    = {2020},
  doi     = {10.1016/j.dib.2020.106221}
}"""  # noqa: E501
_DDI = """\
@article{daneshjou2022ddi,
  title   = {Disparities in dermatology {AI} performance on a diverse, curated clinical image set},
  author  = {Daneshjou, Roxana and others},
  journal = {Science Advances},
  volume  = {8},
  number  = {32},
  year    = {2022},
  doi     = {10.1126/sciadv.abq6147}
}"""
_FITZPATRICK17K = """\
@misc{groh2021fitzpatrick17k,
  title         = {Evaluating Deep Neural Networks Trained on Clinical Images in Dermatology with the {Fitzpatrick 17k} Dataset},
  author        = {Groh, Matthew and others},
  year          = {2021},
  eprint        = {2104.09957},
  archivePrefix = {arXiv}
}"""  # noqa: E501
_SCIN = """\
@misc{ward2024scin,
  title         = {Crowdsourcing Dermatology Images with {Google} Search Ads: Creating a Real-World Skin Condition Dataset},
  author        = {Ward, Abbi and others},
  year          = {2024},
  eprint        = {2402.18545},
  archivePrefix = {arXiv}
}"""  # noqa: E501
_PATCH16 = """\
@article{kriegsmann2022patch16,
  title   = {Deep learning for the detection of anatomical tissue structures and neoplasms of the skin on scanned histopathological tissue sections},
  author  = {Kriegsmann, Katharina and others},
  journal = {Frontiers in Oncology},
  volume  = {12},
  year    = {2022},
  doi     = {10.3389/fonc.2022.1022967}
}"""  # noqa: E501
_DERM1M = """\
@misc{yan2025derm1m,
  title         = {{Derm1M}: A Million-scale Vision-Language Dataset Aligned with Clinical Ontology Knowledge for Dermatology},
  author        = {Yan, Siyuan and Hu, Ming and Jiang, Yiwen and Li, Xieji and Fei, Hao and Tschandl, Philipp and Kittler, Harald and Ge, Zongyuan},
  year          = {2025},
  eprint        = {2503.14911},
  archivePrefix = {arXiv}
}"""  # noqa: E501
_LLAVA_MED = """\
@misc{li2023llavamed,
  title         = {{LLaVA-Med}: Training a Large Language-and-Vision Assistant for Biomedicine in One Day},
  author        = {Li, Chunyuan and others},
  year          = {2023},
  eprint        = {2306.00890},
  archivePrefix = {arXiv}
}"""
_LORA = """\
@misc{hu2021lora,
  title         = {{LoRA}: Low-Rank Adaptation of Large Language Models},
  author        = {Hu, Edward J. and others},
  year          = {2021},
  eprint        = {2106.09685},
  archivePrefix = {arXiv}
}"""
_GREEN = """\
@article{lannelongue2021green,
  title   = {Green Algorithms: Quantifying the Carbon Footprint of Computation},
  author  = {Lannelongue, Lo{\\"i}c and Grealey, Jason and Inouye, Michael},
  journal = {Advanced Science},
  volume  = {8},
  number  = {12},
  pages   = {2100707},
  year    = {2021},
  doi     = {10.1002/advs.202100707}
}"""

CITATIONS: dict[str, tuple[str, ...]] = {
    "mm_skin": (_MM_SKIN,),
    "mm_skin_release": (_MM_SKIN,),
    "ham10000": (_HAM10000,),
    "isic2019": (_HAM10000, _ISIC_2017, _BCN20000),
    "bcn20000": (_BCN20000,),
    "hiba": (_HIBA,),
    "pad_ufes_20": (_PAD_UFES_20,),
    "ddi": (_DDI,),
    "fitzpatrick17k": (_FITZPATRICK17K,),
    "scin": (_SCIN,),
    "patch16": (_PATCH16,),
    "derm1m": (_DERM1M,),
    "llava-med": (_LLAVA_MED,),
    "lora": (_LORA,),
    "green-algorithms": (_GREEN,),
}
"""What each dataset, by its name in the registry, and each method is cited as. ISIC 2019 is made of three sources."""


def bibtex(names: Iterable[str]) -> str:
    """The references of the datasets and methods ``names`` in their order, each once; "" where there is none."""
    return "\n".join(
        dict.fromkeys(entry for name in names for entry in CITATIONS.get(name) or CITATIONS.get(name_of(name), ()))
    )


def name_of(source: str) -> str:
    """The name under which :data:`CITATIONS` and the registry have ``source``, however it is spelled."""
    return source if source in PUBLIC else space_of(source)
