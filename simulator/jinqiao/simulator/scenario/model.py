"""The whole of a scenario file as one frozen value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PrivateAttr

from jinqiao.base.errors import Problem
from jinqiao.base.variants import Variants
from jinqiao.base.words import Refused
from jinqiao.vehicles.birth import MOST_TOWNS
from jinqiao.vehicles.catalogue import VehicleModel

from ..faults.base import FaultSpec
from ..faults.kinds import KINDS
from ..faults.kinds.network import Outage
from ..language.fields import Model, Span, WholeNumber, optional
from .command import CommandSpec
from .expect import Expected
from .fleet import FleetSpec
from .network import NetworkSpec
from .phase import PhaseSpec
from .start import Start
from .station import StationSpec
from .weather import WeatherSpec

__all__ = ["Scenario"]


def _words(name: str) -> str:
    if not name.strip():
        raise Refused("found only spaces, expected a name")
    return name


class Scenario(Model):
    """A test plan for a fleet of connected cars."""

    name: Annotated[str, AfterValidator(_words)] = Field(
        strict=True, min_length=1, max_length=200, description="What this scenario is called."
    )
    seed: WholeNumber | None = optional(
        None, "Seed of every random draw; without it one is drawn and printed.", ge=0, le=2**63 - 1
    )
    start: Start = Field(description="The simulated clock at the start, with its zone.")
    duration_s: Span = Field(alias="duration", description="Simulated time the scenario lasts.")
    place: Literal["jinqiao"] = optional("jinqiao", "The road graph the vehicles drive on.")
    towns: WholeNumber = optional(
        1,
        "In how many towns it runs, each with these fleets and stations for itself.",
        ge=1,
        le=MOST_TOWNS,
    )
    weather: WeatherSpec = optional({}, "The weather; without it, 20 degC.")
    fleets: tuple[FleetSpec, ...] = Field(min_length=1, description="The vehicles.")
    charging_stations: tuple[StationSpec, ...] = optional([], "Public charging stations.")
    commands: tuple[CommandSpec, ...] = optional([], "What the cloud asks of which vehicles, and when.")
    faults: tuple[Annotated[FaultSpec, Variants("fault", KINDS, key="fault")], ...] = optional(
        [], "What breaks, when, in which vehicles, for how long."
    )
    phases: tuple[PhaseSpec, ...] = optional([], "Stretches of the run that have a name.")
    expect: tuple[Expected, ...] = optional([], "What is demanded of the run, and of the product under test.")
    network: tuple[NetworkSpec, ...] = optional([], "What lies between which vehicles and the platform.")
    #: The vehicle files that fleets name, by the name they are written with.
    _own_vehicles: Mapping[str, VehicleModel] = PrivateAttr(default_factory=dict)
    #: What is valid and hardly meant.
    _warnings: tuple[Problem, ...] = PrivateAttr(default=())
    _sha256: str = PrivateAttr(default="")
    _named: Mapping[tuple[str, int, str], Problem] = PrivateAttr(default_factory=dict)
    _expect_lines: tuple[int, ...] = PrivateAttr(default=())

    #: Which there are is the affair of those who run it: they put a type of their own in this one's place.
    sinks: tuple[Any, ...] = optional([], "Where telemetry goes beside the broker.")

    @property
    def own_vehicles(self) -> Mapping[str, VehicleModel]:
        """The vehicles of files beside the scenario, by the names its fleets call them."""
        return self._own_vehicles

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What the file says and hardly means, in its order."""
        return self._warnings

    @property
    def sha256(self) -> str:
        """Digest of the file and of the vehicle files it names; empty if it was not read from a file."""
        return self._sha256

    @property
    def expect_lines(self) -> tuple[int, ...]:
        """The line of each expectation; none if it was not read from a document."""
        return self._expect_lines

    def expected_at(self, lines: Sequence[int]) -> None:
        """Note where the expectations are."""
        self._expect_lines = tuple(lines)

    @property
    def named(self) -> Mapping[tuple[str, int, str], Problem]:
        """Where it names vehicles (see `named.py`); empty if it was not read from a document."""
        return self._named

    def named_at(self, places: Mapping[tuple[str, int, str], Problem]) -> None:
        """Note where it names vehicles."""
        self._named = dict(places)

    def read_from(self, own_vehicles: Mapping[str, VehicleModel], warnings: Sequence[Problem], sha256: str) -> None:
        """Note what only the reader of its file knows."""
        self._own_vehicles, self._warnings, self._sha256 = dict(own_vehicles), tuple(warnings), sha256

    @property
    def outages(self) -> tuple[Outage, ...]:
        """The outages of `network` that have a time: faults like others."""
        return tuple(outage for spec in self.network if (outage := spec.timed_outage()) is not None)

    @property
    def start_ms(self) -> int:
        """Start of the simulated clock, UTC, ms since 1970."""
        return (self.start - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)

    @property
    def start_second_of_day(self) -> float:
        """The local time of day at the start, s since midnight: what an agenda's times of day are counted from."""
        return self.start.hour * 3600.0 + self.start.minute * 60.0 + self.start.second + self.start.microsecond / 1e6
