"""The words that decide how a broken word is mended: data only, for :mod:`mmskin_hub.curate.text`.

Parts of compounds that keep a hyphen at a line end, the rests of words whose ligature a text layer set apart, and the
small words that some text layers break in two. Everything is lower case.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A word broken after one of these, or before one of those, is a compound and keeps its hyphen.
FIRST_PARTS = _words(
    """
    well ill self non half high low flat follow long short full middle mid large small medium new old young slow
    fast fine thick thin deep light dark pale skin flesh sun blue red brown white black pink yellow grey gray
    green purple violet salmon ham dome band leaf scar ring star saw coin pea egg net wart cup pin comma cigar
    target button cobble cobblestone corkscrew hair nail cross cold heat drug gram acid double single two three
    four five six multi right left upper lower off x t b ulcero vaso lace honey crazy strawberry cauliflower
    sharp poorly newly water weight dose time year month week day age type stage grade end on air steroid
    """
)
SECOND_PARTS = _words(
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
PLAIN_FIRST = _words(
    """
    un dis mis thresh scaf house inter cor uncor pheno geno proto arche stereo sero eco karyo sub pro pre com im
    in re de ex mani bi tri with be ma pa ro sca hou sho tele
    """
)
SUSPENDED = _words(
    """
    and or to nor und oder bis as but than
    """
)

# Whole words that begin with a ligature, without it: a text layer that gives "fi rm" means "firm" and not "…fi rm".
AFTER_FI = _words(
    """
    rm rmly rst brosis brous brotic broma bromas bromatosis broblast broblasts brin brinoid bril brils bre bres
    ber bers ne nely ner nger ngers ngernail ngernails ngertip ngertips ngerprint lm lled lling ll eld elds ve
    fth fteen fty ssure ssures ssured ssuring nding ndings nd nal nally gure gures lament laments lamentous xed
    xation xative sh shing sherman re stula stulas stulae sts lter ltered liform lter t ts
    """
)
AFTER_FL = _words(
    """
    at atter attened attening ank anks exor exors exion exure exures exural ushing ush ushed accid uid uids
    uorescence uorescent uctuant uctuating uconazole uorouracil ow owing ower owers aky aking akes ake oor oors
    esh eshy esh-coloured esh-colored ea eas ap aps oral ora ora. are ares y ies ame agellate agella uence
    """
)
# Small words that some text layers break in two; only splits whose halves are no words or panel letters are mended.
MENDED = "the other others with of this these those that there their then than which where when while were was showing"
HALVES = _words(
    """
    a i an as at be by do go he her hi his if in is it me my no of oh on or ox so to up us we
    """
)
