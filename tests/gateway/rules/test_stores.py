"""Actions that keep outputs elsewhere: InfluxDB, Parquet, Kafka; and the queue that they share with webhooks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import OPERATOR, Account
from jinqiao.gateway.platform.registry.registry import Registry
from jinqiao.gateway.platform.rules.judge import ActionFault
from jinqiao.gateway.platform.rules.rule import Rule, RuleAction
from jinqiao.gateway.rules.actions import KINDS, behind, parquet
from jinqiao.gateway.rules.actions.base import Sender
from jinqiao.gateway.rules.actions.behind import Behind
from jinqiao.gateway.rules.output import Output
from support.influx_fake import influx_fake
from support.kafka_fake import kafka_fake

NOW_MS = 1_795_333_508_123


def output(result: Any, number: int = 1, device: str = "tbox001") -> Output:
    return Output(7, "hot", result, "/pk/tbox001/thing/event/property/post", "pk", device, str(number), NOW_MS + number)


@dataclass
class Noted:
    """An outcome that keeps what is reported."""

    done: list[Output] = field(default_factory=list)
    again: list[Output] = field(default_factory=list)
    wrong: list[tuple[Output, str]] = field(default_factory=list)
    lost: list[Output] = field(default_factory=list)

    def sent(self, one: Output) -> None:
        self.done.append(one)

    def retried(self, one: Output) -> None:
        self.again.append(one)

    def failed(self, one: Output, why: str) -> None:
        self.wrong.append((one, why))

    def dropped(self, one: Output) -> None:
        self.lost.append(one)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.done) + len(self.wrong) + len(self.lost) < count:
                await asyncio.sleep(0.005)


class Place:
    """What an action may use."""

    def __init__(self, folder: Path | None = None) -> None:
        self.platform, self.data = Platform(Registry()), folder
        self.rule = Rule(7, "hot", "operator", actions=(RuleAction(8, "x", "{}"),))

    def owner(self) -> Account:
        return OPERATOR


def made(kind: str, configuration: dict[str, Any], noted: Noted, folder: Path | None = None) -> Sender:
    KINDS[kind].check(configuration)
    return KINDS[kind](configuration, Place(folder), noted)


# InfluxDB.


def test_outputs_become_points_in_one_request() -> None:
    with influx_fake() as server:

        async def run() -> Noted:
            noted = Noted()
            url = f"{server.url}/api/v2/write?bucket=b&org=o"
            sender = made("INFLUXDB", {"url": url, "measurement": "m", "token": "t", "tags": ["who"]}, noted)
            sender.send(output({"who": "a b", "speed": 120, "on": True, "note": 'say "x"', "none": None}, 1))
            sender.send(output({"who": "c", "speed": 1.5}, 2))
            await noted.until(2)
            sender.close()
            return noted

        noted = asyncio.run(run())
        (write,) = server.writes
    assert len(noted.done) == 2
    assert (write.path, write.token) == ("/api/v2/write", "Token t")
    assert write.query == {"bucket": "b", "org": "o", "precision": "ms"}
    assert write.lines == [
        rf'm,who=a\ b speed=120.0,on=true,note="say \"x\"" {NOW_MS + 1}',
        f"m,who=c speed=1.5 {NOW_MS + 2}",
    ]


def test_a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behind, "PAUSES_S", (0.01, 0.01))
    with influx_fake() as server:
        server.answers += [(503, {}), (429, {}), (204, {}), (401, {})]

        async def run() -> Noted:
            noted = Noted()
            sender = made("INFLUXDB", {"url": server.url, "measurement": "m"}, noted)
            for number in (1, 2):
                sender.send(output({"a": 1}, number))
                await noted.until(number)
            sender.close()
            return noted

        noted = asyncio.run(run())
    assert [one.message_id for one in noted.done] == ["1"]
    assert [one.message_id for one in noted.again] == ["1", "1"]
    assert [(one.message_id, why[:8]) for one, why in noted.wrong] == [("2", "HTTP 401")]


def test_an_output_without_a_field_makes_no_point() -> None:
    noted = Noted()
    sender = made("INFLUXDB", {"url": "http://127.0.0.1:9", "measurement": "m", "tags": ["who"]}, noted)
    for result in ({"who": "x"}, {}, {"a": None}, b"\xff"):
        sender.send(output(result))
    sender.close()
    assert len(noted.wrong) == 4


# Parquet.


def write(folder: Path, *outputs: Output) -> Noted:
    async def run() -> Noted:
        noted = Noted()
        sender = made("PARQUET", {"folder": "fast"}, noted, folder)
        for one in outputs:
            sender.send(one)
        sender.close()
        await noted.until(len(outputs))
        return noted

    return asyncio.run(run())


def test_outputs_become_rows_of_a_file_when_the_rule_stops(tmp_path: Path) -> None:
    outputs = output({"speed": 120, "who": "a", "at": {"lat": 1.5}}, 1), output({"speed": 99.5, "who": 3}, 2)
    assert len(write(tmp_path, *outputs).done) == 2
    (file,) = (tmp_path / "rules" / "fast").iterdir()
    rows = pq.read_table(file).to_pylist()
    assert [row["time_ms"] for row in rows] == [NOW_MS + 1, NOW_MS + 2]
    assert [(row["speed"], row["who"], row["at"]) for row in rows] == [
        (120.0, "a", '{"lat":1.5}'),
        (99.5, "3", None),
    ]


def test_no_file_takes_anothers_place_and_the_oldest_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        write(tmp_path, output({"a": number}, number))
    folder = tmp_path / "rules" / "fast"
    assert [pq.read_table(file)["a"].to_pylist() for file in sorted(folder.iterdir())] == [[0], [1], [2]]
    monkeypatch.setattr(parquet, "MOST_FOLDER_BYTES", 1)
    write(tmp_path, output({"a": 3}, 3))
    assert [pq.read_table(file)["a"].to_pylist() for file in folder.iterdir()] == [[3]]


def test_without_a_data_folder_there_is_nowhere_to_write() -> None:
    noted = Noted()
    made("PARQUET", {"folder": "f"}, noted).send(output({"a": 1}))
    assert "--data" in noted.wrong[0][1]


VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False)


@given(st.lists(st.dictionaries(st.sampled_from("ab"), VALUES), min_size=1))
def test_whatever_values_a_column_has_it_can_be_written(results: list[dict[str, Any]]) -> None:
    table = parquet.table_of([output(result, number) for number, result in enumerate(results)])
    assert table.num_rows == len(results)


# Kafka.


def test_outputs_become_records_in_the_order_of_their_device() -> None:
    async def run() -> tuple[Noted, list[Any]]:
        async with kafka_fake() as broker:
            noted = Noted()
            configuration = {"bootstrapServers": f"127.0.0.1:{broker.port}", "topic": "fast"}
            sender = made("KAFKA", configuration, noted)
            for number in range(5):
                sender.send(output({"n": number}, number))
            await noted.until(5)
            sender.close()
            return noted, broker.records

    noted, records = asyncio.run(run())
    assert (len(noted.done), noted.wrong) == (5, [])
    assert [json.loads(record.value)["n"] for record in records] == [0, 1, 2, 3, 4]
    first = records[0]
    assert (first.topic, first.key, first.timestamp) == ("fast", b"tbox001", NOW_MS)
    assert first.headers == {"rule": b"7", "topic": b"/pk/tbox001/thing/event/property/post", "messageId": b"0"}


def test_a_broker_that_is_not_there_fails_what_was_to_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behind, "PAUSES_S", (0.01,))

    async def run() -> Noted:
        noted = Noted()
        sender = made("KAFKA", {"bootstrapServers": "127.0.0.1:9", "topic": "fast"}, noted)
        sender.send(output({"n": 1}))
        await noted.until(1)
        sender.close()
        return noted

    noted = asyncio.run(run())
    assert (len(noted.again), len(noted.wrong)) == (1, 1)


# What cannot be.


@pytest.mark.parametrize(
    ("kind", "configuration", "key"),
    [
        ("INFLUXDB", {"measurement": "m"}, "url"),
        ("INFLUXDB", {"url": "ftp://x", "measurement": "m"}, "url"),
        ("INFLUXDB", {"url": "http://x"}, "measurement"),
        ("INFLUXDB", {"url": "http://x", "measurement": "m", "token": "a\nb"}, "token"),
        ("INFLUXDB", {"url": "http://x", "measurement": "m", "token": "é"}, "token"),
        ("INFLUXDB", {"url": "http://x", "measurement": "m", "tags": "who"}, "tags"),
        ("INFLUXDB", {"url": "http://x", "measurement": "m", "tag": ["who"]}, "tag"),
        ("PARQUET", {}, "folder"),
        ("PARQUET", {"folder": "../x"}, "folder"),
        ("PARQUET", {"folder": "/etc"}, "folder"),
        ("KAFKA", {"topic": "t"}, "bootstrapServers"),
        ("KAFKA", {"bootstrapServers": "host", "topic": "t"}, "bootstrapServers"),
        ("KAFKA", {"bootstrapServers": "host:1", "topic": ".."}, "topic"),
        ("KAFKA", {"bootstrapServers": "host:1", "topic": "a b"}, "topic"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused(kind: str, configuration: dict[str, Any], key: str) -> None:
    with pytest.raises(ActionFault) as refused:
        KINDS[kind].check(configuration)
    assert refused.value.key == key


# The queue.


def queue(deliver: Callable[[Sequence[Output]], tuple[str | None, bool]], noted: Noted, **options: Any) -> Behind:
    return Behind("test", deliver, noted, **options)


def test_what_finds_no_room_is_dropped_and_counted_and_the_rest_when_it_closes() -> None:
    async def run() -> Noted:
        noted, gate = Noted(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def deliver(_: Sequence[Output]) -> tuple[str | None, bool]:
            asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()
            return None, False

        line = queue(deliver, noted, most=2)
        line.send(output({}, 0))
        async with asyncio.timeout(10):
            while line._waiting:
                await asyncio.sleep(0.001)
        for number in (1, 2, 3):
            line.send(output({}, number))
        assert [one.message_id for one in noted.lost] == ["3"]
        line.close()
        line.send(output({}, 4))
        gate.set()
        await noted.until(5)
        return noted

    noted = asyncio.run(run())
    assert [one.message_id for one in noted.done] == ["0"]
    assert sorted(one.message_id for one in noted.lost) == ["1", "2", "3", "4"]


def test_bytes_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behind, "MOST_BYTES", 100)

    async def run() -> Noted:
        noted = Noted()
        line = queue(lambda _: (None, False), noted, linger_s=30.0, lot=10)
        for number in range(3):
            line.send(replace(output({}, number), result=b"x" * 60))
        line.close()
        await noted.until(3)
        return noted

    assert [one.message_id for one in asyncio.run(run()).lost][:2] == ["1", "2"]


def test_an_error_of_the_program_fails_the_lot_and_the_next_is_delivered(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> Noted:
        noted = Noted()

        def deliver(lot: Sequence[Output]) -> tuple[str | None, bool]:
            if lot[0].message_id == "1":
                raise RuntimeError("broken")
            return None, False

        line = queue(deliver, noted)
        line.send(output({}, 1))
        line.send(output({}, 2))
        await noted.until(2)
        line.close()
        return noted

    noted = asyncio.run(run())
    assert [(one.message_id, why) for one, why in noted.wrong] == [("1", "RuntimeError: broken")]
    assert [one.message_id for one in noted.done] == ["2"]
    assert "test failed" in caplog.text
