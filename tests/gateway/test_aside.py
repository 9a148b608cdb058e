"""What waits for something is done beside the event loop: devices take turns, in order, within bounds."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.platform.converters.aside import MOST_OF_ONE, Aside, Crowded
from jinqiao.gateway.platform.converters.script_converter import ScriptConverter
from jinqiao.gateway.platform.outbound import Outbound
from support.alink_house import PK, S, World
from support.carrier import NotingCarrier


class Loop:
    """An event loop by hand: what threads want done is done when a test says so."""

    def __init__(self) -> None:
        self._calls: queue.Queue[tuple[Callable[..., object], tuple[Any, ...]]] = queue.Queue()

    def later(self, function: Callable[..., object], *arguments: Any) -> None:
        self._calls.put((function, arguments))

    def turn(self, count: int = 1) -> None:
        for _ in range(count):
            function, arguments = self._calls.get(timeout=10)
            function(*arguments)


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
