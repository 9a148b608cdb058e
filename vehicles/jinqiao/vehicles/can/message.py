"""What a CAN message is: an identifier, a cycle, and signals laid into at most eight bytes.

Signals are Intel (least significant bit first, `start` is that bit) or Motorola (most significant bit first, `start` is
that bit in the numbering of DBC files: bit 7 of byte 0 is 7, bit 7 of byte 1 is 15).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["BUSES", "Bus", "CanMessage", "CanSignal", "Course", "Multiplex", "be", "le", "protection"]

Bus: TypeAlias = Literal["powertrain", "body", "battery"]
BUSES: tuple[Bus, ...] = ("powertrain", "body", "battery")
#: How a signal runs between two samples one second apart: `linear`; `hold` the first until the second; `last`, because
#: the second sample tells of the whole second; `mean`, a curve whose mean over the second is the second sample;
#: `ripple`, the same with the ripple of an inverter on top, whose mean is zero.
Course: TypeAlias = Literal["linear", "hold", "last", "mean", "ripple"]


@dataclass(frozen=True, slots=True)
class CanSignal:
    """One signal: physical = raw × `scale` + `offset`, from `low` to `high`; signed where `low` needs it.

    `source` names the column it shows: a row of the signal table or of `sources.py`.
    """

    name: str
    start: int
    length: int
    scale: float
    offset: float
    low: float
    high: float
    unit: str
    source: str
    course: Course
    comment: str
    motorola: bool = False
    values: Mapping[int, str] = field(default_factory=dict)

    @property
    def signed(self) -> bool:
        return round((self.low - self.offset) / self.scale) < 0

    @property
    def shift(self) -> int:
        """Place of the least significant bit in the eight bytes read as one number of this byte order."""
        if not self.motorola:
            return self.start
        return 64 - (8 * (self.start // 8) + 7 - self.start % 8) - self.length


@dataclass(frozen=True, slots=True)
class Multiplex:
    """Many alike values sent in turns: byte 0 says which turn, `slots` are where the values of a turn stand.

    Value number i (from 0) is sent in turn `i // len(slots)`; its name is `pattern` with i + 1. `count` values at most.
    """

    selector: str
    pattern: str
    slots: tuple[CanSignal, ...]
    count: int

    @property
    def turns(self) -> int:
        return -(-self.count // len(self.slots))


@dataclass(frozen=True, slots=True)
class CanMessage:
    """A cyclic message of `length` bytes, sent by `sender` every `cycle_ms`."""

    id: int
    name: str
    bus: Bus
    sender: str
    cycle_ms: int
    signals: tuple[CanSignal, ...]
    comment: str
    length: int = 8
    protected: bool = False
    multiplex: Multiplex | None = None

    @property
    def per_second(self) -> int:
        return 1000 // self.cycle_ms


def le(
    name: str,
    bits: tuple[int, int],
    scale: tuple[float, float],
    bounds: tuple[float, float],
    unit: str,
    source: str,
    course: Course,
    comment: str,
    values: Mapping[int, str] | None = None,
) -> CanSignal:
    """An Intel signal: `bits` (start, length), `scale` (step, offset), `bounds` (low, high)."""
    return CanSignal(name, *bits, *scale, *bounds, unit, source, course, comment, False, values or {})


def be(
    name: str,
    bits: tuple[int, int],
    scale: tuple[float, float],
    bounds: tuple[float, float],
    unit: str,
    source: str,
    course: Course,
    comment: str,
    values: Mapping[int, str] | None = None,
) -> CanSignal:
    """A Motorola signal."""
    return CanSignal(name, *bits, *scale, *bounds, unit, source, course, comment, True, values or {})


def protection(name: str) -> tuple[CanSignal, CanSignal]:
    """Counter (low nibble of byte 6) and checksum (byte 7) of a protected message."""
    one = (1.0, 0.0)
    return (
        le(f"{name}_Counter", (48, 4), one, (0, 14), "", "", "hold", "Counts 0 to 14, then 0 again; 15 is never sent"),
        le(f"{name}_CRC", (56, 8), one, (0, 255), "", "", "hold", "CRC-8/SAE-J1850 over id low, id high, bytes 0 to 6"),
    )
