"""An endpoint writer with a face: a bar on a terminal, a line every few seconds elsewhere, with tokens and cost."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mmskin_hub.engine.progress import LINE_SECONDS
from mmskin_hub.terminal import console, live

if TYPE_CHECKING:
    from mmskin_hub.derive.vqa.endpoint import EndpointSettings, EndpointWriter, Progress


@contextmanager
def endpoint_writer(settings: EndpointSettings, cache: Path) -> Iterator[EndpointWriter]:
    """The writer of ``settings``, which shows how far it is for as long as the context lasts."""
    from mmskin_hub.derive.vqa.endpoint import EndpointWriter

    if not live():
        yield EndpointWriter(settings, cache, progress=_Lines())
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("Asking"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("captions"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Bar(*columns, console=console(stderr=True)) as bar:
        task = bar.add_task("", total=None)

        def update(now: Progress) -> None:
            bar.update(task, completed=now.done, total=now.total, description=_spent(now))

        say = bar.console.print
        yield EndpointWriter(settings, cache, progress=update, say=say)


def _spent(now: Progress) -> str:
    parts = [f"{now.tokens_in:,} tokens in, {now.tokens_out:,} out"]
    parts += [f"cost {now.cost:.2f}"] if now.cost else []
    parts += [f"{now.cached:,} from the cache"] if now.cached else []
    parts += [f"{now.retries:,} retries"] if now.retries else []
    parts += [f"{now.failed:,} failed"] if now.failed else []
    return ", ".join(parts)


class _Lines:
    """A line every :data:`LINE_SECONDS`, and one at the end."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, now: Progress) -> None:
        moment = time.monotonic()
        if now.done < now.total and moment - self._said < LINE_SECONDS:
            return
        self._said = moment
        print(f"Asking: {now.done:,} of {now.total:,} captions; {_spent(now)}", file=sys.stderr, flush=True)
