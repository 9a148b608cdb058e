"""Imports go one way only: base, proto ← wire ← vehicles ← simulator; wire ← device, gateway; all ← sandbox."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

#: For each room, the modules of the project it may import (itself always).
DOORS = {
    "base": (),
    "proto": (),
    "wire": ("jinqiao.base", "jinqiao.telemetry"),
    "vehicles": ("jinqiao.base", "jinqiao.wire"),
    "simulator": ("jinqiao.base", "jinqiao.wire", "jinqiao.vehicles"),
    "device": ("jinqiao.base", "jinqiao.wire"),
    "gateway": ("jinqiao.base", "jinqiao.wire", "jinqiao.telemetry"),
    "sandbox": (
        "jinqiao.base",
        "jinqiao.wire",
        "jinqiao.telemetry",
        "jinqiao.vehicles",
        "jinqiao.simulator",
        "jinqiao.device",
        "jinqiao.gateway",
    ),
}

#: Where a room's name is not that of its package: the schemas' package is part of what goes over the wire.
PACKAGES = {"proto": "jinqiao.telemetry"}


def imports(path: Path, package: str) -> Iterator[str]:
    """Absolute names of all that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def inside(name: str, module: str) -> bool:
    return name == module or name.startswith(module + ".")


def breaches(room: str, files: Iterator[Path], root: Path) -> list[str]:
    allowed = (PACKAGES.get(room, f"jinqiao.{room}"), *DOORS[room])
    found = []
    for path in files:
        package = ".".join(path.relative_to(root).parent.parts)
        for name in imports(path, package):
            if inside(name, "jinqiao") and not any(inside(name, door) for door in allowed):
                found.append(f"{path.name}: {name}")
    return found


@pytest.mark.parametrize("room", DOORS)
def test_a_room_uses_its_own_doors_only(room: str) -> None:
    assert breaches(room, (ROOT / room / "jinqiao").rglob("*.py"), ROOT / room) == []


def test_every_room_is_listed() -> None:
    assert {path.parent.name for path in ROOT.glob("*/jinqiao")} == set(DOORS)


def test_a_breach_is_seen(tmp_path: Path) -> None:
    room = tmp_path / "jinqiao" / "gateway"
    room.mkdir(parents=True)
    (room / "bad.py").write_text(
        "def f():\n    from jinqiao.vehicles import fleet\n    from ..simulator import world\n"
    )
    assert breaches("gateway", iter([room / "bad.py"]), tmp_path) == [
        "bad.py: jinqiao.vehicles.fleet",
        "bad.py: jinqiao.simulator.world",
    ]


def test_the_namespace_stays_open() -> None:
    assert list(ROOT.glob("*/jinqiao/__init__.py")) == []
