"""GB/T 32960 over TCP in one loop: a terminal to talk with, and a platform that does what a test asks of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from jinqiao.wire.gbt32960.frame import Frame, encode_frame
from jinqiao.wire.gbt32960.reader import StreamReader

__all__ = ["FakePlatform", "Terminal"]


class Terminal:
    """One connection as a vehicle or another platform has it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer, self._frames = reader, writer, StreamReader()
        self._found: list[Frame] = []

    @classmethod
    async def connect(cls, port: int) -> Terminal:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, frame: Frame | bytes) -> Frame:
        """Send a frame, or any bytes; the next answer."""
        self.writer.write(frame if isinstance(frame, bytes) else encode_frame(frame))
        return await self.answer()

    async def answer(self) -> Frame:
        while not self._found:
            data = await asyncio.wait_for(self._reader.read(65_536), 5)
            if not data:
                raise ConnectionResetError("closed")
            self._found += [found.frame for found in self._frames.feed(data) if found.frame is not None]
        return self._found.pop(0)

    async def closed(self) -> bool:
        """Whether the other side ends the connection within a moment."""
        with suppress(ConnectionError):
            await asyncio.wait_for(self._reader.read(), 5)
        await self.close()
        return True

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@dataclass
class FakePlatform:
    """Takes frames and answers what `reply` says to each; None is no answer."""

    reply: Callable[[Frame], str | None] = lambda _: "ok"
    frames: list[Frame] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    port: int = 0
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Be away: refuse connections, end those there are."""
        assert self._server is not None
        self._server.close()
        for writer in list(self.writers):
            writer.transport.abort()
        while self.writers:
            await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        frames = StreamReader()
        try:
            while data := await reader.read(65_536):
                for found in frames.feed(data):
                    assert found.fault is None, found.fault
                    assert found.frame is not None
                    self.frames.append(found.frame)
                    reply = self.reply(found.frame)
                    if reply is not None:
                        writer.write(encode_frame(found.frame.answer(reply)))
        except ConnectionError:
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    def of(self, *commands: str) -> list[Frame]:
        return [frame for frame in self.frames if frame.command in commands]
