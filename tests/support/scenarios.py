"""Scenarios that tests of several rooms run: as a world, and as a whole program."""

from __future__ import annotations

__all__ = ["BUSES", "FAULTS_HEAD"]

#: Four cars with CAN, three of which report it, and three cars without.
BUSES = """
name: Buses
seed: 5
start: 2026-11-23T08:00+08:00
duration: 2 min
fleets:
  - name: instrumented
    count: 4
    models: {bmw-i4-edrive40-2022: 1, bmw-ix3-2021: 1}
    agenda: {cycle: WLTC}
    telemetry: {can: {vehicles: 3, buses: [powertrain, battery]}}
  - name: plain
    count: 3
    models: {bmw-ix3-2021: 1}
    agenda: {cycle: UDDS}
"""

#: What comes before the faults of a scenario: fleets without CAN, with some cars that have it, and with all.
FAULTS_HEAD = """
name: Broken
seed: 5
start: 2026-11-23T08:00+08:00
duration: 2 min
fleets:
  - name: plain
    count: 3
    models: {bmw-ix3-2021: 1}
    agenda: {cycle: UDDS}
  - name: instrumented
    count: 5
    models: {bmw-i4-edrive40-2022: 1}
    agenda: {cycle: WLTC}
    telemetry: {can: {vehicles: 3}}
  - name: more
    count: 2
    models: {bmw-i4-edrive40-2022: 1}
    agenda: {cycle: WLTC}
    telemetry: {can: {vehicles: 9}}
faults:
"""
