"""The table of commands: its words are the commands' own, and what is not called is not imported."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jinqiao.sandbox.bench.table import BENCHMARKS
from jinqiao.sandbox.cli import app
from jinqiao.sandbox.commands.bench import measure_of
from jinqiao.sandbox.commands.benchmark import Benchmark
from jinqiao.sandbox.commands.rows import Command, Group
from jinqiao.sandbox.commands.run import ADDRESSES
from jinqiao.sandbox.commands.table import JINQIAO
from jinqiao.sandbox.sinks import addresses

#: Libraries and rooms that take long to import. (typer itself imports pydantic for a command with options.)
HEAVY = {"numpy", "scipy", "simpy", "starlette", "uvicorn", "uvloop", "pyarrow", "duckdb", "asyncio", "ssl"}
HEAVY |= {"aiomqtt", "paho", "websockets", "cryptography", "ruamel", "prometheus_client", "google.protobuf"}
HEAVY |= {"jinqiao.simulator", "jinqiao.vehicles.fleet", "jinqiao.base.document", "jinqiao.gateway.platform.tsl_schema"}

#: What the libraries of the command line make of flags, lists and defaults unless they are told.
WORDED_BADLY = re.compile(r"<bool>|<list|range>|default: \(|\.\.\.}")

#: Runs one command and lists on stderr, last, what is imported then.
PROBE = """
import json, sys
from jinqiao.sandbox.cli import app
try:
    app()
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def rows(group: Group, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Command]]:
    """Every command of the table with the words that call it."""
    for row in group.rows:
        words = (*above, row.name)
        if isinstance(row, Group):
            yield from rows(row, words)
        else:
            yield words, row


def imported(*arguments: str) -> set[str]:
    """What is imported when a command has done its work."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


COMMANDS = dict(rows(JINQIAO))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_row_has_the_words_of_its_command(words: tuple[str, ...]) -> None:
    row = COMMANDS[words]
    own = inspect.getdoc(row.function())
    assert own is not None
    assert row.help == " ".join(own.split("\n\n")[0].split())
    shown = CliRunner().invoke(app, [*words, "--help"], catch_exceptions=False).stdout
    assert f"jinqiao {' '.join(words)}" in shown.partition("Example:")[2]
    assert not WORDED_BADLY.search(shown), "a flag with a type, a type of Python's, a default in parentheses"


@pytest.mark.parametrize("row", BENCHMARKS, ids=lambda row: row.name)
def test_a_benchmark_takes_the_options_of_its_row(row: Benchmark) -> None:
    values = {option.name: option.default for option in row.options}
    inspect.signature(measure_of(row)).bind(*values.values())
    assert "{" not in row.begins.format(**values)


@pytest.mark.program
def test_help_imports_no_command() -> None:
    found = imported("--help")
    assert found & (HEAVY | {"pydantic"}) == set()
    assert not {name for name in found if name.startswith("jinqiao.sandbox.commands.")} - {
        f"jinqiao.sandbox.commands.{own}" for own in ("benchmark", "ctl_where", "help", "rows", "table", "version")
    }


@pytest.mark.program
@pytest.mark.parametrize("group", ["device", "bench", "catalog"])
def test_help_of_a_group_imports_none_of_its_commands(group: str) -> None:
    assert imported(group, "--help") & HEAVY == set()


@pytest.mark.program
@pytest.mark.parametrize("command", ["validate", "certs", "watch"])
def test_help_of_a_command_leaves_the_simulator_alone(command: str) -> None:
    assert (
        imported(command, "--help") & {"numpy", "scipy", "simpy", "jinqiao.simulator", "jinqiao.vehicles.fleet"}
        == set()
    )


@pytest.mark.program
@pytest.mark.parametrize("command", ["run", "serve", "replay"])
def test_help_of_a_command_with_much_work_imports_none_of_it(command: str) -> None:
    assert imported(command, "--help") & HEAVY == set()


@pytest.mark.parametrize("words", [words for words, row in COMMANDS.items() if row.work], ids=" ".join)
def test_the_work_of_a_command_can_be_imported(words: tuple[str, ...]) -> None:
    for module in COMMANDS[words].work:
        importlib.import_module(module, "jinqiao.sandbox.commands")


def test_the_addresses_in_the_help_are_those_of_the_sinks() -> None:
    assert addresses() == ADDRESSES


@pytest.mark.program
def test_devices_are_added_without_simulator_broker_and_thing_models(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path))
    product = imported("product", "add", "--name", "T-Box", "--key", "a1carPK0001", *data)
    assert product & {"numpy", "scipy", "simpy"} == set()
    assert imported("device", "add", "a1carPK0001", "tbox001", *data) & HEAVY == set()
    assert imported("device", "disable", "a1carPK0001", "tbox001", *data) & HEAVY == set()


def test_the_version_is_printed() -> None:
    found = CliRunner().invoke(app, ["--version"])
    assert (found.exit_code, found.stdout) == (0, f"jinqiao {version('jinqiao')}\n")


def test_what_stands_in_brackets_in_a_help_text_is_shown() -> None:
    for command in ("run", "record", "replay"):
        shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, [command, "--help"]).stdout
        assert "mqtt://[user:password@]host[:port]" in shown


def test_a_command_that_is_none_is_told_what_is_near() -> None:
    found = CliRunner().invoke(app, ["devise", "add"])
    assert found.exit_code == 2
    assert "device" in found.stderr
