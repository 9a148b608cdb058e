"""Vehicles that a scenario names by their VINs: which there are shows when the fleet is made, not before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.document import Document
from jinqiao.base.errors import Problem, ScenarioError

from ..language.selection import Selection

if TYPE_CHECKING:
    from .model import Scenario

__all__ = ["named_places", "refuse_unknown", "selections"]

#: Of one list so many are told: the nearest name of each is looked for.
_MOST = 20


def selections(scenario: Scenario) -> Iterator[tuple[str, int, Selection]]:
    """Every `on:` of a scenario: its key, its number there, what it says."""
    for key in ("commands", "faults", "network"):
        for index, step in enumerate(getattr(scenario, key)):
            yield key, index, step.on


def named_places(document: Document, scenario: Scenario) -> dict[tuple[str, int, str], Problem]:
    """Where each vehicle is named: a problem that lacks its message, by key, number and VIN."""
    found = {}
    for key, index, on in selections(scenario):
        for number, vin in enumerate(on.vins):
            path = (key, index, "on", number)
            found[key, index, vin] = document.problem(path if document.has(path) else path[:3], "")
    return found


def refuse_unknown(scenario: Scenario, names: NDArray[np.bytes_]) -> None:
    """Raises ScenarioError with the vehicles that a scenario names and that are not among these VINs, shape (n,)."""
    problems = []
    for key, index, on in selections(scenario):
        for vin, message in islice(on.unknown_vins(names), _MOST):
            nowhere = Problem(scenario.name, 0, 0, f"{key}.{index}.on", "")
            problems.append(replace(scenario.named.get((key, index, vin), nowhere), message=message))
    if problems:
        raise ScenarioError(problems)
