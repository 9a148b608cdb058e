"""What strangers can take of the HTTP port and of all doors together: connections, files, time."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.gateway import doors as doors_module
from jinqiao.gateway.broker.limits import Limits
from jinqiao.gateway.broker.server import Server
from jinqiao.gateway.broker.tls import server_context
from jinqiao.gateway.config import Ports
from jinqiao.gateway.doors import Door, Doors, NoSeat, listening_sockets
from jinqiao.gateway.front import Front
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.registry import Registry
from jinqiao.gateway.web.app import application
from jinqiao.gateway.web.bounds import HttpBounds
from jinqiao.gateway.web.local import for_this_machine
from jinqiao.gateway.web.origin import is_foreign
from jinqiao.gateway.web.port import HttpPort
from jinqiao.sandbox.certificates import SERVER, SERVER_KEY, make_certificates
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Connect, Publish, Subscribe
from support.gateway import CLIENT_ID, PASSWORD, USERNAME, GatewayThread, registry, running_gateway
from support.mqtt import OpenPolicy, RawClient

QUICK = HttpBounds(header_s=0.6, body_s=0.6, unread_s=0.6, idle_s=0.4)
#: Longer than each of them, shorter than waiting for ever.
_PATIENCE_S = 5.0


# Seats.


def test_a_door_lets_in_so_many_and_all_doors_no_more_than_there_are_files() -> None:
    doors = Doors(sockets=8)
    mqtt, http = doors.door(20_000), doors.door(1_000, 0.25)
    browsers = [http.enter("192.0.2.1") for _ in range(2)]
    with pytest.raises(NoSeat, match="connections"):
        http.enter("192.0.2.1")
    devices = [mqtt.enter("192.0.2.2") for _ in range(6)]
    with pytest.raises(NoSeat, match="open_files"):
        mqtt.enter("192.0.2.2")
    for seat in (*browsers, *browsers, *devices):
        seat.leave()
    assert (doors.taken, mqtt.taken, http.taken, dict(doors.addresses)) == (0, 0, 0, {})


def test_an_address_has_its_share_over_all_doors_and_this_machine_is_not_counted() -> None:
    doors = Doors(per_address=2)
    mqtt, http = doors.door(10), doors.door(10)
    first, _ = mqtt.enter("192.0.2.1"), http.enter("192.0.2.1")
    for door in (mqtt, http):
        with pytest.raises(NoSeat, match="connections_per_address"):
            door.enter("192.0.2.1")
        for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "198.51.100.7", "127.0.0.2"):
            door.enter(address)
    first.leave()
    mqtt.enter("192.0.2.1")


def test_a_seat_moves_where_there_is_room() -> None:
    doors = Doors()
    wide, narrow = doors.door(10), doors.door(1)
    seat = wide.enter("192.0.2.1")
    seat.move(narrow)
    assert (wide.taken, narrow.taken, doors.taken) == (0, 1, 1)
    other = wide.enter("192.0.2.1")
    with pytest.raises(NoSeat):
        other.move(narrow)
    other.leave()
    seat.leave()
    seat.move(wide)  # it is gone, and stays so
    assert (wide.taken, narrow.taken, doors.taken) == (0, 0, 0)


def test_a_host_with_several_addresses_is_listened_to_on_one_port() -> None:
    sockets = listening_sockets("localhost", 0, 5)
    try:
        assert len({found.getsockname()[1] for found in sockets}) == 1
        with pytest.raises(EnvironmentFault, match="port"):
            listening_sockets("localhost", sockets[0].getsockname()[1], 5)
    finally:
        for found in sockets:
            found.close()


# Time.


async def pause(_: Request) -> Response:
    await asyncio.sleep(1.2)
    return PlainTextResponse("late")


async def echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


def big(_: Request) -> Response:
    return PlainTextResponse(b"x" * 30_000_000)


@asynccontextmanager
async def served(bounds: HttpBounds = QUICK, door: Door | None = None) -> AsyncIterator[int]:
    routes = [Route("/pause", pause), Route("/echo", echo, methods=["POST"]), Route("/big", big)]
    port = HttpPort("127.0.0.1", 0, bounds=bounds, door=door)
    port.serve(lambda: Starlette(routes=routes))
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port.port)  # so that it has been imported
        writer.write(b"GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b"404" in await reader.read()
        writer.close()
        yield port.port
    finally:
        await port.close()


async def ended_within_s(reader: asyncio.StreamReader) -> float:
    """How long until the server ends the connection."""
    began = time.monotonic()
    async with asyncio.timeout(_PATIENCE_S):
        try:
            while await reader.read(65_536):
                pass
        except ConnectionError:
            pass
    return time.monotonic() - began


@pytest.mark.long
@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /echo HTTP/1.1\r\nHost: x\r\n",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\nPOST /ec",
    ],
    ids=[
        "nothing",
        "half a header",
        "half a body",
        "half of the chunks",
        "a body nobody wants",
        "half a second header",
    ],
)
@pytest.mark.asyncio
async def test_a_request_that_does_not_come_ends(begun: bytes) -> None:
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begun)
        assert await ended_within_s(reader) > 0.3
        writer.close()


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x10\x0e\0\x04MQTT\x04\x02\0\x3c\0\x02ab",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"hello\r\n",
        b"GET /\r\n",
        b"GET / HTTP/1.1 \r\n",
        b"GET  / HTTP/1.1\r\nHost: x\r\n",
        b"A" * 40,
        "你好，世界".encode(),
        b"GET /none HTTP/1.1\r\nHost: x\r\n\r\nhello there, this is no request\r\n",
    ],
)
@pytest.mark.asyncio
async def test_what_cannot_be_a_request_is_answered_at_once(rubbish: bytes) -> None:
    async with served(HttpBounds()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(rubbish)
        async with asyncio.timeout(8):  # a header has ten seconds
            answer = await reader.read()
        assert b"HTTP/1.1 400 Bad Request\r\n" in answer
        assert b"Invalid HTTP request received." in answer
        writer.close()


@pytest.mark.asyncio
async def test_a_request_may_come_byte_by_byte() -> None:
    async with served(HttpBounds()) as port:
        for method, ending, status in ((b"POST", b"Content-Length: 1\r\n\r\nx", 200), (b"M-SEARCH", b"\r\n", 405)):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for byte in method + b" /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + ending:
                writer.write(bytes((byte,)))
                await asyncio.sleep(0.001)
            assert (await reader.read()).startswith(b"HTTP/1.1 %d " % status)
            writer.close()


@pytest.mark.parametrize(
    "begun", [b"GET /echo HTTP/1.1\r\n", b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n"]
)
@pytest.mark.asyncio
async def test_dribbling_does_not_make_it_last(begun: bytes) -> None:
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begun)
        ended = asyncio.create_task(ended_within_s(reader))
        while not ended.done():
            writer.write(b"X")
            await asyncio.sleep(0.05)
        assert await ended < 3.0
        writer.close()


@pytest.mark.long
@pytest.mark.asyncio
async def test_a_reader_that_stops_reading_ends() -> None:
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(2.0)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(30_000_000)
        writer.close()


@pytest.mark.long
@pytest.mark.asyncio
async def test_a_slow_answer_slow_reading_and_many_requests_are_no_offence() -> None:
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(4):  # together longer than any of the bounds
            writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(1) == b"3"
            await asyncio.sleep(0.25)
        writer.write(b"GET /pause HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(4) == b"late"
        writer.close()

        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=65_536)
        writer.write(b"GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        for _ in range(30):
            await reader.readexactly(1_000_000)
            await asyncio.sleep(0.05)
        writer.close()


@pytest.mark.asyncio
async def test_half_requests_do_not_take_what_others_need() -> None:
    """They have their share of the files, and give it back."""
    door = Doors(sockets=40).door(1_000, 0.25)
    async with served(door=door) as port, AsyncExitStack() as open_:
        stuck = [await asyncio.open_connection("127.0.0.1", port) for _ in range(30)]
        for _, writer in stuck:
            open_.callback(writer.close)
            writer.write(b"GET / HTTP/1.1\r\n")
        await asyncio.sleep(0.3)
        assert door.taken == 10
        ended = [await ended_within_s(reader) for reader, _ in stuck]
        assert max(ended) < _PATIENCE_S
        async with asyncio.timeout(_PATIENCE_S):
            while door.taken:
                await asyncio.sleep(0.05)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).endswith(b"0")
        writer.close()


# TLS.


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    make_certificates(tmp_path)
    return server_context(tmp_path / SERVER, tmp_path / SERVER_KEY)


def unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@pytest.fixture(params=["asyncio", "uvloop"])
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    loop = asyncio.new_event_loop if request.param == "asyncio" else pytest.importorskip("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=loop) as running:
        yield running


def test_a_handshake_that_does_not_come_counts_and_ends(
    tls: ssl.SSLContext, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors_module, "HANDSHAKE_S", 0.5)

    async def scenario() -> None:
        server = Server(OpenPolicy(), limits=Limits(connections=3))
        port = await server.start("127.0.0.1", 0, tls=tls)
        try:
            silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
            await asyncio.sleep(0.1)
            assert server.door.taken == 3
            with pytest.raises(ConnectionError):
                await asyncio.open_connection("127.0.0.1", port, ssl=unverified())
            assert server.counters.refused == {"connections": 1}
            for reader, writer in silent:
                assert await ended_within_s(reader) < _PATIENCE_S
                writer.close()
            assert server.door.taken == 0
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=unverified())
            writer.write(encode(Connect("c")))
            assert await reader.readexactly(4) == b"\x20\x02\0\0"
            assert (server.door.taken, server.counters.connections) == (1, 1)
            writer.close()
            async with asyncio.timeout(_PATIENCE_S):
                while server.door.taken:
                    await asyncio.sleep(0.01)
        finally:
            await server.close()

    runner.run(scenario())


def test_half_a_handshake_holds_up_no_end(tls: ssl.SSLContext, runner: asyncio.Runner) -> None:
    async def scenario() -> None:
        server = Server(OpenPolicy())
        port = await server.start("127.0.0.1", 0, tls=tls)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(0.1)
        async with asyncio.timeout(_PATIENCE_S):
            await server.close()
        assert server.door.taken == 0
        writer.close()

    runner.run(scenario())


# MQTT over WebSocket.


@pytest.fixture
def plain() -> Iterator[GatewayThread]:
    with running_gateway(Platform(Registry(anonymous=True))) as gateway:
        yield gateway


def socket_of(gateway: GatewayThread, path: str = "/mqtt", **options: Any) -> Any:
    return connect(f"ws://127.0.0.1:{gateway.ports['http_port']}{path}", subprotocols=["mqtt"], **options)  # type: ignore[list-item]


@pytest.mark.parametrize("path", ["", "/", "/mqtt", "/mqtt/"])
def test_mqtt_is_spoken_at_each_path_that_clients_use(plain: GatewayThread, path: str) -> None:
    with socket_of(plain, path) as browser:
        browser.send(encode(Connect("c")))
        assert browser.recv(5) == b"\x20\x02\0\0"
    assert plain.get("/")[0] != 404  # cloud calls are still there


def test_browsers_count_as_mqtt_and_not_as_http() -> None:
    house = Platform(Registry(anonymous=True))
    with (
        running_gateway(house, limits=Limits(connections=3), http_bounds=HttpBounds(connections=1)) as gateway,
        ExitStack() as open_,
    ):
        for number in range(3):
            browser = open_.enter_context(socket_of(gateway))
            browser.send(encode(Connect(f"c{number}")))
            assert browser.recv(5) == b"\x20\x02\0\0"
        with pytest.raises(Exception, match="403"), socket_of(gateway):
            pass
        assert gateway.stats()["refused"] == {"connections": 1}
        assert gateway.get("/health") == (200, '{"status":"ok","connections":3}')


def read_all(browser: Any) -> None:
    while True:
        browser.recv(5)


@pytest.mark.long
def test_a_browser_that_stops_reading_is_ended() -> None:
    house = Platform(Registry(anonymous=True))
    with running_gateway(house, limits=Limits(linger_s=0.5)) as gateway, socket_of(gateway, max_queue=1) as browser:
        browser.send(encode(Connect("stuck", keep_alive_s=1)) + encode(Subscribe(1, (("t", 0),))))
        publisher = RawClient(gateway.ports["mqtt_port"], 20)
        publisher.send(Connect("fast"))
        publisher.read()
        packet = encode(Publish("t", bytes(100_000)))
        for _ in range(300):
            publisher.send(packet)
        assert list(publisher.messages()) == []
        deadline = time.monotonic() + 10
        while gateway.stats()["connections"] > 1 and time.monotonic() < deadline:
            time.sleep(0.1)
        stats = gateway.stats()
        assert (stats["connections"], stats["queued_bytes"]) == (1, 0)
        assert stats["refused"]["keep_alive"] == 1
        # And its socket is gone, with what the kernel had not sent.
        with pytest.raises(ConnectionClosed):
            read_all(browser)
        publisher.close()


@pytest.mark.parametrize(
    ("origin", "host", "foreign"),
    [
        (None, "192.0.2.1:8080", False),
        ("http://localhost:5173", "127.0.0.1:8080", False),
        ("http://127.0.0.1:5500", "localhost:8080", False),
        ("http://[::1]:3000", "[::1]:8080", False),
        ("http://app.localhost", "192.0.2.1:8080", False),
        ("http://192.0.2.1:9000", "192.0.2.1:8080", False),
        ("https://evil.example", "127.0.0.1:8080", True),
        ("https://127.0.0.1.evil.example", "127.0.0.1:8080", True),
        ("https://localhost.evil.example", "127.0.0.1:8080", True),
        ("http://192.0.2.2", "192.0.2.1:8080", True),
        ("http://evil.example:8080", "evil.example:8080", True),  # a name that points here (DNS rebinding)
        ("null", "127.0.0.1:8080", True),
        ("http://[broken", "127.0.0.1:8080", True),
        ("", "", True),
    ],
)
def test_where_a_page_comes_from(origin: str | None, host: str, foreign: bool) -> None:
    assert is_foreign({"host": host} | ({} if origin is None else {"origin": origin})) is foreign


def test_a_page_from_elsewhere_needs_a_user_name() -> None:
    with running_gateway(Platform(registry(anonymous=True))) as gateway:
        for origin, login, code in (
            ("https://evil.example", Connect("c"), 5),
            ("null", Connect("c"), 5),
            ("http://localhost:5173", Connect("c"), 0),
            ("https://shop.example", Connect("c", username="app", password=b"pw"), 0),
            ("https://shop.example", Connect(CLIENT_ID, True, 60, USERNAME, PASSWORD.encode()), 0),
        ):
            with socket_of(gateway, origin=origin) as browser:
                browser.send(encode(login))
                assert bytes(browser.recv(5))[3] == code, (origin, login)


# Who may ask what.


async def status_of(app: Callable[..., Any], path: str, client: tuple[str, int] | None) -> int:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b"", "client": client}
    await app(scope | {"root_path": "", "scheme": "http", "http_version": "1.1", "server": ("x", 1)}, receive, send)
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    ("client", "status"),
    [(("127.0.0.1", 1), 200), (("::1", 1), 200), (("::ffff:127.0.0.1", 1), 200), (("192.0.2.1", 1), 403), (None, 403)],
)
@pytest.mark.asyncio
async def test_what_trusts_its_callers_answers_this_machine_only(client: tuple[str, int] | None, status: int) -> None:
    async def yes(_: Request) -> Response:
        return PlainTextResponse("yes")

    def app(*, open_to_all: bool) -> Starlette:
        server = Server(OpenPolicy())
        return application(server, [Route("/cloud", yes)], [Route("/mqtt/emqx/acl", yes)], open_to_all=open_to_all)

    for path in ("/metrics", "/mqtt/emqx/acl"):
        assert await status_of(app(open_to_all=False), path, client) == status
        assert await status_of(app(open_to_all=True), path, client) == 200
    for path in ("/cloud", "/health"):
        assert await status_of(app(open_to_all=False), path, client) == 200
    assert await status_of(for_this_machine(Route("/x", yes)), "/x", client) == status


@pytest.mark.parametrize(
    ("option", "hosts"),
    [("--mqtt-host", {"host": ""}), ("--mqtt-host", {"host": " "}), ("--http-host", {"http_host": ""})],
)
@pytest.mark.asyncio
async def test_an_empty_host_is_named_and_does_not_listen_everywhere(option: str, hosts: dict[str, str]) -> None:
    with pytest.raises(InputError, match=option):
        await Front(Platform(registry())).start(Ports(mqtt=0, http=0, **hosts))


@pytest.mark.asyncio
async def test_http_has_a_host_of_its_own() -> None:
    front = Front(Platform(registry()))
    try:
        taken = await front.start(Ports(mqtt=0, http=0, http_host="127.0.0.2"))
        with socket.create_connection(("127.0.0.2", taken["http_port"]), 5):
            pass
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", taken["http_port"]), 5)
    finally:
        await front.close()
