"""What rules do with their output: one file a kind, entered in the table of `base`."""

from __future__ import annotations

from . import group, influx, kafka, parquet, republish, webhook
from .base import KINDS

__all__ = ["KINDS", "group", "influx", "kafka", "parquet", "republish", "webhook"]
