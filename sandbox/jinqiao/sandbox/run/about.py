"""What a run was made of, so that two summaries can be distinguished: versions, machine, scenario."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import numpy as np

from .plan import Plan

__all__ = ["about_run"]


def about_run(plan: Plan) -> dict[str, Any]:
    """`scenario_sha256` is the digest of the scenario's file and of the vehicle files that it names."""
    return {
        "version": version("jinqiao"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
        "scenario_sha256": plan.scenario.sha256,
        "start": plan.scenario.start.isoformat(),
    }
