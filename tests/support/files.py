"""An HTTP server of files, in a thread: one that knows ranges, and one that does not, by path."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

__all__ = ["serving_files"]


@contextmanager
def serving_files(files: Mapping[str, bytes]) -> Iterator[str]:
    """Serve each file as `/{name}` whole and as `/ranges/{name}` by ranges; its base URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.get(self.path.rpartition("/")[2])
            if content is None:
                self.send_error(404)
                return
            by_ranges = self.path.startswith("/ranges/")
            if by_ranges:
                first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
                content = content[int(first) : int(last) + 1]
            self.send_response(206 if by_ranges else 200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()
