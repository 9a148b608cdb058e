"""What the product under test does, taken down by the run's judgement: detections, commands, cloud calls, publishes.

Commands are seen where vehicles act on them; the rest our gateway says on a topic of its own, among the downlinks and
in their order. With somebody else's broker detections are subscribed, and nobody sees the product's other publishes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.errors import ProtocolError
from jinqiao.base.telemetry import Outcome
from jinqiao.device.agent.car import Answered, Outgoing
from jinqiao.wire.product_feed import DETECTION, TOPIC, Called, Detected, Published, read_detection, read_feed

__all__ = ["Judging", "ProductFeed"]

_logger = logging.getLogger(__name__)

_SERVICE, _SET = "thing.service.", "thing.service.property.set"
_ENDING = f"/user/{DETECTION}"
#: Properties of one request that are taken down.
_MOST_NAMES = 50


class Judging(Protocol):
    """What takes it down; see `Judgement`."""

    def __bool__(self) -> bool: ...

    def reacted(self, row: int, kind: Literal["command", "set", "call", "topic"], name: str, time_ms: int) -> None: ...

    def replied(self, row: int, service: str, after_s: float | None, code: int, /) -> None: ...

    def detect(self, vin: str, fault: str, time_ms: int | None, via: Literal["http", "mqtt"]) -> None: ...


class ProductFeed:
    """About the vehicles of one product, whose device names are `names` and whose VINs are `vins`, both shape (n,).

    `present_ms` is the moment to which the run has come, simulated UTC; `own_gateway`: the other end of the connection
    is ours, else every detection is a client's message.
    """

    def __init__(
        self,
        judgement: Judging,
        product_key: str,
        names: NDArray[np.bytes_],
        vins: NDArray[np.bytes_],
        present_ms: Callable[[], int],
        *,
        own_gateway: bool,
    ) -> None:
        self._judgement, self._product_key, self.present_ms = judgement, product_key, present_ms
        self._names, self._vins, self._own_gateway = names, vins, own_gateway
        self._vin_of: dict[str, str] | None = None
        #: When what is being acted on came, and what is being answered, if that is a service.
        self._arrived_ms = 0
        self._answered: Answered | None = None

    def filters(self) -> list[str]:
        """What has to be subscribed for it."""
        return [] if self._own_gateway else [f"/{self._product_key}/+{_ENDING}"]

    def take(self, topic: str, payload: bytes, arrived_ms: int) -> bool:
        """Take down a message if it is about the product; else note when it came, for `asked`."""
        self._arrived_ms, self._answered = arrived_ms, None
        try:
            if topic == TOPIC and self._own_gateway:
                self._told(payload)
                return True
            if topic.endswith(_ENDING) and not self._own_gateway:
                self._detect(read_detection(topic.split("/", 3)[2], payload))
                return True
        except ProtocolError as error:
            _logger.warning("%s: %s", topic, error)
            return True
        return False

    def _told(self, payload: bytes) -> None:
        told = read_feed(payload)
        if isinstance(told, Detected):
            self._detect(told)
        elif isinstance(told, Called):
            for row in told.rows:
                self._judgement.reacted(row, "call", told.action, self.present_ms())
        elif isinstance(told, Published):
            self._judgement.reacted(told.row, "topic", told.topic, self.present_ms())

    def _detect(self, told: Detected) -> None:
        self._judgement.detect(self._vin(told.device), told.fault, told.time_ms, "mqtt")

    def _vin(self, name: str) -> str:
        """A vehicle's VIN by its device name; a name that is none stays as it is, and is scored so."""
        if self._names is self._vins:
            return name
        if self._vin_of is None:
            pairs = zip(self._names.tolist(), self._vins.tolist(), strict=True)
            self._vin_of = {device.decode(): vin.decode() for device, vin in pairs}
        return self._vin_of.get(name, name)

    def asked(self, row: int, method: str, params: Any, outcome: Outcome) -> None:
        """A vehicle has carried out, or refused, a request that came to it."""
        if not self._judgement or not method.startswith(_SERVICE):
            return
        now_ms = self.present_ms()
        if method == _SET:
            for name in list(params)[:_MOST_NAMES] if type(params) is dict else ():
                self._judgement.reacted(row, "set", name, now_ms)
            return
        service = method.removeprefix(_SERVICE)
        if service != "property.get":
            self._judgement.reacted(row, "command", service, now_ms)
            self._answered = Answered(service, outcome.code, self._arrived_ms)

    def marked(self, message: Outgoing) -> Outgoing:
        """What a vehicle says: marked if it is the answer to the service that it has just been asked for."""
        answered, self._answered = self._answered, None
        return message if answered is None else replace(message, answers=answered)

    def went(self, message: Outgoing) -> None:
        """An answer has gone, whatever time it has spent in a network."""
        if message.answers is not None:
            service, code, arrived_ms = message.answers
            self._judgement.replied(message.row, service, max(self.present_ms() - arrived_ms, 0) / 1000, code)
