"""An AMQP 1.0 consumer in a process of its own that takes what it is sent as fast as Python can, and accepts it.

    python -m jinqiao.sandbox.bench.amqp_reader PORT GROUP KEY SECRET CREDIT

Prints `{"ready": true}` once it may be sent messages; when its standard input ends, waits until nothing more comes and
prints `{"received", "bytes", "cpu_s", "receiving_s"}`. It logs in as the platform's consumers do (aksign), opens one
receiver with a null source, keeps CREDIT messages of credit, and accepts what a read of the socket brought in one
disposition. Messages are counted and left as they are.
"""

from __future__ import annotations

import base64
import hmac
import json
import select
import socket
import struct
import sys
import time
from typing import Any

from jinqiao.wire.amqp.decoding import Decoder
from jinqiao.wire.amqp.encoding import encode_value
from jinqiao.wire.amqp.values import Described, Symbol, Uint, Ulong, Ushort, Value

__all__ = ["Reader", "credentials", "main"]

_READ = 1 << 20
_QUIET_S = 1.5
_SASL_HEADER, _HEADER = b"AMQP\3\1\0\0", b"AMQP\0\1\0\0"
#: Bytes of a frame that we take, and transfers that our session takes before it says that it takes more.
_MOST_FRAME, _WINDOW = 1 << 20, 1 << 30
#: Descriptors (AMQP 1.0 part 2 § 2.7, part 3 § 3.4.2 and 3.5, part 5 § 5.3.3).
_OPEN, _BEGIN, _ATTACH, _FLOW, _TRANSFER, _DISPOSITION = 0x10, 0x11, 0x12, 0x13, 0x14, 0x15
_DETACH, _END, _CLOSE = 0x16, 0x17, 0x18
_ACCEPTED, _SOURCE, _TARGET, _SASL_INIT, _SASL_OUTCOME = 0x24, 0x28, 0x29, 0x41, 0x44
#: Length of a frame, of its head in words, its type, its channel.
_HEAD = struct.Struct(">IBBH")


class Reader:
    """The consumer's end of one connection, sans-I/O: `feed` takes octets and returns what to send."""

    def __init__(self, user: str, password: str, credit: int) -> None:
        self.received = 0
        #: Whether the receiver is attached, so that messages may come.
        self.ready = False
        self._credit, self._left = credit, 0
        self._rest = b""
        #: The next delivery's number; what the server counts transfers and deliveries from.
        self._next_delivery = self._first_transfer = self._first_count = 0
        self._header = _SASL_HEADER
        response = f"\0{user}\0{password}".encode()
        self._hello = _SASL_HEADER + _frame(_SASL_INIT, Symbol("PLAIN"), response, type_=1)
        container, window = "bench", Uint(_WINDOW)
        self._rest_of_hello = (
            _HEADER
            + _frame(_OPEN, container, "localhost", Uint(_MOST_FRAME), Ushort(0), Uint(60_000))
            + _frame(_BEGIN, None, Uint(0), window, window)
            + _frame(_ATTACH, container, Uint(0), True, None, None, _described(_SOURCE), _described(_TARGET))
        )

    def begin(self) -> bytes:
        """What to send first."""
        return self._hello

    def feed(self, data: bytes) -> bytes:
        """Take the next piece of the stream; raises ConnectionError with what the server said against it."""
        if self._rest:
            data = self._rest + data
        at, end, out = 0, len(data), b""
        if self._header:
            if end < len(self._header):
                self._rest = data
                return b""
            if not data.startswith(self._header):
                raise ConnectionError(f"the server begins with {data[:8]!r}")
            at, self._header = len(self._header), b""
        count, last = self.received, -1
        unpack, head = _HEAD.unpack_from, _HEAD.size
        while at + head <= end:
            size, words, kind, _ = unpack(data, at)
            if at + size > end:
                break
            # A small number is 0x53 and an octet: all descriptors of performatives are.
            code = data[at + 4 * words + 2] if size > 4 * words else 0
            if code == _TRANSFER and not kind:
                count += 1
                last = at
            elif code:
                out += self._hear(code, data[at + 4 * words : at + size])
                if self._header:  # the next layer begins
                    at += size
                    self.received = count
                    self._rest = data[at:]
                    return out + (self.feed(b"") if self._rest else b"")
            at += size
        self._rest = data[at:]
        return out + (self._settle(data[last:at], count) if last >= 0 else b"")

    def _hear(self, code: int, body: bytes) -> bytes:
        if code == _SASL_OUTCOME:
            outcome = _fields(body)[0]
            if outcome:
                raise ConnectionError(f"the login is refused: {outcome!r}")
            self._header = _HEADER
            return self._rest_of_hello
        if code == _BEGIN:
            self._first_transfer = _number(_fields(body)[1])
        if code == _ATTACH:
            fields = _fields(body)
            self._first_count = _number(fields[9]) if len(fields) > 9 else 0
            self.ready = True
            self._left = self._credit
            return self._flow()
        if code in (_DETACH, _END, _CLOSE):
            raise ConnectionError(f"the server ends it: {_fields(body)}")
        return b""

    def _settle(self, frame: bytes, count: int) -> bytes:
        """Accept what came; `frame` is the last transfer."""
        came = count - self.received
        self.received = count
        delivery = _number(_fields(frame[4 * frame[4] :])[1])
        first, last = self._next_delivery, delivery
        self._next_delivery = last + 1
        accepted = _frame(_DISPOSITION, True, Uint(first), Uint(last), True, _described(_ACCEPTED))
        self._left -= came
        if self._left * 2 > self._credit:
            return accepted
        self._left = self._credit
        return accepted + self._flow()

    def _flow(self) -> bytes:
        window = Uint(_WINDOW)
        transfers, deliveries = Uint(self._first_transfer + self.received), Uint(self._first_count + self.received)
        return _frame(_FLOW, transfers, window, Uint(0), window, Uint(0), deliveries, Uint(self._left))


