"""The grammar of figure labels: "Fig. 3.2", "FIGURE 12-4A", "Plate IV", and the sentences that only mention one.

Nothing but the standard library is imported, so that ``curate/`` may use the grammar too. Every function takes
text as it was printed or read by OCR, newlines included, and never raises: what is no label gives ``None``.
"""

from __future__ import annotations

import re
from typing import NamedTuple


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_GAP = r"[\s\u00ad\u200b-\u200d\u2060\ufeff]*"
_DASH = r"[-\u2010-\u2013\u2212]"

# Kind of label, whether it announces a picture, and the spellings of its word. The first spelling that fits wins.
# "[iIl1!|]" is what OCR makes of a dotted i; a word set in spaced capitals comes as "F I G U R E".
_FIG = r"[FE][iIl1!|t][gq9]"
_WORDS: tuple[tuple[str, str], ...] = (
    (
        "figure",
        rf"(?:extended\s+data\s+|suppl(?:ementary|emental|\.)?\s+|online\s+|web\s+|appendix\s+|color\s+|colour\s+|e-?)?"
        rf"(?:{_FIG}[uo][rt][ec]s?|{_FIG}s?|f\s+i\s+g\s+u\s+r\s+e(?:\s+s)?|f\s+i\s+g(?:\s+s)?|figuras?|figuren?)",
    ),
    ("figure", r"abbildung(?:en)?|abb|ilustraci[oó]n|bild(?:er)?|рис(?:унок)?"),
    ("plate", r"(?:colou?r\s+)?(?:plates?|p\s+l\s+a\s+t\s+e|tafeln?|planches?|l[aá]minas?)"),
    ("figure", r"(?:clinical\s+|colou?r\s+)?(?:pictures?|photos?|photographs?|images?|illustrations?|slides?|pics?)"),
    ("table", r"(?:supplementary\s+|extended\s+data\s+|e)?(?:tables?|t\s+a\s+b\s+l\s+e|tab|tabellen?|tableau|tabla)"),
    ("box", r"box(?:es)?|b\s+o\s+x"),
    ("scheme", r"schemes?"),
    ("algorithm", r"algorithms?"),
    ("chart", r"charts?|graphs?|diagrams?|flowcharts?"),
    ("video", r"(?:supplementary\s+)?(?:videos?|movies?)"),
)
_WORD = re.compile(
    "|".join(f"(?P<w{n}>(?:{words})(?![a-zà-ÿ]))" for n, (_, words) in enumerate(_WORDS)),
    re.IGNORECASE,
)
_PLAIN_WORDS = _words(
    "fig figs figure figures abb abbildung abbildungen figura figuren plate plates table tables tab box boxes"
)
_PLURAL = re.compile(r"(?:s|en|er)$", re.IGNORECASE)

