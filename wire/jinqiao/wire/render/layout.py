"""Where everything stands in rows of equal length: a text with slots becomes a template and a structured row type.

Rows are filled with the template first, and then written column by column through the row type's fields. A slot may
stand in several places, each of the same width; a numeral takes several fields there, one for each of its pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import Signal

from .fixed import number_type
from .numerals import numeral
from .shape import Part, Slot

__all__ = ["Layout", "Place", "lay_out", "reach_of", "widths_of", "write"]

#: A slot, and the offset at which it stands.
Place = tuple[Slot, int]


@dataclass(frozen=True, slots=True)
class Layout:
    """`template` is a row without values, shape (row_bytes,); `offsets` are the places of each slot, by its name.

    `fields` are the fields of `row_type` for each slot: one for each place of a slot of one piece, one for each piece
    of a numeral, which stands in one place.
    """

    template: NDArray[np.uint8]
    offsets: Mapping[str, tuple[int, ...]]
    fields: Mapping[str, tuple[str, ...]]
    row_type: np.dtype[Any]


def lay_out(text: bytes, places: Iterable[Place], widths: Mapping[str, tuple[int, ...]]) -> Layout:
    """The layout of rows like `text`; `widths` are those of the pieces of each slot."""
    names: list[str] = []
    formats: list[str] = []
    starts: list[int] = []
    offsets: dict[str, tuple[int, ...]] = {}
    fields: dict[str, tuple[str, ...]] = {}
    for slot, at in places:
        offsets[slot.what] = (*offsets.get(slot.what, ()), at)
        for width in widths[slot.what]:
            names.append(f"{slot.what}.{at}")
            formats.append(f"S{width}")
            starts.append(at)
            fields[slot.what] = (*fields.get(slot.what, ()), names[-1])
            at += width
    row_type = np.dtype({"names": names, "formats": formats, "offsets": starts, "itemsize": len(text)})
    return Layout(np.frombuffer(text, np.uint8), offsets, fields, row_type)


def write(parts: Sequence[Part], widths: Mapping[str, tuple[int, ...]], start: int = 0) -> tuple[bytes, list[Place]]:
    """The text with blanks where slots stand, and where they stand if its first byte is at `start`."""
    text = bytearray()
    places: list[Place] = []
    for part in parts:
        if isinstance(part, str):
            text += part.encode()
        else:
            places.append((part, start + len(text)))
            text += b" " * sum(widths[part.what])
    return bytes(text), places


def reach_of(signal: Signal) -> tuple[int, int]:
    """The lowest and highest number that a signal can show, as `fixed` scales it."""
    unit = 10**signal.decimals
    return round(signal.low * unit), round(signal.high * unit)


def widths_of(signals: Iterable[Signal]) -> dict[str, tuple[int, ...]]:
    """The widths of what signals can show, by name."""
    return {
        signal.name: numeral(np.zeros(1, number_type(signal)), signal.decimals, reach=reach_of(signal)).widths
        for signal in signals
    }
