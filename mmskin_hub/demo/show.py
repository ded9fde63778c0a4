"""How far the demo is: on a terminal a list of the steps that moves, elsewhere a line when a step begins and ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from mmskin_hub.demo.line import Step, steps
from mmskin_hub.terminal import console, live, show, table


class Lines:
    """For pipes, files and dumb terminals, on standard error."""

    def __init__(self, many: int) -> None:
        self.many = many

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def begin(self, number: int, step: Step) -> None:
        """Say which command runs."""
        print(f"[{number + 1}/{self.many}] {step.title}\n    $ {step.command}", file=sys.stderr, flush=True)

    def says(self, text: str) -> None:
        """Nothing: it is in the log."""

    def end(self, number: int, step: Step, done: Mapping[str, Any], before: bool) -> None:
        """Say what came of it."""
        when = "done before" if before else f"{done['seconds']:.0f} s"
        print(f"    {done['found']} ({when})", file=sys.stderr, flush=True)


class Moving:
    """For terminals: what is done, the command under way with the seconds it has taken, and what it says."""

    def __init__(self, many: int) -> None:
        from rich.live import Live

        self.many, self.text, self.began = many, "", 0.0
        self.now: tuple[int, Step] | None = None
        self.out = console(stderr=True)
        self.live = Live(console=self.out, get_renderable=self._drawn, refresh_per_second=5, transient=True)

    def __enter__(self) -> Moving:
        self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.live.stop()

    def begin(self, number: int, step: Step) -> None:
        """Show the command."""
        self.now, self.text, self.began = (number, step), "", time.monotonic()

    def says(self, text: str) -> None:
        """Show what it says below it."""
        self.text = text

    def end(self, number: int, step: Step, done: Mapping[str, Any], before: bool) -> None:
        """Leave a line of what is done above."""
        from rich.text import Text

        self.now = None
        when = "before" if before else f"{done['seconds']:.0f} s"
        head = Text.assemble(("✓ ", "green"), (f"{step.title} ", "bold"), (f"{when}  ", "dim"), done["found"])
        self.out.print(head, soft_wrap=True)

    def _drawn(self) -> Any:
        from rich.console import Group
        from rich.spinner import Spinner
        from rich.text import Text

        if self.now is None:
            return Text("")
        number, step = self.now
        seconds = time.monotonic() - self.began
        head = Text.assemble(
            (f"{number + 1}/{self.many} ", "dim"), (step.title, "bold"), f"  {seconds:.0f} s", overflow="ellipsis"
        )
        lines = [f"  $ {step.command}", f"  {self.text}"]
        below = [Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in lines]
        return Group(Spinner("dots", head), *below)


def watcher(many: int) -> Lines | Moving:
    """What suits standard error."""
    return Moving(many) if live() else Lines(many)


def show_table(record: Mapping[str, Any]) -> None:
    """The table of what happened, and the paths to look at, on standard output."""
    out = Path(record["out"])
    rows = table("step", "what happened", "seconds", right=("seconds",), title="mmskin demo")
    look = table("look at", "what it is")
    for step in steps(int(record["seed"])):
        done = record["steps"][step.name]
        rows.add_row(step.title, done["found"], f"{done['seconds']:.0f}")
        for pattern, what in step.look.items():
            for path in sorted(out.glob(pattern)):
                look.add_row(_near(path), what)
    total = sum(done["seconds"] for done in record["steps"].values())
    rows.add_section()
    rows.add_row("all", "", f"{total:.0f}")
    show(
        rows,
        look,
        *(f"{name}: sha256 {digest}" for name, digest in record["hashes"].items()),
        f"the commands, to be run by hand: {_near(out / 'commands.sh')}",
        f"all of it is in {_near(out)}, and goes with it when you delete that folder",
    )


def _near(path: Path) -> str:
    """``path`` from where the user is, where that is shorter."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
