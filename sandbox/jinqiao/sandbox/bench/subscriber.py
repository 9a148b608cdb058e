"""A subscriber in a process of its own that counts PUBLISH packets as cheaply as Python can.

    python -m jinqiao.sandbox.bench.subscriber PORT USER PASSWORD FILTER

Prints `{"ready": true}` once subscribed; when its standard input ends, waits until nothing more comes and prints
`{"received", "bytes", "cpu_s", "receiving_s"}`.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
from typing import Any

from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Connect, Subscribe

__all__ = ["Counter", "main"]

_READ = 1 << 20
_QUIET_S = 1.0


class Counter:
    """Counts whole PUBLISH packets in a byte stream that arrives in pieces of any size."""

    def __init__(self) -> None:
        self.publishes = 0
        self._skip = 0
        self._head = b""

    def feed(self, data: bytes) -> None:
        """Take the next piece of the stream."""
        at, end = self._skip, len(data)
        if self._head:
            data, at = self._head + data, 0
            end, self._head = len(data), b""
        publishes = self.publishes
        while at < end:
            here = at
            at += 1
            length = shift = 0
            while at < end:
                digit = data[at]
                at += 1
                length |= (digit & 0x7F) << shift
                shift += 7
                if digit < 0x80:
                    break
            else:  # the fixed header is cut: keep it for the next piece
                self._head = data[here:]
                at = end
                break
            if data[here] & 0xF0 == 0x30:
                publishes += 1
            at += length
        self.publishes = publishes
        self._skip = at - end


def main(arguments: list[str]) -> None:
    """Run until standard input ends."""
    port, user, password, topic_filter = int(arguments[0]), *arguments[1:4]
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    connection.sendall(encode(Connect(f"bench-{os.getpid()}", True, 1200, user, password.encode())))
    _expect(connection, 0x20, 4)
    connection.sendall(encode(Subscribe(1, ((topic_filter, 0),))))
    _expect(connection, 0x90, 5)
    print(json.dumps({"ready": True}), flush=True)

    counter, total = Counter(), 0
    first = last = 0.0
    watching: list[Any] = [connection, sys.stdin]
    while True:
        readable, _, _ = select.select(watching, [], [], None if len(watching) == 2 else _QUIET_S)
        if connection in readable:
            data = connection.recv(_READ)
            if not data:
                break
            last = time.perf_counter()
            first = first or last
            total += len(data)
            counter.feed(data)
        elif not readable:
            break
        if sys.stdin in readable:
            watching = [connection]
    figures = {"received": counter.publishes, "bytes": total, "cpu_s": time.process_time(), "receiving_s": last - first}
    print(json.dumps(figures), flush=True)


def _expect(connection: socket.socket, kind: int, length: int) -> None:
    answer = b""
    while len(answer) < length:
        answer += connection.recv(length - len(answer)) or sys.exit("the broker closed the connection")
    if answer[0] != kind or answer[-1] >= 0x80 or (kind == 0x20 and answer[-1]):
        sys.exit(f"the broker refused: {answer.hex()}")


if __name__ == "__main__":
    main(sys.argv[1:])
