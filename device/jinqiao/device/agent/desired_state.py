"""Desired state kept by the cloud: desired properties and the shadow's. The car acts, reports, takes it back.

What the car refuses for the moment (unlocking on the way) stays, and is asked for again every simulated minute.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from jinqiao.wire.alink.codes import OK
from jinqiao.wire.alink.json_values import compact, object_of
from jinqiao.wire.alink.limits import SHADOW_ATTRIBUTES

from .asking import Asking
from .car import Outgoing
from .later import Later

__all__ = ["DesiredState"]

#: Simulated time between two looks at a desired value that was refused, and how long the car goes on: a day.
_AGAIN_MS, _MOST_TRIES = 60_000, 1_440
#: How often in a row the shadow may say that its version is another.
_MOST_CONFLICTS = 3
_CONFLICT = "409"

Ask = Callable[[int], Iterable[Outgoing]]


class DesiredState:
    """What all vehicles are to be; `identity` is a row's `{product_key}/{device_name}`, `new_id` a fresh Alink id."""

    def __init__(
        self,
        asking: Asking,
        later: Later,
        identity: Callable[[int], str],
        new_id: Callable[[], str],
        now_ms: Callable[[], int],
    ) -> None:
        self._asking, self._later = asking, later
        self._identity, self._new_id, self._now_ms = identity, new_id, now_ms
        #: Refusals in a row, by who asks again.
        self._tries: Counter[tuple[int, Ask]] = Counter()
        self._waiting: set[tuple[int, Ask]] = set()
        self._conflicts: Counter[int] = Counter()

    # Desired properties.

    def ask_desired(self, row: int, addresses: Iterable[str] = ()) -> Iterable[Outgoing]:
        """Ask what is desired: of these properties, or of all that can be set."""
        wanted = sorted(addresses) or sorted(self._asking.settable)
        yield self._request(row, "thing/property/desired/get", wanted)

    def take_desired(self, row: int, payload: bytes) -> Iterable[Outgoing]:
        """What is desired: act, and delete what is fulfilled unless somebody has changed it meanwhile."""
        reply = object_of(payload)
        data = reply.get("data") if reply is not None and reply.get("code") == OK else None
        if type(data) is not dict:
            return
        versions: dict[str, dict[str, int]] = {}
        desired = {}
        for address, entry in list(data.items())[:SHADOW_ATTRIBUTES]:
            if type(entry) is dict and type(entry.get("version")) is int and "value" in entry:
                desired[address] = entry["value"]
                versions[address] = {"version": entry["version"]}
        done = self._act(row, desired, self.ask_desired)
        if done:
            params = {address: versions[address] for address in done}
            yield self._request(row, "thing/property/desired/delete", params)

    # The shadow.

    def ask_shadow(self, row: int) -> Iterable[Outgoing]:
        """Ask for the shadow."""
        yield self._shadow(row, {"method": "get"})

    def take_shadow(self, row: int, payload: bytes) -> Iterable[Outgoing]:
        """The shadow, or what it says to our report: act on what it desires, and report that."""
        document = object_of(payload)
        content = document.get("payload") if document is not None else None
        if document is None or type(content) is not dict or document.get("method") not in {"control", "reply"}:
            return
        if content.get("status") == "error":
            yield from self._conflict(row, content.get("content"))
            return
        state = content.get("state")
        desired, version = (state.get("desired") if type(state) is dict else None), document.get("version")
        if type(desired) is not dict or not desired or type(version) is not int:
            if type(state) is not dict:
                self._conflicts.pop(row, None)  # our report was taken
            return
        done = self._act(row, dict(list(desired.items())[:SHADOW_ATTRIBUTES]), self.ask_shadow)
        if done:
            report: dict[str, Any] = {"reported": {name: desired[name] for name in done}}
            if len(done) == len(desired):
                report["desired"] = "null"
            yield self._shadow(row, {"method": "update", "state": report, "version": version + 1})

    def _conflict(self, row: int, content: Any) -> Iterable[Outgoing]:
        """Somebody wrote in between: look again."""
        if type(content) is dict and content.get("errorcode") == _CONFLICT:
            self._conflicts[row] += 1
            if self._conflicts[row] <= _MOST_CONFLICTS:
                yield from self.ask_shadow(row)

    # Both.

    def _act(self, row: int, desired: Mapping[str, Any], ask: Ask) -> list[str]:
        """Which of these the car has fulfilled. One it refuses is tried again; one it does not have is left alone."""
        done = []
        refused = False
        own = {address: value for address, value in desired.items() if address in self._asking.settable}
        fulfilled = self._asking.fulfilled(row, own) if own else set()
        for address, value in own.items():
            if address in fulfilled or self._asking.set_properties(row, {address: value}).code == OK:
                done.append(address)
            else:
                refused = True
        if refused:
            self._again(row, ask)
        else:
            self._tries.pop((row, ask), None)
        return done

    def _again(self, row: int, ask: Ask) -> None:
        key = (row, ask)
        self._tries[key] += 1
        if key in self._waiting or self._tries[key] > _MOST_TRIES:
            return
        self._waiting.add(key)

        def look() -> Iterable[Outgoing]:
            self._waiting.discard(key)
            return ask(row)

        self._later.at(self._now_ms() + _AGAIN_MS, look)

    def _request(self, row: int, path: str, params: Any) -> Outgoing:
        method = path.replace("/", ".")
        body = {"id": self._new_id(), "version": "1.0", "sys": {"ack": 1}, "params": params, "method": method}
        return Outgoing(row, f"/sys/{self._identity(row)}/{path}", orjson.dumps(body))

    def _shadow(self, row: int, message: dict[str, Any]) -> Outgoing:
        return Outgoing(row, f"/shadow/update/{self._identity(row)}", compact(message), 1)
