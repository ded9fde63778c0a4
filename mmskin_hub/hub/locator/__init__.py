"""A locator release: where every row of a dataset is found, and how to know it, without a pixel or a sentence of it.

::

    <config>/<split>-00000-of-0000N.parquet   ids, book, page, box, hashes, modality, split, age and sex; no more
    rejects.parquet                           where and why something was refused
    build.json                                the options, and the SHA-256 of every Parquet file of the dataset itself

Whoever has the same books, or the same raw data, makes the dataset again from that, byte for byte, or is told by book
and page what differs::

    dataset ──make──▶ locator ──read──▶ books, parts: the real builder makes it again ──verify──▶ the dataset
               rows, sealed                                                             └─differences──▶ a list

What is *kept* is named in :data:`COLUMNS`; a column that a dataset gets one day stays at home until it is put there.
The names of book files stay at home too; the record that has them travels sealed
(:mod:`mmskin_hub.hub.locator.sealed`).
"""

from mmskin_hub.hub.locator.make import FORM, make_locator
from mmskin_hub.hub.locator.rows import COLUMNS, REJECT_COLUMNS, REJECTS

__all__ = ["COLUMNS", "FORM", "REJECTS", "REJECT_COLUMNS", "make_locator"]
