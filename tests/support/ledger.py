"""A fleet that keeps books: every call of `drive`, `charge` and `rest` is followed by a balance of all its rows.

Energy out of the cells is the integral of the open-circuit voltage over the charge, work on the road is computed anew
from speeds and coefficients in float64; everything between is what the physics says it lost or used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jinqiao.vehicles.battery import self_discharge_per_s
from jinqiao.vehicles.charging import inlet_efficiency
from jinqiao.vehicles.fleet import Fleet
from jinqiao.vehicles.road_load import gradient_n, in_weather
from jinqiao.vehicles.stored import stored_kwh

F8s = NDArray[np.float64]

#: What a balance may be off: a share of the power that flowed, and float32 near zero, W.
SHARE, ROUNDING_J = 1e-3, 1.0


class AuditedFleet(Fleet):
    """`books[name]` are sums over time in J, shape (n,); a step that does not balance fails at once."""

    NAMES = ("cells", "inlet", "wheels", "driveline", "motor", "loads", "cell_loss", "charger", "gross")
    books: dict[str, F8s]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.books = {name: np.zeros(self.n) for name in self.NAMES}
        self.steps = 0

    def drive(self, rows: Any, speed_end_mps: ArrayLike, ambient_degc: ArrayLike, grade: Any = None) -> F8s:
        chosen = np.arange(self.n)[rows]
        start = self.speed_mps[chosen].astype(float)
        self._open(chosen)
        metres = super().drive(rows, speed_end_mps, ambient_degc, grade)
        road = in_weather(
            self._models.road.at(self.model_of[chosen].astype(np.intp)),
            np.broadcast_to(np.asarray(ambient_degc, dtype=np.float32), chosen.shape),
        )
        end, mass_kg = self.speed_mps[chosen].astype(float), road.effective_mass_kg.astype(float)
        mean = (start + end) / 2.0
        force = road.a_n.astype(float) + road.b_n_per_mps * mean + road.c_n_per_mps2 * mean**2
        if grade is not None:
            force += gradient_n(road, np.broadcast_to(np.asarray(grade, dtype=np.float32), chosen.shape))
        wheels_j = force * metres + mass_kg * (end**2 - start**2) / 2.0
        shaft_w, electric_w = self.shaft_w[chosen].astype(float), self.motor_electric_w[chosen].astype(float)
        self._balance(
            chosen,
            1.0,
            wheels=wheels_j,
            driveline=shaft_w - wheels_j,
            motor=electric_w - shaft_w,
            loads=self._loads_w(chosen),
        )
        # Without this the parts below would add up whatever the wheels did: the driveline's loss is a difference.
        told_w = self.wheel_w[chosen].astype(float)
        scale = np.abs(wheels_j) + mass_kg * np.abs(end**2 - start**2)
        _small(np.abs(told_w - wheels_j), scale, "the wheels did other work than road and inertia ask for")
        _small(shaft_w - electric_w, np.abs(electric_w), "motor and inverter gained energy")
        _small(wheels_j - shaft_w, np.abs(wheels_j) + mass_kg * np.abs(end - start), "the driveline gained energy")
        return metres

    def charge(self, rows: Any, offered_kw: ArrayLike, ambient_degc: ArrayLike) -> None:
        chosen = np.arange(self.n)[rows]
        self._open(chosen)
        super().charge(rows, offered_kw, ambient_degc)
        self._balance(chosen, 1.0, **self._from_inlet(chosen, 1.0))

    def rest(self, rows: Any, seconds: ArrayLike, ambient_degc: ArrayLike) -> None:
        if not hasattr(self, "books"):  # the fleet is being made
            return super().rest(rows, seconds, ambient_degc)
        chosen = np.arange(self.n)[rows]
        before_degc = self.pack_temperature_degc[chosen]
        self._open(chosen)
        super().rest(rows, seconds, ambient_degc)
        elapsed = np.asarray(seconds, dtype=float)
        leak_j = self._leak_j(chosen, elapsed, before_degc)
        self._balance(chosen, elapsed, leak_j, **self._from_inlet(chosen, elapsed))
        return None

    def assert_balanced(self) -> None:
        """Over everything so far, per vehicle: cells and inlet give what road, losses and loads take, within 0.1 %."""
        book = self.books
        given = book["cells"] + book["inlet"]
        taken = sum(book[name] for name in ("wheels", "driveline", "motor", "loads", "cell_loss", "charger"))
        np.testing.assert_array_less(np.abs(given - taken), SHARE * book["gross"] + 1.0)

    def _from_inlet(self, chosen: NDArray[np.intp], seconds: ArrayLike) -> dict[str, F8s]:
        inlet_w = self.charge_power_kw[chosen] * 1000.0
        index = self.model_of[chosen].astype(np.intp)
        lost = 1.0 - inlet_efficiency(self._models.inlet.at(index), self.plug_state[chosen]).astype(float)
        return {
            "inlet": inlet_w * np.asarray(seconds),
            "charger": inlet_w * lost * np.asarray(seconds),
            "loads": self._loads_w(chosen) * np.asarray(seconds),
        }

    def _leak_j(self, chosen: NDArray[np.intp], seconds: F8s, before_degc: NDArray[np.float32]) -> F8s:
        """Self-discharge of a rest: SoC that no current took, at the voltage where it was lost."""
        degc = (before_degc + self.pack_temperature_degc[chosen]) * np.float32(0.5)
        leaked = seconds * self_discharge_per_s(degc)
        return np.asarray(self._stored_j(chosen, leaked) - self._stored_j(chosen))

    def _loads_w(self, chosen: NDArray[np.intp]) -> F8s:
        loads: F8s = self.hvac_w[chosen].astype(float) + self.aux_w[chosen]
        return loads

    def _open(self, chosen: NDArray[np.intp]) -> None:
        """What stands in the cells before a step. Ageing meanwhile takes capacity, not energy that somebody used."""
        self._health = self.state_of_health[chosen].copy()
        self._before_j = self._stored_j(chosen)

    def _stored_j(self, chosen: NDArray[np.intp], more_soc: F8s | float = 0.0) -> F8s:
        pack = self._models.pack.at(self.model_of[chosen].astype(np.intp))
        return np.asarray(stored_kwh(pack, self.soc[chosen] + more_soc, self._health) * 3.6e6)

    def _balance(self, chosen: NDArray[np.intp], seconds: Any, leak_j: F8s | float = 0.0, **parts: F8s) -> None:
        """Book one step: `parts` in J; `inlet` comes in, all others go out; `leak_j` leaked inside the cells."""
        cells_j = self._before_j - self._stored_j(chosen) - leak_j
        terminal_j = self.pack_voltage_v[chosen].astype(float) * self.pack_current_a[chosen] * seconds
        loss_j = self.cells_loss_w[chosen].astype(float) * seconds
        used_j = sum(value for name, value in parts.items() if name != "inlet") - parts.get("inlet", np.zeros(1))
        gross_j = np.abs(terminal_j) + sum(np.abs(value) for value in parts.values())
        _small(np.abs(terminal_j - used_j), gross_j, "the terminals give other than what is used")
        _small(np.abs(cells_j - terminal_j - loss_j), gross_j, "the cells give other than terminals and heat")
        for name, value in {**parts, "cells": cells_j, "cell_loss": loss_j, "gross": gross_j}.items():
            self.books[name][chosen] += value
        self.steps += 1


def _small(off: F8s, of: F8s, message: str) -> None:
    excess = off - SHARE * of - ROUNDING_J
    assert (excess <= 0.0).all(), f"{message}: {off[excess.argmax()]:.3f} of {of[excess.argmax()]:.3f} J"
