"""The wordings by which :mod:`mmskin_hub.derive.vqa.answerable` knows a question that no picture answers, as data.

A :class:`Rule` is looked at only where one of its cue words is in the question, so an ordinary question about a
picture costs a few dictionary look-ups. Its patterns are matched against the normalised question: lower case, plain
quotation marks, single spaces, no closing punctuation. Rules stand in the order in which kinds take precedence.

The file is long because it is a table; nothing in it is computed.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Rule(NamedTuple):
    """``kind`` where ``says`` is found in a question and neither ``unless`` there nor ``answered`` in the answer.

    ``cues`` are the words that call the rule, separated by spaces; a closing ``*`` takes any ending. ``looked`` says
    that the rule also holds for a question which asks for something to be found in the picture. With ``only`` the
    answer must match too: the question alone does not tell.
    """

    kind: str
    cues: str
    says: re.Pattern[str]
    unless: re.Pattern[str] | None = None
    answered: re.Pattern[str] | None = None
    only: re.Pattern[str] | None = None
    looked: bool = False


_IMAGE = (
    r"(?:image|images|picture|pictures|photo|photos|photograph|photographs|slide|section|specimen|micrograph|"
    r"photomicrograph|view|panel|panels|scan|figure|frame|field)"
)
# "in the second image": a word may stand between the article and the picture.
IN_PICTURE = (
    rf"\b(?:in|of|on|from|by|within|across|throughout|between|at) (?:the|this|that|these|each|both|"
    rf"either) (?:[\w-]+ ){{0,2}}{_IMAGE}\b"
)
SEEN = r"\b(?:shown|seen|visible|visibly|depicted|pictured|illustrated|displayed|observed|here)\b"
_PICTURED = rf"(?:{IN_PICTURE}|{SEEN})"

# A thing to be found in the picture, whatever the finding then tells of: "features in the image that suggest a cause".
_ELSEWHERE = (
    r"(?:mention\w*|listed|described|significance|purpose|roles?|function|meaning|causes?|caus(?:ing|ed)|treat\w*|"
    r"conditions?|"
    r"diseases?|diagnoses|factors?|tests?|ways?|information|risks?|complications?|why|how|history|pain\w*|itch\w*|"
    r"discomfort|"
    r"symptoms?|know|mistaken|besides|remed\w+|medications?|vaccines?|tell)"
)
_FOUND = (
    r"(?:features?|structures?|signs?|indications?|evidence|findings?|details?|abnormalit(?:y|ies)|changes?|patterns?)"
)
LOOKED_FOR = re.compile(
    rf"^(?:(?:is|are|was|were) there|(?:can|could|do) (?:you|we|one) (?:see|identify|find|spot|make out|point out|"
    rf"notice|"
    rf"observe|detect|recogni[sz]e)|do(?:es)? (?:the|this|these) (?:[\w-]+ )?{_IMAGE} (?:show|contain|have|reveal|"
    rf"display|depict)|"
    r"what (?:other |additional |further )?(?:features|structures|signs|findings|details|abnormalities|changes))\b"
    rf"(?:(?!\b{_ELSEWHERE}\b).)*?"
    rf"(?:{_PICTURED}|\b{_FOUND} (?:in|on|of|around|within) (?:the|this|these) (?:\w+ )?(?:lesions?|skin|tissue|"
    rf"tumou?r|ulcer|wound|"
    r"cells?|dermis|epidermis|nails?|hair|nodules?|plaque|rash)\b)"
)
_NOT_A_NAME = (
    # What may follow "what is" or "can" without being the bare name of a disease or a structure.
    r"the|this|that|these|those|it|its|there|your|his|her|their|our|my|he|she|they|you|we|i|one|any|anything|all|"
    r"both|"
    r"each|either|some|someone|most|many|no|not|so|such|being|seen|shown|visible|present|depicted|pictured|displayed|"
    r"illustrated|observed|happening|going|wrong|unusual|notable|noteworthy|special|striking|different|remarkable|"
    r"prominent|interesting|abnormal|in|on|at|around|above|below|under|beneath|inside|behind|near|next|between|"
    r"covering|surrounding|growing|protruding|attached|located|affected|involved|used|indicated|highlighted|circled|"
    r"marked|labell?ed|demonstrated|noted|found|missing|absent|known|done|causing|responsible"
)
_BARE = rf"(?!(?:{_NOT_A_NAME})\b)[\w\"'(]"
_DISEASE = (
    r"(?:conditions?|diseases?|disorders?|syndromes?|illness(?:es)?|infections?|cancers?|tumou?rs?|lymphomas?|"
    r"reactions?|rash(?:es)?|lesions?|melanomas?|problems?)"
)
_DIAGNOSIS_SAID = re.compile(
    r"^[^.]*\b(?:suggest|indicat|consistent with|characteristic of|typical of|hallmark of|sign of|feature of|resembl|"
    r"points? to|supports? (?:a|the) diagnosis|diagnostic of|diagnostic clue|compatible with|pathognomonic|"
    r"represent|evidence of)"
    r"[^.]*?(?:oma\b|omas\b|itis\b|osis\b|asis\b|emia\b|derma\b|disease|disorder|syndrome|cancer|lupus|"
    r"n(?:a)?ev(?:us|i)\b|"
    r"malignan|pemphig|infection|wart|eczema|lichen|keratos|dystroph|leprosy|alopecia|scabies|herpes|purpura)"
)
NOTHING_SAID = re.compile(
    r"(?:no|not|that'?s|that is|sorry|sure|unfortunately|i'm|i am|i have|i've|i believe|i think|i do|i don't|"
    r"i cannot|"
    r"i can't|as an?|if you|please|let me|thank|none|nothing)\b(?!.*\b(?:appears?|shows?|visible|can be seen|"
    r"noticed)\b)"
)

# The last rule: what a sentence of an answer is about when it has left the picture, and what shows that it has not.
ANSWERS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "treatment",
        re.compile(
            r"\b(?:treat(?:ed|ment|ments)|therap(?:y|ies)|medications?|antibiotics|(?:cortico)?steroids|surgery|"
            r"surgically|"
            r"chemotherapy|phototherapy|cured?|consult\w*|medical (?:attention|advice|care)|health ?care|follow-up)\b"
        ),
    ),
    (
        "prognosis",
        re.compile(r"\b(?:prognosis|complications?|recur(?:s|rence)?|untreated|life-threatening|resolves?|survival)\b"),
    ),
    ("contagion", re.compile(r"\b(?:contagious|transmitted|person to person|person-to-person)\b")),
    ("epidemiology", re.compile(r"\b(?:more common(?:ly)? (?:in|among)|prevalence|of the population|worldwide)\b")),
    ("cause", re.compile(r"\b(?:caused by|inherited|autosomal|risk factors?|triggered by|genetic)\b")),
    ("prevention", re.compile(r"\b(?:prevent(?:ed|ion)?|vaccin(?:e|es|ated|ation)|sunscreen)\b")),
)
# Common words of the second kind by themselves, to let most answers go without a pattern.
LOOKED_AT_WORDS = frozenset(
    [
        "image",
        "images",
        "picture",
        "photograph",
        "appears",
        "appear",
        "appearance",
        "shows",
        "shown",
        "seen",
        "visible",
        "located",
        "depicted",
        "present",
        "evident",
        "noted",
        "observed",
        "benign",
        "malignant",
        "lesion",
        "lesions",
        "skin",
        "patches",
        "plaques",
        "papules",
        "nodules",
        "red",
        "brown",
        "scaly",
    ]
)
LOOKED_AT = re.compile(
    r"\b(?:images?|pictures?|photo\w*|appears?|appearance|shows?|showing|shown|seen|visible|located|depict\w*|"
    r"presents?|evident|noted|observed|consistent|suggest\w*|indicat\w*|characteri[sz]ed|diagnos\w+|findings?|benign|malignant|"
    r"(?:this|it|they|these|that|there) (?:is|are|was|were) (?:an?|the|likely|probably|called|known|some|no|"
    r"not|several|"
    r"multiple)|(?:person|patient|child|man|woman|boy|girl|infant|he|she) (?:has|have)|lesions?|"
    r"patch\w*|plaques?|papules?|"
    r"nodules?|skin|red(?:ness)?|brown|scal\w+|ulcer\w*|years? old|male|female)\b"
)
# A caption taken as the answer asserts nothing: "Ulcer after surgery".
ASSERTS = frozenset(
    [
        "is",
        "are",
        "was",
        "were",
        "be",
        "can",
        "should",
        "may",
        "might",
        "will",
        "has",
        "have",
        "involve",
        "involves",
        "include",
        "includes",
        "require",
        "requires",
        "depends",
    ]
)


def _p(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts))


def _head(*parts: str) -> re.Pattern[str]:
    """A pattern for the beginning of a question, which is matched there and nowhere else."""
    return re.compile(rf"\A(?:{'|'.join(parts)})")


_TREATMENT = (
    Rule(
        "treatment",
        "treat* therap* manag* remed* prescri* medicat* medicine* cure cures cured curable incurable curative",
        _p(
            r"\b(?:treat(?:s|ed|ing|able|ment|ments)?|therap(?:y|ies|eutic\w*)|manag(?:e|es|ed|ing|ement|eable)|"
            r"remed(?:y|ies)|prescri\w+|medications?|medicines?|cure|cures|cured|curable|incurable|curative)\b"
        ),
        # A photograph taken after treatment still shows a lesion, and a treated area is a place.
        _p(
            r"^(?:describe|what (?:colou?r|shape|size)|how (?:many|large|big)|where|can you describe|"
            r"what does the \w+ look"
            r"|what is the (?:colou?r|shape|size|appearance|texture|location)).*\b(?:treated|after|before|following|"
            r"during|post|prior to)\b",
            r"^(?:what|which) (?:type|kind|sort)s? of (?:treatment|therapy|medication) (?:is|are) (?:being )?"
            r"(?:shown|seen|depicted|visible|pictured)",
        ),
    ),
    Rule(
        "treatment",
        "surg* operat* excis* remov* laser* steroid* corticosteroid* antibiotic* antifungal* antiviral* "
        "antihistamine* cream* ointment* lotion* chemotherapy radiotherapy radiation cryotherapy phototherapy "
        "injection* inject* dose* dosage drug drugs retinoid* immunosuppress* biopsy graft* dressing* anesthe* "
        "anaesthe*",
        _p(
            r"\b(?:is|are|was|were|will|can|could|should|would|has|have|had|how|did|does|do|when|may|might|"
            r"what type of|"
            r"what kind of|what|which|how many|purpose|need|possible)\b.*\b(?:surger(?:y|ies)|surgical(?:ly)?|"
            r"operat(?:ed|ions?)|excised|excisions?|"
            r"remov(?:e|ed|al|ing)|laser|(?:cortico)?steroids?|antibiotics?|antifungals?|antivirals?|antihistamines?|"
            r"creams?|ointments?|lotions?|chemotherapy|radiotherapy|radiation|cryotherapy|phototherapy|"
            r"inject(?:ions?|ed|ing)|"
            r"dos(?:e|es|age)|drugs?(?! (?:erupt|react|rash|induced|hypersens))|retinoids?|immunosuppress\w+|"
            r"graft(?:s|ed|ing)?|dressings?|"
            r"ana?esthe\w+)\b"
        ),
        _p(
            r"\b(?:surgical (?:instruments?|scars?|specimen|wound|site|incisions?|margins?|drape|tools?|sutures?)|"
            r"(?:excision|injection|surgery|graft|laser) (?:scars?|sites?|margins?|marks?|specimen)|"
            r"(?:scars?|scarring|wound) (?:after|from|following)|radiation dermat\w+)\b",
            r"^(?:what|which) (?:type|kind|sort)s? of .*\b(?:shown|seen|depicted|visible|pictured|was removed|"
            r"being used)\b",
            r"^(?:is|are) (?:the|a|an|there)\b.*\b(?:graft|dressing|cream|ointment)s?\b",
            rf"\b(?:graft|dressing)s?\b.*{_PICTURED}",
            r"^(?:describe|can you (?:describe|see|identify)|how many \w+ (?:are|is))\b",
            r"\b(?:type of (?:cancer|tumou?r|lesion)|cause|causes|caused|causing|responsible|associated|"
            r"induced|lead|come back|"
            r"reaction to)\b",
        ),
    ),
    Rule(
        "treatment",
        "medical doctor doctors dermatologist surgeon physician specialist healthcare hospital professional attention",
        _p(
            r"\b(?:see|seek|visit|consult|need|require|refer\w*|call|contact|ask)\b.*\b(?:doctors?|dermatologists?|"
            r"physicians?|specialists?|surgeons?|professionals?|hospital|medical|attention|healthcare)\b",
            r"\bmedical (?:attention|care|advice|help|intervention)\b",
            r"^how (?:do|does|should|would|can) (?:the |a |an )?(?:surgeon|doctor|dermatologist|physician)s?\b",
        ),
    ),
    Rule(
        "treatment",
        "recommend* refer* relie* alleviat* rid lifestyle diet dietary follow next side should advice advise* "
        "option* interven* soothe* care",
        _p(
            r"\b(?:recommend\w*|referr(?:ed|al)|reliev(?:e|es|ed|ing)|relief|alleviat\w+|get rid of|lifestyle|"
            r"diet(?:ary)?|follow[- ]?ups?|"
            r"next steps?|side effects?|advi[sc]e|options? (?:are|available|for)|interven(?:e|tions?)|sooth(?:e|ing)|"
            r"care (?:for|of)|self[- ]care|skin ?care|home care)\b",
            r"\b(?:what|when|how|which|who)?\b ?should (?:i|we|you|one|they|someone|people|patients?|it|this|"
            r"the patient|the person|parents)\b",
            r"^should\b",
        ),
    ),
    Rule(
        "treatment",
        "necessary improve use apply take done best expensive procedure operation surgery treatment",
        _p(
            r"^is it (?:necessary|important|safe|advisable|better|ok|okay|best) to\b",
            r"\b(?:can|could|should|would|might) (?:i|we|one|someone|the (?:patient|person)|people|patients) (?:do|"
            r"use|apply|take)\b",
            r"\bbest (?:way|method|approach)\b|\b(?:more|less) expensive\b|\bduring (?:the|this) (?:procedure|"
            r"operation|surgery|treatment)\b",
            r"\b(?:be|anything (?:else )?(?:be )?|can be) done\b",
        ),
    ),
    Rule("treatment", "how", _head(r"how can (?:the|this) (?:patient|person|child|man|woman)\b")),
)

_PROGNOSIS = (
    Rule(
        "prognosis",
        "prognos* outcome* complicat* surviv* mortality recur recurs recurring recurrence recurrences relaps* "
        "fatal deadly lethal sequela* untreated expectancy reversible irreversible reverse reversed permanent "
        "benign",
        _p(
            r"\b(?:prognos\w*|outcomes?|complications?|surviv\w+|mortality|recurs?|recurring|recurrences?|relaps\w+|"
            r"fatal|"
            r"deadly|lethal|sequelae?|untreated|life expectancy|(?:ir)?reversible|reversed?|permanent)\b"
        ),
        _p(
            r"\b(?:recurrence|complications?) (?:is |are )?(?:seen|shown|visible|depicted|"
            r"in th)",
            r"\bpermanent (?:teeth|tooth|dentition|marker|make)",
        ),
    ),
    Rule(
        "prognosis",
        "danger* harm* turn* become* transform* serious threatening risk risks risky worse worsen* malign* cancerous "
        "aggressive concern* worry",
        _p(
            r"\b(?:danger\w*|harm(?:s|ful|less)?|serious(?:ly|ness)?|threatening|risks?|risky|worsen\w*|get(?:s|"
            r"ting)? worse|"
            r"worry|worried|how aggressive|(?:cause for|be) concern(?:ed)?)\b(?! factors?)",
            r"\b(?:become|becoming|turn|turning|develop|progress|transform|evolve|"
            r"change)\w* (?:in)?(?:to )?(?:\w+ ){0,3}(?:malignan\w+|cancer\w*|melanoma)\b",
            r"\b(?:usually|always|often|generally|considered) (?:benign|malignant|cancerous)\b(?! or)",
        ),
    ),
    Rule(
        "prognosis",
        "last lasts lasting heal heals healed healing resol* fade fades disappear* away progress* worsen* spread "
        "spreads spreading growing grow grows return time evolve* term course improve* regress* develop become "
        "lead leads likely back turn",
        _p(
            r"\b(?:how long|can|could|will|would|does|do|did|may|might|how|what)\b.*\b(?:last(?:s|ing)?|heal(?:s|ed|"
            r"ing)?|resolv(?:e|es|ed|ing)|resolution|"
            r"fades?|disappear(?:s|ed)?|go away|come back|return|grow back|clear up|improve[sd]?|regress(?:es)?)\b",
            r"\b(?:over|with) time\b",
            r"\blong[- ]term\b",
            r"\b(?:can|could|will|does|do|may|might|how|typically|would)\b.*\b(?:progress(?:es|ion)?|evolves?)\b",
            r"\b(?:can|could|will|does|do|did|may|might|how|why|likely to)\b.*\b(?:spread|spreads)\b(?! (?:out|"
            r"across|over|evenly))",
            r"\bspread(?:ing)? (?:to|from) (?:other|another|others|person|people|different)\b",
            r"\b(?:appears?|seems?|likely|actively|still) (?:to )?(?:be )?(?:\w+ )?(?:growing|spreading|progressing|"
            r"expanding|grow|spread)\b(?! (?:out|from|on|around))",
            r"\bgrowing (?:rapidly|slowly|quickly|fast)\b",
            r"\blikely to (?:become|recur|progress|develop|cause|worsen|heal|resolve)\b",
            r"\b(?:can|could|does|may|might|will) (?:\w+ ){1,6}(?:lead to|turn into|become|develop into)\b",
            r"\b(?:natural|clinical|expected|disease|usual) course\b",
            r"\bhow fast\b",
        ),
        _p(
            r"\b(?:spread|spreads) (?:out|across|over|evenly)\b",
            r"\bmove on to\b",
            r"^(?:what|how many) lesions? (?:are|is) (?:healed|healing)",
        ),
    ),
    Rule(
        "prognosis",
        "affect affects impact impacts influence influences quality daily mobility life problems effects "
        "consequences happen happens",
        _p(
            r"\b(?:quality of life|daily (?:life|living|activit\w+)|everyday life|life expectancy)\b",
            r"\b(?:patient|person|child|someone|individual)(?:'s|s'?)? (?:overall )?(?:health|mobility|life|ability|"
            r"well)\b",
            r"\b(?:health|other|kind of|type of) (?:problems|issues)\b.*\bcause\b",
            r"\b(?:effects|consequences|sequelae) of\b",
            r"\bwhat (?:happens|would happen|will happen|might happen|could happen)\b",
        ),
        _p(r"\b(?:happens|happening) in (?:the|this) (?:image|picture|photo)"),
    ),
)

_CONTAGION = (
    Rule(
        "contagion",
        "contagious infectious communicable transmi* contract contracted catch catching infected infect acquire* "
        "enter pass passed",
        _p(
            r"\b(?:is|are|be|it|how|considered|highly|very|not|condition|disease|infection|rash|"
            r"lesion)\b.*\bcontagious\b",
            r"\b(?:communicable|transmissible|transmi(?:t|ts|tted|tting|ssion)(?! electron))\b",
            r"^(?:is|are|was)\b.*\binfectious(?: (?:disease|condition))?(?: to \w+)?$",
            r"\b(?:can|could|did|does|do|might|may|how|has|have)\b.*\b(?:contract(?:ed)?|catch|infected (?:with|by)|"
            r"get infected|"
            r"(?:be|get|it) acquired|acquire|acquired (?:from|by|through)|pass(?:ed)? (?:on|from|to)|enter)\b",
            r"\bcatching\b",
        ),
        _p(
            r"\bhow many\b",
            r"\b(?:congenital or acquired|acquired or congenital)\b",
            r"\b(?:image|picture|"
            r"photo\w*|section) (?:was |been )?acquired\b",
        ),
    ),
)

_EPIDEMIOLOGY = (
    Rule(
        "epidemiology",
        "common commonly rare rarely uncommon prevalen* incidence frequency frequently frequent epidemi* endemic",
        _p(
            r"\b(?:common|commonly|rare|rarely|uncommon|prevalen\w+|incidence|frequenc\w+|frequently|frequent|"
            r"epidemi\w+|endemic)\b"
        ),
        _p(
            r"\bin common\b",
            r"\bcommon (?:name|wart|warts|mole|moles|blue|nevus|n(?:a)?evi|acquired|variable)\b",
            r"\b(?:symptoms?|causes?|triggers?|treatments?)\b",
            rf"\b(?:most|more) (?:common|commonly|frequent|frequently)\b.*\b(?:cell|colou?r|structure|pattern|"
            rf"feature|shape)s?\b.*{_PICTURED}",
            r"\bcommon (?:features|characteristics)\b.*\bin (?:the|this) (?:image|picture|photo)",
        ),
    ),
    Rule(
        "epidemiology",
        "population worldwide year age ages aged gender genders sex sexes men women males females people children "
        "patients individuals everyone race races ethnic* countries regions who prone demographic* season* "
        "climate newborns infants adults elderly",
        _p(
            r"\b(?:population|worldwide|(?:each|per|every) year|prone|geographic\w*|demographics?)\b",
            r"\b(?:certain|specific|what|which|particular|all|any|different|average|typical|usual)(?: \w+)? (?:age|"
            r"ages|age groups?|races?|genders?|ethnic\w*|countries|seasons?|demographic)\b.*"
            r"\b(?:affect|affected|occur|develop|get|more|most|likely|onset|appear|risk|diagnosed|begin|start)",
            r"\b(?:affects?|occurs?) (?:\w+ )?(?:in |more )?(?:people|everyone|men|women|males|females|children|"
            r"adults|individuals|patients|infants|newborns|all ages|the elderly)\b",
            r"\b(?:in|among) (?:children|adults|people|women|men|newborns|infants|patients|certain|individuals|"
            r"the elderly|males|females)\b",
            r"\bage of onset\b",
            r"\bmore (?:often|likely|frequent\w*) \b",
            r"\bhow many (?:people|patients|individuals|children|cases|women|men)\b.*\b(?:affected|diagnosed|suffer|"
            r"get|have|develop|study|die)",
            r"^who (?:gets?|is (?:affected|at risk|most|more|likely|prone)|can|develops?|are|usually|typically)\b",
            r"\bage group\b.*\b(?:affected|likely|prone)\b",
        ),
        _p(
            _PICTURED,
            r"\bage (?:group|range)? ?(?:of|is|does) (?:the|this) (?:patient|person|child|man|woman|individual)",
        ),
    ),
)

_CAUSE = (
    Rule(
        "cause",
        "why reason reasons",
        _p(
            r"^(?:and |but |so )?why\b",
            r"\b(?:explain|know|tell|understand|reasons?)\b.*\bwhy\b",
            r"\breasons? (?:for|"
            r"behind|of|that|why)\b",
        ),
    ),
    Rule(
        "cause",
        "cause* causing causative causal aetiolog* etiolog* trigger* patho* mechanism* genet* gene genes "
        "hereditary inherit* familial families famil* mutation* predispos* exacerbat* aggravat* provoke* hormon* "
        "responsible induce* bring due result results stem* underl* acquired origin",
        _p(
            r"\b(?:caus(?:e|es|ed|ing|al|ative)|a?etiolog\w+|trigger\w*|pathogenesis|pathogenic\w*|"
            r"pathophysiolog\w+|mechanisms?|"
            r"genetics?(?:ally)?|genes?|inherit\w*|heredity|mutations?|predispos\w+|exacerbat\w+|aggravat\w+|"
            r"provok\w+|hormon\w+)\b",
            r"\b(?:is|are|condition|disease|disorder)\b.*\bhereditary(?! (?:hem|haem|angio))",
            r"\b(?:runs?|passed down|passed) (?:in|through) (?:the )?famil(?:y|ies)\b",
            r"\bresponsible for\b",
            r"\b(?:be|is|are|was|were) (?:\w+ )?(?:due to|the result of|a result of|induced by)\b|\b(?:result|"
            r"results|stems?) from\b",
            r"\bcongenital or acquired\b|\bacquired or (?:congenital|genetic|inherited)\b",
            r"\bunderlying (?:condition|disease|disorder|health|medical|problem|factor|mechanism)",
            r"\borigins? of (?:the|this) (?:condition|disease|infection|disorder|syndrome|term|name|word|problem)\b",
        ),
    ),
    Rule(
        "cause",
        "factor factors contribut* lead leads leading play plays",
        _p(
            r"\bfactors?\b.*\b(?:contribut|lead|affect|influence|increase|cause|involved|that can|that could|"
            r"that might|associated|for|developing|worsen)",
            r"\brisk factors?\b",
            r"\bcontribut\w+ (?:to|towards)\b",
            r"\blead(?:s|ing)? to\b",
        ),
    ),
    Rule(
        "cause",
        "develop develops developed form forms formed occur occurs occurred arise* get begin start happen emerge "
        "originate* produced caused acquired",
        _p(
            r"^how did\b(?!.*\b(?:appear|look)\b)",
            r"^(?:can you (?:explain|describe|tell me(?: more)? about) )?how (?:do|does|can|could|might|would|is|"
            r"are|was|were)\b.*\b(?:develop|develops|developed|form|forms|formed|occur|occurs|"
            r"occurred|arise|arises|get|begin|start|happen|emerge|originate|produced|caused|"
            r"acquired)\b(?! in the image)",
            r"\bhow (?:this|the|it|these) .*\b(?:develops?|forms?|occurs?|arises?)$",
        ),
        _p(r"\bforms? (?:a|the|an)\b"),
    ),
    Rule(
        "cause",
        "associat* link* relat* correlat* relationship connection connected",
        _p(
            r"\b(?:conditions?|diseases?|disorders?|syndromes?|factors?|genes?|proteins?|virus(?:es)?|antibod(?:y|"
            r"ies)|drugs?|medications?|"
            r"illness(?:es)?|cancers?|infections?|malignanc(?:y|ies)|abnormalities|problems|lymphomas?|tumou?rs?|"
            r"manifestations?|organism)\b"
            r".*\b(?:associated|linked|related|correlated|connected)\b",
            r"\b(?:associated|linked|related|correlated) (?:with|to) (?:\w+ ){0,3}(?:conditions?|diseases?|"
            r"disorders?|syndromes?|"
            r"cancers?|age|aging|smoking|stress|diabetes|hiv|pregnancy|malignanc(?:y|ies)|protein|gene|virus|"
            r"factors?)$",
            r"\bassociat(?:ion|ions) (?:between|with|of)\b",
            rf"^(?:is|are|can|could) {_BARE}.*\b(?:associated with|linked to|related to|connected to|"
            rf"correlated with)\b",
        ),
        _p(
            r"\bvisible\b|\b(?:evidence|signs?|indications?|appearance|texture|colou?r|shape|pattern) of\b",
            r"\bassociated with (?:the|this|these|those) (?:\w+ )?(?:lesions?|rash|nodules?|plaques?|papules?|"
            r"patch(?:es)?|ulcers?|n(?:a)?evus|wound|cyst|mole|macules?)$",
        ),
    ),
    Rule(
        "cause",
        "relat* correlat* relationship association connection connected linked associated",
        _p(
            r"^how (?:does|do|is|are|might|can|could)\b.*\b(?:relate|relates|related|correlate|correlates|linked|"
            r"associated|connected)\b",
            r"\b(?:relationship|association|connection|correlation|link) between\b",
        ),
        _p(
            r"\b(?:relationship|connection) between the (?:cells?|\w+ cells|different|two|red|papill|nodules?|"
            r"structures?|granulomas?|lesions?|elements|damaged)",
        ),
    ),
)

_PREVENTION = (
    Rule(
        "prevention",
        "prevent* avoid* vaccin* immuni* protect* precaution* sunscreen* hygiene prophyla* minimi* reduce",
        _p(
            r"\b(?:prevent(?:s|ed|ing|ion|able|ative|ive)?|avoid(?:s|ed|ing|able)?|vaccin(?:e|es|ated|ation)|"
            r"immuni[sz]\w+|"
            r"protect(?:s|ed|ion|ing)?|precautions?|sunscreens?|hygiene|prophyla\w+)\b",
            r"\b(?:reduce|minimi[sz]e|lower|decrease) (?:the |my |one's |their )?(?:risk|chance|likelihood|spread|"
            r"irritation|scarring)",
        ),
        _p(
            r"\bvaccination (?:sites?|scars?|marks?|reactions?)\b",
            r"\bprotect(?:ion|ive) (?:gear|gloves|goggles|"
            r"glasses|clothing|equipment)",
        ),
        looked=True,
    ),
)

_UNFELT = (
    r"(?:painful|painless|itchy|itching|itch|itches|pruritic|tender|sore|sensitive|uncomfortable|burning|numb|hurting|"
    r"asymptomatic)"
)
_SYMPTOMS = (
    Rule(
        "symptoms",
        "symptom*",
        _p(r"\bsymptom(?:s|atic|atology)?\b"),
        _p(
            r"\bvisible (?:\w+ ){0,2}(?:or )?symptoms?\b",
            r"\bsymptoms?(?: or signs?| or features?)? (?:that )?(?:(?:is|are|can|be|you|we|do|currently|also) ){0,3}"
            r"(?:visible|seen|see|shown|depicted|displayed|present|observed|observe|illustrated|apparent|in (?:the|"
            r"this) (?:image|picture|photo\w*))\b",
        ),
    ),
    Rule(
        "symptoms",
        "symptom*",
        _p(
            r"\bsymptoms?\b.*\b(?:not|aren't|isn't) (?:\w+ )?(?:visible|seen|shown|"
            r"depicted)\b",
            r"\bsymptoms?\b.*\bbesides (?:those|the ones|what)\b",
        ),
        looked=True,
    ),
    Rule(
        "symptoms",
        "pain pains painful painless itch* prurit* prurig* pruritus tender tenderness sore soreness discomfort "
        "hurt* ache* fever* feel* felt sensation* sensitiv* numb* burning sting* fatigue suffer* uncomfortable "
        "complain* asymptomatic touch* experienc* emotion* swallow* hearing",
        _p(
            rf"^(?:is|are|was|were|does|do|did|can|could|will|has|have|would|might|may)\b.*\b{_UNFELT}"
            r"(?:$| (?:or|and|when|to|if|at|on touch|for|during|because|after|sensation)\b)",
            r"\b(?:pain|discomfort|fevers?|soreness|tenderness|pruritus|itchiness|fatigue|sensations?|numbness|"
            r"aches?)\b",
            r"\bitching\b(?! papules)",
            r"^(?:does|do|did|can|will|how|what|is|are|would)\b.*\b(?:hurt|hurts|itch|itches|feel|feels|felt|ache|"
            r"stings?)\b",
            r"\b(?:suffer\w*|experienc(?:e|es|ed|ing)|complain\w*|complaints?)\b",
            r"\bsensitiv(?:e|ity) (?:to|when)\b",
            r"\bwhen (?:touched|pressed|palpated)\b",
            r"\bhow (?:painful|itchy|sore|uncomfortable)\b",
            r"\b(?:hearing loss|difficulty \w+ing)\b",
        ),
        _p(
            r"\b(?:painful|painless|itchy|itching|pruritic|tender|burning) (?:and \w+ |or \w+ |\w+ )?(?:papules?|"
            r"nodules?|plaques?|lesions?|ulcers?|vesicles?|rash|bumps?|patch(?:es)?|erythema|eruption|mass|"
            r"swelling)\b(?=.*\b(?:located|seen|shown|visible|look|colou?r|shape|present|distributed|describe)\b)",
            r"^(?:where|which|describe|how many|what (?:colou?r|shape))\b",
            r"\bexperience in\b|\bstinging (?:nettle|insect)\b",
        ),
    ),
)

_HISTORY = (
    Rule(
        "history",
        "long when since ago duration onset history previous previously past prior already recent recently ever "
        "before occupation job hobby travel* expos* work works profession",
        _p(
            r"\b(?:for |about |since )?how long\b(?= (?:ago|has|have|had|did|does|do|will|would|can|before|after|"
            r"until|it|was|were|the|this|it's|should|after|is it|the patient)\b)",
            r"^(?:since )?when\b",
            r"\b(?:duration|onset|histor(?:y|ies)|occupation|profession|hobb(?:y|ies)|travel(?:led|ed|s|ing)?)\b",
            r"\b(?:years?|months?|weeks?|days?|time) ago\b",
            r"\b(?:previous|previously|past|prior|pre-?existing) (?:\w+ )?(?:histor|treat|surger|condition|illness|"
            r"disease|diagnos|episodes?|infection|injur|trauma|exposure|medical)",
            r"\b(?:exposed|exposure) to\b",
            r"\b(?:been|being) present\b|\blong time\b",
            r"\bhad (?:\w+ ){0,2}(?:before|in the past)\b",
            r"\bbefore$",
        ),
        _p(
            r"^how long (?:is|are|was|were) (?:the|this|each|that|these|those) (?:\w+ ){0,3}(?:lesions?|scars?|"
            r"hairs?|incisions?|lines?|ulcers?|nails?|plaques?|tumou?rs?|streaks?|lashes|eyelashes|worms?|bar|wound|"
            r"track|band)\b(?!.*\b(?:present|been|there|ago|last)\b)",
        ),
    ),
    Rule(
        "history",
        "has have had did how who",
        _head(
            r"(?:has|have|had) (?:the|this|these|they|he|she|it|any|anyone|there) ?(?:\w+ ){0,4}(?:been|changed|had|"
            r"experienced|"
            r"received|undergone|taken|increased|grown|spread|developed|tried|noticed|reported|improved|occurred)\b",
            r"did (?:the|this|these|they|he|she|it|any|you|your)\b",
            r"how did\b(?!.*\b(?:appear|look)\b)",
            r"how (?:many times|often)\b",
            r"who (?:took|made|discovered|collected|provided|captured|diagnosed|performed|first|described|created|"
            r"wrote|developed)\b",
        ),
        _p(r"^(?:has|have) (?:the|this) (?:\w+ )?\w+ been (?:stained|ulcerated)\b"),
    ),
    Rule(
        "history",
        "laborator* lab blood favorite favourite hobby smok* pregnan* allerg* diabetes medical health underlying "
        "elsewhere name parents mother father sibling* family occupation weight height mood personality mental "
        "taking",
        _p(
            r"\b(?:laborator(?:y|ies)|lab (?:results?|tests?|values?|findings?)|blood (?:tests?|types?|pressure|"
            r"count|work|sugar|group))\b",
            r"\b(?:favou?rite|hobby|smok(?:e|er|es|ing)|pregnan(?:t|cy)|allerg(?:y|ies|ic) to|diabetes)\b",
            r"\bmedical (?:history|conditions?|background|problems|record)\b",
            r"\b(?:other|underlying|any) (?:\w+ )?(?:health|medical) (?:conditions?|issues|problems|concerns)\b",
            r"\bunderlying (?:\w+ ){1,2}(?:disease|condition|disorder|problem)\b|\belsewhere (?:in|on) the body\b",
            r"\bname of (?:the|this) (?:person|patient|doctor|physician|photographer|author|hospital|clinic|"
            r"researcher|artist|man|woman|child)\b",
            r"\b(?:patient|person|child|man|woman|boy|girl)(?:'s)? (?:parents|mother|father|siblings?|family|name|"
            r"occupation|hobby|weight|height|diet|mood|personality|mental state)\b",
            r"\b(?:taking|on) any\b",
        ),
    ),
)

_WORKUP = (
    Rule(
        "workup",
        "how",
        _head(
            r"how (?:is|are|was|were|can|do|does|did|could|would|should|to|might)\b.*\b(?:diagnos(?:e|es|ed)|"
            r"detect(?:ed)?|identified|"
            r"confirm(?:ed)?|tested|evaluated|assessed|collected|obtained|taken|made)\b",
            r"how (?:does|do|did) (?:the|this|a|an) (?:\w+ )?(?:procedure|technique|method|test|device|machine|"
            r"process)\b",
        ),
        _p(r"\b(?:colou?r|seen|image) (?:is |was )?(?:made|taken)\b"),
    ),
    Rule(
        "workup",
        "diagnosis diagnosed diagnoses diagnosing diagnostic diagnose",
        _p(
            r"\bdiagnosis\b(?: \w+){0,4} (?:made|reached|established|confirmed)\b",
            r"\b(?:how|what)\b.*\b(?:affect|impact|help|aid|influence|depend|assist)\w*\b.*\bdiagnos",
            r"\bhow\b.*\bdiagnosis\b.*\bdepend",
            r"\b(?:methods?|ways?|tools?|used) (?:for|of|to|in) diagnos",
            r"\b(?:be|used to) diagnosed?\b|\b(?:has|have) (?:the|this) \w+ been diagnosed\b",
        ),
        _p(r"\bpossible to (?:diagnose|determine)\b"),
    ),
    Rule(
        "workup",
        "test tests testing biops* investigat* evaluat* examination* examine ultrasound mri ct ray rays imaging "
        "workup screening method methods way ways assess alternative staining stains",
        _p(
            r"\b(?:what|which|any|are|is|other|further|additional|should|need|would|can|could)\b.*\b(?:tests?|"
            r"testing|investigations?|work-?up|screening|imaging stud(?:y|ies)|ultrasound|mri|ct scan|x-rays?)\b",
            r"\b(?:further|additional|other|next step in|alternative) (?:\w+ )?(?:evaluat|investigat|examin|assess|"
            r"diagnostic|methods?|ways?|approach)",
            r"\b(?:methods?|ways?) (?:for|of|to) (?:diagnos|detect|assess|confirm|identif|test)",
            r"\bbiops(?:y|ies|ied)\b.*\b(?:need|necessary|required|performed|done|taken|recommended|should|purpose)",
            r"\b(?:need|necessary|require|perform|purpose|why|should)\w*\b.*\bbiops(?:y|ies)\b",
            r"\bother (?:\w+ ){0,2}stain(?:s|ing)\b.*\b(?:could|can|would|might) be used",
        ),
        _p(
            rf"^(?:what|which) (?:type|kind|sort)s? of (?:test|imaging|culture|procedure|biopsy)\b.*{_PICTURED}",
            r"\b(?:test|culture|scan|x-ray)\b.*\b(?:shown|seen|depicted|pictured)\b",
        ),
    ),
    Rule(
        "workup",
        "tell identify recognize recognise know distinguish",
        _head(
            r"how (?:can|do|could|would|might|does) (?:i|we|you|one|someone|doctors|dermatologists|a doctor|"
            r"they) (?:tell|know|identify|recogni[sz]e|spot|detect|determine) (?:if|whether|this condition|when)\b",
        ),
    ),
)

_KNOWLEDGE = (
    Rule(
        "knowledge",
        "role roles function functions purpose* importance relevance implication* benefit* advantage* "
        "disadvantage* meaning mean means meant defin* stand stands refer refers term word phrase important serve "
        "serves",
        _p(
            r"\b(?:roles?|functions?|purposes?|importance|relevance|implications?|benefits?|(?:dis)?advantages?|"
            r"meaning)\b(?! of (?:the|this) (?:image|picture|photo\w*|graph|chart|diagram|illustration|drawing|"
            r"table|scan|micrograph)$)",
            r"\b(?:mean|means|meant|stands? for|refers? to|define|definition|serve[sd]?)\b",
            r"\b(?:the|this) (?:term|word|phrase)\b(?! (?:for|used (?:for|to describe) the (?:shape|colou?r|central|"
            r"pattern)))",
            r"\bimportant (?:to|for)\b",
        ),
        _p(
            r"\b(?:overall |main |primary )?purpose of (?:the|this) (?:image|picture|photo\w*|graph|chart|diagram)",
            r"\bterm (?:used to describe|for) the (?:central|shape|pattern|colou?r)",
        ),
        looked=True,
    ),
    Rule(
        "knowledge",
        "significance significan*",
        _p(
            rf"\bsignificance of {_BARE}(?! of th)",
            r"\bsignificance of (?:the|this) (?:term|word|phrase|label|"
            r"name|use|study|high|low|scanning)\b",
            r"\bsignifican\w+\b.*\b(?:mentioned|described|caption)\b",
        ),
        looked=True,
    ),
    Rule(
        "knowledge",
        "significance significant",
        _p(r"\bsignificance\b", r"\bwhy\b.*\bsignificant\b", r"\bhow significant\b"),
        _p(r"\bsignificance of (?:the|this) (?:image|picture|photo\w*)$"),
        answered=_DIAGNOSIS_SAID,
        looked=True,
    ),
    Rule(
        "knowledge",
        "differ differs different difference differences distinguish* differentiat* unlike compare* compared "
        "comparison versus",
        _p(
            r"\bdifferences? between\b",
            r"\b(?:differ|differs|different) (?:\w+ )?(?:from|than)\b",
            r"\b(?:distinguish\w*|differentiat(?:e|es|ing|ion between|ed from))\b",
            r"^how (?:does|do|is|are|can)\b.*\b(?:differ|differs|compare|compares)\b",
            r"^how (?:can|do|could) you tell (?:they're|they are|the difference)",
            r"\bin comparison to other\b",
        ),
        _p(
            # A comparison of what is seen with healthy skin, or of two things that are both seen.
            r"\b(?:normal|surrounding|healthy (?!individ|people|person|patient)|unaffected|adjacent|uninvolved|"
            r"neighbou?ring|rest of|nearby|typical skin|remaining|background)\b",
            r"\bbetween (?:the )?(?:two|three|both|various|different|left|right|upper|lower|top|first|center|"
            r"central|inner|outer|early and|dermis|epidermis)?\s?"
            r"(?:different )?(?:types? of )?(?:images?|pictures?|photos?\w*|panels?|sides?|areas?|parts?|regions?|"
            r"lesions?|cells?|types? of cells|layers?|hands?|feet|nails?|legs?|arms?|ears?|eyes?|individual lesions|"
            r"figures?|patients|people|slides?|cell types|groups|nodules?|plaques?|upper|tissues?|structures|left|"
            r"right|neoplastic)\b",
            r"\b(?:from|to|than) (?:the )?(?:other (?:\w+ )?(?:areas?|parts?|regions?|sides?|layers?|images?|"
            r"cells? in|lesions? in|hand|foot|leg|arm|eye|nail|toes?|fingers?|cells$|cell$)|rest|left|right|first|"
            r"second|tumou?r|primary|each other|one another|background|size of|center|periphery)\b",
            r"\bdiffer(?:ent|ence|s)?\b(?:(?!from|than|to).)*\b(?:in size|in shape|in colou?r)\b",
            r"\bdistinguish(?:ing|ed|able)? features? (?:of|in|on|present|visible|seen)\b|"
            r"\bdistinguishing (?:marks?|characteristics?)\b",
            r"\bdistinguishable\b",
            r"^are (?:all|the|these|they)\b",
            rf"\bdifferences?\b.*{IN_PICTURE}",
            r"\bwell[- ]differentiated|poorly[- ]differentiated|(?:degree|grade|level|evidence|signs?|foci|"
            r"lines?) of (?:\w+ )?differentiation|(?:show|shows) (?:\w+ )?differentiation\b",
        ),
    ),
    Rule(
        "knowledge",
        "mistak* confus* conditions diseases misdiagnos* similar resembl* mimic* look looks alike related",
        _p(
            r"\b(?:mistaken|confused|misdiagnosed|mimics?|mimicked|mimicking)\b",
            rf"\b{_DISEASE}\b.*\b(?:similar|resembles?|look like|looks like|look similar)\b",
            rf"\b(?:similar|related|other) {_DISEASE} (?:that|which|to|with|are|could|can|might)\b",
            r"\bresembles?\b",
        ),
        _p(
            r"^what (?:does|do) (?:the|this|these|it|that)\b",
            r"^(?:does|do) (?:the|this|these|it)\b",
            rf"\b{_DISEASE} (?:that |which )?(?:is |are |can be )?(?:present|visible|seen|shown|"
            rf"depicted)\b(?! (?:\w+ )?(?:with|similar))(?!.*\b(?:similar|resemble|look|mistaken|confused|share)\b)",
            r"\bsimilar (?:in|size|shape|colou?r)\b",
        ),
    ),
    Rule(
        "knowledge",
        "change changes affect affects impact impacts influence influences respond responds work works help helps "
        "interact interacts protect protects function highlight highlights contribute transform",
        _p(
            r"^(?:can you (?:explain|describe) )?how (?:does|do|did|can|could|might|may|would|will)\b.*\b(?:affect|"
            r"impact|influence|respond|work|help|interact|alter|mimic|highlight|depend|lead|maintain|regulate|"
            r"damage|change)\b",
            r"\b(?:affects?|impacts?|involves?) (?:\w+ ){0,3}(?:internal|organs?|body|other parts?|other areas?|"
            r"other people|mobility|joints?|health|both sexes|systems?)\b",
            r"\b(?:affect|impact|influence)s? the (?:diagnosis|prognosis|treatment|severity|function|behaviou?r)\b",
        ),
        _p(
            r"\bwhich\b.*\baffects?\b",
            r"\bparts? of the body\b.*\b(?:does|is|are) (?:it|this|the \w+) affect(?:ing)?\b",
            r"\bchange\w* (?:\w+ )?(?:across|between|from the|as we|as you|towards|within|with (?:the )?depth|"
            r"in different (?:parts|areas|regions))\b",
            r"\baffect(?:ed|ing)\b",
        ),
    ),
    Rule(
        "knowledge",
        "types stages kinds forms subtypes variants varieties classifications grades phases",
        _head(
            r"(?:how many|are there|what are|what|which|is there|can you (?:describe|explain|list|"
            r"name))\b.*\b(?:types|stages|kinds|forms|subtypes|variants|varieties|classifications|grades|phases) of\b"
            r"(?!.*\b(?:present|involved|affected|used|stained|labell?ed)\b)",
        ),
        _p(
            _PICTURED,
            r"\b(?:types|kinds|forms) of (?:\w+ )?(?:lesions?|cells?|structures?|tissues?|colou?rs?|vessels?|"
            r"scales?|fib(?:er|re)s?|patterns?|nuclei|globules?|dots?|skin changes|stains?|inflammatory|"
            r"abnormalities|hairs?)\b",
            r"\b(?:does|do|has|have) (?:the|this|it|these)\b",
        ),
    ),
    Rule(
        "knowledge",
        "typically usually often always commonly sometimes normally generally considered classified ever",
        _p(
            r"\b(?:typically|usually|often|always|sometimes)\b",
            rf"^(?:is|are) {_BARE}.*\b(?:considered|classified|regarded|thought to be|known)\b",
        ),
        _p(IN_PICTURE),
    ),
    Rule(
        "knowledge",
        "type form kind variant subtype related condition* disease* disorder* syndrome* illness* infection* "
        "cancer* tumor* tumour* lymphoma* reaction* rash* lesion* melanoma* problem* sign symptom part result "
        "name",
        _head(
            rf"(?:is|are) {_BARE}(?:(?!\b(?:present|visible|seen|there|shown|located|evident|in|on|noted|observed|"
            rf"or)\b).)* (?:an?|the) (?:\w+ ){{0,3}}(?:type|form|kind|variant|subtype|{_DISEASE}|sign|cancer|"
            rf"symptom|part|result|name)\b",
            rf"(?:is|are) {_BARE}(?:(?!\b(?:present|visible|seen|there|shown|located|evident|in|on|noted|observed|"
            rf"or)\b).)* related to\b",
        ),
        _p(_PICTURED),
    ),
    Rule(
        "knowledge",
        "characteristic* feature* sign signs hallmark* manifestation* criteria properties component* "
        "characteristics changes",
        _p(
            r"\b(?:characteristics?|features?|signs?|hallmarks?|manifestations?|properties|criteria|components|"
            r"changes seen|findings) (?:\w+ )?(?:of|for|in|associated with|related to) (?:this|"
            r"the) (?:\w+ ){0,2}(?:condition|disease|disorder|syndrome|type of|kind of|cancer|skin condition)\b",
            rf"\b(?:characteristics?|features?|signs?|hallmarks?|manifestations?|properties|criteria|"
            rf"components) (?:\w+ )?(?:of|for|associated with) (?:an? )?{_BARE}(?:(?!\b(?:the|this|these|those|"
            rf"image|picture|besides)\b).)*(?: besides .*)?$",
            r"\b(?:early|typical|classic|common|key|main) (?:signs?|features|characteristics|manifestations|"
            r"changes) (?:of|in|seen in|associated)\b(?!.*\b(?:the|this) (?:image|picture|lesion|skin|tumou?r|"
            r"tissue)\b)",
            r"\bfeatures?\b.*\bthat (?:distinguish|differentiate|set)",
        ),
        _p(
            _PICTURED,
            r"\b(?:signs?|features?|evidence|findings|changes|manifestations?) of (?:an? )?(?!the |"
            r"this )(?:\w+ )?(?:spread|metasta\w+|infection|inflammation|malignan\w+|scarring|disease|healing|"
            r"regression|ulceration|damage|irritation|injury|trauma|aging|atrophy|necrosis|hair loss|bleeding|"
            r"swelling|hyperpigmentation|atypia|mitosis|cancer|sun damage|photodamage|invasion|abnormal\w*|illness|"
            r"dysplasia|other|pigment\w*)\b(?! of)",
            r"\b(?:present|suggest|suggests|evident|noted|stand out)\b",
            r"^(?:can you |could you |please |how would you )?describe\b",
            r"\b(?:colou?r|features?) (?:of interest)\b",
        ),
    ),
    Rule(
        "knowledge",
        "typical common classic characteristic severe advanced stage form early late",
        _p(
            rf"\b(?:typical|classic|usual) (?:\w+ )?(?:changes|features|findings|signs) (?:that are )?(?:seen|found|"
            rf"observed) in {_BARE}(?:(?!\b(?:the|this|these|those)\b).)*$",
            rf"\bmost (?:severe|advanced|common|aggressive) (?:stage|form|type) of {_BARE}",
        ),
        _p(IN_PICTURE),
    ),
    Rule(
        "knowledge",
        "can could does do may might will it",
        _head(
            # The bare name of a disease is the subject: "Can leishmaniasis affect the eyes", not "Can scale be seen".
            rf"(?:can|could|may|might|does|do) {_BARE}.*\b(?:affects?|occurs?|appear|happen|develop|cause|involve|"
            rf"found|help|look|be used|vary|change|indicate|seen with|seen without)\b",
            r"(?:can|could|may|might|will) (?:it|they|this|these|this [\w ]+|the [\w ]+) (?:also )?(?:occur|happen|"
            r"develop|affect|return|recur|alter|regenerate|change|be used|appear (?:on|in|at) other)\b",
            r"do(?:es)? (?:it|they|this|the|these) ?(?:(?:skin )?(?:condition|disease|disorder|syndrome|"
            r"type)\w*)?(?: of \w+| \w+)? (?:also |only )?affect (?:all|everyone|people|men|women|children|both|"
            r"other|internal|any)\b",
            r"is it (?:possible|common|normal|typical) (?:for|to have|to find|to get)\b",
        ),
        _p(IN_PICTURE),
    ),
    Rule(
        "knowledge",
        "naked parts organs affect develop occur",
        _p(
            r"\bnaked eye\b",
            r"\b(?:parts of the body|body parts|areas of the body|organs)\b.*\b(?:can|could|might|may) be\b",
            r"\bthat (?:can|could|may|might) (?:\w+ ){0,2}(?:affect|develop|occur)\b",
        ),
        _p(IN_PICTURE),
    ),
    Rule(
        "knowledge",
        "what",
        _head(
            rf"what (?:is|are|was|were) (?:an? |some )?{_BARE}(?:(?!\b(?:the|this|these|those|your|other)\b).)*$",
            r"what does [\w\"' -]+ (?:do|cause|involve|indicate)$",
            rf"what (?:type|kind|sort|form)s? of (?:\w+ ){{1,3}}(?:does|do|is|are) {_BARE}(?:(?!\b(?:the|this|these|"
            rf"those|have|show|predominant|stained)\b).)*$",
        ),
        _p(
            _PICTURED,
            r"^what (?:is|are) (?:an? |some )?(?:\w+ )?(?:going|happening|wrong)\b",
            r"^what (?:type|kind|sort|form)s? of (?:\w+ ){1,3}(?:is|are) (?:most |mainly |predominantly |"
            r"more )?(?:\w+(?:ed|ing|ent|ant))\b$",
        ),
    ),
    Rule(
        "knowledge",
        "phenomenon sign syndrome index classification system theory score test technique method law reflex "
        "components parts layers subtypes step steps phases stages name",
        _p(
            r"^what (?:is|are) the (?:(?!of\b)[\w'-]+ )+(?:phenomenon|sign|syndrome|index|classification|system|theory|"
            r"score|test|technique|method|law|reflex)$",
            r"^what (?:is|are) the (?:main |key |major |different |various )?(?:components|parts|layers|subtypes|"
            r"steps?|phases|stages|first step)\b.*\b(?:of|in)\b",
            r"\bname of (?:the|a) (?:medication|drug|protein|gene|hormone|enzyme|technique|procedure|process|method|"
            r"test|antibody|surgery|tool used|syndrome associated|scale|system|study)\b",
        ),
        _p(_PICTURED),
    ),
    Rule(
        "knowledge",
        "what",
        _head(r"what (?:is|are) (?!the (?:diagnos|name|colou?r|condition|type|age|gender|sex|location|cause))"),
        _p(_PICTURED, r"^what (?:is|are) (?:it|this|that|these|those|they)$"),
        only=re.compile(
            r"^(?:an? |the )?[\w' -]+ (?:refers? to\b|(?:is|are) (?:an? )?(?:[\w-]+ ){0,4}(?:type of|form of|term |"
            r"condition (?:that|where|in which|characterized)|disease (?:that|caused)|disorder|term used|"
            r"small, [\w-]+ (?:\w+ )?(?:scars|structures|bumps|lesions)) )"
        ),
    ),
    Rule(
        "knowledge",
        "explain elaborate discuss tell define concept process principle",
        _p(
            r"^(?:can you |could you |please )?(?:explain|elaborate on|discuss|define)\b",
            rf"\btell me (?:more |something |a bit )?about (?:the (?:characteristics|process|concept|history|"
            rf"treatment)|{_BARE}(?:(?!\b(?:the|this|these|those)\b).)*$)",
            r"\b(?:concept|process|principle) of\b",
            r"\btell me (?:more )?about how\b",
        ),
        _p(
            _PICTURED,
            r"\blooks? like$",
            r"\bwhat (?:you|we|i) (?:see|can see|observe)\b",
            r"\b(?:appearance|findings|features|"
            r"pattern|colou?r|location) (?:of|in) (?:the|this|these)\b",
        ),
    ),
    Rule(
        "knowledge",
        "where usual typical site sites location locations",
        _p(
            rf"^where (?:on the body |in the body |on the skin )?(?:does|do|might|can|could|may|would|is|"
            rf"are) {_BARE}.*\b(?:occur|live|develop|arise|come|appear|form|originate|found|located|grow|begin|"
            rf"start|typical\w*|usual\w*)\b(?:(?!\b(?:the|this)\b).)*$",
            r"^where\b.*\b(?:occur|develop|appear|begin|found|form)\b.*\b(?:in|with) (?:this|the) (?:condition|"
            r"disease|disorder|syndrome)\b",
            r"^where did\b.*\b(?:come|arise|originate|start|begin) ?(?:from)?\b",
            r"^where (?:can|do|does|would) (?:you|one|it)\b",
            r"\b(?:most (?:common|commonly)|usual|typical) (?:\w+ )?(?:sites?|locations?|places?|areas?)\b",
        ),
        _p(_PICTURED),
    ),
    Rule(
        "knowledge",
        "how",
        _head(
            rf"how (?:is|are|was|were) {_BARE}.*\b(?:used|performed|applied|classified|measured|calculated|prepared|"
            rf"administered|carried)\b",
            r"how (?:is|was|are|were) (?:the|this|these|a|an) (?:\w+ ){1,3}(?:used|performed|applied|measured|"
            r"calculated|prepared|administered|carried|caused|done)\b",
            r"how (?:does|do|can|could|might|would) (?:the )?(?:[\w'-]+ ){1,5}(?:work|function|help|occur|happen)\b",
            r"how can (?:i|one|someone|people|we|they)\b(?!.*\b(?:see|image)\b)",
            r"how (?:reliable|accurate|effective|expensive|successful|important|useful)\b",
        ),
    ),
)

_CHAT = (
    Rule(
        "chat",
        "caption captions q conversation article author authors study text passage paragraph chapter legend "
        "journal textbook research*",
        _p(
            r"\b(?:captions?|q&a|q & a|conversation|articles?|authors?|study|studies|(?:the|this|"
            r"accompanying) (?:text|passage|paragraph|legend|chapter)|journal|textbooks?|research(?:ers?)?)\b"
        ),
        looked=True,
    ),
    Rule(
        "chat",
        "thank thanks help assist assistance question questions know add ask mention share discuss say learn "
        "aware discussion limitations limitation welcome hello topic goodbye",
        _p(
            r"\b(?:thank you|thanks|hello|goodbye|you're welcome)\b",
            r"\b(?:help|assist) (?:you|me)\b|\bassistance\b",
            r"\b(?:any|other|more|further) (?:other |more |further )?questions\b",
            r"\b(?:like|want|need|have|ought|wish|should|could|important) (?:me )?(?:to )?(?:know|add|ask|mention|"
            r"share|discuss|say|learn)\b(?! (?:the|what|where))",
            r"\blimitations?\b",
            r"\bshould (?:i|we|you|one) (?:know|be aware)\b",
            r"\b(?:discussion|topic)\b",
        ),
        _p(
            r"\blimitation (?:of|in) (?:\w+ ){0,2}(?:mo(?:vement|tion|bility)|opening)\b",
            r"\bmain (?:focus|"
            r"topic) of (?:the|this) image\b",
        ),
    ),
    Rule(
        "chat",
        "information info details",
        _p(
            r"\b(?:information|info)\b",
            r"\b(?:details?) (?:available|provided|given|mentioned|about the (?:case|study))\b",
        ),
        _p(
            r"\b(?:inferred|gathered|obtained|gained|seen|visible|learned|learn|gleaned|see|infer|gather|derived|"
            r"extracted) (?:\w+ )?from\b",
            r"\bbased on (?:the|this|your)\b.*\binformation\b.*,",
            r"^(?:based on|from|given|considering|according to) (?:the|this|your|"
            r"all)?\s?(?:\w+ )?information\b(?! (?:available )?about)",
            r"\binformation\b.*\bin the (?:image|picture|photo)",
        ),
    ),
    Rule(
        "chat",
        "tell else say said add",
        _p(
            r"\banything (?:else|more|further|additional)\b.*\b(?:tell|say|said|add|share|"
            r"mention)\b",
            r"\bwhat else (?:can|could) you (?:tell|say)\b",
        ),
        only=NOTHING_SAID,
    ),
)

RULES: tuple[Rule, ...] = (
    *_TREATMENT,
    *_PROGNOSIS,
    *_CONTAGION,
    *_EPIDEMIOLOGY,
    *_CAUSE,
    *_PREVENTION,
    *_SYMPTOMS,
    *_HISTORY,
    *_WORKUP,
    *_KNOWLEDGE,
    *_CHAT,
)

# Talk about the text beside a picture instead of the picture: a mark that most pairs do not have, and what it must
# stand in for. "Texture", "figurate", "mitotic figures" and a disease "in the context of" another are none of these.
_PICTURE_WORD = r"(?:the|this) (?:image|picture|photo\w*|caption|figure|text)"
TEXT: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("caption", re.compile(r"\bcaptions?\b")),
    ("legend", re.compile(r"\b(?:the|this|image|figure) legends?\b")),
    (
        "fig",
        _p(
            r"\b(?:in |of |see |from )?(?:figures?|figs?\.?) ?\d+[a-z]?\b",
            r"\bfigs?\. ?[a-z]\b",
            r"\b(?:(?:in|from|of|see|to|by|this|the|these|above|below|following|given|same) )+figures?\b"
            r"(?![ -]of[ -](?:eight|8))",
        ),
    ),
    ("label", re.compile(r"\b(?:the|this|that|these|figure|image|panel) labels?\b")),
    (
        " text",
        re.compile(
            r"\b(?:the|this|that|accompanying|given|provided|following|above|original|surrounding|associated|in|"
            r"from|by) text\b(?!-)|\btext-?books?\b"
        ),
    ),
    (
        "context",
        _p(
            r"\b(?:this|that|given|provided|following|more|further|additional|without|any|"
            rf"available) context\b(?! of (?!{_PICTURE_WORD}))",
            rf"\b(?:in|from|on|by|to|and) the context\b(?! of (?!{_PICTURE_WORD}))",
            r"\bcontext (?:is )?(?:provided|given)\b",
        ),
    ),
    ("excerpt", re.compile(r"\bexcerpts?\b")),
    ("passage", re.compile(r"\b(?:the|this|given|following|above) passage\b(?! of)")),
    ("paragraph", re.compile(r"\bparagraphs?\b")),
    ("article", re.compile(r"\barticles?\b")),
    ("author", re.compile(r"\bauthors?\b")),
    (
        "description",
        _p(
            r"\b(?:the|this|given|provided|above|accompanying|image|brief|your) description\b(?! of)",
            r"\bdescription (?:is |was )?(?:provided|given|above|states|says)\b",
        ),
    ),
    (
        "described",
        _p(
            r"\b(?:as|not|were|was|is|are|been) described (?:in (?:the|this|your)|by the|above|earlier|as such)\b",
            r"\bdescribed in the (?:image|text|question|case|article|caption|context)\b",
        ),
    ),
    # "Worth mentioning" is said of the picture.
    ("mention", re.compile(r"(?<!worth )\bmention(?:s|ed|ing)?\b")),
    (
        "accord",
        re.compile(
            r"\baccording to (?:the|this|your) (?:information|description|article|report|case|given|provided|label|"
            r"statement|study|data)\w*"
        ),
    ),
    ("stated", re.compile(r"\b(?:not|never|explicitly|otherwise|text|it|n't) (?:\w+ )?stated\b")),
    ("specified", re.compile(r"\b(?:not|never|n't) (?:\w+ )?specified\b")),
    ("provided", re.compile(r"\bnot (?:been )?provided\b|\b(?:as|details?) provided\b")),
    (
        "information",
        _p(
            r"\b(?:additional|further|more|other|given|provided|available|no|enough|sufficient|limited|the|any|"
            r"based on|above) information\b",
            r"\binformation (?:\w+ ){0,2}(?:provided|given|available)\b",
        ),
    ),
    ("convers", re.compile(r"\b(?:this|our|the) conversation\b")),
    ("q&a", re.compile(r"\bq&a\b")),
    (
        "question",
        _p(
            r"\b(?:previous|next|your|this|earlier|above|last|the) (?:\w+ )?questions?\b(?! mark)",
            r"\b(?:other|more|further|any|additional) questions\b",
        ),
    ),
)
