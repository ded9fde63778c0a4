"""A token-shaped string in the environment, in a configuration, in a text: it is found in nothing that comes out.

Searched are standard output and error, every file that a release left on this machine, every file that reached the
Hub, and every request but the one header where the token belongs.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub.gate.made import recorded, rewritten
from tests.hub.places import Place
from tests.hub.releases import Done, Workshop, ham, workshop
from tests.hub.server import Hub

TOKEN = "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"
PLANTED = "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"
REPO = "me/drawn"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whatever a release may write to is below here."""
    found = tmp_path_factory.mktemp("searched")
    (found / "tmp").mkdir()
    return found


@pytest.fixture(scope="module")
def everyones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hub, bytes]]:
    """One Hub for the module, and what it knew in the beginning: the account whose token is looked for."""
    hub = Hub(tmp_path_factory.mktemp("hub"))
    hub.user("me", TOKEN)
    yield hub, hub.save()
    hub.stop()
    assert not hub.defects, hub.defects


@pytest.fixture
def hub(everyones: tuple[Hub, bytes]) -> Hub:
    """The Hub as it was in the beginning, without a fault."""
    found, saved = everyones
    found.restore(saved)
    return found


@pytest.fixture
def place(hub: Hub, folder: Path) -> Place:
    """The account whose token is looked for."""
    return Place(hub.environment(folder / "huggingface", TOKEN, TMPDIR=str(folder / "tmp")), "me")


