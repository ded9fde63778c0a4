"""Age and sex of the pictured patient, as far as the caption says them.

The caption is cut into tokens (numbers, words, dashes, signs) and a small grammar reads *mentions* of people and
*ages* from them. The rule behind every decision: only what is said of the patient in the picture counts.

Ages: "54-year-old", "aged 54", "age 54", "72 years of age", "54 y/o", "woman, 54 years", "65F", "six-month-old". No
ages: spans of time ("10 years' duration", "5-year survival"), the age of a lesion, a tattoo, an animal or a relative,
the age at which something began ("since age 5"), ranges and decades ("6-8 years", "in her 50s"), statistics, and
words without a number ("newborn", "elderly").

Sex: words for a person (girl, man, lady, housewife), "male" and "female" of a person, "pregnant", and where none of
these stands he, she, his, her. No sex: terms ("male-pattern baldness", "female genitalia"), anatomy, animals and
parasites, relatives, people at large ("more common in women"), and patients of both sexes together.

The file is longer than most because a grammar is read best in one piece, word lists beside the rules that use them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

Sex = Literal["male", "female"]
DAYS_A_YEAR = 365.25
OLDEST = 120.0
"""Years; a larger number is no one's age."""


class Demographics(NamedTuple):
    """What a caption says: ``age_years`` (a float from 0 to 120) and ``sex``, ``None`` where it does not say.

    ``age_span`` and ``sex_span`` are the (start, end) offsets of the words in the text that say so.
    """

    age_years: float | None = None
    sex: Sex | None = None
    age_span: tuple[int, int] | None = None
    sex_span: tuple[int, int] | None = None


# Upper bounds in years of the age check tags of Medical Subject Headings (National Library of Medicine, "Age Groups"):
# Infant, Newborn: birth to 1 month; Infant: 1 to 23 months; Child, Preschool: 2 to 5 years; Child: 6 to 12;
# Adolescent: 13 to 18; Adult: 19 to 44; Middle Aged: 45 to 64; Aged: 65 to 79; Aged, 80 and over.
AGE_GROUPS: tuple[tuple[float, str], ...] = (
    (1 / 12, "newborn"),
    (2.0, "infant"),
    (6.0, "preschool child"),
    (13.0, "child"),
    (19.0, "adolescent"),
    (45.0, "adult"),
    (65.0, "middle aged"),
    (80.0, "aged"),
    (float("inf"), "aged 80 and over"),
)


def age_group(years: float) -> str:
    """The MeSH age group that an age in years falls in; ValueError for a negative number or NaN."""
    if not years >= 0:
        raise ValueError(f"An age must be a number of years from 0 on, not {years!r}.")
    return next(name for bound, name in AGE_GROUPS if years < bound)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_UNITS = {
    **dict.fromkeys(("year", "years", "yr", "yrs", "y", "ys", "yo", "yrold", "yearold"), 1.0),
    **dict.fromkeys(("month", "months", "mo", "mos", "mth", "mths"), 1 / 12),
    **dict.fromkeys(("week", "weeks", "wk", "wks"), 7 / DAYS_A_YEAR),
    **dict.fromkeys(("day", "days"), 1 / DAYS_A_YEAR),
    **dict.fromkeys(("hour", "hours", "hr", "hrs"), 1 / 24 / DAYS_A_YEAR),
}
_ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_TEENS = ("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SPELT = {word: float(n) for n, word in enumerate((*_ONES, *_TEENS))} | {
    word: 20.0 + 10 * n for n, word in enumerate(_TENS)
}
_SPELT["fourty"] = 40.0
_FRACTIONS = {"½": 0.5, "¼": 0.25, "¾": 0.75, "⅓": 1 / 3, "⅔": 2 / 3}

