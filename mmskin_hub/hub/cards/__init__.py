"""Cards: what the Hub shows of a dataset or a model, rendered from its records and from nothing else.

::

    render.py      one card for whatever is released           told.py    what a release adds to the records
    books.py  public.py  mixture.py  locator.py  model.py      one kind each
    trained.py  evaluated.py  eval_results.py  carbon.py       of a model: run.json, results.json
    licences.py  citations.py  known_limits.py                 of all
    metadata.py  markdown.py  templates.py                     how it is written

What a record does not state stays absent: nothing is guessed, and every number is one of a record's.
"""

from mmskin_hub.hub.cards.render import render

__all__ = ["render"]
