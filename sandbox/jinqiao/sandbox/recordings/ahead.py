"""Packets rendered some way before they are due, a block at a time, so that rendering makes none of them late."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from .replayed import Renderer, Replayed
from .timeline import Prefetched

__all__ = ["Ahead"]

#: So far ahead, and no more memory than this.
_AHEAD_S = 0.5
_AHEAD_BYTES = 32 << 20
#: Taken at once; more is taken in turns, so that a burst's first messages do not wait for its last.
_TAKEN_BYTES = 1 << 16


class Ahead:
    """What is ready. `due_s` says when a step's moment (ns, `Step.time_ns`) is due, seconds after the beginning."""

    def __init__(self, stream: Prefetched, renderer: Renderer, due_s: Callable[[int], float]) -> None:
        self._stream, self._renderer, self._due_s = stream, renderer, due_s
        self._ready: deque[tuple[float, Replayed]] = deque()
        self._bytes = 0
        self._pieces: Iterator[Replayed] = iter(())
        self._pieces_due = 0.0
        self._read_all = False

    @property
    def next_s(self) -> float | None:
        """When the first of what is ready is due."""
        return self._ready[0][0] if self._ready else None

    @property
    def ended(self) -> bool:
        """Whether all was taken."""
        return self._read_all and not self._ready

    def render(self, now_s: float) -> bool:
        """Render the next block; false if enough is ready, or nothing more is read yet."""
        if self._bytes >= _AHEAD_BYTES or self._pieces_due > now_s + _AHEAD_S:
            return False
        while (piece := next(self._pieces, None)) is None:
            if self._read_all or not self._stream.at_hand:
                return False
            step = next(self._stream, None)
            if step is None:
                self._read_all = True
                return False
            self._pieces, self._pieces_due = self._renderer.render(step), self._due_s(step.time_ns)
        self._ready.append((self._pieces_due, piece))
        self._bytes += len(piece.data)
        return True

    def take(self, until_s: float) -> list[tuple[float, Replayed]]:
        """The first of what is due by then, in order."""
        taken: list[tuple[float, Replayed]] = []
        size = 0
        while self._ready and self._ready[0][0] <= until_s and size < _TAKEN_BYTES:
            taken.append(self._ready.popleft())
            size += len(taken[-1][1].data)
        self._bytes -= size
        return taken
