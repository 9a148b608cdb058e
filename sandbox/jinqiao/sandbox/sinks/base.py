"""What a sink is to a run, and how one is written: in a scenario's `sinks`, and behind `--sink`.

A kind of sink is one file of `kinds/`, and nothing else names it: a `SinkSpec` marked with `@sink` (its words in a
scenario, its address on the command line; the line about it in docs/stores.md is its docstring) whose `open` gives the
`Sink` that does the work.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Protocol, Self, TypeVar

import numpy as np
from pydantic import Field

from jinqiao.base.telemetry import Step
from jinqiao.gateway.stores.traits import Trait, Traits
from jinqiao.simulator.language.fields import Model
from jinqiao.simulator.world import World

__all__ = ["SINKS", "Sink", "SinkSpec", "Store", "StoreSink", "Text", "sink", "traits_of_fleet"]

Text = Annotated[str, Field(strict=True, min_length=1, max_length=1000)]


class Sink(Protocol):
    """One place to send to. A slow or absent sink must lose and count, never hold the run up without bound.

    `name` stands in the summary before the sink's report.
    """

    @property
    def name(self) -> str: ...

    @property
    def each_second(self) -> bool:
        """Whether it looks at the world itself, so that every second has to be a step of its own."""

    async def take(self, step: Step) -> None:
        """What one stretch of simulated time brought."""

    async def close(self) -> dict[str, Any]:
        """Finish what is under way, within seconds, and report: counts by what happened to them."""


class SinkSpec(Model, ABC):
    """A sink as it is asked for. `kind` is its name, `where` what follows `kind:` on the command line."""

    kind: ClassVar[str]
    where: ClassVar[str] = ""

    @classmethod
    @abstractmethod
    def at(cls, rest: str, asked: str) -> Self:
        """From what stands behind `kind:`; `asked` is the option and kind for messages. Raises InputError."""

    @abstractmethod
    async def open(self, world: World, product_key: str, device_names: Sequence[str]) -> Sink:
        """The sink, ready for the first step. Raises InputError or EnvironmentFault if that cannot be."""


#: The table: the word for a kind → its class. Filled by `@sink`.
SINKS: dict[str, type[SinkSpec]] = {}
_Kind = TypeVar("_Kind", bound=type[SinkSpec])


def sink(kind: _Kind) -> _Kind:
    """Put a kind into the table. Raises ValueError for a second one of its name."""
    if kind.kind in SINKS:
        raise ValueError(f"two kinds of sink are called {kind.kind!r}")
    SINKS[kind.kind] = kind
    return kind


class Store(Protocol):
    """What the gateway's stores have in common; `open` and `close` may take a while."""

    def open(self, product_key: str, device_names: Sequence[str], traits: Traits) -> None: ...

    async def take(self, step: Step) -> None: ...

    def close(self) -> dict[str, Any]: ...


def traits_of_fleet(world: World) -> Traits:
    """The fleet and the model of every vehicle, and its town where there are several."""
    fleets = tuple(spec.name for spec in world.scenario.fleets)
    sizes = [rows.stop - rows.start for _, rows, _ in world.fleets]
    models = tuple(model.id for model in world.fleet.models)
    traits = {
        "fleet": Trait(fleets, np.repeat(np.tile(np.arange(len(fleets), dtype=np.int32), len(world.towns)), sizes)),
        "model": Trait(models, world.fleet.model_of.astype(np.int32)),
    }
    if len(world.towns) > 1:
        towns = np.repeat(np.arange(len(world.towns), dtype=np.int32), list(map(len, world.towns)))
        traits["town"] = Trait(tuple(world.town_names), towns)
    return traits


class StoreSink:
    """A store of the gateway as the run sees it."""

    each_second = False

    def __init__(self, name: str, store: Store) -> None:
        self.name = name
        self._store = store

    @classmethod
    async def opened(
        cls, name: str, store: Store, world: World, product_key: str, device_names: Sequence[str]
    ) -> StoreSink:
        """With the store open."""
        await asyncio.to_thread(store.open, product_key, device_names, traits_of_fleet(world))
        return cls(name, store)

    async def take(self, step: Step) -> None:
        """Hand it over."""
        await self._store.take(step)

    async def close(self) -> dict[str, Any]:
        """Close the store, and report."""
        return await asyncio.to_thread(self._store.close)
