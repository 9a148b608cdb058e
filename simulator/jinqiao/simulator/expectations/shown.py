"""How verdicts write times and values."""

from __future__ import annotations

import math

from jinqiao.base.signals import SIGNALS

__all__ = ["clock", "number", "share", "value"]


def clock(time_ms: int, start_ms: int) -> str:
    """Simulated time since the start, `0:31:05`: what a scenario's times are counted from."""
    seconds = (time_ms - start_ms) // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def number(found: float, unit: str = "", decimals: int = 3) -> str:
    """A number with as many decimals as it has, at most so many."""
    if not math.isfinite(found):
        return "nothing"
    text = f"{found:,.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    text = "0" if text == "-0" else text
    return f"{text} {unit}" if unit else text


def share(found: float) -> str:
    """A share as a percentage; never rounded up to a whole that it is not."""
    text = number(100.0 * found, "%", 2)
    return f"{100.0 * found:.6f} %" if found < 1.0 and text == "100 %" else text


def value(signal: str, found: float) -> str:
    """A value of a signal: the name of an enumeration, otherwise the number with its unit."""
    row = SIGNALS[signal]
    if row.values and int(found) in row.values:
        return row.values[int(found)]
    return number(found, row.unit, row.decimals + 2)
