"""The benchmarks of recordings and protobuf, small: they run, and what they count adds up."""

from __future__ import annotations

import asyncio

import pytest

from jinqiao.sandbox.bench.protobuf import bench_protobuf
from jinqiao.sandbox.bench.recordings import bench_recordings


def test_protobuf_is_held_against_google() -> None:
    found = bench_protobuf(vehicles=300, seconds=0.05)
    assert found["equal_bytes"] == "300 of 300"
    assert found["ratio"] == pytest.approx(found["messages_per_s"] / found["google_messages_per_s"], rel=0.01)


@pytest.mark.program
def test_everything_that_was_recorded_is_read_and_replayed() -> None:
    found = asyncio.run(bench_recordings(vehicles=1000, batches=3, seconds=1))
    assert found["samples"] == 3000
    assert found["mcap_messages_read_by_peer"] == found["mcap_messages"] == 6000
    assert found["mcap_ratio"] == pytest.approx(
        found["mcap_written_per_s"] / found["peer_mcap_written_per_s"], rel=0.01, abs=0.051
    )
    assert found["replay"]["sent"] == found["replay"]["received"] == 3000 + 10_000
    assert set(found["replay"]["paced_late_ms"]) == {"p50", "p99", "max"}
