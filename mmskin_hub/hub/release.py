"""``mmskin release``: the only way out of the house. A release goes out complete, checked, versioned and lawful.

::

    folder ──▶ staged ──▶ rights ──▶ (locator) ──▶ known already? ──▶ gate ──▶ card ──▶ push ──▶ verify
               push/      rights.py  locator/      push/              gate.py  cards/   push/    push/

Nothing is written to the Hub before the gate is open, and what a run left undone is found on the Hub by the next one.
All of it holds for a folder that takes the place of the Hub, too (``push/shelf.py``).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mmskin_hub
from mmskin_hub.engine.progress import stage as progress
from mmskin_hub.engine.publish import check_version
from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.hub.push import plan
from mmskin_hub.hub.push.client import Hub, hushed
from mmskin_hub.hub.push.commit import Standing, check_visibility, push, standing, tagged
from mmskin_hub.hub.push.manifest import NAME as MANIFEST
from mmskin_hub.hub.push.manifest import Manifest
from mmskin_hub.hub.push.place import Place, State
from mmskin_hub.hub.push.shelf import Shelf
from mmskin_hub.hub.push.trouble import redacted
from mmskin_hub.hub.push.versions import RESULTS, with_previous, with_version
from mmskin_hub.hub.reading import read_subject, sources_of
from mmskin_hub.hub.subject import RECORDS, Kind, Subject

_REPO = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be released, and where to. ``repo`` is OWNER/NAME; ``version`` X.Y.Z, or "" to have it found.

    Of a model, ``results`` is the folder of a finished ``mmskin eval``, ``data`` what it was trained on
    (OWNER/NAME@TAG, or folders), and ``audit`` the reports of ``mmskin audit``. ``full`` asks for the dataset itself
    where a locator release would be made; ``force`` overrules the gate, for the ``reason`` that the card then shows.
    ``to`` is a folder that takes the place of the Hub (:mod:`mmskin_hub.hub.push.shelf`) and counts as private.
    """

    kind: Kind
    folder: Path
    repo: str
    version: str = ""
    private: bool = False
    dry_run: bool = False
    results: Path | None = None
    data: Sequence[str] = ()
    audit: Sequence[Path] = ()
    i_hold_the_rights: bool = False
    full: bool = False
    force: bool = False
    reason: str = ""
    endpoint: str | None = None
    to: Path | None = None


