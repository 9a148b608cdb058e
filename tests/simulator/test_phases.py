"""`phases:`: stretches of a run that have a name."""

from __future__ import annotations

import pytest

from jinqiao.base.errors import ScenarioError
from jinqiao.simulator.scenario import Scenario, parse_scenario

HEAD = """name: Phased
start: 2026-11-23T08:00+08:00
duration: 1 h
fleets: [{name: cars, count: 1, models: {bmw-ix3-2021: 1}, agenda: commuter}]
"""


def scenario(phases: str) -> Scenario:
    return parse_scenario(f"{HEAD}phases: {phases}\n", name="s.yaml")


def test_phases_follow_one_another() -> None:
    found = scenario("[{name: warm-up, until: 20 min}, {name: rush, until: 1 h}]").phases
    assert [(phase.name, phase.until_s) for phase in found] == [("warm-up", 1200.0), ("rush", 3600.0)]
    assert parse_scenario(HEAD).phases == ()


@pytest.mark.parametrize(
    ("phases", "column", "told"),
    [
        ("[{name: rush hour, until: 5 min}]", 17, "expected one word"),
        ("[{name: 2nd, until: 5 min}]", 17, "begins with a letter"),
        ("[{name: '', until: 5 min}]", 17, "expected one word"),
        ("[{name: a, until: 5}]", 27, "unit"),
        ("[{name: a, until: 5 min}, {name: a, until: 6 min}]", 42, "a second time, phases.0 has it"),
        ("[{name: a, until: 5 min}, {name: b, until: 5 min}]", 52, "expected a time after '5 min'"),
        ("[{name: a, until: 5 min, untill: 5 min}]", 34, "did you mean 'until'?"),
        ("[{name: a}]", 10, "'until' is missing"),
    ],
)
def test_a_phase_that_does_not_fit_is_told_with_its_place(phases: str, column: int, told: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario(phases)
    problem = caught.value.problems[0]
    assert (problem.line, problem.column) == (5, column)
    assert told in problem.message


def test_a_phase_behind_the_runs_end_is_worth_a_warning() -> None:
    (problem,) = scenario("[{name: a, until: 1 h}, {name: b, until: 2 h}]").warnings
    assert (problem.line, problem.path) == (5, "phases.1.until")
    assert "never comes: the scenario ends after 1 h" in problem.message
