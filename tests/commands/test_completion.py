"""The scripts of ``mmskin completion``, sourced in real shells: what TAB offers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mmskin_hub.commands.completion import SHELLS
from mmskin_hub.evals.protocol import PROTOCOLS
from mmskin_hub.registry import DATASETS, PUBLIC
from tests.commands.at_terminal import MMSKIN, on_terminal, piped

# What readline would do: the words cut at "=" as COMP_WORDBREAKS has it, then the function of the script.
DRIVER = r"""
source "$1"
read -r -a raw <<< "$2"
COMP_WORDS=()
for word in "${raw[@]}"; do
  while [[ $word == *=* ]]; do
    [[ -n ${word%%=*} ]] && COMP_WORDS+=("${word%%=*}")
    COMP_WORDS+=("="); word="${word#*=}"
  done
  [[ -n $word ]] && COMP_WORDS+=("$word")
done
[[ $2 == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
word="${COMP_WORDS[COMP_CWORD]}"; [[ $word == "=" ]] && word=""
function=$(complete -p mmskin | sed 's/.*-F \([^ ]*\).*/\1/')
"$function" mmskin "$word" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""
OFFERED = [
    ("mmskin bu", ["build"]),
    ("mmskin build ham", ["ham10000"]),
    ("mmskin build ", list(DATASETS)),
    ("mmskin release ", ["dataset", "model"]),
    ("mmskin completion ", list(SHELLS)),
    ("mmskin train ti", ["tiny"]),
    ("mmskin train m", ["mine.yaml", "my books"]),
    ("mmskin train --data skinvl_sft=data/x --output out ti", ["tiny"]),
    ("mmskin train tiny --accelerate cp", ["cpu", "cpu_two"]),
    ("mmskin train --data skinvl_", ["skinvl_sft="]),
    ("mmskin train --data skinvl_sft=da", ["data"]),
    ("mmskin train --data skinvl_sft=", ["data", "mine.yaml", "my books"]),
    ("mmskin train --output=da", ["data"]),
    ("mmskin build mm_skin data/a", ["data/a.pdf"]),
    ("mmskin build mm_skin my", ["my books"]),
    ("mmskin build mm_skin x --out m", ["my books"]),
    ("mmskin build mm_skin x --o", ["--out", "--overwrite", "--ocr"]),
    ("mmskin build mm_skin x --ocr r", ["rapidocr"]),
    ("mmskin build ham10000 --split p", ["paper"]),
    ("mmskin datasets d", [name for name in PUBLIC if name.startswith("d")]),
    ("mmskin eval m --tasks mmskin_ddi", [task for task in PROTOCOLS if task.startswith("mmskin_ddi")]),
    ("mmskin eval m --tasks probe8 skinvl8_g", ["skinvl8_gen"]),
    ("mmskin --ver", ["--version"]),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few files, and beside it the scripts, as the command prints them."""
    place = tmp_path_factory.mktemp("shells")
    here = place / "here"
    (here / "data").mkdir(parents=True)
    (here / "my books").mkdir()
    (here / "data" / "a.pdf").touch()
    (here / "mine.yaml").touch()
    for shell in SHELLS:
        (place / shell).write_text(piped([*MMSKIN, "completion", shell]).stdout, encoding="utf-8")
    (place / "driver").write_text(DRIVER, encoding="utf-8")
    return here


@pytest.mark.parametrize(("line", "offered"), OFFERED, ids=[line for line, _ in OFFERED])
def test_bash_is_offered(line: str, offered: list[str], folder: Path) -> None:
    driver, source = folder.parent / "driver", folder.parent / "bash"
    done = piped(["bash", "--norc", str(driver), str(source), line], cwd=folder)
    assert not done.stderr
    assert sorted(done.stdout.splitlines()) == sorted(offered)


# Typed at the end of a line: it is shown instead of run, so that it can be read without what a shell draws.
SHOW = "\x01echo '\x05'\r"


def test_bash_completes_at_the_tab_key(folder: Path) -> None:
    source = folder.parent / "bash"
    init = folder.parent / "bashrc"
    init.write_text(f"source {source}\nPS1='READY '\nbind 'set enable-bracketed-paste off'\n", encoding="utf-8")
    typed = {
        "READY": f"mmskin bu\tham\t--out da\t{SHOW}",
        "\nmmskin build ham10000 --out data/\r": f"mmskin train --data skinvl_\tda\t{SHOW}",
        "\nmmskin train --data skinvl_sft=data/\r": "exit\r",
    }
    status, told = on_terminal(["bash", "--rcfile", str(init), "-i"], 200, folder, typed, HISTFILE="")
    assert status == 0, told


def test_zsh_completes_at_the_tab_key(folder: Path) -> None:
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    source = folder.parent / "zsh"
    subprocess.run(["zsh", "-n", str(source)], check=True)
    home = folder.parent / "home"
    home.mkdir()
    shutil.copy(source, home / "_mmskin")  # where fpath leads, as the help says
    init = f"fpath+={home}; autoload -U compinit; compinit -u -D; PS1='READY '; bindkey -e; unset zle_bracketed_paste"
    (home / ".zshrc").write_text(f"{init}\n", encoding="utf-8")
    typed = {
        "READY": f"mmskin bu\tham\t--out da\t{SHOW}",
        "\nmmskin build ham10000 --out data\r": f"mmskin train --data skinvl_\tda\t{SHOW}",
        "\nmmskin train --data skinvl_sft=data\r": f"mmskin train ti\t{SHOW}",
        "\nmmskin train tiny": "exit\r",
    }
    status, told = on_terminal(["zsh", "-d", "-i"], 200, folder, typed, ZDOTDIR=str(home))
    assert status == 0, told


def test_fish_is_offered(folder: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    for line, offered in (
        ("mmskin bu", ["build"]),
        ("mmskin build ham", ["ham10000"]),
        ("mmskin train ti", ["tiny"]),
        ("mmskin train --data skinvl_", ["skinvl_sft="]),
        ("mmskin train --data skinvl_sft=da", ["skinvl_sft=data/"]),
        ("mmskin build mm_skin x --ocr r", ["rapidocr"]),
    ):
        code = f'source {folder.parent / "fish"}; complete -C "{line}"'
        done = piped(["fish", "--no-config", "-c", code], cwd=folder)
        assert not done.stderr
        assert [each.partition("\t")[0] for each in done.stdout.splitlines()] == offered, line


def test_an_unknown_shell_is_told() -> None:
    done = piped([*MMSKIN, "completion", "bsh"])
    assert done.returncode == 2
    assert "did you mean 'bash'?" in done.stderr


def test_the_shells_named_in_the_help_are_those_of_the_library() -> None:
    shtab = pytest.importorskip("shtab")
    assert set(SHELLS) <= set(shtab.SUPPORTED_SHELLS)
