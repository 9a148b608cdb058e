"""A current over time as a CSV file: `time_s,current_a`, one row a second, positive discharges."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np

from jinqiao.base.errors import InputError, Problem

from .arrays import F8s

__all__ = ["read_current_csv"]

HEADER = ["time_s", "current_a"]
STEP_S, SLACK_S = 1.0, 1e-6


def read_current_csv(path: Path | str) -> tuple[F8s, F8s]:
    """Times and currents, shape (rows,) each; InputError with file, line and column for anything else."""
    name = str(path)
    try:
        text = Path(path).read_text("utf-8-sig")
    except FileNotFoundError as absent:
        raise InputError([Problem(name, 0, 0, "", "no such file")]) from absent
    except (OSError, ValueError) as unreadable:
        raise InputError([Problem(name, 0, 0, "", f"cannot be read: {unreadable}")]) from unreadable
    rows = list(csv.reader(io.StringIO(text)))
    if not rows or [cell.strip() for cell in rows[0]] != HEADER:
        found = ",".join(rows[0]) if rows else "nothing"
        raise _refused(name, 1, 1, f"found {found!r}, expected the header 'time_s,current_a'")
    values = [_values(name, line, row) for line, row in enumerate(rows[1:], start=2) if row]
    if not values:
        raise _refused(name, 2, 1, "found no rows, expected at least one")
    time_s, current_a = np.array(values, dtype=np.float64).T
    wrong = np.flatnonzero(np.abs(np.diff(time_s) - STEP_S) > SLACK_S)
    if len(wrong):
        row = int(wrong[0]) + 1
        raise _refused(name, row + 2, 1, f"found {time_s[row]:g} s after {time_s[row - 1]:g} s, expected steps of 1 s")
    return time_s, current_a


def _values(name: str, line: int, row: list[str]) -> tuple[float, float]:
    if len(row) != len(HEADER):
        raise _refused(name, line, 1, f"found {len(row)} values, expected 2")
    numbers = []
    for column, cell in enumerate(row):
        try:
            number = float(cell)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            at = 1 + sum(len(before) + 1 for before in row[:column])
            raise _refused(name, line, at, f"found {cell!r}, expected a finite number")
        numbers.append(number)
    return numbers[0], numbers[1]


def _refused(name: str, line: int, column: int, message: str) -> InputError:
    return InputError([Problem(name, line, column, "", message)])
