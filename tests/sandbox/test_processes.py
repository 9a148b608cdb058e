"""What each of a run's two processes loads: a simulator loads no server, and the server's end no simulator."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.program

SERVER = ("broker.server", "broker.broker", "platform.platform", "openapi", "web", "storage", "history", "service")


def loaded(statement: str) -> set[str]:
    code = f"{statement}; import sys; print('\\n'.join(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(out.stdout.split())


def test_the_simulators_process_loads_no_server() -> None:
    modules = loaded("import jinqiao.sandbox.run.session, jinqiao.sandbox.run.start")
    assert "jinqiao.simulator.world" in modules
    assert sorted(modules & {f"jinqiao.gateway.{name}" for name in SERVER}) == []
    assert not modules & {"starlette", "uvicorn", "sqlite3"}


def test_the_gateways_process_loads_no_simulator() -> None:
    modules = loaded("import jinqiao.sandbox.run.gateway_process")
    assert "jinqiao.gateway.service" in modules
    assert not [
        name for name in modules if name.startswith(("jinqiao.simulator", "jinqiao.vehicles", "simpy", "scipy"))
    ]


@pytest.mark.parametrize("room", ["wire", "device", "gateway"])
def test_a_room_can_be_imported_by_itself(room: str) -> None:
    modules = loaded(f"import jinqiao.{room}")
    assert not [name for name in modules if name.startswith(("jinqiao.sandbox", "jinqiao.simulator"))]
