"""Every error of the project, one tree.

JinqiaoError
├── InputError            a file or an option is wrong; carries a list of Problem (exit code 2)
│   ├── ScenarioError     scenario YAML
│   ├── CatalogError      vehicle YAML
│   ├── RegistryError     registry YAML and thing models
│   └── RuleError         the SQL of a rule
├── ExpectationFailed     a run did what it should not (exit code 1)
├── EnvironmentFault      port taken, broker gone, file not writable (exit code 3)
├── BodyError             a value in a request's body does not fit (JSON pointer); refuses that request
├── ProtocolError         bytes from the network break their protocol; closes that connection, nothing else
└── PlatformError(code)   a request the platform answers with a code (device-side error table)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .words import show

__all__ = [
    "BodyError",
    "CatalogError",
    "EnvironmentFault",
    "ExpectationFailed",
    "InputError",
    "JinqiaoError",
    "PlatformError",
    "Problem",
    "ProtocolError",
    "RegistryError",
    "RuleError",
    "ScenarioError",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in one file: where it is, what was found, what is expected and the way out."""

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return self._text("")

    def as_warning(self) -> str:
        """The same of what is no error."""
        return self._text("warning: ")

    def _text(self, grade: str) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: "
        subject = f"{self.path}: " if self.path else ""
        return f"{place}{grade}{subject}{self.message}" + (f"\n  {self.hint}" if self.hint else "")


class JinqiaoError(Exception):
    """Root of the tree; `exit_code` is what the command line ends with."""

    exit_code = 1


class InputError(JinqiaoError):
    """Wrong input or usage: all problems found, in the order of the file."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem] | str) -> None:
        if isinstance(problems, str):
            problems = [Problem("", 0, 0, "", problems)]
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem).removeprefix(": ") for problem in self.problems))


class ScenarioError(InputError):
    """A scenario file cannot be run as written."""


class CatalogError(InputError):
    """A vehicle file, or a reference to one, is wrong."""


class RegistryError(InputError):
    """A registry file or a thing model is wrong."""


class RuleError(InputError):
    """The SQL of a rule is wrong at `line` and `column`, both from 1: what was found there, and what is expected."""

    def __init__(self, line: int, column: int, found: str, expected: str, hint: str = "") -> None:
        self.line, self.column, self.found, self.expected = line, column, found, expected
        super().__init__([Problem("SQL", line, column, "", f"found {found}, expected {expected}", hint)])


class ExpectationFailed(JinqiaoError):
    """A run went to its end, but what it was to prove does not hold."""


class EnvironmentFault(JinqiaoError):
    """The machine or a peer failed, not the user's input."""

    exit_code = 3


class BodyError(JinqiaoError):
    """A request that does not fit: `pointer` (RFC 6901) is the place in its JSON body, `found` the value there.

    `expected` says what fits, with the nearest name where one was meant.
    """

    def __init__(self, pointer: str, found: Any, expected: str) -> None:
        self.pointer, self.found, self.expected = pointer, found, expected
        super().__init__(f"{pointer or 'the request'}: found {show(found)}, expected {expected}")

    def as_json(self) -> dict[str, Any]:
        """The answer's `error`."""
        return {"pointer": self.pointer, "found": self.found, "expected": self.expected}


class ProtocolError(JinqiaoError):
    """Bytes from a peer break the protocol; `reason` is the standard's code where it has one."""

    def __init__(self, message: str, reason: int = 0) -> None:
        self.reason = reason
        super().__init__(message)


class PlatformError(JinqiaoError):
    """A request refused with one of the platform's codes."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code} {message}")
