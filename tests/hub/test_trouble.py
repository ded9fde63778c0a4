"""What is told of a failure: its kind, how long to wait, and never a token."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.hub.push import client
from mmskin_hub.hub.push.client import Hub as Client
from mmskin_hub.hub.push.manifest import Manifest, decoded
from mmskin_hub.hub.push.trouble import NotThere, redacted, redacted_in, wait_of
from tests.hub.server import Hub

TOKEN = "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"


def answered(**headers: str) -> Any:
    """An error that carries an answer with these headers."""
    error = RuntimeError("no")
    error.response = SimpleNamespace(status_code=429, headers=headers)  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0.0),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.0),
        ({"ratelimit": '"api";r=0;t=55', "retry-after": "3"}, 55.0),
        ({"ratelimit": '"api";r=489;t=189'}, 0.0),
    ],
)
def test_how_long_the_hub_asks_to_wait(headers: dict[str, str], seconds: float) -> None:
    assert wait_of(answered(**headers)) == seconds


def test_whatever_looks_like_a_token_is_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "an-odd-one-of-a-test")
    told = redacted(f"an-odd-one-of-a-test, {TOKEN}, Bearer abc, ghp_{'a1' * 18}")
    assert told == "<token>, <token>, Bearer <token>, <token>"
    assert redacted_in({TOKEN: [1, None, (TOKEN, True)]}) == {"<token>": [1, None, ["<token>", True]]}


def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited, though nobody waits."""
    waited: list[float] = []
    monkeypatch.setattr(client.time, "sleep", waited.append)
    return waited


def test_patience_has_a_bound(hub: Hub, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waited = pauses(monkeypatch)
    hub.fault(503, route="info", times=0)
    with pytest.raises(MmskinError, match="503"):
        Client("me/x", "dataset", hub.url).state()
    assert tuple(waited) == client.WAITS


def test_the_hub_is_given_the_time_it_asks_for_and_no_more(
    hub: Hub, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = pauses(monkeypatch)
    ours = Client("me/x", "dataset", hub.url)
    ours.create(True)
    hub.fault(429, route="info", headers={"Retry-After": "20"})
    assert ours.state().exists
    assert waited == [20.0]
    hub.fault(429, route="info", headers={"Retry-After": "3000"})
    with pytest.raises(MmskinError, match="429"):
        ours.state()
    assert waited == [20.0]


def test_what_is_not_there_is_named(hub: Hub, token: str, tmp_path: Path) -> None:
    ours = Client("me/x", "dataset", hub.url)
    assert not ours.state().exists
    ours.create(True)
    head = ours.state().head
    assert ours.read("nothing.json", head) is None
    with pytest.raises(NotThere, match="no such revision"):
        ours.commit_of("v1.0.0")
    with pytest.raises(NotThere, match="no such repository"):
        Client("me/y", "dataset", hub.url).commit_of("main")
    with pytest.raises(WrongUse, match="no name of a repository"):
        Client("me/x y", "dataset", hub.url).state()


def test_a_manifest_comes_back_as_it_was() -> None:
    files = {"b": {"sha256": "1", "size": 2}, "a": {"sha256": "3", "size": 4}}
    verdict = {"check": "files", "passed": None, "found": "x", "wanted": "y"}
    made = Manifest("model", "m", "1.0.0", "full", "t", files, ("a",), (verdict,), "why", "rights", {"data": []})
    again = decoded(made.encoded())
    assert again is not None and again.encoded() == made.encoded()
    assert (again.content(), again.tag, again.forced_reason) == ({"b": "1"}, "v1.0.0", "why")
    for data in (None, b"", b"[]", b"{}", b'{"release": 2}', made.encoded().replace(b'"size": 2', b'"size": "x"')):
        assert decoded(data) is None
