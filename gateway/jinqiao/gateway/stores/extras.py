"""Libraries that only stores need are extras: loaded when the first store is opened, asked for by name if missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from jinqiao.base.errors import InputError
from jinqiao.base.extras import how_to_install

__all__ = ["load"]


def load(module: str, extra: str, what: str) -> Any:
    """The module; raises InputError that says how to get it. `what` is what the user asked for."""
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(f"{what} needs the extra {extra!r}: {how_to_install(extra)}") from error
