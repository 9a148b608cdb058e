"""Where a run's batches and events go beside the broker: stores, recordings, an authority's platform.

One table, `OUTLETS`, knows them by the scheme of their address: `--sink parquet:DIR`, `--sink influx:URL`. A row more
is an outlet more; the run itself knows only the protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from jinqiao.base.errors import InputError
from jinqiao.base.telemetry import Batch, Event
from jinqiao.base.words import did_you_mean
from jinqiao.simulator.world import World

from .stores import influx_outlet, parquet_outlet

__all__ = ["OUTLETS", "NullOutlet", "Outlet", "parse_outlet"]


class Outlet(Protocol):
    """One place to send to. Whoever is slow or away must lose and count, never hold the run up without bound.

    `name` stands in the summary before the outlet's report.
    """

    name: str

    async def open(self, world: World, product_key: str, device_names: Sequence[str]) -> None:
        """Get ready, before the first telemetry. Raises InputError or EnvironmentFault if that cannot be."""

    async def take(self, batches: Sequence[Batch], events: Sequence[Event]) -> None:
        """What one simulated second brought."""

    async def close(self) -> dict[str, Any]:
        """Finish what is under way, within seconds, and report: counts by what happened to them."""


class NullOutlet:
    """Counts and forgets: what a run costs without any store."""

    name = "null"

    def __init__(self) -> None:
        self._samples = self._events = 0

    async def open(self, world: World, product_key: str, device_names: Sequence[str]) -> None:
        """Nothing to get ready."""

    async def take(self, batches: Sequence[Batch], events: Sequence[Event]) -> None:
        self._samples += sum(len(batch) for batch in batches)
        self._events += len(events)

    async def close(self) -> dict[str, Any]:
        return {"samples": self._samples, "events": self._events}


def _null(rest: str) -> Outlet:
    if rest:
        raise InputError(f"--sink null: found {rest!r} behind it, expected nothing")
    return NullOutlet()


def _gbt32960(rest: str) -> Outlet:
    from jinqiao.device.gbt32960.address import parse_address

    from ..gbt32960.reporter import Gbt32960Outlet

    return Gbt32960Outlet(parse_address(rest))


#: By the word before the first colon: what makes an outlet of the words behind it.
OUTLETS: dict[str, Callable[[str], Outlet]] = {
    "gbt32960": _gbt32960,
    "influx": influx_outlet,
    "null": _null,
    "parquet": parquet_outlet,
}


def parse_outlet(text: str, option: str = "--sink") -> Outlet:
    """The outlet that an address like `parquet:DIR` names. Raises InputError, with the option, for an unknown kind."""
    kind, _, rest = text.partition(":")
    maker = OUTLETS.get(kind)
    if maker is None:
        known = ", ".join(sorted(OUTLETS))
        raise InputError(f"{option}: no sink {kind!r}{did_you_mean(kind, OUTLETS)}; there are: {known}")
    return maker(rest)