def credentials(group: str, key: str, secret: str, client_id: str = "bench") -> tuple[str, str]:
    """User name and password of a consumer (appendix A.8 of the reference)."""
    now = str(int(time.time() * 1000))
    user = (
        f"{client_id}|authMode=aksign,signMethod=hmacsha1,timestamp={now},authId={key},iotInstanceId=,"
        f"consumerGroupId={group}|"
    )
    signed = hmac.digest(secret.encode(), f"authId={key}&timestamp={now}".encode(), "sha1")
    return user, base64.b64encode(signed).decode()


def main(arguments: list[str]) -> None:
    """Run until standard input ends and nothing more comes."""
    port, group, key, secret, credit = int(arguments[0]), *arguments[1:4], int(arguments[4])
    reader = Reader(*credentials(group, key, secret), credit)
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(reader.begin())
    while not reader.ready:
        data = connection.recv(_READ) or sys.exit("the server closed the connection")
        connection.sendall(reader.feed(data))
    print(json.dumps({"ready": True}), flush=True)
    cpu_before_s = time.process_time()
    total, first, last = 0, 0.0, 0.0
    watching: list[Any] = [connection, sys.stdin]
    while True:
        readable, _, _ = select.select(watching, [], [], None if len(watching) == 2 else _QUIET_S)
        if connection in readable:
            data = connection.recv(_READ)
            if not data:
                break
            before = reader.received
            connection.sendall(reader.feed(data))
            if reader.received > before:
                last = time.perf_counter()
                first = first or last
            total += len(data)
        elif not readable:
            break
        if sys.stdin in readable:
            watching = [connection]
    cpu_s = time.process_time() - cpu_before_s
    figures = {"received": reader.received, "bytes": total, "cpu_s": cpu_s, "receiving_s": last - first}
    print(json.dumps(figures), flush=True)


def _described(descriptor: int, *fields: Value) -> Described:
    return Described(Ulong(descriptor), tuple(fields))


def _frame(descriptor: int, *fields: Value, type_: int = 0) -> bytes:
    body = encode_value(_described(descriptor, *fields))
    return _HEAD.pack(_HEAD.size + len(body), 2, type_, 0) + body


def _fields(body: bytes) -> tuple[Value, ...]:
    value = Decoder(body).value()
    assert isinstance(value, Described)
    assert isinstance(value.value, tuple)
    return value.value


def _number(value: Value) -> int:
    assert isinstance(value, int)
    return value


if __name__ == "__main__":
    main(sys.argv[1:])
