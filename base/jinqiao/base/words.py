"""How the project words what was found, and which name was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

__all__ = ["Refused", "counted", "did_you_mean", "one_of", "show"]


class Refused(ValueError):
    """Raised by a field's validator: the whole sentence, and on a line of its own the way out.

    `at` is where in a text it is wrong, if the text has parts: the number of its characters before that place.
    """

    def __init__(self, message: str, hint: str = "", *, at: int | None = None) -> None:
        self.hint, self.at = hint, at
        super().__init__(message)


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for the nearest known name, or nothing when none is near."""
    names = [str(name) for name in known]
    near = [n for n in names if n.casefold() == found.casefold()] or difflib.get_close_matches(found, names, 1, 0.55)
    return f" (did you mean {near[0]!r}?)" if near else ""


def counted(number: int, noun: str) -> str:
    """`1 product`, `2 products`, `15,000 devices`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def one_of(names: Sequence[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def show(value: object) -> str:
    """A value as an error message quotes it: short, on one line."""
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
