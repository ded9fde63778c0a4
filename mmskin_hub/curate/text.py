"""A caption as it was printed becomes a caption as it is published: label and credit off, print damage repaired.

What the page prints is kept to the letter: typographic quotes, ×, µ and ² (NFC, never NFKC), cross-references,
magnifications and panel letters stay. Repaired is only what typesetting, the text layer or OCR broke: hyphens at
line ends, ligatures, soft hyphens, zero-width and exotic spaces, spaced-out letters, spaces around punctuation.
:func:`clean_caption` applied to its own result changes nothing.

The file is longer than most: the word lists that decide about hyphens and credits are its substance.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

from mmskin_hub.pdf.labels import parse_label


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
_SOFT = "\u00ad"
_CHARACTERS = str.maketrans(
    _LIGATURES
    | {"\u2010": "-", "\u2011": "-"}  # hyphens that look like "-" and differ only in how they break
    | dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u200e\u200f\ufffd\ufffe\uffff", "")
    | {chr(code): " " for code in (0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000, 0x9, 0xB, 0xC)}
    | {chr(code): "\n" for code in (0xD, 0x85, 0x2028, 0x2029)}
    | {chr(code): "" for code in (*range(0x9), *range(0xE, 0x20), 0x7F)}
)
# TeX text layers give "Sj¨ogren": a spacing accent before its letter.
_ACCENTS = {"¨": "\u0308", "´": "\u0301", "ˆ": "\u0302", "˜": "\u0303", "¸": "\u0327", "˚": "\u030a"}

# A word broken after one of these, or before one of those, is a compound and keeps its hyphen.
_FIRST_PARTS = _words(
    """
    well ill self non half high low flat follow long short full middle mid large small medium new old young slow
    fast fine thick thin deep light dark pale skin flesh sun blue red brown white black pink yellow grey gray
    green purple violet salmon ham dome band leaf scar ring star saw coin pea egg net wart cup pin comma cigar
    target button cobble cobblestone corkscrew hair nail cross cold heat drug gram acid double single two three
    four five six multi right left upper lower off x t b ulcero vaso lace honey crazy strawberry cauliflower
    sharp poorly newly water weight dose time year month week day age type stage grade end on air steroid
    """
)
_SECOND_PARTS = _words(
    """
    like old up shaped topped coloured colored sized aged damaged defined demarcated circumscribed edged free
    based related induced positive negative specific associated dependent resistant type pattern layered
    thickness grade power standing growing term exposed bearing forming producing containing fixing fast stained
    embedded differentiated cell cells brown red white black blue pink yellow grey gray green purple violet
    tipped filled lined wide deep year month week day hour years months weeks days mm cm shape size colour color
    looking appearing onset dose point line degree fold stone paper oil off in out
    """
)
# Beginnings that make the second parts above the end of a plain word: "un-like", "pheno-type", "thresh-old".
_PLAIN_FIRST = _words(
    """
    un dis mis thresh scaf house inter cor uncor pheno geno proto arche stereo sero eco karyo sub pro pre com im
    in re de ex mani bi tri with be ma pa ro sca hou sho tele
    """
)
_SUSPENDED = _words(
    """
    and or to nor und oder bis as but than
    """
)

# Whole words that begin with a ligature, without it: a text layer that gives "fi rm" means "firm" and not "…fi rm".
_AFTER_FI = _words(
    """
    rm rmly rst brosis brous brotic broma bromas bromatosis broblast broblasts brin brinoid bril brils bre bres
    ber bers ne nely ner nger ngers ngernail ngernails ngertip ngertips ngerprint lm lled lling ll eld elds ve
    fth fteen fty ssure ssures ssured ssuring nding ndings nd nal nally gure gures lament laments lamentous xed
    xation xative sh shing sherman re stula stulas stulae sts lter ltered liform lter t ts
    """
)
_AFTER_FL = _words(
    """
    at atter attened attening ank anks exor exors exion exure exures exural ushing ush ushed accid uid uids
    uorescence uorescent uctuant uctuating uconazole uorouracil ow owing ower owers aky aking akes ake oor oors
    esh eshy esh-coloured esh-colored ea eas ap aps oral ora ora. are ares y ies ame agellate agella uence
    """
)
# Small words that some text layers break in two; only splits whose halves are no words or panel letters are mended.
_MENDED = "the other others with of this these those that there their then than which where when while were was showing"
_HALVES = _words(
    """
    a i an as at be by do go he her hi his if in is it me my no of oh on or ox so to up us we
    """
)

_ABBREVIATIONS = re.compile(
    r"(?:\b(?:Drs?|Profs?|Mr|Mrs|Ms|St|Univ|Dept|Inc|Ltd|Co|Corp|No|Nos|vol|Vol|pp?|eds?|Ed|al|Fig|Figs|vs|[Rr]efs?|Jr|Sr|Hosp|Med|Am|"
    r"Acad|Dermatol|Br|Clin|Pathol|Arch|Exp|Int|Eur|Surg|Pediatr|J|ca|cf|approx|[A-Z])|\b(?:[A-Za-z]\.)+[A-Za-z])\.$"
)
# What a credit begins with, at the beginning of a sentence or bracket or behind ";", "," or a dash. "(?-i:" keeps case.
_THING = (
    r"(?:(?:clinical|original|both|all|the|this|these) )*(?:images?|photos?|photographs?|photomicrographs?|pictures?|"
    r"micrographs?|slides?|cases?|figures?|illustrations?|panels?|specimens?|material)"
)
_BE = r"(?:(?:is|are|was|were) )?"
_OWNER = r"(?=(?-i:[A-Z©(])|https?:|www\.)"
# "Photo: Jane Doe", "(Photo by Doe)", but not "Clinical image: Papules", "Images by Doppler show flow".
_PHOTO = r"(?:original )?(?:images?|photos?|photographs?|photographers?|photomicrographs?|pictures?|micrographs?)"
_NAME = r"(?=©|https?:|www\.|(?-i:(?:Drs?|Prof|Mr|Mrs|Ms)\b|[A-Z]\.|[A-Z][\w'’-]+ (?:[a-z]{2,3} )?[A-Z]|[A-Z]{2,}\b))"
_SURNAME = r"(?=(?-i:[A-Z][\w'’-]+\s*(?:$|[.,;/)])))"
_CREDITS = (
    rf"(?:{_THING} )?(?:\(?(?-i:[A-H])(?:\s?(?:[-–,&]|and)\s?(?-i:[A-H]))*\)?,? )?{_BE}"
    r"(?:(?:by|with|through) (?:the )?)?(?:kind )?courtesy\b,?\s*(?:of\b|:|from\b|(?-i:[A-Z]))",
    rf"(?:{_THING} )?{_BE}(?:kindly |generously )?(?:provided|contributed|supplied|donated|submitted) "
    r"(?:courtesy of|(?:kindly |graciously )?by)\b",
    rf"(?:{_THING} )?{_BE}(?:reproduced|reprinted|republished|adapted|redrawn|borrowed|reused|published) "
    r"(?:(?:and|or) \w+ )?(?:here )?(?:with|from|by|under|courtesy)\b",
    rf"modified (?:(?:and \w+ )?from|after) {_OWNER}",
    r"(?:used|printed|shown|included) (?:with|by) (?:the )?(?:kind |written |express )?(?:permission|courtesy)\b",
    r"(?:with|by) (?:the )?(?:kind |written |express )?permission\b",
    r"©|\(c\)\s*(?=\d{4})|copyright\b|all rights reserved",
    rf"{_THING} (?:credits?|source|copyright)\b\s*:?\s*{_OWNER}",
    rf"{_PHOTO}(?: by\b|\s*:)\s*{_NAME}|{_PHOTO} by\s+{_SURNAME}",
    rf"(?:credits?|sources?|image source|reference)\s*:\s*{_OWNER}",
    rf"(?:{_THING} )?from (?:the )?(?:(?:teaching|private|personal|slide|photographic) )*"
    r"(?:collections?|archives?|files|library) of\b",
    rf"(?:{_THING} )?(?:from )?(?:the )?(?:dermnet|visualdx|wikimedia|wikipedia|danderm|dermatology atlas|dermis\.net|"
    r"(?-i:PHIL\b)|public health image library|(?-i:CDC)\b(?=\s*(?:/|\.?\s*$|\.?\)|,|;|public|\#|id\b))|"
    r"centers for disease control and prevention\b(?=\s*(?:[.,;/(]|$|public)))",
    rf"(?:{_THING} )?(?:(?:is|are) )?(?:licen[sc]ed under|under (?:a|the) creative commons|(?-i:CC[ -]BY)|"
    r"creative commons|in the public domain)",
)
_CREDIT = re.compile("|".join(f"(?:{credit})" for credit in _CREDITS), re.IGNORECASE)
_CITATION_START = re.compile(
    r"(?:\(?[A-H](?:\s?(?:[-–,&]|and)\s?[A-H])*\)?,?:? )?"
    r"(?:(?:Data\s+|[Tt]aken\s+)?[Ff]rom:?\s+|[Ii]n:\s+)(?=[A-Z])"
)
_CITATION = re.compile(
    r"\bet\s+al\b|\b(?:19|20)\d\d\b|\d+\s*\(?\d*\)?\s*:\s*[eE]?\d+|\beds?\b\.?[,)]|\b\d+(?:st|nd|rd|th)\s+ed|[Pp]ermission|"
    r"\b(?:Elsevier|Springer|Wiley|Blackwell|Saunders|Mosby|McGraw|Lippincott|Thieme|Karger|Churchill|Press|Publish\w+|"
    r"Philadelphia|Journal|doi|DOI|https?|www)\b|[A-Z][\w'’-]+\s+[A-Z]{1,3}(?:,|\.|\s+et\b|\s+and\b)|\bJ\s+[A-Z][a-z]+"
)
_NEW_PANEL = re.compile(r"^(?:\([A-La-l]\)|[A-L][,.:)]|\([A-L][-–][A-L]\))\s")
_BRACKET = re.compile(r"\s*(?:\((?P<round>(?:[^()]|\([^()]*\))*)\)|\[(?P<square>[^\[\]]*)\])")
_CROWDED = re.compile(r"\w[.,;:!?()]+\w")
_ADDRESS = re.compile(r"www\.|https?:|@|\w\.(?:org|com|net|edu|gov)\b")
_BRACKETED_CREDIT = re.compile(r"(?:^|[;,.]\s+|\s[–—-]\s)(?=\S)")


def _keeps_hyphen(left: str, right: str, elsewhere: str) -> bool:
    """Whether ``left``-``right``, broken at that hyphen, is a compound; ``elsewhere`` is the text around it."""
    low_left, low_right = left.lower(), right.lower()
    if not left or not right or left[-1].isdigit() or right[0].isdigit() or right[0].isupper():
        return True
    if re.search(rf"\b{re.escape(left)}-{re.escape(right)}\b", elsewhere, re.IGNORECASE):
        return True
    if re.search(rf"\b{re.escape(left + right)}\b", elsewhere, re.IGNORECASE):
        return False
    if low_right in _SECOND_PARTS:
        return low_left not in _PLAIN_FIRST
    if low_left in _FIRST_PARTS:
        return len(low_right) > 3 or low_right in _SECOND_PARTS
    return len(left) == 1 and left.isupper()


def _glue(left: str, right: str, elsewhere: str) -> str:
    """Two neighbouring lines of one paragraph as one, the hyphen at the break resolved."""
    if left.endswith(_SOFT):
        before = re.search(r"([^\W_]+)\u00ad+$", left)
        if not (before and before[1].isdigit()):
            return left.rstrip(_SOFT) + right
        left = left.rstrip(_SOFT) + "-"
    if re.match(r"-[a-z]", right) and re.search(r"\w$", left):
        return left + right
    broken = re.search(r"([^\W_]+)[-\u2010\u2011]$", left)
    if broken:
        after = re.match(r"[^\W_]+", right)
        if not after:
            return f"{left} {right}" if right.startswith("(") else left + right
        if after.group().lower() in _SUSPENDED:
            return f"{left} {right}"
        return left + right if _keeps_hyphen(broken[1], after.group(), elsewhere) else left[:-1] + right
    if re.search(r"(?:[^\s/]/|\S[\u2013\u2014])$", left):
        return left + right
    return f"{left} {right}"


def join_lines(lines: Iterable[str]) -> str:
    """The lines of one paragraph as one line: hyphens at line ends resolved, soft hyphens gone, spaces single.

    A hyphen at a line end goes ("haemor-" + "rhagic") unless the halves are parts of a compound ("comedo-" + "like",
    "ill-" + "defined", "10-" + "year"), the compound stands elsewhere in the text with its hyphen, or the second half
    begins with a capital or a digit.
    """
    stripped = [line.strip() for line in lines if line.strip().strip(_SOFT)]
    elsewhere = " ".join(stripped)
    joined = ""
    for line in stripped:
        joined = _glue(joined, line, elsewhere) if joined else line
    # A soft hyphen inside a line is drawn as a hyphen where the font maps "-" to it: "10\u00adyear\u00adold".
    joined = re.sub(r"(?<=\d)\u00ad+(?=[^\W\d])|(?<=\byear)\u00ad+(?=old)", "-", joined).replace(_SOFT, "")
    return re.sub(r"\s+", " ", joined).strip()


def _characters(raw: str) -> str:
    """Print damage of single characters repaired; line ends and soft hyphens stay for :func:`join_lines`."""
    text = re.sub(
        r"([¨ˆ˜¸˚])(?=[A-Za-z])([A-Za-z])|(´)([aeiouAEIOU])",
        lambda m: unicodedata.normalize("NFC", (m[2] or m[4]) + _ACCENTS[m[1] or m[3]]),
        raw.translate(_CHARACTERS),
    )
    text = "".join(c for c in text if not "\ue000" <= c <= "\uf8ff")  # private use: no one knows what it shows
    return unicodedata.normalize("NFC", text)


def _closed_up(match: re.Match[str]) -> str:
    letters = re.sub(r" (?! )", "", match.group())
    row = letters.replace(" ", "").lower()
    alphabet = all(ord(b) - ord(a) == 1 for a, b in pairwise(row))
    return match.group() if alphabet else re.sub(r" +", " ", letters)


def _broken_ligature(match: re.Match[str]) -> str:
    left, ligature, right = match["left"] or "", match["ligature"], match["right"]
    starts = (ligature == "fi" and right in _AFTER_FI) or (ligature == "fl" and right in _AFTER_FL)
    return f"{left} {ligature}{right}" if starts or not left else f"{left}{ligature}{right}"


def _splits() -> re.Pattern[str]:
    """The ways in which a small word may stand broken: both halves no word of their own, none a panel letter."""
    halves = [(word[:n], word[n:]) for word in _MENDED.split() for n in range(1, len(word))]
    fine = [
        f"{a} {b}"
        for a, b in halves
        if not (a in _HALVES and b in _HALVES)
        and not any(len(part) == 1 and part in "abcdefghijklxnps" for part in (a, b))
        and not any(
            part in {"her", "here", "hose", "hen", "hat", "his", "an", "as", "ere", "owing"} and len(rest) > 1
            for part, rest in ((a, b), (b, a))
        )
    ]
    return re.compile(r"(?<![\w'’-])(?:" + "|".join(sorted(fine, key=lambda s: (-len(s), s))) + r")(?![\w'’-])")


_SPLITS = _splits()


def _repair(text: str) -> str:
    """Words and spacing on one line, as a compositor would have set them."""
    text = re.sub(
        r"(?<![\w.,])(?:[^\W\d_] ){4,}[^\W\d_](?![\w.,'’])(?:  ?(?:[^\W\d_] )+[^\W\d_](?!\w))*", _closed_up, text
    )
    text = re.sub(
        r"(?<![\w-])(?:(?P<left>[A-Za-z]+) )?(?P<ligature>ffi|ffl|fi|fl|ff) (?P<right>[a-z]+(?:-[a-z]+)?)",
        _broken_ligature,
        text,
    )
    text = _SPLITS.sub(lambda m: m.group().replace(" ", ""), text)
    text = re.sub(r"(?<=\d) ?- ?(years?|months?|weeks?|days?|yrs?) ?-? ?(?=old\b)", r"-\1-", text)
    text = re.sub(
        r"(?<![\w-])([a-z]{2,})- ([a-z]{2,})(?!\w)",
        lambda m: m.group() if m[2] in _SUSPENDED else _glue(m[1] + "-", m[2], ""),
        text,
    )
    text = re.sub(r" +(?=[.,;:!?](?:\s|$|[)\]]))(?!\.\.)", "", text)
    text = re.sub(r"(?<=[(\[]) +| +(?=[)\]])", "", text)
    # A space that OCR swallowed; addresses of web pages and mail keep their dots.
    words = [_spaced(word) if _CROWDED.search(word) and not _ADDRESS.search(word) else word for word in text.split(" ")]
    return re.sub(r" +", " ", " ".join(words)).strip()


def _spaced(word: str) -> str:
    word = re.sub(r"(?<=[a-z)]{2})([.;:!?])(?=[A-Z][a-z]+)", r"\1 ", word)
    word = re.sub(r"(?<=[^\W\d_]{2})([,;])(?=[^\W\d_]{2})", r"\1 ", word)
    word = re.sub(r"(?<![\w])([A-L][,.:])(?=[A-Z][a-z]{2})", r"\1 ", word)
    word = re.sub(r"(?<=[a-z]{3})(?=\((?:[A-Za-z]{5,}|[A-Z]&|see\b))", " ", word)
    return re.sub(r"(?<=[^\W_]\))(?=[A-Z][a-z]{2})", " ", word)


def _sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of ``text``, blanks between them left out; abbreviations and brackets do not end one."""
    spans: list[tuple[int, int]] = []
    start = depth = 0
    for n, sign in enumerate(text):
        depth = max(0, depth + (sign in "([") - (sign in ")]"))
        last = n + 1 == len(text)
        ends = sign in ".!?" and (last or text[n + 1] == " ") and not depth
        closes = sign in ")]" and not depth and text[start] in "([" and (last or text[n + 1] == " ")
        if last or closes or (ends and not _ABBREVIATIONS.search(text[start : n + 1])):
            if text[start : n + 1].strip():
                spans.append((start, n + 1))
            start = n + 2
    return spans


