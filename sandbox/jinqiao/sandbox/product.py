"""The product that simulated vehicles are devices of."""

from __future__ import annotations

__all__ = ["PRODUCT_KEY"]

PRODUCT_KEY = "a1JinqiaoEV"  # eleven characters, as the platform's product keys have
