"""An OpenAI-compatible server on this machine that follows a script, and writes down all it is asked."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Request:
    """One request, as it came in: ``caption`` is what it asks about, ``nth`` how often that was asked before."""

    at: float
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    caption: str = ""
    nth: int = 0


@dataclass
class Act:
    """What the server does: after ``delay`` seconds it answers ``status`` with ``body``.

    ``length`` is the Content-Length it claims; ``drip`` sends the body a byte at a time, with so many seconds between;
    ``hang_up`` closes the connection without a word.
    """

    body: str | bytes = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    length: int | None = None
    drip: float = 0.0
    hang_up: bool = False


def pairs_about(caption: str) -> str:
    """The JSON a well-behaved model writes: two pairs that can be told from those of any other caption."""
    pairs = [
        {"question": f"What is {caption}?", "answer": caption, "question_type": "diagnosis", "closed": False},
        {"question": "Is it red?", "answer": "Yes", "question_type": "colour", "closed": True},
    ]
    return json.dumps({"pairs": pairs})


def completion(content: str | None, finish: str = "stop", **message: Any) -> Act:
    """A chat completion with ``content``; it read 10 tokens and wrote 5."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    given = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}
    return Act(json.dumps(given), headers={"content-type": "application/json"})


def error(status: int, message: str = "no", code: str | None = None, **headers: str) -> Act:
    """An error as OpenAI words it."""
    return Act(json.dumps({"error": {"message": message, "type": "error", "code": code}}), status, headers)


def well(request: Request) -> Act:
    """The script of a server without faults."""
    return completion(pairs_about(request.caption))


def caption_of(body: dict[str, Any]) -> str:
    """What the writer of questions asks about."""
    return str(json.loads(body["messages"][-1]["content"])["description"])


class Server:
    """The server; ``script`` says what to do with a request, ``requests`` is what it was asked so far.

    ``named`` finds in the body of a request what it is about.
    """

    def __init__(self, named: Callable[[dict[str, Any]], str] = caption_of) -> None:
        self.named = named
        self.script: Callable[[Request], Act] = well
        self.models: Act = Act(json.dumps({"data": [{"id": "tiny"}, {"id": "other"}]}))
        self.requests: list[Request] = []
        self.under_way = self.most = 0
        self.lock = threading.Lock()
        self.done = threading.Event()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"

    @property
    def asked(self) -> Counter[str]:
        """How often each caption was asked about."""
        return Counter(request.caption for request in self.requests)

    def take(self, path: str, headers: dict[str, str], raw: bytes) -> Act:
        """Write a request down and say what to do."""
        body = json.loads(raw) if raw else {}
        request = Request(time.monotonic(), path, headers, body)
        if not path.endswith("/chat/completions"):
            return self.models
        request.caption = self.named(body)
        with self.lock:
            request.nth = self.asked[request.caption]
            self.requests.append(request)
        return self.script(request)

    def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                with server.lock:
                    server.under_way += 1
                    server.most = max(server.most, server.under_way)
                try:
                    length = int(self.headers.get("content-length") or 0)
                    raw = self.rfile.read(length)
                    if len(raw) == length:  # else whoever asked was killed while asking
                        self.answer(raw)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True
                finally:
                    with server.lock:
                        server.under_way -= 1

            do_GET = do_POST

            def answer(self, raw: bytes) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                act = server.take(self.path.partition("?")[0], headers, raw)
                if act.delay:
                    server.done.wait(act.delay)
                if act.hang_up:
                    self.close_connection = True
                    return
                body = act.body.encode() if isinstance(act.body, str) else act.body
                self.send_response_only(act.status)
                for name, value in act.headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("content-length", str(len(body) if act.length is None else act.length))
                self.end_headers()
                if not act.drip:
                    self.wfile.write(body)
                for at in range(len(body) if act.drip else 0):
                    if server.done.wait(act.drip):
                        break
                    self.wfile.write(body[at : at + 1])
                    self.wfile.flush()
                if act.length is not None or act.drip:
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler


@contextmanager
def serving(named: Callable[[dict[str, Any]], str] = caption_of) -> Iterator[Server]:
    """A server that runs while the block does."""
    server = Server(named)
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.done.set()
        server.http.shutdown()
        server.http.server_close()
        thread.join()
