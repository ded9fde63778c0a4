"""Whether a caption is in English, as far as its small words tell.

Captions are short, and half Latin: two well-kept detectors (py3langid 0.3, lingua 2.1; measured 2026-11-22) took 86 %
and 54 % of the English names of 377 skin diseases for another language, and 7 to 20 ms a caption. The small words
("mit", "dans", "avec", "della") decide instead, outside the terms of the vocabulary, so that "morphea en coup de sabre"
stays English; without any, a caption counts as English. A text in another script is not.
"""

from __future__ import annotations

import unicodedata

from mmskin_hub.derive.vqa.facts import Facts
from mmskin_hub.derive.vqa.spelling import folded

_ENGLISH = folded(
    """of with and on in at from by is are was were this that these after before for to as or no not without which
    shows showing over seen note has had his her same under between"""
)
_OTHER: dict[str, frozenset[str]] = {
    "German": folded(
        """der die das und mit ohne bei einer eines einem einen ein eine im am zur zum den dem des von nach auf
        ist sind durch oder beim vor nicht sich als auch typische multiple rechts links"""
    ),
    "French": folded(
        """le la les des du de avec sans chez sur dans et une un est sont au aux par pour ou cette ce droite gauche
        homme femme enfant lésion lésions"""
    ),
    "Spanish": folded(
        """el la los las del de con sin en y una un por para se es son lesión lesiones varón mujer niño niña derecho
        izquierdo paciente"""
    ),
    "Italian": folded(
        """il lo la gli le del della dello delle dei di con senza nel nella un una per e è sono su sul sulla uomo donna
        paziente lesione lesioni"""
    ),
    "Portuguese": folded(
        """o os as do da dos das de com sem em no na nos nas uma um por para e é são homem mulher paciente lesão
        lesões"""
    ),
    "Dutch": folded("""de het een van met zonder op bij en in is zijn door naar voor patiënt huid man vrouw"""),
}
_ANY_OTHER = frozenset().union(*_OTHER.values()) - _ENGLISH
_FOREIGN_SCRIPT = 0.3
"""Share of letters that are not Latin (nor a lone Greek one) from which a caption is not in English."""


def other_language(facts: Facts) -> str:
    """The language a caption is in, or "another script"; "" for English, or where nothing tells."""
    if not facts.caption.isascii():
        beyond = [character for character in facts.caption if not character.isascii() and character.isalpha()]
        foreign = sum(not unicodedata.name(character, "LATIN").startswith("LATIN") for character in beyond)
        if foreign > 1 and foreign >= _FOREIGN_SCRIPT * sum(map(str.isalpha, facts.caption)):
            return "another script"
    if len(facts.words & _ANY_OTHER) < 2:
        return ""  # nearly every caption
    inside = {n for fact in facts.all for n in range(fact.first, fact.last + 1)}
    words = [token.word for n, token in enumerate(facts.text) if n not in inside]
    english = sum(word in _ENGLISH for word in words)
    best, most = "", 0
    for language, small in _OTHER.items():
        said = [word for word in words if word in small and word not in _ENGLISH]
        if len(set(said)) >= 2 and len(said) > max(english, most):
            best, most = language, len(said)
    return best
