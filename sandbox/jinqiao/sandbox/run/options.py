"""What one run was asked to do."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from ..reporting.write import Reports
from ..sinks.base import SinkSpec
from .outside import OutsideBroker, Triples

__all__ = ["RunOptions"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """`for_s` bounds the simulated time; `start` is a moment to begin at instead of the scenario's, or "now".

    `speed` None is as fast as possible; port 0 takes any free one, None none. With `broker` there is no gateway of our
    own; `devices` are the triples of a real platform. `lock_step` names clients that hold the clock, for at most
    `lock_step_limit_s` without progress. A run that begins `paused` is told to go over `/control`, by who has the
    `control_token`; one that lingers answers there when the scenario is over, until it is told to stop.
    """

    scenario: Path
    for_s: float | None = None
    start: datetime | Literal["now"] | None = None
    speed: float | None = 1.0
    vehicles: int | None = None
    towns: int | None = None
    seed: int | None = None
    mqtt_host: str = "127.0.0.1"
    http_host: str | None = None
    mqtt_port: int = 1883
    mqtts_port: int | None = None
    http_port: int | None = None
    http_usual: bool = False
    https_port: int | None = None
    amqp_port: int | None = None
    amqp_usual: bool = False
    amqps_port: int | None = None
    certs: Path = Path("certs")
    registry: Path | None = None
    data: Path | None = None
    lenient_clock: bool = False
    broker: OutsideBroker | None = None
    devices: Triples | None = None
    app_user: str = "app"
    app_password: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    summary: Path | None = None
    reports: Reports = field(default_factory=Reports)
    quiet: bool = False
    check: bool = False
    sinks: tuple[SinkSpec, ...] = ()
    lock_step: tuple[str, ...] = ()
    lock_step_limit_s: float = 60.0
    paused: bool = False
    linger: bool = False
    control_token: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    @property
    def lossless(self) -> bool:
        """Whether a run begins as one that waits for slow subscribers: it goes as fast as it can, or they say so."""
        return self.speed is None or self.paused or bool(self.lock_step)
