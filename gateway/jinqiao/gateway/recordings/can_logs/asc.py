"""Vector's ASC: a line an event, seconds since a date in its head. What is no frame is passed over and counted.

| line | what it is |
|---|---|
| `date Thu May 16 06:16:50.884 pm 2024` | when the measurement began; local time of who wrote it: ASC names no zone |
| `base hex  timestamps absolute` | numbers are `hex` or `dec`; times since the beginning, or since the line before |
| `Begin Triggerblock Thu May 16 …` | when a block began |
| `0.100000 2  1AFx  Rx  d 8 D3 0B …` | time, channel, identifier (`x`: 29 bits), way, `d`ata or `r`emote, length |
| `0.300000 CANFD 1 Rx 168 [name] 1 0 8 8 95 … 0 0 3000 …` | … switch, state, length code, length, data, times, flags |
| `0.400000 1  ErrorFrame` | an error frame |

There is no specification in public; the forms are those of python-can's and Vector's files.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

from ..parts import CanFrame
from ..problems import Problems
from .lengths import CLASSIC, FD, length_code
from .names import Channels

__all__ = ["IS_HEAD", "AscParser", "AscWriter"]

IS_HEAD = re.compile(r"date\s+\w|base\s+(hex|dec)\b|begin\s+triggerblock|// version \d", re.IGNORECASE)
_BASE = re.compile(r"base\s+(hex|dec)(?:\s+timestamps\s+(absolute|relative))?", re.IGNORECASE)
_STAMP = re.compile(r"(\d+)\.(\d{1,9})\s+(.*)")
_FRAME = re.compile(r"\d+\s+(\S+\s+(rx|tx)\b|errorframe)|CANFD\s+\d+\s+(rx|tx)\b", re.IGNORECASE)
#: Lines without a time of their own, and events that every tool writes beside frames.
_HEAD = re.compile(r"(date|begin|end)\b|(no\s+)?internal\s+events|//|previous log file|$", re.IGNORECASE)
_USUAL = re.compile(r"start of measurement|\d*\s*statistic|log trigger|.*\bstatus:|sv:", re.IGNORECASE)
_DATE = re.compile(
    r"(?:date|begin\s+triggerblock)\s+(?:\S+\s+)?(?P<month>[^\W\d]{3,}\.?|\d{1,2}\W?月)\s+(?P<day>\d{1,2})\.?\s+"
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d):(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?"
    r"(?:\s*(?P<half>am|pm|上午|下午))?\s+(?P<year>\d{4})",
    re.IGNORECASE,
)
#: English and German months, as Vector's tools write them.
_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan", "feb", "mar mär mrz", "apr", "may mai", "jun", "jul", "aug", "sep", "oct okt", "nov", "dec dez"), 1
    )
    for name in names.split()
}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: Bits of a CANFD line's flags: remote, FD format, bit rate switch, error state.
_RTR, _EDL, _BRS, _ESI = 1 << 4, 1 << 12, 1 << 13, 1 << 14
_ID_BITS = {False: 11, True: 29}
_SECOND, _MICROSECOND = 1_000_000_000, 1_000


def _began_ns(text: str) -> int:
    """The moment of a date in ns since 1970. Raises ValueError for what is none."""
    found = _DATE.match(text)
    if found is None:
        raise ValueError(f"found the date {text[:60]!r}, expected one such as 'date Thu May 16 06:16:50.884 pm 2024'")
    month = found["month"].lower()
    digits = re.match(r"\d+", month)
    number = int(digits[0]) if digits else _MONTHS.get(month[:3])
    if number is None:
        raise ValueError(f"found the month {found['month']!r}, expected an English or German one")
    hour = int(found["hour"])
    if found["half"]:
        hour = hour % 12 + (12 if found["half"].lower() in ("pm", "下午") else 0)
    day, minute, second = (int(found[name]) for name in ("day", "minute", "second"))
    began = datetime(int(found["year"]), number, day, hour, minute, second, tzinfo=UTC)  # only whether it is a date
    local = int(time.mktime((*began.timetuple()[:8], -1)))
    return local * _SECOND + int((found["fraction"] or "0").ljust(9, "0"))


class AscParser:
    """Takes the lines in turn. `problems` counts what is no frame."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._base = 16
        self._relative = False
        self._clock_ns = 0
        self._began_ns: int | None = None
        self._block_ns: int | None = None

    def parse(self, text: str) -> CanFrame | None:
        """The frame of a line, None for what is none. Raises ValueError for a line that cannot be read."""
        stamped = _STAMP.match(text)
        if stamped is None:
            self._head(text)
            return None
        seconds, fraction, event = stamped.groups()
        time_ns = self._time_ns(int(seconds) * _SECOND + int(fraction.ljust(9, "0")))
        if _FRAME.match(event) is None:
            if _USUAL.match(event.removeprefix("CANFD").lstrip()) is None:
                self._problems.count("lines are not CAN frames (other buses, other events) and are left out")
            return None
        words = event.split()
        if words[0].upper() == "CANFD":
            return self._fd(time_ns, words[1:])
        return self._classic(time_ns, words)

    def _head(self, text: str) -> None:
        base = _BASE.match(text)
        if base:
            self._base = 10 if base[1].lower() == "dec" else 16
            self._relative = (base[2] or "").lower() == "relative"
        elif text[:4].lower() == "date":
            self._began_ns = _began_ns(text)
        elif text[:5].lower() == "begin":
            self._block_ns = _began_ns(text)
        elif _HEAD.match(text) is None:
            raise ValueError("expected a time, or a line of an ASC file's head")

    def _time_ns(self, since_ns: int) -> int:
        """When an event was: since the measurement's date, or since its block's where the writer counts anew there."""
        if self._relative:
            self._clock_ns += since_ns
            since_ns = self._clock_ns
        if self._block_ns is not None:
            if self._began_ns is None or abs(self._began_ns + since_ns - self._block_ns) > since_ns:
                self._began_ns = self._block_ns
            self._block_ns = None
        if self._began_ns is None:
            self._problems.count("times count from 1970: the file has no date")
            return since_ns
        return self._began_ns + since_ns

    def _identifier(self, word: str) -> tuple[int, bool]:
        extended = word[-1:] in "xX"
        number = int(word[:-1] if extended else word, self._base)
        if not 0 <= number < 1 << _ID_BITS[extended]:
            raise ValueError(f"found the identifier {word!r}, expected one of {_ID_BITS[extended]} bits")
        return number, extended

    def _bytes(self, words: list[str], length: int) -> bytes:
        if len(words) < length:
            raise ValueError(f"found {len(words)} of {length} bytes of data")
        return bytes(int(word, self._base) for word in words[:length])

    def _classic(self, time_ns: int, words: list[str]) -> CanFrame:
        if words[1].lower() == "errorframe":
            return CanFrame(time_ns, words[0], 0, b"", error=True)
        bus, name, way, *rest = words
        kind, *rest = rest or [""]
        number, extended = self._identifier(name)
        if kind.lower() == "r":
            asked = int(rest[0], self._base) if rest and re.fullmatch(r"[0-9A-Fa-f]{1,2}", rest[0]) else 0
            return CanFrame(
                time_ns,
                bus,
                number,
                b"",
                extended,
                remote=True,
                remote_length=min(asked, CLASSIC),
                direction=way.lower(),
            )
        if kind.lower() != "d" or not rest:
            raise ValueError(f"found {' '.join([kind, *rest])!r} behind the way, expected 'd' and a length, or 'r'")
        length = min(int(rest[0], self._base), CLASSIC)
        return CanFrame(time_ns, bus, number, self._bytes(rest[1:], length), extended, direction=way.lower())

    def _fd(self, time_ns: int, words: list[str]) -> CanFrame:
        bus, way, *rest = words
        name, *rest = rest or [""]
        if name.lower() == "errorframe":
            return CanFrame(time_ns, bus, 0, b"", error=True, direction=way.lower())
        number, extended = self._identifier(name)
        if rest and not rest[0].isdigit():  # the message's name in a database
            rest = rest[1:]
        if len(rest) < 4:
            raise ValueError(f"found {len(rest)} words behind the identifier, expected at least 4")
        switch, state, code, length = rest[0] == "1", rest[1] == "1", int(rest[2], 16), int(rest[3])
        if length > FD:
            raise ValueError(f"found {length} bytes of data, expected at most 64")
        data = self._bytes(rest[4:], length)
        behind = rest[4 + length :]
        flags = int(behind[2], 16) if len(behind) > 2 and re.fullmatch(r"[0-9A-Fa-f]+", behind[2]) else 0
        remote = bool(flags & _RTR) or (length == 0 and code > 0)
        # Channels of CAN FD log their classic frames in this form too; then the flags say so.
        classic = remote or (bool(flags) and not (flags & _EDL or switch or state or length > CLASSIC))
        return CanFrame(
            time_ns,
            bus,
            number,
            b"" if remote else data,
            extended=extended,
            remote=remote,
            fd=not classic,
            bitrate_switch=switch,
            error_state=state,
            remote_length=min(code, CLASSIC) if remote else 0,
            direction=way.lower(),
        )


