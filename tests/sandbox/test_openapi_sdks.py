"""The vendor's OpenAPI SDKs, unmodified but for the endpoint, against `serve` and against `run`.

The calls are rows of `support/openapi_calls.py`; where the SDKs come from: `conftest`.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jinqiao.gateway.openapi.actions import ACTIONS
from jinqiao.sandbox.product import PRODUCT_KEY
from support.openapi import ACCESS_KEY
from support.openapi_calls import REAL, SIMULATED, Call, differences
from support.openapi_things import BACK_END, CARS, THINGS
from support.paho_device import online
from support.programs import Program

pytestmark = [pytest.mark.program, pytest.mark.long]

TESTS = Path(__file__).parent.parent
REGISTRY = ("--registry", str(TESTS / "golden" / "acceptance" / "registry.yaml"))
PK, DN, SECRET = "a1carPK0001", "tbox001", "secret0123456789abcdef"

#: The newer SDK with both of its signatures, and the older one.
CLIENTS = ("acs3", "v2", "old")

Start = Callable[..., Program]


def make(client: str, pythons: Callable[[str], Path], port: int, calls: Sequence[Call], **names: str) -> None:
    """Make the calls with one client; fails with whatever is not as its row says."""
    script = TESTS / "support" / "sdk_calls.py"
    rows = [[call.action, call.parameters, dict(call.keeps), dict(call.awaited)] for call in calls]
    given = {"key": ACCESS_KEY, "names": {"client": client, **names}, "calls": rows}
    command = [str(pythons(client)), str(script), client, str(port)]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    *answers, kept = map(json.loads, done.stdout.splitlines())
    wrong = [line for call, answer in zip(calls, answers, strict=True) for line in differences(call, answer, kept)]
    assert not wrong, "\n".join([client, *wrong])


@pytest.fixture
def pythons(sdk_openapi: Path, sdk_openapi_old: Path) -> Callable[[str], Path]:
    """The interpreter of a client."""
    return lambda client: sdk_openapi_old if client == "old" else sdk_openapi


def test_the_sdk_has_every_name_of_every_action(sdk_openapi: Path) -> None:
    command = [str(sdk_openapi), str(TESTS / "support" / "sdk_names.py")]
    done = subprocess.run(
        command, input=json.dumps(list(ACTIONS)), capture_output=True, text=True, timeout=60, check=True
    )
    unknown = []
    for name, known in json.loads(done.stdout).items():
        assert known is not None, f"the SDK has no {name}"
        parameters, members = map(set, known)
        action = ACTIONS[name]
        words = {word.removesuffix("!") for word in action.parameters.split()} - {"device"}
        # A list of texts has no more to its name than `.N`; one of objects is written as its members.
        unknown += [f"{name}: {word}" for word in words if not {re.sub("{.*", "", word)} <= parameters]
        unknown += [f"{name}: answer's {path}" for path in members_of(action.answer) if path not in members]
    assert unknown == []


def members_of(row: str) -> Iterator[str]:
    """Paths in an answer: `Data{List[Time Value]}` has Data, Data.List, Data.List.Time and Data.List.Value."""
    above: list[str] = []
    last = ""
    for word in re.findall(r"\w+|[{}\[\]]", row):
        if word in "{[":
            above.append(last)
        elif word in "}]":
            above.pop()
        else:
            last = word
            yield ".".join([*above, word])


@contextmanager
def on_line(ready: dict[str, Any]) -> Iterator[None]:
    with online(ready["mqtt_port"], PK, DN, SECRET, services={"Unlock": {"Result": 7, "Message": "金桥"}}):
        yield


def test_serve_answers_the_vendors_sdks(start: Start, pythons: Callable[[str], Path], tmp_path: Path) -> None:
    ready = start("serve", *REGISTRY, "--data", str(tmp_path / "data"), "--mqtt-port", "0").ready
    with on_line(ready):
        for client in CLIENTS:
            make(client, pythons, ready["http_port"], [*REAL, *BACK_END, *THINGS], product=PK, device=DN)


def test_run_answers_for_real_devices_and_simulated_cars(
    start: Start, pythons: Callable[[str], Path], scenarios: Path
) -> None:
    program = start("run", str(scenarios / "two-cars.yaml"), *REGISTRY, "--mqtt-port", "0", "-q")
    ready = program.ready
    with on_line(ready):
        for client in CLIENTS:
            make(client, pythons, ready["http_port"], [*REAL, *BACK_END], product=PK, device=DN)
            make(client, pythons, ready["http_port"], [*SIMULATED, *CARS], product=PRODUCT_KEY)
    program.interrupt()
    assert program.finish()[0] == 130
