"""Runs made of columns, for tests of expectations: no world, so that every sample is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Batch, Event, Label, Step
from jinqiao.simulator.check import Checker
from jinqiao.simulator.expectations import Verdict
from jinqiao.simulator.expectations.bench import Bench
from jinqiao.simulator.expectations.building import Setting, build
from jinqiao.simulator.expectations.evidence import Evidence
from jinqiao.simulator.expectations.figures import Samples
from jinqiao.simulator.expectations.judge import Now
from jinqiao.simulator.expectations.reading import parse_expectation

__all__ = ["START_MS", "FakeTraffic", "Report", "judged", "setting_of", "step_of"]

START_MS = 1_795_392_000_000


@dataclass(frozen=True, slots=True)
class Report:
    """What vehicle `row` says `second` after the start: values of one group, by the names of the signal table."""

    second: int
    row: int
    values: Mapping[str, float]

    @property
    def group(self) -> str:
        return SIGNALS[next(iter(self.values))].group


@dataclass
class FakeTraffic:
    """What a run counts, set by hand."""

    sent: dict[str, int] = field(default_factory=dict)
    came: dict[str, int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    kwh: float = 0.0
    km: float = 0.0

    def said(self, kind: str) -> int:
        return self.sent.get(kind, 0)

    def arrived(self, kind: str) -> int:
        return self.came.get(kind, 0)

    def latency(self) -> Samples:
        return Samples(self.latencies)

    def energy_kwh(self, _: str) -> float:
        return self.kwh

    def distance_km(self, _: str) -> float:
        return self.km


def _no_checker() -> tuple[Checker, bool]:
    raise AssertionError("no cars here")


def setting_of(
    n: int,
    *,
    fleets: Mapping[str, slice | NDArray[np.intp]] | None = None,
    phases: Mapping[str, tuple[float, float]] | None = None,
    evidence: Evidence | None = None,
    traffic: FakeTraffic | None = None,
) -> Setting:
    """A run of n vehicles, whose VINs are `VIN00000000000000` and so on."""
    counts = traffic or FakeTraffic()
    return Setting(
        start_ms=START_MS,
        vins=np.array([f"V{row:016}".encode() for row in range(n)]),
        fleets=fleets or {},
        phases=phases or {},
        evidence=evidence or Evidence(),
        traffic=counts,
        meters=counts,
        checker=_no_checker,
    )


def step_of(
    until_s: int, reports: Sequence[Report], events: Sequence[Event] = (), labels: Sequence[Label] = ()
) -> Step:
    """One step with these reports, in the order of time and rows: a batch for each group."""
    batches = []
    for group in ("core", "detail"):
        mine = sorted((one for one in reports if one.group == group), key=lambda one: (one.second, one.row))
        if not mine:
            continue
        columns: dict[str, NDArray[Any]] = {
            name: np.array([one.values[name] for one in mine], SIGNALS[name].dtype) for name in mine[0].values
        }
        times = np.array([START_MS + one.second * 1000 for one in mine], np.int64)
        batches.append(Batch(times, group, np.array([one.row for one in mine], np.int32), columns))
    return Step(START_MS + until_s * 1000, tuple(batches), tuple(events), (), tuple(labels))


def judged(setting: Setting, text: str, steps: Sequence[Step], *, final: bool = True) -> Verdict:
    """What comes of an expectation in a run of these steps."""
    bench = Bench([build(parse_expectation(text), setting)], len(setting.vins))
    for step in steps:
        bench.take(step)
        setting.evidence.label(step.labels)
    now_ms = steps[-1].until_ms if steps else START_MS
    (verdict,) = bench.verdicts(Now(now_ms, final))
    return verdict
