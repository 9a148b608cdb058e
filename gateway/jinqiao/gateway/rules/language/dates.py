"""Times in a format such as `yyyy-MM-dd'T'HH:mm:ss.SSS`: the letters of Java's SimpleDateFormat that make numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

__all__ = ["pattern"]

#: Letter → what it shows, and how many letters there may be.
_LETTERS: dict[str, tuple[Callable[[datetime], int], int]] = {
    "y": (lambda time: time.year, 4),
    "M": (lambda time: time.month, 2),
    "d": (lambda time: time.day, 2),
    "H": (lambda time: time.hour, 2),
    "h": (lambda time: time.hour % 12 or 12, 2),
    "m": (lambda time: time.minute, 2),
    "s": (lambda time: time.second, 2),
    "S": (lambda time: time.microsecond // 1000, 3),
}

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)

Piece = Callable[[datetime], str]


def pattern(text: str, hours: int) -> Callable[[int], str]:
    """What shows UTC milliseconds in this format, `hours` ahead of UTC; raises ValueError with what is expected."""
    pieces = list(_pieces(text))
    ahead = timedelta(hours=hours)

    def show(time_ms: int) -> str:
        time = _FIRST + timedelta(milliseconds=time_ms) + ahead
        return "".join(piece(time) for piece in pieces)

    return show


def _pieces(text: str) -> list[Piece]:
    found: list[Piece] = []
    place = 0
    while place < len(text):
        letter = text[place]
        if letter == "'":
            literal, place = _literal(text, place + 1)
            found.append(_fixed(literal))
            continue
        end = place + 1
        if letter.isascii() and letter.isalpha():
            while end < len(text) and text[end] == letter:
                end += 1
            found.append(_number(letter, end - place))
        else:
            found.append(_fixed(letter))
        place = end
    return found


def _fixed(text: str) -> Piece:
    return lambda _: text


def _number(letter: str, width: int) -> Piece:
    row = _LETTERS.get(letter)
    if row is None or width > row[1]:
        raise ValueError("a time format of yyyy, MM, dd, HH, hh, mm, ss, SSS and other signs, letters in '…'")
    value = row[0]
    if letter == "y" and width == 2:
        return lambda time: f"{time.year % 100:02d}"
    return lambda time: f"{value(time):0{width}d}"


def _literal(text: str, place: int) -> tuple[str, int]:
    """What stands in quotes that open before `place`, and the place behind them; two quotes are one."""
    end = text.find("'", place)
    if end < 0:
        raise ValueError("a time format whose quotes are closed")
    return text[place:end] or "'", end + 1
