"""The control unit that answers a tester: frames in, frames out (ISO 15765-4 addresses, 11 bits)."""

from __future__ import annotations

from collections.abc import Iterable

from . import obd
from .car import DiagnosedCar
from .isotp import MOST_BYTES, IsoTp
from .uds import answer_uds

__all__ = ["ALL_UNITS", "REPLY", "REQUEST", "DiagnosticUnit", "answer"]

#: Requests to all units, requests to this one, and its replies.
ALL_UNITS, REQUEST, REPLY = 0x7DF, 0x7E0, 0x7E8
#: Services below are OBD's, from here on UDS's.
FIRST_UDS = 0x10
#: A response that would not fit: ISO 14229-1, responseTooLong.
TOO_LONG = 0x14
NEGATIVE = 0x7F

Frame = tuple[int, bytes]


def answer(car: DiagnosedCar, request: bytes, *, to_all: bool = False) -> bytes | None:
    """The response to one whole request, or None for silence."""
    if not request:
        return None
    if request[0] in obd.SERVICES:
        return obd.SERVICES[request[0]](car, request[1:])
    if request[0] < FIRST_UDS and to_all:
        return None
    response = answer_uds(car, request, to_all=to_all)
    if response is not None and len(response) > MOST_BYTES:
        return bytes((NEGATIVE, request[0], TOO_LONG))
    return response


class DiagnosticUnit:
    """One car's unit with its links to one tester; keeps what of a long reply has not been asked for yet.

    Each address is a link of its own (ISO 15765-2, 9.3: a message belongs to its N_AI): a tester present to all units
    does not end a long request to this one, as ISO 14229-1 has testers send it meanwhile. Replies have one address.
    """

    def __init__(self, car: DiagnosedCar) -> None:
        self._car = car
        self._link = IsoTp()
        self._links = {REQUEST: self._link, ALL_UNITS: IsoTp()}

    def take(self, frames: Iterable[Frame]) -> list[Frame]:
        """Replies to a tester's frames, in order. Other identifiers are nobody's business here."""
        replies: list[Frame] = []
        for identifier, data in frames:
            to_all = identifier == ALL_UNITS
            # A request to all is one frame: nobody could control the flow of many units at once.
            if (to_all and (not data or data[0] >> 4)) or identifier not in self._links:
                continue
            received = self._links[identifier].receive(data)
            replies += [(REPLY, frame) for frame in received.send]
            if received.message is not None:
                response = answer(self._car, received.message, to_all=to_all)
                if response is not None:
                    replies += [(REPLY, frame) for frame in self._link.send(response)]
        return replies
