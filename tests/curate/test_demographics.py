"""The demographics grammar: an adversarial corpus with answers, generated phrases, the shared truth where present."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskin_hub.curate.demographics import AGE_GROUPS, age_group, read_demographics

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"

M, F, N = "male", "female", None

# Caption, age in years, sex. Written for this test; each row is one way of saying it, or of seeming to.
CORPUS: list[tuple[str, float | None, str | None]] = [
    # ages before their word
    ("Guttate psoriasis on the trunk of a 24-year-old woman.", 24, F),
    ("Guttate psoriasis on the trunk of a 24 year old woman.", 24, F),
    ("Guttate psoriasis on the trunk of a 24-year old woman.", 24, F),
    ("Guttate psoriasis on the trunk of a 24 years old woman.", 24, F),
    ("Keloid of the ear lobe, 19‑year‑old girl.", 19, F),
    ("Keloid of the ear lobe, 19–year–old girl.", 19, F),
    ("Keloid of the ear lobe, 19−year−old girl.", 19, F),
    ("Bowen disease in an 81year-old man.", 81, M),
    ("Bowen disease in an 81-year- old man.", 81, M),
    ("Bowen disease in an 81 -year -old man.", 81, M),
    ("Bowen disease in an 8l-year-old man.", 81, M),
    ("Bowen disease in an 81yearold man.", 81, M),
    ("Rosacea in a 54-yr-old lady.", 54, F),
    ("Rosacea in a 54 y/o lady.", 54, F),
    ("Rosacea in a 54 y.o. lady.", 54, F),
    ("Rosacea in a 54yo lady.", 54, F),
    ("Rosacea in a 54 yo female.", 54, F),
    ("Rosacea in a 54-yo female.", 54, F),
    ("Strawberry naevus in an infant 18 months old.", 1.5, N),
    ("Strawberry naevus in a 5-month-old girl.", 5 / 12, F),
    ("Strawberry naevus in a 5-mo-old girl.", 5 / 12, F),
    ("Epidermolysis bullosa in a 2-week-old infant.", 0.038, N),
    ("Epidermolysis bullosa in a 3-day-old boy.", 3 / 365.25, M),
    ("Erythema toxicum, 36-hour-old newborn.", 0.004, N),
    ("Erythema toxicum in a one-day-old male neonate.", 1 / 365.25, M),
    ("A six-year-old with ringworm of the scalp.", 6, N),
    ("Ringworm of the scalp in a forty-five year old farmer.", 45, N),
    ("Molluscum in a twenty-two-year-old man.", 22, M),
    ("Molluscum in a twenty two year old man.", 22, M),
    ("Six-year-old boy with molluscum.", 6, M),
    ("Sixteen-month-old girl with perianal warts.", 16 / 12, F),
    ("Impetigo in a 3½-year-old boy.", 3.5, M),
    ("Impetigo in a 3 ½-year-old boy.", 3.5, M),
    ("Impetigo in a 3 1/2-year-old boy.", 3.5, M),
    ("Impetigo in a 1.5-year-old boy.", 1.5, M),
    ("Impetigo in a three-and-a-half-year-old boy.", 3.5, M),
    ("Impetigo in a girl two and a half years old.", 2.5, F),
    ("Impetigo in a 2-year and 3-month-old boy.", 2.25, M),
    ("Impetigo in a girl aged 2 years and 6 months.", 2.5, F),
    ("Scabies in a 45-year-old, HIV-positive, homeless man.", 45, M),
    ("Scabies in a 45-year-old Caucasian.", 45, N),
    ("Scabies in a 45-year-old psoriasis patient.", 45, N),
    ("Scabies in a 45-year-old renal transplant recipient.", 45, N),
    ("A 62-year-old female smoker with leukoplakia.", 62, F),
    ("A 40 year male with chromoblastomycosis.", 40, M),
    ("A 40 years female with chromoblastomycosis.", 40, F),
    ("Vitiligo, 33 years of age.", 33, N),
    ("A man 72 years of age with a horn on the hand.", 72, M),
    # ages behind their word
    ("Shagreen patch in a male patient aged 40 years.", 40, M),
    ("Shagreen patch in a woman (aged 36), after 5-year follow-up.", 36, F),
    ("Shagreen patch in a woman, aged fifty-one.", 51, F),
    ("Shagreen patch, aged 54.", 54, N),
    ("Shagreen patch in a child aged 18 months.", 1.5, N),
    ("Shagreen patch in a boy, age 12.", 12, M),
    ("Shagreen patch (male, age 12).", 12, M),
    ("Shagreen patch. Age: 54 years. Sex: female.", 54, F),
    ("The same girl at the age of six.", 6, F),
    ("The same patient at age 17, Caesarean scar healed.", 17, N),
    ("Chronic plaque psoriasis. Man, 54 years.", 54, M),
    ("Chronic plaque psoriasis. Man, 54.", 54, M),
    ("Chronic plaque psoriasis (woman, 54 years).", 54, F),
    ("Chronic plaque psoriasis in a woman (54 years).", 54, F),
    ("Chronic plaque psoriasis in a man, 61, with arthritis.", 61, M),
    ("Stasis ulcer, 65F.", 65, F),
    ("A 65M with stasis ulcer.", 65, M),
    ("Stasis ulcer (54 M).", 54, M),
    ("Stasis ulcer (54/M).", 54, M),
    ("Stasis ulcer (F/71).", 71, F),
    ("Stasis ulcer (F, 71).", 71, F),
    ("Lip of a man of 60.", 60, M),
    ("Nails of a boy of 12 years.", 12, M),
    ("Nails of a woman of 54 years' experience in nursing.", N, F),
    ("A 16-year-old's acne.", 16, N),
    ("A 54 yr. old man with gout.", 54, M),
    ("34-year-old F with lupus.", 34, F),
    ("A 1-year, 3-month-old boy with exanthem.", 1.25, M),
    ("A boy aged 2 years 2 weeks after exanthem.", 2, M),
    ("An 8-year-old girl and an 11-year-old boy with warts.", N, N),
    ("The patient was 54 years old.", 54, N),
    ("A male homosexual with Kaposi sarcoma.", N, M),
    ("Syphilis in a female sex worker.", N, F),
    ("Hot-spot in an 11-year-old female golden retriever.", N, N),
    ("Acne (age 14).", 14, N),
    ("Pemphigus foliaceus in a 5-year-old German shepherd.", N, N),
    ("Onychomycosis present for more than 10 years in an 80-year-old.", 80, N),
    ("Wickham striae; dermoscopy; woman; 47 years.", 47, F),
    ("Alopecia areata, 8 yrs, F.", 8, F),
    ("Photograph taken when the patient was 14 years old.", 14, N),
    ("Burn acquired when the patient was 14 years old.", N, N),
    ("Melanoma, Breslow 2.1 mm; 10-year survival 75%.", N, N),
    ("Congenital naevus at birth (a) and at 2 years of age (b).", 2, N),
    ("Keratosis pilaris on a girl's arm; her brother was similarly affected.", N, F),
    ("Leiomyomas in a 48-year-old woman whose sister, aged 52, had renal cancer.", 48, F),
    ("Psoriasis vulgaris since childhood in this 31-year-old teacher.", 31, N),
    ("Herald patch, 7 days old, in a 23-year-old student.", 23, N),
    ("Spider bite, 24 hours old.", N, N),
    ("Facial angiofibromas in a 20-year-old man with epilepsy since the age of 2.", 20, M),
    ("Onset was at 50 years of age; photograph of a man aged 63.", 63, M),
    ("Cowpox caught from a cat by a 12-year-old girl.", 12, F),
    # no number is no age
    ("Transient pustular melanosis in a newborn.", N, N),
    ("Transient pustular melanosis in a neonate girl.", N, F),
    ("Solar elastosis in an elderly woman.", N, F),
    ("Solar elastosis in a man in his 50s.", N, M),
    ("Solar elastosis in a woman in her late sixties.", N, F),
    ("Solar elastosis in a middle-aged gentleman.", N, M),
    ("Solar elastosis in an octogenarian.", N, N),
    # ranges and statistics
    ("Pityriasis alba is usual in children 6-8 years old.", N, N),
    ("Pityriasis alba in 6- to 8-year-old children.", N, N),
    ("Pityriasis alba, typically between 6 and 8 years of age.", N, N),
    ("Pityriasis alba in children aged 3 to 16 years.", N, N),
    ("Two siblings aged 5 and 7 with scabies.", N, N),
    ("Seborrhoeic keratoses in people over 60 years of age.", N, N),
    ("Seborrhoeic keratoses in adults older than 60 years.", N, N),
    ("Mean age 54 years; men and women alike.", N, N),
    ("Incidence of melanoma by age group 20–30.", N, N),
    # spans of time
    ("Prurigo nodularis of 10 years' duration.", N, N),
    ("Prurigo nodularis of 10 years’ duration in a housewife.", N, F),
    ("Graph of 5-year survival in melanoma.", N, N),
    ("Healed scar after 5-year follow-up.", N, N),
    ("Healed scar at 3-month follow-up in a girl.", N, F),
    ("Blue naevus, present for 6 months.", N, N),
    ("Blue naevus, present for 3 years, in a man aged 33.", 33, M),
    ("Hansen disease with a history of 20 years.", N, N),
    ("A woman, 10 years after mastectomy, with angiosarcoma.", N, F),
    ("A man, 3 months into treatment with isotretinoin.", N, M),
    ("Acne after 6 months of isotretinoin in a boy.", N, M),
    ("Basal cell carcinoma after 25 years of sun exposure.", N, N),
    ("Patient 2 weeks after a tick bite.", N, N),
    ("Chilblains for 3 years in a lady.", N, F),
    ("A 30-year history of hidradenitis.", N, N),
    ("A 30-year smoking habit in a 61-year-old man.", 61, M),
    # beginnings
    ("Port-wine stain, growing since age 5.", N, N),
    ("Vitiligo with onset at age 12.", N, N),
    ("Vitiligo that began at age 12 in a 40-year-old man.", 40, M),
    ("Burn acquired when she was 5 years old.", N, F),
    ("Alopecia since the age of 8 in a woman aged 30.", 30, F),
    ("First noticed at 3 months of age.", N, N),
    ("The haemangioma resolved by 5 years of age.", N, N),
    # the age of things
    ("A 10-year-old lesion on the shin.", N, N),
    ("Squamous cell carcinoma in a 40-year-old burn scar.", N, N),
    ("Squamous cell carcinoma in a 40-year-old burn scar of a man aged 67.", 67, M),
    ("Sarcoid in a 10-year-old tattoo.", N, N),
    ("A 48-hour-old lesion of zoster.", N, N),
    ("A 6-month-old ulcerated plaque on the lip of a 70-year-old farmer.", 70, N),
    ("Biopsy of a 2-day-old blister from a 44-year-old woman.", 44, F),
    ("A 20-year-old keratoacanthoma? No: a 3-week-old one in a man aged 58.", N, M),
    ("A bruise aged 3 days.", N, N),
    ("Culture on Sabouraud agar, 14-day-old colony.", N, N),
    ("Infant of 28 weeks' gestation with aplasia cutis.", N, N),
    ("Infant born at a gestational age of 28 weeks.", N, N),
    # relatives
    ("Scabies in an infant whose mother aged 30 itched as well.", N, N),
    ("Neonatal lupus in a 3-week-old girl; her mother has Sjögren syndrome.", 3 * 7 / 365.25, F),
    ("Tinea faciei in a boy and in his 6-year-old sister.", N, M),
    ("The father of the patient had the same nails.", N, N),
    ("Mother of the child with neurofibromatosis.", N, N),
    ("Café-au-lait macules; maternal history positive.", N, N),
    ("A 28-year-old mother with nipple eczema.", 28, F),
    ("Girl infected by her 40-year-old father.", N, F),
    # animals
    ("Mange in a male dog.", N, N),
    ("Ringworm in a 2-year-old calf.", N, N),
    ("Ringworm caught from a 2-year-old bull by a farmer aged 50.", 50, N),
    ("Female Sarcoptes scabiei with eggs.", N, N),
    ("A female mite at the end of its burrow.", N, N),
    ("The female sandfly transmits Leishmania.", N, N),
    ("Bite of a black widow spider.", N, N),
    ("Sting of a Portuguese man-of-war.", N, N),
    ("Bite of a brown recluse in a boy.", N, M),
    # terms and anatomy
    ("Male-pattern baldness, Hamilton type IV.", N, N),
    ("Female pattern hair loss, Ludwig II.", N, N),
    ("Female pattern hair loss in a 50-year-old woman.", 50, F),
    ("Male pattern hair loss in a woman.", N, F),
    ("Lichen sclerosus of the female genitalia.", N, N),
    ("Pearly papules of the penis.", N, N),
    ("Fordyce spots of the scrotum.", N, N),
    ("Male:female ratio 3:1.", N, N),
    ("Lupus has a strong female predominance.", N, N),
    ("A man-made fibre found in the wound.", N, N),
    # sexes
    ("Melasma in a pregnant patient.", N, F),
    ("Striae in the third trimester of pregnancy.", N, F),
    ("Pruritic urticarial papules and plaques of pregnancy.", N, N),
    ("Hand eczema in a housewife.", N, F),
    ("Hand eczema in a farmer.", N, N),
    ("Head lice in a schoolboy.", N, M),
    ("Head lice in schoolchildren.", N, N),
    ("Orf in a fisherman's finger.", N, M),
    ("A girl's scalp with nits.", N, F),
    ("Male infant with aplasia cutis.", N, M),
    ("Adult female with xerosis.", N, F),
    ("Young black male with pseudofolliculitis.", N, M),
    ("Gender: male. Age 7.", 7, M),
    ("Contact dermatitis from his watch strap.", N, M),
    ("She had noticed the lump on her cheek.", N, F),
    ("HER2 stain of mammary Paget disease.", N, N),
    ("HE stain, ×100.", N, N),
    ("Porokeratosis affects men and women equally.", N, N),
    ("Rhinophyma, commoner in males.", N, N),
    ("Erythema nodosum occurs mainly in young women.", N, N),
    ("Two boys with tinea capitis.", N, M),
    ("A man and a woman with the same tattoo.", N, N),
    ("(A) Boy, before treatment. (B) Girl, after treatment.", N, N),
    ("(A) A 69-year-old man. (B) A 48-year-old man.", N, M),
    ("Male-to-female transmission of scabies.", N, N),
    ("Annular plaques (H&E, ×100).", N, N),
    ("Nodule 12 mm across on the cheek, x 40.", N, N),
    ("", N, N),
]


@pytest.mark.parametrize(("caption", "age", "sex"), CORPUS, ids=[row[0][:50] for row in CORPUS])
def test_corpus(caption: str, age: float | None, sex: str | None) -> None:
    read = read_demographics(caption)
    assert read.sex == sex
    if age is None:
        assert read.age_years is None
    else:
        assert read.age_years == pytest.approx(age, abs=0.005)


def test_corpus_is_large_enough_to_mean_something() -> None:
    assert len({caption for caption, _, _ in CORPUS}) >= 120


def test_spans_point_at_the_words() -> None:
    text = "Zoster in a 45-year-old, otherwise healthy man."
    read = read_demographics(text)
    assert read.age_span and text[slice(*read.age_span)] == "45-year-old"
    assert read.sex_span and text[slice(*read.sex_span)] == "man"


_UNIT = st.sampled_from([("year", 1.0, 99), ("month", 1 / 12, 23), ("week", 7 / 365.25, 12), ("day", 1 / 365.25, 28)])
_DASH = st.sampled_from(["-", "‑", "–", "−", " ", "- ", " -"])
_PERSON = st.sampled_from(
    [("man", M), ("woman", F), ("boy", M), ("girl", F), ("male", M), ("female infant", F), ("lady", F), ("patient", N),
     ("farmer", N), ("white gentleman", M), ("HIV-positive man", M), ("child", N), ("male patient", M)]
)  # fmt: skip
_BEFORE = st.sampled_from(
    ["", "Lichen planus on the wrist of ", "Annular plaques in ", "Dermoscopy (×10) of a nodule in ",
     "A 10-year-old scar in ", "Stain of 12 years' duration in ", "Tumour that began at age 5 in ",
     "Male-pattern baldness in ", "Bite of a female tick in ", "Type 2 leprosy reaction in "]
)  # fmt: skip
_AFTER = st.sampled_from(
    ["", ", present for 6 months", ", after 5-year follow-up", ", of 10 years' duration", " (H&E, ×100)",
     " with a 20-year history of smoking", ", measuring 12 mm across", " and a mean survival of 5 years",
     ", 2 weeks after a tick bite", " (see Fig. 3.1)"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(_UNIT, st.integers(1, 99), _DASH, _DASH, _PERSON, _BEFORE, _AFTER)
def test_a_stated_age_is_read_among_distractors(
    unit: tuple[str, float, int],
    number: int,
    one: str,
    two: str,
    person: tuple[str, str | None],
    before: str,
    after: str,
) -> None:
    name, years, most = unit
    number = 1 + number % most
    read = read_demographics(f"{before}a {number}{one}{name}{two}old {person[0]}{after}.")
    assert read.age_years == pytest.approx(number * years, abs=1e-6)
    assert read.sex == person[1]


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 99), st.sampled_from(["aged {}", "(aged {})", ", aged {} years", "aged {} years", ", age {}"]),
       _PERSON, _BEFORE, _AFTER)  # fmt: skip
def test_an_announced_age_is_read_among_distractors(
    number: int, form: str, person: tuple[str, str | None], before: str, after: str
) -> None:
    phrase = f"{person[0]} {form.format(number)}".replace(" ,", ",")
    read = read_demographics(f"{before}a {phrase}{after}.")
    assert read.age_years == number
    assert read.sex == person[1]


@settings(max_examples=200, deadline=None)
@given(_BEFORE, _AFTER)
def test_distractors_alone_say_nothing(before: str, after: str) -> None:
    read = read_demographics(f"{before}a plaque{after}.")
    assert (read.age_years, read.sex) == (None, None)


def _spelt(number: int) -> str:
    ones = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    small = [*ones.split(), "seventeen", "eighteen", "nineteen"]
    tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    if number < 20:
        return small[number]
    return tens[number // 10 - 2] + (f"-{small[number % 10]}" if number % 10 else "")


@given(st.integers(1, 99), st.sampled_from(["-year-old", " year old", " years old", " years of age"]))
def test_spelt_numbers(number: int, ending: str) -> None:
    assert read_demographics(f"Warts, {_spelt(number)}{ending}.").age_years == number


@settings(deadline=None)
@given(st.text(max_size=120))
def test_any_text_gives_a_sane_answer(text: str) -> None:
    read = read_demographics(text)
    assert read.age_years is None or 0 <= read.age_years <= 120
    assert (read.age_span is None) == (read.age_years is None)
    assert (read.sex_span is None) == (read.sex is None)


def test_age_groups_follow_mesh() -> None:
    wanted = {0.0: "newborn", 4 * 7 / 365.25: "newborn", 0.1: "infant", 1.99: "infant", 2: "preschool child",
              5.9: "preschool child", 6: "child", 12.5: "child", 13: "adolescent", 18.5: "adolescent", 19: "adult",
              44: "adult", 45: "middle aged", 64: "middle aged", 65: "aged", 79: "aged", 80: "aged 80 and over",
              104: "aged 80 and over"}  # fmt: skip
    assert {years: age_group(years) for years in wanted} == wanted
    assert [bound for bound, _ in AGE_GROUPS] == sorted(bound for bound, _ in AGE_GROUPS)
    for wrong in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="number of years"):
            age_group(wrong)


@pytest.mark.parametrize("folder", ["books", "papers"])
def test_shared_truth(folder: str) -> None:
    truth = SHARED / folder / "truth.jsonl"
    if not truth.is_file():
        pytest.skip(f"the shared test data ({folder}/truth.jsonl) is not beside this checkout")
    rows = [json.loads(line) for line in truth.read_text(encoding="utf-8").splitlines() if line.strip()]
    wrong = []
    for row in rows:
        read = read_demographics(row["panel_text"] or row["caption"])
        age, sex = row["age"], row["sex"]
        age_right = read.age_years is None if age is None else abs((read.age_years or -9) - age) < 0.05
        if not age_right or read.sex != sex:
            wrong.append((row["caption"], age, sex, read))
    assert len(wrong) <= 0.02 * len(rows), wrong
