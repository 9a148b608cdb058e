"""Which vehicles a command or a fault is for, in words: `on: 3 of parked commuters`.

    on     = [amount] [state] [fleet] | VIN | [VIN, …]
    amount = N of | N % [of] | any [of] | all [of]      all where it is absent
    state  = parked | driving | charging | queueing     any state where it is absent
    fleet  = a fleet's name                             all fleets where it is absent

`any` is one vehicle, drawn; `5 %` is that share of those who fit, one at least. Who fits is decided at the moment when
it happens, not when the file is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import PlainValidator, WithJsonSchema

from jinqiao.base.explain import Finding
from jinqiao.base.words import Refused, did_you_mean, one_of, show
from jinqiao.vehicles.modes import VehicleState

__all__ = ["STATES", "Lots", "Selected", "Selection", "parse_selection", "unknown_fleets", "unknown_stations"]

#: A lot (64 random bits) for each of these row numbers.
Lots = Callable[[NDArray[np.intp]], NDArray[np.uint64]]

STATES: Mapping[str, VehicleState] = {
    "parked": VehicleState.PARKED,
    "driving": VehicleState.DRIVING,
    "charging": VehicleState.CHARGING,
    "queueing": VehicleState.QUEUEING,
}

_AMOUNT = re.compile(
    r"(?:(?P<count>[0-9]+) of|(?P<percent>[0-9]+(?:[.][0-9]+)?) ?%(?: of)?|(?P<word>any|all)(?: of)?)(?: |$)"
)
_EXAMPLES = ["parked commuters", "3 of commuters", "5 %", "any", "all"]
_WANTED = f"expected vehicles: [N of | N % | any | all] [{' | '.join(STATES)}] [fleet], like {_EXAMPLES[1]!r}"
#: As many as a scenario can hold.
_MOST = 1_000_000
#: ISO 3779: no I, O or Q.
_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
#: VINs of one list; names among which a mistaken one looks for its nearest (some 40 ms).
_MOST_NAMED, MOST_NEAR = 10_000, 1_000


class Rows(Protocol):
    """Of a town: all of its rows, and those of each fleet by its name."""

    @property
    def rows(self) -> slice: ...
    @property
    def fleets(self) -> Mapping[str, slice]: ...


class Vehicles(Protocol):
    """All vehicles: what they do and what they are called, both shape (n,)."""

    @property
    def vehicle_state(self) -> NDArray[np.uint8]: ...
    @property
    def vins(self) -> NDArray[np.bytes_]: ...


@dataclass(frozen=True, slots=True)
class Selection:
    """A parsed `on:`. At most one of `count` and `share` (0 … 1) is set; `state` and `fleet` are None for every one.

    `vins` are vehicles by name: then nothing else is set, and `find_vins` says which rows they are.
    """

    written: str
    count: int | None = None
    share: float | None = None
    state: VehicleState | None = None
    fleet: str | None = None
    vins: tuple[str, ...] = ()

    def find_vins(self, names: NDArray[np.bytes_]) -> NDArray[np.intp]:
        """The rows of `vins` among the `names` of all vehicles, shape (n,), strictly rising; those that there are."""
        rows: NDArray[np.intp] = np.flatnonzero(np.isin(names, np.array(self.vins, "S17")))
        return rows

    def unknown_vins(self, names: NDArray[np.bytes_]) -> Iterator[tuple[str, str]]:
        """Those of `vins` that are not among the `names` of all vehicles: the VIN, and what to say of it."""
        if self.vins:
            there = set(names[self.find_vins(names)].astype(str).tolist())
            for vin in self.vins:
                if vin not in there:
                    near = did_you_mean(vin, names[:MOST_NEAR].astype(str).tolist())
                    yield vin, f"found {vin!r}, expected the VIN of a vehicle of this run{near}"

    def pick_in(self, there: Rows, fleet: Vehicles, lots: Lots) -> NDArray[np.intp]:
        """The vehicles it means now in one town: as `pick`, or those that it names."""
        if not self.vins:
            return self.pick(there.rows, there.fleets, fleet.vehicle_state, lots)
        named = self.find_vins(fleet.vins)
        mine: NDArray[np.intp] = named[(named >= there.rows.start) & (named < there.rows.stop)]
        return mine

    @property
    def is_counted(self) -> bool:
        """Whether it means some of those who fit, not all."""
        return self.count is not None or self.share is not None

    def rows_of(self, town: Rows) -> slice:
        """The rows of its fleet in a town, of all fleets where it names none."""
        return town.rows if self.fleet is None else town.fleets[self.fleet]

    def pick(
        self, everyone: slice, fleets: Mapping[str, slice], vehicle_state: NDArray[np.uint8], lots: Lots
    ) -> NDArray[np.intp]:
        """The vehicles it means now: row numbers, strictly rising, shape (m,); none where nobody fits.

        It chooses among the rows `everyone` of a town; `fleets` maps the name of every fleet to its rows there,
        `vehicle_state` holds the state of all vehicles, shape (n,). Where more fit than are wanted, the lowest of their
        `lots` are chosen: who else fits changes no other's lot.
        Not for one that names its vehicles.
        """
        rows = everyone if self.fleet is None else fleets[self.fleet]
        first: int = rows.start
        fitting = np.arange(first, rows.stop, dtype=np.intp)
        if self.state is not None:
            fitting = fitting[vehicle_state[rows] == self.state]
        wanted = self.wanted(len(fitting))
        if wanted >= len(fitting):
            return fitting
        return np.sort(fitting[np.argpartition(lots(fitting), wanted)[:wanted]])

    def wanted(self, fitting: int) -> int:
        """How many it means of so many that fit; it may be more than there are."""
        if self.count is not None:
            return self.count
        if self.share is not None:
            return max(1, int(self.share * fitting + 0.5))
        return fitting


def parse_selection(value: object) -> Selection:
    """The selection a scenario writes; raises Refused with what was found. Fleets are looked up later, see below."""
    if isinstance(value, list):
        return _of_vins(value)
    if not isinstance(value, str) or not value.strip():
        raise Refused(f"found {show(value)}, {_WANTED}")
    text = " ".join(value.split())
    if _VIN.fullmatch(text):
        return Selection(value, vins=(text,))
    count = share = None
    amount = _AMOUNT.match(text)
    rest = text
    if amount is not None:
        rest = text[amount.end() :]
        if amount["count"] is not None:
            count = _number(value, amount["count"], rest)
        elif amount["percent"] is not None:
            share = float(amount["percent"]) / 100.0
            if not 0.0 < share <= 1.0:
                raise Refused(f"found {show(value)}, expected more than 0 and at most 100 %")
        elif amount["word"] == "any":
            count = 1
    elif re.match(r"[0-9]", text):
        raise Refused(f"found {show(value)}, {_WANTED}")
    state, fleet = _what(rest)
    return Selection(value, count, share, state, fleet)


def _of_vins(values: list[Any]) -> Selection:
    for vin in values:
        if not isinstance(vin, str) or not _VIN.fullmatch(vin):
            raise Refused(f"found {show(vin)}, expected the VIN of a vehicle: 17 capitals and digits, without I, O, Q")
    if not 0 < len(set(values)) == len(values) <= _MOST_NAMED:
        raise Refused(f"found {show(values)}, expected from 1 to {_MOST_NAMED:,} VINs, each once")
    return Selection(", ".join(values), vins=tuple(values))


def _number(value: str, digits: str, rest: str) -> int:
    if len(digits) > 7 or not 1 <= int(digits) <= _MOST:
        raise Refused(f"found {show(value)}, expected from 1 to {_MOST} vehicles")
    if not rest:
        raise Refused(f"found {show(value)} without naming a fleet or state, {_WANTED}")
    return int(digits)


def _what(rest: str) -> tuple[VehicleState | None, str | None]:
    word, _, others = rest.partition(" ")
    if word in STATES:
        return STATES[word], others or None
    return None, None if rest in ("", "all", "any") else rest


def unknown_fleets(data: Any, key: str) -> Iterator[Finding]:
    """A finding for every `on:` under `key` (`commands`, `faults`) of plain scenario data that names no fleet of it."""
    if not isinstance(data, dict):
        return
    names = [fleet["name"] for fleet in _entries(data, "fleets") if isinstance(fleet.get("name"), str)]
    for index, entry in enumerate(_entries(data, key)):
        try:
            fleet = parse_selection(entry.get("on")).fleet
        except Refused:
            continue  # its field reports it
        if fleet is not None and fleet not in names:
            yield Finding((key, index, "on"), _no_such_fleet(fleet, names))


def unknown_stations(data: Any) -> Iterator[Finding]:
    """A finding for every `station:` under `faults` of plain scenario data that names no charging station of it."""
    if not isinstance(data, dict):
        return
    names = [station["name"] for station in _entries(data, "charging_stations") if isinstance(station.get("name"), str)]
    for index, entry in enumerate(_entries(data, "faults")):
        name = entry.get("station")
        if isinstance(name, str) and name not in names:
            expected = one_of([repr(known) for known in names[:5]]) if names else "one of charging_stations"
            yield Finding(("faults", index, "station"), f"no station {name!r}, expected {expected}{_near(name, names)}")


def _near(name: str, names: Sequence[str]) -> str:
    return did_you_mean(name, names) if names else ""


def _no_such_fleet(fleet: str, names: Sequence[str]) -> str:
    near = did_you_mean(fleet, [*names, *STATES])
    return f"no fleet {fleet!r}, expected {one_of([*names[:5], 'a state', 'any', 'all'])}{near}"


def _entries(data: Mapping[str, Any], key: str) -> list[Any]:
    entries = data.get(key)
    return [entry if isinstance(entry, dict) else {} for entry in entries] if isinstance(entries, list) else []


def _read(value: object) -> Selection:
    return value if isinstance(value, Selection) else parse_selection(value)


#: The field of a scenario model: `on: Selected = Field(description=…)`.
Selected = Annotated[
    Selection,
    PlainValidator(_read),
    WithJsonSchema(
        {
            "title": "vehicles",
            "anyOf": [
                {"type": "string", "minLength": 1, "examples": _EXAMPLES},
                {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": f"^{_VIN.pattern}$"}},
            ],
        }
    ),
]
