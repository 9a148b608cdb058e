"""The wire under the simulator's connection: a bare socket that a thread writes to, or TLS on the event loop.

One TLS state cannot be read and written by two threads at once, so with TLS the event loop does both.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import Protocol

from jinqiao.base.errors import EnvironmentFault

from .sender import Sender

__all__ = ["Wire", "open_wire"]

_READ = 1 << 16
_SEND_BUFFER = 1 << 20
#: What may wait unsent on a TLS connection, as much as `sender` lets wait.
_QUEUE_BYTES = 32 << 20
_CLOSE_S = 1.0


class Wire(Protocol):
    """Bytes out and in. All functions raise OSError once the connection is lost."""

    async def send(self, data: bytes) -> None:
        """Send all of this; waits while too much is queued."""

    async def read(self) -> bytes:
        """What comes next, at least a byte; b"" at the end."""

    async def close(self, last_words: bytes) -> None:
        """End, with these bytes if the connection still takes them; what is queued is not waited for."""


async def open_wire(host: str, port: int, tls: ssl.SSLContext | None) -> Wire:
    """Connect; raises OSError, and EnvironmentFault for a host nobody knows."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise EnvironmentFault(f"cannot resolve the broker's host {host!r}: {error.strerror}") from error
    family, _, _, _, address = found[0]
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        await loop.sock_connect(connection, address)
        if tls is None:
            return _Plain(connection)
        reader, writer = await asyncio.open_connection(sock=connection, ssl=tls, server_hostname=host)
    except BaseException:
        connection.close()
        raise
    writer.transport.set_write_buffer_limits(_QUEUE_BYTES)
    return _Secured(reader, writer)


class _Plain:
    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._loop = asyncio.get_running_loop()
        self._sender = Sender(connection)

    async def send(self, data: bytes) -> None:
        await self._sender.send(data)

    async def read(self) -> bytes:
        return await self._loop.sock_recv(self._socket, _READ)

    async def close(self, last_words: bytes) -> None:
        await self._sender.close()
        with suppress(OSError, TimeoutError):
            await asyncio.wait_for(self._loop.sock_sendall(self._socket, last_words), _CLOSE_S)
        self._socket.close()


class _Secured:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def read(self) -> bytes:
        return await self._reader.read(_READ)

    async def close(self, last_words: bytes) -> None:
        self._writer.write(last_words)
        self._writer.close()
        with suppress(OSError, TimeoutError):
            await asyncio.wait_for(self._writer.wait_closed(), _CLOSE_S)
        self._writer.transport.abort()
