"""How this program was started, for the lines it prints: what is pasted has to run in the same shell."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

__all__ = ["program"]

_NAME = "jinqiao"


def program() -> str:
    """`jinqiao` where the shell finds it under that name, else the path or the interpreter it was started by."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is not None and spec.name.startswith("jinqiao."):  # python -m
        return f"{shlex.quote(sys.executable)} -m {spec.name}"
    started = Path(sys.argv[0])
    if started.name != _NAME:  # called by another program, such as a test
        return _NAME
    found = shutil.which(_NAME)
    if found is not None and Path(found).resolve() == started.resolve():
        return _NAME
    return shlex.quote(sys.argv[0])
