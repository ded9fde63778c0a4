"""``mmskin completion``: the script that completes ``mmskin`` in a shell, written once by shtab from our parsers.

shtab (MPL-2.0, of the makers of tqdm; read: 1.13) walks an argparse parser and prints a script that holds every
command, option and choice, so that pressing TAB starts no Python. What an argument takes beyond ``choices`` stands in
its attribute ``complete``, the name of a shell function by shell; :func:`mark` sets it by the ``metavar``, which says
the same to people. What shtab does not know is added here in the shell's own words: ``NAME=PATH`` (bash cuts a word at
``=``, and calls the function for the path alone), recipes and tasks beside files.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import Any

from mmskin_hub.errors import MmskinError
from mmskin_hub.registry import DATASETS, PUBLIC

Complete = dict[str, Any]
"""What completes an argument: by shell, and under \"preamble\" the functions that it calls."""

SHELLS = ("bash", "zsh", "fish")
WHERE = {
    "bash": "~/.local/share/bash-completion/completions/mmskin",
    "zsh": "~/.zfunc/_mmskin  (with fpath+=~/.zfunc before compinit in ~/.zshrc)",
    "fish": "~/.config/fish/completions/mmskin.fish",
}
"""Where each shell looks for it by itself."""
FOLDERS = ("DIR", "FOLDER", "ADAPTER", "RUN_A", "RUN_B")
FILES = ("FILE", "BOOKS", "PATH", "LOCATOR", "MODEL", "[NAME=]PATH", "DATA")
NAMED = ("NAME=PATH", "NAME=PLACE", "TRAIN", "TEST")
"""The metavars of what is a folder, a file or a folder, and a dataset with its place."""


def add(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "completion",
        help="print the script that completes mmskin in your shell",
        description="Print the script with which SHELL completes commands, options, datasets, recipes, tasks and files "
        "at the TAB key. It holds everything, so that nothing is started at each key.",
        epilog="Where each shell looks for it:\n"
        + "\n".join(f"  {shell:<6}{place}" for shell, place in WHERE.items())
        + '\n\nOr at the start of each shell: eval "$(mmskin completion bash)". Print it again after an update.',
        example="mmskin completion bash > ~/.local/share/bash-completion/completions/mmskin",
    )
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from mmskin_hub.cli import make_parser

    print(script(make_parser(), args.shell))
    return 0


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script for ``shell`` (one of :data:`SHELLS`) that completes the command line of ``parser``.

    Raises :class:`MmskinError` where shtab is missing.
    """
    try:
        import shtab
    except ImportError as error:
        raise MmskinError("mmskin completion needs the package 'shtab'.", "pip install shtab") from error
    mark(parser)
    found = str(shtab.complete(parser, shell))
    return f"{found}\n\n{_BASH}" if shell == "bash" else found


def mark(parser: argparse.ArgumentParser) -> None:
    """Give every argument below ``parser`` the attribute ``complete`` that shtab reads, by its metavar."""
    from mmskin_hub.evals.probes import GROUPS as PROBE_GROUPS
    from mmskin_hub.evals.probes import TASKS as PROBES
    from mmskin_hub.evals.protocol import GROUPS, PROTOCOLS
    from mmskin_hub.training.launch import CONFIGS, RECIPES, shipped

    known: dict[str, Complete] = {
        **dict.fromkeys(FOLDERS, _words("dirs", (), "folders")),
        **dict.fromkeys(FILES, _words("files", (), "files")),
        **dict.fromkeys(NAMED, _NAMED),
        "RECIPE": _words("recipes", shipped(RECIPES), "files"),
        "CONFIG": _words("configs", shipped(CONFIGS), "files"),
        "TASK": _words("tasks", (*GROUPS, *PROBE_GROUPS, *PROTOCOLS, *PROBES)),
    }
    public = _words("public", PUBLIC)
    for action in _arguments(parser):
        complete = public if action.dest == "names" else known.get(str(action.metavar))
        if complete and not action.choices:
            action.complete = complete  # type: ignore[attr-defined]


def _arguments(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            action.help = "command"  # our help lists them itself; shtab leaves out what is suppressed
            for child in action.choices.values():
                yield from _arguments(child)
        elif action.nargs != 0:
            yield action


def _words(name: str, words: Iterable[str], places: str = "") -> Complete:
    """What completes ``words``, and beside them "files" (folders among them) or "folders" alone."""
    # shtab lets bash treat the answers as file names where the function has "_file" or "_dir" in its name.
    called = f"_mmskin_{'file_' if places else ''}{name}"
    said = " ".join(words)
    bash = [f'compgen -W "{said}" -- "$1"'] if said else []
    zsh = [f"compadd -- {said}"] if said else []
    fish = [f"printf '%s\\n' {said}"] if said else []
    if places == "files":
        bash, zsh = [*bash, 'compgen -f -- "$1"'], [*zsh, "_files"]
        fish.append("__fish_complete_path (commandline -ct)")
    elif places == "folders":
        bash, zsh, fish = [*bash, 'compgen -d -- "$1"'], [*zsh, "_files -/"], [*fish, "__fish_complete_directories"]
    return {
        "bash": called,
        "zsh": called,
        "fish": f"({called})",
        "preamble": {
            "bash": f"{called}() {{\n  {'; '.join(bash)}\n}}",
            "zsh": f"{called}() {{\n  {'; '.join(zsh)}\n}}",
            "fish": f"function {called}\n  {'; '.join(fish)}\nend",
        },
    }


_NAMES = " ".join(f"{name}=" for name in DATASETS)
_NAMED: Complete = {
    "bash": "_mmskin_file_named",
    "zsh": "_mmskin_named",
    "fish": "(_mmskin_named)",
    "preamble": {
        "bash": f"""_mmskin_file_named() {{
  compgen -W "{_NAMES}" -- "$1"; compgen -f -- "$1"
}}""",
        "zsh": f"""_mmskin_named() {{
  if compset -P '*='; then _files; else compadd -S '' -- {_NAMES}; _files; fi
}}""",
        "fish": f"""function _mmskin_named
  set -l word (string split -m1 = -- (commandline -ct))
  if set -q word[2]
    for path in (__fish_complete_path $word[2]); echo $word[1]=$path; end
  else
    printf '%s\\n' {_NAMES}
    __fish_complete_path $word[1]
  end
end""",
    },
}
"""A dataset, "=", and where it is; or a path alone."""

_BASH = """\
# bash cuts NAME=PATH and --option=PATH at "=": they are put together again, and behind "=" stands a path.
_mmskin() {
  local word="$2" at glue="" count=0
  local -a words=()
  for (( at = 0; at <= COMP_CWORD; at++ )); do
    if [[ $count -gt 0 && ( -n $glue || ${COMP_WORDS[at]} == "=" ) ]]; then
      words[count-1]+="${COMP_WORDS[at]}"
    else
      words[count]="${COMP_WORDS[at]}"; (( count += 1 ))
    fi
    [[ ${COMP_WORDS[at]} == "=" ]] && glue=yes || glue=""
  done
  local -a COMP_WORDS=("${words[@]}")
  local COMP_CWORD=$(( count - 1 ))
  if [[ ${words[count-1]} == *=* ]]; then
    compopt -o filenames 2>/dev/null || :
    COMPREPLY=()
    while IFS= read -r at; do COMPREPLY+=("$at"); done < <(compgen -f -- "$word")
    return 0
  fi
  _shtab_mmskin "$@"
  if [[ ${COMPREPLY[0]-} == *= ]]; then compopt -o nospace +o filenames 2>/dev/null || :; fi
  return 0
}
complete -o bashdefault -F _mmskin mmskin"""