# A digit as OCR may give it, one number, and what must not follow it: "Image 5 days after", "Fig. 3-10-year-old".
_UNIT = r"(?:years?|yrs?|months?|weeks?|wks?|days?|hours?|hrs?|minutes?|min|mm|cm|µm|%|×)(?![a-z])"
_DIGITS = rf"(?:[\dlIO]{{0,3}}\d[\dlO]{{0,3}}|l(?=[.]\d))(?!\d)(?!{_GAP}{_DASH}?{_GAP}{_UNIT})"
_ROMAN = r"(?=[IVXL]|C[IVXLC])(?:C{0,2})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})(?![A-Z])"
_SMALL_ROMAN = r"(?=[ivx])(?:x{0,3})(?:ix|iv|v?i{0,3})(?![A-Za-z])"
_PARTS = rf"(?:\s?[.·]{_DIGITS}|{_DASH}{_DIGITS})*"
_NUMBER = rf"(?:[SsEeA-DQR]{_DASH}?\.?)?{_DIGITS}{_PARTS}|(?:{_ROMAN}|{_SMALL_ROMAN}){_PARTS}"
_LETTERS = rf"[A-Za-z](?:{_GAP}(?:{_DASH}|,|&|and|to){_GAP}[A-Za-z](?![A-Za-z]))*(?![A-Za-z0-9])"
_NUMBER_RE = re.compile(_NUMBER)
_LIST_STEP = re.compile(rf"{_GAP}(?P<step>,{_GAP}and|,|&|and|to|through|{_DASH}|\u2014){_GAP}(?P<number>{_NUMBER})")
_AFTER_WORD = re.compile(rf"{_GAP}[.,:·]?{_GAP}(?:(?:No|Nr|Nos)\b\.?|#|n°)?{_GAP}(?:\[|\()?")
_OPENING = re.compile(rf"{_GAP}(?:[■▪•►▶◆◄*▲▸●|]{_GAP})*(?P<open>[(\[])?{_GAP}")
_CONTINUED = re.compile(
    rf"{_GAP}[.:,–—-]?{_GAP}[(\[]?{_GAP}(?:cont(?:inued|inues|in\.|[’'´`]?d|(?=[.)])))(?![a-z]){_GAP}\.?{_GAP}[)\]]?"
    rf"(?={_GAP}(?:$|[^\w\s]|(?-i:[A-Z(])))",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(rf"{_GAP}[\])]?{_GAP}(?:[.:;,|—–‒―■▪•►▶◆▸●·-]|\){_GAP})*{_GAP}")
_UNNUMBERED = re.compile(rf"(?:FIGURE|Figure|FIG|Fig|Abbildung){_GAP}[.:—|]{_GAP}(?=[A-Z(])")

_VERBS = _words(
    """
    shows show showed depicts depict depicted illustrates illustrate illustrated demonstrates demonstrate
    demonstrated presents present displays display is are was were has have had gives give provides provide
    summarizes summarises summarize summarise represents represent reveals reveal revealed compares compare
    outlines outline lists contains contain highlights highlight indicates indicate describes describe exhibits
    exhibit reports report can may might should will would must could includes include details explains explain
    documents captures reproduces suggests confirms confirm compiles plots portrays pictures exemplifies
    emphasizes emphasises serves makes does do did came comes belongs refers helps allows appears seems became
    shall focuses points proves needs deserves
    """
)
_JOINTS = _words(
    """
    and or in for to of from at on by below above that which as but while whereas where then only alone both
    through when because since than also if it we he she they this these there so upper lower left right again
    here
    """
)
# Words that follow a label both in sentences and in captions begun in lower case: a verb must come after them.
_TURNS = _words("upper lower left right top bottom middle also again below above here thus both")
_DETERMINERS = _words("the a an how that these this some several two three what our its their all many")
_LEAD_IN = re.compile(
    rf"{_GAP}[(\[]?{_GAP}(?:as|see|in|from|cf|compare|refer|according|also|by|like|with|(?:is|are|was|were)\s+\w+)\b"
    rf"(?:\s*[.,]?\s*(?!\b(?:Fig|Plate|Table))[^\s.]+){{0,4}}?[\s.,]*\b(?:Figs?\b|Figures?\b|Plates?\b|Tables?\b)",
    re.IGNORECASE,
)


class Label(NamedTuple):
    """A parsed label.

    ``kind`` is "figure", "plate", "table", "box", "scheme", "algorithm", "chart" or "video" (pictures, photographs,
    images, slides and illustrations are figures). ``printed`` is the label as printed with its panel letter, without
    the separator; ``key`` the normal form of its (first) number, "" for an unnumbered "Figure."; ``panel`` the panel
    letters glued to it, upper case ("A", "A-C", "A,B"), "" where none. ``end`` is the offset in the text where the
    caption's own words begin. ``certainty`` (0 to 1): below .3 the text is a sentence that mentions the figure, from
    .5 on it may be taken for a caption. ``numbers`` are all numbers it names ("Figs 3-5": 3, 4 and 5). ``continued``
    is true for "Fig. 3 (continued)"; ``end`` then lies behind that word too.
    """

    kind: str
    printed: str
    key: str
    panel: str
    end: int
    certainty: float
    numbers: tuple[str, ...] = ()
    continued: bool = False


def _roman(text: str) -> int:
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
    total = 0
    for here, after in zip(text, [*text[1:], ""], strict=True):
        value = values[here]
        total += -value if after and values[after] > value else value
    return total


def normal_number(text: str) -> str:
    """The form in which numbers are compared: "3-2", "3–2" and "3.2" give "3.2", "IV" gives "4", "12.4A" gives "12.4".

    A supplement's letter stays ("S1"; "e" in lower case, others in upper). "" where the text begins with no number.
    """
    found = _NUMBER_RE.match(text.strip().lstrip("(["))
    if not found or not found.group():
        return ""
    parts = [part for part in re.split(rf"\s?[.·]|{_DASH}", found.group()) if part]
    prefix = ""
    first = parts[0]
    if re.fullmatch(r"[IVXLC]+|[ivx]+", first):
        parts[0] = str(_roman(first.upper()))
    elif first[0] in "SsEeABCDQR":
        prefix = "e" if first[0] in "eE" else first[0].upper()
        parts[0] = first[1:]
    cleaned = [part.translate(str.maketrans("lIO", "110")).lstrip("0") or "0" for part in parts if part]
    return prefix + ".".join(cleaned)


def _span_of(first: str, last: str) -> list[str]:
    """The numbers after ``first`` up to ``last``, where they count up in their last place; else ``last`` alone."""
    head, _, low = first.rpartition(".")
    last_head, _, high = last.rpartition(".")
    if head == last_head and low.isdigit() and high.isdigit() and 0 < int(high) - int(low) <= 24:
        return [f"{head}.{n}" if head else str(n) for n in range(int(low) + 1, int(high) + 1)]
    return [last]


def _numbers(text: str, at: int, plural: bool) -> tuple[int, tuple[str, ...]]:
    """The number, or after a plural word the list of numbers, that begins at ``at``: its end and normal forms."""
    found = _NUMBER_RE.match(text, at)
    if not found or not found.group():
        return at, ()
    if not plural:
        return found.end(), (normal_number(found.group()),)
    # After "Figs" a dash means "to" unless the number on its right has a dash as well: "Figs 3-5", "Figs 3-2, 3-4".
    first = found.group()
    dashed = re.fullmatch(rf"(\d+)(\.\d+)?{_DASH}(\d+)(\.\d+)?", first)
    listed = re.match(rf"\s*(?:,|and|&|to)\s*\d+{_DASH}\d", text[found.end() :])
    if dashed and bool(dashed[2]) == bool(dashed[4]) and not listed:
        low, high = (normal_number(part) for part in re.split(_DASH, first))
        numbers = [low, *_span_of(low, high)] if int(dashed[1]) <= int(dashed[3]) else [normal_number(first)]
    else:
        numbers = [normal_number(first)]
    end = found.end()
    while step := _LIST_STEP.match(text, end):
        number = normal_number(step["number"])
        far = step["step"] in ("to", "through") or re.fullmatch(rf"{_DASH}|—", step["step"])
        numbers += _span_of(numbers[-1], number) if far else [number]
        end = step.end()
    return end, tuple(numbers)


def _panel(text: str, at: int) -> tuple[int, str]:
    """The panel letters glued to a number that ends at ``at``: their end and normal form ("A", "A-C", "A,B").

    In "Fig. 3A, Clinical view. B, Histology" the letter opens the words of the first panel and is no part of the
    label; it is told by a second letter of the same fashion further on.
    """
    found = re.compile(rf"(?P<open>[(\[]?)(?P<letters>{_LETTERS})(?P<close>[)\]]?)").match(text, at)
    if not found or (found["open"] and not found["close"]):
        return at, ""
    letters = found["letters"]
    end = found.end() if found["open"] else found.end("letters")
    normal = re.sub(rf"{_GAP}(?:,|&|and){_GAP}", ",", re.sub(rf"{_GAP}(?:{_DASH}|to){_GAP}", "-", letters)).upper()
    if not re.fullmatch(r"[A-Z](?:[-,][A-Z])*", normal):
        return at, ""
    last = letters[-1]
    following = chr(ord(last) + 1)
    if found["open"]:
        more = re.compile(rf"[(\[]{following}[)\]]|[(\[]{following}{_DASH}")
    else:
        mark = re.match(r"\s*[.,:)]", text[end:])
        if not mark:
            return end, normal
        more = re.compile(rf"(?<=[\s.;,(]){following}(?:{_DASH}\w)?{re.escape(mark.group().strip())}")
    return (at, "") if more.search(text, end) else (end, normal)


def parse_label(text: str) -> Label | None:
    """The label at the beginning of ``text`` (offsets are into ``text`` itself), or ``None``.

    A sentence that only mentions a figure ("Figure 3 shows …") gives a label too, with a ``certainty`` under .3, so
    that a caller can tell it from text without any label; :func:`is_reference` asks for just that.
    """
    opening = _OPENING.match(text)
    start = opening.end() if opening else 0
    word = _WORD.match(text, start)
    if not word:
        return _unnumbered(text, start)
    kind = _WORDS[int(str(word.lastgroup)[1:])][0]
    plural = bool(_PLURAL.search(word.group()))
    after = _AFTER_WORD.match(text, word.end())
    at = after.end() if after else word.end()
    glued = at == word.end()
    if glued and not (word.group().isupper() or re.match(r"\d", text[at:])):
        return None
    end, numbers = _numbers(text, at, plural)
    if not numbers or (glued and not text[at].isdigit()):
        return _unnumbered(text, start)
    if re.match(rf"{_GAP}{_DASH}?{_GAP}{_UNIT}", text[end:]):
        return None
    end, panel = _panel(text, end)
    if text[at - 1] in "([" and text[end : end + 1] in (")", "]"):
        end += 1  # "Figure (3). Plaque"
    if end < len(text) and text[end].isalnum() and not re.match(r"[A-Z][a-z]|[A-Za-z][.,:)]", text[end:]):
        return None  # "Fig. 3rd", "Plate IVory": the number was no number
    printed_end = end
    bracket = opening["open"] if opening else None
    more = _CONTINUED.match(text, end)
    continued = bool(more and more.group().strip())
    if more and continued:
        end = more.end()
    separator = _SEPARATOR.match(text, end)
    own = separator.end() if separator else end
    certainty = _certainty(text, word.group(), kind, plural, bool(bracket), end, own)
    key = numbers[0]
    if re.match(r"e-?[fFtT]", word.group()) and key[0].isdigit():
        numbers = tuple(f"e{number}" for number in numbers)
    printed = re.sub(r"\s+", " ", text[start:printed_end]).strip()
    return Label(kind, printed, numbers[0], panel, own, certainty, numbers, continued)


def _unnumbered(text: str, start: int) -> Label | None:
    """ "Figure. A plaque …", as articles with a single figure print it."""
    found = _UNNUMBERED.match(text, start)
    if not found:
        return None
    printed = re.match(r"[A-Za-z]+", found.group())
    return Label("figure", printed.group() if printed else "", "", "", found.end(), 0.7)


def _certainty(text: str, word: str, kind: str, plural: bool, bracket: bool, end: int, own: int) -> float:
    """How sure it is (0 to 1) that a label is the beginning of a caption; ``end`` and ``own`` as the separator's."""
    if _runs_on(text, plural, bracket, end):
        return 0.1
    certainty = 1.0
    plain = re.sub(r"\s", "", word).lower()
    if plain not in _PLAIN_WORDS:
        certainty *= 0.9
    if word[0].islower() and not word.startswith(("e-", "eF", "eT")):
        certainty *= 0.5
    if plural:
        certainty *= 0.9
    rest = text[own:]
    if rest[:1].islower():
        separated = re.search(r"[.:|—–]", text[end:own]) is not None
        marker = re.match(r"[a-l](?:[.):,]|\s*[-–]\s*[a-l]\b)", rest) is not None
        certainty *= 0.9 if separated or marker else 0.6
    if bracket:
        certainty *= 0.7
    return round(certainty, 3)


def _runs_on(text: str, plural: bool, bracket: bool, end: int) -> bool:
    """Whether the text behind a label that ends at ``end`` goes on as a sentence of which the label is a part."""
    rest = text[end:]
    closing = re.match(rf"{_GAP}[)\]]", rest)
    if closing:
        # "(Fig. 3). The lesions …" and "Fig. 3) and …" end a reference; "(Fig. 3) Plaque" may be a caption.
        return not bracket or re.match(rf"{_GAP}(?:[.,;:?]|[a-z])", rest[closing.end() :]) is not None
    if bracket and re.match(rf"{_GAP}[,;]", rest):
        return True
    # Panels named after the number belong to the subject: "Figure 14.6 (a) demonstrates", "Fig. 3 A and B show".
    rest = re.sub(rf"^(?:{_GAP}[(\[][^)\]]{{1,40}}[)\]])+", "", rest)
    rest = re.sub(rf"^(?>{_GAP}[A-La-l](?:{_GAP}(?:{_DASH}|,|&|and|to){_GAP}[A-La-l]\b)*)(?=\s+[a-z]{{2,}})", "", rest)
    if re.match(rf"{_GAP}[A-La-l]{_GAP}(?:{_DASH}|,|&|and|to){_GAP}[A-La-l]\b", rest):
        return False  # "Fig. 1 A and B Histology …"
    if re.match(rf"{_GAP},{_GAP}(?:[a-z]{{2,}}|p\.)", rest):
        return True
    words = re.findall(r"^[\s\u00ad]*([a-z]+)(?:[\s,]+([A-Za-z]+))?(?:[\s,]+([A-Za-z]+))?", rest)
    if not words:
        return False
    first, second, third = words[0]
    if first in _VERBS:
        return True
    if first in _TURNS or first.endswith("ly"):
        return second in _VERBS or third in _VERBS or (first.endswith("ly") and second.endswith("s"))
    if first in _JOINTS:
        return True
    if second in _DETERMINERS and not first.endswith(("ing", "ed", "ss", "us", "is")):
        return first.endswith("s") or plural
    return False


def is_reference(text: str) -> bool:
    """Whether ``text`` begins as a sentence that speaks of a figure ("Figure 3.2 shows …", "(see Fig. 3)").

    The opposite does not hold: text without any label is no reference either.
    """
    label = parse_label(text)
    if label:
        return label.certainty < 0.3
    return _LEAD_IN.match(text) is not None


def is_continued(text: str) -> bool:
    """Whether the text says that it continues an earlier figure: "Fig. 3 (continued)", "(Cont'd)", "Continued."."""
    label = parse_label(text)
    if label:
        return label.continued
    found = _CONTINUED.match(text)
    return found is not None and (found.end() == len(text) or "(" in found.group() or "." in found.group())


def parse_panel_letter(text: str) -> str | None:
    """The panel named by a text that is nothing but a panel's mark: "A", "(a)", "a.", "B)", "C:", "A–C", "(ii)".

    Letters A to L come back in upper case, a range as "A-C", a list as "A,B", roman i to vi in lower case.
    """
    body = re.sub(rf"^{_GAP}[(\[]?{_GAP}|{_GAP}[)\].:,]*{_GAP}$", "", text)
    if re.fullmatch(r"i{1,3}|iv|vi?", body):
        return body
    if not re.fullmatch(rf"[A-La-l](?:{_GAP}(?:{_DASH}|,|&|and){_GAP}[A-La-l])*", body):
        return None
    normal = re.sub(rf"{_GAP}{_DASH}{_GAP}", "-", body)
    normal = re.sub(rf"{_GAP}(?:,|&|and){_GAP}", ",", normal)
    return normal.upper()


def parse_bare_number(text: str) -> Label | None:
    """The number, or label without any words, that is all of ``text``: "7", "3.2", "(12)", "IV", "Fig. 3.2", "7a".

    Plates with a collected legend print these at their pictures. A number of four digits is a year, not a figure.
    """
    label = parse_label(text)
    if label:
        return label._replace(certainty=1.0) if label.end == len(text) and label.key else None
    body = re.sub(rf"^{_GAP}(?:No\.?|#|\(|\[)?{_GAP}|{_GAP}[)\].:]*{_GAP}$", "", text)
    found = _NUMBER_RE.match(body)
    if not found or not found.group() or re.match(r"\d{4}", body):
        return None
    end, panel = _panel(body, found.end())
    if end != len(body):
        return None
    return Label("figure", body, normal_number(body), panel, len(text), 0.6, (normal_number(body),))
