"""What damage does to one second of a car, and to what it reports: patches of the rows that are damaged.

Made for a block of rows by `effects_on`, which is None where no row of it is damaged; the parts of a step hand in their
arrays over the block, of which only the damaged places change.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import body, cells
from ..arrays import F4s, Rows
from ..battery import Pack, Source
from ..columns import TYRES, Columns
from ..modes import Plug
from ..parameters import Parameters
from ..powertrain import Powertrain
from . import limits
from .alarms import damage_level
from .cells import CellExtremes, deviation_v, probe_extremes, voltage_extremes
from .state import TYRE_LOSS, Damage, Hurt, Quantity

__all__ = ["AUX_FULL_V", "AUX_SPAN_V", "Effects", "effects_on", "own_aux_v"]

#: A 12 V lead battery with an awake car on it, V: full, and how much less when it is empty (10.5 V is where EN 50342-1
#: ends a discharge).
AUX_FULL_V, AUX_SPAN_V = body.RESTED_V, body.RESTED_V - 10.5
#: Its charge, J (60 A h at 12 V, typical of cars of this size).
AUX_J = 12.0 * 60.0 * 3600.0
#: A battery with a shorted cell takes the converter to its current's limit, V (estimate).
AUX_DRAG_V = 1.0
#: Contacts of a DC inlet: heat capacity, J/K, and how fast they give heat to cables and case, W/K (estimates: ten
#: minutes to settle, 12 W of sound contacts of 0.2 mOhm at 250 A for 12 K).
CONTACT_J_PER_K, CONTACT_W_PER_K = 600.0, 1.0
#: Rolling resistance of a tyre goes with its pressure to this power (form of SAE J2452; the exponent is about -0.4).
PRESSURE_POWER = -0.4
#: Nobody drives on a tyre flatter than this share of its filling; up to there it rolls as at this share.
LEAST_FILLING = 0.25


def effects_on(cars: Columns, model: Parameters, rows: Rows) -> Effects | None:
    """The damage of these rows; None where there is none."""
    if cars.damage is None:
        return None
    hurt = cars.damage.among(rows)
    return None if hurt is None else Effects(cars, cars.damage, model, hurt)


def own_aux_v(depth: F4s) -> F4s:
    """Voltage of a 12 V battery at this depth of discharge, with an awake car on it."""
    volts: F4s = np.float32(AUX_FULL_V) - np.float32(AUX_SPAN_V) * depth
    return volts


class Effects:
    """The damaged rows of one block; `model` holds the parameters of the block's rows."""

    def __init__(self, cars: Columns, damage: Damage, model: Parameters, hurt: Hurt) -> None:
        self._cars, self._damage = cars, damage
        self.places, self.rows = hurt
        self._model = model

    @cached_property
    def pack(self) -> Pack:
        """Of the damaged rows alone."""
        return self._model.pack.some(self.places)

    @cached_property
    def train(self) -> Powertrain:
        return self._model.train.some(self.places)

    def of(self, quantity: Quantity) -> F4s:
        return self._damage.of(quantity, self.rows)

    def has(self, *quantities: Quantity) -> bool:
        """Whether any of these is damaged anywhere: what is not need not be worked out."""
        return self._damage.has(*quantities)

    # Temperatures and limits.

    @cached_property
    def probes(self) -> tuple[F4s, F4s]:
        """Hottest and coldest probe, degC, shape (damaged,)."""
        cars, rows = self._cars, self.rows
        sound = cells.probe_extremes(
            cars.pack_temperature_degc[rows], cars.coolant_temperature_degc[rows], cars.cell_spread_k[rows]
        )
        return probe_extremes(self._damage, rows, *sound)

    def weaken(self, terminals: Source) -> None:
        """One cell of the string resists more, or lags behind."""
        if not self.has(Quantity.OHM, Quantity.LOW_V):
            return
        series, low_v = self.pack.series, self.of(Quantity.LOW_V)
        terminals.resistance_ohm[self.places] *= 1.0 + self.of(Quantity.OHM) / series
        terminals.emf_v[self.places] -= low_v
        terminals.open_v[self.places] -= low_v

    def limit_discharge(self, most_w: F4s, terminals: Source) -> None:
        """What the battery management lets out."""
        places, damage, rows = self.places, self._damage, self.rows
        most = most_w[places] * limits.discharge_share(*self.probes)
        if not self.has(Quantity.OHM, Quantity.LOW_V):
            most_w[places] = most
            return
        by_cell_w = limits.weak_cell_limit_w(
            damage, rows, terminals.emf_v[places], terminals.resistance_ohm[places], self.pack.least_v, self.pack.series
        )
        most_w[places] = np.minimum(most, by_cell_w)

    def limit_charge(self, most_w: F4s) -> None:
        """What the battery management lets in, by braking or by cable."""
        most_w[self.places] *= limits.charge_share(self._damage, self.rows, *self.probes)

    def limit_cable(self, pack_w: F4s, inlet_w: F4s) -> None:
        """The connector's temperature limits DC, a broken on-board charger AC; `inlet_w` is the inlet's most."""
        if not self.has(Quantity.CONTACT_MOHM, Quantity.CHARGER):
            return
        plug = self._cars.plug_state[self.rows]
        # A standing car's tyres are as warm as the air.
        air_degc = self._cars.tyre_temperature_degc[self.rows]
        on_dc = plug == Plug.DC
        contacts = limits.contact_share(self._damage, self.rows, air_degc)
        pack_w[self.places] *= np.where(on_dc & (self.of(Quantity.CONTACT_MOHM) > 0.0), contacts, np.float32(1.0))
        inlet_w[self.places] *= np.where(on_dc, np.float32(1.0), 1.0 - self.of(Quantity.CHARGER))

    def limit_motor(self, most_w: F4s) -> None:
        """What the motor takes at the terminals."""
        if not self.has(Quantity.MOTOR, Quantity.MOTOR_FLOW):
            return
        cars, rows = self._cars, self.rows
        share = limits.motor_share(
            self._damage, rows, cars.motor_temperature_degc[rows], cars.inverter_temperature_degc[rows]
        )
        most = np.where(share < 1.0, share * self.train.peak_w, most_w[self.places])
        most_w[self.places] = np.minimum(most_w[self.places], most)

    # Loads and resistances.

    def lose_coolant(self, heat_w: F4s, electric_w: F4s) -> None:
        """Without flow the control neither heats nor cools the pack."""
        if not self.has(Quantity.PACK_FLOW):
            return
        flows = self.of(Quantity.PACK_FLOW) == 0.0
        heat_w[self.places] *= flows
        electric_w[self.places] *= flows

    def lose_converter(self, aux_w: F4s, base_w: F4s, *, draw: bool) -> None:
        """Without the DC-DC converter the 12 V loads, `base_w` of all rows, live on their battery, for a second."""
        if not self.has(Quantity.CONVERTER):
            return
        gone = self.of(Quantity.CONVERTER) > 0.0
        if not gone.any():
            return
        base = (base_w[self.places] if base_w.ndim else base_w) * gone
        aux_w[self.places] -= base
        if draw:
            depth = self.of(Quantity.AUX_DEPTH)
            self._damage.now[Quantity.AUX_DEPTH, self.rows] = np.where(
                gone, np.minimum(depth + base * np.float32(1.0 / AUX_J), 1.0), depth
            )

    def drag(self, pull_n: F4s | None, count: int, rolling_n: F4s) -> F4s | None:
        """Brakes that do not release, and flat tyres, as a pull against each of `count` cars, N.

        `rolling_n` is the rolling resistance of sound tyres, a quarter of it each tyre's.
        """
        if not self.has(Quantity.DRAG_N, *TYRE_LOSS.values()):
            return pull_n
        more = self.of(Quantity.DRAG_N) + (rolling_n[self.places] if rolling_n.ndim else rolling_n) * self._rolling
        if not more.any():
            return pull_n
        pull = np.zeros(count, dtype=np.float32) if pull_n is None else pull_n.copy()
        pull[self.places] += more
        return pull

    @cached_property
    def _rolling(self) -> F4s:
        """Share of the rolling resistance that is added by low tyres."""
        more = np.zeros(len(self.rows), dtype=np.float32)
        for name in TYRES:
            lost = self.of(TYRE_LOSS[name])
            filled = np.maximum(1.0 - lost / getattr(self._cars, f"tyre_{name}_kpa")[self.rows], LEAST_FILLING)
            more += np.where(lost > 0.0, filled**PRESSURE_POWER - 1.0, np.float32(0.0))
        return more * np.float32(0.25)

    def flow(self, quantity: Quantity, count: int) -> F4s | None:
        """Share of the coolant that still arrives in each of `count` cars; None where nobody has lost any."""
        if not self.has(quantity):
            return None
        lost = self.of(quantity)
        if not lost.any():
            return None
        flow = np.ones(count, dtype=np.float32)
        flow[self.places] -= lost
        return flow

    # What a second, or a rest, leaves.

    def heat(self, loss_w: F4s) -> F4s:
        """Heat in the cells with that of a short."""
        if not self.has(Quantity.SHORT_W):
            return loss_w
        short_w = self.of(Quantity.SHORT_W)
        heated = loss_w.copy()
        heated[self.places] += short_w
        return heated

    def warm(self, pack_degc: F4s, seconds: F4s) -> F4s:
        """The pack with all that a short heats it in a rest, of which hardly any is lost meanwhile."""
        short_w = self.of(Quantity.SHORT_W)
        if not short_w.any():
            return pack_degc
        warmed = pack_degc.copy()
        warmed[self.places] += short_w * seconds[self.places] * self.pack.k_per_j
        return warmed

    def drain(self, open_v: F4s, seconds: F4s | float) -> None:
        """The charge that a short turns into heat."""
        short_w = self.of(Quantity.SHORT_W)
        if not short_w.any():
            return
        cars, rows = self._cars, self.rows
        if isinstance(seconds, np.ndarray) and seconds.ndim:
            seconds = seconds[self.places]
        charge_as = short_w / open_v[self.places] * seconds
        capacity_as = self.pack.capacity_as * cars.state_of_health[rows]
        cars.soc[rows] = np.maximum(cars.soc[rows] - charge_as / capacity_as, 0.0)

    def warm_contacts(self, current_a: F4s) -> None:
        """A second of DC through the connector."""
        if not self.has(Quantity.CONTACT_MOHM):
            return
        ohm = self.of(Quantity.CONTACT_MOHM) * np.float32(1e-3)
        on_dc = self._cars.plug_state[self.rows] == Plug.DC
        watts = current_a[self.places] ** 2 * ohm * on_dc
        self._damage.now[Quantity.CONTACT_K, self.rows] += watts * np.float32(1.0 / CONTACT_J_PER_K)

    # What is reported.

    def deviation_v(self, terminals: Source, current_a: F4s) -> F4s:
        """How far the damaged cell lies off its place, V; `terminals` are weakened already."""
        return deviation_v(
            self._damage, self.rows, terminals.resistance_ohm[self.places], current_a[self.places], self.pack.series
        )

    @cached_property
    def _has_low_cell(self) -> NDArray[np.bool_]:
        marked: NDArray[np.bool_] = self._damage.low_cell[self.rows] > 0
        return marked

    def cell_extremes(self, mean_v: F4s, gap_v: F4s, deviation: F4s, sound: CellExtremes) -> CellExtremes:
        """The extremes over the block, where `sound` are those without the damaged cells."""
        if not self.has(Quantity.OHM, Quantity.LOW_V):
            return sound
        odd = voltage_extremes(self._damage, self.rows, mean_v[self.places], gap_v[self.places], deviation)
        marked = self._has_low_cell
        where = self.places[marked]
        found = CellExtremes(sound.highest_v.copy(), sound.lowest_v.copy(), sound.highest.copy(), sound.lowest.copy())
        found.highest_v[where], found.lowest_v[where] = odd.highest_v[marked], odd.lowest_v[marked]
        found.highest[where], found.lowest[where] = odd.highest[marked], odd.lowest[marked]
        return found

    def patch(self, values: NDArray[Any], change: Callable[[Effects, NDArray[Any]], NDArray[Any]]) -> NDArray[Any]:
        """A copy of a block's values in which those of the damaged rows are changed."""
        patched = values.copy()
        patched[self.places] = change(self, values[self.places])
        return patched

    def insulation_kohm(self, sound: F4s) -> F4s:
        leaking: F4s = sound / (1.0 + sound * self.of(Quantity.LEAK_PER_KOHM))
        return leaking

    def tyre_kpa(self, name: str, filled: F4s) -> F4s:
        """What is left of a filling."""
        left: F4s = filled - self.of(TYRE_LOSS[name])
        return left

    def aux_v(self, sound: F4s, converter_on: NDArray[np.bool_]) -> F4s:
        """The 12 V system: the battery's own voltage where the converter does not hold it up."""
        depth, weak = self.of(Quantity.AUX_DEPTH), self.of(Quantity.AUX_WEAK)
        held = converter_on[self.places] & (self.of(Quantity.CONVERTER) == 0.0)
        own = np.where((depth > 0.0) | (self.of(Quantity.CONVERTER) > 0.0), own_aux_v(depth), sound)
        return np.where(held, sound - np.float32(AUX_DRAG_V) * weak, own)

    def unfit(self, awake: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which of the damaged cars cannot set out, or not drive on where they are `awake`; shape (damaged,)."""
        cars, rows = self._cars, self.rows
        degc = cars.tyre_temperature_degc[rows]
        tyres = [
            body.tyre_pressure_kpa(self.tyre_kpa(name, getattr(cars, f"tyre_{name}_kpa")[rows]), degc) for name in TYRES
        ]
        own = own_aux_v(self.of(Quantity.AUX_DEPTH))
        return limits.unfit(self._damage, rows, own, np.min(tyres, axis=0), awake)

    @property
    def noticed(self) -> NDArray[np.uint8]:
        """The alarm level that the control units of the damaged cars have noticed last."""
        level: NDArray[np.uint8] = self._damage.level[self.rows]
        return level

    def level(self, *, apart_v: F4s, ohm_per_v: F4s, aux_v: F4s) -> NDArray[np.uint8]:
        """Alarm level of the damaged rows; the arguments are those of the block."""
        hottest, coldest = self.probes
        places = self.places
        filled = {name: getattr(self._cars, f"tyre_{name}_kpa")[self.rows] for name in TYRES}
        return damage_level(
            self._damage,
            self.rows,
            apart_k=hottest - coldest,
            apart_v=apart_v[places],
            ohm_per_v=ohm_per_v[places],
            aux_v=aux_v[places],
            filled_kpa=filled,
        )
