"""The scenario that benchmarks share: one fleet of three models in mild weather, without stations."""

from __future__ import annotations

__all__ = ["fleet_file"]

_SCENARIO = """\
name: {name}
start: 2026-11-23T{start}+08:00
duration: {seconds} s
place: jinqiao
weather: {{ambient: 20 degC}}
fleets:
  - name: fleet
    count: {vehicles}
    models: {{bmw-i3-edrive35l-2022: 1, bmw-i4-edrive40-2022: 1, bmw-ix3-2021: 1}}
    agenda: {agenda}
    initial_soc: {initial_soc}
    telemetry: {telemetry}
charging_stations: []
"""


def fleet_file(
    name: str,
    vehicles: int,
    seconds: int,
    agenda: str,
    *,
    start: str = "07:00",
    initial_soc: str = "uniform(0.6, 0.9)",
    telemetry: str = "{driving: 1 s, charging: 10 s, parked: 5 min}",
) -> str:
    """The file's text; what is a word of the scenario language is given as it is written there."""
    return _SCENARIO.format(
        name=name,
        start=start,
        seconds=seconds,
        vehicles=vehicles,
        agenda=agenda,
        initial_soc=initial_soc,
        telemetry=telemetry,
    )
