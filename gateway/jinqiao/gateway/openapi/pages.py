"""Pages of a list: `CurrentPage` from 1 and `PageSize`, by the documentation of each action."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from .arguments import Arguments
from .errors import ApiError

__all__ = ["Page"]

T = TypeVar("T")

_DEFAULT_SIZE = 10


@dataclass(frozen=True, slots=True)
class Page:
    """Number of the page, from 1, and its rows."""

    number: int
    size: int

    @classmethod
    def of(cls, args: Arguments, most: int, named: str = "CurrentPage") -> Page:
        """The page that a call asks for; raises ApiError for one that cannot be."""
        number, size = args.number(named, 1), args.number("PageSize", _DEFAULT_SIZE)
        if number < 1 or not 1 <= size <= most:
            why = f"{named} must be from 1 and PageSize from 1 to {most}, found {number} and {size}"
            raise ApiError("iot.common.InvalidPageParams", why)
        return cls(number, size)

    @property
    def first(self) -> int:
        """How many rows are before it."""
        return (self.number - 1) * self.size

    def rows(self, all_rows: Sequence[T]) -> Sequence[T]:
        """Those of the page."""
        return all_rows[self.first : self.first + self.size]

    def members(self, total: int, named: str = "CurrentPage") -> dict[str, int]:
        """What an answer says of itself."""
        return {"Total": total, "PageCount": -(-total // self.size), named: self.number, "PageSize": self.size}
