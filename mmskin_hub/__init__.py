"""Dermatology textbooks go in; versioned Hub datasets, fine-tuned models and scores that can be trusted come out.

Importing the package loads nothing heavy and creates nothing. The way through it is the way of the data::

    pdf ──▶ curate ──▶ derive ──▶ engine ──▶ builders
"""

__version__ = "0.1.0"
