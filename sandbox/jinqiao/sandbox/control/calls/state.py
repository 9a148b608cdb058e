"""How the run is, and its clock: pause, resume, speed, advance, stop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from jinqiao.base.quantity import DIMENSIONS, parse_duration_s
from jinqiao.base.words import Refused, show
from jinqiao.simulator.language.fields import LONGEST_S

from ...run.pace import FASTEST, SLOWEST
from ...run.running import Running
from ..call import Asked, Request
from .links import offline

__all__ = ["Advance", "Speed", "State", "advance", "pause", "resume", "set_speed", "state", "stop"]


@dataclass(frozen=True, slots=True)
class Vehicles:
    total: int
    parked: int
    driving: int
    charging: int
    queueing: int
    offline: int


@dataclass(frozen=True, slots=True)
class State:
    """How the run is at this moment; `published` counts messages by kind of topic."""

    state: Literal["running", "paused", "finished"]
    time: str
    time_ms: int
    elapsed_s: int
    speed: float | Literal["max"]
    scenario: str
    seed: int
    towns: int
    vehicles: Vehicles
    published: dict[str, int]


def _speed(value: object) -> object:
    if value == "max":
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not SLOWEST <= value <= FASTEST:
        raise Refused(f"found {show(value)}, expected a number from {SLOWEST:g} to {FASTEST:g} or 'max'")
    return float(value)


class Speed(Request):
    """How fast a run goes: simulated seconds per second, or "max"."""

    speed: Annotated[
        float | Literal["max"],
        BeforeValidator(_speed),
        WithJsonSchema({"anyOf": [{"type": "number", "minimum": SLOWEST, "maximum": FASTEST}, {"const": "max"}]}),
    ] = Field(description="simulated seconds per second, or 'max'")


def _whole_s(value: object) -> int:
    seconds = parse_duration_s(value)
    if not 1 <= seconds <= LONGEST_S or seconds != int(seconds):
        raise Refused(f"found {show(value)}, expected a whole number of seconds from 1 s to {LONGEST_S / 86_400:g} d")
    return int(seconds)


class Advance(Request):
    """How far an advance goes."""

    for_s: Annotated[
        int,
        BeforeValidator(_whole_s),
        WithJsonSchema({"type": "string", "pattern": DIMENSIONS["duration"].pattern, "examples": ["30 s", "2 min"]}),
    ] = Field(alias="for", description="a whole number of seconds, with its unit, like '30 s' or '2 min'")


async def state(run: Running, _: Asked) -> State:
    """How the run is at this moment."""
    world, control, time_ms = run.world, run.control, run.control.time_ms
    moment = datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(run.plan.scenario.start.tzinfo)
    return State(
        state=control.state,
        time=moment.isoformat(),
        time_ms=time_ms,
        elapsed_s=control.elapsed_s,
        speed="max" if control.speed is None else control.speed,
        scenario=run.plan.scenario.name,
        seed=run.plan.seed,
        towns=len(world.towns),
        vehicles=_vehicles(run),
        published=dict(sorted(run.summary.published.items())),
    )


def _vehicles(run: Running) -> Vehicles:
    counts = run.world.counts()
    return Vehicles(
        total=run.world.fleet.n,
        parked=counts["parked"],
        driving=counts["driving"],
        charging=counts["charging"],
        queueing=counts["queueing"],
        offline=offline(run),
    )


async def pause(run: Running, asked: Asked) -> State:
    """Let simulated time stand. Vehicles still execute commands and reply."""
    run.control.pause()
    return await state(run, asked)


async def resume(run: Running, asked: Asked) -> State:
    """Go on at the run's speed."""
    run.control.resume()
    return await state(run, asked)


async def set_speed(run: Running, asked: Asked) -> State:
    """Set the run's speed; a paused run has it when it goes on."""
    speed = asked.body.speed
    run.control.go_at(None if speed == "max" else speed)
    return await state(run, asked)


async def advance(run: Running, asked: Asked) -> State:
    """Run so much simulated time as fast as possible, then pause."""
    await run.control.advance(asked.body.for_s)
    return await state(run, asked)


async def stop(run: Running, asked: Asked) -> State:
    """End the run as Ctrl-C does."""
    run.control.stop()
    return await state(run, asked)
