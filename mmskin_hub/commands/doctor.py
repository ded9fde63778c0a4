"""``mmskin doctor``: what is installed here, what is missing and for what, and what is broken."""

from __future__ import annotations

import argparse
from typing import Any

from mmskin_hub.commands.common import facts, print_json

EXIT_BROKEN = 1
"""The exit status where something that is installed does not work."""


def add(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "doctor",
        help="say what is installed, what is missing, and what is broken",
        description="Say what is installed of each extra, what is missing and for which commands, which engine reads "
        "scans, what this machine has (GPU, cores, memory, disk), and whether the Hub knows you. Nothing is sent "
        "anywhere, and no token is shown.",
        example="mmskin doctor",
        exits={0: "what is installed works", EXIT_BROKEN: "something is broken; each says its remedy"},
    )
    parser.add_argument(
        "--json", action="store_true", help="print the findings as JSON, and nothing else, on standard output"
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from mmskin_hub.doctor import examine

    found = examine()
    if args.json:
        print_json(found)
    else:
        _print(found)
    return EXIT_BROKEN if found["problems"] else 0


def _print(found: dict[str, Any]) -> None:
    mmskin, python = found["mmskin"], found["python"]
    used = ", used in place" if mmskin["editable"] else ""
    print(facts([
        ("mmskin", f"{mmskin['version']} in {mmskin['place']}{used}"),
        ("Python", f"{python['version']} in {python['place']}; {python['platform']}"),
        ("packages", _named(found["core"].get("installed", {}))),
    ], 0))  # fmt: skip
    print("\nextras")
    print(facts(line for name, extra in found["extras"].items() for line in _extra(name, extra)))
    print("\nthis machine")
    print(facts([
        ("scans", _ocr(found["ocr"])),
        ("GPU", _gpu(found["gpu"])),
        ("cores", _cores(found["machine"])),
        ("memory", f"{_size(found['machine']['memory'])}, {_size(found['machine']['memory_available'])} of it free"),
        *(("disk", f"{_size(place['free'])} free in {place['what']}: {place['path']}") for place in found["disk"]),
        ("Hub", _hub(found["hub"])),
    ]))  # fmt: skip
    for title, entries in (("notes", found["notes"]), ("problems", found["problems"])):
        if entries:
            print(f"\n{title}")
            for entry in entries:
                print(f"  {entry['what']}" + f"\n    {entry['remedy']}" * bool(entry["remedy"]))
    if not found["problems"]:
        print("\nWhat is installed works.")


def _named(packages: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in packages.items())


def _extra(name: str, extra: dict[str, Any]) -> list[tuple[str, str]]:
    """What there is to say of an extra: its state and what it is for, its packages, what mends it."""
    here, lacks = extra["installed"], [*extra["missing"], *extra["wrong_version"]]
    some = f"{len(lacks)} of {len(here) + len(extra['missing'])} packages missing"
    state = "installed" if extra["complete"] else some if here else "not installed"
    lines = [(name, f"{state}; for {extra['for']}" if extra["for"] else state)]
    lines += [(name, _named(here))] if here else []
    lines += [(name, f"missing: {', '.join(lacks)}; {extra['pip']}")] if lacks else []
    return lines


def _ocr(ocr: dict[str, Any]) -> str:
    rapid, doctr = ocr["rapidocr"], ocr["doctr"]
    told = [f"--ocr auto takes {ocr['auto']}" if ocr["auto"] else "no engine is installed"]
    for name, engine in (("RapidOCR", rapid), ("docTR", doctr)):
        if engine["version"] is None:
            told.append(f"{name} is not installed")
        else:
            told.append(f"{name} {engine['version']}, its weights are {'missing' if engine['missing'] else 'here'}")
    return "; ".join(told)


def _gpu(gpu: dict[str, Any]) -> str:
    torch = f"PyTorch {gpu['torch']}, built for {gpu['build']}" if gpu["torch"] else "PyTorch is not installed"
    if gpu["devices"]:
        names = ", ".join(f"{each['name']} ({_size(each['memory'])})" for each in gpu["devices"])
        return f"{names}, by {gpu['backend']}; {torch}"
    seen = f"; the driver has {', '.join(each['name'] for each in gpu['driver'])}" if gpu["driver"] else ""
    return f"none: {gpu['why']}{seen}" + (f"; {torch}" if gpu["torch"] else "")


def _cores(machine: dict[str, Any]) -> str:
    quota = machine["cpu_quota"]
    return f"{machine['cores']} for this process" + (f", time of {quota:g}" if quota else "")


def _hub(hub: dict[str, Any]) -> str:
    login = f"logged in ({hub['login_by']})" if hub["login"] else "not logged in (hf auth login)"
    return f"{login}; {hub['endpoint']}{'; offline mode' if hub['offline'] else ''}"


def _size(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 1e9:.1f} GB"