@pytest.fixture(scope="module")
def shop(everyones: tuple[Hub, bytes], folder: Path) -> Iterator[Workshop]:
    """Many releases, in the environment of ``place``."""
    environment = everyones[0].environment(folder / "huggingface", TOKEN, TMPDIR=str(folder / "tmp"))
    with workshop(environment, folder / "printed") as made:
        yield made


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset that may be released."""
    return ham(tmp_path_factory.mktemp("built"), "1.0.0", 16)


def traces(secret: str, done: Done, hub: Hub, *folders: Path) -> list[str]:
    """Where ``secret`` is to be found: as it is, or in base64 (which is how files travel in a commit)."""
    shapes = [secret.encode(), *(base64.b64encode(b" " * n + secret.encode())[4:-4] for n in range(3))]
    found = [name for name, text in (("output", done.out), ("error", done.err)) if secret in text]
    for folder in (*folders, hub.root / "blobs"):
        for path in folder.rglob("*"):
            if path.is_file() and any(shape in path.read_bytes() for shape in shapes):
                found.append(str(path))
            if secret in path.name:
                found.append(str(path))
    for request in hub.requests:
        headers = {
            k: v for k, v in request.headers.items() if k != "authorization" or "localhost" in request.headers["host"]
        }
        if any(shape in f"{request.path} {headers}".encode() + request.body for shape in shapes):
            found.append(str(request))
    return found


def clean(secret: str, done: Done, hub: Hub, folder: Path) -> None:
    """It is nowhere."""
    assert traces(secret, done, hub, folder) == [], done.text


ASKED = "import os, urllib.request as u\ndef ask(*a):\n    try: u.urlopen(u.Request(*a))\n    except OSError: pass\n"
LEAKS = {
    "output": "import os; print('my token is', os.environ['HF_TOKEN'])",
    "error": "import os; raise ValueError(os.environ['HF_TOKEN'])",
    "file": "import os, tempfile; open(tempfile.mkstemp()[0], 'w').write(os.environ['HF_TOKEN'])",
    "address": f"{ASKED}ask(os.environ['HF_ENDPOINT'] + '/' + os.environ['HF_TOKEN'])",
    "second host": f"{ASKED}there = os.environ['HF_ENDPOINT'].replace('127.0.0.1', 'localhost')\n"
    "ask(there, None, {'Authorization': 'Bearer ' + os.environ['HF_TOKEN']})",
    "card": "import os; from huggingface_hub import HfApi; a = HfApi(); a.create_repo('me/x')\n"
    "a.upload_file(path_or_fileobj=b'of ' + os.environ['HF_TOKEN'].encode(), path_in_repo='x.md', repo_id='me/x')",
}


@pytest.mark.parametrize("leak", LEAKS)
def test_the_search_can_find(tmp_path: Path, leak: str) -> None:
    hub = Hub(tmp_path / "hub")
    hub.user("me", TOKEN)
    (tmp_path / "tmp").mkdir()
    careless = Place(hub.environment(tmp_path / "huggingface", TOKEN, TMPDIR=str(tmp_path / "tmp")), "me")
    assert traces(TOKEN, careless.run("-c", LEAKS[leak]), hub, tmp_path / "tmp") != []
    hub.stop()


def test_a_release_leaves_no_trace_of_the_token(hub: Hub, place: Place, built: Path, folder: Path) -> None:
    for more in ((), ("--dry-run",), ()):
        done = place.run("-m", "mmskin_hub", "release", "dataset", str(built), "--repo", REPO, "--private", *more)
        assert done.status == 0, done.text
        clean(TOKEN, done, hub, folder)
    assert hub.tags(REPO)


def test_a_token_in_the_file_of_a_login_is_read_and_stays_there(
    hub: Hub, place: Place, built: Path, folder: Path
) -> None:
    del place.environment["HF_TOKEN"]
    home = folder / "huggingface"
    home.mkdir(exist_ok=True)
    assert place.release("dataset", built, "drawn").status == 1, "without a token there is no release"
    (home / "token").write_text(TOKEN)
    done = place.release("dataset", built, "drawn")
    assert done.status == 0, done.text
    (home / "token").unlink()
    clean(TOKEN, done, hub, folder)


def test_debugging_output_holds_no_token(hub: Hub, place: Place, built: Path, folder: Path) -> None:
    done = place.run("-m", "mmskin_hub", "release", "dataset", str(built), "--repo", REPO, "--private",
                     HF_DEBUG="1", HF_HUB_VERBOSITY="debug", DATASETS_VERBOSITY="debug")  # fmt: skip
    assert done.status == 0, done.text
    clean(TOKEN, done, hub, folder)


STRUCK = ("info", "create", "preupload", "lfs-put", "commit", "tag", "resolve")


SLOWER = [pytest.param(status, marks=pytest.mark.slow) for status in (400, 403, 404, 409, 412, 413, 429, 500)]


@pytest.mark.parametrize("status", [401, *SLOWER])
def test_failures_hold_no_token_even_where_the_hub_repeats_it(
    hub: Hub, shop: Workshop, built: Path, folder: Path, status: int
) -> None:
    echo = {"X-Error-Message": f"Bearer {TOKEN} is not good: '{TOKEN}'", "X-Request-Id": f"id-{TOKEN}"}
    saved = hub.save()
    for route in STRUCK:
        hub.restore(saved)
        hub.fault(status, route=route, headers=echo, times=0)
        done = shop.run("release", "dataset", str(built), "--repo", REPO, "--private")
        assert done.status in (0, 1, 2) and "Traceback" not in done.text, f"{status} {route}\n{done.text}"
        clean(TOKEN, done, hub, folder)


def test_a_false_token_is_not_repeated(hub: Hub, place: Place, built: Path, folder: Path) -> None:
    place.environment["HF_TOKEN"] = PLANTED
    done = place.release("dataset", built, "drawn")
    assert done.status == 1 and "hf auth login" in done.err, done.text
    clean(PLANTED, done, hub, folder)


def in_a_text(folder: Path) -> None:
    """A cell of a column of text."""

    def change(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rows[0]["site"] = f"back, seen with {PLANTED}"
        return rows

    rewritten(next((folder / "data").glob("train-*.parquet")), change)
    recorded(folder)


def in_the_record(folder: Path) -> None:
    """An option of the build, as a configuration would bring it."""
    recorded(folder, lambda record: record["options"].update(note=f"token={PLANTED}"))


def in_a_file(folder: Path) -> None:
    """A file beside the dataset."""
    (folder / "notes.txt").write_text(f"export HF_TOKEN={PLANTED}\n")
    recorded(folder)


def in_a_key(folder: Path) -> None:
    """Not a value of the record, but a name in it."""
    recorded(folder, lambda record: record["options"].update({PLANTED: "true"}))


def in_the_metadata_of_a_table(folder: Path) -> None:
    """What Parquet keeps beside the columns."""
    import pyarrow.parquet as pq

    path = next((folder / "data").glob("train-*.parquet"))
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), b"by": PLANTED.encode()}), path)
    recorded(folder)


def in_a_name(folder: Path) -> None:
    """The name of a file."""
    (folder / f"{PLANTED}.txt").write_text("nothing\n")
    recorded(folder)


PLANTS = [in_a_text, in_the_record, in_a_file, in_a_key, in_the_metadata_of_a_table, in_a_name]


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_token_is_refused_and_not_repeated(
    hub: Hub, shop: Workshop, built: Path, folder: Path, tmp_path: Path, plant: Callable[[Path], None]
) -> None:
    dataset = tmp_path / "dataset"
    shutil.copytree(built, dataset)
    plant(dataset)
    for options in (("--json",), ("--dry-run",)):
        done = shop.run("release", "dataset", str(dataset), "--repo", REPO, *options)
        assert done.status == 1, done.text
        clean(PLANTED, done, hub, folder)
        clean(TOKEN, done, hub, folder)
        if "--json" in options and plant is not in_a_name:
            verdicts = json.loads(done.out)["verdicts"]
            assert "secrets" in [each["check"] for each in verdicts if each["passed"] is False]
    assert hub.store.repo("dataset", REPO) is None, "nothing was written to the Hub"


def test_ones_own_token_in_a_file_is_refused_even_by_force(
    hub: Hub, shop: Workshop, built: Path, folder: Path, tmp_path: Path
) -> None:
    dataset = tmp_path / "dataset"
    shutil.copytree(built, dataset)
    recorded(dataset, lambda record: record["options"].update(note=TOKEN))
    force = ("--force", "--reason", "we are in a hurry")
    done = shop.run("release", "dataset", str(dataset), "--repo", REPO, *force)
    assert done.status != 0, done.text
    clean(TOKEN, done, hub, folder)
    assert hub.store.repo("dataset", REPO) is None


def test_a_token_in_a_reason_is_refused(hub: Hub, shop: Workshop, built: Path, folder: Path) -> None:
    for secret in (PLANTED, TOKEN, "ghp_0123456789abcdefghijklmnopqrstuvwxyz"):
        done = shop.run("release", "dataset", str(built), "--repo", REPO, "--force", "--reason", f"see {secret}")
        assert done.status == 2, done.text
        clean(secret, done, hub, folder)
        assert hub.store.repo("dataset", REPO) is None