def release(request: Request, tell: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Release what ``request`` names; the report says under "status" what came of it.

    "released": the version is on the Hub and was downloaded again and compared. "already released": it had been, with
    the same content (and was compared again). "refused": the gate is shut, nothing was pushed. "dry run": nothing was
    pushed. "url" is where it is found: an address or, with ``to``, the folder to load. Raises :class:`WrongUse` where
    the request cannot be met as it is, :class:`MmskinError` where the Hub or a file fails; the same command then goes
    on where it was.
    """
    _check(request)
    hub = place_of(request, tell)
    with hushed(), tempfile.TemporaryDirectory(prefix="mmskin-release-") as work, _at_home(request.folder, work):
        state, notes = _state(hub, request)
        check_visibility(hub, state, request.private)
        private = state.private if state.exists else request.private or request.to is not None
        named = read_subject(request, private)
        subject, rights = _lawful(named, request, Path(work))
        with _bytes("hashing", subject) as update:
            files = plan.hashed(subject, update)
        content = {file.path: file.sha256 for file in files}
        # The gate looks at the same files, and need not read them for their sums again.
        subject = with_version(replace(subject, sums=content), hub, state, content)
        report = {"status": "", **_facts(subject, hub), "rights": rights, "notes": notes}
        report["to"] = str(request.to or "")
        report["left_at_home"] = [path for path in named.files() if plan.stays_at_home(named.kind, path)]
        draft = _manifest(subject, files, rights["statement"])
        known = standing(hub, state, draft) if state.exists else None
        if known is not None and not request.dry_run:
            report["status"] = "already released" if known.tagged else "released"
            return {**report, "form": known.manifest.form, **_out(hub, tagged(hub, known))}
        if known is not None:
            notes.append(f"v{subject.version} is there already with the same content: a release would change nothing.")
        subject = with_previous(subject, hub, state.tags or {})
        return _judged(request, hub, subject, files, report)


def place_of(request: Request, tell: Callable[[str], None] = lambda text: None) -> Place:
    """The repository that ``request`` names, on the Hub or in a folder."""
    if request.to is not None:
        return Shelf(request.repo, request.kind, request.to, tell)
    return Hub(request.repo, request.kind, request.endpoint, tell)


def _judged(
    request: Request, hub: Place, subject: Subject, files: list[plan.File], report: dict[str, Any]
) -> dict[str, Any]:
    """The gate, the card, and what is pushed where it is open."""
    from mmskin_hub.hub.cards import render
    from mmskin_hub.hub.gate import judge

    hub.tell("judging")
    verdicts = judge(subject)
    shut = [verdict for verdict in verdicts if verdict.passed is False]
    reason = " ".join(request.reason.split()) if request.force and shut else ""
    statement = report["rights"]["statement"]
    card = render(subject, verdicts=verdicts, forced_reason=reason or None, rights_statement=statement)
    made = [plan.in_memory(path, data) for path, data in _rendered(subject, card).items()]
    manifest = _manifest(subject, [*files, *made], statement, [file.path for file in made], verdicts, reason)
    whole = sorted([*files, *made, plan.in_memory(MANIFEST, manifest.encoded())], key=lambda file: file.path)
    report = {
        **report,
        "previous_version": subject.previous_version,
        "verdicts": [_verdict(verdict, remedy=True) for verdict in verdicts],
        "forced_reason": reason,
        "files": plan.facts_of(whole),
        "card": card,
    }
    if request.dry_run or (shut and not request.force):
        return {**report, "status": "dry run" if request.dry_run else "refused"}
    return {**report, "status": "released", **_out(hub, push(hub, manifest, whole, subject.private))}


def _out(hub: Place, found: Standing) -> dict[str, Any]:
    """The version stands: it is fetched and compared, and only then counts."""
    from mmskin_hub.hub.push.verify import verify

    hub.tell(f"{found.manifest.tag} is {hub.words.where}; {hub.words.fetching} it to compare")
    return {"commit": found.commit, "url": hub.url_of(found.manifest.tag), "verified": verify(hub, found)}


def _lawful(subject: Subject, request: Request, work: Path) -> tuple[Subject, dict[str, Any]]:
    """The subject in the form in which it may go out, staged in ``work``, and what the report says of the rights."""
    from mmskin_hub.hub import rights
    from mmskin_hub.hub.locator import make_locator

    # The folders bear the name of the user's own, which verdicts and remedies speak of.
    here = work / "staged" / subject.folder.name
    here.mkdir(parents=True)
    staged = plan.stage(subject, here)
    found = rights.class_of(staged)
    form = rights.decide(found, subject.private, request.i_hold_the_rights, request.full)
    if form == "locator":
        staged = make_locator(staged, work / "locator" / subject.folder.name)
    facts = {
        "redistribution": found.redistribution,
        "sources": [each._asdict() for each in found.sources],
        "statement": rights.statement(found, form, subject.private, request.i_hold_the_rights),
    }
    return staged, facts


def _rendered(subject: Subject, card: str) -> dict[str, bytes]:
    """What the release makes of the records, by path: the card, and of a model the results as the Hub reads them."""
    found = {plan.CARD: card.encode()}
    if subject.kind == "model":
        from mmskin_hub.hub.cards import eval_results

        found |= eval_results.write(subject)
    return found


def _manifest(
    subject: Subject,
    files: list[plan.File],
    statement: str,
    rendered: Sequence[str] = (),
    verdicts: Sequence[Any] = (),
    reason: str = "",
) -> Manifest:
    by_path = {file.path: file.sha256 for file in files}
    made_from = {name: by_path[name] for name in (RECORDS[subject.kind], RESULTS) if name in by_path}
    return Manifest(
        kind=subject.kind,
        name=subject.name,
        version=subject.version,
        form=subject.form,
        tool=f"mmskin-hub {mmskin_hub.__version__}",
        files=plan.facts_of(files),
        rendered=tuple(rendered),
        verdicts=[_verdict(verdict) for verdict in verdicts],
        forced_reason=reason,
        rights=statement,
        made_from=made_from | ({"data": sources_of(subject.data)} if subject.data else {}),
    )


def _verdict(verdict: Any, remedy: bool = False) -> dict[str, Any]:
    found = {key: getattr(verdict, key) for key in ("check", "passed", "found", "wanted")}
    return found | ({"remedy": verdict.remedy} if remedy else {})


def _facts(subject: Subject, hub: Place) -> dict[str, Any]:
    """What the report says before anything is done."""
    return {
        "kind": subject.kind,
        "name": subject.name,
        "version": subject.version,
        "tag": f"v{subject.version}",
        "repo": subject.repo,
        "url": hub.url_of(f"v{subject.version}"),
        "private": subject.private,
        "form": subject.form,
    }


def _check(request: Request) -> None:
    if not _REPO.fullmatch(request.repo):
        raise WrongUse(f"--repo {request.repo!r} is no name of a repository.", "Say --repo OWNER/NAME")
    if request.version:
        check_version(request.version)
    if request.force and not request.reason.strip():
        raise WrongUse("--force needs a reason, which the card will show.", 'Add --reason "..."')
    if request.reason and not request.force:
        raise WrongUse("--reason is for --force only.", "Add --force, or leave the reason out.")
    if request.to is not None and request.to.resolve().is_relative_to(request.folder.resolve()):
        raise WrongUse(f"--to {request.to} lies in what is released.", "Name a folder outside of it.")
    if redacted(request.reason) != request.reason:
        raise WrongUse("--reason holds a token.", "Word it without; the reason is published.")


def _state(hub: Place, request: Request) -> tuple[State, list[str]]:
    """What the repository is now. A dry run goes on without the Hub, and says so."""
    try:
        return hub.state(), []
    except MmskinError as error:
        if not request.dry_run or request.to is not None or isinstance(error, WrongUse):
            raise
        return State(False, tags={}), [f"The Hub was not asked: {error.what}"]


@contextmanager
def _at_home(folder: Path, work: str) -> Iterator[None]:
    """What is said of the staged folder is meant of the user's own, so that name stands in the error."""
    staged = re.compile(rf"{re.escape(work)}/\w+/{re.escape(folder.name)}")
    try:
        yield
    except MmskinError as error:
        told = (staged.sub(lambda _: str(folder), text) for text in (error.what, error.remedy))
        error.what, error.remedy = (redacted(text) for text in told)
        raise


@contextmanager
def _bytes(title: str, subject: Subject) -> Iterator[Callable[[int], None]]:
    total = sum(path.stat().st_size for path in subject.files().values())
    with progress(title, -(-total // 1_000_000), "MB") as update:
        yield lambda done: update(done // 1_000_000)
