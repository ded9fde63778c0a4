"""What can go wrong between us and an endpoint, sorted by what to do about it; and no key in any of its words."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from mmskin_hub.errors import MmskinError

RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Statuses that may be gone the next time: a timeout, a conflict, too many requests, a server that is in trouble."""
UNSUITED = frozenset({400, 415, 422, 501})
"""Statuses of a server that does not take a request as it stands; the response format may be why."""
QUOTED = 300
"""Characters of a server's message that are shown."""
SHARED = 8
"""So many characters of the key in a row are taken out of a message: a server may quote a part of it."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a user calls the settings of an endpoint; ``key`` is the environment variable that holds its key."""

    url: str
    model: str
    key: str


class EndpointFailed(MmskinError):
    """The endpoint ends the run: nothing more can be asked. What was answered is kept."""


class Fault(Exception):
    """One request that brought no answer.

    ``retry``: it may the next time, after ``wait`` seconds where the server said so. ``unsuited``: the server does not
    take the request as it stands. ``connected`` is false where no server was reached, ``page`` true where it answered
    with a web page. ``status`` is that of HTTP, 0 where there was none.
    """

    def __init__(
        self,
        text: str,
        *,
        retry: bool = True,
        wait: float | None = None,
        unsuited: bool = False,
        connected: bool = True,
        page: bool = False,
        status: int = 0,
    ) -> None:
        super().__init__(text)
        self.text, self.retry, self.wait, self.unsuited = text, retry, wait, unsuited
        self.connected, self.page, self.status = connected, page, status


class Secret:
    """A key that prints as stars. ``value`` is the key, "" where there is none."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> Any:
        raise TypeError("a key is not written anywhere")

    def hide(self, text: str) -> str:
        """``text`` in one line, without the key or any longer part of it."""
        text = re.sub(r"(?i)\b(bearer|basic)\s+[^\s\"']+", r"\1 ***", " ".join(text.split()))
        length = min(SHARED, len(self.value))
        if length < 4:
            return text
        parts = {self.value[at : at + length] for at in range(len(self.value) - length + 1)}
        hidden = {at + i for at in range(len(text)) if text[at : at + length] in parts for i in range(length)}
        return re.sub("\0+", "***", "".join("\0" if at in hidden else sign for at, sign in enumerate(text)))

    @contextmanager
    def kept_from_logs(self) -> Iterator[None]:
        """Take the key out of every log record made while this holds: httpx logs the headers that servers send."""
        make = logging.getLogRecordFactory()

        def cleaned(*args: Any, **options: Any) -> logging.LogRecord:
            record = make(*args, **options)
            with suppress(Exception):  # a record that cannot be formatted is for its handler to complain about
                text = record.getMessage()
                if self.value and self.value in text:
                    record.msg, record.args = self.hide(text), None
            return record

        logging.setLogRecordFactory(cleaned)
        try:
            yield
        finally:
            logging.setLogRecordFactory(make)

    def out_of(self, content: str) -> str:
        """``content``, an answer of the model's, without the key; parts of it could be words of the answer."""
        return content.replace(self.value, "***") if len(self.value) >= SHARED else content


def failed_response(error: BaseException | None) -> Any | None:
    """The HTTP response that ``error`` or what it was raised from is about; ``None`` where there was none."""
    while error is not None:
        response = getattr(error, "response", None)
        if getattr(response, "status_code", None) is not None:
            return response
        error = error.__cause__ or error.__context__
    return None


def of_status(response: Any, url: str, secret: Secret, options: Options) -> Exception:
    """What an HTTP error says about this request (a :class:`Fault`) or about all (:class:`EndpointFailed`)."""
    status, said = response.status_code, _said(response)
    if status == 401:
        return refused_key(url, bool(secret.value), options)
    if status == 402 or (status == 429 and "insufficient_quota" in said):
        return EndpointFailed(
            f"The quota of the endpoint {url} is used up.",
            "Add credit or wait until it is renewed, then run the same command again: it goes on where it stopped.",
        )
    shown = secret.hide(said)[:QUOTED].rstrip(" .")
    text = f"The server answered {status}{': ' + shown if shown else ''}."
    if status in RETRIED:
        return Fault(text, wait=retry_after(response.headers), status=status)
    return Fault(text, retry=False, unsuited=status in UNSUITED, status=status)


def refused_key(url: str, given: bool, options: Options) -> EndpointFailed:
    """The error for a server that does not take the key, or wants one and was ``given`` none."""
    return EndpointFailed(
        f"The endpoint {url} {'refuses the key' if given else 'wants a key, and none is set'}.",
        f"Put a key that it takes into the environment variable {options.key}, or name another with {options.url}.",
    )


def unwilling_model(response: Any) -> bool:
    """Whether ``response`` says that the model is not there; providers say so with several statuses."""
    error = _error(response)
    return isinstance(error, dict) and error.get("code") in ("model_not_found", "model_not_supported")


def retry_after(headers: Any) -> float | None:
    """The seconds that the header Retry-After asks to wait, given in seconds or as a date; ``None`` without.

    A date is measured against the server's own clock where it tells it. RFC 9110, section 10.2.3.
    """
    value = str(headers.get("retry-after") or "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    until, now = _moment(value), _moment(str(headers.get("date") or ""))
    if until is None:
        return None
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())


def _moment(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _error(response: Any) -> Any:
    try:
        body = response.json()
    except Exception:
        return None
    return body.get("error") or body.get("detail") or body.get("message") if isinstance(body, dict) else body


def _said(response: Any) -> str:
    """The message in an error's body, with its code and type; the body itself where it is text, nothing if HTML."""
    error = _error(response)
    if isinstance(error, dict):
        parts = (error.get(name) for name in ("message", "type", "code"))
        return " ".join(str(part) for part in parts if part)
    if error is not None:
        return str(error)
    return "" if "html" in str(response.headers.get("content-type")).lower() else str(response.text)
