"""``mmskin demo``: the whole line in one command, on two books drawn in code.

::

    line.py     the steps, each a command      books.py, lesions.py, words.py, paint.py   the books
    run.py      runs what is not done yet      found.py   what came of each step
    show.py     how far it is, and the table   load.py    what was released, opened with datasets and transformers
"""
