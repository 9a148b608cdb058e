"""Faults of a scenario in a whole run: labels go out, and the same seed breaks the same things."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.programs import Program
from support.scenarios import FAULTS_HEAD


@pytest.mark.program
def test_a_run_publishes_labels_and_is_the_same_again(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        FAULTS_HEAD
        + "  - {at: 3 s, on: all, fault: can_bus_off, node: BMS, for: 2 s}\n"
        + "  - {between: [2 s, 8 s], on: any plain, fault: dtc, code: P0AA6}\n"
    )
    summaries = []
    for _ in range(2):
        program = Program("run", str(tmp_path / "s.yaml"), "--mqtt-port", "0", "--for", "12s", "--speed", "max", "-q")
        assert program.ready
        code, lines, errors = program.finish()
        assert code == 0, errors
        summaries.append(lines[-1]["summary"])
    assert summaries[0]["published"]["label"] == 5 * 2 + 1
    # Five vehicles, three buses, two topics, eleven seconds; two seconds of the battery bus keep only the charger's.
    assert summaries[0]["published"]["can_batch"] == 5 * 3 * 2 * 11
    assert summaries[0]["sha256"] == summaries[1]["sha256"]
