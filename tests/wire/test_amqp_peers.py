"""Frames as two clients write them, captured from consumers of `jinqiao serve`: qpid-proton 0.40.0 and rhea 3.0.5."""

from __future__ import annotations

from typing import Any

import pytest

from jinqiao.wire.amqp.acknowledgements import accepted_at
from jinqiao.wire.amqp.frames import Frame, FrameReader
from jinqiao.wire.amqp.performatives import RECEIVER, Accepted, Attach, Begin, Flow, Open, Source, Target

PROTON_ID, RHEA_ID = "914dac03-dd74-4821-81ba-8ca23eb257d8", "faec695d-456e-3440-9338-bbc498784828"
PROTON_LINK, RHEA_LINK = f"{PROTON_ID}-dc547d75-15c1-4b63-be59-e7d58dcb2d76", "e127e08f-4572-0741-be4e-ba958144f88e"

#: Octets, and what they mean.
SAID: dict[str, tuple[str, Any]] = {
    "proton's open": (
        "0000004c02000000 005310c03f05 a124" + PROTON_ID.encode().hex() + "a1093132372e302e302e31 7000008000 607fff"
        "7000007530",
        Open(PROTON_ID, "127.0.0.1", 32_768, 32_767, 30_000),
    ),
    "rhea's open": (
        "0000004202000000 005310d00000003200000005 a124" + RHEA_ID.encode().hex() + "404040 700000ea60",
        Open(RHEA_ID, idle_time_out=60_000),
    ),
    "proton's begin": (
        "0000001f02000000 005311c0120540 43 707fffffff 707fffffff 707fffffff",
        Begin(None, 0, 0x7FFF_FFFF, 0x7FFF_FFFF, 0x7FFF_FFFF),
    ),
    "rhea's begin": (
        "0000002002000000 005311d00000001000000004 40 43 7000000800 70ffffffff",
        Begin(None, 0, 2_048, 0xFFFF_FFFF),
    ),
    "proton's attach": (
        "0000007902000000 005312c06c0b a149" + PROTON_LINK.encode().hex() + "43 41 5002 5000"
        "005328c00605 40 43 40 43 42 005329c00605 40 43 40 43 42 40 40 43 44",
        Attach(PROTON_LINK, 0, RECEIVER, 2, 0, Source(), Target(), initial_delivery_count=0, max_message_size=0),
    ),
    "rhea's attach": (
        "0000004302000000 005312d00000003300000007 a124" + RHEA_LINK.encode().hex() + "43 41 40 40 40 005329 45",
        Attach(RHEA_LINK, 0, RECEIVER, target=Target()),
    ),
    "proton's flow": (
        "0000002002000000 005313c01309 40 707fffffff 43 707fffffff 43 43 5232 40 42",
        Flow(None, 0x7FFF_FFFF, 0, 0x7FFF_FFFF, 0, 0, 50),
    ),
    "rhea's flow": (
        "0000002602000000 005313d00000001600000007 520f 7000000800 43 70ffffffff 43 520f 5230",
        Flow(15, 2_048, 0, 0xFFFF_FFFF, 0, 15, 48),
    ),
}
#: Octets, and the first and last delivery id.
ACCEPTED: dict[str, tuple[str, tuple[int, int]]] = {
    "proton's acknowledgement": ("0000001602000000 005315c00905 41 43 40 41 00532445", (0, 0)),
    "proton's acknowledgement of several": ("0000001802000000 005315c00b05 41 5201 5202 41 00532445", (1, 2)),
    "rhea's acknowledgement": ("0000001c02000000 005315d00000000c00000005 41 43 43 41 00532445", (0, 0)),
    "rhea's next acknowledgement": ("0000001e02000000 005315d00000000e00000005 41 5201 5201 41 00532445", (1, 1)),
}


@pytest.mark.parametrize("what", SAID)
def test_what_clients_say_is_understood(what: str) -> None:
    octets, meant = SAID[what]
    reader = FrameReader(512)
    reader.feed(bytes.fromhex(octets))
    assert reader.next() == Frame(0, meant)
    assert reader.next() is None


@pytest.mark.parametrize("what", ACCEPTED)
def test_their_acknowledgements_are_read_at_a_glance(what: str) -> None:
    octets, (first, last) = bytes.fromhex(ACCEPTED[what][0]), ACCEPTED[what][1]
    assert accepted_at(octets, 0, 0) == (first, last, len(octets))
    reader = FrameReader(512)
    reader.feed(octets)
    frame = reader.next()
    assert frame is not None
    found = frame.performative
    assert (found.role, found.first, found.last or first, found.settled) == (RECEIVER, first, last, True)
    assert found.state == Accepted()
