"""What is known of a device from the factory: a nickname and tags. Of a simulated fleet kept in columns.

A fleet of 100,000 keeps six bytes a car: which model it is, and where its name stands. All else is said once a model
and once a fleet, and put together when somebody asks.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # commands on a data folder start without it
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["NOTHING", "About", "CarColumns"]

_NUMBERS = "<u2"


@dataclass(frozen=True, slots=True)
class About:
    nickname: str = ""
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


NOTHING = About()


@dataclass(frozen=True, slots=True)
class CarColumns:
    """What simulated vehicles are, in the order of their names: plain values, which cross a pipe as JSON.

    `fleets` holds name and vehicles of each, one behind the other, and `towns` does so for towns, where there are
    several; `models` the tags of each model, `name` among them; `model_of` which one each vehicle is, little-endian
    16-bit numbers as base64.
    """

    fleets: tuple[tuple[str, int], ...]
    models: tuple[Mapping[str, str], ...]
    model_of: str
    towns: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(
        cls,
        fleets: Sequence[tuple[str, int]],
        models: Sequence[Mapping[str, str]],
        model_of: NDArray[np.integer],
        towns: Sequence[tuple[str, int]] = (),
    ) -> CarColumns:
        """From the number of each vehicle's model, shape (n,)."""
        numbers = base64.b64encode(model_of.astype(_NUMBERS).tobytes()).decode()
        return cls(tuple(fleets), tuple(models), numbers, tuple(towns))

    def numbers(self) -> NDArray[np.uint16]:
        """The number of each vehicle's model, shape (n,)."""
        import numpy as np

        return np.frombuffer(base64.b64decode(self.model_of), _NUMBERS)

    def about(self, row: int, model: int) -> About:
        """The vehicle in this row, of this model: `BMW iX3 2021, taxis 012`, or `…, taxis 012, Beijing` where there are
        towns. Numbers of a fleet begin at 1, in every town.
        """
        tags = dict(self.models[model])
        name = tags.pop("name")
        town, _, _ = _found(self.towns, row)
        fleet, place, count = _found(self.fleets, row)
        if fleet:
            tags["fleet"] = fleet
            name = f"{name}, {fleet} {str(place + 1).zfill(max(3, len(str(count))))}"
        if town:
            tags["town"] = town
            name = f"{name}, {town}"
        return About(name, tags)

    def having(self, wanted: Mapping[str, str], model_of: NDArray[np.uint16]) -> NDArray[np.bool_]:
        """Which vehicles have all of these tags, shape (n,); `model_of` are `numbers()`."""
        import numpy as np

        found = np.ones(len(model_of), np.bool_)
        for key, value in wanted.items():
            fitting = np.array([key != "name" and model.get(key) == value for model in self.models], np.bool_)
            one = fitting[model_of]
            for parts, named in ((self.fleets, "fleet"), (self.towns, "town")):
                if key == named and parts:
                    spread = np.repeat([name == value for name, _ in parts], [count for _, count in parts])
                    one = np.zeros(len(model_of), np.bool_)
                    one[: len(spread)] = spread[: len(one)]
            found &= one
        return found


def _found(parts: Sequence[tuple[str, int]], row: int) -> tuple[str, int, int]:
    """The part that a row is in, its place there and how many there are; empty where it is in none."""
    for name, count in parts:
        if row < count:
            return name, row, count
        row -= count
    return "", 0, 0
