"""Tables that are made of the classes of a folder: a file more is a row more, and nothing else is edited."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from importlib import import_module

__all__ = ["import_all"]


def import_all(package: str, path: Iterable[str]) -> None:
    """Import every module of `package`, whose `__path__` is `path`, in the order of their names."""
    for found in pkgutil.iter_modules(path):
        import_module(f"{package}.{found.name}")
