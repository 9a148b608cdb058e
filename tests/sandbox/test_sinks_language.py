"""Sinks as they are written: in a scenario, with the place of each mistake, and as an address behind `--sink`."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import jinqiao.sandbox
from jinqiao.base.errors import InputError, ScenarioError
from jinqiao.sandbox.scenario import RunScenario, load_run_scenario
from jinqiao.sandbox.sinks import SINKS, SinkSpec, addresses, parse_sink
from jinqiao.sandbox.sinks.kinds.gbt32960 import Gbt32960Spec
from jinqiao.sandbox.sinks.kinds.influx import InfluxSpec
from jinqiao.sandbox.sinks.kinds.null import NullSpec
from jinqiao.sandbox.sinks.kinds.parquet import ParquetSpec
from jinqiao.sandbox.sinks.kinds.record import RecordSpec
from jinqiao.simulator.scenario import parse_scenario
from jinqiao.simulator.world import World

HEAD = """\
name: x
start: 2026-11-23T08:00+08:00
duration: 1 min
fleets: [{name: a, count: 1, models: {bmw-ix3-2021: 1}, agenda: commuter}]
sinks:
"""

#: The same sink as an entry of a scenario and as an address.
BOTH = [
    ("parquet: {dir: out}", "parquet:out", ParquetSpec(dir="out")),
    ("influx: {url: 'http://h:1', token: t}", "influx:http://h:1?token=t", InfluxSpec(url="http://h:1", token="t")),
    (
        "influx: {url: 'http://h:1', bucket: b, org: o, token: t, gzip: false}",
        "influx:http://h:1?bucket=b&org=o&token=t&gzip=false",
        InfluxSpec(url="http://h:1", bucket="b", org="o", token="t", gzip=False),
    ),
    (
        "gbt32960: {url: 'gbt32960://h:1?version=2016'}",
        "gbt32960://h:1?version=2016",
        Gbt32960Spec(url="gbt32960://h:1?version=2016"),
    ),
    ("record: {file: drive.mcap}", "record:drive.mcap", RecordSpec(file="drive.mcap")),
    ("'null'", "null", NullSpec()),
    ("null: {}", "null", NullSpec()),
]


@pytest.mark.parametrize(("entry", "address", "expected"), BOTH, ids=[entry for entry, _, _ in BOTH])
def test_what_can_be_an_address_can_be_an_entry_of_a_scenario(entry: str, address: str, expected: SinkSpec) -> None:
    scenario = parse_scenario(f"{HEAD}  - {entry}\n", model=RunScenario)
    assert scenario.sinks == (expected,)
    assert parse_sink(address) == expected


def test_every_kind_has_an_address_and_says_what_it_is() -> None:
    assert {expected.kind for _, _, expected in BOTH} == set(SINKS)
    for kind, spec in SINKS.items():
        assert (spec.__doc__ or "").strip(), kind
        assert f"{kind}:{spec.where}" in addresses() or not spec.where


ONE_FILE = """
from typing import Self

from jinqiao.sandbox.sinks.base import SinkSpec, sink
from jinqiao.sandbox.sinks.kinds.null import NullSink


@sink
class Shredder(SinkSpec):
    'Tears everything to pieces.'

    kind = "shredder"
    where = "WIDTH"

    width: int

    @classmethod
    def at(cls, rest: str, asked: str) -> Self:
        return cls(width=int(rest))

    async def open(self, world, product_key, device_names):
        return NullSink()
"""


@pytest.mark.program
def test_a_kind_of_sink_is_one_file(tmp_path: Path) -> None:
    """Laid into its folder; then a scenario, `--sink`, its help and the table of the documentation know it."""
    room = tmp_path / "jinqiao" / "sandbox"
    shutil.copytree(Path(jinqiao.sandbox.__file__).parent, room)
    (room / "sinks" / "kinds" / "shredder.py").write_text(ONE_FILE)
    asked = f"""
from jinqiao.sandbox.scenario import RunScenario
from jinqiao.sandbox.sinks import addresses, parse_sink
from jinqiao.sandbox.sinks.page import table
from jinqiao.simulator.scenario import parse_scenario
(entry,) = parse_scenario({HEAD + "  - shredder: {width: 4}"!r}, model=RunScenario).sinks
assert parse_sink("shredder:4") == entry
assert "shredder:WIDTH" in addresses()
print(table())
"""
    with_it = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", asked], env=with_it, capture_output=True, text=True, check=True)
    assert "| `shredder:WIDTH` | `shredder: {width: …}` | Tears everything to pieces. |" in done.stdout


@pytest.mark.parametrize(
    ("entries", "problems"),
    [
        (
            ["parquet"],
            ["s.yaml:6:5: sinks.0: found 'parquet', expected a sink: gbt32960, influx, null, parquet or record"],
        ),
        (
            ["parquet: {dri: out}", "influx: {url: '127.0.0.1:8086'}"],
            [
                "s.yaml:6:14: sinks.0.parquet.dir: key 'dir' is missing",
                "s.yaml:6:15: sinks.0.parquet.dri: unknown key 'dri' (did you mean 'dir'?)",
                "s.yaml:7:19: sinks.1.influx.url: found '127.0.0.1:8086', expected an address like http://127.0.0.1:8086",
            ],
        ),
        (["recrod: {file: x.mcap}"], ["s.yaml:6:5: sinks.0: found 'recrod', expected", "did you mean 'record'?"]),
        (["gbt32960: {url: 'gbt32960://h?verson=2016'}"], ["s.yaml:6:21: sinks.0.gbt32960.url: ", "'verson'"]),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, entries: list[str], problems: list[str]) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(HEAD + "".join(f"  - {entry}\n" for entry in entries))
    with pytest.raises(ScenarioError) as caught:
        load_run_scenario(path)
    for problem in problems:
        assert problem in str(caught.value)


@pytest.mark.parametrize(("text", "problem"), [("a.txt", "found"), ("", "found ''"), ("taken.mcap", "exists already")])
def test_a_recording_that_cannot_be_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, problem: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.mcap").touch()
    with pytest.raises(InputError, match=problem) as caught:
        RecordSpec.at(text, "--record")
    assert str(caught.value).startswith("--record: ")


def test_a_recording_that_a_scenario_names_is_never_overwritten(tmp_path: Path, scenarios: Path) -> None:
    path = tmp_path / "taken.mcap"
    path.write_bytes(b"mine")
    world = World(parse_scenario((scenarios / "two-cars.yaml").read_text()), seed=1)
    with pytest.raises(InputError, match="exists already"):
        asyncio.run(RecordSpec(file=str(path)).open(world, "pk", ["VIN1", "VIN2"]))
    assert path.read_bytes() == b"mine"
