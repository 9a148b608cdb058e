"""`jinqiao bench amqp`: its reader counts each message once and accepts each once, however the stream is cut."""

from __future__ import annotations

import json
import struct
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.sandbox.bench.amqp_reader import Reader, credentials
from jinqiao.wire.amqp.decoding import Decoder
from jinqiao.wire.amqp.encoding import encode_value
from jinqiao.wire.amqp.values import Described, Symbol, Ubyte, Uint, Ulong, Ushort
from support.programs import JINQIAO

SASL, AMQP = b"AMQP\3\1\0\0", b"AMQP\0\1\0\0"


def frame(descriptor: int, *fields: Any, payload: bytes = b"", kind: int = 0) -> bytes:
    body = encode_value(Described(Ulong(descriptor), fields)) + payload
    return struct.pack(">IBBH", 8 + len(body), 2, kind, 0) + body


def transfers(first: int, count: int) -> bytes:
    return b"".join(
        frame(0x14, Uint(0), Uint(number), b"tag", Uint(0), False, payload=b"\0\x53\x75\xa0\x01x" * (number % 3 + 1))
        for number in range(first, first + count)
    )


def hello(first: int) -> bytes:
    """What a server says until the receiver is attached; it counts transfers and deliveries from `first`."""
    return b"".join(
        (
            SASL,
            frame(0x40, Symbol("PLAIN"), kind=1),
            frame(0x44, Ubyte(0), kind=1),
            AMQP,
            frame(0x10, "server"),
            frame(0x11, Ushort(0), Uint(first), Uint(10), Uint(10)),
            frame(0x12, "bench", Uint(0), False, None, None, None, None, None, None, Uint(first)),
        )
    )


def said(octets: bytes) -> list[tuple[int, tuple[Any, ...]]]:
    """Descriptor and fields of each frame."""
    found, at = [], 0
    while at < len(octets):
        if octets.startswith(b"AMQP", at):
            at += 8
            continue
        (size,) = struct.unpack_from(">I", octets, at)
        value = Decoder(octets[at + 8 : at + size]).value()
        assert isinstance(value, Described)
        assert isinstance(value.value, tuple)
        found.append((int(value.descriptor), value.value))  # type: ignore[arg-type]
        at += size
    return found


@given(st.integers(0, 40), st.integers(0, 5), st.lists(st.integers(1, 60), min_size=1, max_size=20))
def test_each_message_is_counted_and_accepted_once_however_the_stream_is_cut(
    count: int, first: int, cuts: list[int]
) -> None:
    reader = Reader("user", "password", 10)
    stream = hello(first) + frame(0x13, Uint(0)) + transfers(first, count)
    answers, at, turn = reader.begin(), 0, 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        answers += reader.feed(stream[at : at + size])
        at, turn = at + size, turn + 1
    assert reader.ready
    assert reader.received == count
    frames = said(answers)
    assert [descriptor for descriptor, _ in frames[:4]] == [0x41, 0x10, 0x11, 0x12]
    accepted = [range(fields[1], fields[2] + 1) for descriptor, fields in frames if descriptor == 0x15]
    # The first range begins at 0: what was never sent is ignored.
    assert [number for numbers in accepted for number in numbers] == (list(range(first + count)) if count else [])
    flows = [fields for descriptor, fields in frames if descriptor == 0x13]
    granted = max((fields[5] + fields[6] for fields in flows), default=0)
    assert granted >= first + count + 5 or count < 5


def test_a_refused_login_and_an_end_are_said() -> None:
    reader = Reader("user", "password", 10)
    with pytest.raises(ConnectionError, match="refused: 1"):
        reader.feed(SASL + frame(0x44, Ubyte(1), kind=1))
    reader = Reader("user", "password", 10)
    reader.feed(hello(0))
    with pytest.raises(ConnectionError, match="ends it"):
        reader.feed(frame(0x18))
    with pytest.raises(ConnectionError, match="begins with"):
        Reader("user", "password", 10).feed(b"HTTP/1.1 400 Bad Request")


def test_credentials_are_the_platforms() -> None:
    user, password = credentials("g1", "testid", "secret", "client-1")
    assert user.startswith("client-1|authMode=aksign,signMethod=hmacsha1,timestamp=")
    assert user.endswith(",authId=testid,iotInstanceId=,consumerGroupId=g1|")
    assert len(password) == 28


@pytest.mark.program
def test_every_message_reaches_the_reader_and_the_peers_that_are_there() -> None:
    asked = [*JINQIAO, "bench", "amqp", "--vehicles", "100", "--seconds", "0.3", "--json"]
    found = json.loads(subprocess.run(asked, capture_output=True, text=True, timeout=120, check=True).stdout)
    for name in ("rendered", "ready", "rhea", "qpid_proton"):
        if "missing" in found[name]:
            assert name in {"rhea", "qpid_proton"}
            continue
        assert found[name]["messages"] > 100
        assert found[name]["all_delivered"]
        assert 1_000 < found[name]["bytes_per_message"] < 2_000
