"""A Hub to test against: test code, never to be served to anybody.

A loopback server that unmodified ``huggingface_hub`` (1.x and 2.x) and ``datasets`` clients talk to: repositories with
commits, branches, tags and private access, Git LFS uploads (in one piece or in parts), downloads with ranges by way of
a second host as the real one does it, and faults on demand. The standard library and SQLite are all it needs.

::

    blobs.py     content-addressed files                    handler.py   HTTP, faults, the log of requests
    store.py     repositories, commits, refs in SQLite      routes.py    which address is answered by what
    answers.py   what a route returns or refuses            metadata.py  what /api/validate-yaml accepts
    repos.py     accounts, repositories, refs               faults.py    what goes wrong, and at which request
    trees.py     what a revision holds                      hub.py       the server as a test holds it
    commits.py   preupload and commit                       __main__.py  python -m tests.hub.server
    lfs.py       uploads, and downloads

Where it differs from the real one: commits cost nothing, there is no Xet (set ``HF_HUB_DISABLE_XET=1``), no pull
requests, no dataset viewer, and an address it does not know is a 404 that :attr:`Hub.unknown` remembers.
"""

from tests.hub.server.faults import Fault, Request
from tests.hub.server.hub import Hub

__all__ = ["Fault", "Hub", "Request"]
