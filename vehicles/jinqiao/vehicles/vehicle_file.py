"""The vehicle file: one car as one YAML mapping, a value and its unit in one name.

Only the form is here; where files come from is `catalogue.py`. What a file leaves out is derived by the properties of
`VehicleModel`, so that physics never asks whether a figure was given.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from .effective import Effective, effective_for
from .part import Fraction, Part, Positive

__all__ = [
    "Battery",
    "Charging",
    "Climate",
    "CoastDown",
    "Drivetrain",
    "Layout",
    "Physical",
    "Published",
    "PublishedFigure",
    "Regen",
    "RoadLoadSpec",
    "VehicleModel",
]

#: Nominal cell voltages by chemistry, V, and the pack voltage class assumed when a file names none.
CELL_V = {"nmc": 3.68, "lfp": 3.2}
CLASS_V = 400.0
#: Driver and luggage over the kerb mass, kg: what the test mass adds when a file does not say (UN GTR 15 adds as much).
DRIVER_KG = 100.0

Percent = Annotated[float, Field(ge=0, le=100)]
NotNegative = Annotated[float, Field(ge=0)]
CurvePoint = Annotated[tuple[Percent, NotNegative], Field(strict=False)]


class CoastDown(Part):
    """F = a + b v + c v² with v in km/h (SAE J1263 / 40 CFR 1066 target coefficients); b may be negative."""

    a_n: float
    b_n_per_kmh: float
    c_n_per_kmh2: Positive


class Physical(Part):
    cd: Positive = Field(le=1.5)
    frontal_area_m2: Positive = Field(le=12)
    rolling_resistance: Positive = Field(le=0.05)


class RoadLoadSpec(Part):
    coast_down: CoastDown | None = None
    physical: Physical | None = None

    @model_validator(mode="after")
    def _one_form(self) -> RoadLoadSpec:
        given = [name for name in ("coast_down", "physical") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"expected exactly one of coast_down and physical, found {' and '.join(given) or 'neither'}"
            )
        return self


class Regen(Part):
    max_kw: NotNegative | None = None
    max_decel_ms2: Positive | None = None
    min_speed_kmh: NotNegative = 0.0


class Drivetrain(Part):
    peak_kw: Positive
    peak_nm: Positive | None = None
    driven_axle: Literal["front", "rear", "all"]
    efficiency: Positive = Field(default=0.95, le=1)
    regen: Regen = Regen()
    effective: Effective | None = None


class Battery(Part):
    """Gross is what the cells hold, net what the driver can use; the layout may be left out in part or whole."""

    chemistry: Literal["nmc", "lfp"]
    gross_kwh: Positive
    net_kwh: Positive
    series: int | None = Field(default=None, ge=1, le=2000)
    parallel: int | None = Field(default=None, ge=1, le=500)
    nominal_v: Positive | None = None
    cell_ah: Positive | None = None

    @model_validator(mode="after")
    def _net_within_gross(self) -> Battery:
        if self.net_kwh > self.gross_kwh:
            raise ValueError(f"net_kwh {self.net_kwh:g} is more than gross_kwh {self.gross_kwh:g}")
        return self


class Charging(Part):
    """`dc_curve`: (percent, kW at the pack), linear between the points and level outside them."""

    ac_kw: Positive
    dc_curve: tuple[CurvePoint, ...] = Field(min_length=2, strict=False)
    v2l_kw: Positive | None = None

    @field_validator("dc_curve")
    @classmethod
    def _rising(cls, curve: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        for (before, _), (here, _) in pairwise(curve):
            if here <= before:
                raise ValueError(f"percent must rise from point to point, found {here:g} after {before:g}")
        return curve


class Climate(Part):
    hvac_kw: Positive
    heat_pump: bool


class PublishedFigure(Part):
    """A figure somebody published; with `tolerance_pct` it is a test of the catalogue."""

    value: Positive | None = None
    range: Annotated[tuple[Positive, Positive], Field(strict=False)] | None = None
    source: str = Field(min_length=1)
    confidence: Literal["high", "medium", "low"]
    tolerance_pct: Positive | None = None

    @model_validator(mode="after")
    def _says_something(self) -> PublishedFigure:
        if self.value is None and self.range is None:
            raise ValueError("expected value or range")
        if self.range is not None and self.range[0] > self.range[1]:
            raise ValueError(f"range {self.range[0]:g} to {self.range[1]:g} runs backwards")
        return self


class Published(Part):
    wltp_kwh_per_100km: PublishedFigure | None = None
    cltc_kwh_per_100km: PublishedFigure | None = None
    epa_udds_wall_kwh_per_100km: PublishedFigure | None = None
    epa_hwfet_wall_kwh_per_100km: PublishedFigure | None = None
    wltp_range_km: PublishedFigure | None = None
    cltc_range_km: PublishedFigure | None = None
    dc_10_80_min: PublishedFigure | None = None
    dc_peak_kw: PublishedFigure | None = None
    ac_0_100_min: PublishedFigure | None = None


class Layout(NamedTuple):
    """Cells of a pack: `series` groups of `parallel` cells."""

    series: int
    parallel: int
    nominal_v: float
    cell_ah: float


class VehicleModel(Part):
    """One vehicle of the catalogue, as its file says it; the properties complete what the file leaves out."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    make: str = Field(min_length=1)
    model: str = Field(min_length=1)
    model_year: int = Field(ge=1996, le=2055)
    market: Literal["EU", "CN", "US"]
    mass_kg: Positive
    test_mass_kg: Positive | None = None
    road_load: RoadLoadSpec
    drivetrain: Drivetrain
    battery: Battery
    charging: Charging | None = None
    climate: Climate | None = None
    aux_w: NotNegative = 250.0
    published: Published = Published()

    @property
    def laden_mass_kg(self) -> float:
        """Mass on the road: kerb, driver and luggage."""
        return self.mass_kg + DRIVER_KG

    @property
    def dynamometer_mass_kg(self) -> float:
        return self.test_mass_kg if self.test_mass_kg is not None else self.laden_mass_kg

    @property
    def effective(self) -> Effective:
        """The file's five parameters, else the maker's fitted values, else those over all rows."""
        return self.drivetrain.effective or effective_for(self.make)

    @property
    def layout(self) -> Layout:
        """The file's layout; what it leaves out follows from gross energy and chemistry."""
        battery = self.battery
        cell_v = CELL_V[battery.chemistry]
        series = battery.series or max(1, round((battery.nominal_v or CLASS_V) / cell_v))
        parallel = battery.parallel or 1
        nominal_v = battery.nominal_v or series * cell_v
        cell_ah = battery.cell_ah or battery.gross_kwh * 1000.0 / (nominal_v * parallel)
        return Layout(series, parallel, nominal_v, cell_ah)

    @property
    def hidden_fraction(self) -> Fraction:
        """Share of the gross energy that the display keeps back."""
        return 1.0 - self.battery.net_kwh / self.battery.gross_kwh
