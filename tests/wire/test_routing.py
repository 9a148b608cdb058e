"""Finding a topic's row: what is remembered of topics that a client makes up."""

from __future__ import annotations

import pytest

from jinqiao.wire.alink import routing
from jinqiao.wire.alink.routing import find


@pytest.mark.parametrize("prefix", ["/sys/pk/dn/thing/lan/", "/pk/dn/user/", "no/row/"])
def test_long_topics_are_found_and_not_remembered(prefix: str) -> None:
    kept = routing._behind_device.cache_info().currsize, routing._search.cache_info().currsize
    found = find(f"{prefix}{'x' * 60_000}")
    assert (found and found.row.kind) == {"/s": "lan", "/p": "custom", "no": None}[prefix[:2]]
    assert (routing._behind_device.cache_info().currsize, routing._search.cache_info().currsize) == kept
