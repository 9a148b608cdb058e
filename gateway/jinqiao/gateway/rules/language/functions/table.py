"""Every function, by its name in small letters: the case of function names does not matter."""

from __future__ import annotations

from collections.abc import Mapping

from .about import ABOUT
from .numbers import NUMBERS
from .row import Function
from .texts import TEXTS

__all__ = ["FUNCTIONS"]

FUNCTIONS: Mapping[str, Function] = {
    row.name.lower(): row for row in sorted((*NUMBERS, *TEXTS, *ABOUT), key=lambda row: row.name.lower())
}
