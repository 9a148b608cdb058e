"""Thing models as files: TSL, JSON as the platform exports it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from jinqiao.base.document import MAX_BYTES, Document
from jinqiao.base.errors import Problem, RegistryError

from . import tsl_schema
from .thing_model import FEATURES, ThingModel, Validation

__all__ = ["load_thing_model", "load_thing_models"]

#: What the head of a thing model has; with one of these a model may be without features.
_HEAD = ("profile", "schema")


def load_thing_model(path: Path | str, *, validation: Validation = "strong") -> ThingModel:
    """Read a TSL file (JSON); raises RegistryError with every problem as file:line:column."""
    return _read(path, validation)


def load_thing_models(paths: Sequence[Path | str], *, validation: Validation = "strong") -> ThingModel:
    """One thing model of several files, as the platform's console exports them: a file for each module.

    Raises RegistryError with the problems of all files, and where two files are the same module.
    """
    models, problems = list[tuple[str, ThingModel]](), list[Problem]()
    for path in paths:
        try:
            models.append((str(path), _read(path, validation)))
        except RegistryError as refused:
            problems += refused.problems
    whole: dict[str, Any] = {}
    blocks: dict[str, Any] = {}
    for name, model in models:
        block = model.tsl.get("functionBlockId")
        if block is None and whole:
            problems.append(Problem(name, 1, 1, "", "a second default module; others have a functionBlockId"))
        elif block is None:
            whole = dict(model.tsl)
        elif block in blocks:
            problems.append(Problem(name, 1, 1, "functionBlockId", f"module {block!r} appears in two files"))
        else:
            blocks[block] = model.tsl
    if problems:
        raise RegistryError(problems)
    named = {block["functionBlockId"]: block for block in whole.get("functionBlocks", ())}
    whole["functionBlocks"] = list({**named, **blocks}.values())
    return ThingModel(whole, validation=validation)


def _read(path: Path | str, validation: Validation) -> ThingModel:
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
        tsl = json.loads(text, object_pairs_hook=_keys_once)
        if type(tsl) is dict and (why := _is_none(tsl)):
            raise RegistryError([Problem(name, 1, 1, "", *why)])
        return ThingModel(tsl, validation=validation)
    except json.JSONDecodeError as problem:
        raise RegistryError([Problem(name, problem.lineno, problem.colno, "", f"not JSON: {problem.msg}")]) from problem
    except RecursionError as problem:
        raise RegistryError([Problem(name, 1, 1, "", "not JSON: nested too deep")]) from problem
    except (ValidationError, _SameKeyTwiceError) as problem:
        raise _explained(text, name) from problem


def _is_none(tsl: Mapping[str, Any]) -> tuple[str, str] | None:
    """Why a document is no thing model and what it may be, None for one that is."""
    if any(tsl.get(name) for name in (*FEATURES, "functionBlocks")):
        return None
    if any(name in tsl for name in FEATURES) and any(name in tsl for name in _HEAD):
        return None
    why = f"no thing model: found {', '.join(list(tsl)[:5]) or 'nothing'}, expected {', '.join(FEATURES)}"
    data = tsl.get("Data")
    if type(data) is dict and "TslStr" in data:
        return why, "this is the answer of a cloud call: the text in Data.TslStr is the thing model"
    if near := [name for name in tsl if name.lower() in FEATURES]:
        return why, f"names are written small: {near[0].lower()!r}, not {near[0]!r}"
    if "ThingModelJson" in tsl or (type(data) is dict and "ThingModelJson" in data):
        return why, "ThingModelJson is another form: export the TSL"
    return why, ""


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
