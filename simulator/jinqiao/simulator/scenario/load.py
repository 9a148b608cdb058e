"""From a scenario file to a `Scenario`, or to one error with every problem of the file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar, overload

from jinqiao.base.document import Document
from jinqiao.base.errors import ScenarioError
from jinqiao.vehicles.catalogue import catalogue_ids

from .consistency import inconsistencies
from .doubts import doubts
from .model import Scenario
from .named import named_places
from .own_vehicles import own_vehicles

__all__ = ["load_scenario", "parse_scenario"]

#: A scenario is written by a person; a megabyte is some 10,000 fleets.
MAX_BYTES = 1024 * 1024


ScenarioT = TypeVar("ScenarioT", bound=Scenario)


@overload
def load_scenario(path: Path | str, *, catalogue: Iterable[str] | None = None) -> Scenario: ...
@overload
def load_scenario(path: Path | str, *, catalogue: Iterable[str] | None = None, model: type[ScenarioT]) -> ScenarioT: ...
def load_scenario(
    path: Path | str, *, catalogue: Iterable[str] | None = None, model: type[Scenario] = Scenario
) -> Scenario:
    """The scenario in a file. `catalogue` holds the known vehicle ids; those of the shipped catalogue if not given.

    `model` is the language, where it knows more than the simulator does (sinks).

    Raises ScenarioError with every problem of the file, in its order, each with line and column, and those of the
    vehicle files it names.
    """
    document = Document.load(path, error=ScenarioError, max_bytes=MAX_BYTES)
    return _checked(document, catalogue, model, Path(path))


def parse_scenario(
    text: str,
    *,
    name: str = "scenario.yaml",
    catalogue: Iterable[str] | None = None,
    model: type[Scenario] = Scenario,
) -> Scenario:
    """The scenario in a text; `name` stands for the file in messages. Otherwise as load_scenario."""
    return _checked(Document(text, name=name, error=ScenarioError), catalogue, model, None)


def _checked(document: Document, catalogue: Iterable[str] | None, model: type[Scenario], path: Path | None) -> Scenario:
    known = tuple(catalogue_ids() if catalogue is None else catalogue)
    folder = Path() if path is None else path.parent
    own, problems = own_vehicles(document, folder, known)
    try:
        scenario = document.check(model, context={"catalogue": (*known, *own), "folder": folder}, also=inconsistencies)
    except ScenarioError as error:
        raise ScenarioError([*error.problems, *problems]) from error
    if problems:
        raise ScenarioError(problems)
    scenario.expected_at([document.position(("expect", index))[0] for index in range(len(scenario.expect))])
    scenario.named_at(named_places(document, scenario))
    found = [document.problem(f.path, f.message, hint=f.hint, key=f.key, at=f.at) for f in doubts(scenario)]
    scenario.read_from(
        {name: vehicle for name, vehicle in own.items() if vehicle is not None},
        sorted(found, key=lambda problem: (problem.line, problem.column)),
        "" if path is None else _digest([path, *(folder / name for name in own)]),
    )
    return scenario


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
