"""Requests to `/control`, from the process that has the HTTP port to the one that has the world, and answers back.

Over a socket of their own, so that a long answer delays nothing else and nobody waits for a slow client: each frame is
a line of JSON, which says how many bytes of body follow. A request has a number, by which its answer is found; one
whose client has gone is taken back with a frame of its own. How many there are at once is bounded at the door
(`gateway/web/control.py`).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from jinqiao.gateway.controlled import ControlAnswer, ControlRequest, not_there

__all__ = ["RelayedFrom", "RelayedTo", "control_socket"]

#: A head: method, path and query of a request, which the HTTP port has bounded.
_LINE_LIMIT = 1 << 20
#: Answers that are under way at the end are waited for so long.
_LAST_WORDS_S = 1.0

Answer = Callable[[ControlRequest], Awaitable[ControlAnswer]]


def control_socket(descriptor: str) -> socket.socket:
    """The gateway process's end, which it inherits under this number."""
    return socket.socket(fileno=int(descriptor))


class RelayedTo:
    """The end that asks: `carry` gives a request to the other process and returns its answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[ControlAnswer]] = {}
        self._ended = False
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, end: socket.socket) -> RelayedTo:
        return cls(*await asyncio.open_connection(sock=end, limit=_LINE_LIMIT))

    async def carry(self, request: ControlRequest) -> ControlAnswer:
        """The answer; one that says so when the run has ended. Cancelled, it takes the request back."""
        if self._ended:
            return not_there()
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            head = {"number": number, "method": request.method, "path": request.path, "query": request.query}
            self._writer.write(_frame(head, request.body))
            with suppress(ConnectionError):  # the reader hears of it, too
                await self._writer.drain()
            answered: ControlAnswer = await answer
            return answered
        except asyncio.CancelledError:
            if not self._ended:
                self._writer.write(_frame({"number": number, "gone": True}))
            raise
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        """End; what still waits is answered that the run has ended."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._writer.close()

    async def _read(self) -> None:
        try:
            while (frame := await _read_frame(self._reader)) is not None:
                head, body = frame
                answer = self._waiting.pop(head["number"], None)
                if answer is not None and not answer.done():
                    answer.set_result(ControlAnswer(head["status"], body, head["allow"]))
        finally:
            self._ended = True
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_result(not_there())


class RelayedFrom:
    """The end that answers: each request is a task of its own, cancelled when its client has gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> None:
        self._reader, self._writer, self._answer = reader, writer, answer
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, end: socket.socket, answer: Answer) -> RelayedFrom:
        reader, writer = await asyncio.open_connection(sock=end, limit=_LINE_LIMIT)
        return cls(reader, writer, answer)

    async def close(self) -> None:
        """Take nothing more; what is about to be answered still is."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=_LAST_WORDS_S)
        left = list(self._tasks.values())
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _read(self) -> None:
        while (frame := await _read_frame(self._reader)) is not None:
            head, body = frame
            number: int = head["number"]
            if "gone" in head:
                if (task := self._tasks.get(number)) is not None:
                    task.cancel()
                continue
            request = ControlRequest(head["method"], head["path"], head["query"], body)
            self._tasks[number] = asyncio.create_task(self._take(number, request))

    async def _take(self, number: int, request: ControlRequest) -> None:
        try:
            await self._reply(number, await self._answer(request))
        finally:
            del self._tasks[number]

    async def _reply(self, number: int, answer: ControlAnswer) -> None:
        head = {"number": number, "status": answer.status, "allow": answer.allow}
        self._writer.write(_frame(head, answer.body))
        with suppress(ConnectionError):
            await self._writer.drain()


def _frame(head: dict[str, Any], body: bytes = b"") -> bytes:
    return json.dumps(head | {"bytes": len(body)}).encode() + b"\n" + body


async def _read_frame(reader: asyncio.StreamReader) -> tuple[dict[str, Any], bytes] | None:
    """Head and body of the next frame; None at the end."""
    try:
        line = await reader.readline()
        if not line.endswith(b"\n"):
            return None
        head: dict[str, Any] = json.loads(line)
        return head, await reader.readexactly(head["bytes"])
    except (ConnectionError, asyncio.IncompleteReadError):
        return None
