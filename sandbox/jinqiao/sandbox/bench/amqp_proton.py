"""A consumer with qpid-proton, written as its users do: a messaging handler that accepts each message by itself.

    python amqp_proton.py PORT GROUP KEY SECRET

Prints and ends as `amqp_reader` does. It runs with the interpreter of proton's environment, which knows nothing of
ours.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import sys
import threading
import time

from proton.handlers import MessagingHandler  # type: ignore[import-not-found]
from proton.reactor import Container  # type: ignore[import-not-found]

_QUIET_S = 1.5


class Consumer(MessagingHandler):  # type: ignore[misc]
    """Counts, and prints what it has counted when its input has ended and nothing more comes."""

    def __init__(self, port: str, group: str, key: str, secret: str) -> None:
        super().__init__(prefetch=1000, auto_accept=True)
        now = str(int(time.time() * 1000))
        self._url = f"amqp://127.0.0.1:{port}"
        self._user = (
            f"proton|authMode=aksign,signMethod=hmacsha1,timestamp={now},authId={key},iotInstanceId=,"
            f"consumerGroupId={group}|"
        )
        signed = hmac.digest(secret.encode(), f"authId={key}&timestamp={now}".encode(), "sha1")
        self._password = base64.b64encode(signed).decode()
        self._received = self._bytes = 0
        self._first = self._last = self._cpu_before_s = 0.0
        self._ended, self._ended_at = threading.Event(), 0.0

    def on_start(self, event) -> None:  # type: ignore[no-untyped-def]
        connection = event.container.connect(
            self._url, user=self._user, password=self._password, allowed_mechs="PLAIN", heartbeat=60, reconnect=False
        )
        event.container.create_receiver(connection)
        event.container.schedule(0.5, self)
        threading.Thread(target=self._read_input, daemon=True).start()

    def on_link_opened(self, _) -> None:  # type: ignore[no-untyped-def]
        self._cpu_before_s = time.process_time()
        print(json.dumps({"ready": True}), flush=True)

    def on_message(self, event) -> None:  # type: ignore[no-untyped-def]
        self._received += 1
        self._bytes += len(event.message.body)
        self._last = time.perf_counter()
        self._first = self._first or self._last

    def on_timer_task(self, event) -> None:  # type: ignore[no-untyped-def]
        if self._ended.is_set() and time.perf_counter() - max(self._last, self._ended_at) > _QUIET_S:
            receiving_s = self._last - self._first
            cpu_s = time.process_time() - self._cpu_before_s
            figures = {"received": self._received, "bytes": self._bytes, "cpu_s": cpu_s}
            print(json.dumps({**figures, "receiving_s": receiving_s}), flush=True)
            os._exit(0)
        event.container.schedule(0.5, self)

    def on_transport_error(self, event) -> None:  # type: ignore[no-untyped-def]
        sys.exit(f"{event.transport.condition}")

    def _read_input(self) -> None:
        sys.stdin.read()
        self._ended_at = time.perf_counter()
        self._ended.set()


if __name__ == "__main__":
    Container(Consumer(*sys.argv[1:5])).run()