_MALE = _words(
    """
    man boy gentleman schoolboy workman fisherman businessman policeman fireman salesman serviceman postman
    craftsman tradesman sportsman cowboy widower monk
    """
)
_FEMALE = _words(
    """
    woman girl lady schoolgirl housewife businesswoman policewoman sportswoman widow nun midwife waitress
    actress primigravida multigravida primipara multipara
    """
)
_PLURALS: dict[str, Sex] = {
    **dict.fromkeys(("men", "boys", "males", "gentlemen", "schoolboys", "workmen", "fishermen"), "male"),
    **dict.fromkeys(("women", "girls", "females", "ladies", "schoolgirls", "housewives"), "female"),
}
_PRONOUNS: dict[str, Sex] = {
    **dict.fromkeys(("he", "his", "him", "himself"), "male"),
    **dict.fromkeys(("she", "her", "hers", "herself"), "female"),
}
_NEUTRAL = _words(
    """
    patient child infant baby toddler newborn neonate adolescent teenager teen youth youngster adult person
    individual student pupil schoolchild worker farmer nurse immigrant refugee smoker athlete subject case
    caucasian asian african hispanic european indian traveller traveler soldier recipient victim volunteer
    preschooler
    """
)
_CROWD = _words(
    "patients children infants adults adolescents people persons individuals neonates newborns subjects babies"
)
_RELATIVES = _words(
    """
    mother father parent parents brother sister sibling siblings son daughter sons daughters wife husband spouse
    aunt uncle cousin niece nephew grandmother grandfather grandson granddaughter grandparent grandparents
    brothers sisters mothers fathers girlfriend boyfriend stepmother stepfather mum mom dad
    """
)
_ANIMALS = _words(
    """
    dog cat cow bull calf horse mare stallion sheep goat lamb ram pig piglet sow boar rat rats mouse mice rabbit
    hamster monkey macaque chicken bird parrot tick ticks mite mites louse lice flea fleas fly flies sandfly
    sandflies mosquito mosquitoes spider spiders bug bugs bedbug bedbugs insect insects worm worms larva larvae
    maggot beetle ant wasp bee snake fish sarcoptes scabiei ixodes demodex tunga pediculus phthirus anopheles
    aedes phlebotomus lutzomyia amblyomma dermacentor loxosceles latrodectus scorpion caterpillar moth labrador
    terrier retriever spaniel poodle bulldog beagle boxer puppy kitten foal pony ferret donkey camel deer animal
    recluse onchocerca filaria schistosome stag bullock heifer ewe hound collie dachshund siamese persian
    """
)
_THINGS = _words(
    """
    lesion lesions scar scars keloid keloids tattoo tattoos plaque plaques papule papules nodule nodules patch
    patches macule macules wart warts cyst cysts ulcer ulcers ulceration wound wounds burn burns bruise bruises
    graft grafts rash eruption blister blisters bulla bullae vesicle vesicles nevus nevi naevus naevi mole moles
    tumor tumour tumors tumours growth mass swelling abscess haematoma hematoma birthmark crust erosion erosions
    bite bites sting stings injury fracture implant stump stoma incision sample specimen specimens biopsy
    culture cultures colony slide slides section photograph photo image picture history duration survival
    disease condition infection outbreak corpse mummy skeleton book painting drawing stain amputation laceration
    abrasion fistula sinus sore sores stitch suture sutures piercing polyp cancer melanoma eczema acne vitiligo
    lupus calcification deposit deposits cicatrix hypertrophy acrochordon striae telangiectasia study trial
    cohort experience interval follow followup treatment therapy remission recurrence prosthesis pacemaker
    catheter fissure scab pustule pustules purpura hemorrhage haemorrhage contusion embryo fetus foetus exposure
    """
)
_THING_ENDING = re.compile(r"\w{2,}(?:omas?|omata|itis|osis|iasis|oses|ectomy|plasty|pathy|emia|aemia)$")
# What follows "male" or "female" in a term that names no one's sex.
_TERMS = _words(
    """
    pattern type distribution genital genitals genitalia genitalium organ organs breast breasts sex hormone
    hormones ratio predominance preponderance predilection baldness alopecia hair escutcheon urethra condom
    circumcision infertility gonad gonads gamete chromosome karyotype phenotype to and or pseudohermaphroditism
    reproductive anogenital pelvis perineum population gender specific dominated predominant counterpart
    counterparts flower fern external internal nipple homosexuals prostitutes relatives sexual pubic parent
    relative
    """
)
_STOPS = _words(
    """
    with of on in at who whom whose which that presenting presented showing having had has have is was were are
    after before since for from to by and or during without under treated suffering affected diagnosed
    complaining the a an his her their this these those demonstrating demonstrates shows showed developed
    develops taken seen as but while when there following taking using infected involving
    """
)
# Words before an age that make it another time than that of the picture, or no single patient's.
_OTHER_TIME = _words(
    """
    since from before after until till by over under above below beyond past older younger than between onset
    began begun beginning started starting start appeared appearing developed developing noticed noted diagnosed
    diagnosis first acquired resolved resolve died death menarche menopause puberty surgery operated underwent
    excised removed mean median average range ranging gestational gestation bone mental dental postconceptional
    postmenstrual corrected conceptional when trauma injured burnt burned  previously earlier healed least
    most up
    """
)
_STATISTICS = _words(
    "mean median average range ranging gestational bone mental dental postmenstrual corrected peak group"
)
_TIME_AFTER = _words(
    """
    duration history after later ago before earlier follow followup post prior evolution survival course
    treatment previously of into following standing apart interval time gestation gestational persistence
    remission since on
    """
)
_PICTURED = _words("photograph photo photographed taken seen shown pictured image picture")
_ARTICLES = _words("a an this one")
_STATE_WORDS = _words("during trimester weeks month months second third first her gravid late early")
_END = frozenset("), . ; : ]".replace(" ", "")) | {"("}


