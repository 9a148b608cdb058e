"""One publisher flat out, in a process of its own: ready blocks of packets on a bare socket.

    python -m jinqiao.sandbox.bench.source '{"port": …, "prefix": …, "topics": …, "payload": …, "qos": …, "seconds": …}'

At QoS 1 a thousand messages are on their way at most. Prints what was sent and in what time.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from typing import Any

from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Connect, PacketType, Signal

from .packets import Stamped

__all__ = ["main"]

_BLOCK = 200
_WINDOW = 1_000
_ACK = 4


def main(arguments: list[str]) -> None:
    """Publish for so many seconds, then wait for what is unanswered."""
    asked: dict[str, Any] = json.loads(arguments[0])
    user, password, qos = asked.get("user"), asked.get("password"), asked["qos"]
    with socket.create_connection(("127.0.0.1", asked["port"]), 30) as connection:
        login = Connect(f"source-{os.getpid()}", True, 0, user, password.encode() if password else None)
        connection.sendall(encode(login))
        if connection.recv(4)[-1]:
            sys.exit("the broker refused the publisher")
        blocks = _blocks(asked)
        sent, unanswered, number = 0, 0, 0
        began = time.monotonic()
        while time.monotonic() - began < asked["seconds"]:
            connection.sendall(blocks[number % len(blocks)].block())
            number += 1
            sent += _BLOCK
            unanswered += _BLOCK * _ACK * bool(qos)
            while unanswered > (_WINDOW - _BLOCK) * _ACK:
                unanswered -= len(connection.recv(1 << 16)) or sys.exit("the broker closed the connection")
        seconds = time.monotonic() - began
        while unanswered:
            unanswered -= len(connection.recv(1 << 16)) or sys.exit("the broker closed the connection")
        connection.sendall(encode(Signal(PacketType.PINGREQ)))
        connection.recv(2)
    print(json.dumps({"sent": sent, "seconds": seconds, "cpu_s": round(time.process_time(), 3)}), flush=True)


def _blocks(asked: dict[str, Any]) -> list[Stamped]:
    """Blocks whose packet identifiers do not meet within the window."""
    return [
        Stamped(asked["prefix"], _BLOCK, asked["payload"], asked["qos"], 1 + index * _BLOCK, asked["suffix"])
        for index in range(2 * _WINDOW // _BLOCK)
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
