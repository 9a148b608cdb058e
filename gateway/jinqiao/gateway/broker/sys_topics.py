"""`$SYS/broker/…`: the broker's figures as messages, under the names that mosquitto made common.

What is not measured is not shown. Values are text, as there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

__all__ = ["INTERVAL_S", "sys_messages"]

#: How often they are published, seconds (mosquitto's `sys_interval` default).
INTERVAL_S = 10.0

Stats = Mapping[str, Any]


def _version() -> str:
    try:
        return version("jinqiao")
    except PackageNotFoundError:
        return "unknown"


def _sum(key: str) -> Callable[[Stats], int]:
    return lambda stats: sum(stats[key].values())


_TOPICS: tuple[tuple[str, Callable[[Stats], object]], ...] = (
    ("uptime", lambda s: f"{int(s['uptime_s'])} seconds"),
    ("clients/connected", lambda s: s["connections"]),
    ("clients/total", lambda s: s["sessions"]),
    ("clients/disconnected", lambda s: s["absent"]),
    ("publish/messages/received", _sum("received")),
    ("publish/messages/sent", lambda s: s["delivered"]),
    ("publish/messages/dropped", lambda s: s["dropped"] + sum(s["throttled"].values())),
    ("bytes/received", lambda s: s["bytes_in"]),
    ("bytes/sent", lambda s: s["bytes_out"]),
    ("store/messages/bytes", lambda s: s["queued_bytes"]),
    ("retained messages/count", lambda s: s["retained"]),
    ("refused/count", _sum("refused")),
    ("load/loop_lag_ms", lambda s: f"{s['loop_lag_s'] * 1e3:.1f}"),
)


def sys_messages(stats: Stats) -> Iterator[tuple[str, bytes]]:
    """Topics and payloads, from the broker's statistics."""
    yield "$SYS/broker/version", f"jinqiao version {_version()}".encode()
    for name, value in _TOPICS:
        yield f"$SYS/broker/{name}", str(value(stats)).encode()
