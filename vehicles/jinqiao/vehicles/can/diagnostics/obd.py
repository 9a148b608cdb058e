"""OBD-II: services 01, 03, 04 and 09 of SAE J1979 (ISO 15031-5) over CAN, with what an electric car can answer.

An unknown parameter or service is not answered at all: on a shared bus that is the standard's way to say no. So is a
parameter whose sensor says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .car import DiagnosedCar, NotMeasured, code_bytes, number

__all__ = ["INFO_TYPES", "PIDS", "SERVICES", "supported"]

#: Most parameters in one request of service 01 (ISO 15031-5, 7.1.2.1).
MOST_PIDS = 6
#: OBD requirements the car is built to: 0x20 to 0x22 are European heavy duty, 0x06 is EOBD.
EOBD = 6
UNIT_NAME = b"ECM\0-JinqiaoEV"
CONFIRMED = 1

Reading = Callable[[DiagnosedCar], bytes]


def _confirmed(car: DiagnosedCar) -> list[str]:
    return [stored.code for stored in car.codes() if stored.status == CONFIRMED]


def _monitors(car: DiagnosedCar) -> bytes:
    """Malfunction lamp and number of codes; no monitor of a combustion engine is supported."""
    count = min(len(_confirmed(car)), 0x7F)
    return bytes((count | (0x80 if count else 0), 0, 0, 0))


def _ev_data(car: DiagnosedCar) -> bytes:
    """PID 9A: what is supported (charging state, voltage, current), charging, voltage of 1/64 V, current of 0.1 A.

    Layout by SAE J1979-DA as public tables give it, not checked against the paid text.
    """
    charging = 1 if car.read("charging_state") == 2 else 0
    volts = number(car.read("pack_voltage"), 1 / 64, 2)
    return bytes((0x07, charging)) + volts + number(car.read("pack_current"), 0.1, 2, signed=True)


#: Service 01: parameter → its bytes (SAE J1979 annex B).
PIDS: Mapping[int, Reading] = {
    0x01: _monitors,
    0x0D: lambda car: number(car.read("speed"), 1.0, 1),
    0x1C: lambda _: bytes([EOBD]),
    0x1F: lambda car: number(car.read("trip_duration"), 1.0, 2),
    0x42: lambda car: number(car.read("aux_voltage"), 0.001, 2),
    0x46: lambda car: number(car.read("ambient_temperature"), 1.0, 1, -40.0),
    0x49: lambda car: number(car.read("accelerator_pedal"), 100 / 255, 1),
    0x5B: lambda car: number(car.read("soc_displayed"), 100 / 255, 1),
    0x9A: _ev_data,
    0xA6: lambda car: number(car.read("odometer"), 0.1, 4),
}
#: Service 09: what identifies the vehicle.
INFO_TYPES: Mapping[int, Reading] = {
    0x02: lambda car: b"\x01" + car.vin.encode("ascii"),
    0x0A: lambda _: b"\x01" + UNIT_NAME.ljust(20, b"\0"),
}


def supported(known: Mapping[int, Reading], group: int) -> bytes | None:
    """The mask that parameter `group` (00, 20, 40 …) answers: 32 bits, the last says that the next group has any.

    None where the group is empty and is therefore not supported itself.
    """
    if group and not any(pid > group for pid in known):
        return None
    mask = 0
    for pid in known:
        if group < pid <= group + 0x20:
            mask |= 1 << (group + 0x20 - pid)
    if any(pid > group + 0x20 for pid in known):
        mask |= 1
    return mask.to_bytes(4, "big")


def _value(known: Mapping[int, Reading], car: DiagnosedCar, pid: int) -> bytes | None:
    if pid % 0x20 == 0:
        return supported(known, pid)
    reading = known.get(pid)
    try:
        return reading(car) if reading else None
    except NotMeasured:
        return None


def _current_data(car: DiagnosedCar, asked: bytes) -> bytes | None:
    if not 0 < len(asked) <= MOST_PIDS:
        return None
    values = [(pid, _value(PIDS, car, pid)) for pid in asked]
    told = b"".join(bytes([pid]) + value for pid, value in values if value is not None)
    return b"\x41" + told if told else None


def _stored_codes(car: DiagnosedCar, asked: bytes) -> bytes | None:
    codes = _confirmed(car)[:0xFF]
    return None if asked else bytes((0x43, len(codes))) + b"".join(map(code_bytes, codes))


def _clear(car: DiagnosedCar, asked: bytes) -> bytes | None:
    if asked:
        return None
    car.clear()
    return b"\x44"


def _vehicle_information(car: DiagnosedCar, asked: bytes) -> bytes | None:
    if len(asked) != 1:
        return None
    value = _value(INFO_TYPES, car, asked[0])
    return None if value is None else bytes((0x49, asked[0])) + value


SERVICES: Mapping[int, Callable[[DiagnosedCar, bytes], bytes | None]] = {
    0x01: _current_data,
    0x03: _stored_codes,
    0x04: _clear,
    0x09: _vehicle_information,
}
