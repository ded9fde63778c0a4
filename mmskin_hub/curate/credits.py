"""The credit grammar: which words of a caption thank, license or cite, and how they are taken out of it.

A credit is a sentence, the inside of a bracket, or the end of a sentence that *begins* as one: "Courtesy of …",
"Reproduced with permission from …", "© 2010 …", "From Smith J, et al. …". :func:`split_credits` parts one line into
what is said of the picture and what is owed for it; :mod:`mmskin_hub.curate.text` calls it for every caption.
"""

from __future__ import annotations

import re

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
_BRACKETED_CREDIT = re.compile(r"(?:^|[;,.]\s+|\s[–—-]\s)(?=\S)")


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


def split_credits(text: str) -> tuple[str, list[str]]:
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
