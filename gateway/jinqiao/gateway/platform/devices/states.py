"""What is remembered of every device, and the one way to change it: announced first, changed after.

`changing` hands out a copy of one store. When its block ends, the new content is announced (`events`), which keeps it
if somebody keeps it; only then does it replace the old. A block that raises, or a storage that refuses, changes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from copy import copy
from functools import partial
from typing import Any

import orjson

from jinqiao.base.signals import GROUPS, SIGNALS

from ..events import EventAccepted, PropertiesAccepted, StateChanged
from ..listeners import Events
from ..outbound import Outbound
from ..registry.registry import Device
from .state import DeviceState, Timed, loaded

__all__ = ["DeviceStates"]

_CHANGES: Mapping[str, type[StateChanged]] = {change.kind: change for change in StateChanged.__subclasses__()}

#: Property each telemetry group's post begins with: the first of its rows, without a member or an index.
_GROUP_MARKS: Set[bytes] = frozenset(SIGNALS.group(group)[0].property.encode() for group in GROUPS)


def read_posts(payloads: Iterable[bytes]) -> dict[str, Timed]:
    """The newest values in property posts of the simulator, in which each has its time; of equal times the first."""
    newest: dict[str, Timed] = {}
    for payload in payloads:
        for address, timed in orjson.loads(payload)["params"].items():
            if address not in newest or newest[address].time_ms < timed["time"]:
                newest[address] = Timed(timed["value"], timed["time"])
    return newest


class DeviceStates:
    """A `DeviceState` for each device of which anything is known, by identity."""

    def __init__(self, events: Events, out: Outbound) -> None:
        self._events, self._out = events, out
        self._states: dict[str, DeviceState] = {}

    def of(self, device: Device) -> DeviceState:
        """What is remembered of a device; made if need be. To be read: `changing` is for changes."""
        state = self._states.get(device.identity)
        if state is None:
            state = self._states[device.identity] = DeviceState()
        return state

    def known(self, device: Device) -> DeviceState | None:
        """The same, or None if nothing is remembered yet."""
        return self._states.get(device.identity)

    @contextmanager
    def changing(self, device: Device, kind: str) -> Iterator[DeviceState]:
        """A draft of the device's state in which the store `kind` may be changed, and nothing else.

        Among several changes that belong together (`Events.together`) each store is changed once.
        """
        state, change = self.of(device), _CHANGES[kind]
        if not self._events.heard(change):
            yield state
            return
        draft, known = copy(state), getattr(state, kind)
        setattr(draft, kind, loaded(kind, orjson.loads(orjson.dumps(state.dump_of(kind)))))
        yield draft
        fresh = getattr(draft, kind)
        if fresh != known:
            announced = self._events.change(change, device, fresh)
            self._events.make(partial(setattr, state, kind, fresh))
            announced.done()

    def restore(self, identity: str, kind: str, dumped: Any) -> None:
        """Remember one store that was kept of a device; nobody is notified."""
        setattr(self._states.setdefault(identity, DeviceState()), kind, loaded(kind, dumped))

    def forget(self, device: Device) -> None:
        """Nothing is remembered of the device any more."""
        self._states.pop(device.identity, None)

    def versions(self, device: Device) -> Mapping[str, str]:
        """Software versions by OTA module: what the device informed of, else what it left the factory with."""
        state = self._states.get(device.identity)
        factory = device.product.devices.factory_versions
        return {**factory, **state.versions} if state is not None else factory

    def last_values(self, device: Device) -> Mapping[str, Timed]:
        """The last accepted value of each property; of a simulated vehicle those of its last post of each group.

        Posts of simulated vehicles are not looked at on their way, so the last ones are read when somebody asks. One
        that has a connection of its own is treated like any other device.
        """
        if device.product.devices.simulated:
            posts = self._out.last_payloads(f"/sys/{device.identity}/thing/event/property/post", _GROUP_MARKS)
            if posts:
                return read_posts(posts)
        state = self._states.get(device.identity)
        return state.properties.last if state is not None else {}

    # What devices say.

    def take_properties(
        self, device: Device, params: Mapping[str, Any], refused: Mapping[str, int], now_ms: int
    ) -> None:
        """Remember the values of a checked post that were not refused."""
        take = self.of(device).properties.take
        for address, value in params.items():
            if address in refused:
                continue
            if type(value) is dict and "value" in value:
                take(address, value["value"], value.get("time", now_ms))
            else:
                take(address, value, now_ms)
        self._events.emit(PropertiesAccepted, device, params, refused, now_ms)

    def take_event(
        self, device: Device, identifier: str, output: Mapping[str, Any], time_ms: int | None, now_ms: int
    ) -> None:
        """A checked event; without a time of its own it is of now."""
        self._events.emit(EventAccepted, device, identifier, output, time_ms or now_ms, now_ms)
