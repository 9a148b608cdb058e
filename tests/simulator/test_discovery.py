"""Tables that are made of a folder: a file more is a row more."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest


def test_a_file_of_the_folder_is_imported_and_nothing_else_is_edited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "kinds_of_test"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from jinqiao.simulator.language.discovery import import_all\nTABLE = []\nimport_all(__name__, __path__)\n"
    )
    for name in ("b", "a"):
        (folder / f"{name}.py").write_text(f"from . import TABLE\nTABLE.append({name!r})\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert importlib.import_module("kinds_of_test").TABLE == ["a", "b"]
