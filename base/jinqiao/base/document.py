"""YAML documents checked against a pydantic model, every problem in words and with its place.

All problems of a file are reported together, each as `file:line:column: path: found, expected`. Used for scenarios,
vehicle files and registries, so that every file of the project fails in the same words.

A model may name the keys of a later version: `later_keys: ClassVar[Mapping[str, str]]`, key to what it stands for.
A validator that has a way out to offer beside its sentence raises `Refused(sentence, hint)`; one that reads a text of
several parts says where in it the mistake is, `Refused(sentence, at=offset)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from .errors import InputError, Problem
from .explain import Finding, explain
from .words import Refused, did_you_mean
from .yaml_tree import YamlFault, YamlTree

__all__ = ["MAX_BYTES", "Document", "Finding", "Refused", "did_you_mean"]

#: A larger file is refused before it is parsed: a scenario or registry of this project stays far below it.
MAX_BYTES = 16 * 1024 * 1024

ModelT = TypeVar("ModelT", bound=BaseModel)


class Document:
    """One parsed YAML file: its plain `data` (keys and dates are text), and the position of each key and value.

    Raises the given InputError subclass when the file is absent, too large, not UTF-8 or not YAML.
    """

    def __init__(self, text: str, *, name: str, error: type[InputError] = InputError) -> None:
        self.name = name
        self.error = error
        try:
            self._tree = YamlTree(text)
        except YamlFault as fault:
            raise error([Problem(name, line, column, "", what) for line, column, what in fault.faults]) from fault
        self.data: Any = self._tree.data

    @classmethod
    def load(cls, path: Path | str, *, error: type[InputError] = InputError, max_bytes: int = MAX_BYTES) -> Document:
        """Read one file; `path` stays as written in every message."""
        name = str(path)
        try:
            with Path(path).open("rb") as file:
                raw = file.read(max_bytes + 1)
        except FileNotFoundError as problem:
            raise error([Problem(name, 0, 0, "", "no such file")]) from problem
        except (OSError, ValueError) as problem:  # ValueError: a NUL in the path
            what = problem.strerror if isinstance(problem, OSError) else str(problem)
            raise error([Problem(name, 0, 0, "", f"cannot be read: {what}")]) from problem
        if len(raw) > max_bytes:
            raise error([Problem(name, 0, 0, "", f"found a larger file, expected at most {max_bytes} bytes")])
        try:
            return cls(raw.decode("utf-8"), name=name, error=error)
        except UnicodeDecodeError as problem:
            line = raw.count(b"\n", 0, problem.start) + 1
            raise error([Problem(name, line, 1, "", "not UTF-8 text")]) from problem

    def position(self, location: Sequence[str | int], *, key: bool = False, at: int | None = None) -> tuple[int, int]:
        """Line and column of the value at `location` (of its key if `key`, of its character `at`); of its nearest
        parent if absent.
        """
        return self._tree.position(location, key=key, at=at)

    def has(self, location: Sequence[str | int]) -> bool:
        """Whether the file holds a value at exactly this location."""
        return self._tree.has(location)

    def problem(
        self,
        location: Sequence[str | int],
        message: str,
        *,
        hint: str = "",
        key: bool = False,
        at: int | None = None,
    ) -> Problem:
        """A problem at a place of this file; with `at`, at that character of the text there."""
        line, column = self.position(location, key=key, at=at)
        return Problem(self.name, line, column, ".".join(str(step) for step in location), message, hint)

    def check(
        self,
        model: type[ModelT],
        *,
        context: Mapping[str, Any] | None = None,
        also: Callable[[Any], Iterable[Finding]] | None = None,
    ) -> ModelT:
        """The document as a `model`, or one error with every problem in the order of the file.

        `also` looks at the plain data, whatever its shape, for what no field can see alone (a name given twice);
        its findings are reported together with the model's.
        """
        findings = list(also(self.data)) if also else []
        try:
            checked = model.model_validate(self.data, context=dict(context or {}))
        except ValidationError as invalid:
            findings += explain(model, invalid.errors(include_url=False), self._tree)
            raise self._refused(findings) from invalid
        if findings:
            raise self._refused(findings)
        return checked

    def _refused(self, findings: Iterable[Finding]) -> InputError:
        return self.refusal(self.problem(f.path, f.message, hint=f.hint, key=f.key, at=f.at) for f in findings)

    def refusal(self, problems: Iterable[Problem]) -> InputError:
        """The error of this document's kind for these problems, sorted as they stand in the file, without repeats."""
        return self.error(sorted(dict.fromkeys(problems), key=lambda p: (p.line, p.column)))