class _Token(NamedTuple):
    kind: str  # num | word | dash | sign | decade
    text: str  # lower case, without a possessive 's
    raw: str
    start: int
    end: int
    owns: bool = False  # ends in 's


class _Mention(NamedTuple):
    """Someone, or something, that the text names: ``role`` is patient, relative, animal or crowd."""

    at: int
    role: str
    sex: Sex | None


class _Age(NamedTuple):
    """An age phrase over the tokens ``first`` to ``last`` (exclusive); ``years`` is None where not the patient's."""

    first: int
    last: int
    years: float | None


_LEXER = re.compile(
    r"(?P<num>(?=[\dlIO]*\d)[\dlIO]{1,3}(?=\s?[-\u2010-\u2015\u2212]?\s?(?:year|month|week|day)s?\b)"
    r"|\d+(?:[.·]\d+)?(?:\s?[½¼¾⅓⅔]|[\s-]\d/\d(?!\d))?|[½¼¾])"
    r"|(?P<word>[^\W\d_]+)(?P<owns>['’´](?:s\b)?)?"
    r"|(?P<dash>[-\u00ad\u2010-\u2015\u2212]+)|(?P<sign>[^\s\w])"
)


def _lex(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    for found in _LEXER.finditer(text):
        kind = found.lastgroup if found.lastgroup != "owns" else "word"
        body = found["word"] or found.group()
        if body.lower() == "s" and tokens and tokens[-1].kind == "num" and tokens[-1].end == found.start():
            tokens[-1] = tokens[-1]._replace(kind="decade")
            continue
        tokens.append(_Token(str(kind), body.lower(), body, found.start(), found.end(), bool(found["owns"])))
    return tokens


def _text(tokens: Sequence[_Token], at: int) -> str:
    return tokens[at].text if 0 <= at < len(tokens) else ""


def _skip(tokens: Sequence[_Token], at: int, *kinds: str) -> int:
    while at < len(tokens) and tokens[at].kind in kinds:
        at += 1
    return at


# --- quantities -------------------------------------------------------------------------------------------------


def _digits(raw: str) -> float:
    body = raw.translate(str.maketrans("lIO", "110")).replace("·", ".")
    fraction = 0.0
    if body[-1] in _FRACTIONS:
        body, fraction = body[:-1].strip(), _FRACTIONS[body[-1]]
    elif broken := re.search(r"[\s-](\d)/(\d)$", body):
        body, fraction = body[: broken.start()], int(broken[1]) / max(1, int(broken[2]))
    return float(body or 0) + fraction


def _number(tokens: Sequence[_Token], at: int) -> tuple[float, int] | None:
    """The number at ``at``, in digits or words ("forty-five", "three and a half"), and the token behind it."""
    if at >= len(tokens):
        return None
    token = tokens[at]
    if token.kind == "num":
        return _and_a_half(tokens, at + 1, _digits(token.raw))
    if token.text not in _SPELT or token.kind != "word":
        return None
    value, after = _SPELT[token.text], at + 1
    unit = _skip(tokens, after, "dash")
    if value >= 20 and 0 < _SPELT.get(_text(tokens, unit), 0.0) < 10:
        value, after = value + _SPELT[tokens[unit].text], unit + 1
    return _and_a_half(tokens, after, value)


def _and_a_half(tokens: Sequence[_Token], at: int, value: float) -> tuple[float, int]:
    here = [n for n in range(at, min(at + 6, len(tokens))) if tokens[n].kind != "dash"][:3]
    if [tokens[n].text for n in here] == ["and", "a", "half"]:
        return value + 0.5, here[-1] + 1
    return value, at


def _quantity(tokens: Sequence[_Token], at: int) -> tuple[float, int] | None:
    """Years told by "5 years", "18-month", "2 years and 3 months", "2y 3m"; None where no unit follows the number."""
    number = _number(tokens, at)
    if not number:
        return None
    value, after = number
    after = _skip(tokens, after, "dash")
    unit = _UNITS.get(_text(tokens, after))
    if unit is None:
        return None
    years, after = value * unit, after + 1
    comma = _text(tokens, after) == ","
    further = _skip(tokens, after + (_text(tokens, after) in ("and", ",", "&")), "dash")
    more = _number(tokens, further)
    if more:
        place = _skip(tokens, more[1], "dash")
        smaller = _UNITS.get(_text(tokens, place))
        ends = _text(tokens, _skip(tokens, place + 1, "dash"))
        if smaller is not None and smaller < unit and ends not in _TIME_AFTER and (not comma or ends == "old"):
            return years + more[0] * smaller, place + 1
    return years, after


def _in_range(tokens: Sequence[_Token], at: int) -> bool:
    """Whether the number at ``at`` is the far end of a range or list: "6-8 years", "6- to 8-year-old", "5 and 7"."""
    before = at - 1
    if before >= 0 and tokens[before].text in ("to", "or", "and", "a", "&", ","):
        while before >= 0 and tokens[before].text in ("to", "or", "and", "a", "an", "&"):
            before -= 1
        if before == at - 1 or (_text(tokens, at - 1) in ("a", "an") and before == at - 2):
            return False
    elif before < 0 or tokens[before].kind != "dash":
        return False
    place = before
    while place >= 0 and (tokens[place].kind == "dash" or tokens[place].text in _UNITS):
        place -= 1
    return place >= 0 and (tokens[place].kind == "num" or tokens[place].text in _SPELT)


def _range_follows(tokens: Sequence[_Token], at: int) -> bool:
    """Whether another number follows the one that ends at ``at``: "aged 5-10", "aged 5 to 10", "aged 5 and 7"."""
    if not (at < len(tokens) and (tokens[at].kind == "dash" or tokens[at].text in ("to", "or", "and", "&", "/"))):
        return False
    following = _number(tokens, at + 1)
    return following is not None


# --- people -----------------------------------------------------------------------------------------------------


def _is_thing(word: str) -> bool:
    return word in _THINGS or (_THING_ENDING.match(word) is not None and word not in _NEUTRAL)


def _is_breed(tokens: Sequence[_Token], at: int) -> bool:
    """A "German shepherd" is a dog; a shepherd without a country is a man with orf."""
    return tokens[at].text == "shepherd" and _text(tokens, at - 1) in ("german", "australian", "belgian", "anatolian")


def _head(tokens: Sequence[_Token], at: int) -> str:
    """What the noun phrase from ``at`` on is about: patient, relative, animal, crowd, thing or "" (no noun known)."""
    comma = False
    found = ""
    for place, token in enumerate(tokens[at : at + 10], at):
        if token.kind == "dash":
            continue
        if token.text == ",":
            comma = True
            continue
        word = token.text
        if token.kind != "word" or word in _STOPS:
            break
        if word in _ANIMALS or _is_breed(tokens, place):
            return "" if comma else "animal"
        if word in _RELATIVES:
            return "patient" if found == "patient" else _relative(tokens, place).role
        if word in _MALE or word in _FEMALE or word in _NEUTRAL:
            return "patient"
        if word in _CROWD or word in _PLURALS:
            return "crowd"
        if word in ("male", "female"):
            found, comma = "patient", False
        elif _is_thing(word) and not comma and not found:
            found = "thing"
    return found


def _mentions(tokens: Sequence[_Token]) -> list[_Mention]:
    found: list[_Mention] = []
    for n, token in enumerate(tokens):
        if token.kind != "word":
            continue
        word = token.text
        if word in _RELATIVES:
            found.append(_relative(tokens, n))
        elif word in _ANIMALS:
            found.append(_Mention(n, "animal", None))
        elif word in ("male", "female"):
            if _is_persons(tokens, n):
                found.append(_Mention(n, "patient", "male" if word == "male" else "female"))
        elif word in _MALE or word in _FEMALE:
            if not _is_idiom(tokens, n):
                found.append(_Mention(n, "patient", "male" if word in _MALE else "female"))
        elif word in _PLURALS:
            found.append(_Mention(n, "patient" if _is_counted(tokens, n) else "crowd", _PLURALS[word]))
        elif _is_pregnancy(tokens, n):
            found.append(_Mention(n, "patient", "female"))
        elif word in _NEUTRAL:
            found.append(_Mention(n, "patient", None))
        elif word in _CROWD:
            found.append(_Mention(n, "crowd", None))
    return found


def _relative(tokens: Sequence[_Token], at: int) -> _Mention:
    """A relative is the patient only where introduced as one: "a 28-year-old mother of two with …"."""
    words = [token.text for token in tokens[max(0, at - 8) : at] if token.kind == "word"]
    introduced = "old" in words and bool(_ARTICLES & set(words)) and not {"his", "her", "their", "the"} & set(words)
    alone = not any(t.text in _NEUTRAL | _MALE | _FEMALE | _words("born") for n, t in enumerate(tokens) if n != at)
    if introduced and alone and tokens[at].text in ("mother", "father"):
        return _Mention(at, "patient", "female" if tokens[at].text == "mother" else "male")
    return _Mention(at, "relative", None)


def _is_idiom(tokens: Sequence[_Token], at: int) -> bool:
    """ "man-of-war", "man-made", "old man's beard": no patient."""
    after = _skip(tokens, at + 1, "dash")
    if after > at + 1 and _text(tokens, after) in ("of", "made", "o", "like"):
        return True
    if tokens[at].text == "widow" and _text(tokens, at - 1) in ("black", "brown", "red"):
        return True
    return tokens[at].owns and _text(tokens, at + 1) in ("beard",)


def _is_persons(tokens: Sequence[_Token], at: int) -> bool:
    """Whether "male" or "female" at ``at`` is said of a patient, and not of a term, an animal or people at large."""
    after = _skip(tokens, at + 1, "dash")
    following = _text(tokens, after)
    previous = _text(tokens, at - 1)
    if following in _TERMS and not (following == "sex" and _text(tokens, after + 1) not in _TERMS):
        return following in ("and", "or") and _is_aged(tokens, at)
    if following in ("/", ":") and _text(tokens, after + 1) in ("male", "female", "m", "f"):
        return False
    if previous in ("/", ":", "or", "and") and _text(tokens, at - 2) in ("male", "female"):
        return False
    if previous == "to" or (tokens[at - 1].kind == "dash" if at else False):
        return _is_aged(tokens, at)
    head = _head(tokens, at + 1)
    if head in ("animal", "relative", "crowd", "thing"):
        return False
    return previous != "the" or head == "patient"


def _is_aged(tokens: Sequence[_Token], at: int) -> bool:
    return any(token.text == "old" for token in tokens[max(0, at - 4) : at])


def _is_counted(tokens: Sequence[_Token], at: int) -> bool:
    """Whether a plural means the pictured patients, "two boys with …", and not people at large."""
    before = [token.text for token in tokens[max(0, at - 3) : at]]
    counts = {"two", "three", "four", "five", "both", "twin", "2", "3", "4", "5"}
    return any(word in counts for word in before)


def _is_pregnancy(tokens: Sequence[_Token], at: int) -> bool:
    """Pregnancy as the patient's state ("during pregnancy"), not in the name of a disease ("papules of pregnancy")."""
    word = tokens[at].text
    before = {token.text for token in tokens[max(0, at - 4) : at]}
    if word in ("postpartum", "gravid", "puerperal"):
        return True
    if word == "pregnant":
        weeks = bool(before & {"weeks", "months", "patient", "a"})
        return _head(tokens, at + 1) == "patient" or (weeks and _head(tokens, at + 1) == "")
    if word != "pregnancy" or not _STATE_WORDS & before:
        return False
    return not any(token.text in _RELATIVES or token.text in _CROWD or token.text in _PLURALS for token in tokens)


# --- ages -------------------------------------------------------------------------------------------------------


def _clause_before(tokens: Sequence[_Token], at: int, reach: int) -> list[str]:
    words: list[str] = []
    for token in reversed(tokens[max(0, at - reach) : at]):
        if token.text in (".", ";", ":", "(", ")", ","):
            break
        words.append(token.text)
    return words


def _about(tokens: Sequence[_Token], at: int) -> str:
    """Whom the words just before ``at`` name: "patient", "relative", "animal", "crowd", "thing" or ""."""
    place = at - 1
    while place >= 0 and tokens[place].text in ("(", ",", "is", "was", "currently", "now", "who"):
        place -= 1
    if place < 0 or tokens[place].kind != "word":
        return ""
    word = tokens[place].text
    if word in _RELATIVES:
        return _relative(tokens, place).role
    if word in _ANIMALS:
        return "animal"
    if word in _MALE or word in _FEMALE or word in _NEUTRAL or word in ("male", "female"):
        return "patient"
    if word in _CROWD or word in _PLURALS:
        return "crowd"
    return "thing" if place == at - 1 and _is_thing(word) else ""


def _is_old(tokens: Sequence[_Token], at: int) -> int:
    """The token behind "old" (or "of age", "/o") that makes the quantity before ``at`` an age; 0 where none stands."""
    dotted = _text(tokens, at) == "." and _text(tokens, at - 1) in ("yr", "yrs", "mo", "mos", "wk", "wks")
    place = _skip(tokens, at + dotted, "dash")
    if _text(tokens, place) == "old":
        return place + 1
    if _text(tokens, at) == "of" and _text(tokens, at + 1) == "age":
        return at + 2
    if _text(tokens, at - 1) in ("yo", "yearold", "yrold"):
        return at
    if _text(tokens, at - 1) in ("y", "m", "mo") and _text(tokens, at) in ("/", ".") and _text(tokens, at + 1) == "o":
        return at + 2 + (_text(tokens, at + 2) == ".")
    return 0


def _quantified(tokens: Sequence[_Token], at: int) -> _Age | None:
    """An age that begins with its number: "54-year-old", "18 months of age", "a 40 year male"."""
    quantity = _quantity(tokens, at)
    if not quantity:
        return None
    years, after = quantity
    behind = _is_old(tokens, after)
    head = "patient" if behind and tokens[behind - 1].owns else _head(tokens, behind or after)
    if not behind:
        direct = _text(tokens, _skip(tokens, after, "dash"))
        person = direct in _MALE or direct in _FEMALE or direct in _NEUTRAL or direct in ("male", "female")
        if not person or _text(tokens, at - 1) not in ("a", "an", "this", "the", "", ".", "(", ":", ","):
            return None
        return _Age(at, after, None if _in_range(tokens, at) else years)
    of_age = _text(tokens, behind - 1) == "age"
    if _in_range(tokens, at) or (head in ("relative", "animal", "crowd", "thing") and not of_age):
        return _Age(at, behind, None)
    if head == "patient" and not of_age:
        mine = _text(tokens, at - 1) in ("his", "her", "their") and _head(tokens, behind) == "relative"
        return _Age(at, behind, None if mine else years)
    about = _about(tokens, at)
    far_thing = _text(tokens, at - 1) == "," and at > 1 and _is_thing(tokens[at - 2].text) and years < 1 / 12
    if about in ("relative", "animal", "crowd", "thing") or far_thing:
        return _Age(at, behind, None)
    if _text(tokens, at - 1) in ("a", "an", "this"):
        return _Age(at, behind, years)
    if about == "patient":
        told = set(_clause_before(tokens, at, 8))  # "acquired when the patient was 5", but "taken when she was 5"
        return _Age(at, behind, None if told & {"when", "until", "since"} and not told & _PICTURED else years)
    return _Age(at, behind, None if _OTHER_TIME & set(_clause_before(tokens, at, 5)) else years)


def _announced(tokens: Sequence[_Token], at: int) -> _Age | None:
    """An age behind its word: "aged 54", "(aged 36)", "age: 54 years", "at the age of six"."""
    if tokens[at].text not in ("aged", "age", "ages"):
        return None
    place = at + 1
    while _text(tokens, place) in ("of", ":", "=", "was", "is", "about", "approximately", "approx", "nearly", "almost"):
        place += 1
    quantity = _quantity(tokens, place)
    number = quantity or _number(tokens, place)
    if not number:
        return None
    years, after = number
    bare = _number(tokens, place)
    if _range_follows(tokens, after) or (bare is not None and _range_follows(tokens, bare[1])):
        return _Age(at, after + 2, None)
    if _text(tokens, after) == "old":
        after += 1
    about = _about(tokens, at)
    if about in ("relative", "animal", "crowd", "thing"):
        return _Age(at, after, None)
    if about == "patient":
        return _Age(at, after, years)
    before = set(_clause_before(tokens, at, 6))
    words = _STATISTICS | {"over", "under", "between"} if tokens[at].text == "aged" else _OTHER_TIME
    return _Age(at, after, None if before & words else years)


def _appended(tokens: Sequence[_Token], at: int) -> _Age | None:
    """An age behind its person: "man, 54", "woman (54 years)", "male/40 years"."""
    word = tokens[at].text
    sexed = word in _MALE or word in _FEMALE or word in ("male", "female")
    if not (sexed or word in _NEUTRAL) or tokens[at].owns:
        return None
    place = at + 1
    sign = _text(tokens, place) if _text(tokens, place) in (",", ";", ":", "(", "/", "of") else ""
    place += bool(sign)
    quantity = _quantity(tokens, place)
    number = quantity or (_number(tokens, place) if sexed and sign in (",", "/", "of") else None)
    if not number or _is_old(tokens, number[1]):
        return None
    years, after = number
    following = _text(tokens, after)
    unit_owns = tokens[after - 1].owns
    if unit_owns or not (following in _END or following in ("", "with", "presenting") or following == ")"):
        return None
    grown = word in (_MALE | _FEMALE) - {"boy", "girl"}
    if quantity and ((grown and years < 10) or (not sign and _text(tokens, after - 1)[:1] != "y")):
        return None
    return _Age(at + 1, after, years)


def _abbreviated(tokens: Sequence[_Token], at: int) -> tuple[_Age, Sex] | None:
    """Age and sex as case notes have them: "65F", "(54 M)", "54/M", "M/54", "(F, 54)"."""
    token = tokens[at]
    if token.raw in ("M", "F") and _text(tokens, at + 1) in ("/", ",") and at + 2 < len(tokens):
        number = tokens[at + 2]
        opened = _text(tokens, at - 1) == "(" or _text(tokens, at + 1) == "/"
        if number.kind == "num" and opened and _text(tokens, at + 3) in (_END | {"", "y", "years", "with"}):
            return _Age(at, at + 3, _digits(number.raw)), "male" if token.raw == "M" else "female"
    if token.kind != "num" or "." in token.raw:
        return None
    place = at + 1
    if _text(tokens, place) in ("y", "yr", "yrs", "years", "yo"):
        place += 1
    slash = _text(tokens, place) == "/" or (_text(tokens, place) == "," and place > at + 1)
    letter = tokens[place + slash] if place + slash < len(tokens) else None
    if not letter or letter.raw not in ("M", "F"):
        return None
    glued = letter.start == token.end or slash
    before, after = _text(tokens, at - 1), _text(tokens, place + slash + 1)
    if before not in ("a", "an", "", "(", ":", "in", ",") or after not in (_END | {"", "with", "presenting"}):
        return None
    if not glued and before not in ("(", "a", "an"):
        return None
    return _Age(at, place + slash + 1, _digits(token.raw)), "male" if letter.raw == "M" else "female"


def _ages(tokens: Sequence[_Token]) -> tuple[list[_Age], list[_Mention]]:
    ages: list[_Age] = []
    noted: list[_Mention] = []
    at = 0
    while at < len(tokens):
        short = _abbreviated(tokens, at)
        if short:
            noted.append(_Mention(at, "patient", short[1]))
        age = short[0] if short else _announced(tokens, at) or _appended(tokens, at) or _quantified(tokens, at)
        if age and age.years is not None and not 0 <= age.years <= OLDEST:
            age = age._replace(years=None)
        if age:
            ages.append(age)
            letter = tokens[age.last] if age.last < len(tokens) else None
            if letter and letter.raw in ("M", "F") and _text(tokens, age.last + 1) in (_END | {"", "with"}):
                noted.append(_Mention(age.last, "patient", "male" if letter.raw == "M" else "female"))
        at = max(at + 1, age.last) if age else at + 1
    return ages, noted


# --- decisions --------------------------------------------------------------------------------------------------


def _one_sex(tokens: Sequence[_Token], mentions: Sequence[_Mention]) -> tuple[Sex | None, int]:
    """The one sex that is said of the patient, and the token that says it."""
    said = [mention for mention in mentions if mention.role == "patient" and mention.sex]
    if said:
        return (said[0].sex, said[0].at) if len({mention.sex for mention in said}) == 1 else (None, 0)
    relatives = [mention.at for mention in mentions if mention.role in ("relative", "animal")]
    pronouns: list[tuple[Sex, int]] = []
    for n, token in enumerate(tokens):
        first = n == 0 or tokens[n - 1].text in (".", "(", ")", ":")
        shaped = token.raw.islower() or (token.raw.istitle() and first)
        if token.text in _PRONOUNS and shaped and not any(at < n for at in relatives):
            pronouns.append((_PRONOUNS[token.text], n))
    if pronouns and len({sex for sex, _ in pronouns}) == 1:
        return pronouns[0]
    return None, 0


def read_demographics(text: str) -> Demographics:
    """Age and sex that ``text``, a caption or one panel's part of it, says of the pictured patient.

    Where several ages or both sexes are said, none is the patient's for certain and ``None`` is given; for a
    lettered figure, hand over the panel's own words first. Never raises.
    """
    tokens = _lex(text)
    ages, noted = _ages(tokens)
    stated = [age for age in ages if age.years is not None]
    years: float | None = None
    age_span = sex_span = None
    if stated and len({round(age.years or 0.0, 3) for age in stated}) == 1:
        years = stated[0].years
        age_span = tokens[stated[0].first].start, tokens[min(stated[0].last, len(tokens)) - 1].end
    sex, at = _one_sex(tokens, sorted([*_mentions(tokens), *noted]))
    if sex:
        sex_span = tokens[at].start, tokens[at].end
    return Demographics(years, sex, age_span, sex_span)
