"""Mutated conversations against the AMQP server in memory: nothing breaks, nothing stays behind, nobody else notices.

`JINQIAO_FUZZ=1000000` sets how many frames are mutated; a failure names the seed of its conversation.
"""

from __future__ import annotations

import gc
import os
import random
from typing import Any

from jinqiao.gateway.amqp.connection import Connection
from jinqiao.gateway.forwarding.group import Group
from jinqiao.wire.amqp.frames import AMQP_HEADER, SASL_HEADER, Frame, FrameType, encode_frame
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
    Received,
    Rejected,
    Released,
    Source,
    Target,
    Transfer,
)
from jinqiao.wire.amqp.sasl import SaslInit
from support.amqp_peer import AmqpHouse, AmqpPeer, credentials, forwarded

FRAMES = int(os.environ.get("JINQIAO_FUZZ", "10000"))
#: Octets that mean something somewhere: lengths, type codes, descriptors, ends of ranges.
TELLING = (0x00, 0x01, 0x02, 0x40, 0x41, 0x43, 0x45, 0x53, 0x70, 0x7F, 0x80, 0xA3, 0xC0, 0xC1, 0xD0, 0xE0, 0xF0, 0xFF)
#: Numbers at which counters of 32 bits turn, and small ones.
NUMBERS = (0, 1, 2, 7, 100, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF)
OUTCOMES = (Accepted(), Rejected(), Released(), Modified(True), Modified(False, True), Received(0, 0), None)


def hello() -> list[bytes]:
    """What a consumer says until it has credit, one item a step."""
    plain = credentials(client_id="stranger")
    init = SaslInit("PLAIN", f"\0{plain.user_name}\0{plain.password}".encode())
    said: list[Any] = [
        Open("c", "localhost", 512, idle_time_out=60_000),
        Begin(None, 0, 100, 100),
        Attach("r", 0, RECEIVER, source=Source(None), target=Target(None)),
        Flow(0, 100, 0, 100, 0, 0, 10),
    ]
    frames = [encode_frame(Frame(0, each)) for each in said]
    return [SASL_HEADER, encode_frame(Frame(0, init, type=FrameType.SASL)), AMQP_HEADER, *frames]


HELLO = hello()


def any_frame(chance: random.Random) -> bytes:
    """A frame that a consumer may send, with any numbers."""
    number = lambda: chance.choice(NUMBERS)  # noqa: E731
    handle, flag = chance.choice((0, 0, 0, 1)), chance.random() < 0.5
    said: Any = chance.choice(
        (
            lambda: Disposition(RECEIVER, number(), chance.choice((None, number())), flag, chance.choice(OUTCOMES)),
            lambda: Disposition(RECEIVER, chance.randrange(9), chance.randrange(9), flag, chance.choice(OUTCOMES)),
            lambda: Flow(number(), number(), 0, 9, handle, number(), number(), None, flag, chance.random() < 0.5),
            lambda: Flow(0, 100, 0, 9, handle, 0, 100, None, flag, flag),
            lambda: Detach(handle, flag),
            lambda: Attach("r", handle, chance.choice((RECEIVER, SENDER)), chance.randrange(3)),
            lambda: Begin(None, number(), number(), number()),
            End,
            Close,
            lambda: Transfer(handle, number(), b"t"),
            lambda: None,
        )
    )()
    return encode_frame(Frame(chance.choice((0, 0, 0, 1, 9)), said))


def mutated(octets: bytes, chance: random.Random) -> bytes:
    """The same with an octet changed, left out or put in, cut off, or said twice; often as it is."""
    at = chance.randrange(len(octets))
    match chance.randrange(12):
        case 0:
            return octets[:at] + bytes((chance.choice(TELLING),)) + octets[at + 1 :]
        case 1:
            return octets[:at] + bytes((chance.randrange(256),)) + octets[at + 1 :]
        case 2:
            return octets[:at] + octets[at + 1 :]
        case 3:
            return octets[:at] + chance.randbytes(chance.randrange(9)) + octets[at:]
        case 4:
            return octets[:at]
        case 5:
            return octets * 2
        case 6:
            return chance.randbytes(chance.randrange(1, 64))
        case _:
            return octets


class Stranger:
    """A connection that is told what a fuzzer makes up; nobody reads what it is answered, but it is counted."""

    def __init__(self, house: AmqpHouse, seed: int) -> None:
        self.house, self.chance = house, random.Random(seed)
        self.octets = self.frames = 0
        self.ended = False
        self.connection = Connection(house, self._wrote, "10.9.8.7:6", house.world.time_s)

    def _wrote(self, octets: bytes | memoryview) -> None:
        assert len(octets)
        self.octets += len(octets)

    def live(self) -> None:
        """To the end of its conversation."""
        # Most begin as they should, or nobody would come far.
        wrong_at = self.chance.choice((99, 99, 99, *range(len(HELLO))))
        for index, octets in enumerate(HELLO):
            self._send(mutated(octets, self.chance) if index >= wrong_at else octets)
        for _ in range(40):
            if self.connection.closed:
                break
            self._send(mutated(any_frame(self.chance), self.chance))
        self.ended = self.connection.closed
        self.connection.lost()
        self.house.world.turn()

    def _send(self, octets: bytes) -> None:
        self.frames += 1
        cut = self.chance.randrange(len(octets) + 1)
        for part in (octets[:cut], octets[cut:]):
            self.connection.receive(part, self.house.world.time_s)
        self.house.world.turn()
        if self.chance.random() < 0.02:
            self.connection.writable(self.chance.random() < 0.5)
        if self.chance.random() < 0.02:
            self.connection.tick(self.house.world.time_s)


def test_strangers_break_nothing_and_a_consumer_of_another_group_gets_all_its_messages() -> None:
    house = AmqpHouse()
    mine, theirs = Group("mine", house.world.clock), house.groups["g1"]
    house.groups["mine"] = mine
    me = AmqpPeer(house)
    me.login(credentials(group="mine"))
    me.send(AMQP_HEADER)
    me.say(Open("c", "localhost", idle_time_out=60_000))
    me.attach(credit=1_000_000)
    frames = seed = number = 0
    come: set[bytes] = set()
    objects: list[int] = []
    ended = delivered = 0
    while frames < FRAMES:
        theirs.put(forwarded(*(b"x" * (number % 700) for number in range(5))))
        mine.put(forwarded(b"m%d" % seed))
        stranger = Stranger(house, seed)
        try:
            stranger.live()
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
        ended += stranger.ended
        delivered += stranger.octets > 1_000
        frames += stranger.frames
        assert stranger.octets < 1 << 20, f"seed {seed}"
        assert len(stranger.connection._reader._octets) <= house.bounds.frame_bytes + 512, f"seed {seed}"
        assert theirs.status().clients == (), f"seed {seed}"
        for number, message in me.messages():
            come.add(message.body)
            me.settle(number)
        seed += 1
        if seed % 20 == 0:
            house.world.time_s += 0.1
            me.octets.clear()
            me.connection.tick(house.world.time_s)
        if theirs.accumulated > 1_000:
            theirs.clear()
            house.world.turn()
        assert not me.closed
        if len(objects) < 2 and frames >= FRAMES // 4 * (1 + 2 * len(objects)):  # at a quarter, and at three
            theirs.clear()
            gc.collect()
            objects.append(len(gc.get_objects()))
    assert come == {b"m%d" % each for each in range(seed)}
    assert mine.accumulated == 0
    assert ended > seed // 2, "conversations go on, whatever is said"
    assert delivered > seed // 5, "few conversations come as far as messages"
    assert objects[1] < objects[0] + 2_000, "something stays behind"
