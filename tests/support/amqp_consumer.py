"""An AMQP 1.0 consumer in a thread, as the platform's customers have one; it may be told to be slow, or to vanish."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from jinqiao.sandbox.bench.amqp_reader import credentials
from jinqiao.wire.amqp.frames import AMQP_HEADER, SASL_HEADER, Frame, FrameReader, FrameType, encode_frame
from jinqiao.wire.amqp.message import ForwardedMessage, decode_message
from jinqiao.wire.amqp.performatives import (
    RECEIVER,
    Accepted,
    Attach,
    Begin,
    Disposition,
    Flow,
    Open,
    Source,
    Target,
    Transfer,
)
from jinqiao.wire.amqp.sasl import SaslInit, SaslOutcome

__all__ = ["Consumer"]

_MOST = 1 << 20


class Consumer:
    """Takes messages of a group until its connection ends, `credit` on their way at a time.

    `comes` is called with each; the last `behind` of them are not accepted.
    """

    def __init__(
        self,
        port: int,
        key: tuple[str, str],
        comes: Callable[[ForwardedMessage], object],
        *,
        group: str = "DEFAULT_GROUP",
        credit: int = 50,
        behind: int = 0,
    ) -> None:
        self._comes, self._credit, self._behind = comes, credit, behind
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._frames = FrameReader(_MOST)
        self._count = 0
        self._accepted = 0
        self._login(*credentials(group, *key))
        self._thread = threading.Thread(target=self._take)
        self._thread.start()

    def vanish(self) -> None:
        """Be gone without a word, as a process that is killed."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self.wait()

    def wait(self) -> None:
        """Until its connection has ended."""
        self._thread.join(20)
        assert not self._thread.is_alive()
        self._socket.close()

    def _login(self, user: str, password: str) -> None:
        init = SaslInit("PLAIN", f"\0{user}\0{password}".encode())
        self._socket.sendall(SASL_HEADER + encode_frame(Frame(0, init, type=FrameType.SASL)))
        assert self._header() == SASL_HEADER
        outcome = None
        while not isinstance(outcome, SaslOutcome):
            outcome = self._next().performative
        assert outcome.code == 0
        self._socket.sendall(AMQP_HEADER)
        self._say(Open("test", "localhost", _MOST, 0, 60_000))
        self._say(Begin(None, 0, 1 << 20, 1 << 20))
        self._say(Attach("test", 0, RECEIVER, source=Source(None), target=Target(None)))
        assert self._header() == AMQP_HEADER
        while not isinstance(self._next().performative, Attach):
            pass
        self._grant()

    def _take(self) -> None:
        with suppress(OSError, EOFError):
            while True:
                frame = self._next()
                found = frame.performative
                if isinstance(found, Transfer):
                    self._count += 1
                    self._comes(decode_message(frame.payload))
                    self._accept(found)

    def _accept(self, last: Transfer) -> None:
        number = last.delivery_id
        assert number is not None
        if number - self._behind >= self._accepted:
            self._say(Disposition(RECEIVER, self._accepted, number - self._behind, True, Accepted()))
            self._accepted = number - self._behind + 1
        if self._count % (self._credit // 2) == 0:
            self._grant()

    def _grant(self) -> None:
        self._say(Flow(self._count, 1 << 20, 0, 1 << 20, 0, self._count, self._credit))

    def _say(self, performative: Any) -> None:
        self._socket.sendall(encode_frame(Frame(0, performative)))

    def _header(self) -> bytes:
        while (found := self._frames.header()) is None:
            self._read()
        return found

    def _next(self) -> Frame:
        while (found := self._frames.next()) is None:
            self._read()
        return found

    def _read(self) -> None:
        data = self._socket.recv(1 << 16)
        if not data:
            raise EOFError
        self._frames.feed(data)
