"""The network of a run: what its scenario says of it, as columns of all vehicles."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from jinqiao.device.network.link import Link
from jinqiao.device.network.network import Network
from jinqiao.device.network.paths import Paths, grid
from jinqiao.simulator.distribution import Distribution
from jinqiao.simulator.scenario.network import NetworkSpec
from jinqiao.simulator.world import World
from jinqiao.wire.render import StepRenderer

__all__ = ["network_of"]


def network_of(world: World, renderer: StepRenderer) -> Network | None:
    """What lies between the vehicles of `world` and their platform; None where the scenario does not say."""
    if not world.scenario.network:
        return None
    return Network(Link(_paths(world)), world.scenario.start_ms, renderer.packet_bytes)


def _paths(world: World) -> Paths:
    """Each vehicle's, as the entries say that name it: key by key the last one counts."""
    n = world.fleet.n
    shares = grid()
    latencies: list[NDArray[np.float64]] = [np.zeros(len(shares))]
    known: dict[Distribution, int] = {}
    which = np.zeros(n, np.intp)
    jitter_us = np.zeros(n, np.int64)
    loss, bandwidth_bps = np.zeros(n), np.full(n, np.inf)

    def number_of(latency: Distribution) -> int:
        if latency not in known:
            known[latency] = len(latencies)
            latencies.append(latency.quantiles(shares))
        return known[latency]

    for rows, spec in _chosen(world):
        profile = spec.profile
        if profile is not None:
            which[rows] = number_of(profile.delay)
            jitter_us[rows] = 0
            loss[rows] = profile.loss
            bandwidth_bps[rows] = np.inf if profile.bandwidth_bps is None else profile.bandwidth_bps
        if spec.latency is not None:
            which[rows] = number_of(spec.latency)
        if spec.jitter is not None:
            jitter_us[rows] = round(spec.jitter * 1e6)
        if spec.loss is not None:
            loss[rows] = spec.loss
        if spec.bandwidth is not None:
            bandwidth_bps[rows] = spec.bandwidth
    return Paths(
        world.draws.of(slice(None)).keys,
        np.rint(np.array(latencies) * 1e6).astype(np.int64),
        which,
        jitter_us,
        loss,
        bandwidth_bps,
    )


def _chosen(world: World) -> Iterator[tuple[NDArray[np.intp], NetworkSpec]]:
    """The vehicles that each entry names, entry by entry; who fits is decided at the start, in each town for itself."""
    state = world.fleet.vehicle_state
    for number, spec in enumerate(world.scenario.network):
        purpose = f"network {number}"
        for town in world.towns:
            rows = spec.on.pick_in(
                town,
                world.fleet.vins,
                state,
                lambda rows, of=purpose: world.draws.of(rows).words(of),  # type: ignore[misc]
            )
            yield rows, spec
