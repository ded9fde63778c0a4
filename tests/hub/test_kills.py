"""kill -9 at random moments of a release, with a reader looking all the while; then the same command again."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.hub.campaign import NEW, OLD, Campaign, campaign
from tests.hub.releases import Running, killer

KILLS = 25
SEED = 20261122


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    """Both versions, built once; what they give undisturbed."""
    with campaign(tmp_path_factory.mktemp("campaign"), tmp_path_factory.mktemp("hub")) as made:
        yield made


def killed_at(field: Campaign, version: str, request: int, pause: float) -> bool:
    """Kill the release of ``version`` ``pause`` seconds after it sends ``request``; whether it was alive then."""
    field.before(version)
    told = f"{version}, killed {pause * 1000:.0f} ms after request {request}"
    running: list[Running] = []
    field.hub.fault(at=request, act=lambda: killer(running, pause))
    reader = field.reader()
    reader.start()
    running.append(field.start(version))
    done = running[0].wait()
    assert done.status in (0, -9), f"{told}: {done.status}\n{done.text}"
    field.check_history(told)
    field.check_repeat(version, told)
    assert reader.stop() == [], told
    allowed = ["no repository", "new", OLD] if version == OLD else [OLD, NEW]
    assert [state for state in allowed if state in reader.seen] == reader.seen, f"{told}: {reader.seen}"
    return done.status == -9


@pytest.mark.slow
@pytest.mark.parametrize("version", [OLD, NEW])
def test_kills_at_random_moments(field: Campaign, version: str) -> None:
    dice = random.Random(f"{SEED} {version}")
    moments = [(dice.randint(1, len(field.asked[version])), dice.random() * 0.03) for _ in range(KILLS)]
    deaths = sum(killed_at(field, version, *moment) for moment in moments)
    assert deaths >= KILLS * 0.8, f"only {deaths} of {KILLS} were alive when they were to be killed"


@pytest.mark.parametrize("route", ["lfs-put", "commit", "tag"])
def test_killed_while_a_request_is_under_way(field: Campaign, route: str) -> None:
    number = next(number for number, request in enumerate(field.asked[NEW], 1) if request.route == route)
    assert killed_at(field, NEW, number, 0)


@pytest.mark.slow
def test_killed_again_and_again(field: Campaign) -> None:
    field.before(NEW)
    reader = field.reader()
    reader.start()
    for request in range(3, len(field.asked[NEW]), 5):
        running: list[Running] = []
        field.hub.clear()
        field.hub.fault(at=request, act=lambda alive=running: killer(alive, 0))  # type: ignore[misc]
        running.append(field.start(NEW))
        running[0].wait()
        field.check_history(f"killed at request {request}")
    field.check_repeat(NEW, "killed again and again")
    assert reader.stop() == []


def test_what_arrived_before_the_kill_is_not_sent_again(field: Campaign) -> None:
    field.before(OLD)
    running: list[Running] = []
    field.hub.fault(route="lfs-verify", at=2, act=lambda: killer(running, 0))
    running.append(field.start(OLD))
    assert running[0].wait().status == -9
    field.check_repeat(OLD, "killed while uploading")
    puts = [request for request in field.hub.requests if request.route == "lfs-put"]
    sent = [request.path.split("?")[0] for request in puts if request.status == 200]
    assert len(sent) == len(set(sent)), "a file that had arrived was sent again"
