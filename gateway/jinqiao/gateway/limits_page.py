"""The page of limits in the documentation, written from their tables: `python -m jinqiao.gateway.limits_page`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jinqiao.wire.alink.limits import DEVICE_RATES, LOGINS_PER_MINUTE, SHADOW_PER_SECOND, SUB_LOGINS_PER_SECOND
from jinqiao.wire.product_feed import LONGEST_DETECTION

from .amqp.bounds import Bounds as AmqpBounds
from .broker.limits import Limits
from .broker.policy import Principal
from .doors import HANDSHAKE_S
from .forwarding.bounds import Bounds as GroupBounds
from .gbt32960.listener import Bounds
from .limit import limits_of
from .openapi.freshness import NonceBounds
from .openapi.http import MAX_BODY, MAX_PARAMETERS
from .platform.auth.permission import LONGEST_TOPIC, MOST_SLASHES, MOST_SLASHES_OF_SYSTEM
from .platform.followed import Bounds as FollowedBounds
from .platform.operations.batches import MOST_AT_ONCE
from .platform.operations.product_topics import MOST_TOPICS
from .platform.operations.products import MOST_PRODUCTS
from .platform.operations.thing_models import MOST_ADDED
from .platform.operations.thing_models import MOST_BYTES as MOST_MODEL_BYTES
from .platform.products.batches import MOST_BATCHES
from .platform.products.models import MOST_VERSIONS
from .platform.provisioning import MOST_DEVICES
from .rules.actions.behind import MOST_WAITING
from .rules.engine import Bounds as RuleBounds
from .simulated.past import MOST_BYTES, MOST_EVENT_BYTES
from .web.bounds import ControlBounds, HttpBounds

__all__ = ["limits_page"]

Row = tuple[str, str]

_HEAD = """\
# Limits

What clients, and strangers, can take of a gateway. This page is written from the tables in the code; a test keeps it
so. What is refused is counted in `/metrics` under its reason, and logged; of devices it stands in the device log.
"""

_DOORS = """\
## Sockets

