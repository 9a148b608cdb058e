"""Detections are scored as documented: the same figures as an independent script finds, over any log."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.base.telemetry import Label
from jinqiao.simulator.expectations import Verdict
from jinqiao.simulator.expectations.bounds import Bound
from jinqiao.simulator.expectations.detections import GRACE_MS, Demand, score
from jinqiao.simulator.expectations.evidence import MOST_DETECTIONS, Evidence
from support import score as script
from support.examples import examples
from support.judging import START_MS, judged, setting_of, step_of

CARS, FAULTS = 2, ("dtc", "charger_fault", "no_such_fault")
#: Moments around each other and around the grace after an end.
MOMENTS = st.sampled_from([0, 1, 30, 59, 60, 61, 90, 119, 120, 121, 180, 240, 400]).map(lambda s: START_MS + s * 1000)


def vin(row: int) -> str:
    return f"V{row:016}" if row >= 0 else "NOBODY"


@st.composite
def logs(draw: st.DrawFn) -> tuple[list[Label], list[tuple[int, str, int]]]:
    """Labels in the order of time, and detections: row (-1: no such vehicle), fault, time."""
    changes: list[tuple[int, int, Label]] = []
    for _ in range(draw(st.integers(0, 8))):
        rows = np.array(sorted(draw(st.sets(st.integers(0, CARS - 1), min_size=1))), np.int32)
        kind = draw(st.sampled_from(FAULTS[:2]))
        parameters = draw(st.sampled_from([{}, {"code": "P0A80"}]))
        times = sorted([draw(MOMENTS), draw(MOMENTS)])
        shape = draw(st.sampled_from(["once", "ends", "lasts"]))
        begin = Label(times[0], kind, "once" if shape == "once" else "begin", rows, parameters)
        changes.append((begin.time_ms, 1, begin))
        if shape == "ends" and times[1] > times[0]:
            changes.append((times[1], 0, Label(times[1], kind, "end", rows, parameters)))
    labels = [label for *_, label in sorted(changes, key=lambda change: change[:2])]
    told = draw(st.lists(st.tuples(st.integers(-1, CARS - 1), st.sampled_from(FAULTS), MOMENTS), max_size=15))
    return labels, told


def as_json(labels: list[Label], told: list[tuple[int, str, int]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What the control API lists, and what the product told."""
    listed = [
        {
            "number": 0,
            "fault": label.kind,
            "phase": label.phase,
            "time": label.time_ms,
            "vehicle": vin(row),
            "parameters": label.parameters,
        }
        for label in labels
        for row in label.vehicles.tolist()
    ]
    return listed, [{"vehicle": vin(row), "fault": fault, "time": time_ms} for row, fault, time_ms in told]


@settings(max_examples=examples(400))
@given(log=logs())
def test_a_score_is_that_of_an_independent_script(log: tuple[list[Label], list[tuple[int, str, int]]]) -> None:
    labels, told = log
    evidence = Evidence()
    evidence.label(labels)
    for row, fault, time_ms in told:
        evidence.detected(vin(row), row, fault, time_ms, time_ms, "http")
    for fault in FAULTS:
        found = score(evidence.of_fault(fault), [one for one in evidence.detections if one.fault == fault])
        theirs = script.scored(fault, *as_json(labels, told))
        assert theirs == {
            "true": found.true,
            "false": found.false,
            "repeats": found.repeats,
            "labels": found.labels,
            "precision": found.precision,
            "recall": found.recall,
            "latencies_ms": list(found.latencies_ms),
        }
        for percent in (1, 50, 90, 99, 100):
            latency = Demand("latency", Bound("<=", 60.0), percent).of(found)
            assert latency == script.latency_s(list(found.latencies_ms), percent)


