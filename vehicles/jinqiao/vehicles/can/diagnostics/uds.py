"""UDS (ISO 14229-1): sessions, data by identifier, trouble codes, tester present, and negative responses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum

from .car import DiagnosedCar, NotMeasured, StoredCode, code_bytes, number

__all__ = ["DIDS", "SERVICES", "Negative", "Refused", "answer_uds"]


class Negative(IntEnum):
    """Response codes (ISO 14229-1, table A.1)."""

    SERVICE_NOT_SUPPORTED = 0x11
    SUB_FUNCTION_NOT_SUPPORTED = 0x12
    INCORRECT_LENGTH_OR_FORMAT = 0x13
    CONDITIONS_NOT_CORRECT = 0x22
    REQUEST_OUT_OF_RANGE = 0x31


#: To a request for all, a unit keeps silent with these (ISO 14229-1, 7.5.5).
SILENT_TO_ALL = frozenset(
    (Negative.SERVICE_NOT_SUPPORTED, Negative.SUB_FUNCTION_NOT_SUPPORTED, Negative.REQUEST_OUT_OF_RANGE)
)
NEGATIVE, POSITIVE = 0x7F, 0x40
#: Bit 7 of a sub-function: no positive response, please.
SUPPRESS = 0x80
#: P2 50 ms and P2* 5 s, in ms and tens of ms: what the session response promises.
TIMING = bytes.fromhex("003201F4")
SESSIONS = (0x01, 0x03)
#: Status bits of a code (ISO 14229-1, table D.1): failed now, pending, confirmed; and those this unit keeps.
TEST_FAILED, PENDING, CONFIRMED = 0x01, 0x04, 0x08
AVAILABLE = TEST_FAILED | PENDING | CONFIRMED
#: Format of the codes: ISO 15031-6 in two bytes, the third is the failure type; 0x00 says nothing more.
FORMAT_ISO_15031 = 0x00
NO_FAILURE_TYPE = b"\x00"
ALL_GROUPS = 0xFFFFFF
SOFTWARE = b"JQ-1.0"


class Refused(Exception):
    """A negative response."""

    def __init__(self, code: Negative) -> None:
        self.code = code
        super().__init__(code.name)


#: Data identifiers: F1xx are the standard's (annex C), the rest this car's own.
DIDS: Mapping[int, Callable[[DiagnosedCar], bytes]] = {
    0xF190: lambda car: car.vin.encode("ascii"),
    0xF18C: lambda car: car.vin[-8:].encode("ascii"),
    0xF195: lambda _: SOFTWARE,
    0x0100: lambda car: number(car.read("soc_displayed"), 0.1, 2),
    0x0101: lambda car: number(car.read("pack_voltage"), 0.1, 2),
    0x0102: lambda car: number(car.read("pack_current"), 0.1, 2, signed=True),
    0x0103: lambda car: number(car.read("pack_power"), 0.01, 4, signed=True),
    0x0104: lambda car: number(car.read("cell_voltage_max"), 0.001, 2),
    0x0105: lambda car: number(car.read("cell_voltage_min"), 0.001, 2),
    0x0106: lambda car: number(car.read("cell_temperature_max"), 1.0, 1, -60.0),
    0x0107: lambda car: number(car.read("cell_temperature_min"), 1.0, 1, -60.0),
    0x0108: lambda car: number(car.read("odometer"), 0.1, 4),
    0x0109: lambda car: number(car.read("speed"), 0.01, 2),
    0x010A: lambda car: number(car.read("aux_voltage"), 0.01, 2),
}


def _sub_function(asked: bytes, length: int, known: tuple[int, ...]) -> tuple[int, bool]:
    """The sub-function and whether a positive response is wanted."""
    if len(asked) < 1:
        raise Refused(Negative.INCORRECT_LENGTH_OR_FORMAT)
    function = asked[0] & ~SUPPRESS
    if function not in known:
        raise Refused(Negative.SUB_FUNCTION_NOT_SUPPORTED)
    if len(asked) != length:
        raise Refused(Negative.INCORRECT_LENGTH_OR_FORMAT)
    return function, not asked[0] & SUPPRESS


def _session(_: DiagnosedCar, asked: bytes) -> bytes | None:
    session, wanted = _sub_function(asked, 1, SESSIONS)
    return bytes([session]) + TIMING if wanted else None


def _tester_present(_: DiagnosedCar, asked: bytes) -> bytes | None:
    function, wanted = _sub_function(asked, 1, (0,))
    return bytes([function]) if wanted else None


def _read_data(car: DiagnosedCar, asked: bytes) -> bytes:
    if not asked or len(asked) % 2:
        raise Refused(Negative.INCORRECT_LENGTH_OR_FORMAT)
    wanted = [int.from_bytes(asked[at : at + 2], "big") for at in range(0, len(asked), 2)]
    known = [did for did in wanted if did in DIDS]
    if not known:
        raise Refused(Negative.REQUEST_OUT_OF_RANGE)
    try:
        return b"".join(did.to_bytes(2, "big") + DIDS[did](car) for did in known)
    except NotMeasured:
        raise Refused(Negative.CONDITIONS_NOT_CORRECT) from None


def _status(stored: StoredCode) -> int:
    return TEST_FAILED | (CONFIRMED if stored.status == 1 else PENDING)


def _matching(car: DiagnosedCar, mask: int) -> list[bytes]:
    found = [(stored, _status(stored)) for stored in car.codes()]
    return [code_bytes(s.code) + NO_FAILURE_TYPE + bytes([status]) for s, status in found if status & mask]


def _read_codes(car: DiagnosedCar, asked: bytes) -> bytes | None:
    """01 how many and 02 which match a status mask; 0A all that the unit knows of."""
    if asked and asked[0] & ~SUPPRESS == 0x0A:
        function, wanted = _sub_function(asked, 1, (0x0A,))
        return bytes((function, AVAILABLE)) + b"".join(_matching(car, 0xFF)) if wanted else None
    function, wanted = _sub_function(asked, 2, (0x01, 0x02))
    matching = _matching(car, asked[1] & AVAILABLE)
    if not wanted:
        return None
    if function == 0x01:
        return bytes((function, AVAILABLE, FORMAT_ISO_15031)) + len(matching).to_bytes(2, "big")
    return bytes((function, AVAILABLE)) + b"".join(matching)


def _clear_codes(car: DiagnosedCar, asked: bytes) -> bytes:
    if len(asked) != 3:
        raise Refused(Negative.INCORRECT_LENGTH_OR_FORMAT)
    if int.from_bytes(asked, "big") != ALL_GROUPS:
        raise Refused(Negative.REQUEST_OUT_OF_RANGE)
    car.clear()
    return b""


SERVICES: Mapping[int, Callable[[DiagnosedCar, bytes], bytes | None]] = {
    0x10: _session,
    0x14: _clear_codes,
    0x19: _read_codes,
    0x22: _read_data,
    0x3E: _tester_present,
}


def answer_uds(car: DiagnosedCar, request: bytes, *, to_all: bool) -> bytes | None:
    """The response to a request (service byte first); None where the standard keeps silent."""
    service = request[0]
    try:
        if service not in SERVICES:
            raise Refused(Negative.SERVICE_NOT_SUPPORTED)
        told = SERVICES[service](car, request[1:])
    except Refused as refused:
        if to_all and refused.code in SILENT_TO_ALL:
            return None
        return bytes((NEGATIVE, service, refused.code))
    return None if told is None else bytes([service + POSITIVE]) + told
