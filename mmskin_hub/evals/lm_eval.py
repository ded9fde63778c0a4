"""lm-eval with our model class and our tasks in it: ``python -m mmskin_hub.evals.lm_eval``.

lm-eval has no entry points for models of other packages, so this module imports ours and then is ``lm_eval``::

    MMSKIN_DATA="ham10000=data/ham10000" python -m mmskin_hub.evals.lm_eval run \\
        --model mmskin-vlm --model_args pretrained=MODEL --tasks mmskin_ham10000_gen,mmskin_ham10000_choice

The tasks are found without ``--include_path``; every other option is lm-eval's own.
"""

from __future__ import annotations

import sys
from importlib import import_module

from mmskin_hub.errors import MissingExtra, MmskinError

OWN = {"run", "ls", "validate"}
"""The commands of lm-eval that know tasks; without a command it is ``run``."""


def main(arguments: list[str]) -> int:
    """Run lm-eval with ``arguments``; 1 where a mistake of the user was told."""
    try:
        return _run(arguments)
    except MmskinError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _run(arguments: list[str]) -> int:
    try:
        import lm_eval.__main__

        import_module("mmskin_hub.evals.model.lm")  # registers the model
    except ImportError as error:
        raise MissingExtra("mmskin_hub.evals.lm_eval", "eval", error.name or str(error)) from error
    from mmskin_hub.evals.tasks import PATH

    asked = arguments if not arguments or arguments[0] in (*OWN, "-h", "--help") else ["run", *arguments]
    if asked and asked[0] in OWN and "--include_path" not in asked:
        asked = [*asked, "--include_path", str(PATH)]
    sys.argv = ["lm_eval", *asked]
    lm_eval.__main__.cli_evaluate()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
