"""A client's rates: how many messages and bytes a second it may send and be sent. The rest is dropped and counted.

The platform's devices have such rates, and no error on the wire when they exceed them (see `wire.alink.limits`); what
is dropped at QoS 1 is not acknowledged either, or with MQTT 5's own reason.

A message is counted when it is read, and not when it was sent. While the broker or its machine stands still the kernel
keeps what honest clients send, and all of it is then read at once. So a window after such a time holds what could have
been sent meanwhile: never more than the rate over all the time that has passed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinqiao.gateway.broker.grant import Grant
from jinqiao.gateway.broker.policy import Principal
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.rates import Rates

from .message import Message
from .outbox import Outbox
from .runs import AcknowledgedRun

if TYPE_CHECKING:
    from jinqiao.gateway.broker.broker import Broker

__all__ = ["MeteredOutbox", "UpMeter"]

#: Bits of QoS in the first byte of a PUBLISH.
_QOS = 6


class _Windows:
    """Windows of one second on the broker's clock, so that a steady client within its rate loses nothing."""

    __slots__ = ("_began", "_broker", "_clock", "_principal", "_told")

    def __init__(self, broker: Broker, principal: Principal) -> None:
        self._broker = broker
        self._clock = broker.dispatcher
        self._principal = principal
        self._began = self._clock.now - 1.0
        self._told = False

    def seems_over(self) -> bool:
        """Whether the window has ended, by the coarse clock."""
        return self._clock.now - self._began >= 1.0

    def is_over(self) -> bool:
        """The same by the exact time, or by a stall that cut it short: asked only when there is no room left."""
        if not self.seems_over():
            self._clock.catch_up()
        return self.seems_over() or self._clock.stood_still_since(self._began) > 0.0

    def renew(self) -> tuple[float, float]:
        """Begin a window: for how many seconds the rates are granted anew, and for how many they may be held.

        What is granted adds up to the time that passed; more than a second is held only after the broker stood still.
        """
        began, self._began = self._began, self._clock.now
        self._told = False
        return self._began - began, 1.0 + self._clock.stood_still_since(began)

    def drop(self, direction: str, messages: int, topic: bytes) -> None:
        self._broker.counters.throttled[direction] += messages
        if not self._told:
            self._told = True
            self._broker.throttled(self._principal, topic, direction)


class UpMeter(_Windows):
    """What one client publishes."""

    __slots__ = ("_bytes", "_left_qos0", "_left_qos1", "_rates")

    def __init__(self, broker: Broker, principal: Principal, rates: Rates) -> None:
        super().__init__(broker, principal)
        self._rates = rates
        self._left_qos0 = self._left_qos1 = self._bytes = 0.0

    def takes(self, first: int, size: int, topic: bytes) -> bool:
        """Whether a PUBLISH of `size` bytes with this first byte is within the rates; else it is counted."""
        if self.has_room(first, size):
            return True
        self.refuse(first, topic)
        return False

    def has_room(self, first: int, size: int) -> bool:
        """The same without counting; `refuse` does."""
        # Asked for each message of each device: one call, no more.
        if self._clock.now - self._began >= 1.0:
            self._grant()
        if size <= self._bytes:
            if first & _QOS:
                if self._left_qos1 >= 1.0:
                    self._left_qos1 -= 1.0
                    self._bytes -= size
                    return True
            elif self._left_qos0 >= 1.0:
                self._left_qos0 -= 1.0
                self._bytes -= size
                return True
        if not self.is_over():
            return False
        self._grant()
        return self.has_room(first, size)

    def refuse(self, first: int, topic: bytes) -> None:
        """Count a message there was no room for."""
        qos = 1 if first & _QOS else 0
        left = self._left_qos1 if qos else self._left_qos0
        self.drop("up_bytes" if left >= 1.0 else f"up_qos{qos}", 1, topic)

    def _grant(self) -> None:
        rates, (passed_s, held_s) = self._rates, self.renew()
        self._left_qos0 = min(self._left_qos0 + rates.up_qos0 * passed_s, rates.up_qos0 * held_s)
        self._left_qos1 = min(self._left_qos1 + rates.up_qos1 * passed_s, rates.up_qos1 * held_s)
        self._bytes = min(self._bytes + rates.bytes_per_s * passed_s, rates.bytes_per_s * held_s)


