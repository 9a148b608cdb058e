"""`jinqiao bench gbt32960`: real-time frames per second on one core, beside the encoder of single frames.

The frame is the vehicle's: items 01 vehicle, 02 one motor, 05 position, alarms, and in 2016 06 extremes; every cell of
a pack is the second figure. Columns change from round to round; the time is that of all steps from columns in units to
frames with their check codes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.vehicles.gbt32960.layout import FrameLayout
from jinqiao.wire.gbt32960.forms import Number
from jinqiao.wire.gbt32960.frame import Frame, decode_frame, encode_frame

from .machine import machine

__all__ = ["bench_gbt32960"]

_NOW_MS = 1_795_333_508_000
#: Items of the vehicle frame, without and with all cells.
_ITEMS: Mapping[str, tuple[str, ...]] = {
    "2016": ("vehicle", "motors", "position", "extremes", "alarms"),
    "2025": ("vehicle", "motors", "position", "alarms"),
}
_CELLS = 108
_COUNTS = {"motors": 1}
_WITH_CELLS = {**_COUNTS, "cells": 1, "cells.cells_v": _CELLS, "probes": 1, "probes.probes_degc": _CELLS}
#: Frames the single encoder makes a round, and rows with all cells: they are slower.
_SINGLE, _FULL = 2_000, 20_000


def bench_gbt32960(vehicles: int, seconds: float) -> dict[str, Any]:
    """Encode batches of `vehicles` for about `seconds` each way; returns the figures."""
    vins = np.array([b"LBV%014d" % i for i in range(vehicles)], "S17")
    figures: dict[str, Any] = {}
    for edition, items in _ITEMS.items():
        layout = FrameLayout(edition, items, _COUNTS)
        full = FrameLayout(edition, (*items, "cells", "probes"), _WITH_CELLS)
        rate = _rate(layout, vins, seconds / 3)
        single = _single_rate(layout, vins, seconds / 6)
        figures[edition] = {
            "frames_per_s": round(rate),
            "bytes_per_frame": layout.size,
            "items": list(items),
            "with_all_cells_frames_per_s": round(_rate(full, vins[:_FULL], seconds / 6)),
            "with_all_cells_bytes": full.size,
            "single_frames_per_s": round(single),
            "ratio": round(rate / single, 1),
        }
    return {
        "frames_per_s": min(figures[edition]["frames_per_s"] for edition in figures),
        "vehicles": vehicles,
        "editions": figures,
        "machine": machine(),
    }


def _columns(layout: FrameLayout, count: int, turn: int) -> dict[str, NDArray[Any]]:
    """Values that differ from vehicle to vehicle and from round to round, inside what each field can say."""
    random = np.random.default_rng(turn)
    found: dict[str, NDArray[Any]] = {}
    for slot in layout.slots:
        shape = (count, slot.count) if slot.count else (count,)
        if isinstance(slot.form, Number):
            low, high = slot.form.value(0), slot.form.value(slot.form.most)
            found[slot.path] = random.uniform(low, high, shape).astype(np.float32 if slot.size < 4 else np.float64)
        else:
            found[slot.path] = random.integers(1, 3, shape).astype(np.uint8)
    return found


def _rate(layout: FrameLayout, vins: NDArray[np.bytes_], seconds: float) -> float:
    rounds = [_columns(layout, len(vins), turn) for turn in range(4)]
    layout.encode(vins, _NOW_MS, rounds[0])
    rates: list[float] = []
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline or not rates:
        began = time.perf_counter()
        layout.encode(vins, _NOW_MS + 1000 * len(rates), rounds[len(rates) % 4])
        rates.append(len(vins) / (time.perf_counter() - began))
    return float(np.median(rates))


def _single_rate(layout: FrameLayout, vins: NDArray[np.bytes_], seconds: float) -> float:
    """The same frames out of dictionaries of values, one call each."""
    frames = _frames(layout, vins[:_SINGLE])
    rates: list[float] = []
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline or not rates:
        began = time.perf_counter()
        for frame in frames:
            encode_frame(frame)
        rates.append(len(frames) / (time.perf_counter() - began))
    return float(np.median(rates))


def _frames(layout: FrameLayout, vins: NDArray[np.bytes_]) -> list[Frame]:
    rows = layout.encode(vins, _NOW_MS, _columns(layout, len(vins), 0))
    return [decode_frame(row.tobytes()) for row in rows]
