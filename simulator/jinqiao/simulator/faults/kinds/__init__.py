"""The kinds of fault, a class each. Whatever stands in this folder and is marked with `@fault` is in `KINDS`."""

from ...language.discovery import import_all
from ..base import KINDS

__all__ = ["KINDS"]

import_all(__name__, __path__)
