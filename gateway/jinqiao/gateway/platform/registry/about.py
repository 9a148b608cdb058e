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

    `fleets` holds name and vehicles of each, one behind the other; `models` the tags of each model, `name` among them;
    `model_of` which one each vehicle is, little-endian 16-bit numbers as base64.
    """

    fleets: tuple[tuple[str, int], ...]
    models: tuple[Mapping[str, str], ...]
    model_of: str

    @classmethod
    def of(
        cls, fleets: Sequence[tuple[str, int]], models: Sequence[Mapping[str, str]], model_of: NDArray[np.integer]
    ) -> CarColumns:
        """From the number of each vehicle's model, shape (n,)."""
        return cls(tuple(fleets), tuple(models), base64.b64encode(model_of.astype(_NUMBERS).tobytes()).decode())

    def numbers(self) -> NDArray[np.uint16]:
        """The number of each vehicle's model, shape (n,)."""
        import numpy as np

        return np.frombuffer(base64.b64decode(self.model_of), _NUMBERS)

    def about(self, row: int, model: int) -> About:
        """The vehicle in this row, of this model: `BMW iX3 2021, taxis 012`; numbers of a fleet begin at 1."""
        tags = dict(self.models[model])
        name = tags.pop("name")
        for fleet, count in self.fleets:
            if row < count:
                number = str(row + 1).zfill(max(3, len(str(count))))
                return About(f"{name}, {fleet} {number}", {**tags, "fleet": fleet})
            row -= count
        return About(name, tags)
