"""What all tests share: how many examples hypothesis tries, and which tests start programs."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
from collections.abc import Callable, Generator
from typing import Any

import pytest
from hypothesis import settings

# `HYPOTHESIS_PROFILE=fast` for the inner loop, `thorough` for a night. No deadlines: speed is not asserted in a test.
settings.register_profile("usual", max_examples=100, deadline=None)
settings.register_profile("fast", max_examples=15, deadline=None)
settings.register_profile("thorough", max_examples=2_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))

# Under nohup SIGHUP is ignored, and so it would be in every program that a test starts.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

#: Whoever asks for one of these starts programs.
STARTERS = frozenset({"start", "sdk_python", "sdk_node", "mosquitto_sub", "pybamm"})

#: The one child that is part of the platform: what runs a product's script. It is small and starts at once.
PART_OF_THE_PLATFORM = "script_child.py"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "program: starts programs (a run, a server, an SDK); not in the fast loop")
    config.addinivalue_line(
        "markers", "long: simulates hours or waits, and takes two seconds or more; not in the fast loop"
    )
    subprocess.Popen.__init__ = _held_to_marker(subprocess.Popen.__init__)  # type: ignore[method-assign]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if STARTERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.program)


_unmarked: list[str] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if item.get_closest_marker("program") is None:
        _unmarked.append(item.nodeid)
    try:
        return (yield)
    finally:
        _unmarked.clear()


def _held_to_marker(start: Callable[..., None]) -> Callable[..., None]:
    """A test that starts a program without saying so fails: the fast loop leaves out what is marked, and no more."""

    @functools.wraps(start)
    def started(process: subprocess.Popen[Any], arguments: Any, *more: Any, **named: Any) -> None:
        if _unmarked and PART_OF_THE_PLATFORM not in str(arguments):
            raise RuntimeError(f"{_unmarked[0]} starts a program: mark it with pytest.mark.program")
        start(process, arguments, *more, **named)

    return started
