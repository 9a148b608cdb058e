"""A control API that answers what a test tells it to, over real HTTP with kept connections."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["TOKEN", "ControlFake", "control_fake"]

TOKEN = "s3cret"

#: Status and JSON for a request's body.
Answer = Callable[[Any], tuple[int, Any]]


@dataclass
class ControlFake:
    """`answers` by `METHOD path?query`; `asked` are the requests that came: method, path, body."""

    url: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    #: Connections that were opened.
    connections: int = 0
    #: Whether each connection is closed after its answer, though that did not say so.
    closes: bool = False

    def answer(self, request: str, found: Any, status: int = 200) -> None:
        """Let this request be answered so."""
        self.answers[request] = lambda _: (status, found)


@contextmanager
def control_fake() -> Iterator[ControlFake]:
    """A fake on a free port."""
    fake = ControlFake()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            fake.connections += 1
            super().setup()

        def log_message(self, *_: Any) -> None:
            pass

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            given = json.loads(body) if body else None
            fake.asked.append((self.command, self.path, given))
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                status, found = 401, {"error": {"pointer": "", "found": None, "expected": "the run's control_token"}}
            elif answer := fake.answers.get(f"{self.command} {self.path.removeprefix('/control')}"):
                status, found = answer(given)
            else:
                status, found = 404, {"error": {"pointer": "", "found": self.path, "expected": "a call"}}
            content = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = fake.closes

        do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - the library's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}/control"
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
