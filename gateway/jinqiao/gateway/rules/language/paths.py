"""JSON paths: `items.speed.value`, `a.b.c[0].d`, `$.a[0]`, and `.a[0]`, whose result stands in an array of its own."""

from __future__ import annotations

from typing import Any

from .limits import MAX_PATH

__all__ = ["Step", "look_up", "scan"]

Step = str | int

#: Digits of an index. No message holds an array of more elements.
_INDEX_DIGITS = 6


def scan(text: str) -> tuple[tuple[Step, ...], bool]:
    """The steps of a path and whether its result is to stand in an array; raises ValueError with what is expected."""
    in_array = text.startswith(".")
    rest = text[1:] if in_array else text
    if rest == "$":
        return (), in_array
    if rest.startswith(("$.", "$[")):
        rest = rest[1:].removeprefix(".")
    steps: list[Step] = []
    for number, part in enumerate(rest.split(".")):
        key, bracket, indices = part.partition("[")
        if "]" in key:
            raise ValueError("an index such as [0]")
        if key:
            steps.append(key)
        elif number or not bracket:
            raise ValueError("a name between the dots")
        if bracket:
            steps += _indices(indices)
    if len(steps) > MAX_PATH:
        raise ValueError(f"a path of at most {MAX_PATH} steps")
    return tuple(steps), in_array


def _indices(text: str) -> list[int]:
    """The numbers of `0]` or `0][1]`: the brackets of one name, behind the first opening one."""
    if not text.endswith("]"):
        raise ValueError("an index such as [0]")
    found = []
    for digits in text[:-1].split("]["):
        if not (digits.isascii() and digits.isdigit() and len(digits) <= _INDEX_DIGITS):
            raise ValueError(f"an index such as [0], of at most {_INDEX_DIGITS} digits")
        found.append(int(digits))
    return found


def look_up(values: Any, steps: tuple[Step, ...]) -> Any:
    """What stands at the end of these steps, None where there is nothing."""
    for step in steps:
        if isinstance(step, str):
            if type(values) is not dict:
                return None
            values = values.get(step)
        elif type(values) is list and step < len(values):
            values = values[step]
        else:
            return None
    return values
