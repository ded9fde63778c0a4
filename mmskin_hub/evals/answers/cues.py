"""The words around a phrase that tell how it is meant: denied, left open, guessed, stated, concluded.

All patterns work on an answer in small letters in which each phrase has become one sign of :data:`M` (a private-use
character), without articles, cut into clauses. ``before`` is what stands in the clause left of the phrase or of the
list it belongs to, ``after`` what follows it.

The families are few: a word that denies reaches to the end of its clause, or to the next verb that asserts; a word that
is said of a phrase ("… is unlikely", "… favoured") follows it; the rest ranks what is left. What denies from the
front, and refusals, are in :mod:`~mmskin_hub.evals.answers.denial`.
"""

from __future__ import annotations

import re
from enum import IntEnum

M = "[\ue000-\uf8ff]"
"""One phrase."""
_ARTICLES = r"(?:\b(?:the|a|an|any|some|this|that)\b\s*)*"


class Level(IntEnum):
    """How firmly a phrase is put forward, from not at all to the last word."""

    denied = 0
    left_open = 1
    echoed = 2
    background = 3
    weak = 4
    subject = 5
    plain = 6
    stated = 7
    chosen = 8
    answer = 9
    final = 10


def any_of(*patterns: str) -> str:
    """A pattern that matches what any of ``patterns`` does, without a group to refer to."""
    return "(?:" + "|".join(patterns) + ")"


# Clauses -------------------------------------------------------------------------------------------------------------

CLAUSE = re.compile(
    r"[.!?;\n]+|\s-\s|"
    r",?\s*\b(?:but|however|although|though|while|whereas|yet|nevertheless|nonetheless|therefore|thus|hence|"
    r"because|since|"
    r"so(?=\s+(?:this|it|i|my|we|the|\W))|which\s+(?:is|suggests?|indicates?|points?|makes?|favou?rs?|supports?)|"
    r"rather(?!\s+than)|instead(?!\s+of)|leading to|in conclusion|overall)\b|"
    r",\s*(?=(?:and\s+)?(?:it|this|they|we|i|there)\b)|"
    r"\band\s+(?=(?:it|this|therefore|i|we)\b)"
)

# Said of a phrase, after it ------------------------------------------------------------------------------------------

