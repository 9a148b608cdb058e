"""The checker: remembers the last report of every vehicle and holds each new one against all rules, without loops over
vehicles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import GROUPS, SIGNALS
from jinqiao.base.telemetry import Batch, Label
from jinqiao.vehicles.vehicle_file import VehicleModel

from ..faults.kinds import KINDS
from ..faults.physical import PhysicalFault
from .energy import SUMS, sums_of_step
from .pair import F8, Gathered, Mask, Pair, published
from .rules import RULES, Rule
from .spec_limits import SpecLimits

__all__ = ["OUT_OF_RANGE", "Checker", "Violation"]

#: Violations kept with their values; more are only counted.
KEPT = 50
#: Not a row of the table, as it is asked of every signal: a value outside what the signal table allows, or no number.
OUT_OF_RANGE = "out_of_range"
NEVER_MS = -1


@dataclass(frozen=True, slots=True)
class Violation:
    """One vehicle, one moment, one broken rule; `values` are signal: (last, now), the last NaN where there is none."""

    vin: str
    time_ms: int
    rule: str
    meaning: str
    values: Mapping[str, tuple[float, float]]

    def __str__(self) -> str:
        moment = datetime.fromtimestamp(self.time_ms / 1000, UTC).isoformat(timespec="seconds")
        told = ", ".join(_told(name, *values) for name, values in self.values.items())
        return f"{self.vin} {moment} {self.rule}: {self.meaning}: {told}"


def _moment(batch: Batch) -> tuple[int, int]:
    return int(batch.time_ms[0]), GROUPS.index(batch.group)


def _told(name: str, last: float, now: float) -> str:
    row = SIGNALS[name]
    unit = f" {row.unit}" if row.unit else ""
    return f"{name} {now:.{row.decimals}f}{unit}" + ("" if np.isnan(last) else f" after {last:.{row.decimals}f}{unit}")


class Checker:
    """Reads the batches of one fleet in the order of time: `models[model_of[i]]` is vehicle i, `vins[i]` its name.

    `checked` counts the values held against a rule, `by_rule` the violations of each, `violations` keeps the first.
    """

    def __init__(
        self,
        models: Sequence[VehicleModel],
        model_of: NDArray[np.int16],
        vins: NDArray[np.bytes_],
        rules: Sequence[Rule] = RULES,
    ) -> None:
        self.violations: list[Violation] = []
        self.by_rule: Counter[str] = Counter()
        self.checked = 0
        self._limits = SpecLimits.of(models, model_of)
        self._vins = vins
        self._rules = {when: [rule for rule in rules if rule.when == when] for when in ("core", "detail", "instant")}
        n = len(model_of)
        self._last = {s.name: np.full(n, np.nan) for group in GROUPS for s in SIGNALS.group(group)}
        # What `detail` rules compare: the core values of the same second as the last detail report.
        self._then = {s.name: np.full(n, np.nan) for s in SIGNALS.group("core")}
        self._time_ms = {group: np.full(n, NEVER_MS, dtype=np.int64) for group in GROUPS}
        self._paired = np.zeros(n, dtype=bool)
        self._sums = {name: np.zeros(n) for name in SUMS}
        #: How many faults are at work that break a rule, of each vehicle.
        self._bent: dict[str, NDArray[np.int32]] = {}

    @property
    def total(self) -> int:
        """All violations."""
        return self.by_rule.total()

    def as_json(self) -> dict[str, Any]:
        """The summary's entry."""
        return {"violations": self.total, "checked": self.checked, "by_rule": dict(sorted(self.by_rule.items()))}

    def read(self, batches: Iterable[Batch], labels: Iterable[Label] = ()) -> list[Violation]:
        """Check what is published, instant by instant; returns the violations that are new and kept.

        `labels` are of faults that begin or end before the first of `batches`. A car that has been repaired is looked
        at afresh, and a rule that a physical fault `bends` is not asked of its vehicles while it lasts.
        """
        before = len(self.violations)
        for label in labels:
            self._note_fault(label)
        for batch in sorted((instant for several in batches for instant in several.instants()), key=_moment):
            now = {name: published(name, values) for name, values in batch.signals.items()}
            self._ranges(batch)
            if batch.group == "core":
                self._core(batch, now)
            else:
                self._detail(batch, now)
        return self.violations[before:]

    def _note_fault(self, label: Label) -> None:
        kind = KINDS.get(label.kind)
        if kind is None or not issubclass(kind, PhysicalFault):
            return
        rows = label.vehicles
        for rule in kind.bends:
            bent = self._bent.setdefault(rule, np.zeros(len(self._vins), dtype=np.int32))
            bent[rows] += {"begin": 1, "end": -1}.get(label.phase, 0)
        if label.phase == "end":
            for times_ms in self._time_ms.values():
                times_ms[rows] = NEVER_MS
            self._paired[rows] = False
            for total in self._sums.values():
                total[rows] = 0.0

    def _ranges(self, batch: Batch) -> None:
        for name, values in batch.signals.items():
            row = SIGNALS[name]
            wrong = ~((values >= row.low) & (values <= row.high))
            self.checked += len(values)
            if wrong.any():
                now = {name: values.astype(np.float64)}
                meaning = f"outside {row.low:g} … {row.high:g}"
                self._note(OUT_OF_RANGE, meaning, (name,), wrong, batch, now, {})

    def _core(self, batch: Batch, now: dict[str, F8]) -> None:
        rows = _places(batch.vehicles)
        before = Gathered({name: self._last[name] for name in now}, rows)
        pair = self._pair(batch, now, before, self._time_ms["core"])
        known = self._time_ms["core"][rows] != NEVER_MS
        self._ask("core", pair, known, batch)
        for name, added in sums_of_step(pair).items():
            self._sums[name][rows] += np.where(known, added, 0.0)
        self._remember(batch, now)

    def _detail(self, batch: Batch, now: dict[str, F8]) -> None:
        rows = _places(batch.vehicles)
        together = self._time_ms["core"][rows] == batch.time_ms
        core = {name: self._last[name][rows] for name in self._then}
        before = Gathered({name: self._last[name] for name in now} | self._then, rows)
        pair = self._pair(batch, now | core, before, self._time_ms["detail"])
        self._ask("instant", pair, together, batch)
        self._ask("detail", pair, together & self._paired[rows], batch)
        self._remember(batch, now)
        for name, values in core.items():
            self._then[name][rows] = values
        self._paired[rows] = together
        for total in self._sums.values():
            total[rows] = 0.0

    def _pair(self, batch: Batch, now: dict[str, F8], before: Mapping[str, F8], times_ms: NDArray[np.int64]) -> Pair:
        rows = _places(batch.vehicles)
        seconds = (batch.time_ms - times_ms[rows]) / 1000.0
        sums = {name: total[rows] for name, total in self._sums.items()}
        return Pair(now, before, batch.signals, seconds, sums, self._limits.at(rows))

    def _remember(self, batch: Batch, now: dict[str, F8]) -> None:
        rows = _places(batch.vehicles)
        for name, values in now.items():
            self._last[name][rows] = values
        self._time_ms[batch.group][rows] = batch.time_ms

    def _ask(self, when: str, pair: Pair, where: Mask, batch: Batch) -> None:
        count = int(where.sum())
        if not count:
            return
        with np.errstate(invalid="ignore"):  # a first report has nothing before it, and is not asked about it
            for rule in self._rules[when]:
                self.checked += count
                wrong = rule.broken(pair) & where
                if rule.name in self._bent:
                    wrong &= self._bent[rule.name][batch.vehicles] == 0
                if wrong.any():
                    before = {} if when == "instant" else pair.before
                    self._note(rule.name, rule.meaning, rule.shows, wrong, batch, pair.now, before)

    def _note(
        self,
        rule: str,
        meaning: str,
        shows: tuple[str, ...],
        wrong: Mask,
        batch: Batch,
        now: Mapping[str, F8],
        before: Mapping[str, F8],
    ) -> None:
        places = np.flatnonzero(wrong)
        self.by_rule[rule] += len(places)
        for place in places[: KEPT - len(self.violations)].tolist():
            values = {
                name: (float(before[name][place]) if name in before else np.nan, float(now[name][place]))
                for name in shows
            }
            vin = self._vins[batch.vehicles[place]].decode()
            self.violations.append(Violation(vin, int(batch.time_ms[place]), rule, meaning, values))


def _places(vehicles: NDArray[np.int32]) -> slice | NDArray[np.int32]:
    """The same rows, which rise strictly; as a slice where there is no gap between them, so that nothing is copied."""
    if len(vehicles) and vehicles[-1] - vehicles[0] == len(vehicles) - 1:
        return slice(int(vehicles[0]), int(vehicles[-1]) + 1)
    return vehicles
