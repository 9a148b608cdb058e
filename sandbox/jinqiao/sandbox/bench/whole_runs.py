"""A whole program, from its start to its end, and what it took."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from jinqiao.base.errors import EnvironmentFault

__all__ = ["finished", "measured"]


def measured(command: Sequence[str], *, also: Collection[int] = ()) -> dict[str, float]:
    """Run a program to its end: processor time of it and all it started and waited for, and wall time, s.

    Raises EnvironmentFault when it fails; exit codes of `also` are no failure.
    """
    before, began = os.times(), time.perf_counter()
    finished(command, also=also)
    wall_s, after = time.perf_counter() - began, os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return {"cpu_s": round(cpu_s, 2), "wall_s": round(wall_s, 2)}


def finished(command: Sequence[str], *, also: Collection[int] = ()) -> None:
    """Run a program to its end. Raises EnvironmentFault when it fails; exit codes of `also` are no failure."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and done.returncode not in also:
        told = done.stderr.strip().splitlines() or ["no message"]
        raise EnvironmentFault(f"{Path(command[0]).name} failed (exit status {done.returncode}): {told[-1]}")
