"""Public skin datasets: from the files of the official source to Parquet, by a description a builder gives.

::

    spec.py          what a builder says of its dataset             archive.py   what three of the ISIC archive share
    raw.py           the files of --raw, in folders and zips        table.py     a CSV, whatever its dialect
    records.py       lines become records, or reject rows           values.py    ages, sexes, tones, ids as spelled
    pictures.py      checked, measured, made smaller                split.py     grouped, paper and official splits
    paper_lists.py   the original release's test lists              harmony.py   one name for a disease in all of them
    write.py         Parquet files                                  facts.py     build.json: every line accounted for
    build.py         all of it, from --raw to --out
"""
