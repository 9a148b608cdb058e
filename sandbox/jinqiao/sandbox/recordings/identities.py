"""Who a recording is replayed as: each recorded device, and its clones with names, moments and places of their own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.errors import InputError
from jinqiao.vehicles.vin import is_valid_vin, make_vins, year_letter

__all__ = ["Identities", "clone_names"]

#: Device names have at most 32 characters (the platform's rule).
_LONGEST = 32
#: Clones are spread over this much time, in at most so many steps: a fleet does not report in one instant.
SPREAD_MS = 10_000
_SLOTS = 50
#: And over a disc of this radius, degrees (about 2 km), along a spiral that fills it evenly.
RADIUS_DEG = 0.02
_GOLDEN_ANGLE = np.pi * (3.0 - np.sqrt(5.0))


class Identities:
    """`clones` devices for each recorded one; clone c of recorded device d is row `d * clones + c`.

    Clone 0 is the recorded device itself. `names`, bytes, shape (d * clones,), are in order of the rows; `slot_of`,
    shape (clones,), says in which slot of time each clone lives, `slots_ms` how much later a slot is, and `east`,
    `north` (degrees, shape (clones,)) where it is. `given` are names to use instead: of devices that exist.
    With `together` there are so few slots that a slot has about so many devices: large batches are rendered faster.
    """

    def __init__(
        self,
        recorded: Iterable[bytes],
        clones: int = 1,
        *,
        given: NDArray[np.bytes_] | None = None,
        together: int = 0,
    ) -> None:
        self.recorded = np.array(sorted(set(recorded)) or [b"-"])
        self.clones = clones
        if given is not None:
            wanted = len(self.recorded) * clones
            if len(given) < wanted:
                raise InputError(
                    f"--devices: found {len(given)} devices, expected {wanted}: "
                    f"{len(self.recorded)} in the recording, {clones} of each"
                )
            self.names = given[:wanted]
        else:
            self.names = clone_names(self.recorded, clones)
        slots = min(clones, _SLOTS)
        if together:
            slots = max(1, min(slots, len(self.recorded) * clones // together))
        self.slot_of = np.arange(clones) % slots
        self.slots_ms = [slot * SPREAD_MS // slots for slot in range(slots)]
        self.in_slot = [np.flatnonzero(self.slot_of == slot) for slot in range(slots)]
        number = np.arange(clones)
        away = RADIUS_DEG * np.sqrt(number / max(clones, 1))
        self.east, self.north = away * np.cos(number * _GOLDEN_ANGLE), away * np.sin(number * _GOLDEN_ANGLE)

    def __len__(self) -> int:
        return len(self.names)

    def devices(self, names: NDArray[np.bytes_]) -> NDArray[np.intp]:
        """Numbers of recorded devices, shape (m,)."""
        return np.searchsorted(self.recorded, names)

    def rows(self, devices: NDArray[np.intp], slot: int) -> NDArray[np.int32]:
        """Rows of these devices' clones in a slot, shape (m * clones in the slot,), clones of a device together."""
        rows: NDArray[np.int32] = (devices[:, None] * self.clones + self.in_slot[slot]).astype(np.int32).ravel()
        return rows


def clone_names(recorded: NDArray[np.bytes_], clones: int) -> NDArray[np.bytes_]:
    """The names of all, clone 0 with the recorded one.

    A clone of a VIN is a VIN: maker, model and model year stay, the serial is new and the check digit right. Other
    names get a number. Raises InputError when that makes a name too long.
    """
    taken = {name.decode(errors="replace") for name in recorded.tolist()}
    found: list[list[str]] = [[name.decode(errors="replace")] for name in recorded.tolist()]
    if clones > 1:
        alike: dict[tuple[str, str], list[int]] = defaultdict(list)
        for device, (name,) in enumerate(found):
            if is_valid_vin(name):
                alike[name[:8], name[9]].append(device)
            else:
                found[device] += _numbered(name, clones, taken)
        for (prefix, year), devices in alike.items():
            new = iter(_vins(prefix, year, len(devices) * (clones - 1), taken))
            for device in devices:
                found[device] += [next(new) for _ in range(clones - 1)]
    return np.array([name.encode() for names in found for name in names])


def _numbered(name: str, clones: int, taken: set[str]) -> list[str]:
    width = len(str(clones - 1))
    names = [f"{name}-{number:0{width}d}" for number in range(1, clones)]
    if len(names[0]) > _LONGEST:
        raise InputError(
            f"--clones: a clone of {name!r} would be called {names[0]!r}, longer than {_LONGEST} characters"
        )
    clash = taken.intersection(names)
    if clash:
        raise InputError(f"--clones: {min(clash)!r} is in the recording already")
    return names


def _vins(prefix: str, year: str, count: int, taken: set[str]) -> list[str]:
    """VINs of this model that are not taken."""
    model_year = next(year_ for year_ in range(2010, 2040) if year_letter(year_) == year)
    found: list[str] = []
    first = 500_000  # above the serials that simulated fleets begin with
    while len(found) < count:
        try:
            made = make_vins(prefix, model_year, np.arange(first, first + count + len(taken)))
        except ValueError as error:
            raise InputError(f"--clones: no more VINs for {prefix}: {error}") from error
        found += [vin for vin in (name.decode() for name in made.tolist()) if vin not in taken]
        first += count + len(taken)
    return found[:count]
