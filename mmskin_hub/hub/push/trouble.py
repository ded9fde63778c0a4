"""What went wrong between us and the Hub, in words a person can act on, and never with a token in them.

1.x of huggingface_hub stands on httpx, 2.x on httpx2: errors of the connection are known by the name of their module.
Uploads wrap the answer of the Hub in a ``RuntimeError``, downloads in a ``LocalEntryNotFoundError``: the chain of
causes is looked through. A server can repeat the token in what it says, so every text is :func:`redacted`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mmskin_hub.errors import MmskinError, WrongUse, describe

_AGAIN = (408, 429, 500, 502, 503, 504)
_SENT = re.compile(r"(?<=Bearer )[^\s'\",;]+")
_HIDDEN = "<token>"

_REPEAT = "Run the same command again: what is uploaded need not be sent twice, and nothing half done can be seen."
_LOGIN = "Log in with a token that may write there: hf auth login (or set HF_TOKEN), and run the same command again."
_RIGHT = "Name a repository of yours, or log in with a token that may write there: hf auth login"


class NotThere(MmskinError):
    """The repository, the revision or the file does not exist; ``lacking`` says which of them."""

    lacking = "repository"


class Stale(MmskinError):
    """Somebody committed since the head was read: nothing was changed, and the head must be read again."""


class Unsure(MmskinError):
    """The answer to a commit did not arrive: the repository must be read to know whether it was made.

    ``wait`` is how many seconds the Hub asks to wait first.
    """

    wait = 0.0


def redacted(text: str) -> str:
    """``text`` without anything that is, or looks like, a token or a key of whatever service."""
    from huggingface_hub import get_token

    from mmskin_hub.hub.checks.patterns import SECRETS

    try:
        token = get_token()
    except Exception:  # A token that cannot be read is not in the text either.
        token = None
    if token:
        text = text.replace(token, _HIDDEN)
    for shape in SECRETS:
        text = shape.pattern.sub(_HIDDEN, text)
    return _SENT.sub(_HIDDEN, text)


def redacted_in(value: Any) -> Any:
    """A JSON value with every text in it :func:`redacted`, names too."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {redacted(str(key)): redacted_in(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [redacted_in(each) for each in value]
    return value


def told(error: Exception, where: str, once: bool = False) -> MmskinError:
    """What the user is told of ``error``; an error that is none of the Hub's is raised as it is."""
    trouble = trouble_of(error)
    if trouble == "ours":
        raise error
    if trouble == "stale":
        return Stale(f"{where}: somebody else committed in the meantime.", _REPEAT)
    if trouble == "passing":
        what = f"{where}: the Hub gave no usable answer ({why(error)})."
        if not once:
            return MmskinError(what, _REPEAT)
        unsure = Unsure(what, _REPEAT)
        unsure.wait = wait_of(error)
        return unsure
    if trouble == "login":
        return MmskinError(f"{where}: the Hub does not take your login ({why(error)}).", _LOGIN)
    if trouble == "forbidden":
        return MmskinError(f"{where}: you may not do that ({why(error)}).", _RIGHT)
    if trouble == "offline":
        return MmskinError(f"{where}: huggingface_hub is told to stay offline.", "Unset HF_HUB_OFFLINE.")
    if trouble == "name":
        return WrongUse(f"{where}: that is no name of a repository ({why(error)}).", "Say OWNER/NAME.")
    if trouble == "card":
        said = redacted(" ".join(str(error).split()))[:600]
        return MmskinError(f"{where}: the Hub refuses the card. {said}", "This is a mistake of ours: tell us.")
    if trouble in ("repository", "revision", "file"):
        absent = NotThere(f"{where}: there is no such {trouble}, or you may not see it.", _LOGIN)
        absent.lacking = trouble
        return absent
    return MmskinError(f"{where}: the Hub refused ({why(error)}).", "Mend what it names, and run it again.")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """``error`` and what it came of: uploads and downloads wrap the answer of the Hub."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def _response(error: BaseException) -> Any:
    """The answer of the Hub that ``error`` is about; ``None`` where none arrived."""
    for each in _chain(error):
        response = getattr(each, "response", None)
        if getattr(response, "status_code", None) is not None:
            return response
    return None


def _of_connection(error: Exception) -> bool:
    return any(kind.__module__.split(".")[0] in ("httpx", "httpx2") for kind in type(error).__mro__)


def trouble_of(error: Exception) -> str:
    """What kind of failure ``error`` is; "passing" may be gone at the next try, "ours" is a defect of this library."""
    from huggingface_hub import errors

    if any(isinstance(each, errors.OfflineModeIsEnabled) for each in _chain(error)):
        return "offline"
    if isinstance(error, errors.HFValidationError):
        return "name"
    if "Invalid metadata in README" in str(error):
        return "card"
    response = _response(error)
    if response is None:
        # What the libraries raise for a broken connection, and for an answer that was cut in its middle.
        lost = isinstance(error, OSError | RuntimeError | ValueError | KeyError)
        return "passing" if lost or _of_connection(error) else "ours"
    status = int(response.status_code)
    if status == 404:
        found = [each for each in _chain(error) if getattr(each, "response", None) is response]
        kinds = ((errors.RevisionNotFoundError, "revision"), (errors.RemoteEntryNotFoundError, "file"))
        return next((name for kind, name in kinds if any(isinstance(e, kind) for e in found)), "repository")
    if status in _AGAIN or status < 400:
        return "passing"
    return {401: "login", 403: "forbidden", 412: "stale"}.get(status, "refused")


def wait_of(error: Exception) -> float:
    """Seconds the Hub asks to wait, by ``Retry-After`` or its rate limit's reset; 0 where it does not say."""
    headers = getattr(_response(error), "headers", {})
    found = re.fullmatch(r"\s*(\d+)\s*", headers.get("retry-after") or "")
    limit = re.search(r"\br=0\b.*?\bt=(\d+)", headers.get("ratelimit") or "")
    return float((limit or found or {1: 0})[1])


def why(error: Exception) -> str:
    """The reason in one line: the status and what the Hub said of it, or what became of the connection."""
    response = _response(error)
    if response is None:
        return redacted(describe(list(_chain(error))[-1]))
    said = next((told for each in _chain(error) if (told := getattr(each, "server_message", None))), "")
    words = " ".join(str(said or getattr(response, "reason_phrase", "")).split())[:200]
    return redacted(f"{response.status_code} {words}".strip())
