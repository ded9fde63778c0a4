"""Dermatology textbooks go in; versioned Hub datasets, fine-tuned models and scores that can be trusted come out.

::

    import mmskin_hub as mm

    mm.build("mm_skin", books="~/books", out="data/mm-skin", version="1.0.0")

The functions are those of :mod:`mmskin_hub.api`, and the commands of ``mmskin``. Importing the package loads nothing
heavy and creates nothing. The way through it is the way of the data::

    pdf ──▶ curate ──▶ derive ──▶ engine ──▶ builders
"""

from mmskin_hub.api import audit, build, convert, evaluate, merge, release, rematerialize, train

__all__ = ["__version__", "audit", "build", "convert", "evaluate", "merge", "release", "rematerialize", "train"]

__version__ = "0.1.0"
