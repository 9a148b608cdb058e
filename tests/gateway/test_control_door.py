"""The door of `/control`, without sockets: who comes in, how much at once, and what a client that goes costs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.controlled import ControlAnswer, Controlled, ControlRequest
from jinqiao.gateway.web.bounds import ControlBounds
from jinqiao.gateway.web.control import ControlDoor

TOKEN = "open-sesame"
GONE = {"type": "http.disconnect"}


class Run:
    """What is behind the door: it answers at once, or when it may."""

    def __init__(self) -> None:
        self.asked: list[ControlRequest] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.cancelled = 0

    async def carry(self, request: ControlRequest) -> ControlAnswer:
        self.asked.append(request)
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return ControlAnswer(200, b'{"ok": true}')


class Client:
    """One request as ASGI has it; `left` ends the wait for its going."""

    def __init__(self, *, token: str | None = TOKEN, path: str = "/control/state", address: str = "127.0.0.1") -> None:
        headers = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
        self.scope: Any = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": b"",
            "headers": headers,
            "client": (address, 5),
        }
        self.messages: list[dict[str, Any]] = []
        self.left = asyncio.Event()
        self.sent: list[Any] = []

    def pieces(self, pieces: Iterable[bytes]) -> Client:
        pieces = list(pieces)
        self.messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
        return self

    async def receive(self) -> dict[str, Any]:
        if self.messages:
            return self.messages.pop(0)
        if not self.sent and not hasattr(self, "_ended"):
            self._ended = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.left.wait()
        return GONE

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def through(self, door: ControlDoor) -> tuple[int, Any]:
        await door(self.scope, self.receive, self.send)
        return self.sent[0]["status"], json.loads(self.sent[1]["body"])


@pytest.mark.asyncio
async def test_who_shows_the_token_is_let_in_and_nobody_else() -> None:
    run = Run()
    door = ControlDoor(Controlled(TOKEN, run.carry))
    assert await Client().through(door) == (200, {"ok": True})
    for token in (None, "", "x", TOKEN[:-1], f"{TOKEN} {TOKEN}", "ü"):
        status, answer = await Client(token=token).through(door)
        assert (status, set(answer["error"])) == (401, {"pointer", "found", "expected"})
    assert len(run.asked) == 1
    assert (await Client(token=None, path="/control/openapi.json").through(door))[0] == 200


@pytest.mark.asyncio
async def test_the_door_is_open_to_this_machine_unless_it_is_open_to_all() -> None:
    run = Run()
    assert (await Client(address="192.0.2.1").through(ControlDoor(Controlled(TOKEN, run.carry))))[0] == 403
    open_door = ControlDoor(Controlled(TOKEN, run.carry), open_to_all=True)
    assert (await Client(address="192.0.2.1").through(open_door))[0] == 200


@pytest.mark.asyncio
async def test_a_body_is_read_no_further_than_its_bound() -> None:
    run = Run()
    door = ControlDoor(Controlled(TOKEN, run.carry), ControlBounds(body_bytes=100))
    assert (await Client().pieces([b"x" * 50, b"x" * 50]).through(door))[0] == 200
    large = Client().pieces([b"x" * 60] * 5)
    assert (await large.through(door))[0] == 413
    assert len(large.messages) == 3
    assert [len(one.body) for one in run.asked] == [100]


@pytest.mark.asyncio
async def test_only_so_many_are_under_way_at_once() -> None:
    run = Run()
    run.may_answer.clear()
    door = ControlDoor(Controlled(TOKEN, run.carry), ControlBounds(at_once=2))
    waiting = [asyncio.create_task(Client().through(door)) for _ in range(2)]
    await asyncio.sleep(0)
    assert (await Client().through(door))[0] == 503
    run.may_answer.set()
    assert [status for status, _ in await asyncio.gather(*waiting)] == [200, 200]
    assert (await Client().through(door))[0] == 200


@pytest.mark.asyncio
async def test_a_client_that_goes_takes_its_request_back_and_frees_its_place() -> None:
    run = Run()
    run.may_answer.clear()
    door = ControlDoor(Controlled(TOKEN, run.carry), ControlBounds(at_once=1))
    client = Client()
    going = asyncio.create_task(door(client.scope, client.receive, client.send))
    while not run.asked:
        await asyncio.sleep(0)
    client.left.set()
    await going
    await asyncio.sleep(0)
    assert (run.cancelled, client.sent) == (1, [])
    run.may_answer.set()
    assert (await Client().through(door))[0] == 200


@given(st.lists(st.tuples(st.sampled_from([b"authorization", b"host"]), st.binary(max_size=40)), max_size=4))
def test_no_header_opens_the_door_but_the_token(headers: list[tuple[bytes, bytes]]) -> None:
    async def knock() -> int:
        run = Run()
        client = Client()
        client.scope["headers"] = headers
        status, _ = await client.through(ControlDoor(Controlled(TOKEN, run.carry)))
        return status

    assert asyncio.run(knock()) == 401
