"""From a folder to a tag on the Hub, or in a folder that is laid out like its cache.

::

    plan.py      what travels, staged and hashed        place.py      what a repository can do, wherever it is
    client.py    one on the Hub: bounded patience       shelf.py      one in a folder (--to)
    manifest.py  release.json                           trouble.py    what went wrong, in words without a token
    versions.py  which version comes next               conflicts.py  what of others a commit would undo
    commit.py    uploads, the one commit, the tag       verify.py     the tag downloaded anew and compared
"""
