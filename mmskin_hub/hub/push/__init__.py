"""From a folder to a tag on the Hub.

::

    plan.py      what travels, staged and hashed        client.py     the repository: bounded patience, one meaning each
    manifest.py  release.json                           trouble.py    what went wrong, in words without a token
    versions.py  which version comes next               conflicts.py  what of others a commit would undo
    commit.py    uploads, the one commit, the tag       verify.py     the tag downloaded anew and compared
"""
