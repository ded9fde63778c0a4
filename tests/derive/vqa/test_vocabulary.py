"""The tables of terms are sound, and a text is read from left to right, the longest term first."""

from __future__ import annotations

from collections import Counter
from importlib import resources
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskin_hub.derive.vqa.spelling import split
from mmskin_hub.derive.vqa.vocabulary import KINDS, Term, Vocabulary, _read, vocabulary
from mmskin_hub.schema import MODALITIES

FOLDER = resources.files("mmskin_hub.derive.vqa.terms")
TABLES = sorted(entry.name for entry in FOLDER.iterdir() if entry.name.endswith(".tsv"))
HEADER = "term\tkind\tpath\tsynonyms\topposites"


def term(name: str, kind: str = "lesion", path: str = "", synonyms: str = "", opposites: str = "") -> Term:
    parts = (tuple(part for part in cell.split("|") if part) for cell in (path, synonyms, opposites))
    return Term(name, kind, *parts)


def named(terms: Vocabulary, text: str) -> list[str]:
    return [found.term.name for found in terms.find(*split(text))]


def remarks(name: str) -> str:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return " ".join(line for line in lines if line.startswith("#"))


# The data


@pytest.mark.parametrize(
    ("kind", "least"),
    [("diagnosis", 700), ("site", 170), ("lesion", 100), ("dermoscopic", 130), ("histological", 260), ("colour", 20),
     ("border", 10), ("arrangement", 30), ("surface", 30), ("number", 2), ("laterality", 3), ("stain", 50)],
)  # fmt: skip
def test_there_are_terms_enough(kind: str, least: int) -> None:
    assert len(vocabulary().of_kind(kind)) >= least


def test_every_term_has_a_known_kind_and_every_kind_has_terms() -> None:
    assert {each.kind for each in vocabulary().terms.values()} == set(KINDS)


def test_the_modalities_are_those_of_the_schema() -> None:
    assert {each.name for each in vocabulary().of_kind("modality")} == set(MODALITIES)


def test_tables_name_every_term_once() -> None:
    rows = [row for name in TABLES for row in _read(name, (FOLDER / name).read_text(encoding="utf-8"))]
    twice = [name for name, times in Counter(row.name for row in rows).items() if times > 1]
    assert twice == []
    assert len(rows) == len(vocabulary().terms)


@pytest.mark.parametrize("name", TABLES)
def test_tables_have_five_columns_under_one_header(name: str) -> None:
    lines = [
        line for line in (FOLDER / name).read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
    ]
    assert lines[0] == HEADER
    assert [line for line in lines if line.count("\t") != 4] == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("attributes.tsv", "International League of Dermatological Societies"),
        ("dermoscopy.tsv", "International Society of Dermoscopy"),
        ("diagnoses.tsv", "ICD-11"),
        ("histology.tsv", "NCI Thesaurus"),
        ("lesions.tsv", "International League of Dermatological Societies"),
        ("sites.tsv", "Foundational Model of Anatomy"),
        ("techniques.tsv", "Biological Stain Commission"),
        ("lookalikes.txt", "textbooks of dermatology"),
    ],
)
def test_every_list_names_its_sources(name: str, source: str) -> None:
    assert source in remarks(name)


def test_no_list_is_without_a_stated_source() -> None:
    names = ("attributes", "dermoscopy", "diagnoses", "histology", "lesions", "sites", "techniques")
    assert [table.removesuffix(".tsv") for table in TABLES] == list(names)


def test_every_name_finds_its_own_term_whole() -> None:
    """So no two terms share a folded spelling, and no name is cut short by another."""
    wrong = []
    for each in vocabulary().terms.values():
        for name in (each.name, *each.synonyms):
            words = split(name)
            if vocabulary().find(*words) != [(each, 0, len(words[0]) - 1)]:
                wrong.append((each.name, name))
    assert wrong == []


def test_names_are_written_plainly() -> None:
    names = [name for each in vocabulary().terms.values() for name in (each.name, *each.synonyms, *each.path)]
    assert [name for name in names if name != " ".join(name.split()) or not name] == []
    assert [each.name for each in vocabulary().terms.values() if "'s" in each.name or "’s" in each.name] == []


def test_opposites_are_of_one_kind_and_mutual_and_never_kin() -> None:
    terms = vocabulary().terms
    wrong = [
        (each.name, other)
        for each in terms.values()
        for other in each.opposites
        if other not in terms
        or terms[other].kind != each.kind
        or each.name not in terms[other].opposites
        or each.is_kin(terms[other])
    ]
    assert wrong == []
    assert sum(bool(each.opposites) for each in terms.values()) >= 20


def test_no_term_is_a_kind_of_itself() -> None:
    wrong = [
        each.name
        for each in vocabulary().terms.values()
        if each.name in each.path
        or len(set(each.path)) != len(each.path)
        or any(each.name in vocabulary().terms[broader].path for broader in each.path if broader in vocabulary().terms)
    ]
    assert wrong == []


def test_lookalikes_are_groups_of_different_diagnoses() -> None:
    lines = (FOLDER / "lookalikes.txt").read_text(encoding="utf-8").splitlines()
    groups = [[name.strip() for name in line.split("|")] for line in lines if line and not line.startswith("#")]
    assert len(groups) >= 40
    for group in groups:
        assert len(set(group)) == len(group) >= 3
        assert {vocabulary().terms[name].kind for name in group} == {"diagnosis"}


