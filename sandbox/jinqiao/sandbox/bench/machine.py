"""What machine a figure was measured on, and when."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["machine", "ratio", "resident_bytes"]


def machine() -> dict[str, Any]:
    """Processor, cores, system, Python and date, for the head of a result."""
    return {
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def resident_bytes() -> int:
    """Resident memory of this process (Linux: /proc/self/statm); 0 where it is unknown."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def ratio(one: float, other: float) -> float | None:
    """`one / other`, or None where a run was too short to tell: processor time is counted in ticks of 10 ms."""
    return round(one / other, 2) if one > 0 and other > 0 else None
