"""``mm.release`` and ``mm.rematerialize``: out of the house complete and lawful, and back again byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from mmskin_hub.api.arguments import (
    Place,
    Places,
    available_cores,
    check_choice,
    check_whole,
    named,
    path_of,
    path_or_none,
    several,
    teller,
    text_of,
)
from mmskin_hub.errors import MissingExtra, WrongUse

if TYPE_CHECKING:
    from mmskin_hub.api.records import ReleaseReport, RematerializeReport

Kind = Literal["dataset", "model"]


def release(
    folder: Place,
    *,
    repo: str,
    kind: Kind | None = None,
    to: Place | None = None,
    version: str = "",
    private: bool = False,
    dry_run: bool = False,
    i_hold_the_rights: bool = False,
    full: bool = False,
    results: Place | None = None,
    data: Sequence[Place] | Place = (),
    audit: Sequence[Place] | Place = (),
    force: bool = False,
    reason: str = "",
) -> ReleaseReport:
    """Check, write the card, and put a dataset or a model on the Hub, as ``mmskin release`` does, or into a folder.

    A release is one commit with its tag, which is read back and compared. The same call finishes what was interrupted;
    a version that is there already changes nothing, or is refused where its content differs.

    Examples::

        mm.release("data/ham10000", repo="me/ham10000", dry_run=True)["verdicts"]
        mm.release("data/mm-skin", repo="me/mm-skin", to="shelf")
        mm.release("merged/pubmm", repo="me/SkinVL-PubMM", results="runs/a", audit="audit/report.json",
                   data="me/sft-pubmm@v1.0.0")

    Args:
        folder: What ``mm.build``, ``mm.train`` or ``mm.merge`` wrote.
        repo: ``owner/name``; the repository is made where there is none.
        kind: dataset or model; by default what the record in ``folder`` says (build.json or run.json).
        to: A folder to release into instead of the Hub, without a network, laid out as the Hub's cache.
        version: X.Y.Z; by default of a dataset that of its build, of a model the next minor one.
        private: Make the repository a private one.
        dry_run: Look at files, verdicts and the card in the report; nothing is pushed.
        i_hold_the_rights: *Of a dataset:* the user may pass on what is in it (the card records it); needs ``private``
            or ``to``.
        full: Fail rather than release a locator, which has no picture and no sentence.
        results: *Of a model:* folder of the evaluation of these weights.
        data: What it was trained on, released before: ``owner/name@vX.Y.Z``.
        audit: ``report.json`` of the audits of its training data.
        force: Release although the gate is shut, for the ``reason`` that the card then shows.
        reason: Why.

    Returns:
        The report. Its ``status`` is "released"; "already released", with the same content; "refused", the gate is
        shut and ``verdicts`` say what to do; or "dry run".

    Raises:
        WrongUse: The request cannot be met as it is, or the version exists with other content.
        MissingExtra: A package is missing.
        MmskinError: The Hub or a file fails; the same call goes on.
    """
    place = path_of(folder)
    found = _kind_of(place, kind)
    _check_kind(found, {"results": results, "data": data, "audit": audit}, {
        "i_hold_the_rights": i_hold_the_rights, "full": full})  # fmt: skip
    try:
        from mmskin_hub.hub.push.trouble import redacted_in
        from mmskin_hub.hub.release import Request
        from mmskin_hub.hub.release import release as run

        request = Request(
            kind=found,
            folder=place,
            repo=repo,
            version=version,
            private=private,
            dry_run=dry_run,
            results=path_or_none(results),
            data=several(data),
            audit=tuple(path_of(each) for each in several(audit)),
            i_hold_the_rights=i_hold_the_rights,
            full=full,
            force=force,
            reason=reason or "",
            to=path_or_none(to),
        )
        # What the gate refuses for a token in it must not be shown either: names of files, the card.
        report = redacted_in(run(request, teller()))
    except ImportError as error:
        extra = "eval" if found == "model" else "build"
        raise MissingExtra("mmskin release", extra, error.name or str(error)) from error
    if left := report["left_at_home"]:
        folders = ", ".join(dict.fromkeys(f"{path.partition('/')[0]}{'/' * ('/' in path)}" for path in left))
        report["notes"].append(f"{len(left)} files that training left are not part of the release: {folders}")
    return cast("ReleaseReport", report)


def _kind_of(folder: Path, kind: Kind | None) -> Kind:
    """What ``folder`` holds, by its record."""
    if kind is not None:
        check_choice("kind", kind, Kind)
        return kind
    records: tuple[tuple[Kind, str], ...] = (("dataset", "build.json"), ("model", "run.json"))
    there = [name for name, record in records if (folder / record).is_file()]
    if len(there) != 1:
        what = "both build.json and run.json" if there else "neither build.json nor run.json"
        name = "Name a folder that was built, trained or merged."
        raise WrongUse(f"{folder} holds {what}.", 'Say kind="dataset" or kind="model".' if there else name)
    return there[0]


def _check_kind(kind: Kind, of_models: dict[str, Any], of_datasets: dict[str, Any]) -> None:
    others = of_datasets if kind == "model" else of_models
    given = [name for name, value in others.items() if value]
    if given:
        fitting = of_models if kind == "model" else of_datasets
        raise WrongUse(f"The release of a {kind} takes no {', no '.join(given)}.", f"It takes: {', '.join(fitting)}")


def rematerialize(
    locator: Place,
    *,
    out: Place,
    books: Sequence[Place] | Place = (),
    raw: Place | None = None,
    data: Places = (),
    against: Places = (),
    mixture: Place | None = None,
    cache: Place | None = None,
    vqa_model: str = "",
    workers: int | None = None,
    work: Place | None = None,
    overwrite: bool = False,
) -> RematerializeReport:
    """Make the dataset of a locator again from what one owns, byte for byte, as ``mmskin rematerialize`` does.

    Example::

        report = mm.rematerialize("me/mm-skin@v1.0.0", books="~/books", out="data/mm-skin")
        report["identical"], [one["text"] for one in report["differences"]]

    Args:
        locator: ``owner/name@vX.Y.Z`` on the Hub, or a folder.
        out: Folder to write the dataset into.
        books: PDF files, folders that hold some, or glob patterns; names do not matter, more do no harm.
        raw: Of a public dataset: the folder of its download.
        data: Of a mixture: its parts.
        against: Of a mixture: the other datasets it was compared with.
        mixture: Of a mixture: its YAML with weights and caps.
        cache: Folder of the answers of the model that wrote questions.
        vqa_model: That model's whole name, where the locator withholds it.
        workers: Processes to work with; all cores by default.
        work: Folder for intermediate results of books, kept; by default removed at the end.
        overwrite: Replace whatever ``out`` holds.

    Returns:
        The report; where something differs ``identical`` is false, and what could be made lies in ``out`` with
        ``.differs`` added.

    Raises:
        WrongUse: ``locator`` is none, or what it is made from was not named.
        OutputExists: ``out`` holds something else.
        MmskinError: What :func:`build` raises.
    """
    check_whole("workers", workers)
    from mmskin_hub.hub.locator.rematerialize import rematerialize as run
    from mmskin_hub.hub.locator.request import Request

    request = Request(
        place=text_of(locator),
        out=path_of(out),
        books=several(books),
        raw=path_or_none(raw),
        data=named(data),
        against=named(against),
        mixture=path_or_none(mixture),
        cache=path_or_none(cache),
        vqa_model=vqa_model,
        workers=workers or available_cores(),
        work=path_or_none(work),
        overwrite=overwrite,
    )
    return cast("RematerializeReport", run(request, teller()))
