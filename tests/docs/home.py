"""The home that the blocks of the pages are run in: what they name and do not make is there, tiny and drawn.

``~/books``, ``~/raw``, the original's checkpoint and its tower, the tables of the original release, a Hub with
accounts, and an OpenAI-compatible server. Everything else is made by the blocks themselves: pages are run in the order
of docs/README.md, and a page finds what the pages before it made, until it makes the same itself.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.derive.vqa.endpoint_server import Act, Request, completion, pairs_about
from tests.derive.vqa.endpoint_server import serving as answering
from tests.docs.forked import serving
from tests.docs.pages import ROOT, Block, expanded
from tests.docs.raw import conversations, lay_raw, test_list
from tests.hub.server import Hub

MADE = re.compile(r"(?:--out|--output|--output_dir|--fix|--to|--book)[ =]([\w./-]+)")
"""Folders that a command makes."""
SERVED = re.compile(r"http://127\.0\.0\.1:8000(?=/v1)")
"""The server of the pages; here it has another port."""
TOWER = "clip-vit-large-patch14-336"
"""Where the original checkpoint finds its vision tower."""
SECONDS = 1800
"""The longest that a block may take."""


@dataclass
class Ran:
    """What became of a block: exit status, what it said, seconds it took."""

    block: Block
    status: int
    said: str
    seconds: float


@dataclass
class Home:
    """A scratch home; ``shelf`` keeps what the pages made so far, by its path."""

    root: Path
    environment: Mapping[str, str]
    served: str
    shelf: dict[str, Path] = field(default_factory=dict)

    def page(self, name: str, blocks: list[Block]) -> Iterator[Ran]:
        """Run the blocks of a page, one after another, in a folder of its own."""
        folder = self.root / "pages" / name.replace("/", "-").removesuffix(".md")
        folder.mkdir(parents=True)
        for path, kept in self.shelf.items():
            _link(kept, folder / path)
        before = set(self.shelf)
        for given in sorted((self.root / "given").glob("*")):
            _link(given, folder / given.name)
        (folder / "recipes").symlink_to(ROOT / "recipes")
        for block in blocks:
            if block.not_run or block.language not in ("sh", "python"):
                continue
            made = MADE.findall(expanded(block))
            for path in before.intersection(made):  # made anew; what this page made itself stays
                shutil.rmtree(folder / path)
            before.difference_update(made)
            yield self._run(block, folder)
            self.shelf |= {path: folder / path for path in made if (folder / path).is_dir()}

    def _run(self, block: Block, folder: Path) -> Ran:
        text = SERVED.sub(self.served, block.text)
        state = folder / ".state"
        state.touch()
        script = folder / (".block.py" if block.language == "python" else ".block.sh")
        if block.language == "python":
            script.write_text(text, encoding="utf-8")
            command = ["python", str(script)]
        else:
            # What a block sets stays set, as it would in a terminal.
            kept = "".join(f"declare -p {name} >> {state}\n" for name in block.variables)
            script.write_text(f"set -eo pipefail\nsource {state}\n{text}\n{kept}", encoding="utf-8")
            command = ["bash", str(script)]
        before = time.monotonic()
        with (folder / ".said").open("w+", encoding="utf-8", errors="replace") as said:
            done = subprocess.run(
                [shutil.which(command[0], path=self.environment["PATH"]) or command[0], *command[1:]], cwd=folder,
                env={**self.environment, "PWD": str(folder)}, stdout=said, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, timeout=SECONDS, check=False,
            )  # fmt: skip
            said.seek(0)
            told = said.read()
        return Ran(block, done.returncode, told, time.monotonic() - before)


def _link(source: Path, target: Path) -> None:
    """``source`` again at ``target``, without its bytes: files are hard links, so nothing may be changed in place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, copy_function=os.link, symlinks=True, dirs_exist_ok=True)
    elif not target.exists():
        os.link(source, target)


@contextmanager
def home(folder: Path, heavy: bool = True) -> Iterator[Home]:
    """A home below ``folder``, with its servers running; nothing but this machine can be reached from it.

    Without ``heavy`` it holds no books, no data and no model, for pages that need none.
    """
    user, given = folder / "home", folder / "given"
    user.mkdir(parents=True, exist_ok=True)
    if heavy:
        draw_books(user / "books")
        lay_raw(user / "raw")
        draw_given(given, user / "raw" / "MM-Skin")
    hub = Hub(folder / "hub")
    token = hub.user("me", organisations=("owner",))
    refused = "http://127.0.0.1:9"  # the discard port: whoever would leave this machine is turned away
    environment = hub.environment(folder / "huggingface", token) | {
        "HOME": str(user), "PYTHONPATH": str(ROOT), "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "HTTP_PROXY": refused, "HTTPS_PROXY": refused, "http_proxy": refused, "https_proxy": refused,
        "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost", "NO_COLOR": "1", "COLUMNS": "120",
    }  # fmt: skip
    try:
        with answering(_about) as server, serving(folder, environment, heavy) as ready:
            server.script = _answer
            server.models = Act(json.dumps({"data": [{"id": "NAME"}]}))
            yield Home(folder, ready, server.url.removesuffix("/v1"))
    finally:
        hub.stop()
    assert not hub.defects, hub.defects


def draw_books(folder: Path) -> None:
    """Two small books."""
    from tests.engine.drawn import draw_book

    folder.mkdir(parents=True)
    draw_book(folder / "atlas.pdf", range(14))
    draw_book(folder / "manual.pdf", range(100, 110))


def draw_given(folder: Path, raw: Path) -> None:
    """What blocks name beside books and downloads: the original's checkpoint, tower, tables and lists."""
    from tests.models import original

    folder.mkdir(parents=True)
    tower = original.draw_tower()
    settings = original.config("mistral", max_position_embeddings=2048, mm_vision_tower=TOWER)
    weights = original.draw_weights(settings, tower)
    original.write(folder / "llava-med-v1.5-mistral-7b", settings, weights, pickled=False)
    original.write_tower(folder / TOWER, tower)
    for name in ("VQA.csv", "MM-Skin_test.csv", "caption.csv"):
        shutil.copy(raw / name, folder / name)
    shutil.copytree(raw / "dataset", folder / "IMAGES")
    conversations(raw, folder / "train.json")
    test_list("ddi", folder / "DDI_2class_test.csv")
    test_list("isic2019", folder / "ISIC_test.csv")


def _about(body: dict[str, object]) -> str:
    """What a request is about: of the writer of questions its caption, of an evaluation nothing."""
    messages = body.get("messages")
    last = messages[-1]["content"] if isinstance(messages, list) and messages else ""
    try:
        return str(json.loads(last)["description"])
    except (TypeError, ValueError, KeyError):
        return ""


def _answer(request: Request) -> Act:
    """Pairs about a caption for the writer of questions, a diagnosis for an evaluation."""
    return completion(pairs_about(request.caption) if request.caption else "It is a nevus.")