All doors share the files that the system allows this process (`ulimit -n`), less 32: HTTP may take a quarter of them,
GB/T 32960 another. `--max-connections` and `--max-connections-per-address` of `jinqiao serve` set MQTT's.
"""

_RATES = """\
Rates are counted when a message is read. After a time in which the gateway, or its machine, stood still, what could
have been sent meanwhile is taken; over a long time it is never more than the rate. What is beyond is dropped, and at
QoS 1 not acknowledged (MQTT 5: reason 0x97). Refused messages count, too.
"""

_HTTP = """\
`/metrics` and the questions of other brokers (`/mqtt/emqx/…` and others) trust every caller: they answer callers on
this machine, and others only when `--http-host` says where HTTP is served. A web page from elsewhere may connect over
WebSocket, but has to log in with a user name: pages of this machine (any port) and of the server's own address need
none where `--plain-mqtt` allows that.
"""

_PAST = """\
What the vehicles of `jinqiao run` said is kept in memory for questions about the past; the oldest is forgotten first.
How far back it reaches is in [stores.md](stores.md#the-past-of-devices).
"""

_FOLLOWED = """\
What a run judges a product by goes from the gateway to the run; what is beyond is not counted for or against it, and
logged once.
"""

_GROUPS = """\
What back ends have subscribed waits in the queue of each consumer group, in memory; of devices also in the data folder,
where there is one (what simulated vehicles say does not outlive the process). What is dropped is counted, and logged
once. Messages of the last seconds are delivered before those that have accumulated, as on the platform; its pace (1,000
messages a second over a connection, 200 of what has accumulated) is not imitated: a consumer is sent what it asks for.
"""


def limits_page() -> str:
    """The whole page, Markdown."""
    return "\n".join(
        (
            _HEAD,
            _DOORS,
            _table([*_rows(("TLS handshake", HANDSHAKE_S, "s"))]),
            "## A device\n",
            _RATES,
            _table(_device()),
            "## MQTT\n",
            _table(_named(Limits())),
            "## HTTP and MQTT over WebSocket\n",
            _HTTP,
            _table(
                [
                    *_named(HttpBounds()),
                    *_rows(("a request's body", MAX_BODY, "bytes"), ("parameters", MAX_PARAMETERS, "")),
                    *_named(NonceBounds()),
                    *_named(ControlBounds()),
                ]
            ),
            "## Products and devices made by cloud calls\n",
            _table(
                _rows(
                    ("products of an account", MOST_PRODUCTS, ""),
                    ("devices of a product", MOST_DEVICES, ""),
                    ("devices registered by one call", MOST_AT_ONCE, ""),
                    ("such calls of an account that are remembered", MOST_BATCHES, ""),
                    ("classes of custom topics of a product", MOST_TOPICS, ""),
                    ("features of a thing model that one call adds", MOST_ADDED, ""),
                    ("a whole thing model", MOST_MODEL_BYTES, "bytes"),
                    ("versions of a thing model that are remembered", MOST_VERSIONS, ""),
                )
            ),
            "## GB/T 32960\n",
            _table(_named(Bounds())),
            "## Consumer groups (AMQP)\n",
            _GROUPS,
            _table(_named(GroupBounds())),
            "## Rules\n",
            _table([*_named(RuleBounds()), *_rows(("outputs that wait for one web server", MOST_WAITING, ""))]),
            "## AMQP\n",
            _table(_named(AmqpBounds())),
            "## Simulated vehicles\n",
            _PAST,
            _table(
                _rows(
                    ("samples", MOST_BYTES, "bytes"),
                    ("events with what it costs to keep them", MOST_EVENT_BYTES, "bytes"),
                )
            ),
            "## The product under test\n",
            _FOLLOWED,
            _table([*_named(FollowedBounds()), *_rows(("a detection", LONGEST_DETECTION, "bytes"))]),
        )
    )


def _device() -> list[Row]:
    device, rates = Principal("", "device", "", 0), DEVICE_RATES
    return list(
        _rows(
            ("messages a second it publishes, QoS 0", rates.up_qos0, ""),
            ("the same at QoS 1", rates.up_qos1, ""),
            ("messages a second it is sent", rates.down, ""),
            ("either way in a second", rates.bytes_per_s, "bytes"),
            ("unacknowledged messages to it", rates.down_unacknowledged, ""),
            ("logins a minute", LOGINS_PER_MINUTE, ""),
            ("messages a second to its shadow", SHADOW_PER_SECOND, ""),
            ("logins of sub-devices a second over a gateway", SUB_LOGINS_PER_SECOND, ""),
            ("payload", device.max_payload, "bytes"),
            ("highest QoS", device.max_qos, ""),
            ("filters in one SUBSCRIBE", device.max_filters, ""),
            ("subscriptions", device.max_subscriptions, ""),
            ("topic or filter", device.longest_topic, "bytes"),
            ("slashes in a system topic", MOST_SLASHES_OF_SYSTEM, ""),
            ("custom topic or filter", LONGEST_TOPIC, "bytes"),
            ("slashes in it", MOST_SLASHES, ""),
            ("retained messages, on custom topics (MQTT 5)", device.max_retained, ""),
        )
    )


def _named(bounds: object) -> list[Row]:
    return [(what, _shown(value, _unit(name))) for name, value, what in limits_of(bounds)]


def _rows(*rows: tuple[str, float, str]) -> Iterator[Row]:
    for what, value, unit in rows:
        yield what, _shown(value, unit)


def _unit(name: str) -> str:
    name = name.removesuffix("_per_s")
    return "s" if name.endswith("_s") else "bytes" if "bytes" in name else ""


def _shown(value: float, unit: str) -> str:
    """64 KiB, 7 days, 20,000: no more digits than the number has."""
    if unit == "bytes":
        for size, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
            if value % size == 0:
                return f"{int(value // size):,} {name}"
    if unit == "s" and value >= 86_400 and value % 86_400 == 0:
        days = int(value // 86_400)
        return f"{days} day{'' if days == 1 else 's'}"
    return f"{value:,g} {unit}".rstrip() if value % 1 else f"{int(value):,} {unit}".rstrip()


def _table(rows: Iterable[Row]) -> str:
    return "| what | limit |\n|---|---|\n" + "".join(f"| {what} | {value} |\n" for what, value in rows)


if __name__ == "__main__":
    print(limits_page(), end="")
