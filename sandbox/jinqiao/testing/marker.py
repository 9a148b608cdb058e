"""From the marker `jinqiao` of a test to its sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from jinqiao.base.errors import InputError
from jinqiao.base.words import did_you_mean, one_of

from .sandbox import Sandbox

__all__ = ["sandbox_of"]


def sandbox_of(item: pytest.Item) -> Sandbox:
    """The sandbox that the markers of a test ask for; the nearest one wins. Raises InputError for what does not fit."""
    asked: dict[str, Any] = {}
    for marker in reversed(list(item.iter_markers("jinqiao"))):
        asked |= _named(marker.args, marker.kwargs)
    asked = {name: value for name, value in asked.items() if value is not None}
    for name, value in asked.items():
        _check(name, value)
    if "scenario" not in asked:
        raise InputError(
            f'{item.nodeid}: found no scenario for the fixture `sandbox`, expected @pytest.mark.jinqiao(scenario="…")'
        )
    folders = (item.path.parent, item.config.rootpath)
    for name in _FILES & asked.keys():
        asked[name] = _found(name, Path(asked[name]), folders)
    return Sandbox(**asked)


def _named(arguments: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
    if len(arguments) > 1 or (arguments and "scenario" in named):
        raise InputError(
            f"@pytest.mark.jinqiao: found {len(arguments)} arguments without a name, expected the scenario"
        )
    return {**({"scenario": arguments[0]} if arguments else {}), **named}


def _whole(least: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_speed(value: Any) -> bool:
    return value == "max" or (isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e6)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_path(value: Any) -> bool:
    return isinstance(value, (str, Path)) and str(value) != ""


#: Of each argument what fits, and how that is said.
_ARGUMENTS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "scenario": (_is_path, "a scenario file, or the name of a bundled scenario"),
    "vehicles": (_whole(1), "a number of vehicles, at least 1"),
    "seed": (_whole(0), "a whole number, at least 0"),
    "towns": (_whole(1), "a number of towns, at least 1"),
    "registry": (_is_path, "a registry file"),
    "data": (_is_path, "a data folder"),
    "speed": (_is_speed, 'simulated seconds per second, or "max"'),
    "lock_step": (_is_name, "the client id of an MQTT client"),
}
_FILES = {"scenario", "registry", "data"}


def _check(name: str, value: Any) -> None:
    if name not in _ARGUMENTS:
        near = did_you_mean(name, _ARGUMENTS)
        raise InputError(f"@pytest.mark.jinqiao: no argument {name!r}{near}, expected {one_of(list(_ARGUMENTS))}")
    fits, expected = _ARGUMENTS[name]
    if not fits(value):
        raise InputError(f"@pytest.mark.jinqiao: {name}: found {value!r}, expected {expected}")


def _found(name: str, path: Path, folders: tuple[Path, ...]) -> Path:
    """The file beside the test or below the root folder; a data folder may be new, a scenario a bundled one."""
    for folder in folders:
        if (folder / path).exists():
            return folder / path
    if name == "data":
        return folders[0] / path
    if name == "scenario" and path.suffix == "" and path.parent == Path("."):
        return path
    places = " nor in ".join(str(folder) for folder in dict.fromkeys(folders))
    raise InputError(f"@pytest.mark.jinqiao: {name}: no file {str(path)!r} in {places}")
