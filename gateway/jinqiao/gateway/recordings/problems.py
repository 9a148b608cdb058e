"""What a reader or writer has to say: single problems with their place, and what there are many of with a count."""

from __future__ import annotations

from collections import Counter

__all__ = ["Problems"]

_KEPT = 20


class Problems:
    """`add` a problem of one place; `count` what may happen to every row. `lines` is what is shown of them."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._more = 0
        self._counts: Counter[str] = Counter()

    def add(self, text: str) -> None:
        """One problem; the first are kept, the others counted."""
        if len(self._kept) < _KEPT:
            self._kept.append(text)
        else:
            self._more += 1

    def count(self, what: str, number: int = 1) -> None:
        """So many more of something; `what` reads well behind a number."""
        self._counts[what] += number

    def lines(self, path: object) -> list[str]:
        """Problems, how many more there were, and the counts."""
        more = [f"{path}: and {self._more:,} more problems like these"] if self._more else []
        return [*self._kept, *more, *(f"{path}: {count:,} {what}" for what, count in self._counts.items())]
