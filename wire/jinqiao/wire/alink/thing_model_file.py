"""Thing models as files: TSL, JSON as the platform exports it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from jinqiao.base.document import MAX_BYTES, Document
from jinqiao.base.errors import Problem, RegistryError

from . import tsl_schema
from .thing_model import ThingModel, Validation

__all__ = ["load_thing_model"]


def load_thing_model(path: Path | str, *, validation: Validation = "strong") -> ThingModel:
    """Read a TSL file (JSON); raises RegistryError with every problem as file:line:column."""
    name = str(path)
    try:
        raw = Path(path).read_bytes()
        text = raw.decode("utf-8-sig")
    except FileNotFoundError:
        raise RegistryError([Problem(name, 0, 0, "", "no such file")]) from None
    except OSError as problem:
        raise RegistryError([Problem(name, 0, 0, "", f"cannot be read: {problem.strerror}")]) from problem
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        raise RegistryError([Problem(name, line, 1, "", "not UTF-8 text")]) from problem
    if len(raw) > MAX_BYTES:
        raise RegistryError([Problem(name, 0, 0, "", f"{len(raw)} bytes, expected at most {MAX_BYTES}")])
    try:
        return ThingModel(json.loads(text, object_pairs_hook=_keys_once), validation=validation)
    except json.JSONDecodeError as problem:
        raise RegistryError([Problem(name, problem.lineno, problem.colno, "", f"not JSON: {problem.msg}")]) from problem
    except RecursionError as problem:
        raise RegistryError([Problem(name, 1, 1, "", "not JSON: nested too deep")]) from problem
    except (ValidationError, _SameKeyTwiceError) as problem:
        raise _explained(text, name) from problem


class _SameKeyTwiceError(Exception):
    pass


def _keys_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _SameKeyTwiceError
    return result


def _explained(text: str, name: str) -> RegistryError:
    """The same file read again as YAML, of which JSON is a part: slower, but it knows where everything stands.

    YAML refuses tabs as indentation; JSON has them nowhere but there, so a blank in their place moves nothing.
    """
    try:
        Document(text.replace("\t", " "), name=name, error=RegistryError).check(tsl_schema.Tsl)
    except RegistryError as problems:
        return problems
    return RegistryError([Problem(name, 1, 1, "", "not a thing model")])
