"""Faults of the traction battery: cells, insulation."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from jinqiao.vehicles.battery import HEAT_J_PER_K_KWH
from jinqiao.vehicles.cells import probe_places, voltage_places
from jinqiao.vehicles.damage.cells import mark_hot_cell, mark_low_cell
from jinqiao.vehicles.damage.state import Quantity

from ...language.fields import CellNumber, CellRate, CellVolts, Excess, HeatingRate, Insulation, Share, Span, optional
from ..base import KIND, Rows, fault
from ..physical import Change, PhysicalFault

if TYPE_CHECKING:
    from jinqiao.vehicles.arrays import F4s
    from jinqiao.vehicles.fleet import Fleet

__all__ = ["CellImbalance", "CellOverheat", "IsolationLoss", "ThermalRunaway", "WeakCell"]

_CELL = "Number of the cell in series, from 1; a shorter pack counts round."
#: A cell whose short has been cleared gives its heat to its neighbours and the plates so fast, K/s (6 K/min: estimate).
COOLS_K_PER_S = 0.1
#: Thermal runaway of a large cell: heating of 10 K/s and more over 200 K and more (Feng et al. 2018, Energy Storage
#: Materials 10, 246-267); GB 38031-2025, C.5.3.7, takes 1 K/s over 3 s, with a voltage that falls by a quarter,
#: for one. Modelled at the slow end, as a cell's probe sees it through its wall, up to the end of the probe's range.
RUNAWAY_K_PER_S, RUNAWAY_K, RUNAWAY_V = 2.0, 150.0, 2.0
#: Its voltage is gone in so many seconds (the same: at the collapse of the separator).
COLLAPSE_S = 10.0


def _series(fleet: Fleet, row: int) -> int:
    series: int = fleet.models[int(fleet.model_of[row])].layout.series
    return series


def _mark_hot(fleet: Fleet, rows: Rows, cell: int) -> None:
    damage = fleet.harmed()
    for row in rows.tolist():
        series = _series(fleet, row)
        mark_hot_cell(damage, row, (cell - 1) % series + 1, probe_places(bytes(fleet.vins[row]), series))


def _mark_low(fleet: Fleet, rows: Rows, cell: int) -> None:
    damage = fleet.harmed()
    for row in rows.tolist():
        series = _series(fleet, row)
        strong, weak = int(fleet.strong_cell[row]), int(fleet.weak_cell[row])
        places = voltage_places(bytes(fleet.vins[row]), series, strong, weak)
        mark_low_cell(damage, row, (cell - 1) % series + 1, places)


def _heat_w(fleet: Fleet, rows: Rows, k_per_min: float) -> F4s:
    """What heats one cell so fast, W."""
    models = [fleet.models[number] for number in fleet.model_of[rows].tolist()]
    heat = [model.battery.gross_kwh * HEAT_J_PER_K_KWH / model.layout.series for model in models]
    return (np.array(heat) * k_per_min / 60.0).astype(np.float32)


@fault
class CellOverheat(PhysicalFault):
    """A cell heats itself by an inner short that its pack's charge feeds. Its probe, the alarm levels (55, 60, 65 degC;
    10, 15, 20 K between probes) and the battery management follow: less charging power from 48 degC or 10 K on, none
    from 60 degC or 15 K on, where the session ends; on the road 30 % of the power is left at 65 degC. Trouble code
    P0A7E from 60 degC on. When it ends, the cell cools within minutes."""

    fault: Literal["cell_overheat"] = KIND
    cell: CellNumber = optional(1, _CELL)
    # A cell of 5 kJ/K takes 130 W for 1.5 K/min, a third of an ampere of the pack: a short between those that only
    # drain a cell and those that end it (estimate).
    rate: HeatingRate = optional("1.5 degC/min", "How fast it warms, degC/min.")
    up_to: Excess = optional("40 degC", "Over its neighbours, where heat flows off as fast as it comes, K.")

    @property
    def changes(self) -> tuple[Change, ...]:
        return (
            Change(Quantity.HOT_K, self.up_to, self.rate / 60.0, COOLS_K_PER_S),
            Change(Quantity.SHORT_W, partial(_heat_w, k_per_min=self.rate)),
        )

    def prepare(self, fleet: Fleet, rows: Rows) -> None:
        _mark_hot(fleet, rows, self.cell)


@fault
class ThermalRunaway(PhysicalFault):
    """A cell runs away and is contained: it heats by 2 K/s up to 150 K over its neighbours while its voltage collapses.
    Alarm level 3, in GB/T 32960 of 2025 the pack's thermal event; the charge ends, and the driver stops at the next
    opportunity and leaves the car until the fault ends."""

    bends = frozenset({"probe_too_fast"})

    fault: Literal["thermal_runaway"] = KIND
    cell: CellNumber = optional(1, _CELL)

    @property
    def changes(self) -> tuple[Change, ...]:
        return (
            Change(Quantity.RUNAWAY, 1.0),
            Change(Quantity.HOT_K, RUNAWAY_K, RUNAWAY_K_PER_S),
            Change(Quantity.LOW_V, RUNAWAY_V, RUNAWAY_V / COLLAPSE_S),
        )

    def prepare(self, fleet: Fleet, rows: Rows) -> None:
        _mark_hot(fleet, rows, self.cell)
        _mark_low(fleet, rows, self.cell)


@fault
class WeakCell(PhysicalFault):
    """A cell has lost capacity and resists more. A string holds what its weakest cell holds, so the pack's capacity,
    range and state of health fall by `capacity`; the cell sags under load and swells when it is charged, the pack
    warms more, and the discharging power is held where that cell would fall below its least voltage. Alarms by the
    difference of cells (0.1 V level 1, 0.3 V level 2), trouble codes P0A80 and P0BBD."""

    fault: Literal["weak_cell"] = KIND
    cell: CellNumber = optional(1, _CELL)
    # A cell that has come to its knee: 20 % below its neighbours (the usual end of a cell's life), its
    # resistance several times theirs (Attia et al. 2022, J. Electrochem. Soc. 169 060517, on knees).
    capacity: Share = optional("15 %", "Share of its capacity that it has lost, below 50 %.", lt=0.5)
    resistance: Annotated[float, Field(strict=True, ge=0, le=20, allow_inf_nan=False)] = optional(
        3.0, "Additional resistance, in sound cells."
    )

    @property
    def changes(self) -> tuple[Change, ...]:
        return (Change(Quantity.OHM, self.resistance),)

    def prepare(self, fleet: Fleet, rows: Rows) -> None:
        _mark_low(fleet, rows, self.cell)
        fleet.state_of_health[rows] *= 1.0 - self.capacity

    def restore(self, fleet: Fleet, rows: Rows) -> None:
        fleet.state_of_health[rows] /= 1.0 - self.capacity


@fault
class CellImbalance(PhysicalFault):
    """A cell loses charge by itself and falls behind its neighbours, faster than balancing can help. Alarms and trouble
    code as for `weak_cell`."""

    fault: Literal["cell_imbalance"] = KIND
    cell: CellNumber = optional(1, _CELL)
    # In the field self-discharge parts cells by mV a day; a test cannot wait for that. The end is what packs show that
    # are taken from service (over 300 mV is a fault).
    rate: CellRate = optional("10 mV/min", "How fast it falls behind, mV/min.")
    up_to: CellVolts = optional("400 mV", "By how much at last, V.")

    @property
    def changes(self) -> tuple[Change, ...]:
        return (Change(Quantity.LOW_V, self.up_to, self.rate / 60_000.0),)

    def prepare(self, fleet: Fleet, rows: Rows) -> None:
        _mark_low(fleet, rows, self.cell)


@fault
class IsolationLoss(PhysicalFault):
    """The insulation between high voltage and body gives way: water, an abraded cable. Below 500 Ohm/V of the pack's
    voltage an alarm of level 2 and trouble code P0AA6, below 100 Ohm/V level 3 (GB 18384-2020, 5.1.4), and no charge
    begins or goes on (GB/T 18487.1-2015, annex B)."""

    fault: Literal["isolation_loss"] = KIND
    resistance: Insulation = optional("30 kOhm", "What the leak has at last, kOhm; a sound car has megohms.")
    over_s: Span = optional("2 min", "In which time it gets there.", alias="over")

    @property
    def changes(self) -> tuple[Change, ...]:
        return (Change(Quantity.LEAK_PER_KOHM, 1.0 / self.resistance, 1.0 / self.resistance / self.over_s),)
