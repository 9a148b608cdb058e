"""Names that somebody else chose, as they are shown: without line breaks, not too wide, and never as markup."""

from __future__ import annotations

from rich.text import Text

__all__ = ["cell", "short"]

#: Columns of a terminal for one name; the longest id of the catalogue takes 29. JSON always has the whole.
_WIDEST = 40


def cell(text: str, most: int = _WIDEST) -> Text:
    """A table's cell: what is wider than `most` columns ends in an ellipsis."""
    shown = Text(" ".join("".join(char if char.isprintable() else " " for char in text).split()))
    shown.truncate(most, overflow="ellipsis")
    shown.overflow = "fold"  # what is left is shown whole, over two lines if need be
    return shown


def short(text: str, most: int = _WIDEST) -> str:
    """The same within a line of text."""
    return cell(text, most).plain