def run_of(*told: tuple[int, str, int], faults: int = 2) -> tuple[Any, list[Any]]:
    """A run in which vehicle 0 … has the fault `dtc` from second 60 to second 120, and what a product told: row, fault,
    second.
    """
    evidence = Evidence()
    rows = np.arange(faults, dtype=np.int32)
    labels = [] if not faults else [Label(START_MS + 60_000, "dtc", "begin", rows)]
    ends = [] if not faults else [Label(START_MS + 120_000, "dtc", "end", rows)]
    for row, fault, second in told:
        evidence.detected(vin(row), row, fault, START_MS + second * 1000, START_MS + second * 1000, "mqtt")
    steps = [step_of(61, [], labels=labels), step_of(121, [], labels=ends), step_of(400, [])]
    return setting_of(3, evidence=evidence), steps


def verdict_on(text: str, *told: tuple[int, str, int], faults: int = 2, final: bool = True) -> Verdict:
    """What comes of an expectation in such a run."""
    setting, steps = run_of(*told, faults=faults)
    return judged(setting, text, steps, final=final)


@pytest.mark.parametrize(
    ("told", "precision", "recall"),
    [
        ([(0, "dtc", 61), (1, "dtc", 180)], 1.0, 1.0),  # the last moment of the grace
        ([(0, "dtc", 61), (1, "dtc", 181)], 0.5, 0.5),  # after it
        ([(0, "dtc", 59), (1, "dtc", 60)], 0.5, 0.5),  # before the fault
        ([(0, "dtc", 61), (0, "dtc", 62), (0, "dtc", 63)], 1.0, 0.5),  # again and again
        ([(0, "dtc", 61), (2, "dtc", 61)], 0.5, 0.5),  # another vehicle
        ([(0, "dtc", 61), (-1, "dtc", 61)], 0.5, 0.5),  # no vehicle
        ([(0, "dtc", 61), (1, "charger_fault", 61)], 1.0, 0.5),  # another fault is another detector's
    ],
)
def test_what_counts_as_true(told: list[tuple[int, str, int]], precision: float, recall: float) -> None:
    assert GRACE_MS == 60_000
    for figure, expected in (("precision", precision), ("recall", recall)):
        exactly = verdict_on(f"detects dtc: {figure} == {expected * 100:g} %", *told)
        assert exactly.verdict == "passed", exactly.measured


def test_a_detector_that_is_never_needed_is_not_exercised() -> None:
    found = verdict_on("detects dtc: precision >= 90 %, recall >= 80 %", faults=0)
    assert (found.verdict, found.exercised) == ("not exercised", 0)


def test_a_detector_that_says_nothing_fails_by_its_recall_and_has_no_precision() -> None:
    assert verdict_on("detects dtc: precision >= 90 %, recall >= 80 %").verdict == "failed"
    assert verdict_on("detects dtc: precision >= 90 %").verdict == "not exercised"


def test_a_false_alarm_without_any_fault_fails() -> None:
    found = verdict_on("detects dtc: precision >= 90 %", (0, "dtc", 100), faults=0)
    assert found.verdict == "failed"
    assert [(one.vin, one.text) for one in found.failures] == [(vin(0), "false: dtc detected")]


def test_latency_is_counted_from_the_fault_to_the_detection() -> None:
    told = (0, "dtc", 70), (1, "dtc", 100)
    assert verdict_on("detects dtc: latency p50 == 10 s, latency p100 == 40 s", *told).verdict == "passed"
    assert verdict_on("detects dtc: latency p90 <= 39 s", *told).verdict == "failed"


def test_before_the_end_a_detector_is_not_judged() -> None:
    assert verdict_on("detects dtc: precision >= 90 %", (2, "dtc", 100), final=False).verdict == "pending"


def test_a_product_that_floods_fills_a_bounded_log() -> None:
    evidence = Evidence()
    for number in range(MOST_DETECTIONS + 5):
        evidence.detected("V" * 1000, 0, "f" * 1000, number, number, "mqtt")
    assert len(evidence.detections) == MOST_DETECTIONS
    assert evidence.dropped["detections"] == 5
    assert len(evidence.detections[0].vin) == len(evidence.detections[0].fault) == 64
