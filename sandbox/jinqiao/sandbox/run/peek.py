"""One post now and then for the console: the fastest vehicle says the most."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import Batch, Step
from jinqiao.wire.render import PostRenderer

__all__ = ["Peek"]

_EVERY_S = 1.0


class Peek:
    """Looks at the steps of a run once a second. `posting`, shape (n,), says which vehicles send Alink posts."""

    def __init__(self, product_key: str, device_names: NDArray[np.bytes_], posting: NDArray[np.bool_]) -> None:
        self._product_key, self._names, self._posting = product_key, device_names, posting
        self._found: list[Batch] = []
        self._looked_s = 0.0

    def take(self, step: Step) -> None:
        """Keep the sample of one vehicle, if it is time again."""
        now_s = time.perf_counter()
        if now_s - self._looked_s < _EVERY_S:
            return
        for batch in step.batches:
            posting = np.flatnonzero(self._posting[batch.vehicles])
            if batch.group == "core" and len(posting) and "speed" in batch.signals:
                row = posting[[np.argmax(batch.signals["speed"][posting])]]
                columns = {name: column[row] for name, column in batch.signals.items()}
                self._found = [Batch(batch.time_ms[row], batch.group, batch.vehicles[row], columns)]
                self._looked_s = now_s

    def post(self) -> tuple[str, bytes] | None:
        """Topic and payload of the last look; None before there was one. Its message id is no vehicle's."""
        for batch in self._found:
            name = self._names[batch.vehicles]
            alone = Batch(batch.time_ms, batch.group, np.zeros(1, np.int32), batch.signals)
            (block,) = PostRenderer(self._product_key, name).blocks(alone)
            return f"/sys/{self._product_key}/{name[0].decode()}/thing/event/property/post", block.payload(0)
        return None
