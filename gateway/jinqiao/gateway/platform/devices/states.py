"""What is remembered of every device, and the one way to change it: announced first, changed after.

`changing` hands out a copy of one store. When its block ends, the new content is announced (`events`), which keeps it
if somebody keeps it; only then does it replace the old. A block that raises, or a storage that refuses, changes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol

import orjson

from ..events import EventAccepted, PropertiesAccepted, StateChanged
from ..events.spoken import Source
from ..listeners import Events
from ..registry.registry import Device
from .simulated import SimulatedValues
from .state import DeviceState, Timed, loaded

__all__ = ["DeviceStates", "Index"]

_CHANGES: Mapping[str, type[StateChanged]] = {change.kind: change for change in StateChanged.__subclasses__()}

_NONE: Mapping[str, Any] = MappingProxyType({})


class Index(Protocol):
    """What finds devices by the content of one store. It follows every change of it, kept and restored ones alike."""

    def put(self, identity: str, value: Any) -> None:
        """The store has this content now; None: nothing is remembered of the device any more."""


class DeviceStates:
    """A `DeviceState` for each device of which anything is known, by identity; `indexes` by the kind of their store."""

    def __init__(
        self, events: Events, simulated: SimulatedValues, indexes: Mapping[str, Index] = MappingProxyType({})
    ) -> None:
        self._events, self._simulated, self._indexes = events, simulated, indexes
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
        if not self._events.heard(change) and kind not in self._indexes:
            yield state
            return
        draft, known = copy(state), getattr(state, kind)
        setattr(draft, kind, loaded(kind, orjson.loads(orjson.dumps(state.dump_of(kind)))))
        yield draft
        fresh = getattr(draft, kind)
        if fresh != known:
            announced = self._events.change(change, device, fresh)
            self._events.make(partial(self._put, device.identity, kind, fresh))
            announced.done()

    def restore(self, identity: str, kind: str, dumped: Any) -> None:
        """Remember one store that was kept of a device; nobody is notified."""
        self._put(identity, kind, loaded(kind, dumped))

    def _put(self, identity: str, kind: str, value: Any) -> None:
        setattr(self._states.setdefault(identity, DeviceState()), kind, value)
        if kind in self._indexes:
            self._indexes[kind].put(identity, value)

    def forget(self, device: Device) -> None:
        """Nothing is remembered of the device any more."""
        if self._states.pop(device.identity, None) is not None:
            for index in self._indexes.values():
                index.put(device.identity, None)

    def versions(self, device: Device) -> Mapping[str, str]:
        """Software versions by OTA module: what the device informed of, else what it left the factory with."""
        state = self._states.get(device.identity)
        factory = device.product.devices.factory_versions
        return {**factory, **state.versions} if state is not None else factory

    def last_values(self, device: Device) -> Mapping[str, Timed]:
        """The last accepted value of each property, whether it came in a post or in a simulated vehicle's columns.

        A simulated vehicle that has a connection of its own posts like any other device.
        """
        state = self._states.get(device.identity)
        posted = state.properties.last if state is not None else {}
        if not device.product.devices.simulated:
            return posted
        found = self._simulated.last_values(device)
        for address, timed in posted.items():
            known = found.get(address)
            if known is None or timed.time_ms >= known.time_ms:
                found[address] = timed
        return found

    # What devices say.

    def take_properties(
        self,
        device: Device,
        params: Mapping[str, Any],
        refused: Mapping[str, int],
        now_ms: int,
        request_id: str = "",
        source: Source = "post",
    ) -> None:
        """Remember the values of a checked post that were not refused. Raises what those raise who have to agree."""
        events = self._events
        if not events.waits(PropertiesAccepted):  # a fleet's posts: nothing is built around the change
            self._take_properties(device, params, refused, now_ms)
            events.emit(PropertiesAccepted, device, params, refused, now_ms, request_id, source)
            return
        announced = events.change(PropertiesAccepted, device, params, refused, now_ms, request_id, source)
        events.make(partial(self._take_properties, device, params, refused, now_ms))
        announced.done()

    def _take_properties(
        self, device: Device, params: Mapping[str, Any], refused: Mapping[str, int], now_ms: int
    ) -> None:
        take = self.of(device).properties.take
        for address, value in params.items():
            if address in refused:
                continue
            if type(value) is dict and "value" in value:
                take(address, value["value"], value.get("time", now_ms))
            else:
                take(address, value, now_ms)

    def take_event(
        self,
        device: Device,
        identifier: str,
        output: Mapping[str, Any],
        time_ms: int | None,
        now_ms: int,
        *,
        refused: Mapping[str, tuple[Any, int]] = _NONE,
        request_id: str = "",
        source: Source = "post",
    ) -> None:
        """A checked event; without a time of its own it is of now. Raises what those raise who have to agree."""
        self._events.change(
            EventAccepted, device, identifier, output, time_ms or now_ms, now_ms, refused, request_id, source
        ).done()
