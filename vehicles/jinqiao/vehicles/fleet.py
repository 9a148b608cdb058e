"""A fleet: many cars as columns, stepped together.

`drive` and `charge` advance the rows they are given by one second, `rest` by any time in closed form; a row nobody
steps costs nothing. Rows are a slice or rising row numbers. Blocks of one model are fastest, so let cars of one model
stand together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jinqiao.base.keyed import Draws, FleetPart

from . import battery, bms
from .arrays import BLOCK_ROWS, F4s, F8s, Rows, blocks, f4, model_index, model_runs, per_row
from .birth import draw_differences, draw_vins
from .cells import probes_of_car, voltages_of_car
from .charging import AT_LIMIT_SOC, dc_curves, limit_soc
from .columns import Columns
from .damage.cells import OddCells
from .damage.effects import effects_on
from .damage.state import Quantity
from .driving import drive_rows
from .estimate import planning_kwh_per_km
from .modes import ChargingState, Plug, VehicleState
from .parameters import Parameters
from .parked import rest_rows
from .plugged import ChargingSecond
from .sampling import Condition, Health, Reading, condition_of, health_of, sample
from .stored import stored_kwh
from .vehicle_file import VehicleModel

__all__ = ["Fleet"]

#: How long a car of a new fleet has stood.
OVERNIGHT_S = 8 * 3600.0
#: Sets of rows whose parameters are kept, and how many rows one may have.
KEPT_SETS, KEPT_ROWS = 16, 4096
_KW_PER_W = f4(1e-3)

RowsLike = slice | NDArray[np.integer[Any]]


class Fleet(Columns):
    """`n` vehicles; the columns are attributes of shape (n,), see `Columns`.

    `model_of` gives each vehicle its number in `models`; `initial_soc` is what its display shows at first, 0..1. Equal
    arguments give equal fleets. `fleets` are those of a scenario, whose cars draw by their town, its name and their
    number in it. On the `dynamometer` the mass is the test mass and auxiliaries take the cycle's power.
    """

    def __init__(
        self,
        models: Sequence[VehicleModel],
        model_of: NDArray[np.int16],
        *,
        seed: int,
        initial_soc: NDArray[np.float64],
        ambient_degc: float,
        dynamometer: bool = False,
        fleets: Sequence[FleetPart | tuple[str, int]] = (),
    ) -> None:
        super().__init__(len(model_of))
        self.models = tuple(models)
        self.model_of = np.ascontiguousarray(model_of, dtype=np.int16)
        self.dark = False  #: night, for the lamps; the simulator says
        self._runs = model_runs(self.model_of)
        self._models = Parameters.of(self.models, dynamometer=dynamometer)
        self._of_model = [self._models.at(number) for number in range(len(self.models))]
        self._kept: dict[bytes | tuple[int, int], Parameters] = {}
        self._curves = dc_curves(self.models)
        parts = [FleetPart(*fleet) for fleet in fleets] or [FleetPart("", self.n)]
        draws = Draws.of(seed, parts)
        self.vins: NDArray[np.bytes_] = draw_vins(self.models, self.model_of, seed, parts)
        estimate = planning_kwh_per_km(self._models)
        series = np.array([m.layout.series for m in self.models], dtype=np.int16)
        pack = self._models.pack.at(self.model_of.astype(np.intp))
        draw_differences(self, draws, estimate.take(self.model_of), series.take(self.model_of), pack)
        if not dynamometer:
            bms.draw_errors(self, pack, draws)
        self._park(np.asarray(initial_soc, dtype=np.float64), ambient_degc)

    def _park(self, displayed: F8s, ambient_degc: float) -> None:
        """Everything as it is in the morning: cold, locked, unplugged."""
        pack = self._models.pack.at(self.model_of.astype(np.intp))
        error = bms.soc_error(self, pack, slice(None))
        self.soc[:] = bms.soc_shown_as(pack, np.clip(displayed, 0.0, 1.0), error)
        for column in ("pack", "coolant", "cabin", "motor", "inverter", "tyre"):
            getattr(self, f"{column}_temperature_degc")[:] = ambient_degc
        self.charge_limit[:] = 100
        self.target_temperature[:] = 22.0
        self.locked[:] = 1
        self.trip_start_m[:] = self.odometer_m
        self.stood_s[:] = OVERNIGHT_S
        self.rest(slice(None), 0.0, ambient_degc)
        self.trip_start_kwh[:] = self.energy_discharged_kwh - self.energy_regenerated_kwh

    # Time.

    def drive(
        self, rows: RowsLike, speed_end_mps: ArrayLike, ambient_degc: ArrayLike, grade: ArrayLike | None = None
    ) -> F8s:
        """One second of driving towards `speed_end_mps`; metres moved, shape (m,).

        `speed_mps` is the speed reached: less than asked for when motor, battery or tyres give no more. `grade` is the
        rise of the road per metre of map, 0.05 for 5 %; a level road when absent.
        """
        chosen, count = self._rows(rows)
        end, ambient = per_row(speed_end_mps, count), f4(ambient_degc)
        rise = None if grade is None else per_row(grade, count)
        moved = np.empty(count)
        for part, block in blocks(chosen, self._runs):
            slope = None if rise is None else rise[part]
            degc = ambient[part] if ambient.ndim else ambient  # one weather for all is reckoned with once
            drive_rows(self, self._parameters(block), block, end[part], degc, slope, moved[part])
        if self.damage is not None:
            self.damage.advance(chosen, 1.0)
        return moved

    def charge(self, rows: RowsLike, offered_kw: ArrayLike, ambient_degc: ArrayLike) -> None:
        """One second of charging with `offered_kw` at the inlet, for plugged rows whose charging state is 2."""
        chosen, count = self._rows(rows)
        offered, ambient = per_row(offered_kw, count), f4(ambient_degc)
        for part, block in blocks(chosen, self._runs):
            self._charging(block).step(offered[part], ambient[part] if ambient.ndim else ambient)
        if self.damage is not None:
            self.damage.advance(chosen, 1.0)

    def charge_sharing(self, rows: RowsLike, share_kw: Callable[[F4s], ArrayLike], ambient_degc: ArrayLike) -> None:
        """As `charge`, where the offer follows from what the cars would take: `share_kw(acceptable_kw)`.

        The same as asking `acceptable_kw` first, and a third cheaper.
        """
        chosen, count = self._rows(rows)
        ambient, acceptable_kw = f4(ambient_degc), np.empty(count, dtype=np.float32)
        seconds = [(part, self._charging(block)) for part, block in blocks(chosen, self._runs)]
        for part, second in seconds:
            acceptable_kw[part] = second.acceptable_w()
        acceptable_kw *= _KW_PER_W
        offered = per_row(share_kw(acceptable_kw), count)
        for part, second in seconds:
            second.step(offered[part], ambient[part] if ambient.ndim else ambient)
        if self.damage is not None:
            self.damage.advance(chosen, 1.0)

    def rest(self, rows: RowsLike, seconds: ArrayLike, ambient_degc: ArrayLike) -> None:
        """Stand still for `seconds`: temperatures relax, standby drains. The first rest after a trip ends it."""
        chosen, count = self._rows(rows)
        time, ambient = per_row(seconds, count), per_row(ambient_degc, count)
        for part, block in blocks(chosen, self._runs):
            rest_rows(self, self._parameters(block), block, time[part], ambient[part])
        if self.damage is not None:
            self.damage.advance(chosen, time)

    # Moments.

    def begin_trip(self, rows: RowsLike) -> None:
        """The driver gets in: trip counters to zero, doors shut and locked, climate control on automatic."""
        chosen, _ = self._rows(rows)
        self.trip_start_m[chosen] = self.odometer_m[chosen]
        self.trip_start_kwh[chosen] = self.energy_discharged_kwh[chosen] - self.energy_regenerated_kwh[chosen]
        self.trip_s[chosen] = 0
        self.stood_s[chosen] = 0.0
        self.on_trip[chosen] = 1
        self.climate_on[chosen] = 1
        self.doors_open[chosen] = 0
        self.locked[chosen] = 1

    def begin_charge(self, rows: RowsLike, kind: Literal["ac", "dc"] | ArrayLike) -> None:
        """A plug goes in: `kind` is "ac", "dc" or plug states; the session's energy starts at zero."""
        chosen, _ = self._rows(rows)
        self.plug_state[chosen] = Plug[kind.upper()] if isinstance(kind, str) else kind
        self.energy_charged_kwh[chosen] = 0.0

    def end_charge(self, rows: RowsLike) -> None:
        """The plug comes out; the session's energy stays readable until the next one."""
        chosen, _ = self._rows(rows)
        bms.full(self, self._parameters(chosen).pack, chosen)
        self.plug_state[chosen] = Plug.UNPLUGGED
        self.charging_state[chosen] = ChargingState.IDLE
        self.offered_kw[chosen] = 0.0
        self.charge_power_kw[chosen] = 0.0

    # Questions.

    def acceptable_kw(self, rows: RowsLike) -> F4s:
        """Power at the inlet that each car would take now by its plug, kW; 0 unplugged and at the charge limit."""
        chosen, count = self._rows(rows)
        power = np.empty(count, dtype=np.float32)
        for part, block in blocks(chosen, self._runs):
            power[part] = self._charging(block).acceptable_w()
        power *= _KW_PER_W
        return power

    def at_charge_limit(self, rows: RowsLike) -> NDArray[np.bool_]:
        """Whether the display has reached the charge limit."""
        chosen, _ = self._rows(rows)
        pack = self._parameters(chosen).pack
        stop = limit_soc(pack, self.charge_limit[chosen], bms.soc_error(self, pack, chosen))
        stop -= AT_LIMIT_SOC
        reached: NDArray[np.bool_] = self.soc[chosen] >= stop
        return reached

    def displayed_soc(self, rows: RowsLike) -> F8s:
        """State of charge as the driver sees it, 0..1: the battery management's, with its error."""
        chosen, _ = self._rows(rows)
        pack = self._parameters(chosen).pack
        return bms.shown_fraction(pack, self.soc[chosen], bms.soc_error(self, pack, chosen))

    def usable_kwh(self, rows: RowsLike) -> F4s:
        """Energy left above the displayed zero, kWh."""
        chosen, _ = self._rows(rows)
        return battery.energy_kwh(self._parameters(chosen).pack, self.soc[chosen], self.state_of_health[chosen])

    def stored_kwh(self, rows: RowsLike) -> F8s:
        """Energy in the cells down to the true zero, kWh: charge times open-circuit voltage, without losses."""
        chosen, _ = self._rows(rows)
        return stored_kwh(self._parameters(chosen).pack, self.soc[chosen], self.state_of_health[chosen])

    def expected_kwh_per_km(self, row: int) -> float:
        """Planning estimate for one car: what it used lately."""
        return float(self.consumption_kwh_per_km[row])

    def cell_voltages(self, rows: RowsLike) -> list[F4s]:
        """Every cell of the chosen cars, V: one array of shape (series,) per row, in agreement with their telemetry."""
        chosen, _ = self._rows(rows)
        car = self._reading(chosen)
        cells = zip(car["strong_cell"], car["weak_cell"], car.mean_cell_v, car.cell_gap_v, strict=True)
        volts = [
            voltages_of_car(
                bytes(vin), self.models[model].layout.series, int(strong), int(weak), float(mean), float(gap)
            )
            for vin, model, (strong, weak, mean, gap) in zip(
                self.vins[chosen], self.model_of[chosen], cells, strict=True
            )
        ]
        if car.hurt is not None:
            _add(volts, car.hurt.places, self.harmed().low_cell[car.hurt.rows], car.deviation_v)
        return volts

    def cell_temperatures(self, rows: RowsLike) -> list[F4s]:
        """The same for the temperature at every cell, degC."""
        chosen, _ = self._rows(rows)
        car = self._reading(chosen)
        extremes = zip(*car.sound_probes, strict=True)
        degc = [
            probes_of_car(bytes(vin), self.models[model].layout.series, (float(high), float(low)))
            for vin, model, (high, low) in zip(self.vins[chosen], self.model_of[chosen], extremes, strict=True)
        ]
        if car.hurt is not None:
            _add(degc, car.hurt.places, self.harmed().hot_cell[car.hurt.rows], car.hurt.of(Quantity.HOT_K))
        return degc

    def odd_cells(self, rows: RowsLike) -> OddCells | None:
        """The cells of those of these cars in which something is broken; None where nothing is."""
        if self.damage is None:
            return None
        chosen, _ = self._rows(rows)
        car = self._reading(chosen)
        hurt = car.hurt
        if hurt is None:
            return None
        high, low = (values[hurt.places] for values in car.sound_probes)
        return OddCells(
            hurt.places,
            car.mean_cell_v[hurt.places],
            car.cell_gap_v[hurt.places],
            self.damage.low_cell[hurt.rows],
            car.deviation_v,
            (high + low) * np.float32(0.5),
            high - low,
            self.damage.hot_cell[hurt.rows],
            hurt.of(Quantity.HOT_K),
        )

    def condition(self, rows: RowsLike) -> Condition:
        """What the control units of these cars, which are damaged, watch."""
        chosen, _ = self._rows(rows)
        return condition_of(self._reading(chosen))

    def unfit(self, row: int) -> bool:
        """Whether a car is too broken to set out, or to drive on where it drives."""
        chosen = slice(row, row + 1)
        hurt = effects_on(self, self._parameters(chosen), chosen)
        return hurt is not None and bool(hurt.unfit(self.vehicle_state[chosen] == VehicleState.DRIVING)[0])

    def health(self, row: int) -> Health:
        """What the control units of one car know about it, for its self-test."""
        return health_of(self._reading(slice(row, row + 1)))

    def sample(self, rows: RowsLike, group: str) -> dict[str, NDArray[Any]]:
        """Signals of one telemetry group, in the table's units and dtypes, without those only the world knows."""
        chosen, count = self._rows(rows)
        if count <= BLOCK_ROWS:
            return self._sample(chosen, group)
        signals: dict[str, NDArray[Any]] = {}
        for part, block in blocks(chosen, self._runs):
            for name, values in self._sample(block, group).items():
                if name not in signals:
                    signals[name] = np.empty(count, dtype=values.dtype)
                signals[name][part] = values
        return signals

    def sample_of(
        self,
        moments: Columns,
        kept: Rows,
        vehicles: NDArray[np.integer[Any]],
        dark: NDArray[np.bool_],
        group: str,
    ) -> dict[str, NDArray[Any]]:
        """The same of the rows `kept` of `moments`, copies of the state of `vehicles`, shape (m,), in any order.

        `dark`, shape (m,), is what the fleet's was then.
        """
        parameters = self._parameters(vehicles.astype(np.intp))
        return sample(Reading(moments, parameters, self._curves, kept, dark=dark), group)

    def rest_of(
        self, moments: Columns, kept: Rows, vehicles: NDArray[np.integer[Any]], seconds: F4s, ambient_degc: float
    ) -> None:
        """Let the rows `kept` of `moments`, copies of the state of `vehicles`, shape (m,), stand for `seconds`."""
        parameters = self._parameters(vehicles.astype(np.intp))
        rest_rows(moments, parameters, kept, seconds.astype(np.float32), per_row(ambient_degc, len(vehicles)))

    def _sample(self, block: Rows, group: str) -> dict[str, NDArray[Any]]:
        return sample(self._reading(block), group)

    # Rows.

    def _reading(self, block: Rows) -> Reading:
        return Reading(self, self._parameters(block), self._curves, block, dark=self.dark)

    def _rows(self, rows: RowsLike) -> tuple[Rows, int]:
        """Rows as the steps want them, and how many; consecutive numbers become a slice, which needs no copies."""
        if isinstance(rows, slice):
            start, stop, step = rows.indices(self.n)
            if step != 1:
                raise ValueError("a slice of rows has step 1")
            return slice(start, max(start, stop)), max(0, stop - start)
        count = len(rows)
        if count and int(rows[-1]) - int(rows[0]) == count - 1:
            return slice(int(rows[0]), int(rows[-1]) + 1), count
        return rows.astype(np.intp), count

    def _charging(self, block: Rows) -> ChargingSecond:
        return ChargingSecond(self, self._parameters(block), self._curves, block)

    def _parameters(self, block: Rows) -> Parameters:
        """Of these rows; kept, as mostly the same cars drive and charge as did a second ago."""
        key = (block.start, block.stop) if isinstance(block, slice) else block.tobytes()
        found = self._kept.get(key)
        if found is None:
            index = model_index(self.model_of[block])
            found = self._of_model[index] if isinstance(index, int) else self._models.at(index)
            # A slice is found again for nothing: where models take turns, as in many towns, that is a tenth of a step.
            if isinstance(index, int) or isinstance(block, slice) or len(index) <= KEPT_ROWS:
                if len(self._kept) >= KEPT_SETS:
                    self._kept.clear()
                self._kept[key] = found
        return found


def _add(cells: list[F4s], places: NDArray[np.intp], numbers: NDArray[np.int16], more: F4s) -> None:
    """Change one cell (from 1; 0: none) of each of these cars."""
    for place, number, value in zip(places.tolist(), numbers.tolist(), more.tolist(), strict=True):
        if number:
            cells[place][number - 1] += value
