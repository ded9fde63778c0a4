"""An answer made plain: markup off, signs brought to one form, contractions spelled out.

What is left reads like the answer said aloud, so the rules that follow see words and punctuation and nothing else.
"""

from __future__ import annotations

import html
import re
import unicodedata

_PRIVATE = re.compile("[\ue000-\uf8ff\x00-\x08\x0b-\x1f]")  # the reader's own signs, and what no one says
_THOUGHT = re.compile(r"<(think|thinking|thought|reasoning)>.*?(?:</\1>|\Z)", re.S | re.I)
_SPECIAL = re.compile(r"<\|[^<>|]*\|>|</?s>|<(?:pad|unk|eos|bos|image|end_of_turn|eot)>|\[/?INST\]", re.I)
_ENDED = re.compile(
    r"</s>|<\|(?:im_end|im_start|eot_id|endoftext|end|user|end_of_text|eom_id)\|>|<(?:end_of_turn|start_of_turn|eos|"
    r"eot|"
    r"end_of_utterance)>|\[INST\]|^[ \t]*(?:#+ *)?(?:user|human|question|q|instruction) ?:|"
    r"^ *###[ \t]*(?:user|human|question|instruction|input|system)\b",
    re.I | re.M,
)
"""The end of the answer, or the beginning of a turn that a model which runs on makes up for the asker."""
_ANSWERS = re.compile(
    r"(?:^|\s|<\||>)(?:assistant|model|gpt|bot)(?:\|>|\s*:|\n)|\[/INST\]|^ *### *(?:assistant|response|answer)\b:?",
    re.I | re.M,
)
_MOST, _ENDS = 4000, 2000
"""Characters that are read: of a longer answer those at both ends, since what is concluded stands at the end."""
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,40}>")
_LATEX = re.compile(r"\\(?:boxed|text|textbf|mathrm|mathbf|textit)\s*\{")
_MARKUP = re.compile(r"[*`~#$\\{}|\[\]\"“”„«»]+|(?<!\w)'|'(?!\w)|(?<!\w)_+|_+(?!\w)")
_CHECKED = re.compile(r"\[\s*[xX✓✔]\s*\]|[☑✅✔✓]")
_UNCHECKED = re.compile(r"\[\s\]|[☐❌✗✘]")
_DASH = re.compile(r"[‐‑‒﹣－]")
_LONG_DASH = re.compile(r"\s*[–—―]\s*")
_NUMBER = re.compile(r"(?<=\d)[.,](?=\d)")
_FULL = {"’": "'", "‘": "'", "´": "'", "…": ".", "；": ";", "：": ":", "，": ",", "。": ".", "≫": ">>", "\u00a0": " "}
_CONTRACTED = (
    (re.compile(r"\bi\.\s?e\.", re.I), "namely"),
    (re.compile(r"\be\.\s?g\.", re.I), "such as"),
    (re.compile(r"\b(?:can't|cannot|cant)\b", re.I), "can not"),
    (re.compile(r"\bwon't\b", re.I), "will not"),
    (re.compile(r"\bshan't\b", re.I), "shall not"),
    (
        re.compile(r"\b(is|are|was|were|does|do|did|has|have|had|could|would|should|must|might|need)n't\b", re.I),
        r"\1 not",
    ),
    (re.compile(r"\b(i)'m\b", re.I), r"\1 am"),
    (re.compile(r"\b(it|this|that|there|here|what)'s\b", re.I), r"\1 is"),
    (re.compile(r"\b(i|we|you|they)'(?:d|ll)\b", re.I), r"\1 would"),
    (re.compile(r"\b(i|we|you|they)'ve\b", re.I), r"\1 have"),
    (re.compile(r"\bSCC-?is\b"), "SCC in situ"),
    (re.compile(r"\bseb(?:\.|orrh?)?[\s-]?(?:k|ker|keratos[ei]s)\b\.?", re.I), "seborrheic keratosis"),
    (
        re.compile(
            r"\b(\w+(?:ic|al|ous|ar|oid|ign|ant|ive|ed|ary)),? (not|and not|rather than|instead of|"
            r"as opposed to) (?:an? )?"
            r"(\w+(?:ic|al|ous|ar|oid|ign|ant|ive|ed|ary)),? (keratos[ie]s|lentigo|n[ae]*vus|carcinoma|dermatitis|"
            r"melanoma|lesion|tumou?r)\b",
            re.I,
        ),
        r"\1 \4, \2 \3 \4",
    ),
)

DECIMAL = "·"
"""Stands for the point in a number, so that a full stop always ends a sentence."""
YES, NO = " (yes) ", " (no) "


def plain(text: str) -> str:
    """``text`` without markup, special tokens and what stands in thinking tags, unless there is nothing else; line
    breaks are kept, ticked and empty boxes become "(yes)" and "(no)" behind the words of their line."""
    text = re.sub(r"[^\S\n]+", " ", _PRIVATE.sub(" ", unicodedata.normalize("NFC", text)))
    text = re.sub(r"\n[ \n]*\n", "\n\n", text)
    text = _THOUGHT.sub(" ", text) if _THOUGHT.sub(" ", text).strip() else re.sub(r"</?think\w*>", " ", text)
    if len(text) > _MOST:
        text = f"{text[:_ENDS]}\n{text[-_ENDS:]}"
    text = _own_turn(text)
    text = html.unescape(_SPECIAL.sub(" ", text))
    text = re.sub(r"<br\s*/?>|</p>|</li>", "\n", text)
    text = _TAG.sub(" ", text)
    text = _LATEX.sub(" ", text)
    for sign, simple in _FULL.items():
        text = text.replace(sign, simple)
    text = re.sub(rf"(?m)^([ \-*]*)(?:{_CHECKED.pattern})\s*(.+)$", rf"\1\2{YES}", text)
    text = re.sub(rf"(?m)^([ \-*]*)(?:{_UNCHECKED.pattern})\s*(.+)$", rf"\1\2{NO}", text)
    text = _DASH.sub("-", text)
    text = _LONG_DASH.sub(" - ", text)
    text = _NUMBER.sub(DECIMAL, text)
    text = _MARKUP.sub(" ", text)
    text = re.sub(r"(?<=\w)_(?=\w)", " ", text)
    for pattern, full in _CONTRACTED:
        text = pattern.sub(full, text)
    return re.sub(r"[^\S\n]+", " ", text).strip()


def _own_turn(text: str) -> str:
    """What the model says in its turn: neither the question, where the answer opens with that, nor what comes after an
    end token or a made-up turn of the asker."""
    worded = re.search(r"[^\W_]", text)
    first = _ENDED.search(text)
    if first and worded and first.start() <= worded.start() and (answers := _ANSWERS.search(text, first.end())):
        text = text[answers.end() :]
    for match in _ENDED.finditer(text):
        if re.search(r"[^\W_]", _SPECIAL.sub(" ", text[: match.start()])):
            return text[: match.start()]
    return text
