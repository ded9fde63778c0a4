"""How the tests look at a page: offline, from its file, with every request and every complaint noted."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Nothing is resolved and nothing fetched behind the page's back.
QUIET = (
    "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--disable-quic", "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium, headless; the test is skipped where there is none, or no Playwright."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no browser here: none of {', '.join(NAMES)} is on PATH (Debian: apt-get install chromium)")
    pytest.importorskip("playwright", reason="Playwright drives the browser: pip install playwright")
    from playwright.sync_api import sync_playwright

    root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, headless=True, args=[*QUIET, *root])
        yield browser
        browser.close()


@dataclass
class Looker:
    """Opens files in contexts of their own and remembers what they asked for and what the browser said of them."""

    browser: Browser
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def open(self, file: Path, fragment: str = "", *, width: int = 1280, height: int = 900, **context: Any) -> Page:
        """The page of ``file``; ``context`` is what Playwright's ``new_context`` takes, such as ``color_scheme``."""
        inside = self.browser.new_context(viewport={"width": width, "height": height}, offline=True, **context)
        page = inside.new_page()
        page.set_default_timeout(15_000)
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("websocket", lambda socket: self.asked.append(socket.url))
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", lambda dialog: (self.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(file.as_uri() + (f"#{fragment}" if fragment else ""))
        return page

    def close(self) -> None:
        """Close the pages; fails where one of them asked for more than its file, or the browser complained."""
        for context in self.browser.contexts:
            context.close()
        outside = [url for url in self.asked if not url.startswith(("file:", "data:"))]
        assert not outside, f"asked for {outside}"
        assert sum(not url.startswith("data:") for url in self.asked) >= 1
        assert not self.said, "\n".join(self.said)


def broken_pictures(page: Page, scope: str = "body") -> list[str]:
    """The alternatives of the pictures within ``scope`` that have no pixels, each looked at where it stands."""
    found: list[str] = page.eval_on_selector_all(
        f"{scope} img",
        """async (pictures) => {
            const broken = [];
            for (const picture of pictures) {
                picture.scrollIntoView();
                // This waits for a lazy picture, and fails for one that cannot be shown.
                await picture.decode().catch(() => 0);
                if (!picture.naturalWidth) broken.push(picture.alt);
            }
            return broken;
        }""",
    )
    return found


def eventually(page: Page, expression: str, seconds: float = 15.0) -> None:
    """Wait until the page says yes. Playwright's own waiting evaluates strings, which the pages' policies refuse."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never came true: {expression}"
        page.wait_for_timeout(30)


def focused(page: Page) -> str:
    """What has the focus, in a few words: tag, id, class and the beginning of its text."""
    found: str = page.evaluate(
        "(({tagName, id, className, textContent}) => [tagName, id, className, textContent.trim().slice(0, 40)]"
        ".join(' '))(document.activeElement)"
    )
    return found


def column(page: Page, table: str, place: int) -> list[str]:
    """The cells of one column of a table, as they stand; rows that are hidden are left out."""
    found: list[str] = page.eval_on_selector_all(
        f"{table} > tbody > tr:not([hidden])", "(rows, n) => rows.map((row) => row.cells[n].innerText.trim())", place
    )
    return found
