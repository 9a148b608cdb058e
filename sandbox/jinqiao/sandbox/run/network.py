"""The network of a run: what its scenario says of it, as columns of all vehicles."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from jinqiao.device.network.absences import Absences
from jinqiao.device.network.backlog import Backlog
from jinqiao.device.network.link import Link
from jinqiao.device.network.network import DROPPED, HISTORY, LATE, Network
from jinqiao.device.network.paths import Paths, grid
from jinqiao.simulator.distribution import Distribution
from jinqiao.simulator.scenario.network import KEEP_ALIVE_S, KEPT, NetworkSpec
from jinqiao.simulator.world import World
from jinqiao.wire.render import StepRenderer
from jinqiao.wire.render.history import HistoryRenderer

__all__ = ["network_of"]

_BACKLOG = {"history": HISTORY, "late": LATE, "none": DROPPED}
#: What offline vehicles keep, all together, where a scenario asks for more: a row of the larger group is half of this.
_KEPT_BYTES, _KEPT_ROW_BYTES, _LEAST_KEPT = 1 << 30, 700, 10


def network_of(world: World, renderer: StepRenderer, product_key: str, names: NDArray[np.bytes_]) -> Network:
    """What lies between the vehicles of `world`, the devices `names` (n,) of a product, and their platform."""
    n, start_ms = world.fleet.n, world.scenario.start_ms
    columns = _Columns(n)
    for rows, spec in _chosen(world):
        columns.set(rows, spec)
    paths = Paths(
        world.draws.of(slice(None)).keys,
        np.rint(np.array(columns.latencies_s) * 1e6).astype(np.int64),
        columns.latency,
        columns.jitter_us,
        columns.loss,
        columns.bandwidth_bps,
    )
    most = max(_LEAST_KEPT, _KEPT_BYTES // (_KEPT_ROW_BYTES * n))
    return Network(
        Link(paths),
        start_ms,
        renderer.packet_bytes,
        absences=Absences(paths, columns.keep_alive_us, start_ms),
        kept=Backlog(np.minimum(columns.keep, most)),
        backlog=columns.backlog,
        history=HistoryRenderer(product_key, names),
    )


class _Columns:
    """Of n vehicles, shape (n,), before any entry: no delay, no loss, no end of bandwidth, the platform's defaults."""

    def __init__(self, n: int) -> None:
        self._shares = grid()
        #: Quantiles of the latencies that there are, and which of them is whose.
        self.latencies_s: list[NDArray[np.float64]] = [np.zeros(len(self._shares))]
        self._known: dict[Distribution, int] = {}
        self.latency = np.zeros(n, np.intp)
        self.jitter_us = np.zeros(n, np.int64)
        self.loss = np.zeros(n)
        self.bandwidth_bps = np.full(n, np.inf)
        self.backlog = np.full(n, HISTORY, np.uint8)
        self.keep = np.full(n, KEPT, np.int64)
        self.keep_alive_us = np.full(n, round(KEEP_ALIVE_S * 1e6), np.int64)

    def set(self, rows: NDArray[np.intp], spec: NetworkSpec) -> None:
        """What an entry says of these vehicles; of what it does not say there is no change."""
        profile = spec.profile
        if profile is not None:
            self.latency[rows] = self._number_of(profile.delay)
            self.jitter_us[rows] = 0
            self.loss[rows] = profile.loss
            self.bandwidth_bps[rows] = np.inf if profile.bandwidth_bps is None else profile.bandwidth_bps
        if spec.latency is not None:
            self.latency[rows] = self._number_of(spec.latency)
        if spec.jitter is not None:
            self.jitter_us[rows] = round(spec.jitter * 1e6)
        if spec.loss is not None:
            self.loss[rows] = spec.loss
        if spec.bandwidth is not None:
            self.bandwidth_bps[rows] = spec.bandwidth
        if spec.backlog is not None:
            self.backlog[rows] = _BACKLOG[spec.backlog]
        if spec.keep is not None:
            self.keep[rows] = spec.keep
        if spec.keep_alive_s is not None:
            self.keep_alive_us[rows] = round(spec.keep_alive_s * 1e6)

    def _number_of(self, latency: Distribution) -> int:
        if latency not in self._known:
            self._known[latency] = len(self.latencies_s)
            self.latencies_s.append(latency.quantiles(self._shares))
        return self._known[latency]


def _chosen(world: World) -> Iterator[tuple[NDArray[np.intp], NetworkSpec]]:
    """The vehicles that each entry names, entry by entry; who fits is decided at the start, in each town for itself."""
    for number, spec in enumerate(world.scenario.network):
        purpose = f"network {number}"
        for town in world.towns:
            rows = spec.on.pick_in(
                town,
                world.fleet,
                lambda rows, of=purpose: world.draws.of(rows).words(of),  # type: ignore[misc]
            )
            yield rows, spec