def _is_credit(text: str) -> bool:
    """Whether a sentence, or the inside of a bracket, begins as a credit."""
    if _CREDIT.match(text):
        return True
    return _CITATION_START.match(text) is not None and _CITATION.search(text) is not None


def _bracket_credits(text: str) -> tuple[str, list[str]]:
    """Credits inside brackets taken out, with the bracket where nothing else is in it."""
    found: list[str] = []

    def without(match: re.Match[str]) -> str:
        inner = match["round"] if match["round"] is not None else match["square"]
        cuts = [cut.end() for cut in _BRACKETED_CREDIT.finditer(inner) if _is_credit(inner[cut.end() :])]
        if not cuts:
            return match.group()
        kept = inner[: cuts[0]].rstrip(" ;,–—-")
        found.append(inner[cuts[0] :].strip())
        return f" ({kept})" if kept else ""

    return _BRACKET.sub(without, text), found


def _split_credit(text: str) -> tuple[str, list[str]]:
    """One line of text without its credits, and the credits in the order they stood."""
    text, credits = _bracket_credits(text)
    text = text.strip()
    spans = _sentences(text)
    kept: list[str] = []
    n = 0
    while n < len(spans):
        sentence = text[slice(*spans[n])]
        body = sentence.lstrip("([ ")
        if _is_credit(body):
            stop = n + 1
            # A citation goes on over its title ("Smith J. Lichen planus. Br J Dermatol 2003;148:1.").
            for ahead in range(n + 1, min(n + 5, len(spans))):
                further = text[slice(*spans[ahead])]
                if _NEW_PANEL.match(further):
                    break
                if _CITATION.search(further) or _is_credit(further):
                    stop = ahead + 1
            credits.append(text[spans[n][0] : spans[stop - 1][1]])
            n = stop
            continue
        head, tail = _tail_credit(sentence)
        kept.append(head)
        if tail:
            credits.append(tail)
        n += 1
    return " ".join(kept), credits


