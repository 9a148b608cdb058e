"""The kinds of sink, a file each. Whatever stands in this folder and is marked with `@sink` is in `SINKS`."""

from jinqiao.simulator.language.discovery import import_all

from ..base import SINKS

__all__ = ["SINKS"]

import_all(__name__, __path__)
