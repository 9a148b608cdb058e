"""What a simulated vehicle says that is malformed is read as a real device's is, over whichever connection it comes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.base.telemetry import Step
from jinqiao.gateway.platform.events import VehiclesPresence
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Publish, Subscribe
from jinqiao.wire.render import StepRenderer
from jinqiao.wire.render.malformed import KIND, MALFORMED, NUMBERS, WAYS, Malformed, spoilt
from jinqiao.wire.render.said import SaidPacket
from support.examples import examples
from support.fleet_house import FleetHouse
from support.fleet_world import FLEET, NAMES, NOW_MS
from support.telemetry import batch

ROW = 3
#: Codes of values that do not fit their type: number, float, bool, enumeration, double.
OF_TYPES = {6306, 6307, 6308, 6309, 6322}


def post() -> bytes:
    renderer = StepRenderer(FLEET, NAMES, NAMES)
    ((_, block),) = renderer.blocks(Step(NOW_MS, (batch(ROW + 1),)))
    return block.packet(ROW)


POST = post()


def made(kind: Malformed, key: int = 7) -> bytes:
    found = spoilt(NUMBERS[kind], POST, key)
    assert found is not None
    return found


def told(packet: bytes, *, own: bool) -> dict[str, Any]:
    """Everything that comes of a vehicle's packet, over its own connection or the shared one."""
    house = FleetHouse()
    application = house.application()
    application.send(Subscribe(1, (("#", 1),)))
    application.received()
    vehicle = house.vehicle(ROW)
    received = house.broker.counters.received
    if own:
        connection = house.own_connection(ROW)
        connection.feed(packet)
    else:
        house.say(SaidPacket(NOW_MS, ROW, KIND, packet))
        assert not house.simulator.closed
    values = house.platform.parts.states.last_values(vehicle)
    return {
        "heard": [(message.topic, message.payload) for message in application.messages()],
        "log": [(entry.device_name, entry.topic, entry.code, entry.message) for entry in house.platform.log],
        "values": {name: timed.value for name, timed in values.items()},
        "received": {kind: count for kind, count in received.items() if count},
        "refused": {kind: count for kind, count in house.broker.counters.refused.items() if count},
    }


@pytest.mark.parametrize("kind", MALFORMED)
def test_it_is_read_as_over_a_connection_of_its_own(kind: Malformed) -> None:
    assert told(made(kind), own=False) == told(made(kind), own=True)


@pytest.mark.parametrize("kind", MALFORMED)
def test_each_is_logged_with_the_code_that_its_page_says_and_what_is_good_of_it_is_taken(kind: Malformed) -> None:
    found, params = told(made(kind), own=False), json.loads(POST[POST.index(b"{") :])["params"]
    logged, code = [code for _, _, code, _ in found["log"]], WAYS[kind].code
    if code == 200:
        assert logged == []
        assert found["values"].keys() == params.keys()
        return
    if code == 6307:
        assert len(logged) == 1
        assert logged[0] in OF_TYPES
    else:
        assert logged == [code]
    if code in {9236, 9320, 6207, 460, 6300}:
        assert found["values"] == {}
    else:  # in part
        (name,) = params.keys() - found["values"].keys() or {"Unheard"}
        assert found["log"][0][3].startswith(name)


@pytest.mark.parametrize("kind", MALFORMED)
def test_it_is_answered_as_far_as_it_asks_for_that(kind: Malformed) -> None:
    """A vehicle's posts ask for no reply; of what cannot be read nobody can know that."""
    replies = [json.loads(payload) for topic, payload in told(made(kind), own=False)["heard"] if "_reply" in topic]
    assert [reply["code"] for reply in replies] == ([6207] if WAYS[kind].code == 6207 else [])


def test_who_subscribes_hears_it_as_it_came_and_its_reply_behind_it() -> None:
    heard = told(made("truncated"), own=False)["heard"]
    topic = f"/sys/{FLEET}/{NAMES[ROW].decode()}/thing/event/property/post"
    assert [name for name, _ in heard] == [topic, f"{topic}_reply"]
    assert made("truncated").endswith(heard[0][1])


def test_a_misspelt_topic_is_nobodys_and_no_one_hears_it() -> None:
    found = told(made("wrong_topic"), own=False)
    assert found["heard"] == []
    assert found["refused"] == {"publish": 1}


def test_a_vehicle_cannot_say_on_anothers_topic_what_is_not_vouched_for() -> None:
    """However it may have come to it: what is malformed is never trusted."""
    other = f"/sys/{FLEET}/{NAMES[ROW + 1].decode()}/thing/event/property/post"
    found = told(encode(Publish(other, b'{"id":"1","params":{"VehicleSpeed":1}}')), own=False)
    assert [code for _, _, code, _ in found["log"]] == [9236]
    assert found["heard"] == []


def test_one_that_is_too_large_puts_its_vehicle_out_which_comes_back_and_nobody_else() -> None:
    house = FleetHouse()
    heard: list[VehiclesPresence] = []
    house.platform.events.subscribe(VehiclesPresence, heard.append)
    house.say(SaidPacket(NOW_MS, ROW, KIND, made("oversize")))
    assert [(event.names, event.online, event.time_ms) for event in heard] == [
        ([house.name(ROW)], False, NOW_MS),
        ([house.name(ROW)], True, NOW_MS),
    ]
    own = house.own_connection(ROW + 1)
    own.feed(made("oversize"))
    assert own.closed


def test_what_was_said_before_it_comes_before_it() -> None:
    house = FleetHouse()
    application = house.application()
    application.send(Subscribe(1, ((f"/sys/{FLEET}/+/thing/event/property/post", 0),)))
    application.received()
    whole = SaidPacket(NOW_MS, ROW, "event_post", POST)
    house.say(whole, SaidPacket(NOW_MS, ROW, KIND, made("empty")), whole)
    assert [len(message.payload) > 0 for message in application.messages()] == [True, False, True]


def test_what_is_malformed_does_not_touch_the_columns_of_the_others() -> None:
    house = FleetHouse()
    for kind in MALFORMED:
        house.say(SaidPacket(NOW_MS, ROW, KIND, made(kind)))
    assert not house.simulator.closed
    assert house.call("GetDeviceStatus", ROW)["Data"]["Status"] == "ONLINE"
    assert house.broker.counters.refused["policy_fault"] == 0


@settings(max_examples=examples(100))
@given(st.binary(max_size=200), st.text(max_size=40))
def test_nothing_that_is_a_packet_hurts(payload: bytes, topic: str) -> None:
    house = FleetHouse()
    name = topic.encode(errors="replace")
    body = len(name).to_bytes(2, "big") + name + payload
    packet = b"\x30" + bytes((len(body) % 128 | 0x80, len(body) // 128)) + body
    house.say(SaidPacket(NOW_MS, ROW, KIND, packet))
    assert not house.simulator.closed
    assert house.broker.counters.refused["policy_fault"] == 0
