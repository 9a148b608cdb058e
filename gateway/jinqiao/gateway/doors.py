"""Sockets of all doors together: how many may be open, how many from one address, and who is let in.

Each door (MQTT, HTTP, GB/T 32960) has a limit of its own, and all share what files the system allows this process. A
connection takes a `Seat` when it is accepted, before anything is read of it, a TLS handshake included.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections import defaultdict
from collections.abc import Callable

from jinqiao.base.errors import EnvironmentFault

__all__ = ["HANDSHAKE_S", "Door", "Doors", "Gate", "NoSeat", "Seat", "is_local", "listening_sockets"]

#: Time for a TLS handshake; loops allow a minute.
HANDSHAKE_S = 10.0
#: Accepted in one turn of the event loop, which has others to serve; and the pause when the system has no file left.
_AT_ONCE, _NO_FILE_S = 64, 0.1
_NO_FILE = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class NoSeat(Exception):
    """A connection is turned away; the text is the limit's name."""


class Doors:
    """What all doors have in common: `sockets` that may be open at once, `per_address` those of one address.

    This machine's own addresses are not counted: the user sits there.
    """

    def __init__(self, sockets: int | None = None, per_address: int | None = None) -> None:
        self.sockets, self.per_address = sockets, per_address
        self.taken = 0
        self.addresses: defaultdict[str, int] = defaultdict(int)

    def door(self, most: int, share: float = 1.0) -> Door:
        """One more door, for so many connections and no more than this share of all sockets."""
        if self.sockets is not None:
            most = max(min(most, int(self.sockets * share)), 1)
        return Door(self, most)


class Door:
    """One of the ways in."""

    __slots__ = ("doors", "most", "taken")

    def __init__(self, doors: Doors, most: int) -> None:
        self.doors, self.most = doors, most
        self.taken = 0

    def enter(self, address: str) -> Seat:
        """A connection from this address has come; raises NoSeat."""
        doors = self.doors
        self.check_room()
        if doors.sockets is not None and doors.taken >= doors.sockets:
            raise NoSeat("open_files")
        counted = "" if is_local(address) else address
        if counted and doors.per_address is not None and doors.addresses[counted] >= doors.per_address:
            raise NoSeat("connections_per_address")
        if counted:
            doors.addresses[counted] += 1
        doors.taken += 1
        self.taken += 1
        return Seat(self, counted)

    def check_room(self) -> None:
        """Raise NoSeat if this door has let in all that it may."""
        if self.taken >= self.most:
            raise NoSeat("connections")


class Seat:
    """One open connection; `leave` it once it is closed."""

    __slots__ = ("_address", "_door")

    def __init__(self, door: Door, address: str) -> None:
        self._door: Door | None = door
        self._address = address

    def move(self, door: Door) -> None:
        """From now on the connection counts at another door; raises NoSeat if there is no room."""
        if self._door is None:
            return
        door.check_room()
        self._door.taken -= 1
        door.taken += 1
        self._door = door

    def leave(self) -> None:
        """The connection is gone; may be called more than once."""
        door, self._door = self._door, None
        if door is None:
            return
        door.taken -= 1
        door.doors.taken -= 1
        addresses = door.doors.addresses
        if self._address:
            addresses[self._address] -= 1
            if not addresses[self._address]:
                del addresses[self._address]


class Gate:
    """Accepts from one listening socket, which it owns: each client with a seat becomes a connection made by `make`.

    `make` gets the seat and leaves it when the connection is lost; `turned_away` is called for the others.
    """

    def __init__(
        self,
        listening: socket.socket,
        door: Door,
        make: Callable[[Seat], asyncio.BaseProtocol],
        turned_away: Callable[[str, str], object],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        listening.setblocking(False)
        self._listening, self._door, self._make, self._turned_away = listening, door, make, turned_away
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None
        #: Connections on their way in: with TLS, their handshakes.
        self._arriving: set[asyncio.Task[None]] = set()
        self._open()

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    def close(self) -> None:
        """Accept no more, and end the handshakes."""
        if self._pause is not None:
            self._pause.cancel()
        if self._listening.fileno() >= 0:
            self._loop.remove_reader(self._listening.fileno())
            self._listening.close()
        for task in self._arriving:
            task.cancel()

    async def wait_closed(self) -> None:
        await asyncio.gather(*self._arriving, return_exceptions=True)

    def _open(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listening.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _NO_FILE:
                    raise
                self._loop.remove_reader(self._listening.fileno())
                self._pause = self._loop.call_later(_NO_FILE_S, self._open)
                return
            connection.setblocking(False)
            peer = str(address[0])
            try:
                seat = self._door.enter(peer)
            except NoSeat as reason:
                connection.close()
                self._turned_away(str(reason), f"{peer}:{address[1]}")
                continue
            task = self._loop.create_task(self._admit(connection, seat))
            self._arriving.add(task)
            task.add_done_callback(self._arriving.discard)

    async def _admit(self, connection: socket.socket, seat: Seat) -> None:
        within_s = HANDSHAKE_S if self._tls is not None else None
        try:
            await self._loop.connect_accepted_socket(
                lambda: self._make(seat), connection, ssl=self._tls, ssl_handshake_timeout=within_s
            )
        except OSError:  # the handshake failed, or took too long
            seat.leave()
        except BaseException:
            seat.leave()
            raise


def listening_sockets(host: str, port: int, backlog: int) -> list[socket.socket]:
    """A socket for each address of a host, all on one port (0: any free one); raises EnvironmentFault."""
    found: list[socket.socket] = []
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in dict.fromkeys(infos):
            wanted = (address[0], found[0].getsockname()[1] if found else port)
            found.append(socket.create_server(wanted, family=family, backlog=backlog))
    except OSError as error:
        for each in found:
            each.close()
        raise EnvironmentFault(f"cannot listen on {host} port {port}: {error.strerror or error}") from error
    return found


def is_local(address: str) -> bool:
    """Whether a client with this address is on this machine."""
    return not address or address == "::1" or address.startswith(("127.", "::ffff:127."))
