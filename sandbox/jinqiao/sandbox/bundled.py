"""The scenarios that come with the program, by name: installed beside the package, or in the checkout.

`jinqiao run jinqiao-morning` works in any folder, and so does the path that the documentation uses,
`scenarios/jinqiao-morning.yaml`. A file of yours always comes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jinqiao.base.errors import InputError
from jinqiao.base.words import did_you_mean

__all__ = ["bundled_scenario", "bundled_scenarios", "scenario_file"]

_HERE = Path(__file__).resolve()
#: In a wheel beside the rooms of the package, in a checkout beside the folder of this room.
_FOLDERS = (_HERE.parents[1] / "scenarios", _HERE.parents[3] / "scenarios")
#: Folders under which a bundled scenario may be named.
_NAMED_UNDER = (Path("."), Path("scenarios"))


def bundled_scenarios() -> Mapping[str, Path]:
    """Name → file, sorted by name."""
    folder = next((folder for folder in _FOLDERS if folder.is_dir()), None)
    return {} if folder is None else {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def bundled_scenario(name: str) -> Path:
    """The file of this bundled scenario. Raises InputError."""
    bundled = bundled_scenarios()
    if name not in bundled:
        raise InputError(f"no bundled scenario {name!r}{did_you_mean(name, bundled)}\n  {_listed(bundled)}")
    return bundled[name]


def scenario_file(path: Path) -> Path:
    """The file that is meant: this one, or the bundled scenario of this name. Raises InputError if there is none."""
    if path.exists():
        return path
    bundled = bundled_scenarios()
    name = path.name.removesuffix(".yaml")
    if path.parent in _NAMED_UNDER and name in bundled:
        return bundled[name]
    raise InputError(f"{path}: no such file{did_you_mean(name, bundled)}\n  {_listed(bundled)}")


def _listed(bundled: Mapping[str, Path]) -> str:
    return f"bundled: {', '.join(bundled)}" if bundled else "no scenario is bundled"
