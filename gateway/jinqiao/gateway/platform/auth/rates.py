"""Whose rates the platform keeps."""

from __future__ import annotations

from typing import Literal

__all__ = ["RatesOf"]

#: Those of all devices, of real ones only, or of none.
RatesOf = Literal["all", "real", "none"]
