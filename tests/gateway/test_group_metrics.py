"""Figures of consumer groups, in Prometheus' words."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from jinqiao.gateway.forwarding.groups import Groups
from jinqiao.gateway.forwarding.metrics import GroupMetrics
from support.queues import Taker, World, messages, texts


def test_each_group_has_its_figures() -> None:
    world = World()
    groups = Groups(world.clock)
    groups.create("idle")
    member = Taker().join(groups.create("busy"), 3)
    groups.put("busy", messages(*texts(range(5))))
    world.turn()
    member.accept(0, 0)
    member.reject(1, 1)
    registry = CollectorRegistry()
    registry.register(GroupMetrics(groups))

    def figures(group: str) -> dict[str, float | None]:
        names = "received_total", "acknowledged_total", "rejected_total", "accumulated", "unsettled", "consumers"
        return {name: registry.get_sample_value(f"jinqiao_group_{name}", {"group": group}) for name in names}

    assert figures("busy") == {
        "received_total": 5,
        "acknowledged_total": 2,
        "rejected_total": 1,
        "accumulated": 3,
        "unsettled": 1,
        "consumers": 1,
    }
    assert set(figures("idle").values()) == {0}
