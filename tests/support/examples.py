"""How many examples a property is tried with, beside the profile's usual number (see `tests/conftest.py`)."""

from __future__ import annotations

from hypothesis import settings

__all__ = ["examples"]

_USUAL = 100


def examples(count: int) -> int:
    """`count` in the usual profile, in proportion in others; at least one."""
    return max(1, count * settings.default.max_examples // _USUAL)
