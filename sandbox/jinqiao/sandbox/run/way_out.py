"""Where a step goes when it leaves simulated time: to the wire, and beside it to every sink."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from jinqiao.base.telemetry import Step
from jinqiao.device.agent.car import Outgoing
from jinqiao.device.malforming import Malforming
from jinqiao.device.outbound import Outbound
from jinqiao.wire.render import StepRenderer

from ..sinks.base import Sink
from .peek import Peek

if TYPE_CHECKING:
    from .conveyor import Conveyor

__all__ = ["Impaired", "WayOut"]


#: Makes the conveyor once a vehicle has lost its network, or a fault befalls messages; None until then.
Impaired: TypeAlias = "Callable[[], Conveyor | None]"


class WayOut:
    """The one door of a run's telemetry; what vehicles answer goes to the wire alone.

    Sinks get what happened. `malforming` spoils messages as they are said; what befalls them on their way to the
    platform is the affair of the conveyor.
    """

    def __init__(
        self,
        renderer: StepRenderer,
        outbound: Outbound,
        sinks: Sequence[Sink],
        peek: Peek,
        malforming: Malforming,
        conveyor: Conveyor | None = None,
        impaired: Impaired | None = None,
    ) -> None:
        self.peek = peek
        #: What lies between the vehicles and the platform; None: nothing does, yet.
        self.conveyor = conveyor
        self._malforming = malforming
        self._impaired = impaired
        self._renderer, self._outbound, self._sinks = renderer, outbound, sinks

    async def take(self, step: Step) -> None:
        """Publish a step and give it to the sinks. Raises EnvironmentFault when the broker is gone."""
        said = self._malforming.take(self._renderer.say(step))
        if self.conveyor is None and self._impaired is not None:
            self.conveyor = self._impaired()
        if self.conveyor is None:
            await self._outbound.send(self._renderer, said)
        else:
            await self.conveyor.take(said, step.until_ms)
        for sink in self._sinks:
            await sink.take(step)
        self.peek.take(step)

    async def say(self, message: Outgoing) -> None:
        """Publish what a vehicle answers, or says by itself."""
        if self.conveyor is None:
            await self._outbound.say(message)
        else:
            await self.conveyor.say(message)

    def reaches(self, row: int | None) -> bool:
        """Whether a downlink comes to this vehicle; to one that nobody knows it may."""
        return self.conveyor is None or row is None or self.conveyor.network.reaches(row)
