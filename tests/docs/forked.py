"""Commands forked from one process that has imported everything heavy: ``mmskin``, ``python``, ``lm_eval``, ``pip``.

Importing torch, transformers and trl takes ten times as long as most commands of the pages need with tiny data. So a
server imports them once, and each command is forked from it, with the environment, folder and streams of whoever
called: :func:`shims` writes a folder of commands for PATH that hand themselves over. A process that a command starts
through ``sys.executable`` (``accelerate launch``, training) is forked the same way. ``pip`` installs nothing: it checks
that what is asked for is an extra of ours, or a package that is installed here.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import runpy
import signal
import socket
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = {"mmskin": "mmskin_hub", "lm_eval": "lm_eval", "accelerate": "accelerate.commands.accelerate_cli"}
"""The module that each installed command runs."""
SHIM = """#!{python} -SE
import json, os, socket, sys
argv = [{name!r}, *sys.argv[1:]]
handed = {name!r} != "python" or (len(argv) > 1 and (argv[1] == "-m" or argv[1].endswith(".py")))
handed = handed and argv[2:3] not in (["multiprocessing.resource_tracker"], ["venv"])
if not handed and argv[1:3] == ["-m", "venv"]:
    os.makedirs(argv[3] + "/bin", exist_ok=True)
    for name in os.listdir({folder!r}):
        os.path.lexists(argv[3] + "/bin/" + name) or os.symlink({folder!r} + "/" + name, argv[3] + "/bin/" + name)
    sys.exit()
if not handed:
    os.execv({python!r}, [{python!r}, *argv[1:]])
with socket.socket(socket.AF_UNIX) as line:
    line.connect({address!r})
    told = json.dumps([argv, os.getcwd(), dict(os.environ)]).encode("utf-8", "surrogateescape")
    socket.send_fds(line, [len(told).to_bytes(8, "big")], [0, 1, 2])
    line.sendall(told)
    answer = line.recv(4)
    sys.exit(int.from_bytes(answer, "big") if answer else 255)
"""


def shims(folder: Path, address: Path) -> Path:
    """Write the commands into ``folder``; they call the server at the socket ``address``. Returns ``folder``."""
    folder.mkdir(parents=True)
    for name in (*COMMANDS, "python", "pip"):
        text = SHIM.format(python=sys.executable, name=name, address=str(address), folder=str(folder))
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    (folder / "python3").symlink_to("python")
    return folder


@contextlib.contextmanager
def serving(folder: Path, environment: Mapping[str, str], heavy: bool = True) -> Iterator[dict[str, str]]:
    """The server, in ``environment``; gives that environment with the commands first on its PATH.

    ``heavy``: it imports torch and the like beforehand, so that no command has to.
    """
    import subprocess

    address = folder / "line"
    path = shims(folder / "bin", address)
    told = {**environment, "PATH": f"{path}{os.pathsep}{environment['PATH']}"}
    command = [
        sys.executable,
        "-m",
        "tests.docs.forked",
        str(address),
        str(path / "python"),
        *(["heavy"] if heavy else []),
    ]
    server = subprocess.Popen(command, cwd=ROOT, env=told, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout and server.stdout.readline() == "ready\n", "the server of the commands did not start"
        yield told
    finally:
        server.terminate()
        server.wait(30)


def _import_heavy() -> None:
    import multiprocessing.spawn

    import accelerate.commands.accelerate_cli
    import datasets
    import lm_eval.__main__
    import multiprocess.spawn
    import peft
    import torch
    import trl
    from transformers import AutoModelForImageTextToText, AutoProcessor, LlavaForConditionalGeneration  # noqa: F401
    from trl import ModelConfig, SFTConfig, SFTTrainer, TrlParser  # noqa: F401

    assert accelerate and datasets and lm_eval and peft and trl
    torch.set_num_threads(1)
    # Both remember the real Python, before another is named in its place.
    assert multiprocess.spawn.get_executable() == multiprocessing.spawn.get_executable()


def _serve(address: str, python: str, heavy: str = "") -> None:
    if heavy:
        _import_heavy()
    sys.executable = python
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen(16)
        signal.signal(signal.SIGCHLD, _reap)
        print("ready", flush=True)
        while True:
            line, _ = server.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                server.close()
                _answer(line)
            line.close()


def _reap(number: int, frame: FrameType | None) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _answer(line: socket.socket) -> None:
    """In a process of its own: run what was asked in another, and tell its status."""
    head, streams, _, _ = socket.recv_fds(line, 8, 3)
    size, told = int.from_bytes(head, "big"), b""
    while len(told) < size:
        told += line.recv(size - len(told))
    argv, folder, environment = json.loads(told.decode("utf-8", "surrogateescape"))
    child = os.fork()
    if child == 0:
        line.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os._exit(_run(argv, folder, environment))
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    line.sendall((code if code >= 0 else 128 - code).to_bytes(4, "big"))
    os._exit(0)


def _run(argv: Sequence[str], folder: str, environment: Mapping[str, str]) -> int:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    status: Any = 0
    if "torch" in sys.modules:
        # The pool of threads does not survive a fork. Whoever asks for it first makes a new one; two threads that ask
        # at once, as when weights are loaded, meet "Invalid thread pool!" (torch 2.15, ParallelOpenMP.cpp).
        sys.modules["torch"].set_num_threads(1)
    try:
        name, words = argv[0], list(argv[1:])
        if name == "pip":
            _check_pip(words)
        elif name == "python" and words[0] != "-m":
            sys.argv = words
            sys.path[0] = str(Path(words[0]).resolve().parent)
            runpy.run_path(words[0], run_name="__main__")
        else:
            module, *rest = words[1:] if name == "python" else [COMMANDS[name], *words]
            sys.argv = [name, *rest]
            sys.path[0] = folder
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        status = ended.code
    except BaseException:
        traceback.print_exc()
        status = 1
    import multiprocessing

    for child in multiprocessing.active_children():
        child.join()
    if isinstance(status, str):
        print(status, file=sys.stderr)
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    return status if isinstance(status, int) else int(status is not None)


def _check_pip(words: Sequence[str]) -> None:
    """``pip install``: every extra is one of setup.cfg's, every other package is installed or one of its lines."""
    import configparser
    from importlib.util import find_spec

    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = set(config["options.extras_require"])
    known = set(re.findall(r"^([\w-]+)[><=]", "\n".join(config["options.extras_require"].values()), re.MULTILINE))
    if words[:1] != ["install"]:
        sys.exit(f"pip {' '.join(words)} is not known here")
    for word in words[1:]:
        named = re.fullmatch(r"(?:\.|mmskin-hub)(?:\[([\w,-]+)\])?(?: @ git\+https://\S+)?", word)
        if named:
            unknown = set(filter(None, (named[1] or "").split(","))) - extras
            if unknown:
                sys.exit(f"setup.cfg has no extra {', '.join(sorted(unknown))}")
        elif not word.startswith("-") and word not in known and not find_spec(word.replace("-", "_")):
            sys.exit(f"pip install {word}: neither an extra of ours nor installed here")


if __name__ == "__main__":
    _serve(*sys.argv[1:])
