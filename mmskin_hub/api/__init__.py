"""The house from Python: one function a command, the same options, the same records, the same errors.

::

    import mmskin_hub as mm

    mm.build("mm_skin", books="~/books", out="data/mm-skin", version="1.0.0")
    mm.build("skinvl_sft", variant="mm", data={"mm_skin": "data/mm-skin"}, out="data/sft-mm", version="1.0.0")
    mm.train("tiny", data={"skinvl_sft": "data/sft-mm"}, output="out/tiny")
    mm.evaluate("out/tiny", tasks="mm_skin_vqa", data={"mm_skin": "data/mm-skin"}, out="runs/tiny")
    mm.release("data/mm-skin", repo="me/mm-skin", to="shelf")

``mmskin`` parses, calls these functions, and prints. Every option has its name here with ``_`` for ``-``, and the
defaults of the command line are those of the signatures. The result is the record that lies beside the data
(:mod:`mmskin_hub.api.records`); whatever a user can mend is raised as a kind of
:class:`~mmskin_hub.errors.MmskinError`, whose text is what the command line prints, options spelled as there. Nothing
is printed on standard output; progress goes to standard error. Heavy packages are imported when a function needs them.
A script needs no ``if __name__ == "__main__"``, and any thread may call.
"""

from mmskin_hub.api.building import build
from mmskin_hub.api.evaluation import audit, evaluate
from mmskin_hub.api.releasing import release, rematerialize
from mmskin_hub.api.training import convert, merge, train

__all__ = ["audit", "build", "convert", "evaluate", "merge", "release", "rematerialize", "train"]
