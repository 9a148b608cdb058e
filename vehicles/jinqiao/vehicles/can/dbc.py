"""The message table as a DBC file, the form that CAN tools read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .database import SENDERS
from .message import CanMessage, CanSignal, protection

__all__ = ["dbc_text", "signals_of"]

NOTICE = (
    "Synthetic: a generic electric car for tests, with nothing taken from any maker. 500 kbit/s, 11-bit identifiers. "
    "Protected messages carry a counter (0 to 14) in the low nibble of byte 6 and CRC-8/SAE-J1850 (polynomial 0x1D, "
    "initial and final 0xFF) over identifier low byte, identifier high byte and bytes 0 to 6 in byte 7."
)
_HEAD = 'VERSION "jinqiao 1"\n\nNS_ :\n\tCM_\n\tBA_DEF_\n\tBA_\n\tVAL_\n\tBA_DEF_DEF_\n\nBS_:\n'
_ATTRIBUTES = (
    'BA_DEF_ "BusType" STRING ;\n'
    'BA_DEF_ "Baudrate" INT 0 1000000;\n'
    'BA_DEF_ BO_ "GenMsgCycleTime" INT 0 65535;\n'
    'BA_DEF_ BO_ "GenMsgSendType" ENUM "Cyclic","None";\n'
    'BA_DEF_DEF_ "BusType" "CAN";\n'
    'BA_DEF_DEF_ "Baudrate" 500000;\n'
    'BA_DEF_DEF_ "GenMsgCycleTime" 0;\n'
    'BA_DEF_DEF_ "GenMsgSendType" "None";\n'
    'BA_ "BusType" "CAN";\n'
    'BA_ "Baudrate" 500000;\n'
)


def signals_of(message: CanMessage) -> Iterator[tuple[CanSignal, str]]:
    """Every signal as the file names it, with its multiplex mark (`M`, `m3` or nothing)."""
    for signal in message.signals:
        yield signal, ""
    if message.protected:
        for signal in protection(message.name):
            yield signal, ""
    if (multiplex := message.multiplex) is not None:
        last = float(multiplex.turns - 1)
        yield CanSignal(multiplex.selector, 0, 8, 1.0, 0.0, 0, last, "", "", "hold", "Which turn this is"), "M"
        for number in range(multiplex.count):
            turn, slot = divmod(number, len(multiplex.slots))
            place = multiplex.slots[slot]
            yield (
                CanSignal(
                    multiplex.pattern.format(number + 1),
                    *(place.start, place.length, place.scale, place.offset, place.low, place.high),
                    *(place.unit, place.source, place.course, place.comment, place.motorola, place.values),
                ),
                f"m{turn}",
            )


def dbc_text(messages: Iterable[CanMessage], title: str) -> str:
    """The DBC of these messages; `title` says which bus."""
    chosen = tuple(messages)
    senders = [name for name in SENDERS if any(m.sender == name for m in chosen)]
    parts = [_HEAD, f"BU_: {' '.join(senders)}\n"]
    parts += [_message(message) for message in chosen]
    parts.append(f'CM_ "{title}. {NOTICE}";')
    parts += [f'CM_ BU_ {name} "{SENDERS[name]}";' for name in senders]
    for message in chosen:
        parts.append(f'CM_ BO_ {message.id} "{message.comment}";')
        parts += [f'CM_ SG_ {message.id} {s.name} "{s.comment}";' for s, _ in signals_of(message)]
    parts.append(_ATTRIBUTES.rstrip("\n"))
    for message in chosen:
        parts.append(f'BA_ "GenMsgCycleTime" BO_ {message.id} {message.cycle_ms};')
        parts.append(f'BA_ "GenMsgSendType" BO_ {message.id} 0;')
    parts += [_value_table(message, signal) for message in chosen for signal, _ in signals_of(message) if signal.values]
    return "\n".join(parts) + "\n"


def _message(message: CanMessage) -> str:
    lines = [f"BO_ {message.id} {message.name}: {message.length} {message.sender}"]
    for s, mark in signals_of(message):
        order = f"{0 if s.motorola else 1}{'-' if s.signed else '+'}"
        scale = f"({_number(s.scale)},{_number(s.offset)}) [{_number(s.low)}|{_number(s.high)}]"
        name = f"{s.name} {mark}" if mark else s.name
        lines.append(f' SG_ {name} : {s.start}|{s.length}@{order} {scale} "{s.unit}" Vector__XXX')
    return "\n".join(lines) + "\n"


def _value_table(message: CanMessage, signal: CanSignal) -> str:
    words = " ".join(f'{number} "{text}"' for number, text in sorted(signal.values.items(), reverse=True))
    return f"VAL_ {message.id} {signal.name} {words} ;"


def _number(value: float) -> str:
    return f"{value:.10f}".rstrip("0").rstrip(".") if value != int(value) else str(int(value))