_VERBS = (
    r"(?:(?:is|are|was|were|seems?|appears?|looks?|can|could|may|might|has|have|had|been|be|being|would|should|"
    r"also|all|both|"
    r"therefore|thus|now|then|to|considered|thought|deemed|judged|felt|believed|very|quite|highly|rather|even|"
    r"much|far|here|"
    r"clearly|safely|confidently|effectively|essentially|virtually|largely|in this case|as|diagnosis|this time)\s+)*"
)
OPEN_AFTER = re.compile(
    r"^[\s,)]*(?:(?:is|are|has|have|still|therefore|also|\w+ly)\s+)*"
    r"(?:(?:can|could|may|might|should|is|are|been|would)\s+)?not\s+(?:yet\s+)?(?:be\s+|been\s+)?(?:\w+\s+)?"
    r"(?:excluded|ruled out|dismissed|discounted|rejected|determined|assessed|established|confirmed or excluded)\b|"
    r"^[\s,)]*(?:is|are|remains?|was)\s+(?:to be|still to be)\s+(?:excluded|ruled out)"
)
DENIED_AFTER = re.compile(
    rf"^[\s)]*(?:, (?:however|though),)?\s*{_VERBS}(?:unlikely|improbable|implausible|doubtful|questionable|"
    rf"(?:\w+ly )?(?:excluded|ruled out|rejected|dismissed|discarded)|absent|"
    r"negative|not\b(?! only)|less (?:likely|probable|favou?red|consistent)|least likely|false|wrong|incorrect|"
    r"out of question)\b"
    r"|^-?\s?free\b|^[\s,]*(?:and|but) (?:\w+ )?(?:found|saw|see|identified) none\b"
)
DENIED_MARK = re.compile(
    r"^[\s)]*(?:[:=?]|\(|->|\s-\s)+\s*\(?(?:no|not present|not seen|not found|false|absent|negative|unlikely|none|"
    r"n|nope|"
    rf"ruled out|excluded|not)\b(?!\s*(?:\w+\s+){{0,2}}{M})|^\s*\(no\)"
)
AFFIRMED_MARK = re.compile(
    r"^[\s)]*(?:[:=?]|\(|->)+\s*\(?(?:yes|true|present|positive|y|correct|selected|likely)\b|^\s*\(yes\)"
)
CHOSEN_AFTER = re.compile(
    rf"^[\s,)(]*{_VERBS}(?:(?:most|more|far more|much more|the most) (?:likely|probable|favou?red|consistent|"
    rf"plausible|fitting)|"
    r"(?:the )?(?:best|correct|right|final|leading|top|primary|likeliest|main|favou?red|working|preferred|"
    r"probable|likely)"
    r"(?: \w+)? ?(?:diagnosis|answer|choice|option|category|class|fit|match|candidate|one)?|favou?red|preferred|chosen|"
    r"the (?:diagnosis|answer|category|class)|my (?:\w+ )?(?:diagnosis|answer|choice|pick))\b|^[\s,]*fits? best|"
    r"^\s*>"
)
WEAK_AFTER = re.compile(
    rf"^[\s,)(]*{_VERBS}(?:possible|a possibility|conceivable|(?:an )?alternativ\w+|(?:in|on|"
    rf"part of) (?:the )?differential|"
    r"second|a mimic|a differential|suspected but|"
    r"my (?:first|initial) (?:thought|impression|guess|idea)|(?:previously )?(?:removed|excised|resected|treated)|"
    r"(?:considered|suspected|entertained|contemplated|discussed|thought of)(?=\s*(?:$|[.,;)]|at first|initially|too|as"
    r" well))|(?<=was )(?:considered|suspected|entertained)(?=\s*$))\b|^[\s,]*(?:remains?|is) (?:a )?possib"
)
SUBJECT_AFTER = re.compile(
    r"^(?:\s*\([^)]*\))?\s*(?:is|are) (?:\w+ly )?(?:a|an|the most common|characteri[sz]ed|usually|often|typically|"
    r"common|one of|(?!best|likeliest)\w+est \w+|most (?!likely|probable|consistent|compatible|plausible|fitting|"
    r"favou?red|suggestive)\w+|"
    r"type of|kind of|form of|(?:\w+ ){0,2}skin cancer|serious|dangerous|"
    r"known|defined|benign|malignant)\b|"
    r"^(?:\s*\([^)]*\))?\s*(?:typically|usually|often|commonly|generally|classically|tends?|can|may|would|show|"
    r"shows|has|have|"
    r"presents?|refers?|arises?|develops?|occurs?|appears? as)\b"
)
PERCENT = re.compile(
    r"^[\s:=(,\-]*(?:with |at |about |around |approximately |~|probability |confidence |p ?=? ?|"
    r"of )*\(?(\d+(?:·\d+)?)\s*(%|percent\b)?"
)
PERCENT_BEFORE = re.compile(r"(\d+(?:·\d+)?)\s*(%|percent\b)[\w\s:]{0,25}$")
_CLOSES = (
    r"(?:\s+(?:diagnosis|answer|option|one|choice|candidate|explanation))?"
    r"(?:\s+(?:here|in this case|overall|by far|now|in my (?:view|opinion)|on histology|histologically|clinically|"
    r"on biopsy|"
    r"in this (?:image|picture|lesion|patient)))?\s*$"
)
REFERS = re.compile(
    r"^[^.!?;\n\ue000-\uf8ff]{0,60}?(?:(?:[.;!?,)]\s*)?(?P<bound>\b(?:but|though|yet|and)\b)|[.;!?,)]|\s-\s)\s*"
    r"(?:(?:,|;|but|and|though|yet|however|in fact|indeed|actually|rather|moreover|still|nevertheless|nonetheless|"
    r"on reflection|in truth)\s*)*"
    r"(?P<it>(?:it|that|which|this(?: diagnosis| one)?|they|both)\s+(?=is|was|are|were|has|have|seems|remains|can|"
    r"could))?"
    r"(?P<rest>[^.!?;,\n\ue000-\uf8ff]*)(?=[.!?;,\n]|$)"
)
"""What a later clause says of the phrase: "…, in fact it is the most likely", "… but is excluded"."""
LATER_DENIED = re.compile(
    rf"^{_VERBS}(?:unlikely|improbable|implausible|(?:\w+ly )?(?:excluded|ruled out|rejected|dismissed|discarded)|"
    rf"less likely|least likely|not (?:likely|supported|favou?red|correct|right|case|it|confirmed)){_CLOSES}"
)
LATER_CHOSEN = re.compile(
    rf"^(?:remains )?{_VERBS}(?:by far |still |clearly )*(?:most likely|most probable|likeliest|more likely|"
    rf"favou?red|preferred|"
    rf"best|correct|leading|(?:my|our) (?:\w+ )?(?:diagnosis|answer|choice|pick)|(?:confirmed|proven)){_CLOSES}"
)
RANKED_BEFORE = re.compile(r">\s*$")

