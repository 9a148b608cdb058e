"""What one vehicle says besides real-time data: login and logout, with the numbers that are its own."""

from __future__ import annotations

from datetime import datetime
from zlib import crc32

from .frame import Frame

__all__ = ["heartbeat", "iccid", "login", "logout", "pack_number"]

#: ICCIDs of China's mobile networks begin with 8986 (ITU-T E.118: 89 telecom, 86 China); the rest is the VIN's own.
_ICCID = "8986"


def iccid(vin: str) -> str:
    """The 20 digits of a vehicle's SIM card: made from its VIN, and nobody's."""
    return f"{_ICCID}{crc32(vin.encode()):010d}{crc32(vin[::-1].encode()) % 1_000_000:06d}"


def pack_number(vin: str) -> str:
    """24 characters as GB/T 34014 gives battery packs; the second half is the VIN's last twelve."""
    return f"00JPE0000000{vin[-12:]}"


def login(edition: str, vin: str, time: datetime, serial: int) -> Frame:
    """Vehicle login (01): one battery management with one pack."""
    packs = [pack_number(vin)] if edition == "2016" else [[pack_number(vin)]]
    return Frame(edition, "login", vin, {"time": time, "serial": serial, "iccid": iccid(vin), "packs": packs})


def logout(edition: str, vin: str, time: datetime, serial: int) -> Frame:
    """Vehicle logout (04), under the number of the login it ends."""
    return Frame(edition, "logout", vin, {"time": time, "serial": serial})


def heartbeat(edition: str, vin: str) -> Frame:
    """Heartbeat (07): no data."""
    return Frame(edition, "heartbeat", vin)
