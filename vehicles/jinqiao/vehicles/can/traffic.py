"""The frames of one second on the buses of many vehicles: sampled, packed, measured, and sent by arbitration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.keyed import Draws, folded, key_of

from .arbitration import arbitrate
from .courses import course_values
from .database import SENDERS
from .fault_state import ERROR_FRAME_BITS, CanFaultState
from .frame_bits import BIT_RATE, frame_bits
from .message import CanMessage, CanSignal
from .pack import COUNTS, pack

__all__ = ["CanTraffic", "Frames"]

#: A control unit begins its cycles so long after the one before it in `SENDERS`: what it sends together then queues.
SENDER_STEP_S = 0.0013


@dataclass(frozen=True, slots=True)
class Frames:
    """One second of n buses, in the order of time: arrays of shape (n, frames).

    `offset_s` is when a frame ended, s after the start of this second; `sent` is False for what a fault kept off the
    bus. `load` (n,) is the share of the second that the bus was busy, `errors` (n,) how many error frames it saw.
    """

    offset_s: NDArray[np.float64]
    id: NDArray[np.uint16]
    length: NDArray[np.uint8]
    data: NDArray[np.uint8]  # (n, frames, 8)
    sent: NDArray[np.bool_]
    load: NDArray[np.float64]
    errors: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.sent.sum())


class CanTraffic:
    """The buses of n vehicles that all carry `messages`; `seeds` (n,) make the vehicles' ripple differ.

    Seconds are asked for in their order, because counters go on and a busy bus is still busy when the next one begins.
    """

    def __init__(self, messages: Sequence[CanMessage], seeds: NDArray[np.uint32]) -> None:
        self.messages = sorted(messages, key=lambda message: message.id)
        self._seeds = seeds
        self._n = len(seeds)
        self._free_s = np.zeros(self._n)
        #: The last second in which each bus was awake.
        self._awake_in = np.full(self._n, -1)
        senders = list(SENDERS)
        self._offsets: list[NDArray[np.float64]] = []
        for message in self.messages:
            at = np.arange(message.per_second, dtype=np.float64)
            at *= message.cycle_ms / 1000.0
            at += senders.index(message.sender) * SENDER_STEP_S % (message.cycle_ms / 1000.0)
            self._offsets.append(at)
        self._counts = np.array([len(offsets) for offsets in self._offsets], dtype=np.intp)
        self._release_s = np.concatenate(self._offsets)
        self._ids = np.repeat(np.array([m.id for m in self.messages], dtype=np.uint16), self._counts)
        self._lengths = np.repeat(np.array([m.length for m in self.messages], dtype=np.uint8), self._counts)

    def second(
        self,
        number: int,
        before: Mapping[str, NDArray[Any]],
        after: Mapping[str, NDArray[Any]],
        faults: CanFaultState | None = None,
        awake: NDArray[np.bool_] | None = None,
    ) -> Frames:
        """The frames of second `number`, from the columns (`Snapshots.take`) at its start and at its end.

        `awake` (n,) says whose buses are, all where it is absent: what the frames of the others hold is not meant to be
        sent, and leaves nothing behind, be it in a queue or in a frozen signal.
        """
        total = len(self._release_s)
        data = np.empty((total, self._n, 8), dtype=np.uint8)
        bits = np.empty((self._n, total), dtype=np.int64)
        start = 0
        for message, offsets in zip(self.messages, self._offsets, strict=True):
            stop = start + len(offsets)
            packed = self._pack(message, offsets, number, before, after, faults, awake)
            data[start:stop] = packed.reshape(len(offsets), self._n, 8)
            bits[:, start:stop] = frame_bits(message.id, message.length, packed).reshape(len(offsets), self._n).T
            if faults is not None:
                bits[faults.silent(message.name), start:stop] = 0
            start = stop
        sent = bits > 0
        errors = self._spoil(number, bits, sent, faults)
        self._free_s -= 1.0 if number else 0.0
        self._begin(number, awake)
        order = arbitrate(self._release_s, self._counts, bits, self._free_s)
        rows = np.arange(self._n)[:, None]
        return Frames(
            order.time_s,
            self._ids[order.instance],
            self._lengths[order.instance],
            data[order.instance, rows],
            sent[rows, order.instance],
            bits.sum(axis=1) / BIT_RATE,
            errors,
        )

    def _begin(self, number: int, awake: NDArray[np.bool_] | None) -> None:
        """A bus that slept in the second before has nothing left to send."""
        if awake is None:
            return
        self._free_s[awake & (self._awake_in != number - 1)] = 0.0
        self._awake_in[awake] = number

    def _pack(
        self,
        message: CanMessage,
        offsets: NDArray[np.float64],
        number: int,
        before: Mapping[str, NDArray[Any]],
        after: Mapping[str, NDArray[Any]],
        faults: CanFaultState | None,
        awake: NDArray[np.bool_] | None,
    ) -> NDArray[np.uint8]:
        """Frames of one message, instance by instance and in each vehicle by vehicle, shape (instances × n, 8)."""
        count = len(offsets) * self._n
        sequence = np.repeat(number * len(offsets) + np.arange(len(offsets)), self._n)

        def values(signal: CanSignal) -> NDArray[np.float64]:
            first, last = (np.asarray(columns[signal.source], dtype=np.float64) for columns in (before, after))
            course = course_values(signal.course, first, last, offsets, number, self._seeds)
            return (course if faults is None else faults.hold(signal.name, course, awake)).ravel()

        if message.multiplex is not None:
            return self._pack_turns(message, sequence, before)
        counter = sequence
        if faults is not None and message.protected:
            jumps = faults.counter_jump[faults.message_index[message.name]]
            counter = sequence + np.tile(jumps, len(offsets))
        frames = pack(message, values, count, counter=counter % COUNTS)
        if faults is not None and message.protected:
            wrong = faults.wrong_checksum[faults.message_index[message.name]] > 0
            frames[:, 7] ^= np.tile(wrong.astype(np.uint8) * 0x5A, len(offsets))
        return frames

    def _pack_turns(
        self, message: CanMessage, sequence: NDArray[np.int64], columns: Mapping[str, NDArray[Any]]
    ) -> NDArray[np.uint8]:
        multiplex = message.multiplex
        assert multiplex is not None
        slots = len(multiplex.slots)
        table = columns[multiplex.slots[0].source]
        used = np.full(self._n, multiplex.count)
        if table.dtype.kind == "f":  # cells: a short pack has fewer turns
            used = np.minimum(columns["series_cells"], multiplex.count)
        turns = np.tile(-(-used // slots), len(sequence) // self._n)
        turn = sequence % turns
        rows = np.tile(np.arange(self._n), len(sequence) // self._n)
        places = turn[:, None] * slots + np.arange(slots)
        chosen = np.where(places < table.shape[1], table[rows[:, None], np.minimum(places, table.shape[1] - 1)], 0)
        return pack(message, {str(slot): chosen[:, slot] for slot in range(slots)}, len(sequence), turn=turn)

    def _spoil(
        self, number: int, bits: NDArray[np.int64], sent: NDArray[np.bool_], faults: CanFaultState | None
    ) -> NDArray[np.int64]:
        """Add error frames: a spoilt frame is broken off by an error flag and sent again, so its bits count twice."""
        errors = np.zeros(self._n, dtype=np.int64)
        if faults is None or not faults.error_rate.any():
            return errors
        ill = np.flatnonzero(faults.error_rate > 0)
        share = np.minimum(faults.error_rate[ill, None] / np.maximum(sent[ill].sum(axis=1), 1)[:, None], 1.0)
        spoilt = np.zeros_like(sent)
        spoilt[ill] = sent[ill] & (self._chances(ill, number, bits.shape[1]) < share)
        bits += np.where(spoilt, bits + ERROR_FRAME_BITS, 0)
        total: NDArray[np.int64] = spoilt.sum(axis=1)
        return total

    def _chances(self, rows: NDArray[np.intp], number: int, frames: int) -> NDArray[np.float64]:
        """A number from 0 to 1 for each frame of a second, each vehicle's its own, shape (rows, frames)."""
        keys = folded(key_of("error frames", self.messages[0].id), self._seeds[rows])
        return Draws(keys).rows_of_shares("frame", number * frames, frames)
