"""A run that runs: everything it consists of, there from the beginning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinqiao.device.links.login import VehicleLinks
from jinqiao.device.links.shared import SharedLink
from jinqiao.simulator.check import Checker
from jinqiao.simulator.world import World

from ..shown import short
from .child import GatewayProcess
from .console import View
from .control import Control
from .downlinks import Downlinks
from .ending import Ending
from .judgement import Judgement
from .lock_step import LockStep
from .options import RunOptions
from .own_gateway import Logins
from .pace import Pace
from .plan import Plan
from .roster import Roster
from .summary import Summary
from .ticker import Ticker
from .way_out import WayOut

if TYPE_CHECKING:  # a web server's
    from jinqiao.gateway.web.port import HttpPort

__all__ = ["Running"]


@dataclass(frozen=True, slots=True)
class Running:
    """Made by `start_run`. What is None has no part in this run, from its beginning to its end.

    That is the gateway when somebody else's broker is used, the run's own HTTP port when there is a gateway or none was
    asked for, the shared connection when every vehicle has its own, the checker and the lock step unless they are asked
    for.
    """

    options: RunOptions
    plan: Plan
    ending: Ending
    summary: Summary
    logins: Logins
    gateway: GatewayProcess | None
    http: HttpPort | None
    world: World
    shared: SharedLink | None
    own: VehicleLinks
    out: WayOut
    downlinks: Downlinks
    pace: Pace
    control: Control
    ticker: Ticker
    roster: Roster
    checker: Checker | None
    lock_step: LockStep | None
    judgement: Judgement

    def view(self) -> View:
        """The run at this moment, for the console."""
        stats = {} if self.gateway is None else self.gateway.latest
        return View(
            title=f"金桥 {short(self.plan.scenario.name)}",
            speed="max" if self.control.speed is None else f"{self.control.speed:g}×",
            simulated_ms=self.world.time_ms,
            done=min(1.0, self.world.elapsed_s / self.plan.end_s),
            states=self.world.counts(),
            published=self.summary.sent.published,
            sample=self.out.peek.post(),
            cars=self.roster.rows,
            clients=max(stats.get("connections", 1) - 1, 0),  # without our own
            delivered=stats.get("delivered", 0),
            dropped=stats.get("dropped", 0),
            waiting=self._waits_for(),
            verdicts=self.judgement.verdicts() if self.judgement else (),
        )

    def _waits_for(self) -> str:
        if self.control.state == "paused":
            return "paused"
        return "" if self.lock_step is None else self.lock_step.waiting
