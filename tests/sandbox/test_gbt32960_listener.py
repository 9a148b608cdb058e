"""`jinqiao serve` as the platform's GB/T 32960 cloud gateway: who gets in, what is answered, forwarded and borne."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.broker.policy import Downlink, Login
from jinqiao.gateway.gbt32960.listener import Bounds, Listener
from jinqiao.gateway.gbt32960.session import BUSY_S, MOST_FAULTS, Gbt32960Sessions, Peer
from jinqiao.gateway.gbt32960.wrong_logins import MOST_WRONG, PAUSE_S
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.devices import ListedDevices
from jinqiao.gateway.platform.registry.registry import Application, Product, Registry
from jinqiao.vehicles.catalogue import find_vehicle
from jinqiao.vehicles.gbt32960.cycle import Drive, report_cycle
from jinqiao.wire.alink.ev_thing_model import ev_thing_model
from jinqiao.wire.alink.signature import client_content, sign
from jinqiao.wire.gbt32960.forms import BEIJING
from jinqiao.wire.gbt32960.frame import Frame, decode_frame, encode_frame
from jinqiao.wire.gbt32960.reader import StreamReader
from jinqiao.wire.gbt32960.vehicle import heartbeat, login, logout
from support.carrier import NotingCarrier
from support.gbt32960 import frames
from support.terminals import Terminal

VIN, OTHER_VIN, STRANGER = "LBV1Z3102JMK12345", "LBV1Z3102JMK54321", "LBV1Z3102JMK00000"
PK, OTHER_PK = "a1carPK0001", "a1carPK0002"
NOON = datetime(2026, 11, 24, 12, 0, 5, tzinfo=BEIJING)


def a_platform() -> Platform:
    products = [
        Product(key, "EV", ev_thing_model(key), ListedDevices({vin: "secret"}))
        for key, vin in ((PK, VIN), (OTHER_PK, OTHER_VIN))
    ]
    applications = [
        Application("fleet", "pass", frozenset({PK})),
        Application("all", "pass2", frozenset({PK, OTHER_PK})),
    ]
    return Platform(Registry(products, applications))


@dataclass
class Served:
    platform: Platform
    listener: Listener
    port: int
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def take(self, downlink: Downlink) -> None:
        self.sent.append((downlink.topic, json.loads(downlink.payload)))

    def uplinks(self, command: int) -> list[dict[str, Any]]:
        return [
            body["body"]
            for topic, body in self.sent
            if topic.endswith("/device/message/uplink") and body["header"]["command"] == command
        ]

    @property
    def statuses(self) -> list[str]:
        return [body["status"] for topic, body in self.sent if topic.endswith("/device/status/notify")]


@asynccontextmanager
async def serving(allowed: Iterable[str] = (), **bounds: Any) -> AsyncIterator[Served]:
    platform = a_platform()
    listener = Listener(platform, Bounds(**bounds), allowed=allowed)
    served = Served(platform, listener, await listener.start("127.0.0.1", 0))
    carrier = NotingCarrier()
    carrier.published = served.take
    platform.carried_by(carrier)
    try:
        yield served
    finally:
        await listener.close()


def platform_login(user: str, password: str) -> Frame:
    data = {"time": NOON, "serial": 1, "username": user, "password": password, "encryption": "none"}
    return Frame("2016", "platform_login", "PLATFORM000000001", data)


def drive(edition: str, vin: str = VIN) -> list[bytes]:
    return list(report_cycle(Drive(find_vehicle("bmw-i4-edrive40-2022"), "CLTC-P", 30, 10, vin=vin), edition))


@pytest.mark.asyncio
@pytest.mark.parametrize("edition", ["2016", "2025"])
async def test_a_drive_is_answered_and_forwarded(edition: str) -> None:
    async with serving() as served:
        terminal = await Terminal.connect(served.port)
        for wire in drive(edition):
            asked = decode_frame(wire)
            answer = await terminal.ask(wire)
            assert (answer.reply, answer.command, answer.vin) == ("ok", asked.command, VIN)
            assert answer.data == {"time": asked.data["time"]}  # type: ignore[call-overload]
            if asked.command == "login":
                status = served.platform.parts.presence.status(PK, VIN)
                assert status is not None
                assert status.state == "online"
        topics = {topic for topic, _ in served.sent}
        assert topics == {f"/sys/{PK}/{VIN}/device/message/uplink", f"/sys/{PK}/{VIN}/device/status/notify"}
        assert served.statuses == ["online", "offline"]
        assert served.sent[0][1] == {"protocol": "gb32960", "status": "online"}
        told = served.sent[1][1]
        assert told["header"] == {"command": 1, "responseFlag": 254, "vin": VIN}
        body = told["body"]
        date = [body.pop(name) for name in ("year", "month", "day", "hour", "minute", "second")]
        assert date == [26, 3, 2, 8, 0, 0]
        assert (body["subSystemNumber"], body["systemEncodeLength"], body["serialNo"]) == (1, 24, 1)
        assert len(body["systemEncode"][0]) == 24
        assert body["iccid"].startswith("8986")
        assert [item["vehicle"]["state"] for item in served.uplinks(2)] == ["on"] * 4
        assert len(served.uplinks(2)[0]["cells"][0]["cells_v"]) == 108
        assert len(served.uplinks(4)) == 1
        await terminal.close()


@pytest.mark.asyncio
async def test_who_is_not_known_does_not_get_in() -> None:
    async with serving() as served:
        terminal = await Terminal.connect(served.port)
        assert (await terminal.ask(login("2016", STRANGER, NOON, 1))).reply == "error"
        assert (await terminal.ask(login("2025", STRANGER, NOON, 1))).reply == "vin_unknown"
        data = drive("2016")[1]
        assert (await terminal.ask(data)).reply == "error"  # before its login
        assert (await terminal.ask(heartbeat("2016", VIN))).reply == "error"
        assert served.sent == []
        assert served.listener.sessions.counts["not_logged_in"] == 1
        device = served.platform.registry.device(PK, VIN)
        assert device is not None
        served.platform.parts.provisioning.set_disabled(device, True)
        assert (await terminal.ask(login("2025", VIN, NOON, 1))).reply == "vin_unknown"
        await terminal.close()


@pytest.mark.asyncio
async def test_heartbeat_and_time() -> None:
    async with serving() as served:
        terminal = await Terminal.connect(served.port)
        await terminal.ask(login("2025", VIN, NOON, 1))
        assert (await terminal.ask(heartbeat("2025", VIN))).reply == "ok"
        answer = await terminal.ask(Frame("2025", "time_sync", VIN))
        assert not isinstance(answer.data, bytes)
        assert abs((answer.data["time"] - datetime.now(BEIJING)).total_seconds()) < 5
        await terminal.close()


@pytest.mark.asyncio
async def test_one_vehicle_has_one_connection() -> None:
    async with serving() as served:
        first, second = await Terminal.connect(served.port), await Terminal.connect(served.port)
        assert (await first.ask(login("2016", VIN, NOON, 1))).reply == "ok"
        assert (await second.ask(login("2016", VIN, NOON, 1))).reply == "vin_double"
        assert (await first.ask(login("2016", OTHER_VIN, NOON, 1))).reply == "error"
        await first.close()
        await asyncio.sleep(0.05)
        assert (await second.ask(login("2016", VIN, NOON, 2))).reply == "ok"
        assert served.statuses == ["online", "offline", "online"]
        await second.close()


@pytest.mark.asyncio
async def test_a_platform_speaks_for_the_vehicles_of_its_products() -> None:
    async with serving() as served:
        terminal = await Terminal.connect(served.port)
        assert (await terminal.ask(platform_login("fleet", "wrong"))).reply == "error"
        assert (await terminal.ask(platform_login("nobody", "pass"))).reply == "error"
        assert (await terminal.ask(platform_login("fleet", "pass"))).reply == "ok"
        assert (await terminal.ask(login("2025", VIN, NOON, 1))).reply == "ok"
        assert (await terminal.ask(login("2025", OTHER_VIN, NOON, 1))).reply == "vin_unknown"
        for number in range(MOST_FAULTS + 5):  # vehicles that are not registered are no reason to close
            assert (await terminal.ask(login("2016", f"LBV1Z3102JMK1{number:04d}", NOON, 1))).reply == "error"
        assert (await terminal.ask(platform_login("all", "pass2"))).reply == "ok"
        assert (await terminal.ask(login("2025", OTHER_VIN, NOON, 1))).reply == "ok"
        assert {topic.split("/")[3] for topic, _ in served.sent} == {VIN, OTHER_VIN}
        bye = Frame("2016", "platform_logout", "PLATFORM000000001", {"time": NOON, "serial": 1})
        assert (await terminal.ask(bye)).reply == "ok"
        assert served.statuses == ["online", "online", "offline", "offline"]
        await terminal.close()


@pytest.mark.asyncio
async def test_a_broken_frame_is_named_and_nobody_else_is_disturbed() -> None:
    async with serving() as served:
        good, bad = await Terminal.connect(served.port), await Terminal.connect(served.port)
        assert (await good.ask(login("2016", OTHER_VIN, NOON, 1))).reply == "ok"
        assert (await bad.ask(login("2016", VIN, NOON, 1))).reply == "ok"
        wire = bytearray(drive("2016")[1])
        wire[-1] ^= 1
        # Behind a wrong check code the next frame is read; an item that is not known is refused.
        assert (await bad.ask(bytes(wire) + encode_frame(heartbeat("2016", VIN)))).command == "heartbeat"
        unknown = Frame("2016", "real_time", VIN, bytes.fromhex("1a0b180c0005 33 0102"))
        assert (await bad.ask(unknown)).reply == "error"
        faults = [entry.message for entry in served.platform.log if entry.device_name == VIN]
        assert len(faults) == 2
        assert "check code: found" in faults[0]
        assert "item: found 33, expected one of 01, 02" in faults[1]
        assert served.listener.sessions.counts["malformed"] == 2
        assert (await good.ask(heartbeat("2016", OTHER_VIN))).reply == "ok"
        bad.writer.write(bytes(wire) * (MOST_FAULTS + 5))
        assert await bad.closed()
        assert (await good.ask(heartbeat("2016", OTHER_VIN))).reply == "ok"
        assert served.platform.parts.presence.status(PK, VIN).state == "offline"  # type: ignore[union-attr]
        await good.close()


@pytest.mark.asyncio
async def test_a_vehicle_that_is_connected_by_mqtt_is_nobody_elses() -> None:
    async with serving() as served:
        platform = served.platform
        password = sign("hmacsha1", "secret", client_content("c", VIN, PK)).encode()
        device = platform.authenticate(Login("c|signmethod=hmacsha1|", f"{VIN}&{PK}", password, 4, True, 60))
        platform.connected(device)
        stranger = await Terminal.connect(served.port)
        assert (await stranger.ask(login("2016", VIN, NOON, 1))).reply == "vin_double"
        assert (await stranger.ask(logout("2016", VIN, NOON, 1))).reply == "error"
        assert platform.parts.presence.status(PK, VIN).state == "online"  # type: ignore[union-attr]
        assert served.sent == []
        assert served.listener.sessions.counts["busy_by_mqtt"] == 1
        platform.disconnected(device)
        assert (await stranger.ask(login("2016", VIN, NOON, 1))).reply == "ok"
        await stranger.close()


@pytest.mark.asyncio
async def test_a_list_says_which_vehicles_may_log_in() -> None:
    frame = login("2016", VIN, NOON, 1)
    assert not isinstance(frame.data, bytes)
    for allowed, reply in (((frame.data["iccid"],), "ok"), (("127.0.0.1",), "ok"), (("192.0.2.1", "8986"), "error")):
        async with serving(allowed) as served:
            terminal = await Terminal.connect(served.port)
            assert (await terminal.ask(frame)).reply == reply
            await terminal.close()


def test_who_tries_vins_does_not_learn_more_than_a_few() -> None:
    now, platform = [0.0], a_platform()
    sessions = Gbt32960Sessions(platform, lambda: now[0], allowed=["192.0.2.7"])

    def log_in(vin: str, address: str = "192.0.2.1", edition: str = "2025") -> str:
        [found] = StreamReader().feed(encode_frame(login(edition, vin, NOON, 1)))
        peer = Peer(address)
        answer = sessions.take(peer, found)
        sessions.leave(peer)
        assert answer is not None
        return answer.reply

    sessions_open = Gbt32960Sessions(platform, lambda: now[0])
    assert log_in(VIN) == "vin_unknown"  # not on the list: as if it were not known
    sessions = sessions_open
    for number in range(MOST_WRONG):
        assert log_in(f"LBV1Z3102JMK0{number:04d}") == "vin_unknown"
    assert (log_in(VIN), log_in(VIN, edition="2016")) == ("vin_unknown", "error")  # as if it were not known
    assert log_in(VIN, "192.0.2.2") == "ok"
    for _ in range(2 * MOST_WRONG):
        assert log_in(STRANGER, "127.0.0.1") == "vin_unknown"
    assert log_in(VIN, "127.0.0.1") == "ok"  # this machine is the user's own
    now[0] = PAUSE_S + 1
    assert log_in(VIN) == "ok"


def test_who_guesses_passwords_is_not_looked_at_for_a_while(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    platform = a_platform()
    sessions = Gbt32960Sessions(platform, lambda: now[0])

    def log_in(password: str, address: str = "192.0.2.1") -> str:
        [found] = StreamReader().feed(encode_frame(platform_login("fleet", password)))
        answer = sessions.take(Peer(address), found)
        assert answer is not None
        return answer.reply

    for guess in range(MOST_WRONG - 1):
        assert log_in(f"guess {guess}") == "error"
    assert log_in("pass") == "ok"
    assert log_in("wrong") == "error"
    assert log_in("pass") == "error"
    assert log_in("pass", "192.0.2.2") == "ok"
    assert (sessions.counts["bad_credentials"], sessions.counts["paused"]) == (MOST_WRONG, 1)
    assert [entry.code for entry in platform.log] == [401]
    assert "192.0.2.1: 20 wrong platform logins" in caplog.text
    now[0] = PAUSE_S + 1
    assert log_in("pass") == "ok"


@pytest.mark.asyncio
async def test_strangers_take_little() -> None:
    async with serving(login_s=0.2, connections=2, stranger_bytes=100) as served:
        silent, second = await Terminal.connect(served.port), await Terminal.connect(served.port)
        await asyncio.sleep(0.05)
        assert await (await Terminal.connect(served.port)).closed()  # no room
        second.writer.write(b"##\x02\xfe" + VIN.encode() + b"\x01\xff\xff" + bytes(200))
        assert await second.closed()
        assert await silent.closed()
        counts = served.listener.sessions.counts
        assert (counts["turned_away"], counts["cut_off"], counts["timed_out"]) == (1, 1, 1)


@pytest.mark.asyncio
async def test_who_has_logged_out_may_log_in_again() -> None:
    async with serving(login_s=0.3) as served:
        terminal = await Terminal.connect(served.port)
        await terminal.ask(login("2016", VIN, NOON, 1))
        await asyncio.sleep(0.5)
        assert (await terminal.ask(logout("2016", VIN, NOON, 1))).reply == "ok"
        await asyncio.sleep(0.1)
        assert (await terminal.ask(login("2016", VIN, NOON, 2))).reply == "ok"
        await terminal.close()


@pytest.mark.asyncio
async def test_who_is_logged_in_and_silent_goes_too() -> None:
    async with serving(silent_s=0.2, login_s=0.5) as served:
        terminal = await Terminal.connect(served.port)
        await terminal.ask(login("2016", VIN, NOON, 1))
        assert await terminal.closed()
        assert served.statuses == ["online", "offline"]


def test_a_dead_connection_is_taken_over() -> None:
    now = [0.0]
    sessions = Gbt32960Sessions(a_platform(), lambda: now[0])
    first, second = Peer("a"), Peer("b")

    def say(peer: Peer, frame: Frame) -> str:
        [found] = StreamReader().feed(encode_frame(frame))
        answer = sessions.take(peer, found)
        assert answer is not None
        return answer.reply

    assert say(first, login("2016", VIN, NOON, 1)) == "ok"
    now[0] = BUSY_S - 1
    assert say(second, login("2016", VIN, NOON, 1)) == "vin_double"
    now[0] = 2 * BUSY_S
    assert say(second, login("2016", VIN, NOON, 2)) == "ok"
    sessions.leave(first)  # late: it is not the vehicle's connection any more
    assert say(second, logout("2016", VIN, NOON, 2)) == "ok"


@given(st.sampled_from(["2016", "2025"]).flatmap(frames), st.sampled_from(["none", "rsa", "aes"]), st.booleans())
def test_whatever_is_asked_is_answered(frame: Frame, encryption: str, known: bool) -> None:
    asked = Frame(frame.edition, frame.command, VIN if known else frame.vin, frame.data, "command", "none")
    wire = bytearray(encode_frame(asked))
    wire[21] = {"none": 1, "rsa": 2, "aes": 3}[encryption]
    wire[-1] ^= 1 ^ wire[21]
    sessions, peer = Gbt32960Sessions(a_platform(), lambda: 0.0), Peer("")
    for found in StreamReader().feed(encode_frame(login("2025", VIN, NOON, 1)) + bytes(wire)):
        answer = sessions.take(peer, found)
        assert answer is not None
        assert decode_frame(encode_frame(answer)).reply != "command"