class MeteredOutbox(Outbox):
    """The way out to a client with rates. Takes the place of the plain outbox at the login, when that is empty."""

    __slots__ = ("_bytes", "_left", "_rates", "_windows")

    def __init__(self, plain: Outbox, broker: Broker, principal: Principal, rates: Rates) -> None:
        assert plain._writer is not None
        super().__init__(broker.dispatcher, plain._writer)
        self._rates = rates
        self._windows = _Windows(broker, principal)
        self._left = self._bytes = 0.0

    def send(self, run: bytes, messages: int) -> None:
        """Queue the packets of the run that are within the rates."""
        ends: list[int] = []
        position = 0
        while len(ends) < messages and (bounds := frame(run, position)) is not None:
            position = bounds[1]
            ends.append(position)
        taken = self._take(run, ends)
        if taken:
            super().send(run if taken == messages else run[: ends[taken - 1]], taken)

    def send_acknowledged(self, run: AcknowledgedRun) -> None:
        """The same at QoS 1, with no more than so many unacknowledged; while offline all are kept."""
        if self._writer is None:
            super().send_acknowledged(run)
            return
        taken = self._take(run.data, run.ends)
        room = self._room()
        if taken > room:
            self._windows.drop("down_unacknowledged", taken - room, _topic(run.data))
            taken = room
        if taken:
            super().send_acknowledged(run if taken == len(run) else run.first(taken))

    def post(self, message: Message, grant: Grant, *, kept: bool = False) -> None:
        """Send one message that goes in a form of its own, if it is within the rates. While offline, only keep it."""
        if self._writer is not None:
            size = len(message.topic) + len(message.payload)
            if not self._has_room(1, size):
                self._windows.drop("down", 1, message.topic)
                return
            if message.qos and grant.qos and not self._room():
                self._windows.drop("down_unacknowledged", 1, message.topic)
                return
            self._left -= 1.0
            self._bytes -= size
        super().post(message, grant, kept=kept)

    def _room(self) -> int:
        """How many more messages may be unacknowledged."""
        unfinished = 0 if self.window is None else self.window.unfinished
        return max(self._rates.down_unacknowledged - unfinished, 0)

    def _has_room(self, messages: int, size: int) -> bool:
        """Whether so many messages, of so many bytes together, are within the rates."""
        windows = self._windows
        if windows.seems_over() or ((messages > self._left or size > self._bytes) and windows.is_over()):
            passed_s, held_s = windows.renew()
            down, bytes_per_s = self._rates.down, self._rates.bytes_per_s
            self._left = min(self._left + down * passed_s, down * held_s)
            self._bytes = min(self._bytes + bytes_per_s * passed_s, bytes_per_s * held_s)
        return messages <= self._left and size <= self._bytes

    def _take(self, run: bytes, ends: list[int]) -> int:
        """How many of the packets that end at `ends` may go; the others are dropped here."""
        taken = len(ends)
        if ends and not self._has_room(taken, ends[-1]):
            taken = min(taken, int(self._left))
            while taken and ends[taken - 1] > self._bytes:
                taken -= 1
            self._windows.drop("down", len(ends) - taken, _topic(run))
        self._left -= taken
        self._bytes -= ends[taken - 1] if taken else 0
        return taken


def _topic(packet: bytes) -> bytes:
    """The topic of the first PUBLISH in `packet`."""
    bounds = frame(packet, 0)
    if bounds is None:
        return b""
    start = bounds[0] + 2
    return packet[start : start + (packet[start - 2] << 8 | packet[start - 1])]
