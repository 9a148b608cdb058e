"""Vehicles that report to a platform by GB/T 32960: what goes over the wire, and what a lost link costs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.device.gbt32960.address import Address, parse_address
from jinqiao.device.gbt32960.fleet import Times
from jinqiao.device.gbt32960.link import STATES, Event, State
from jinqiao.gateway.gbt32960.listener import Listener
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.fleet_devices import simulated_product
from jinqiao.gateway.platform.registry.registry import Registry
from jinqiao.sandbox.sinks import parse_sink
from jinqiao.sandbox.sinks.gbt32960 import Gbt32960Sink
from jinqiao.sandbox.sinks.kinds.gbt32960 import Gbt32960Spec
from jinqiao.simulator.scenario import load_scenario
from jinqiao.simulator.world import World
from jinqiao.wire.gbt32960.forms import Time
from jinqiao.wire.gbt32960.frame import Frame
from support.terminals import FakePlatform

SCENARIO = Path(__file__).parents[2] / "scenarios" / "jinqiao-morning.yaml"
QUICK = Times(
    answer_s=0.2, repeat_s=0.1, rest_s=1.0, heartbeat_s=0.3, back_s=0.02, most_back_s=0.05, round_s=0.02, start_s=3.0
)


def a_world(vehicles: int = 20) -> World:
    return World(load_scenario(SCENARIO), seed=7, vehicles=vehicles)


async def advance(world: World, sink: Gbt32960Sink, seconds: int, each_s: float = 0.0) -> None:
    for _ in range(seconds):
        await sink.take(world.advance())
        await asyncio.sleep(each_s)


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def reporting(platform: FakePlatform, world: World, times: Times = QUICK, **address: Any) -> Gbt32960Sink:
    await platform.start()
    sink = Gbt32960Sink(Address("127.0.0.1", platform.port, **address), world, times)
    await sink.start()
    return sink


@pytest.mark.asyncio
@pytest.mark.parametrize("edition", ["2016", "2025"])
async def test_each_vehicle_logs_in_reports_and_logs_out(edition: str) -> None:
    world, platform = a_world(), FakePlatform()
    sink = await reporting(platform, world, edition=edition, every_s=5)
    vins = {vin.decode() for vin in world.fleet.vins.tolist()}
    assert len(platform.writers) == 20  # a connection per vehicle
    start = world.time_ms
    await advance(world, sink, 30, 0.005)
    report = await sink.close()
    await platform.stop()
    assert {frame.vin for frame in platform.of("login")} == vins
    assert len(platform.of("login")) == len(platform.of("logout")) == len(platform.of("time_sync")) == 20
    assert all(frame.edition == edition and frame.is_command and not frame.faults for frame in platform.frames)
    assert report == {
        "logins": 20, "sent": len(platform.of("real_time")), "acknowledged": report["sent"], "reissued": 0, "lost": 0,
    }  # fmt: skip
    for vin in vins:
        commands = [frame.command for frame in platform.frames if frame.vin == vin]
        assert (commands[0], commands[1], commands[-1]) == ("login", "time_sync", "logout")
    awake = [vin.decode() for vin, state in zip(world.fleet.vins, world.fleet.vehicle_state, strict=True) if state == 1]
    for vin in awake:
        times = [data(frame)["time"] for frame in platform.of("real_time") if frame.vin == vin]
        assert len(times) >= 5
        assert {b - a for a, b in pairwise(times)} == {timedelta(seconds=5)}
        assert Time.at_ms(start) < times[0] <= Time.at_ms(start + 5000)
    driven = [data(frame) for frame in platform.of("real_time") if frame.vin == awake[0]]
    assert any(item["vehicle"]["speed_kmh"] > 0 for item in driven)
    assert all(not item["position"]["status"]["not_valid"] for item in driven[1:])
    assert len({item["position"]["longitude_deg"] for item in driven}) > 2
    assert 121 < driven[-1]["position"]["longitude_deg"] < 122
    if edition == "2025":
        assert all(len(data(frame)["signature"]["r"]) == 256 for frame in platform.of("real_time"))


def data(frame: Frame) -> Any:
    assert not isinstance(frame.data, bytes)
    return frame.data


@pytest.mark.asyncio
async def test_what_a_lost_link_kept_is_sent_again() -> None:
    world, platform = a_world(), FakePlatform()
    sink = await reporting(platform, world, edition="2016", every_s=1)
    await advance(world, sink, 10, 0.005)
    await platform.stop()
    await advance(world, sink, 20)
    await platform.start()
    await until(lambda: len(platform.writers) == 20 and platform.of("reissue"))
    await advance(world, sink, 5, 0.01)
    report = await sink.close()
    await platform.stop()
    awake = [vin.decode() for vin, state in zip(world.fleet.vins, world.fleet.vehicle_state, strict=True) if state == 1]
    for vin in awake:
        told = {data(frame)["time"] for frame in platform.of("real_time", "reissue") if frame.vin == vin}
        assert told >= {Time.at_ms(world.time_ms - 1000 * back) for back in range(34)}, vin
    assert report["reissued"] >= 20 * len(awake)
    assert report["lost"] == 0
    assert report["logins"] == 40
    assert len(platform.of("login")) == 40
    serials = [data(frame)["serial"] for frame in platform.of("login") if frame.vin == awake[0]]
    assert serials == [1, 2]


@pytest.mark.asyncio
async def test_what_is_kept_is_bounded_and_what_falls_out_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jinqiao.sandbox.sinks.gbt32960.MOST_KEPT", 5)
    world, platform = a_world(), FakePlatform()
    sink = await reporting(platform, world, edition="2016", every_s=1)
    awake = int((world.fleet.vehicle_state == 1).sum())
    await platform.stop()
    await advance(world, sink, 20)
    report = await sink.close()
    assert report["sent"] <= 2 * awake
    assert report["lost"] >= 18 * awake


@pytest.mark.asyncio
async def test_a_refused_login_is_repeated_three_times_and_then_seldom() -> None:
    world, platform = a_world(1), FakePlatform(reply=lambda frame: "error" if frame.command == "login" else "ok")
    sink = await reporting(platform, world, edition="2016")
    loop = asyncio.get_running_loop()
    since = loop.time()
    await until(lambda: len(platform.of("login")) >= 4)
    assert loop.time() - since < 0.9
    await asyncio.sleep(0.4)
    assert len(platform.of("login")) == 4  # the fifth comes a second later, not a tenth
    await until(lambda: len(platform.of("login")) == 5)
    assert loop.time() - since > 1.0
    assert {frame.command for frame in platform.frames} == {"login"}
    report = await sink.close()
    assert report["refused"] >= 5
    await platform.stop()


@pytest.mark.asyncio
async def test_a_login_without_answer_is_repeated() -> None:
    silent = [True]
    platform = FakePlatform(reply=lambda frame: None if frame.command == "login" and silent[0] else "ok")
    world = a_world(2)
    await platform.start()
    sink = Gbt32960Sink(Address("127.0.0.1", platform.port), world, QUICK)
    await sink.start()
    await until(lambda: len(platform.of("login")) >= 4)
    silent[0] = False
    await until(lambda: len(platform.of("time_sync")) == 2)
    report = await sink.close()
    assert report["logins"] == 2
    await platform.stop()


@pytest.mark.asyncio
async def test_who_has_nothing_to_say_keeps_the_link_alive() -> None:
    world, platform = a_world(3), FakePlatform()
    sink = await reporting(platform, world)
    await until(lambda: len(platform.of("heartbeat")) >= 6)
    assert {frame.vin for frame in platform.of("heartbeat")} == {vin.decode() for vin in world.fleet.vins.tolist()}
    await sink.close()
    await platform.stop()


@pytest.mark.asyncio
async def test_an_alarm_of_level_3_tells_every_second_around_it() -> None:
    world, platform = a_world(), FakePlatform()
    sink = await reporting(platform, world, edition="2016", every_s=10)
    [row] = (world.fleet.vehicle_state == 1).nonzero()[0][:1].tolist()
    vin = world.fleet.vins[row].decode()
    await advance(world, sink, 40, 0.002)
    world.fleet.alarm_level[row] = 3
    await advance(world, sink, 1, 0.002)
    alarm = Time.at_ms(world.time_ms)
    await advance(world, sink, 4, 0.002)
    world.fleet.alarm_level[row] = 0
    await advance(world, sink, 50, 0.002)
    report = await sink.close()
    await platform.stop()
    told = [data(frame)["time"] for frame in platform.of("real_time", "reissue") if frame.vin == vin]
    assert len(told) == len(set(told))
    around = {alarm + timedelta(seconds=second) for second in range(-30, 35)}
    assert around <= set(told)
    levels = {
        data(frame)["time"]: data(frame)["alarms"]["level"] for frame in platform.of("real_time") if frame.vin == vin
    }
    assert levels[alarm] == 3
    assert report["alarm_frames"] >= 55
    others = [frame for frame in platform.of("reissue") if frame.vin != vin]
    assert others == []


@pytest.mark.long
@pytest.mark.asyncio
async def test_a_platform_that_falls_silent_holds_the_run_up_once() -> None:
    answers = [5]

    def reply(frame: Frame) -> str | None:
        answers[0] -= frame.command == "real_time"
        return None if frame.command == "real_time" and answers[0] < 0 else "ok"

    world, platform = a_world(), FakePlatform(reply=reply)
    sink = await reporting(platform, world, times=replace(QUICK, patience_s=2.0), edition="2016", every_s=1)
    loop = asyncio.get_running_loop()
    since = loop.time()
    await advance(world, sink, 200)
    report = await sink.close()
    await platform.stop()
    assert report["acknowledged"] == 5
    assert report["sent"] > 200
    # Its patience once: once a vehicle would be 40 s, once a frame 400 s.
    assert 2.0 < loop.time() - since < 30.0


@pytest.mark.asyncio
async def test_a_slow_platform_is_waited_for() -> None:
    world, platform = a_world(), FakePlatform()
    sink = await reporting(platform, world, edition="2016", every_s=1)
    await advance(world, sink, 100)  # as fast as possible
    report = await sink.close()
    await platform.stop()
    assert report["sent"] == report["acknowledged"] == len(platform.of("real_time"))
    assert report["lost"] == 0


@pytest.mark.asyncio
async def test_our_own_gateway_takes_everything() -> None:
    world = a_world()
    platform = Platform(Registry([simulated_product("pk1", world.fleet.vins, fleet_secret="s")]))
    listener = Listener(platform)
    sink = Gbt32960Sink(Address("127.0.0.1", await listener.start("127.0.0.1", 0), every_s=1), world, QUICK)
    await sink.start()
    assert all(platform.parts.presence.status("pk1", vin.decode()).state == "online" for vin in world.fleet.vins)  # type: ignore[union-attr]
    await advance(world, sink, 5, 0.01)
    report = await sink.close()
    counts = listener.sessions.counts
    assert report["sent"] == report["acknowledged"] == counts["real_time"] > 0
    assert counts["malformed"] == counts["refused"] == 0
    assert (counts["login"], counts["logout"]) == (20, 20)
    await listener.close()


@pytest.mark.asyncio
async def test_where_nobody_listens_the_run_says_so() -> None:
    platform = FakePlatform()
    await platform.start()
    await platform.stop()
    sink = Gbt32960Sink(Address("127.0.0.1", platform.port), a_world(3), QUICK)
    with pytest.raises(EnvironmentFault, match=f"no GB/T 32960 platform answers at 127.0.0.1:{platform.port}"):
        await sink.start()


def test_every_state_can_be_left_and_reached() -> None:
    assert set(STATES) == set(State)
    assert {following for row in STATES.values() for following in row.values()} == set(State)
    assert {event for row in STATES.values() for event in row} == set(Event)
    assert all(Event.LOST in row for row in STATES.values())


def test_addresses() -> None:
    assert parse_address("//host") == Address("host", 8999, "2025", 10, True)
    assert parse_address("//[::1]:9000?version=2016&every=1s") == Address("::1", 9000, "2016", 1, False)
    assert parse_sink("gbt32960://127.0.0.1:1?version=2016") == Gbt32960Spec(url="gbt32960://127.0.0.1:1?version=2016")


WRONG = {
    "no host": ("//", "expected gbt32960://host"),
    "port": ("//h:99999", "Port out of range"),
    "path": ("//h:1/x", "found no host and port alone"),
    "option": ("//h?verson=2016", r"no option 'verson' \(did you mean 'version'\?\)"),
    "edition": ("//h?version=2011", "version: found '2011', expected 2016 or 2025"),
    "interval": ("//h?every=60s", "every: found 60 s, expected whole seconds from 1 to 30"),
    "sign": ("//h?sign=maybe", "sign: found 'maybe'"),
}


@pytest.mark.parametrize(("rest", "message"), WRONG.values(), ids=list(WRONG))
def test_a_wrong_address_is_named(rest: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_address(rest)
