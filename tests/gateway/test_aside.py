"""What waits for something is done beside the event loop: devices take turns, in order, within bounds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.platform.converters.aside import MOST_OF_ONE, Aside, Crowded
from jinqiao.gateway.platform.converters.script_converter import ScriptConverter
from jinqiao.gateway.platform.events import PropertiesAccepted
from jinqiao.gateway.platform.outbound import Outbound
from support.alink_house import PK, S, World
from support.carrier import NotingCarrier
from support.loop import Loop


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def aside(loop: Loop) -> Iterator[Aside]:
    out = Outbound()
    out.use(NotingCarrier())
    made = Aside(out)
    made.begin(loop.later)
    yield made
    made.end()


def test_devices_take_turns_and_each_keeps_its_order(aside: Aside, loop: Loop) -> None:
    gate, told = threading.Event(), list[str]()

    def note(what: str) -> tuple[Downlink, ...]:
        told.append(what)
        return ()

    def add(who: str, what: str) -> None:
        def work() -> str:
            gate.wait(10)
            return what

        assert list(aside.do("pk", who, work, note)) == []

    add("busy", "busy 0")
    for number in range(1, 4):
        add("busy", f"busy {number}")
    for number in range(2):
        add("quiet", f"quiet {number}")
    assert told == []
    gate.set()
    loop.turn(6)
    assert [what for what in told if what.startswith("busy")] == [f"busy {number}" for number in range(4)]
    assert told.index("quiet 0") < told.index("quiet 1") < told.index("busy 3")


def test_one_device_cannot_crowd_out_the_others(aside: Aside, loop: Loop) -> None:
    gate = threading.Event()

    def work() -> None:
        gate.wait(10)

    def crowd() -> None:
        for _ in range(MOST_OF_ONE + 2):  # one is being done
            aside.do("pk", "busy", work, lambda _: ())

    with pytest.raises(Crowded):
        crowd()
    aside.do("pk", "quiet", lambda: None, lambda _: ())
    aside.do("other", "busy", lambda: None, lambda _: ())
    loop.turn()  # another product waits for nobody
    gate.set()
    loop.turn(MOST_OF_ONE + 1)


def test_what_fails_is_told_to_who_goes_on(aside: Aside, loop: Loop) -> None:
    seen: list[Any] = []

    def fail() -> None:
        raise ValueError("no")

    aside.do("pk", "who", fail, lambda outcome: seen.append(outcome) or ())
    loop.turn()
    assert [str(error) for error in seen] == ["no"]


class Held:
    """A script of a product whose thread waits for the test."""

    def __init__(self, world: World, loop: Loop, folder: Path) -> None:
        (folder / "held.py").write_text(
            "def raw_data_to_protocol(raw):\n"
            "    return {'id': '9', 'method': 'thing.event.property.post', 'params': {'soc': raw[0]}}\n"
            "def protocol_to_raw_data(message):\n"
            "    return b'code %d' % message['code']\n",
            encoding="utf-8",
        )
        self.script, self.aside = ScriptConverter(folder / "held.py"), world.platform.parts.aside
        world.platform.registry.products[PK] = replace(world.device().product, converter=self.script)
        self.aside.begin(loop.later)
        self.gate = threading.Event()
        self.aside.do(PK, "somebody else", lambda: self.gate.wait(10), lambda _: ())

    def close(self) -> None:
        self.gate.set()
        self.aside.end()
        self.script.close()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def held(world: World, loop: Loop, tmp_path: Path) -> Iterator[Held]:
    made = Held(world, loop, tmp_path)
    yield made
    made.close()


POST = f"{S}/thing/event/property/post"
RAW = f"{S}/thing/model/up_raw"


def test_what_a_device_says_counts_in_the_order_in_which_it_came(world: World, held: Held, loop: Loop) -> None:
    device, told = world.connect(), list[Any]()
    world.platform.events.subscribe(PropertiesAccepted, lambda event: told.append(event.params["soc"]))
    for number in (1, 2):
        assert world.say(device, RAW, bytes([number])) == []
        assert world.say(device, POST, {"id": "1", "params": {"soc": number * 10}}) == []
    other = {"id": "1", "params": {"soc": 7}}
    assert world.say(world.connect(PK, "gw2"), f"/sys/{PK}/gw2/thing/event/property/post", other)
    assert told == [7]  # others do not wait
    held.gate.set()
    loop.turn(5)
    assert told == [7, 1, 10, 2, 20]
    while len(world.sent) < 4:
        loop.turn()
    assert [sent.topic for sent in world.sent if sent.topic == f"{POST}_reply"] == [f"{POST}_reply"] * 2
    world.say(device, POST, {"id": "1", "params": {"soc": 30}})
    assert told[-1] == 30  # nothing waits any more: at once


def test_what_waits_behind_raw_data_is_bounded_and_dropped_with_a_word(world: World, held: Held) -> None:
    device = world.connect()
    world.say(device, RAW, b"\1")
    for _ in range(MOST_OF_ONE + 5):
        world.say(device, POST, {"id": "1", "params": {"soc": 2}})
    assert [entry.code for entry in world.platform.log] == [9324] * 6
    assert world.state().properties.last == {}


def test_of_a_device_that_was_deleted_nothing_is_done_any_more(world: World, held: Held, loop: Loop) -> None:
    device, deleted = world.connect(), world.device()
    world.say(device, RAW, b"\1")
    world.say(device, POST, {"id": "1", "params": {"soc": 2}})
    world.platform.parts.provisioning.delete(deleted)
    held.gate.set()
    loop.turn(3)
    assert world.platform.parts.states.known(deleted) is None


@pytest.mark.long
def test_a_slow_script_keeps_nobody_else_waiting(loop: Loop, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\n"
        "def raw_data_to_protocol(raw):\n"
        "    if raw == b'slow': time.sleep(0.12)\n"
        "    return {'id': '9', 'method': 'thing.event.property.post', 'params': {'soc': raw[0]}}\n"
        "def protocol_to_raw_data(message):\n"
        "    return b'code %d' % message['code']\n",
        encoding="utf-8",
    )
    world, script = World(), ScriptConverter(tmp_path / "slow.py")
    world.platform.registry.products[PK] = replace(world.device().product, converter=script)
    world.platform.parts.aside.begin(loop.later)
    device = world.connect()
    try:
        for _ in range(MOST_OF_ONE + 5):
            world.say(device, f"{S}/thing/model/up_raw", b"slow")
        refused = [entry for entry in world.platform.log if entry.code == 26010]
        assert 3 <= len(refused) <= 5
        assert "more raw data than the script can take" in refused[0].message
        assert world.sent == []
        loop.turn(2)  # converted, acted upon; its reply converted
        while not world.sent:
            loop.turn()
        assert world.sent[0] == Downlink(f"{S}/thing/model/up_raw_reply", b"code 200")
        assert world.platform.parts.states.last_values(world.device())["soc"].value == ord("s")
    finally:
        world.platform.parts.aside.end()
        script.close()
