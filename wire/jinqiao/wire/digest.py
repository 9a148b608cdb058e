"""The digest of a run: one SHA-256 over everything that its vehicles say, taken before anybody renders it.

It covers, for each town: telemetry (device number in its town, number of the post, time, every published value at its
decimals), events, labels and CAN as their whole packets. It does not cover what vehicles answer to commands, which the
clock of the wall decides. Each kind has a running hash of its own, so that it is all one how many seconds were taken
together and who listens; the digest is the hash of these hashes, town by town. Samples that lack a value have a hash of
their own likewise, as they stand in batches of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import GROUPS, SIGNALS

from .render.packets import Packets
from .render.said import SaidBatch, SaidPacket

__all__ = ["RunDigest"]


#: The signals of each group that are published, in order.
_WHOLE = {group: tuple(signal.name for signal in SIGNALS.group(group)) for group in GROUPS}


def _name_of(said: SaidBatch) -> str:
    """Which hash of its town a batch belongs to."""
    name, whole, found = f"{said.kind} {said.batch.group}", _WHOLE.get(said.batch.group, ()), said.batch.signals
    if len(found) >= len(whole):
        return name
    return " ".join([name, "without", *(signal for signal in whole if signal not in found)])


class RunDigest:
    """Of the towns whose vehicles are these rows of the fleet; they follow one another from 0 on."""

    def __init__(self, towns: Sequence[slice] = ()) -> None:
        self._starts = np.array([rows.start for rows in towns] or [0], np.int32)
        self._hashes: list[dict[str, Any]] = [{} for _ in self._starts]

    def local(self, vehicles: NDArray[np.int32]) -> NDArray[np.int32]:
        """The numbers of these vehicles, each in its town."""
        if len(self._starts) == 1:
            return vehicles
        return vehicles - self._starts[self._towns_of(vehicles)]

    def add_rows(self, said: SaidBatch, rows: NDArray[Any]) -> None:
        """The records of a batch, in the order of time, made with the numbers of `local`."""
        name = _name_of(said)
        if len(self._starts) == 1:
            self._add(0, name, rows.view(np.uint8))
            return
        towns = self._towns_of(said.batch.vehicles)
        order = np.argsort(towns, kind="stable")
        rows = rows[order]
        edges = np.searchsorted(towns[order], np.arange(len(self._starts) + 1)).tolist()
        for town, (start, stop) in enumerate(pairwise(edges)):
            if start < stop:
                self._add(town, name, rows[start:stop].view(np.uint8))

    def add_packets(self, packets: Iterable[SaidPacket]) -> None:
        """Events or labels."""
        for packet in packets:
            town = int(self._towns_of(np.array([packet.vehicle]))[0])
            self._add(town, packet.kind, packet.data)

    def add_block(self, kind: str, block: Packets) -> None:
        """Packets that were rendered together."""
        if len(self._starts) == 1:
            self._add(0, kind, block.data)
            return
        for row, town in enumerate(self._towns_of(block.vehicles).tolist()):
            self._add(town, kind, block.packet(row))

    def towns(self) -> list[str]:
        """The digest of each town, hexadecimal."""
        return [self._of(hashes).hexdigest() for hashes in self._hashes]

    def hexdigest(self) -> str:
        """The digest of the run."""
        whole = hashlib.sha256()
        for town in self.towns():
            whole.update(bytes.fromhex(town))
        return whole.hexdigest()

    def _towns_of(self, vehicles: NDArray[np.integer[Any]]) -> NDArray[np.intp]:
        return np.searchsorted(self._starts, vehicles, side="right") - 1

    def _add(self, town: int, name: str, data: Any) -> None:
        hashes = self._hashes[town]
        found = hashes.get(name)
        if found is None:
            found = hashes[name] = hashlib.sha256()
        found.update(data)

    def _of(self, hashes: dict[str, Any]) -> Any:
        whole = hashlib.sha256()
        for name, found in sorted(hashes.items()):
            whole.update(name.encode() + b"\0" + found.digest())
        return whole
