"""The influx store against a server that checks what it is sent, refuses, is busy, or is away; and a real one."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.base.telemetry import Event, Step
from jinqiao.gateway.stores import influx
from jinqiao.gateway.stores.influx import InfluxStore
from jinqiao.gateway.stores.influx_target import InfluxTarget, parse_target
from support.influx_fake import InfluxFake, influx_fake
from support.telemetry import NOW_MS, batch, names


@pytest.fixture
def fake() -> Iterator[InfluxFake]:
    with influx_fake() as server:
        yield server


def opened(fake: InfluxFake, count: int = 100, **more: Any) -> InfluxStore:
    store = InfluxStore(parse_target(f"{fake.url}?bucket=fleet&org=me&token=secret"), **more)
    store.open("a1JinqiaoEV", names(count))
    return store


def take(store: InfluxStore, *batches: Any, events: list[Event] | None = None) -> None:
    asyncio.run(store.take(Step(0, tuple(batches), tuple(events or ()))))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(what: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# What is sent.


def test_bucket_organisation_precision_token_and_gzip(fake: InfluxFake) -> None:
    store = opened(fake, 12_000)
    take(store, batch(12_000), batch(40, 1, "detail"), events=[Event(NOW_MS, 3, "TripFinished", {"Distance": 1.5})])
    assert store.close() == {"written": 12_041, "dropped": 0, "rejected": 0, "lost": 0, "retries": 0}
    for write in fake.writes:
        assert write.path == "/api/v2/write"
        assert write.query == {"bucket": "fleet", "org": "me", "precision": "ms"}
        assert write.token == "Token secret"
        assert write.encoding == "gzip"
        assert len(write.lines) <= 6_000
    assert len(fake.lines) == 12_041
    assert (
        f"event,identifier=TripFinished,product=a1JinqiaoEV,vehicle={names(4)[3]} count=1i,Distance=1.5 {NOW_MS}"
        in fake.lines
    )


def test_without_gzip_the_body_is_plain(fake: InfluxFake) -> None:
    store = InfluxStore(parse_target(f"{fake.url}?gzip=false"))
    store.open("a1JinqiaoEV", names(3))
    take(store, batch(3))
    assert store.close()["written"] == 3
    assert {write.encoding for write in fake.writes} == {""}


# What the server says.


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_token_or_bucket_is_told_before_the_run(fake: InfluxFake, status: int) -> None:
    fake.answers = [(status, {})]
    with pytest.raises(InputError) as error:
        opened(fake)
    told = str(error.value)
    assert f"HTTP {status}" in told
    assert "so the server says" in told
    assert "secret" not in told
    assert ("INFLUX_TOKEN" in told) == (status != 404)


@pytest.mark.parametrize(("status", "fault"), [(204, False), (400, False), (429, False), (503, False), (500, True)])
def test_whoever_answers_otherwise_may_be_written_to(fake: InfluxFake, status: int, fault: bool) -> None:
    fake.answers = [(status, {})]
    if fault:
        with pytest.raises(EnvironmentFault, match="HTTP 500"):
            opened(fake)
        return
    store = opened(fake)
    take(store, batch(2))
    assert store.close()["written"] == 2


def test_nobody_there_is_told_before_the_run() -> None:
    with pytest.raises(EnvironmentFault, match="refused"):
        opened(InfluxFake(port=free_port()))


def test_a_busy_server_is_asked_again_when_it_says(fake: InfluxFake, caplog: pytest.LogCaptureFixture) -> None:
    store = opened(fake)
    asked: list[float] = []
    fake.on_write = lambda: asked.append(time.monotonic())
    fake.answers = [(429, {"Retry-After": "1"}), (503, {"Retry-After": "0"})]
    take(store, batch(5))
    until(lambda: store.written == 5)
    assert store.close() == {"written": 5, "dropped": 0, "rejected": 0, "lost": 0, "retries": 2}
    assert asked[1] - asked[0] >= 1
    assert caplog.text.count("trying again") == 1
    assert "takes points again" in caplog.text


def test_points_a_server_cannot_read_are_counted_and_the_next_are_sent(
    fake: InfluxFake, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened(fake)
    fake.answers = [(400, {})]
    take(store, batch(5))
    until(lambda: store.rejected)
    take(store, batch(7, 1))
    assert store.close() == {"written": 7, "dropped": 0, "rejected": 5, "lost": 0, "retries": 0}
    assert "so the server says" in caplog.text


def test_a_token_that_is_withdrawn_stops_the_store_not_the_run(
    fake: InfluxFake, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened(fake)
    fake.answers = [(401, {})]
    take(store, batch(5))
    until(lambda: store.worker.fault)
    take(store, batch(7, 1))
    report = store.close()
    assert (report["written"], report["dropped"], report["lost"]) == (0, 7, 5)
    assert "HTTP 401" in report["stopped"]
    assert "the run goes on" in caplog.text


def test_a_server_that_is_away_costs_only_what_finds_no_room(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(influx, "_LONGEST_WAIT_S", 0.05)
    with influx_fake() as fake:
        store = opened(fake, capacity=250)
        take(store, batch(100))
        until(lambda: store.written == 100)
    began = time.monotonic()
    take(store, batch(100, 1))
    until(lambda: store.worker.stuck)
    for turn in range(2, 12):
        take(store, batch(100, turn))
    assert time.monotonic() - began < 4  # nobody waits for it: 5 s of patience for each batch would be 50 s
    assert store.worker.dropped == 900
    with influx_fake(fake.port, fake):
        until(lambda: store.written == 300)
        report = store.close()
    assert (report["written"], report["dropped"], report["lost"]) == (300, 900, 0)
    assert report["retries"] > 0
    assert len(fake.lines) == 300
    assert "trying again" in caplog.text


def test_a_run_does_not_wait_for_a_server_that_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(influx, "_FINISH_S", 0.3)
    with influx_fake() as fake:
        store = opened(fake)
    take(store, batch(9))
    report = store.close()
    assert (report["written"], report["lost"]) == (0, 9)
    assert not any(thread.name.startswith("influx") for thread in threading.enumerate())


# Addresses.


def test_an_address_names_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFLUX_TOKEN", "from-environment")
    assert parse_target("http://h:8086/?bucket=b&org=o") == InfluxTarget("http://h:8086", "b", "o", "from-environment")
    assert parse_target("https://h/influx?token=t&gzip=false") == InfluxTarget(
        "https://h/influx", token="t", gzip=False
    )
    assert "from-environment" not in repr(parse_target("http://h"))


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("", "HOST"),
        ("127.0.0.1:8086", "HOST"),
        ("ftp://h", "HOST"),
        ("http://h:port", "a URL"),
        ("http://me:pw@h", "a token instead"),
        ("http://h?buckt=x", "did you mean 'bucket'?"),
        ("http://h?org=", "without a value"),
        ("http://h?org=a&org=b", "twice"),
        ("http://h?gzip=yes", "true or false"),
    ],
)
def test_a_wrong_address_is_explained(address: str, told: str) -> None:
    with pytest.raises(InputError) as error:
        parse_target(address)
    assert told in str(error.value)
    assert "pw" not in str(error.value)


# A real server.


@pytest.fixture
def victoria_metrics(tmp_path: Path) -> Iterator[int]:
    """Port of a VictoriaMetrics; missing, the test is skipped on a user's machine and fails in CI."""
    program = shutil.which("victoria-metrics")
    if program is None:
        reason = "victoria-metrics is not installed (Debian: victoria-metrics)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    port = free_port()
    options = [f"-storageDataPath={tmp_path}/data", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y"]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen([program, *options], stderr=log) as process:
        try:
            until(lambda: answers(port))
            yield port
        finally:
            process.terminate()


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return True
    except OSError:
        return False


def series(port: int, metric: str, **tags: str) -> list[dict[str, Any]]:
    match = metric + "{" + ",".join(f'{name}="{value}"' for name, value in tags.items()) + "}"
    url = f"http://127.0.0.1:{port}/api/v1/export?{urllib.parse.urlencode({'match[]': match})}"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return [json.loads(line) for line in answer.read().splitlines()]


@pytest.mark.program
def test_a_real_server_gives_back_what_was_written(victoria_metrics: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    store = InfluxStore(parse_target(f"http://127.0.0.1:{victoria_metrics}?bucket=fleet&org=me"))
    store.open("a1JinqiaoEV", names(2_000))
    turns = [batch(2_000, turn) for turn in range(3)]
    take(store, *turns, events=[Event(NOW_MS, 3, "TripFinished", {"Distance": 1.5})])
    assert store.close()["written"] == 6_001
    # What was written is shown within seconds, or when it is asked for.
    urllib.request.urlopen(f"http://127.0.0.1:{victoria_metrics}/internal/force_flush", timeout=5).close()
    who = {"product": "a1JinqiaoEV", "vehicle": names(8)[7]}
    until(lambda: series(victoria_metrics, "event_Distance"))
    (speed,) = series(victoria_metrics, "telemetry_speed", **who)
    assert speed["timestamps"] == [turn.time_ms[7] for turn in turns]
    assert speed["values"] == [round(float(turn.signals["speed"][7]), 1) for turn in turns]
    (gear,) = series(victoria_metrics, "telemetry_gear", **who)
    assert gear["values"] == [min(int(turn.signals["gear"][7]), 3) for turn in turns]
    assert len(series(victoria_metrics, "telemetry_odometer")) == 2_000
    (event,) = series(victoria_metrics, "event_Distance")
    assert event["values"] == [1.5]
    assert event["metric"]["identifier"] == "TripFinished"


@pytest.mark.long
def test_a_run_waits_at_its_end_for_a_server_that_gets_on(monkeypatch: pytest.MonkeyPatch, fake: InfluxFake) -> None:
    monkeypatch.setattr(influx, "_FINISH_S", 1.2)
    store = opened(fake, 5_000)
    fake.on_write = lambda: time.sleep(0.25)
    take(store, *(batch(5_000, turn) for turn in range(12)))
    report = store.close()  # 3 s, though it waits no longer than 1.2 s for a server that takes nothing
    assert (report["written"], report["lost"]) == (60_000, 0)
