"""Numbers and names of channels: a bus keeps its own where the target can hold it.

Vector's tools count channels from 1, SocketCAN names interfaces from can0: channel n is can(n-1), as in can-utils'
asc2log. A bus without a number of its own (a name, or one of several vehicles' buses) gets the lowest one free.
"""

from __future__ import annotations

import itertools
import re

from ..parts import CanFrame

__all__ = ["Channels"]

_INTERFACE = re.compile(r"[A-Za-z_.-]+([0-9]{1,4})")
_SOCKET = re.compile(r"can[0-9]")
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")
#: A candump line is cut at spaces.
_NAME = re.compile(r"[^\s#()]{1,32}")
#: BLF holds 16 bits, and ASC's readers two digits or more; nobody has as many.
_MOST = 255


class Channels:
    """Channels by vehicle and bus. `moved` are those whose number is not their own."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._taken: set[int] = set()
        self.moved: set[tuple[str, str]] = set()

    def number(self, frame: CanFrame) -> int:
        """The frame's channel, from 1."""
        key = (frame.device_name, frame.bus)
        found = self._numbers.get(key)
        return self._new(key) if found is None else found

    def name(self, frame: CanFrame) -> str:
        """The frame's interface."""
        number = self.number(frame)
        return self._name((frame.device_name, frame.bus), number)

    def numbers(self) -> dict[int | str, str]:
        """Vehicle and bus by number."""
        return {number: _of(key) for key, number in self._numbers.items()}

    def names(self) -> dict[int | str, str]:
        """Vehicle and bus by interface."""
        return {self._name(key, number): _of(key) for key, number in self._numbers.items()}

    def _name(self, key: tuple[str, str], number: int) -> str:
        if key[0] or key[1].isdigit() or not _NAME.fullmatch(key[1]) or (key in self.moved and _SOCKET.match(key[1])):
            return f"can{number - 1}"
        return key[1]

    def _new(self, key: tuple[str, str]) -> int:
        own = _own_number(key[1]) if not key[0] else None
        number = own
        if number is None or number in self._taken or number > _MOST:
            number = next(n for n in itertools.count(1) if n not in self._taken)
        if number != own:
            self.moved.add(key)
        self._numbers[key] = number
        self._taken.add(number)
        return number


def _of(key: tuple[str, str]) -> str:
    return " ".join(filter(None, key))


def _own_number(bus: str) -> int | None:
    if _NUMBER.fullmatch(bus):
        return int(bus)
    interface = _INTERFACE.fullmatch(bus)
    return int(interface[1]) + 1 if interface else None