# Before a phrase, from the firmest to the faintest -------------------------------------------------------------------

_HEAD = (
    r"(?:diagnosis|answer|category|class|classification|label|prediction|impression|conclusion|choice|verdict|option|"
    r"pick|"
    r"result)"
)
_IS = r"\s*(?:is|are|was|would be|:|=|-|->)\s*"
FINAL = re.compile(
    rf"\b(?:final|overall|ultimate|definitive)\s+(?:\w+\s+)?{_HEAD}(?:{_IS}|\s+){_ARTICLES}[^,]{{0,25}}$|"
    rf"\bfinal(?:ly)?\s*[:,]\s*{_ARTICLES}$"
)
ANSWER = re.compile(
    rf"(?<!differential )(?<!possible )(?<!alternative )(?<!alternate )(?<!initial )(?<!other "
    rf")\b{_HEAD}s?{_IS}[^,]{{0,40}}$|"
    r"\b(?:i|we) (?:would |will |shall |do |therefore )*(?:choose|pick|select|go with|opt for|settle on|say|"
    r"answer|vote for|conclude)\b[^,]{0,30}$|"
    r"\b(?:in conclusion|to conclude|in summary|conclusion)\b.*$"
)
CHOSEN = re.compile(
    r"\b(?:most|more|very|highly|more than) (?:likely|probabl\w+|consistent|compatible|suggestive|in keeping|"
    r"suspicious|typical|"
    r"characteristic|like)\b[^,]*$|\bbest (?:fits?|match\w*|described|classified|diagnos\w+|explained)\b[^,]*$|"
    r"\b(?:strongly|definitely|certainly|clearly|undoubtedly|obviously)\b[^,]*$|\bfavou?r\w*\b[^,]*$|\bleading\b[^,]*$|"
    r"\bin favou?r of\b[^,]*$|\b(?:on balance|by now|all in all|proves?)\b[^,]*$|\bprefer\w*\b[^,]*$|\b(?:top|"
    r"primary|main|first) (?:choice|candidate|guess|"
    r"suspicion|pick|option)?\b[^,]*$"
)
WEAK = re.compile(
    r"\b(?:could|may|might|can) (?:also |well |perhaps |possibly |potentially )*(?:be|represent|indicate|suggest|"
    r"have|include)\b[^,]*$|"
    r"\b(?:possibl[ey]|possibility|possibilities|perhaps|maybe|potential\w*|conceivabl\w+|consider\w*|also|"
    r"alternativ\w+|second\w*|"
    r"unsure|uncertain|wonder\w*|question of|query|suspected|worr\w+ about|cannot decide)\b[^,:]*$|"
    r"\bdifferentials?\b.*$|\bddx?\b.*$|\b(?:mistaken|confused) (?:for|with)\b.*$|"
    r"\b(?:thought|believed|considered|suspected|assumed|misdiagnosed) (?:initially |at first |clinically |"
    r"previously )?"
    r"(?:to be|as)\b[^,]*$|\b(?:initially|previously|originally|at first|first impression)\b[^,]*$|\bif\b.*$|"
    r"\bwere\b[^,]*$|\b(?:was|were) (?:leaning|inclined|thinking|tempted|about to say|going to say)\b[^,]*$|"
    r"\b(?:many|some|others|one|you|people|colleagues) (?:would|might|could|may|will) (?:\w+ )?(?:see|think|say|call|"
    r"read|"
    r"name|diagnose|suspect|argue)\b[^,]*$|\b(?:had thought|would have (?:said|guessed|thought))\b[^,]*$|"
    r"\bwould (?:expect|be expected|show|have|be seen)\b.*$|\b(?:as|often|usually|typically|commonly) (?:seen|"
    r"found|observed) in\b[^,]*$|"
    r"\b(?:kind|type|form|variant|subtype|sort|group|family) of\b\s*$"
)
BACKGROUND = re.compile(
    r"\b(?:such as|mimic\w*|simulat\w+|masquerad\w+|resembl\w+|similar to|imitat\w+|"
    r"(?:arising|arisen|arises?|developing|developed|originating|occurring|evolving) (?:in|from|within|on|out of|"
    r"over|upon)|"
    r"on top of|history of|histories of|risk of|risk for|after|following|prior|previous|excision of|removal of|"
    r"treatment (?:of|for)|"
    r"progress\w* (?:to|into)|transform\w* (?:to|into)|evolv\w* (?:to|into)|develop\w* (?:to|into)|turn\w* into|"
    r"precursor (?:of|to|for)|"
    r"association with|associated with|adjacent|contiguous|next to|near|collision with|background of|pre-?existing|"
    r"screen\w* for|check\w* for|monitor\w* for|look\w* for|test\w* for|concern over)\b[^,]*$"
)
STATED = re.compile(
    r"\b(?:this|it|lesion|image|picture|photo\w*|tile|section|condition|which|that|she|he|patient|skin|finding|"
    r"appearance|patch|"
    r"spot|growth|nodule|plaque|tissue|slide|specimen|biopsy|rash|pattern|one) (?:\w+ly |also |then )?"
    r"(?:is|are|was|has|shows?|represents?|depicts?|displays?|demonstrates?|contains?|appears?|looks?|seems?|"
    r"resembles? most|belongs?|fits)\b[^,]*$|"
    r"\b(?:likely|probabl[ey]|presumabl[ey]|apparently|consistent with|compatible with|in keeping with|"
    r"in line with|typical of|"
    r"characteristic of|suggest\w*|indicat\w*|point\w* (?:to|towards?)|"
    r"(?:argu|speak)\w* (?:strongly )?for|"
    r"(?<!differential )diagnos\w+ (?:as|with|of)|classif\w+ as|"
    r"identif\w+ as|"
    r"categori[sz]ed (?:as|under)|labell?ed|falls? (?:under|into)|suspicious (?:for|of)|suspicion (?:of|for)|"
    r"suspect\w*|"
    r"concern\w* (?:for|about|regarding)|worrisome for|signs of|features of|evidence of|i (?:think|believe|see|"
    r"suspect|guess|call)|call it|"
    r"called|namely|i\.e|seems?|appears?|looks? like|look of)\b[^,]*$"
    r"|(?<!is )(?<!was )(?<!call )(?<!consider )(?<!label )(?<!name )\bthis $"
)
ELSEWHERE = re.compile(
    r"\b(?:mother|father|parents?|brother|sister|siblings?|son|daughter|aunt|uncle|cousin|grand\w+|relatives?|husband|"
    r"wife|family|family history of|died of|dying of)\b[^,:]*$"
)
"""Said of someone else, not of the lesion."""
CONCEDED = re.compile(r"^(?:,?\s*(?:although|though)|\s*while)$")
"""Opens what the main clause outweighs."""
MODAL = re.compile(r"\b(?:could|may|might|would) (?:\w+ )?$")
"""In front of a statement it makes it a guess: "might suggest"."""
FIRST_SIGHT = re.compile(r"\b(?:at first|first (?:glance|sight|impression)|initially|originally|superficially)\b")
CONCLUDED = re.compile(r"\b(?:therefore|thus|hence|so|in conclusion|overall)\W*$")

