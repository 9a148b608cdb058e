"""Where a step goes when it leaves simulated time: to the wire, and beside it to every sink."""

from __future__ import annotations

from collections.abc import Sequence

from jinqiao.base.telemetry import Step
from jinqiao.device.agent.car import Outgoing
from jinqiao.device.malforming import Malforming
from jinqiao.device.outbound import Outbound
from jinqiao.wire.render import StepRenderer

from ..sinks.base import Sink
from .peek import Peek

__all__ = ["WayOut"]


class WayOut:
    """The one door of a run's telemetry; what vehicles answer goes to the wire alone.

    Sinks get what happened. Whatever is to befall a step on its way to the platform befalls it here: `malforming`
    spoils messages as they are said.
    """

    def __init__(
        self, renderer: StepRenderer, outbound: Outbound, sinks: Sequence[Sink], peek: Peek, malforming: Malforming
    ) -> None:
        self.peek = peek
        self._malforming = malforming
        self._renderer, self._outbound, self._sinks = renderer, outbound, sinks

    async def take(self, step: Step) -> None:
        """Publish a step and give it to the sinks. Raises EnvironmentFault when the broker is gone."""
        said = self._malforming.take(self._renderer.say(step))
        await self._outbound.send(self._renderer, said)
        for sink in self._sinks:
            await sink.take(step)
        self.peek.take(step)

    async def say(self, message: Outgoing) -> None:
        """Publish what a vehicle answers, or says by itself."""
        await self._outbound.say(message)
