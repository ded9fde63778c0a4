"""The tasks as lm_eval knows them: one YAML file a task, which includes what its kind shares, and ``utils.py``.

::

    MMSKIN_DATA="ham10000=data/ham10000" lm_eval --include_path "$(mmskin tasks-path)" \\
        --model hf-multimodal --model_args pretrained=MODEL --apply_chat_template --tasks mmskin_ham10000_gen

``gen/``, ``choice/`` and ``paper/`` have a file a dataset, ``groups/`` the groups; the questions of MM-Skin are here.
What a task asks, and how an answer is read, is said once, in :mod:`mmskin_hub.evals.protocol`.

``choice`` tasks need a model that gives the likelihood of text behind a picture. lm_eval's own ``hf-multimodal`` does
not (its ``loglikelihood`` raises ``NotImplementedError`` for pictures); ours does.
"""

from pathlib import Path

PATH = Path(__file__).resolve().parent
"""The folder for ``--include_path``."""
