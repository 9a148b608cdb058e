"""Batches as vehicles report them: wrong values in place, and samples with missing ones in batches of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Batch, Step

from .reported import Altered, Reported

__all__ = ["reported_batches", "reported_step"]


def reported_batches(reported: Reported, batches: Sequence[Batch], start_ms: int) -> tuple[Batch, ...] | None:
    """What vehicles report of these true batches, of a run that began at `start_ms`; None where that is the same."""
    found: list[Batch] = []
    same = True
    for batch in batches:
        altered = reported.of(batch.vehicles, batch.signals, (batch.time_ms - start_ms) // 1000)
        stamps_ms = reported.clocks.shown_ms(batch.vehicles, batch.time_ms) if reported.clocks.any else None
        if altered is None and stamps_ms is None:
            found.append(batch)
            continue
        same = False
        altered = altered or Altered(dict(batch.signals))
        told = Batch(batch.time_ms, batch.group, batch.vehicles, altered.signals, stamps_ms)
        found += _by_what_is_missing(told, altered.missing) if altered.missing else [told]
    return None if same else tuple(found)


def reported_step(reported: Reported, step: Step, start_ms: int) -> Step:
    """What vehicles report of a true step, with the truth beside it where its samples differ."""
    told = reported_batches(reported, step.batches, start_ms)
    if told is not None:
        step = replace(step, batches=told, truth=step.batches)
    if reported.clocks.any:
        step = replace(step, events=reported.clocks.stamped(step.events), can=reported.clocks.of_can(step.can))
    return step


def _by_what_is_missing(batch: Batch, missing: Mapping[str, NDArray[np.bool_]]) -> Iterator[Batch]:
    """The whole samples, then those that lack the same signals together, in the order of what they lack.

    A sample without one part of a property has none of its parts: half a position is none.
    """
    lacks: dict[str, NDArray[np.bool_]] = {}
    for name, where in missing.items():
        own = SIGNALS[name].property
        lacks[own] = lacks[own] | where if own in lacks else where
    code = np.zeros(len(batch), np.int64)
    for where in lacks.values():  # numbers stay small however many there are
        code = np.unique(code * 2 + where, return_inverse=True)[1]
    sets = []
    for number in np.unique(code).tolist():
        rows = np.flatnonzero(code == number)
        without = tuple(name for name, where in lacks.items() if where[rows[0]])
        sets.append((without, rows))
    for without, rows in sorted(sets, key=lambda one: one[0]):
        yield _without(batch.rows(rows), without)


def _without(batch: Batch, properties: tuple[str, ...]) -> Batch:
    kept: dict[str, Any] = {
        name: column for name, column in batch.signals.items() if SIGNALS[name].property not in properties
    }
    return Batch(batch.time_ms, batch.group, batch.vehicles, kept, batch.stamps_ms)
