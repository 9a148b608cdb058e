"""The pytest plugin: fixture `sandbox`, marker `jinqiao`.

pytest loads this in every project that has Jinqiao installed, so it imports nothing but pytest until a fixture is used.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .sandbox import Sandbox

__all__ = ["pytest_configure", "pytest_runtest_makereport", "sandbox"]

_MARKER = (
    "jinqiao(scenario, *, vehicles, seed, towns, registry, data, speed, lock_step): the run that the fixture `sandbox` "
    "starts; files are found beside the test's file or from the root folder"
)
_STARTED = pytest.StashKey["Sandbox"]()


def pytest_configure(config: pytest.Config) -> None:
    """The marker is known, also to `--strict-markers`."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A run of the scenario in the test's marker, which begins paused and ends with the test."""
    from jinqiao.base.errors import JinqiaoError

    from .marker import sandbox_of

    try:
        started = sandbox_of(request.node).__enter__()
    except JinqiaoError as error:  # of the marker or the scenario: a trace through this plugin explains nothing
        pytest.fail(str(error), pytrace=False)
    request.node.stash[_STARTED] = started
    try:
        yield started
    finally:
        started.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails shows what its run said."""
    report = yield
    started = item.stash.get(_STARTED, None)
    if report.failed and started is not None:
        report.sections.append(("jinqiao run", started.said))
    return report
