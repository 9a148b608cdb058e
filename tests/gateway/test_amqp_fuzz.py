"""Frames with errors in them, from strangers and from consumers: they cost their connection, and nobody else's."""

from __future__ import annotations

import random

import pytest

from jinqiao.wire.amqp.frames import AMQP_HEADER, SASL_HEADER, Frame, encode_frame
from jinqiao.wire.amqp.performatives import (
    RECEIVER,
    SENDER,
    Accepted,
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Flow,
    Modified,
    Open,
    Rejected,
    Released,
    Source,
    Target,
    Transfer,
)
from jinqiao.wire.amqp.sasl import SaslInit, SaslResponse
from jinqiao.wire.amqp.values import Map, Symbol, Uint
from support.amqp_peer import AmqpHouse, AmqpPeer, forwarded

_SAID = [
    Open("c", "h", 1_000, 5, 60_000, properties=Map(((Symbol("product"), "x"), (Symbol("n"), Uint(3))))),
    Begin(None, 0, 100, 100),
    Attach("r", 0, RECEIVER, source=Source("x", filter=Map(((Symbol("f"), "x"),))), target=Target()),
    Attach("s", 1, SENDER, source=Source(), target=Target("x"), initial_delivery_count=0),
    Flow(0, 1_000, 0, 100, 0, 0, 100),
    Flow(None, 5, 0, 100, echo=True, drain=True),
    Transfer(0, 0, b"t", 0, False),
    Disposition(RECEIVER, 0, 50, True, Accepted()),
    Disposition(RECEIVER, 3, None, False, Modified(True, True)),
    Disposition(RECEIVER, 0, 0xFFFF_FFFF, True, Released()),
    Disposition(RECEIVER, 7, 9, True, Rejected()),
    Detach(0, True),
    End(),
    Close(),
    SaslInit("PLAIN", b"\0u\0p"),
    SaslResponse(b"x"),
    None,
]
_FRAMES = [encode_frame(Frame(channel, said)) for said in _SAID for channel in (0, 0, 0, 1)]


def mutated(draws: random.Random) -> bytes:
    """A frame with a few octets changed, put in, or taken out; often its length is right all the same."""
    octets = bytearray(draws.choice(_FRAMES))
    for _ in range(draws.choice((0, 1, 1, 2, 5))):
        if len(octets) < 8:
            break
        at = draws.randrange(4, len(octets))
        match draws.randrange(4):
            case 0:
                octets[at] = draws.randrange(256)
            case 1:
                octets[at] ^= 1 << draws.randrange(8)
            case 2:
                octets[at:at] = draws.randbytes(draws.randrange(1, 6))
            case _:
                del octets[at : at + draws.randrange(1, 6)]
    if draws.random() < 0.9:
        octets[:4] = len(octets).to_bytes(4, "big")
    return bytes(octets)


def fuzz(frames: int, seed: int) -> None:
    """So many frames over many connections, beside a consumer that gets every message of its group."""
    draws, house = random.Random(seed), AmqpHouse(frames_per_s=1 << 30, flows_per_s=1 << 30)
    group = house.groups["g1"]
    other_house = AmqpHouse()
    other = AmqpPeer(other_house)
    other.open()
    other.attach(credit=1_000_000, window=1_000_000)
    sent = came = left = 0
    largest = 0
    while left < frames:
        peer = AmqpPeer(house)
        match draws.randrange(8):
            case 0:
                peer.send(SASL_HEADER)
            case 1:
                peer.login()
            case 2:
                peer.login()
                peer.send(AMQP_HEADER)
            case 3:
                peer.open()
            case _:
                peer.open()
                peer.attach(credit=draws.randrange(100))
        for _ in range(100):
            if peer.closed:
                break
            count = draws.randrange(1, 20)
            peer.send(b"".join(mutated(draws) for _ in range(count)))
            left += count
            peer.pass_s(draws.random() < 0.05)
        largest = max(largest, len(peer.octets))
        peer.connection.lost()
        assert group.status().clients == ()
        group.put(forwarded(b"x"))
        house.world.turn()
        if group.accumulated > 200:
            group.clear()
        other_house.groups["g1"].put(forwarded(b"%d" % sent))
        sent += 1
        other_house.world.turn()
        ((number, message),) = other.messages()
        assert (number, message.body) == (came, b"%d" % came)
        came += 1
        other.settle(number)
    assert other_house.groups["g1"].accumulated == 0
    assert largest < 1 << 20
    # The house that was fuzzed works on.
    group.clear()
    peer = AmqpPeer(house)
    peer.open()
    peer.attach(credit=1)
    group.put(forwarded(b"after all"))
    house.world.turn()
    assert peer.bodies() == [b"after all"]


def test_frames_with_errors_disturb_nobody() -> None:
    fuzz(10_000, 1)


@pytest.mark.long
@pytest.mark.parametrize("seed", [2, 3])
def test_many_frames_with_errors_disturb_nobody(seed: int) -> None:
    fuzz(50_000, seed)
