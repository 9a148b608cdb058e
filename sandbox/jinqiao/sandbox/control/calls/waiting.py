"""Parts of a run that are not there yet."""

from __future__ import annotations

from ...run.control import NotNow

__all__ = ["not_built"]


def not_built(what: str) -> NotNow:
    """The refusal of what a run cannot do yet."""
    return NotNow(f"a run without {what}", f"a version of Jinqiao whose runs have {what}")