# Reading with it


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("linear IgA disease", ["linear IgA bullous dermatosis"]),
        ("linear plaques", ["linear", "plaque"]),
        ("Superficial basal cell carcinoma", ["superficial basal cell carcinoma"]),
        ("basal cell carcinoma", ["basal cell carcinoma"]),
        ("Bowen’s disease of the finger", ["Bowen disease", "finger"]),
        ("a naevus flammeus", ["capillary malformation"]),
        ("Haemangioma of the lower lip", ["hemangioma", "lower lip"]),
        ("dorsum of the hand", ["dorsum of the hand"]),
        ("Gottron's papules over the knuckles", ["Gottron papule", "knuckle"]),
        ("Sections stained with H&E", ["pathology", "hematoxylin and eosin"]),
        ("arborising vessels", ["arborizing vessel"]),
        ("the words of another trade", []),
        ("", []),
    ],
)
def test_terms_found(text: str, names: list[str]) -> None:
    assert named(vocabulary(), text) == names


@pytest.mark.parametrize(
    ("printed", "other", "name"),
    [("AK on the scalp", "ak on the scalp", "actinic keratosis"), ("BCC", "bcc", "basal cell carcinoma"),
     ("PAS positive", "pas positive", "periodic acid-Schiff"), ("SCC", "scc", "squamous cell carcinoma")],
)  # fmt: skip
def test_an_abbreviation_is_meant_as_written(printed: str, other: str, name: str) -> None:
    assert name in named(vocabulary(), printed)
    assert name not in named(vocabulary(), other)


def test_the_longest_name_wins_and_a_failed_longer_one_gives_back_the_shorter() -> None:
    terms = Vocabulary([term("lichen"), term("lichen planus pilaris"), term("planus")])
    assert named(terms, "lichen planus pilaris") == ["lichen planus pilaris"]
    assert named(terms, "lichen planus of the wrist") == ["lichen", "planus"]


def test_a_word_in_capitals_that_is_no_abbreviation_is_the_word() -> None:
    terms = Vocabulary([term("antinuclear antibody", synonyms="ANA test"), term("ana")])
    assert named(terms, "ANA test") == ["antinuclear antibody"]
    assert named(terms, "ANA") == ["ana"]
    assert named(terms, "ana test") == ["ana"]


def test_a_term_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="'scale' stands twice"):
        Vocabulary([term("scale"), term("scale", "surface")])


def test_a_name_without_a_word_is_refused() -> None:
    with pytest.raises(ValueError, match="holds no word"):
        Vocabulary([term("scale", synonyms="the")])


def test_an_unknown_lookalike_is_refused() -> None:
    with pytest.raises(ValueError, match="nevus is no term"):
        Vocabulary([term("melanoma")], [("melanoma", "nevus")])


def test_an_unknown_kind_is_refused_with_its_line() -> None:
    text = f"# a remark\n{HEADER}\nscale\tlesion\t\t\t\nscaly\tflavour\t\t\t\n"
    with pytest.raises(ValueError, match=r"made\.tsv, line 4: the kind 'flavour'"):
        list(_read("made.tsv", text))


def test_rows_are_read_into_their_parts() -> None:
    row = "venous lake\tdiagnosis\tvascular > ectasia\tsenile lip hemangioma | VL\tnevus | wart"
    assert list(_read("made.tsv", f"# from a book\n{HEADER}\n{row}\n")) == [
        Term("venous lake", "diagnosis", ("vascular", "ectasia"), ("senile lip hemangioma", "VL"), ("nevus", "wart"))
    ]


def test_kin_are_ancestors_and_descendants_but_not_siblings() -> None:
    terms = vocabulary().terms
    assert terms["superficial basal cell carcinoma"].is_kin(terms["basal cell carcinoma"])
    assert terms["basal cell carcinoma"].is_kin(terms["superficial basal cell carcinoma"])
    assert terms["basal cell carcinoma"].is_kin(terms["basal cell carcinoma"])
    assert not terms["superficial basal cell carcinoma"].is_kin(terms["nodular basal cell carcinoma"])


def test_groups_of_a_kind_hold_what_lies_under_the_path() -> None:
    terms = Vocabulary(
        [term("arm", "site", "upper limb"), term("wrist", "site", "upper limb|arm"), term("nose", "site")]
    )
    assert [each.name for each in terms.of_kind("site")] == ["arm", "wrist", "nose"]
    assert [each.name for each in terms.of_kind("site", ("upper limb",))] == ["arm", "wrist"]
    assert [each.name for each in terms.of_kind("site", ("upper limb", "arm"))] == ["wrist"]
    assert list(terms.of_kind("lesion")) == []


def test_lookalikes_are_those_of_the_term_or_of_the_nearest_disease_it_is_a_kind_of() -> None:
    terms = Vocabulary(
        [term("melanoma"), term("lentigo maligna", path="tumor|melanoma"), term("nevus"), term("wart"), term("scar")],
        [("melanoma", "nevus"), ("melanoma", "wart")],
    )
    for name in ("melanoma", "lentigo maligna"):
        others = [each.name for each in terms.lookalikes(terms.terms[name])]
        assert [other for other in others if other != "melanoma"] == ["nevus", "wart"]
    assert list(terms.lookalikes(terms.terms["scar"])) == []


_SOME = [name for each in list(vocabulary().terms.values())[::29] for name in (each.name, *each.synonyms[:1])]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.sampled_from(_SOME) | st.sampled_from(["of the", "with", ",", "and", "linear", "lichen"]), max_size=8)
)
def test_terms_found_run_from_left_to_right_and_never_overlap(parts: list[str]) -> None:
    words, printed = split(" ".join(parts))
    found = vocabulary().find(words, printed)
    assert all(0 <= each.first <= each.last < len(words) for each in found)
    assert all(before.last < after.first for before, after in pairwise(found))
    assert bool(found) or not set(parts) & set(_SOME)
