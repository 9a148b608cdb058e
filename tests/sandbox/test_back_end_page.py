"""The programs of docs/back-end.md, as they stand there but for port numbers, against a run."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from jinqiao.sandbox.product import PRODUCT_KEY
from support.peers import require
from support.programs import Program
from support.sdks import OPENAPI, OPENAPI_OLD, OPERATIONS

pytestmark = [pytest.mark.program, pytest.mark.long]

PAGE = (Path(__file__).parent.parent.parent / "docs" / "back-end.md").read_text()
#: By the heading that stands above.
PROGRAMS = dict(re.findall(r"^### (\S+(?: \w+)*)[^\n]*\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture
def here(start: Callable[..., Program], scenarios: Path) -> Callable[[str], str]:
    """A program of the page, with the ports of a run."""
    ports = ("--mqtt-port", "0", "--http-port", "0", "--amqp-port", "0")
    ready = start("run", str(scenarios / "two-cars.yaml"), "--app-password", "pw", "-q", *ports).ready
    taken = {"5672": str(ready["amqp_port"]), "8080": str(ready["http_port"])}
    return lambda heading: re.sub("5672|8080", lambda port: taken[port[0]], PROGRAMS[heading])


def said(*command: str | Path, cwd: Path | None = None) -> str:
    """The first line that a program prints."""
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
    finally:
        process.kill()
        _, errors = process.communicate()
    assert line, errors
    return line


def test_the_page_has_four_programs() -> None:
    assert set(PROGRAMS) == {"Python", "Node.js", "The newer SDK", "The older SDK"}


@pytest.mark.timeout(60)
def test_a_consumer_in_python(here: Callable[[str], str]) -> None:
    python = require(OPERATIONS, "CI=true installs it").python
    assert said(python, "-c", here("Python")).startswith(f"/{PRODUCT_KEY}/")


@pytest.mark.timeout(60)
def test_a_consumer_in_node(here: Callable[[str], str], node_rhea: tuple[str, Path], tmp_path: Path) -> None:
    node, modules = node_rhea
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "consumer.js").write_text(here("Node.js"))
    assert said(node, "consumer.js", cwd=tmp_path).startswith(f"/{PRODUCT_KEY}/")


def test_calls_by_the_newer_sdk(here: Callable[[str], str]) -> None:
    answer = said(require(OPENAPI, "CI=true installs it").python, "-c", here("The newer SDK"))
    assert "'Success': True" in answer
    assert "MessageId" in answer


def test_calls_by_the_older_sdk(here: Callable[[str], str]) -> None:
    answer = said(require(OPENAPI_OLD, "CI=true installs it").python, "-c", here("The older SDK"))
    assert '"Success":true' in answer
