"""The words by which a caption tells a patient's age and sex, and those that show that another is meant: data only.

Number words and units of time (in years); words for men, women and patients of either sex; relatives, animals, lesions
and other things that also have an age or a sex; and the words around an age or a "male" that take it away from the
patient. They stand apart from the rules (``demographics_tokens``, ``_people``, ``_ages``) so that a word can be added
without reading the grammar. Everything is lower case and one token long.
"""

from __future__ import annotations

import re
from typing import Literal

Sex = Literal["male", "female"]
DAYS_A_YEAR = 365.25


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Years in one of each.
UNITS = {
    **dict.fromkeys(("year", "years", "yr", "yrs", "y", "ys", "yo", "yrold", "yearold"), 1.0),
    **dict.fromkeys(("month", "months", "mo", "mos", "mth", "mths"), 1 / 12),
    **dict.fromkeys(("week", "weeks", "wk", "wks"), 7 / DAYS_A_YEAR),
    **dict.fromkeys(("day", "days"), 1 / DAYS_A_YEAR),
    **dict.fromkeys(("hour", "hours", "hr", "hrs"), 1 / 24 / DAYS_A_YEAR),
}
_ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_TEENS = ("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SPELT = {word: float(n) for n, word in enumerate((*_ONES, *_TEENS))} | {
    word: 20.0 + 10 * n for n, word in enumerate(_TENS)
}
SPELT["fourty"] = 40.0  # a common slip
FRACTIONS = {"½": 0.5, "¼": 0.25, "¾": 0.75, "⅓": 1 / 3, "⅔": 2 / 3}

MALE = _words(
    """
    man boy gentleman schoolboy workman fisherman businessman policeman fireman salesman serviceman postman
    craftsman tradesman sportsman cowboy widower monk
    """
)
FEMALE = _words(
    """
    woman girl lady schoolgirl housewife businesswoman policewoman sportswoman widow nun midwife waitress
    actress primigravida multigravida primipara multipara
    """
)
PLURALS: dict[str, Sex] = {
    **dict.fromkeys(("men", "boys", "males", "gentlemen", "schoolboys", "workmen", "fishermen"), "male"),
    **dict.fromkeys(("women", "girls", "females", "ladies", "schoolgirls", "housewives"), "female"),
}
PRONOUNS: dict[str, Sex] = {
    **dict.fromkeys(("he", "his", "him", "himself"), "male"),
    **dict.fromkeys(("she", "her", "hers", "herself"), "female"),
}
NEUTRAL = _words(
    """
    patient child infant baby toddler newborn neonate adolescent teenager teen youth youngster adult person
    individual student pupil schoolchild worker farmer nurse immigrant refugee smoker athlete subject case
    caucasian asian african hispanic european indian traveller traveler soldier recipient victim volunteer
    preschooler
    """
)
CROWD = _words(
    "patients children infants adults adolescents people persons individuals neonates newborns subjects babies"
)
RELATIVES = _words(
    """
    mother father parent parents brother sister sibling siblings son daughter sons daughters wife husband spouse
    aunt uncle cousin niece nephew grandmother grandfather grandson granddaughter grandparent grandparents
    brothers sisters mothers fathers girlfriend boyfriend stepmother stepfather mum mom dad
    """
)
ANIMALS = _words(
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
THINGS = _words(
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
THING_ENDING = re.compile(r"\w{2,}(?:omas?|omata|itis|osis|iasis|oses|ectomy|plasty|pathy|emia|aemia)$")
# What follows "male" or "female" in a term that names no one's sex.
TERMS = _words(
    """
    pattern type distribution genital genitals genitalia genitalium organ organs breast breasts sex hormone
    hormones ratio predominance preponderance predilection baldness alopecia hair escutcheon urethra condom
    circumcision infertility gonad gonads gamete chromosome karyotype phenotype to and or pseudohermaphroditism
    reproductive anogenital pelvis perineum population gender specific dominated predominant counterpart
    counterparts flower fern external internal nipple homosexuals prostitutes relatives sexual pubic parent
    relative
    """
)
STOPS = _words(
    """
    with of on in at who whom whose which that presenting presented showing having had has have is was were are
    after before since for from to by and or during without under treated suffering affected diagnosed
    complaining the a an his her their this these those demonstrating demonstrates shows showed developed
    develops taken seen as but while when there following taking using infected involving
    """
)
# Words before an age that make it another time than that of the picture, or no single patient's.
OTHER_TIME = _words(
    """
    since from before after until till by over under above below beyond past older younger than between onset
    began begun beginning started starting start appeared appearing developed developing noticed noted diagnosed
    diagnosis first acquired resolved resolve died death menarche menopause puberty surgery operated underwent
    excised removed mean median average range ranging gestational gestation bone mental dental postconceptional
    postmenstrual corrected conceptional when trauma injured burnt burned  previously earlier healed least
    most up
    """
)
STATISTICS = _words(
    "mean median average range ranging gestational bone mental dental postmenstrual corrected peak group"
)
TIME_AFTER = _words(
    """
    duration history after later ago before earlier follow followup post prior evolution survival course
    treatment previously of into following standing apart interval time gestation gestational persistence
    remission since on
    """
)
PICTURED = _words("photograph photo photographed taken seen shown pictured image picture")
ARTICLES = _words("a an this one")
STATE_WORDS = _words("during trimester weeks month months second third first her gravid late early")
