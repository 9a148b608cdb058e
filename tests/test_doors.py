"""Imports go one way only: base, proto ← wire ← vehicles ← simulator; wire ← device, gateway; all ← sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.imports import assigned_to, cycles, import_graph, imports, inside

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
        "jinqiao.testing",
    ),
}

#: What a test of a product imports: it talks to a run over HTTP, and loads nothing of it.
TESTING = ("jinqiao.testing", "jinqiao.base.errors", "jinqiao.base.words")

#: Where a room's name is not that of its package: the schemas' package is part of what goes over the wire.
PACKAGES = {"proto": "jinqiao.telemetry"}

#: Where modules of a room still import each other in a circle, if only for the type checker. This list shrinks.
KNOWN_CYCLES = {
    "simulator": "jinqiao.simulator",
}

#: Rooms within the gateway that carry the platform to somebody: they know the platform, and not each other.
ADAPTERS = (
    "amqp",
    "broker",
    "forwarding",
    "gbt32960",
    "history",
    "openapi",
    "recordings",
    "rules",
    "simulated",
    "storage",
    "stores",
    "web",
)

#: What an adapter, or the platform itself, still imports of an adapter (`platform/` may import the broker's policy:
#: that is its contract with the broker). This list shrinks.
KNOWN_ADAPTER_IMPORTS = {
    ("amqp", "forwarding"),
    ("gbt32960", "broker.policy"),
    ("history", "stores"),
    ("rules", "stores"),
    ("web", "broker"),
}


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


def test_the_tests_of_a_product_load_nothing_of_a_run() -> None:
    folder = ROOT / "sandbox" / "jinqiao" / "testing"
    found = {
        f"{path.name}: {name}"
        for path in folder.rglob("*.py")
        for name in imports(path, "jinqiao.testing")
        if inside(name, "jinqiao") and not any(inside(name, door) for door in TESTING)
    }
    assert found == {"held.py: jinqiao.sandbox.entry.main"}  # that is the run


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


@pytest.mark.parametrize(("room", "other"), [("device", "gateway"), ("gateway", "device")])
def test_neither_end_of_the_wire_imports_the_other(room: str, other: str, tmp_path: Path) -> None:
    folder = tmp_path / "jinqiao" / room
    folder.mkdir(parents=True)
    (folder / "bad.py").write_text(f"from jinqiao.{other} import anything\n")
    assert breaches(room, iter([folder / "bad.py"]), tmp_path) == [f"bad.py: jinqiao.{other}.anything"]


def unlisted_cycles(room: str, root: Path) -> list[list[str]]:
    known = KNOWN_CYCLES.get(room)
    found = cycles(import_graph(root))
    return [cycle for cycle in found if known is None or not all(inside(module, known) for module in cycle)]


@pytest.mark.parametrize("room", DOORS)
def test_no_modules_of_a_room_import_each_other(room: str) -> None:
    assert unlisted_cycles(room, ROOT / room) == []


@pytest.mark.parametrize("room", KNOWN_CYCLES)
def test_a_listed_cycle_is_still_there(room: str) -> None:
    assert cycles(import_graph(ROOT / room)) != [], f"{room} has no cycle any more: take it off KNOWN_CYCLES"


def test_a_cycle_is_seen_wherever_the_import_stands(tmp_path: Path) -> None:
    package = tmp_path / "jinqiao" / "base"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text("from .two import x\n")
    (package / "two.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from jinqiao.base.three import y\n"
    )
    (package / "three.py").write_text("def f():\n    from jinqiao.base import one\n")
    (package / "four.py").write_text("from . import one, two\nfrom .one import z\n")
    assert unlisted_cycles("base", tmp_path) == [["jinqiao.base.one", "jinqiao.base.three", "jinqiao.base.two"]]
    (package / "three.py").write_text("y = 1\n")
    assert unlisted_cycles("base", tmp_path) == []


def test_a_cycle_outside_the_listed_place_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KNOWN_CYCLES, "gateway", "jinqiao.gateway.platform")
    for place in ("platform", "broker"):
        package = tmp_path / "jinqiao" / "gateway" / place
        package.mkdir(parents=True)
        (package / "one.py").write_text("from .two import x\n")
        (package / "two.py").write_text("from .one import y\n")
    assert unlisted_cycles("gateway", tmp_path) == [["jinqiao.gateway.broker.one", "jinqiao.gateway.broker.two"]]


def adapter_imports(gateway: Path) -> set[tuple[str, str]]:
    """Pairs of a room within the gateway, adapter or platform, and a module of another adapter that it imports."""
    graph = import_graph(gateway)
    found = set()
    for module, imported in graph.items():
        room, _, _ = module.removeprefix("jinqiao.gateway.").partition(".")
        if room not in (*ADAPTERS, "platform"):
            continue
        for name in imported:
            other = name.removeprefix("jinqiao.gateway.")
            if other.partition(".")[0] in ADAPTERS and not inside(other, room):
                found.add((room, other))
    return found - {("platform", "broker.policy")}


def is_listed(pair: tuple[str, str]) -> bool:
    return any(pair[0] == room and inside(pair[1], module) for room, module in KNOWN_ADAPTER_IMPORTS)


def test_no_adapter_imports_another_and_the_platform_imports_none() -> None:
    assert sorted(pair for pair in adapter_imports(ROOT / "gateway") if not is_listed(pair)) == []


@pytest.mark.parametrize(("room", "module"), sorted(KNOWN_ADAPTER_IMPORTS))
def test_a_listed_import_of_an_adapter_is_still_there(room: str, module: str) -> None:
    found = [other for importer, other in adapter_imports(ROOT / "gateway") if importer == room]
    assert [other for other in found if inside(other, module)], "take it off KNOWN_ADAPTER_IMPORTS"


def test_every_room_of_the_gateway_is_listed() -> None:
    folders = {path.parent.name for path in (ROOT / "gateway/jinqiao/gateway").glob("*/__init__.py")}
    assert folders == {*ADAPTERS, "platform"}


def test_an_import_of_an_adapter_is_seen(tmp_path: Path) -> None:
    gateway = tmp_path / "jinqiao" / "gateway"
    for file, text in {
        "platform/platform.py": "from jinqiao.gateway.broker.policy import Policy\n",
        "platform/log.py": "from jinqiao.gateway.storage import sqlite\n",
        "platform/push.py": "def f():\n    from ..broker.broker import Broker\n",
        "storage/sqlite.py": "from ..platform.platform import Platform\nfrom .kinds import KINDS\n",
        "storage/kinds.py": "from jinqiao.gateway.web.app import app\n",
        "web/app.py": "",
        "broker/policy.py": "",
        "broker/broker.py": "",
    }.items():
        (gateway / file).parent.mkdir(parents=True, exist_ok=True)
        (gateway / file).write_text(text)
    assert adapter_imports(tmp_path) == {
        ("platform", "storage.sqlite"),
        ("platform", "broker.broker"),
        ("storage", "web.app"),
    }


def importers_of_the_platform(gateway: Path) -> list[str]:
    """Handlers of uplinks that import the whole platform, where they should ask for the parts they use."""
    platform = "jinqiao.gateway.platform"
    graph = import_graph(gateway)
    return sorted(
        module for module in graph if inside(module, f"{platform}.uplinks") and f"{platform}.platform" in graph[module]
    )


def test_no_uplink_imports_the_whole_platform() -> None:
    assert importers_of_the_platform(ROOT / "gateway") == []


def test_an_uplink_that_imports_the_whole_platform_is_seen(tmp_path: Path) -> None:
    uplinks = tmp_path / "jinqiao" / "gateway" / "platform" / "uplinks"
    uplinks.mkdir(parents=True)
    (uplinks.parent / "platform.py").write_text("")
    (uplinks / "bad.py").write_text("if 1:\n    from ..platform import Platform\n")
    (uplinks / "good.py").write_text("from . import bad\n")
    assert importers_of_the_platform(tmp_path) == ["jinqiao.gateway.platform.uplinks.bad"]


def assignments(root: Path) -> set[str]:
    """`file: attribute` for each attribute of a platform that a file of the gateway or the sandbox assigns."""
    found = set()
    for room in ("gateway", "sandbox"):
        for path in (root / room / "jinqiao").rglob("*.py"):
            name = path.relative_to(root / room / "jinqiao").as_posix()
            found |= {f"{name}: {attribute}" for attribute in assigned_to(path, "platform")}
    return found


def test_nobody_assigns_an_attribute_of_the_platform() -> None:
    assert sorted(assignments(ROOT)) == []


def test_an_assignment_is_seen(tmp_path: Path) -> None:
    sandbox = tmp_path / "sandbox" / "jinqiao" / "sandbox"
    sandbox.mkdir(parents=True)
    (sandbox / "bad.py").write_text(
        "def f(self, platform, other):\n"
        "    platform.one = 1\n"
        "    self.platform.two += 1\n"
        "    platform.three[5] = other.four = 2\n"
        "    a, self.world.platform.five = 1, 2\n"
        "    del platform.six\n"
        "    setattr(platform, 'seven', 1)\n"
        "    with other as platform.eight:\n"
        "        pass\n"
        "    other.platform = platform\n"
        "    read = platform.nine\n"
    )
    names = ("one", "two", "three", "five", "six", "'seven'", "eight")
    assert assignments(tmp_path) == {f"sandbox/bad.py: {name}" for name in names}


def test_the_namespace_stays_open() -> None:
    assert list(ROOT.glob("*/jinqiao/__init__.py")) == []
