"""Which physics a vehicle needs: none until somebody looks, a driving second, or a charging second."""

from __future__ import annotations

__all__ = ["CHARGING", "RESTING", "ROLLING"]

RESTING, ROLLING, CHARGING = 0, 1, 2
