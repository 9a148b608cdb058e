"""The lines of can-utils' `candump -l`: `(1700000000.000000) can0 1A0#0011223344556677`, one frame a line.

The grammar is `parse_canframe` of can-utils: `#` data, `#R` a remote frame and its length, `##` flags and CAN FD data;
`T` or `R` behind it says which way (`candump -x`). An identifier of eight digits has 29 bits; its bit 29 marks an error
frame, whatever class the other bits name (linux/can/error.h).
"""

from __future__ import annotations

import re

from ..parts import CanFrame
from ..problems import Problems
from .lengths import CLASSIC, FD
from .names import Channels

__all__ = ["EXAMPLE", "IS_LINE", "CandumpWriter", "parse"]

EXAMPLE = "(1700000000.000000) can0 1A0#0011223344556677"
IS_LINE = re.compile(r"\(\d+\.\d+\)\s+\S+\s+[0-9A-Fa-f]{3,8}#")
_LINE = re.compile(r"\((\d+)\.(\d{1,9})\)\s+(\S+)\s+([0-9A-Fa-f]{1,8})#(\S*)(?:\s+([RrTt]))?")
_REMOTE = re.compile(r"[Rr]([0-9A-Fa-f]?)(?:_([0-9A-Fa-f]))?")
_DATA = re.compile(r"((?:[0-9A-Fa-f]{2}\.?)*)(?:_([9A-Fa-f]))?")
_BASE_DIGITS = 3
_BASE_IDS, _ID = 1 << 11, (1 << 29) - 1
_ERROR = 1 << 29
#: An error frame of no class is one that was seen on the bus (CAN_ERR_BUSERROR).
_BUS_ERROR = 0x80
_SWITCH, _STATE = 1, 2
_SECOND, _MICROSECOND = 1_000_000_000, 1_000


def parse(text: str) -> CanFrame:
    """The frame of one line. Raises ValueError saying what it is not."""
    found = _LINE.fullmatch(text)
    if found is None:
        raise ValueError(f"expected a candump line such as {EXAMPLE!r}")
    seconds, fraction, bus, digits, body, way = found.groups()
    if ":" in body:
        raise ValueError("this is a CAN XL frame, which is not read")
    number = int(digits, 16)
    extended = len(digits) > _BASE_DIGITS
    if not extended and number >= _BASE_IDS:
        raise ValueError("expected an identifier of 11 bits in three digits, or of 29 in eight")
    fd = body.startswith("#")
    switch = state = False
    if fd:
        flags, body = int(body[1:2] or "x", 16), body[2:]
        switch, state = bool(flags & _SWITCH), bool(flags & _STATE)
    remote = None if fd else _REMOTE.fullmatch(body)
    data = b"" if remote else _bytes(body, FD if fd else CLASSIC)
    error = extended and bool(number & _ERROR)
    return CanFrame(
        time_ns=int(seconds) * _SECOND + int(fraction.ljust(9, "0")),
        bus=bus,
        identifier=number & _ID,
        data=data,
        extended=extended and not error,
        error=error,
        remote=remote is not None,
        fd=fd,
        bitrate_switch=switch,
        error_state=state,
        remote_length=min(int(remote[1] or "0", 16), CLASSIC) if remote else 0,
        direction={"t": "tx", "r": "rx"}.get((way or "").lower(), ""),
    )


def _bytes(body: str, most: int) -> bytes:
    found = _DATA.fullmatch(body)
    if found is None:
        raise ValueError(f"found the data {body[:40]!r}, expected two hexadecimal digits a byte")
    data = bytes.fromhex(found[1].replace(".", ""))
    if len(data) > most:
        raise ValueError(f"found {len(data)} bytes of data, expected at most {most}")
    return data


class CandumpWriter:
    """Gives the lines; a bus that came with a name keeps it, a number n becomes can(n-1), as asc2log does."""

    head = b""

    def __init__(self, channels: Channels, losses: Problems) -> None:
        self._channels, self._losses = channels, losses

    def line(self, frame: CanFrame) -> bytes:
        """One frame."""
        micros = (frame.time_ns + _MICROSECOND // 2) // _MICROSECOND
        if frame.time_ns % _MICROSECOND:
            self._losses.count("times are rounded to microseconds")
        at = f"({micros // 1_000_000:010d}.{micros % 1_000_000:06d})"
        way = {"tx": " T", "rx": " R"}.get(frame.direction, "")
        return f"{at} {self._channels.name(frame)} {_identifier(frame)}#{_body(frame)}{way}\n".encode()

    def end(self) -> bytes:
        """Nothing stands behind the lines."""
        return b""


def _identifier(frame: CanFrame) -> str:
    if frame.error:
        return f"{_ERROR | (frame.identifier or _BUS_ERROR):08X}"
    return f"{frame.identifier:08X}" if frame.extended else f"{frame.identifier:03X}"


def _body(frame: CanFrame) -> str:
    if frame.remote:
        return f"R{frame.remote_length:X}" if frame.remote_length else "R"
    flags = f"#{frame.bitrate_switch * _SWITCH | frame.error_state * _STATE:X}" if frame.fd else ""
    return flags + frame.data.hex().upper()
