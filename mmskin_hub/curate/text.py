"""A caption as it was printed becomes a caption as it is published: label and credit off, print damage repaired.

What the page prints is kept to the letter: typographic quotes, ×, µ and ² (NFC, never NFKC), cross-references,
magnifications and panel letters stay. Repaired is only what typesetting, the text layer or OCR broke: hyphens at
line ends, ligatures, soft hyphens, zero-width and exotic spaces, spaced-out letters, spaces around punctuation.
:func:`clean_caption` applied to its own result changes nothing.

The word lists behind the repairs are in ``text_words``, what counts as a credit is in ``credits``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

from mmskin_hub.curate.credits import split_credits
from mmskin_hub.curate.text_words import (
    AFTER_FI,
    AFTER_FL,
    FIRST_PARTS,
    HALVES,
    MENDED,
    PLAIN_FIRST,
    SECOND_PARTS,
    SUSPENDED,
)
from mmskin_hub.pdf.labels import parse_label

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
_CROWDED = re.compile(r"\w[.,;:!?()]+\w")
_ADDRESS = re.compile(r"www\.|https?:|@|\w\.(?:org|com|net|edu|gov)\b")


def _keeps_hyphen(left: str, right: str, elsewhere: str) -> bool:
    """Whether ``left``-``right``, broken at that hyphen, is a compound; ``elsewhere`` is the text around it."""
    low_left, low_right = left.lower(), right.lower()
    if not left or not right or left[-1].isdigit() or right[0].isdigit() or right[0].isupper():
        return True
    if re.search(rf"\b{re.escape(left)}-{re.escape(right)}\b", elsewhere, re.IGNORECASE):
        return True
    if re.search(rf"\b{re.escape(left + right)}\b", elsewhere, re.IGNORECASE):
        return False
    if low_right in SECOND_PARTS:
        return low_left not in PLAIN_FIRST
    if low_left in FIRST_PARTS:
        return len(low_right) > 3 or low_right in SECOND_PARTS
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
        if after.group().lower() in SUSPENDED:
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
    starts = (ligature == "fi" and right in AFTER_FI) or (ligature == "fl" and right in AFTER_FL)
    return f"{left} {ligature}{right}" if starts or not left else f"{left}{ligature}{right}"


def _splits() -> re.Pattern[str]:
    """The ways in which a small word may stand broken: both halves no word of their own, none a panel letter."""
    halves = [(word[:n], word[n:]) for word in MENDED.split() for n in range(1, len(word))]
    fine = [
        f"{a} {b}"
        for a, b in halves
        if not (a in HALVES and b in HALVES)
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
        lambda m: m.group() if m[2] in SUSPENDED else _glue(m[1] + "-", m[2], ""),
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


def _without_label(text: str) -> str:
    while (label := parse_label(text)) and label.certainty >= 0.3:
        text = text[label.end :]
    return re.sub(r"\s*\((?:continued|cont\.|cont['’]d)[^()]{0,30}\)\s*$", "", text, flags=re.IGNORECASE)


def _once(text: str) -> tuple[str, list[str]]:
    text = _repair(join_lines(_characters(text).split("\n")))
    text, credits = split_credits(_without_label(text))
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
