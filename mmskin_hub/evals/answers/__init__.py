"""From what a model says to the class it names.

Two readers. :func:`read_answer` is the strict one: it takes the longest whole phrase, knows negation, hedges, lists and
echoes, and keeps "several classes", "no class", "a refusal" and "nothing" apart. :func:`paper_class` is the rule of the
original scripts, faults included, for figures that are to be compared with theirs.

Nothing here needs torch; the tables are read once a process, at the first answer.
"""

from mmskin_hub.evals.answers.paper import paper_class
from mmskin_hub.evals.answers.reader import Outcome, Read, read_answer
from mmskin_hub.evals.answers.synonyms import synonyms_of

__all__ = ["Outcome", "Read", "paper_class", "read_answer", "synonyms_of"]