def _tail_credit(sentence: str) -> tuple[str, str]:
    """A sentence that ends in a credit (", courtesy of Dr X.", " © 2010 Elsevier") as its own words and the credit."""
    cut = re.search(
        r"(?:\s*[,;–—-]\s*|\s+)(?=(?:(?:images?|photos?|pictures?|photographs?)\s+)?[Cc]ourtesy (?:of|Dr)\b|©|"
        r"(?:reproduced|reprinted|used|adapted) (?:with|by|from) (?:the )?(?:kind |written )?(?:permission|[A-Z])|"
        r"[Pp]hoto (?:credit|by)\b|[Ii]mage credit\b|[Cc]opyright (?:©|\d))",
        sentence,
    )
    if not cut or not sentence[: cut.start()].strip():
        return sentence, ""
    head = sentence[: cut.start()].rstrip(" ,;–—-")
    return head + ("." if sentence.endswith(".") and not head.endswith((".", "!", "?")) else ""), sentence[cut.end() :]


def _without_label(text: str) -> str:
    while (label := parse_label(text)) and label.certainty >= 0.3:
        text = text[label.end :]
    return re.sub(r"\s*\((?:continued|cont\.|cont['’]d)[^()]{0,30}\)\s*$", "", text, flags=re.IGNORECASE)


def _once(text: str) -> tuple[str, list[str]]:
    text = _repair(join_lines(_characters(text).split("\n")))
    text, credits = _split_credit(_without_label(text))
    text = re.sub(r"\(\s*\)|\[\s*\]", "", text)
    text = re.sub(r"^[\s.,:;|•■▪●►▶*–—-]+|[\s|•■▪●►▶*–—,;-]+$", "", text)
    return _repair(text), credits


def _settled(raw: str) -> tuple[str, list[str]]:
    """The caption and its credits; repairs may make room for one another, so they run until nothing changes."""
    text, credits = _once(raw)
    for _ in range(8):
        again, more = _once(text)
        credits += more
        if again == text:
            break
        text = again
    return text, credits


def clean_caption(raw: str) -> str:
    """The caption to publish, one line, from the printed one (lines joined by ``\\n``, label and credit included).

    "" where nothing but a label or a credit was printed. Never raises.
    """
    return _settled(raw)[0]


def credit_of(raw: str) -> str:
    """The credit lines that :func:`clean_caption` leaves out, in printed order, joined by a space; "" for none."""
    return " ".join(_settled(raw)[1])
