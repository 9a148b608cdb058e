"""A dealer's reminders: rules post what concerns the workshop, and each driver is written to once.

    python reminder.py --secret dealers-secret

Standard library alone. A post counts if its signature is right and it is not old; a car is reminded once of each
service and of each trouble code, however often a rule reports it.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import math
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Posts that are older are somebody's recording, s.
PATIENCE_S = 300


class Reminders:
    """What was said to whom."""

    def __init__(self, interval_km: float) -> None:
        self._interval_km = interval_km
        self._said: set[tuple[str, str]] = set()

    def of(self, output: dict[str, Any]) -> str | None:
        """The reminder for what a rule selected; None if it has been sent."""
        car = output["car"]
        if "code" in output:
            text = f"please come by: your car reports {output['code']}"
        else:
            due_km = math.ceil(output["km"] / self._interval_km) * self._interval_km
            text = f"service is due at {due_km:g} km"
        if (car, text) in self._said:
            return None
        self._said.add((car, text))
        return text


def is_genuine(headers: Any, body: bytes, secret: str) -> bool:
    """Whether a rule of ours posted this, and lately."""
    timestamp = headers.get("X-Jinqiao-Timestamp", "")
    expected = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(f"sha256={expected}", headers.get("X-Jinqiao-Signature", "")):
        return False
    return abs(time.time() - float(timestamp)) < PATIENCE_S


def handler(reminders: Reminders, secret: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("Content-Length", "0")), 65_536))
            genuine = is_genuine(self.headers, body, secret)
            self.send_response(204 if genuine else 403)
            self.send_header("Content-Length", "0")
            self.end_headers()
            if genuine:
                output = json.loads(body)
                if text := reminders.of(output):
                    print(json.dumps({"to": output["car"], "text": text}), flush=True)

        def log_message(self, *_: Any) -> None:
            """Nothing: what matters is printed."""

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--interval-km", type=float, default=20_000)
    options = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", options.port), handler(Reminders(options.interval_km), options.secret))
    print(json.dumps({"listening": server.server_port}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
