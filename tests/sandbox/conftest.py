"""Fixtures of the tests that run whole programs.

The vendor's SDKs live in folders of their own in a cache (`JQ_CACHE`, else `jq-cache` in the temporary folder): the
Python device SDK needs an older paho-mqtt than the project, the Node SDKs are npm packages, and the OpenAPI SDKs bring
dozens of packages along. CI installs them there; elsewhere a test is skipped without them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.peers import require
from support.programs import Program
from support.sdks import LINKKIT, NODE_SDKS, OPENAPI, OPENAPI_OLD, RHEA, NodePackages


@pytest.fixture(scope="session")
def sdk_python() -> Path:
    """The interpreter of the Python SDK's environment."""
    return require(LINKKIT, "CI=true installs it").python


@pytest.fixture(scope="session")
def sdk_openapi() -> Path:
    """The interpreter of the OpenAPI SDK's environment; 30 s to install."""
    return require(OPENAPI, "CI=true installs it").python


@pytest.fixture(scope="session")
def sdk_openapi_old() -> Path:
    """The interpreter of the older OpenAPI SDK's environment; 15 s to install."""
    return require(OPENAPI_OLD, "CI=true installs it").python


@pytest.fixture(scope="session")
def sdk_node() -> tuple[str, Path]:
    """Node, and the folder of the Node SDKs' packages."""
    return _node(NODE_SDKS)


@pytest.fixture(scope="session")
def node_rhea() -> tuple[str, Path]:
    """Node, and the folder of the AMQP client `rhea`."""
    return _node(RHEA)


def _node(wanted: NodePackages) -> tuple[str, Path]:
    node = shutil.which("node")
    if node is None:
        reason = "node is not installed (Debian: nodejs npm)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    if not wanted.present:
        if os.environ.get("CI") != "true":
            pytest.skip(f"{', '.join(wanted.packages)} is not in {wanted.folder} (CI=true installs it)")
        wanted.install()
    return node, wanted.modules


@pytest.fixture
def start() -> Iterator[Callable[..., Program]]:
    """Start programs; whatever still runs at the end is killed."""
    started: list[Program] = []

    def begin(*arguments: str) -> Program:
        started.append(Program(*arguments))
        return started[-1]

    yield begin
    for program in started:
        if program.process.poll() is None:
            program.process.kill()
        program.process.communicate()


@pytest.fixture
def mosquitto_sub() -> str:
    """mosquitto's subscriber; missing, the test is skipped on a user's machine and fails in CI."""
    found = shutil.which("mosquitto_sub")
    if found is None:
        reason = "mosquitto_sub is not installed (Debian: mosquitto-clients)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture
def scenarios() -> Path:
    return Path(__file__).parent.parent.parent / "scenarios"