# Lists and echoes ----------------------------------------------------------------------------------------------------

LETTER = r"(?:\(?\b[a-z0-9]{1,2}\s?[).:]\s*|\boption\s+[a-z0-9]\s*[:.)]?\s*)"
SEPARATOR = re.compile(
    rf"^(?:\s|[,;/&|+]|\b(?:and|or|nor|vs|versus|and/or|either|both|the|a|an|possibly|perhaps|maybe|also|even|"
    rf"as well as)\b\.?|"
    rf"\n\s*[-•*·]?|\s-\s|{LETTER})+$"
)
GLOSS = re.compile(
    r"\s*(?:[(,:]|\s-\s)?\s*(?:(?:namely|specifically|which|is|also|kind of|type of|form of|one of)\s*)*[(:]?\s*"
)
"""Between a class and what it is a kind of: "angiokeratoma (a vascular lesion)"."""
ECHO_BEFORE = re.compile(
    r"\b(?:categories|options|choices|classes|following|candidates|possibilities are|choose (?:from|between|one)|"
    r"select (?:from|one)|"
    r"list of|labels|names|one of|among|between|which (?:one )?of|given)\b[^.!?]*$"
)
ONLY_ALONE_BEFORE = re.compile(
    r"(?:^|[:;=(\-,/&>\n.]|\b(?:is|be|as|or|nor|either|neither|both|likely|probably|possibly|not|no|than|of|and|"
    r"answer|category|class|"
    r"diagnosis|label|option|under|to|into|in|namely|thus|hence|so|therefore|choose|say|with))\s*$"
)
ONLY_ALONE_AFTER = re.compile(
    r"^\s*(?:$|[.,;:!?()/&>\n-]|(?:or|and|category|class|lesions?|diagnosis|type|group|than|rather)\b|\ue000)"
)
ALONE = frozenset(("other", "vascular", "hemorrhage", "haemorrhage"))
"""Names of classes that are common words: they count only where they stand alone or close a statement."""
