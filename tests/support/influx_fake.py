"""A server that takes InfluxDB's writes, notes them, and answers as it is told: 204, 429, 503, 401 …"""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

__all__ = ["InfluxFake", "Write", "influx_fake"]


@dataclass(frozen=True, slots=True)
class Write:
    """One request, its body as it was before compression."""

    path: str
    query: dict[str, str]
    token: str
    encoding: str
    body: bytes

    @property
    def lines(self) -> list[str]:
        return [line for line in self.body.decode().splitlines() if not line.startswith("#")]


@dataclass
class InfluxFake:
    """`answers` are used up one by one, status and headers; then, and while it is empty, everything is taken (204)."""

    port: int = 0
    writes: list[Write] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    #: What a server without points says: InfluxDB 2 refuses, VictoriaMetrics does not.
    empty: int = 204
    on_write: Callable[[], object] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def lines(self) -> list[str]:
        return [line for write in self.writes for line in write.lines]


@contextmanager
def influx_fake(port: int = 0, fake: InfluxFake | None = None) -> Iterator[InfluxFake]:
    """A running server; with `port` and `fake` the one that was away is back."""
    found = fake or InfluxFake()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"  # no connection outlives its request: whoever is away is away

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            encoding = self.headers.get("Content-Encoding", "")
            plain = gzip.decompress(body) if encoding == "gzip" else body
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            write = Write(parts.path, query, self.headers.get("Authorization", ""), encoding, plain)
            status, headers = found.answers.pop(0) if found.answers else (204, {})
            if status == 204 and not write.lines:
                status = found.empty
            if status == 204:
                found.writes.append(write)
            found.on_write()
            text = b"" if status == 204 else b'{"code":"x","message":"so the server says"}'
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
