"""Random numbers by key: a number is a function of who draws it and what for, never of what was drawn before.

Word n of purpose p under key k is `mix(k ^ (p + n) * GAMMA)` modulo 2**64. `mix` and GAMMA are SplitMix64's (Steele,
Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014; the finaliser is D. Stafford's variant 13
of MurmurHash3's). Used without a state it is a counter-based generator in the sense of Salmon, Moraes, Dror and Shaw,
"Parallel random numbers: as easy as 1, 2, 3", SC 2011. Three things to know before changing it:

- The paper adds the counter to the key, here the two meet in an exclusive or: sums would let two keys that lie a few
  steps apart give the same run of numbers, shifted. So each word is one round on a key that is itself the result of
  rounds (`fold`), one for each part of what it stands for.
- Philox4x32-10, the usual choice, takes ten rounds of two products. On arrays that is bearable; a single decision in
  Python would cost as much as the event that asks for it. SplitMix64 is two products, and passes BigCrush.
- A car's decision and the same one among 100,000 cars are the same bits. So arrays and plain Python do the same integer
  operations, and floats are made of the upper 53 bits by one exact product.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "GAMMA",
    "MASK",
    "SHARE",
    "Draws",
    "FleetPart",
    "fleet_key",
    "fold",
    "folded",
    "key_of",
    "mix",
    "mixed",
    "purpose_number",
    "town_key",
]

U8s = NDArray[np.uint64]
F8s = NDArray[np.float64]

MASK = (1 << 64) - 1
#: 2**64 over the golden ratio, odd.
GAMMA = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
#: What one step of a word's upper 53 bits is worth in 0 … 1.
SHARE = 2.0**-53
#: Where every key begins: the first 64 binary places of pi.
_ROOT = 0x243F6A8885A308D3


def mix(z: int) -> int:
    """A bijection of 64 bits in which every bit of `z` decides about half of all bits."""
    z = ((z ^ (z >> 30)) * _FIRST) & MASK
    z = ((z ^ (z >> 27)) * _SECOND) & MASK
    return z ^ (z >> 31)


def mixed(z: U8s) -> U8s:
    """`mix` of every element, in place."""
    z ^= z >> np.uint64(30)
    z *= np.uint64(_FIRST)
    z ^= z >> np.uint64(27)
    z *= np.uint64(_SECOND)
    z ^= z >> np.uint64(31)
    return z


@cache
def purpose_number(purpose: str) -> int:
    """The 64 bits that stand for a word: purposes lie too far apart for the counts of one to reach another."""
    return int.from_bytes(blake2b(purpose.encode(), digest_size=8).digest(), "big")


def fold(key: int, part: int | str) -> int:
    """The key of a part of what `key` stands for: of a fleet under a seed, of a vehicle in a fleet."""
    number = purpose_number(part) if isinstance(part, str) else part
    return mix(key ^ (number * GAMMA & MASK))


def folded(key: int | U8s, parts: NDArray[np.integer[Any]]) -> U8s:
    """`fold` for many numbered parts, of one key or of one each: shape (n,)."""
    z: U8s = parts.astype(np.uint64)
    z *= np.uint64(GAMMA)
    z ^= np.uint64(key) if isinstance(key, int) else key
    return mixed(z)


def key_of(*parts: int | str) -> int:
    """The key that these parts lead to, one after the other: a seed, a fleet's name, a vehicle's number in it …"""
    key = _ROOT
    for part in parts:
        key = fold(key, part)
    return key


def town_key(seed: int, town: int, *parts: int | str) -> int:
    """The key of something in a town. Town 0 adds nothing, so that a town by itself draws what it always did."""
    return key_of(seed, *parts) if town == 0 else key_of(seed, "town", town, *parts)


def fleet_key(seed: int, name: str, town: int = 0) -> int:
    """The key of a fleet in a town, of which its vehicles are numbered parts."""
    return town_key(seed, town, "fleet", name)


class FleetPart(NamedTuple):
    """The vehicles of one fleet in one town: `size` of them, numbered from 0."""

    name: str
    size: int
    town: int = 0


class Draws:
    """What n vehicles draw, all at once: every method returns one value for each, shape (n,).

    `purpose` says what for. Equal purposes draw equal numbers, so each thing that is drawn has a purpose of its own;
    nothing is used up, and the order of the calls does not matter. `keys` (n,) are the vehicles', uint64.
    """

    __slots__ = ("keys",)

    def __init__(self, keys: U8s) -> None:
        self.keys = keys

    @classmethod
    def of(cls, seed: int, fleets: Iterable[FleetPart | tuple[str, int]]) -> Draws:
        """Those of all vehicles of these fleets, one after the other; a pair (name, size) is a fleet of town 0."""
        parts = (FleetPart(*fleet) for fleet in fleets)
        keys = [folded(fleet_key(seed, name, town), np.arange(size)) for name, size, town in parts]
        return cls(np.concatenate(keys) if keys else np.zeros(0, dtype=np.uint64))

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: slice | NDArray[np.integer[Any]]) -> Draws:
        """Those of some of the vehicles."""
        return Draws(self.keys[rows])

    def words(self, purpose: str, number: int = 0) -> U8s:
        """64 bits each; `number` counts those of one purpose."""
        return mixed(self.keys ^ np.uint64((purpose_number(purpose) + number) * GAMMA & MASK))

    def shares(self, purpose: str, number: int = 0) -> F8s:
        """Numbers from 0 up to but not including 1."""
        words = self.words(purpose, number)
        words >>= np.uint64(11)
        shares: F8s = words.astype(np.float64)
        shares *= SHARE
        return shares

    def rows_of_shares(self, purpose: str, first: int, count: int) -> F8s:
        """`count` numbers a vehicle from the one numbered `first` on, shape (n, count)."""
        numbers = np.arange(first, first + count, dtype=np.uint64)
        numbers += np.uint64(purpose_number(purpose))
        numbers *= np.uint64(GAMMA)
        words = mixed(self.keys[:, None] ^ numbers)
        words >>= np.uint64(11)
        shares: F8s = words.astype(np.float64)
        shares *= SHARE
        return shares

    def uniform(self, purpose: str, low: ArrayLike, high: ArrayLike) -> F8s:
        """Numbers from `low` up to `high`."""
        values: F8s = self.shares(purpose)
        values *= np.subtract(high, low)
        values += np.asarray(low)
        return values

    def normal(self, purpose: str, mean: ArrayLike = 0.0, sd: ArrayLike = 1.0) -> F8s:
        """Normal numbers (Box and Muller 1958), two words each; as fine as a float32, which makes them quickly."""
        # Above 0, so that it has a logarithm; small ones keep all their bits, and with them the tails.
        radius = (1.0 - self.shares(purpose)).astype(np.float32)
        np.log(radius, out=radius)
        radius *= np.float32(-2.0)
        np.sqrt(radius, out=radius)
        angle = self.shares(purpose, 1).astype(np.float32)
        angle *= np.float32(2.0 * np.pi)
        radius *= np.cos(angle, out=angle)
        values: F8s = radius.astype(np.float64)
        values *= np.asarray(sd)
        values += np.asarray(mean)
        return values

    def lognormal(self, purpose: str, mean: float, sd: float) -> F8s:
        """Numbers whose logarithm is normal with this mean and standard deviation."""
        values = self.normal(purpose, mean, sd)
        return np.exp(values, out=values)

    def exponential(self, purpose: str, mean: float) -> F8s:
        """Waiting times for something that comes once in `mean` on average."""
        values: F8s = np.log1p(-self.shares(purpose))
        values *= -mean
        return values

    def triangular(self, purpose: str, low: float, mode: float, high: float) -> F8s:
        """Numbers from `low` to `high`, most often near `mode`; by the inverse of their distribution."""
        share = self.shares(purpose)
        rising = np.sqrt(share * ((high - low) * (mode - low)))
        falling = np.sqrt((1.0 - share) * ((high - low) * (high - mode)))
        return np.where(share * (high - low) < mode - low, low + rising, high - falling)

    def integers(self, purpose: str, low: ArrayLike, high: ArrayLike) -> NDArray[np.int64]:
        """Whole numbers from `low` to `high` - 1."""
        return np.asarray(low) + (self.shares(purpose) * np.subtract(high, low)).astype(np.int64)

    def choice(self, purpose: str, values: ArrayLike) -> NDArray[Any]:
        """One of `values` each."""
        among = np.asarray(values)
        return among[self.integers(purpose, 0, len(among))]