class AscWriter:
    """Gives the lines. The measurement begins at the whole second before the first frame, in local time."""

    head = b""

    def __init__(self, channels: Channels, losses: Problems) -> None:
        self._channels, self._losses = channels, losses
        self._began_us: int | None = None

    def line(self, frame: CanFrame) -> bytes:
        """One frame; before the first, the head."""
        micros = (frame.time_ns + _MICROSECOND // 2) // _MICROSECOND
        if frame.time_ns % _MICROSECOND:
            self._losses.count("times are rounded to microseconds")
        head = self._head(micros // 1_000_000) if self._began_us is None else ""
        since = micros - (self._began_us or 0)
        if since < 0:
            self._losses.count("frames are older than the file's beginning and stand at it")
            since = 0
        at = f"{since // 1_000_000:4d}.{since % 1_000_000:06d}"
        return f"{head}{at} {self._event(frame, self._channels.number(frame))}\n".encode()

    def end(self) -> bytes:
        return b"" if self._began_us is None else b"End TriggerBlock\n"

    def _head(self, second: int) -> str:
        self._began_us = second * 1_000_000
        at = time.localtime(second)
        clock = f"{at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d}.000"
        date = f"{_DAYS[at.tm_wday]} {_MONTH_NAMES[at.tm_mon - 1]} {at.tm_mday:02d} {clock} {at.tm_year:04d}"
        begin = f"Begin Triggerblock {date}\n   0.000000 Start of measurement\n"
        return f"date {date}\nbase hex  timestamps absolute\ninternal events logged\n{begin}"

    def _event(self, frame: CanFrame, channel: int) -> str:
        way = "Tx" if frame.direction == "tx" else "Rx"
        name = f"{frame.identifier:X}{'x' if frame.extended else ''}"
        if frame.error:
            if frame.identifier or any(frame.data):
                self._losses.count("error frames lose their class and data")
            return f"{channel}  ErrorFrame"
        data = frame.data.hex(" ").upper()
        if frame.fd:
            code, length = length_code(len(frame.data)), len(frame.data)
            flags = _EDL | _BRS * frame.bitrate_switch | _ESI * frame.error_state
            bits = f"{frame.bitrate_switch:d} {frame.error_state:d} {code:x} {length:>2}"
            behind = f"{0:>8} {0:>4} {flags:>8X} " + " ".join(f"{0:>8}" for _ in range(5))
            return f"CANFD {channel:>3} {way:<4} {name:>8}  {'':>32} {bits} {data} {behind}"
        kind = f"r {frame.remote_length:x}" if frame.remote else f"d {len(frame.data):x} {data}"
        return f"{channel}  {name:<15} {way:<4} {kind}"
