"""The active faults of all sensors, and what the vehicles report because of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS

from ..draws import VehicleDraws
from .clocks import Clocks
from .layers import HOLDING, Kind, SensorFault, SignalLayers

__all__ = ["Altered", "Reported", "TrueNow"]

Rows: TypeAlias = NDArray[np.intp]

#: The true values of a signal of these vehicles at this moment, and without touching them.
TrueNow: TypeAlias = Callable[[Rows, str], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Altered:
    """What m vehicles report: `signals` are all columns, those that are wrong replaced.

    `places` names the signals that are wrong, each with the places, rising, of the vehicles where it is; `missing`
    those that are missing somewhere, with where, shape (m,). A missing value stands in its column as it was told last.
    """

    signals: dict[str, NDArray[Any]]
    places: dict[str, Rows] = field(default_factory=dict)
    missing: dict[str, NDArray[np.bool_]] = field(default_factory=dict)


class Reported:
    """Of n vehicles. `any` says whether a sensor of any of them is wrong: all others need to ask no more.

    `true_now` gives true values at a beginning, `second` the second since the start, at `start_ms`, at which that is.
    """

    def __init__(
        self, n: int, draws: VehicleDraws, true_now: TrueNow, second: Callable[[], int], start_ms: int = 0
    ) -> None:
        self.any = False
        self.clocks = Clocks(n, start_ms)
        self._draws, self._true_now, self._second = draws, true_now, second
        self._faults: dict[str, list[SensorFault]] = {}
        self._layers: dict[str, SignalLayers] = {}
        #: How many faults each vehicle has, (n,).
        self._count = np.zeros(n, np.int32)

    def begin(
        self, source: object, kind: Kind, signal: str, rows: Rows, amount: float = 0.0, chance: float = 0.0
    ) -> None:
        """From this second on a signal (a name of the table) of these vehicles (fleet rows, rising) is wrong.

        `amount` and `chance` are those of `SensorFault`. What holds a value holds that of this moment.
        """
        now_s = self._second()
        held = np.zeros(len(rows))
        if kind in HOLDING:
            held = self._shown_now(kind, signal, rows, now_s)
        draws = self._draws.of(rows)
        keys = draws.words(f"{kind} of {signal}", now_s if kind == "spike" else 0)
        self._faults.setdefault(signal, []).append(SensorFault(source, kind, rows, amount, chance, now_s, keys, held))
        self._count[rows] += 1
        self._changed(signal)

    def end(self, source: object, kind: Kind, signal: str, rows: Rows) -> None:
        """What began like this is over; of several the first. Raises ValueError where there is none."""
        faults = self._faults.get(signal, [])
        for place, fault in enumerate(faults):
            if fault.source is source and fault.kind == kind and np.array_equal(fault.rows, rows):
                del faults[place]
                break
        else:
            raise ValueError(f"no such fault of {signal!r} is active")
        self._count[rows] -= 1
        self._changed(signal)

    def skew(self, source: object, rows: Rows, offset_s: float, rate: float) -> None:
        """From this second on the clocks of these vehicles are wrong, as `Clocks.begin` says."""
        self.clocks.begin(source, rows, offset_s, rate, self._second())
        self._see()

    def set_right(self, source: object, rows: Rows) -> None:
        """What began like this is over. Raises ValueError where it has not begun."""
        self.clocks.end(source, rows)
        self._see()

    def of(self, rows: NDArray[np.integer[Any]], signals: Mapping[str, NDArray[Any]], seconds: Any) -> Altered | None:
        """What these vehicles, shape (m,), report, whose true values are `signals`; None where that is the same.

        `seconds` since the start are one for all, or shape (m,). The columns that come stay as they are.
        """
        places = np.flatnonzero(self._count[rows])
        if not len(places):
            return None
        struck = rows[places].astype(np.intp)
        at_s = np.broadcast_to(np.asarray(seconds, np.int64), len(rows))[places]
        altered = Altered(dict(signals))
        for name, layers in self._layers.items():
            true = signals.get(name)
            own = layers.struck[struck] if true is not None else None
            if true is None or own is None or not own.any():
                continue
            mine = places[own]
            values, missing = layers.told(true[mine], struck[own], at_s[own])
            column = true.copy()
            column[mine] = values
            altered.signals[name], altered.places[name] = column, mine
            if missing is not None:
                absent = altered.missing[name] = np.zeros(len(rows), np.bool_)
                absent[mine] = missing
        return altered if altered.places else None

    def _shown_now(self, kind: Kind, signal: str, rows: Rows, now_s: int) -> NDArray[np.float64]:
        """What the sensors show at this moment; of a value that goes missing, what was told last."""
        values = self._true_now(rows, signal)
        layers, at_s = self._layers.get(signal), np.full(len(rows), now_s)
        if layers is not None:
            values = layers.sensed(values, rows, at_s) if kind == "stuck" else layers.told(values, rows, at_s)[0]
        return values.astype(np.float64)

    def _changed(self, signal: str) -> None:
        faults = self._faults[signal]
        if faults:
            self._layers[signal] = SignalLayers(SIGNALS[signal], faults, len(self._count))
        else:
            del self._faults[signal], self._layers[signal]
        # In the order of the table, so that it does not depend on who began first.
        self._layers = {name: self._layers[name] for name in SIGNALS if name in self._layers}
        self._see()

    def _see(self) -> None:
        self.any = bool(self._layers) or self.clocks.any
