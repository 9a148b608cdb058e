"""The parts of a recording as steps in the order of time, once for each slot that clones live in, round by round."""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jinqiao.gateway.recordings.ordering import Disorder, in_order
from jinqiao.gateway.recordings.parts import Messages, Part, Samples, Source, by_time

from .topics import device_in

__all__ = ["Extent", "Prefetched", "Step", "steps", "survey"]

MS = 1_000_000
#: Between the last message of a round and the first of the next, ns.
_PAUSE_NS = 1_000 * MS


@dataclass(slots=True)
class Extent:
    """What a recording spans: first and last moment (ns), its devices, messages by kind."""

    first_ns: int = 2**63 - 1
    last_ns: int = 0
    devices: set[bytes] = field(default_factory=set)
    messages: int = 0
    left_out: int = 0
    disorder: Disorder = field(default_factory=Disorder)

    @property
    def held(self) -> int:
        """About how many messages are in memory at once while they are put in order: those of the time by which one
        may be late, if they are evenly spread."""
        span_ns = self.last_ns - self.first_ns
        return round(self.messages * min(1.0, self.disorder.most_ns / span_ns)) if span_ns > 0 else 0

    @property
    def round_ns(self) -> int:
        """From the beginning of one round to that of the next."""
        return self.last_ns - self.first_ns + _PAUSE_NS


@dataclass(frozen=True, slots=True)
class Step:
    """What was said at one moment. `time_ns` goes on from round to round, `recorded_ns` is the recording's."""

    time_ns: int
    recorded_ns: int
    slot: int
    part: Part


def survey(source: Source) -> Extent:
    """Read the recording once."""
    found = Extent()
    for part in source.parts():
        if not isinstance(part, (Samples, Messages)) and isinstance(part, list):
            found.left_out += len(part)
            continue
        times: NDArray[np.int64] = part.time_ns  # type: ignore[union-attr]
        if not len(times):
            continue
        found.messages += len(part)
        found.disorder.add(times)
        found.first_ns = min(found.first_ns, int(times.min()))
        found.last_ns = max(found.last_ns, int(times.max()))
        if isinstance(part, Samples):
            found.devices.update(np.unique(part.device_names).tolist())
        elif isinstance(part, Messages):
            named = (device_in(topic) for topic in set(part.topics))
            found.devices.update(topic[at].encode() for topic, at in named if at is not None)
        else:
            found.devices.update(told.device_name.encode() for told in part.events)  # type: ignore[union-attr]
    return found


def steps(source: Source, extent: Extent, slots_ms: list[int], *, loop: bool) -> Iterator[Step]:
    """All steps in the order of `time_ns`; without end if `loop`."""
    numbers = itertools.count()
    waiting: list[tuple[int, int, Step]] = []
    for turn in itertools.count():
        shift = turn * extent.round_ns
        known = (part for part in source.parts() if not isinstance(part, list))
        for part in in_order(known, extent.disorder.most_ns):
            for at, piece in by_time(part):
                for slot, later_ms in enumerate(slots_ms):
                    step = Step(at + shift + later_ms * MS, at, slot, piece)
                    if len(slots_ms) == 1:
                        yield step
                    else:
                        heapq.heappush(waiting, (step.time_ns, next(numbers), step))
                while waiting and waiting[0][0] <= at + shift:
                    yield heapq.heappop(waiting)[2]
        if not loop:
            break
    while waiting:
        yield heapq.heappop(waiting)[2]


#: Steps are handed over in bundles of so many messages, or of what so many seconds of reading gave: a short recording
#: that is looped is opened anew for every few of its messages. So many bundles ahead.
_BUNDLE, _BUNDLE_S, _BUNDLES = 1024, 0.1, 16
#: Longer than this nobody waits for the thread to be ahead.
_PATIENCE_S = 1.0


class Prefetched(Iterator[Step]):
    """The same steps, read by a thread some way ahead until `close`."""

    def __init__(self, stream: Iterator[Step]) -> None:
        self._ready: queue.Queue[list[Step] | BaseException] = queue.Queue(_BUNDLES)
        self._closed = threading.Event()
        self._filled = threading.Event()
        self._bundle: Iterator[Step] = iter(())
        self._left = 0
        threading.Thread(target=self._read, args=(stream,), name="recording", daemon=True).start()

    def wait(self) -> None:
        """Return when the thread is as far ahead as it gets, or as it can get within a second."""
        self._filled.wait(_PATIENCE_S)

    @property
    def at_hand(self) -> bool:
        """Whether the next step is there at once."""
        return self._left > 0 or not self._ready.empty()

    def close(self) -> None:
        """End the thread."""
        self._closed.set()

    def __next__(self) -> Step:
        if not self._left:
            item = self._ready.get()
            if isinstance(item, BaseException):
                raise item
            if not item:
                self._ready.put(item)
                raise StopIteration
            self._bundle, self._left = iter(item), len(item)
        self._left -= 1
        return next(self._bundle)

    def _put(self, item: list[Step] | BaseException) -> bool:
        while not self._closed.is_set():
            try:
                self._ready.put(item, timeout=0.1 if self._filled.is_set() else 0.0)
            except queue.Full:
                self._filled.set()
                continue
            return True
        return False

    def _read(self, stream: Iterator[Step]) -> None:
        try:
            bundle: list[Step] = []
            messages, begun = 0, time.monotonic()
            for step in stream:
                bundle.append(step)
                messages += len(step.part)
                if messages >= _BUNDLE or time.monotonic() - begun >= _BUNDLE_S:
                    if not self._put(bundle):
                        return
                    bundle, messages, begun = [], 0, time.monotonic()
            if bundle:
                self._put(bundle)
            self._put([])
        except BaseException as error:  # raised again where the steps are used
            self._put(error)
        finally:
            self._filled.set()
