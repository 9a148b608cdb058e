"""What the product under test does about simulated vehicles, said to their simulator, which judges it.

Detections go always: nobody publishes them but a product that wants to be judged. Cloud calls and publishes on custom
topics go where a run asks for everything (`begin`), because they are the product's whole traffic. What is too much is
dropped and counted: a product that floods the platform does not flood the run.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from jinqiao.base.errors import ProtocolError
from jinqiao.gateway.broker.policy import Downlink
from jinqiao.wire.alink.routing import Found, find
from jinqiao.wire.product_feed import DETECTION, TOPIC, Called, Published, Told, feed_message, read_detection

from ..limit import limit
from .devices.device_log import DeviceLog
from .outbound import Outbound
from .registry.registry import Device, Product, Registry

__all__ = ["Bounds", "Followed"]

_logger = logging.getLogger(__name__)

#: Code of the device log for what is no detection.
_WRONG = 460
_CUSTOM = "/user/"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a run is told of a product in a second: what changes something is not crowded out by what merely asks."""

    detections_per_s: int = limit(1_000, "detections that a run is told in a second")
    calls_per_s: int = limit(1_000, "cloud calls that name its vehicles, and change something")
    queries_per_s: int = limit(200, "those that only ask")
    topics_per_s: int = limit(1_000, "publishes on its vehicles' custom topics")


class Followed:
    """Says to `speaker`'s connection what is done about its fleet: the products that `begin` names, and no others."""

    def __init__(
        self,
        registry: Registry,
        speaker: Callable[[], str | None],
        out: Outbound,
        log: DeviceLog,
        now_ms: Callable[[], int],
        bounds: Bounds | None = None,
    ) -> None:
        bounds = bounds or Bounds()
        self._most = {
            "detection": bounds.detections_per_s,
            "call": bounds.calls_per_s,
            "query": bounds.queries_per_s,
            "topic": bounds.topics_per_s,
        }
        self._registry, self._speaker, self._out, self._log, self._now_ms = registry, speaker, out, log, now_ms
        #: Product keys; and those of them of which everything is said.
        self._fleets: set[str] = set()
        self._followed: set[str] = set()
        self._second, self._said = 0, Counter[str]()
        #: What was too much, by what it would have said.
        self.dropped: Counter[str] = Counter()

    def begin(self, product_key: str, *, everything: bool = False) -> None:
        """The speaker's vehicles are of this simulated product; say what is done about them, or detections only."""
        self._fleets.add(product_key)
        if everything:
            self._followed.add(product_key)
        self._out.products_changed()

    def hears(self, found: Found, topic: str) -> bool:
        """Whether a publish on this custom topic is to be looked at; depends on nothing but the topic."""
        if found.product_key not in self._fleets:
            return False
        return found.product_key in self._followed or _suffix(topic) == DETECTION

    def published(self, found: Found, topic: str, payload: bytes, *, by_device: bool = False) -> None:
        """A client that may has published on a vehicle's custom topic; a device itself says detections only."""
        if found.product_key not in self._fleets:
            return
        product, suffix = self._registry.products[found.product_key], _suffix(topic)
        if suffix == DETECTION:
            self._take_detection(product, found.device_name, topic, payload)
        elif found.product_key in self._followed and not by_device:
            row = _row_of(product, found.device_name)
            if row is not None:
                self._say("topic", Published(row, suffix))

    def sent(self, topic: str, payload: bytes) -> None:
        """A cloud call, or a rule, has published on this topic."""
        if topic.split("/", 4)[3:4] == ["user"]:
            found = find(topic)
            if found is not None and found.row.kind == "custom":
                self.published(found, topic, payload)

    def called(self, action: str, devices: Iterable[Device], *, reads: bool) -> None:
        """A cloud call that names these devices has succeeded."""
        rows = {
            row: None
            for device in devices
            if device.product.key in self._followed and (row := _row_of(device.product, device.name)) is not None
        }
        if rows:
            self._say("query" if reads else "call", Called(action, tuple(rows)))

    def _take_detection(self, product: Product, name: str, topic: str, payload: bytes) -> None:
        try:
            detected = read_detection(name, payload)
        except ProtocolError as error:
            # Of a stranger's name nothing is kept.
            if name in product.devices:
                self._log.record(product.key, name, topic, _WRONG, str(error))
            return
        self._say("detection", detected)

    def _say(self, about: str, told: Told) -> None:
        speaker = self._speaker()
        if speaker is None:
            return
        second = self._now_ms() // 1_000
        if second != self._second:
            self._second = second
            self._said.clear()
        self._said[about] += 1
        most = self._most[about]
        if self._said[about] > most:
            if not self.dropped[about]:
                _logger.warning("more than %d messages in a second (%s): the run is spared them", most, about)
            self.dropped[about] += 1
            return
        self._out.deliver(speaker, Downlink(TOPIC, feed_message(told)))


def _suffix(topic: str) -> str:
    return topic.partition(_CUSTOM)[2]


def _row_of(product: Product, name: str) -> int | None:
    row: int | None = product.devices.row(name)  # type: ignore[attr-defined]
    return row
