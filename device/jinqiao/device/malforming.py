"""Where messages are spoilt: vehicles with such a fault say what they say, and it leaves as something else.

What is said stays columns; the rows that are struck are taken out, rendered and spoilt, and go on as whole packets
among the events, whose way they share: through a bad network, over whichever connection their vehicle has, and into the
digest. The platform takes none of them on trust.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.keyed import SHARE, folded, purpose_number
from jinqiao.wire.render import StepRenderer
from jinqiao.wire.render.malformed import KIND, spoilt
from jinqiao.wire.render.said import Said, SaidBatch, SaidPacket

__all__ = ["Malforming", "Spoiling"]

_PURPOSE = purpose_number("malformed payload")

Keys = NDArray[np.uint64]


class Spoiling(Protocol):
    """Which vehicles say what is malformed, at this moment; see `simulator/messages.py`."""

    any: bool
    #: Of each vehicle, shape (n,): the number of the kind, 0 for none; and of how many of its messages, 0 … 1.
    malformed: NDArray[np.uint8]
    malformed_share: NDArray[np.float64]


class Malforming:
    """Spoils what `state` says; `keys` gives vehicles' keys for rows, shape (m,), from which they draw.

    Whether a message is struck, and how it is spoilt, depends on its vehicle and its number.
    """

    def __init__(self, state: Spoiling, renderer: StepRenderer, keys: Callable[[NDArray[Any]], Keys]) -> None:
        self._state, self._renderer, self._keys = state, renderer, keys

    def take(self, said: Said) -> Said:
        """What leaves: the same, but for the rows that are struck."""
        state = self._state
        if not state.any or not said.batches or not state.malformed.any():
            return said
        batches, packets = list[SaidBatch](), list[SaidPacket]()
        for one in said.batches:
            batches.append(self._pick(one, packets))
        if not packets:
            return said
        events = sorted([*said.events, *packets], key=lambda packet: packet.time_ms)
        return replace(said, events=events, batches=[one for one in batches if len(one)])

    def _pick(self, one: SaidBatch, packets: list[SaidPacket]) -> SaidBatch:
        """What is left of a batch; the rest is put with the packets."""
        vehicles = one.batch.vehicles
        rows = np.flatnonzero(self._state.malformed[vehicles])
        if not len(rows):
            return one
        keys = folded(folded(self._keys(vehicles[rows]), np.full(len(rows), _PURPOSE, np.uint64)), one.ids[rows])
        struck = (keys >> np.uint64(11)) * SHARE < self._state.malformed_share[vehicles[rows]]
        rows, keys = rows[struck], keys[struck]
        left = np.ones(len(one), np.bool_)
        some, place = one.some(rows), 0
        protobuf = one.kind == "protobuf_sample"
        for block in self._renderer.samples(some):
            for row in range(len(block)):
                vehicle = int(block.vehicles[row])
                kind = int(self._state.malformed[vehicle])
                packet = spoilt(kind, block.packet(row), int(keys[place]), protobuf=protobuf)
                if packet is not None:
                    packets.append(SaidPacket(int(some.batch.time_ms[place]), vehicle, KIND, packet))
                    left[rows[place]] = False
                place += 1
        return one if left.all() else one.some(left)
