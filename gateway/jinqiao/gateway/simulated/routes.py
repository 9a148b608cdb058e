"""Where each vehicle's messages of one kind go: a column of route numbers, looked up when a vehicle is first heard.

Whoever subscribes changes some of it: a filter that names a device that device's, one with a wildcard in that place
everybody's. What may have changed is looked up again when its vehicle speaks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from jinqiao.wire.mqtt.topics import matches

from .door import R, Router

__all__ = ["FleetRoutes"]

_UNKNOWN = -1
#: Different routes that are kept; with more, all is looked up anew.
_MOST_ROUTES = 200_000


class FleetRoutes(Generic[R]):
    """Of n vehicles; `topic` is theirs with `{}` for the device name, `names`, shape (n,), are the names.

    `row_of` finds a vehicle by its name, or says None. Route number i is `routes[i]`; `heard[i]` says whether anybody
    is subscribed to it.
    """

    def __init__(
        self,
        router: Router[R],
        topic: str,
        names: NDArray[np.bytes_],
        row_of: Callable[[str], int | None],
    ) -> None:
        self._router = router
        self._before, self._after = topic.split("{}")
        self._names = names
        self._row_of = row_of
        self._name_level = self._before.count("/")
        self._number_of = np.full(len(names), _UNKNOWN, np.int32)
        self._numbers: dict[R, int] = {}
        self.routes: list[R] = []
        self.heard = np.zeros(0, np.bool_)
        router.watch(self._changed)

    def of(self, vehicles: NDArray[np.int32]) -> NDArray[np.int32]:
        """The route numbers of these vehicles, shape (m,)."""
        numbers = self._number_of[vehicles]
        unknown = numbers < 0
        if unknown.any():
            if len(self.routes) > _MOST_ROUTES:
                self._forget_all()
                unknown[:] = True
            self._look_up(np.unique(vehicles[unknown]))
            self.heard = np.array([bool(route.grants or route.groups) for route in self.routes], np.bool_)
            numbers = self._number_of[vehicles]
        return numbers

    def _look_up(self, rows: NDArray[np.int32]) -> None:
        """Find the routes of these vehicles. Those whose names are in nobody's filter share one, as a rule."""
        names = [name.decode() for name in self._names[rows].tolist()]
        named = set(self._router.named(self._before, self._after, names))
        rest = np.array([name not in named for name in names], np.bool_)
        if rest.any():
            route = self._router.common(self._topic(names[int(rest.argmax())]))
            if route is not None:
                self._number_of[rows[rest]] = self._number(route)
                rows = rows[~rest]
        for row in rows.tolist():
            self._number_of[row] = self._number(self._router.find(self._topic(self._names[row].decode())))

    def _topic(self, name: str) -> bytes:
        return (self._before + name + self._after).encode()

    def _number(self, route: R) -> int:
        number = self._numbers.get(route)
        if number is None:
            number = self._numbers[route] = len(self.routes)
            self.routes.append(route)
        return number

    def _changed(self, topic_filter: str) -> None:
        levels = topic_filter.split("/")
        name = levels[self._name_level] if len(levels) > self._name_level else "#"
        if name in ("+", "#"):
            if matches(topic_filter, self._before + "x" + self._after):
                self._forget_all()
            return
        row = self._row_of(name) if matches(topic_filter, self._before + name + self._after) else None
        if row is not None:
            self._number_of[row] = _UNKNOWN

    def _forget_all(self) -> None:
        self._number_of[:] = _UNKNOWN
        self._numbers.clear()
        self.routes.clear()

    def split(self, vehicles: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """Route numbers of these vehicles, and how many of them each route has, by number."""
        numbers = self.of(vehicles)
        return numbers, np.bincount(numbers, minlength=len(self.routes))
