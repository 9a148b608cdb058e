"""What is wrong with one signal, vehicle by vehicle: the active faults of a kind as columns.

Values run through the layers in this order: what is added to the true value (offsets and drifts as sums, noises as one
of the root of their squares' sum, spikes each for itself), kept within the signal's range; then a stuck sensor, which
shows what the sum was when it began; then a value that is missing, which on roads without a word for that stays what
was told last. So it does not matter which of two faults began first, nor which ends first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.keyed import Draws, folded
from jinqiao.base.signals import Signal

__all__ = ["HOLDING", "Kind", "SensorFault", "SignalLayers"]

F8s: TypeAlias = NDArray[np.float64]
U8s: TypeAlias = NDArray[np.uint64]
Rows: TypeAlias = NDArray[np.intp]
Seconds: TypeAlias = NDArray[np.int64]

Kind: TypeAlias = Literal["offset", "drift", "noise", "spike", "stuck", "dropout"]
#: Kinds that hold the value they found.
HOLDING: frozenset[Kind] = frozenset({"stuck", "dropout"})


@dataclass(frozen=True, slots=True)
class SensorFault:
    """One active fault of a signal in the vehicles `rows` (fleet rows, rising, shape (k,)) since second `begun_s`.

    `amount` is in the signal's unit: the offset, the drift per second, the noise's standard deviation, the spike's
    size. `chance` is that of a spike in a second. `keys`, shape (k,), are what the vehicles draw with; `held`, shape
    (k,), is what a fault that holds shows. `source` tells whose it is.
    """

    source: object
    kind: Kind
    rows: Rows
    amount: float
    chance: float
    begun_s: int
    keys: U8s
    held: F8s


@dataclass(frozen=True, slots=True)
class _Layer:
    """Columns, shape (e,), of the vehicles `rows`, which rise; `depth` is how often one of them may stand there."""

    rows: Rows
    first: F8s
    second: F8s
    keys: U8s
    depth: int

    def matches(self, rows: Rows) -> list[tuple[Rows, Rows]]:
        """Places among `rows`, shape (m,), of vehicles that stand here, and where they do; `depth` pairs at most."""
        low = np.searchsorted(self.rows, rows)
        last = len(self.rows) - 1
        found = []
        for level in range(self.depth):
            entries = low + level
            here = (entries <= last) & (self.rows[np.minimum(entries, last)] == rows)
            places = np.flatnonzero(here)
            if not len(places):
                break
            found.append((places, entries[places]))
        return found


class SignalLayers:
    """All that is wrong with one signal of n vehicles now; `faults` are in the order of their beginnings.

    `struck`, shape (n,), says with whom it is.
    """

    def __init__(self, signal: Signal, faults: Sequence[SensorFault], n: int) -> None:
        self.signal = signal
        self.struck = np.zeros(n, np.bool_)
        by_kind: dict[Kind, list[SensorFault]] = {}
        for fault in faults:
            by_kind.setdefault(fault.kind, []).append(fault)
            self.struck[fault.rows] = True
        self._added = [(_ADDED[kind], _MADE[kind](by_kind[kind])) for kind in _ADDED if kind in by_kind]
        self._stuck = _first_of_each(by_kind["stuck"]) if "stuck" in by_kind else None
        self._dropped = _first_of_each(by_kind["dropout"]) if "dropout" in by_kind else None

    def sensed(self, values: NDArray[Any], rows: Rows, seconds: Seconds) -> NDArray[Any]:
        """What the sensors show of true `values` of these vehicles at these seconds since the start, all shape (m,)."""
        found = values.astype(np.float64)
        changed = np.zeros(len(rows), np.bool_)
        for amounts, layer in self._added:
            for places, entries in layer.matches(rows):
                found[places] += amounts(layer, entries, seconds[places])
                changed[places] = True
        if changed.any():
            # A whole number has no half, and what was not altered keeps its last bit.
            shown = np.rint(found) if values.dtype.kind in "iu" else found
            found = np.where(changed, np.clip(shown, self.signal.low, self.signal.high), found)
        if self._stuck is not None:
            _hold(self._stuck, found, rows)
        return found.astype(values.dtype)

    def told(self, values: NDArray[Any], rows: Rows, seconds: Seconds) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """The same as it is told, and of which it is missing, shape (m,), or None; there it is what was told last."""
        shown = self.sensed(values, rows, seconds)
        if self._dropped is None:
            return shown, None
        missing = np.zeros(len(rows), np.bool_)
        for places, entries in self._dropped.matches(rows):
            shown[places] = self._dropped.first[entries].astype(values.dtype)
            missing[places] = True
        return shown, missing if missing.any() else None


def _hold(layer: _Layer, values: F8s, rows: Rows) -> None:
    for places, entries in layer.matches(rows):
        values[places] = layer.first[entries]


# What a layer adds, and how it is made of its faults.


def _offset(layer: _Layer, entries: Rows, _: Seconds) -> F8s:
    return layer.first[entries]


def _drift(layer: _Layer, entries: Rows, seconds: Seconds) -> F8s:
    return layer.first[entries] * seconds - layer.second[entries]


def _noise(layer: _Layer, entries: Rows, seconds: Seconds) -> F8s:
    return layer.first[entries] * Draws(folded(layer.keys[entries], seconds)).normal("noise")


def _spike(layer: _Layer, entries: Rows, seconds: Seconds) -> F8s:
    drawn = Draws(folded(layer.keys[entries], seconds)).shares("spike")
    return np.where(drawn < layer.second[entries], layer.first[entries], 0.0)


def _columns(faults: Sequence[SensorFault]) -> tuple[Rows, F8s, F8s, U8s]:
    """Rows, amounts, seconds of the beginning and keys of all of them, one behind the other."""
    sizes = [len(fault.rows) for fault in faults]
    return (
        np.concatenate([fault.rows for fault in faults]),
        np.repeat([fault.amount for fault in faults], sizes),
        np.repeat([float(fault.begun_s) for fault in faults], sizes),
        np.concatenate([fault.keys for fault in faults]),
    )


def _summed(faults: Sequence[SensorFault]) -> _Layer:
    """One entry a vehicle, whose amounts are sums; the second one of amount times beginning, for drifts."""
    rows, amounts, begun_s, keys = _columns(faults)
    unique, first, places = np.unique(rows, return_index=True, return_inverse=True)
    together: F8s = np.bincount(places, amounts).astype(np.float64)
    since: F8s = np.bincount(places, amounts * begun_s).astype(np.float64)
    return _Layer(unique, together, since, keys[first], 1)


def _quadratic(faults: Sequence[SensorFault]) -> _Layer:
    """One entry a vehicle: the noises of several are one, whose variance is the sum of theirs."""
    rows, amounts, _, keys = _columns(faults)
    unique, first, places = np.unique(rows, return_index=True, return_inverse=True)
    return _Layer(unique, np.sqrt(np.bincount(places, amounts**2)), np.zeros(len(unique)), keys[first], 1)


def _each(faults: Sequence[SensorFault]) -> _Layer:
    """An entry for each fault of a vehicle, in the order of their beginnings."""
    rows, amounts, _, keys = _columns(faults)
    chances = np.repeat([fault.chance for fault in faults], [len(fault.rows) for fault in faults])
    order = np.argsort(rows, kind="stable")
    depth = int(np.unique(rows, return_counts=True)[1].max(initial=1))
    return _Layer(rows[order], amounts[order], chances[order], keys[order], depth)


def _first_of_each(faults: Sequence[SensorFault]) -> _Layer:
    """One entry a vehicle: what the fault that began first holds. A later one found the same value."""
    rows = np.concatenate([fault.rows for fault in faults])
    unique, first = np.unique(rows, return_index=True)
    held = np.concatenate([fault.held for fault in faults])[first]
    return _Layer(unique, held, np.zeros(len(unique)), np.zeros(len(unique), np.uint64), 1)


#: Kinds that add to the true value, in the order in which they do → what they add; and how their layer is made.
_ADDED: dict[Kind, Callable[[_Layer, Rows, Seconds], F8s]] = {
    "offset": _offset,
    "drift": _drift,
    "noise": _noise,
    "spike": _spike,
}
_MADE: dict[Kind, Callable[[Sequence[SensorFault]], _Layer]] = {
    "offset": _summed,
    "drift": _summed,
    "noise": _quadratic,
    "spike": _each,
}
