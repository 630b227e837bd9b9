"""What all fake providers share: a script of replies, what was asked, and a stream of events as the answer.

A reply says one of: `text` and `tools` ([(name, arguments), …]), `thinking`; `error` (status, message) with `kind` and
`headers`; `page` (text that is no stream of events). Of the first, `cut` stops before the end, `pause` waits so many
seconds before the answer and `stall` in it; `stop` is the reason to stop. A reply may be a function of the request.
"""

from __future__ import annotations

import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]
Said = dict[str, Any]
Refusal = tuple[int, str]


class FakeServer(ABC):
    """A provider that answers by a script, in order; it took `requests`, and refused for `problems`."""

    path: str

    def __init__(self, script: Sequence[Said | Callable[[Body], Said]], *, key: str = "sk-test") -> None:
        self.script, self.key = list(script), key
        self.requests: list[Body] = []
        self.problems: list[str] = []
        self._ids = 0
        self._cached: list[list[str]] = []
        self._server = _Quiet(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def id(self, prefix: str) -> str:
        """A fresh id."""
        self._ids += 1
        return f"{prefix}_{self._ids:06d}"

    def cache(self, units: list[str], marked: list[int]) -> int:
        """Tokens of the longest prefix that was marked before; those of this request are marked now."""
        known = [part for part in self._cached if marked and units[: len(part)] == part]
        self._cached += [units[: end + 1] for end in marked]
        return sum(map(len, max(known, key=len, default=[]))) // 4

    @abstractmethod
    def refuses(self, headers: dict[str, str], body: Body) -> Refusal | None:
        """What the real provider would refuse."""

    @abstractmethod
    def events(self, body: Body, said: Said) -> Iterator[Body]:
        """The answer as events of the provider's stream; the last one ends it."""

    @abstractmethod
    def error(self, status: int, message: str, kind: str | None) -> Body:
        """An error as the provider words it."""


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is not our failure."""


def _handler(fake: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def answer(self, status: int, kind: str, data: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"content-type": kind, "content-length": str(len(data)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def fail(self, status: int, message: str, kind: str | None = None, headers: Said | None = None) -> None:
            said = json.dumps(fake.error(status, message, kind)).encode()
            self.answer(status, "application/json", said, headers)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            refused = (404, f"no route {self.path}") if self.path.split("?")[0] != fake.path else None
            refused = refused or fake.refuses(headers, body)
            if refused is None and not body.get("stream"):
                refused = (400, "only streams here")
            if refused:
                fake.problems.append(refused[1])
                self.fail(*refused)
                return
            fake.requests.append(body)
            if not fake.script:
                fake.problems.append("the script is over")
                self.fail(400, "the script is over")
                return
            step = fake.script.pop(0)
            said = step(body) if callable(step) else step
            time.sleep(said.get("pause", 0))
            if "error" in said:
                self.fail(*said["error"], said.get("kind"), said.get("headers"))
            elif "page" in said:
                self.answer(200, "text/html", said["page"].encode())
            elif not said.get("drop"):
                self.stream(body, said)

        def stream(self, body: Body, said: Said) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            events = list(fake.events(body, said))
            for number, event in enumerate(events):
                if number == len(events) // 2:
                    time.sleep(said.get("stall", 0))
                if said.get("cut") and number >= len(events) - 2:
                    return
                self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
                self.wfile.flush()

    return Handler
