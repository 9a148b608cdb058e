"""Fixtures of the tests that run whole programs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.programs import Program


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
