"""Everything that vehicles answer, by topic kind: one table of what is done with which downlink."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from jinqiao.wire.alink.routing import Found, find
from jinqiao.wire.alink.thing_model import ThingModel
from jinqiao.wire.alink.topics import ANSWERED_IN_PLACE, TOPICS, Direction

from .asking import Asking
from .budget import Budget
from .car import Outgoing, VehicleControl
from .config import Configuration
from .desired_state import DesiredState
from .files import Files, RemoteFile
from .later import Later
from .upgrade import Upgrades

__all__ = ["MOST_BYTES", "Agent", "Responder"]

#: What a vehicle does with bytes that are no Alink: its row and the bytes, to an answer or None.
Responder = Callable[[int, bytes], bytes | None]

#: Bytes of a payload; the platform refuses more (limits).
MOST_BYTES = 262_144
#: The platform's default topic for what a device has to say.
_SAY = "user/update"
#: Ids of what vehicles say by themselves; their telemetry counts from 1.
_FIRST_ID, _LAST_ID = 2**31, 2**32


@dataclass(frozen=True, slots=True)
class _Downlink:
    """A message to one vehicle."""

    row: int
    found: Found
    topic: str
    payload: bytes


class Agent:
    """The T-Boxes of a fleet. `device_names` is an array of bytes, shape (n,).

    `responders` answer what is not Alink: under `down_raw` raw data of the thing model (answered on `up_raw`), under
    `rrpc` remote calls whose payload is none, under `user/…` messages and remote calls on that custom topic (answers
    to messages go out on `user/update`, which therefore cannot be responded to).
    `on_platform` says whether there is a platform that keeps desired values; a plain broker answers no question.
    """

    def __init__(
        self,
        product_key: str,
        device_names: NDArray[np.bytes_],
        car: VehicleControl,
        model: ThingModel,
        fetch: Callable[[RemoteFile], None],
        *,
        responders: Mapping[str, Responder] | None = None,
        on_platform: bool = True,
    ) -> None:
        self._product_key = product_key
        self._names = device_names
        self._order = np.argsort(device_names)
        self._on_platform = on_platform
        self._ids = count(_FIRST_ID)
        self._car = car
        self.responders: dict[str, Responder] = dict(responders or {})
        self.budget = Budget()
        self.later = Later()
        self.files = Files(fetch)
        self.asking = Asking(car, model)
        self.desired_state = DesiredState(self.asking, self.later, self.identity, self._new_id, lambda: car.time_ms)
        self.upgrades = Upgrades(car, self.later, self.files, self.identity, self._new_id)
        self.configuration = Configuration(car, self.files, self.identity)

    def row_of(self, topic: str) -> int | None:
        """Whose topic this is; None if it is no vehicle's, or no downlink that a vehicle acts on."""
        found = find(topic)
        if found is None or found.row.kind not in _ACTS or found.product_key != self._product_key:
            return None
        name = found.device_name.encode()
        if len(name) > self._names.itemsize:
            return None
        at = int(np.searchsorted(self._names, name, sorter=self._order))
        if at == len(self._order) or self._names[self._order[at]] != name:
            return None
        return int(self._order[at])

    def take(self, topic: str, payload: bytes, now_s: float) -> Iterable[Outgoing]:
        """What a vehicle says to a downlink; `now_s` is the wall clock, against which its work is bounded."""
        row = self.row_of(topic)
        found = find(topic)
        if row is None or found is None or len(payload) > MOST_BYTES or not self.budget.takes(row, now_s):
            return ()
        return _ACTS[found.row.kind](self, _Downlink(row, found, topic, payload))

    def online(self, row: int) -> Iterable[Outgoing]:
        """A vehicle has logged in by itself: it reports its version, and asks what was desired meanwhile."""
        yield from self.upgrades.inform(row)
        if self._on_platform:
            yield from self.desired_state.ask_desired(row)

    def tick(self) -> Iterable[Outgoing]:
        """What vehicles do by themselves at the present simulated moment."""
        return self.later.run(self._car.time_ms)

    def filters(self) -> list[str]:
        """What to subscribe where downlinks are not pushed: the topics acted on, of all vehicles of the product."""
        return [
            "/".join(_level(level, self._product_key) for level in row.pattern.split("/"))
            for row in TOPICS
            # A broker that echoes would have the answer to a call on its own topic be the next call.
            if row.kind in _ACTS.keys() - ANSWERED_IN_PLACE - {"custom"} and Direction.DOWN in row.direction
        ] + self.custom_filters()

    def custom_filters(self) -> list[str]:
        """Custom topics that somebody responds to: those are never pushed."""
        return [f"/{self._product_key}/+/{name}" for name in self.responders if name.startswith("user/")]

    def identity(self, row: int) -> str:
        """`{product_key}/{device_name}` of a vehicle."""
        return f"{self._product_key}/{self._names[row].decode()}"

    def _new_id(self) -> str:
        number = next(self._ids)
        if number >= _LAST_ID:
            self._ids = count(_FIRST_ID)
            number = next(self._ids)
        return str(number)

    # What is done with each kind.

    def _request(self, asked: _Downlink) -> Iterable[Outgoing]:
        """A property set, a property get or a service: the topic says which."""
        outcome, reply = self.asking.reply(asked.row, _method(asked.topic), asked.payload)
        yield Outgoing(asked.row, f"{asked.topic}_reply", reply)
        if asked.found.row.kind == "property_set" and self._on_platform and outcome.code == 200:
            # It may have been a desired value: what is fulfilled is taken back.
            yield from self.desired_state.ask_desired(asked.row)

    def _call(self, asked: _Downlink) -> Iterable[Outgoing]:
        """A remote call of the system, answered on its own topic of the response."""
        topic = f"/sys/{self.identity(asked.row)}/rrpc/response/{asked.found.variables[0]}"
        return self._answer_call(asked, topic, None)

    def _custom_call(self, asked: _Downlink) -> Iterable[Outgoing]:
        """A remote call on its own topic, answered there: a service, raw data, or a custom topic's."""
        if asked.found.row.kind == "rrpc_custom":
            return self._respond(asked, asked.topic.split(f"{self.identity(asked.row)}/", 1)[1], asked.topic)
        if asked.topic.endswith("/thing/model/down_raw"):
            return self._respond(asked, "down_raw", asked.topic)
        return self._answer_call(asked, asked.topic, _method(asked.topic))

    def _answer_call(self, asked: _Downlink, topic: str, method: str | None) -> Iterable[Outgoing]:
        if "rrpc" in self.responders and not asked.payload.lstrip().startswith(b"{"):
            return self._respond(asked, "rrpc", topic)
        return (Outgoing(asked.row, topic, self.asking.reply(asked.row, method, asked.payload)[1]),)

    def _raw(self, asked: _Downlink) -> Iterable[Outgoing]:
        return self._respond(asked, "down_raw", f"/sys/{self.identity(asked.row)}/thing/model/up_raw")

    def _custom(self, asked: _Downlink) -> Iterable[Outgoing]:
        path = asked.topic.split(f"{self.identity(asked.row)}/", 1)[1]
        return () if path == _SAY else self._respond(asked, path, f"/{self.identity(asked.row)}/{_SAY}")

    def _respond(self, asked: _Downlink, name: str, topic: str) -> Iterable[Outgoing]:
        """Let a responder answer; where there is none, nobody does."""
        responder = self.responders.get(name)
        reply = responder(asked.row, asked.payload) if responder is not None else None
        return () if reply is None else (Outgoing(asked.row, topic, reply),)

    def _pushed_config(self, asked: _Downlink) -> Iterable[Outgoing]:
        return self.configuration.pushed(asked.row, asked.payload)

    def _desired(self, asked: _Downlink) -> Iterable[Outgoing]:
        return self.desired_state.take_desired(asked.row, asked.payload)

    def _shadow(self, asked: _Downlink) -> Iterable[Outgoing]:
        return self.desired_state.take_shadow(asked.row, asked.payload)

    def _upgrade(self, asked: _Downlink) -> Iterable[Outgoing]:
        return self.upgrades.notified(asked.row, asked.payload)


_ACTS: Mapping[str, Callable[[Agent, _Downlink], Iterable[Outgoing]]] = {
    "property_set": Agent._request,
    "property_get": Agent._request,
    "service": Agent._request,
    "rrpc_request": Agent._call,
    "rrpc": Agent._custom_call,
    "rrpc_custom": Agent._custom_call,
    "raw_down": Agent._raw,
    "custom": Agent._custom,
    "config_push": Agent._pushed_config,
    "desired_get_reply": Agent._desired,
    "shadow_get": Agent._shadow,
    "ota_upgrade": Agent._upgrade,
}


def _method(topic: str) -> str:
    """`…/thing/service/Unlock` → `thing.service.Unlock`."""
    return "thing." + topic.split("/thing/", 1)[1].replace("/", ".")


def _level(level: str, product_key: str) -> str:
    if level == "{pk}":
        return product_key
    if level == "{*}":
        return "#"
    return "+" if level.startswith("{") else level
