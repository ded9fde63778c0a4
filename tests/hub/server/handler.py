"""HTTP: one request read, struck by its fault if it has one, answered, logged."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub.server import routes
from tests.hub.server.answers import Answer, Refused
from tests.hub.server.calls import Call
from tests.hub.server.faults import Fault, Request

if TYPE_CHECKING:
    from tests.hub.server.hub import Hub

KEPT = 1 << 20
"""Bytes of a request's body that the log keeps."""
_MESSAGES = {401: "Invalid credentials in Authorization header", 403: "Forbidden", 409: "Conflict",
             412: "A commit has happened since. Please refresh and try again.", 429: "Too Many Requests",
             500: "Internal Error - We're working hard to fix this as soon as possible!",
             503: "Service Unavailable"}  # fmt: skip


class _Gone(Exception):
    """The connection is to be reset."""


class Handler(BaseHTTPRequestHandler):
    """One connection. ``hub`` is set by :class:`Hub`."""

    hub: Hub
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Any method goes the same way."""
        with contextlib.suppress(ConnectionError):
            try:
                self._serve()
            except _Gone:
                self._reset()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr: the log of requests is :attr:`Hub.requests`."""

    def _serve(self) -> None:
        address = urlsplit(self.path)
        found = routes.find(self.command, address.path)
        route, parts = found if found else (None, {})
        name = route.name if route else "unknown"
        repo = "/".join(unquote(parts[key]) for key in ("space", "name")) if "space" in parts else ""
        headers = {key.lower(): value for key, value in self.headers.items()}
        request = Request(0, self.command, self.path, name, repo, headers)
        fault = self.hub.script.note(request) or Fault()
        if fault.act:
            fault.act()
        if fault.kind == "slow":
            time.sleep(fault.seconds)
        self._left = int(headers.get("content-length", 0))
        pieces = self._chunked() if headers.get("transfer-encoding", "") == "chunked" else self._measured()
        if fault.kind == "cut" and not fault.done:
            self._left //= 2
            for _ in pieces:
                pass
            raise _Gone
        body = b""
        if not (route and route.streams):
            body = b"".join(pieces)
            request.body = body[:KEPT]
        call = Call(self.hub, self.command, parts, parse_qs(address.query), headers, body, pieces)
        instead = isinstance(fault.kind, int) and not fault.done
        answer = self._broken(fault) if instead else self._answer(route, call)
        for _ in pieces:  # what was not read would be taken for the next request
            pass
        if fault.done and fault.kind == "cut":
            raise _Gone
        if fault.done and isinstance(fault.kind, int):
            answer = self._broken(fault)
        request.status = answer.status
        self._send(answer, fault.kind == "truncated")

    def _answer(self, route: routes.Route | None, call: Call) -> Answer:
        if route is None:
            return Refused(404, f"The test-time Hub does not know {self.command} {self.path}").answer()
        try:
            return route.answer(call)
        except Refused as refused:
            return refused.answer()
        except (_Gone, ConnectionError):
            raise
        except Exception as error:  # a defect of the server itself: told to the test, and to nobody's patience
            self.hub.defects.append(f"{self.command} {self.path}: {error!r}")
            print(self.hub.defects[-1], file=sys.stderr)
            return Refused(500, f"defect of the test-time Hub: {error!r}").answer()

    def _broken(self, fault: Fault) -> Answer:
        assert isinstance(fault.kind, int)
        return Refused(fault.kind, _MESSAGES.get(fault.kind, "Error"), headers=fault.headers).answer()

    def _measured(self) -> Iterator[bytes]:
        while self._left > 0:
            piece = self.rfile.read(min(self._left, 1 << 16))
            if not piece:
                raise _Gone  # the client is gone: what it sent of a body is no body
            self._left -= len(piece)
            yield piece

    def _chunked(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def _send(self, answer: Answer, half: bool) -> None:
        self.send_response(answer.status)
        for key, value in answer.headers.items():
            self.send_header(key, value.encode("ascii", "replace").decode())
        self.send_header("Content-Length", str(answer.size))
        self.end_headers()
        if self.command == "HEAD":
            self.wfile.flush()
            return
        content = answer.content()
        self.wfile.write(content[: len(content) // 2] if half else content)
        self.wfile.flush()
        self.close_connection = self.close_connection or half

    def _reset(self) -> None:
        """Close so that the other side sees a reset and no orderly end."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
