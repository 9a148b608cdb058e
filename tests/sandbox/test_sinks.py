"""`jinqiao run --sink …` and a scenario's `sinks`: what was published is in the store, too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.influx_fake import influx_fake
from support.programs import Program

duckdb = pytest.importorskip("duckdb")
pytest.importorskip("influxdb_client")

Start = Callable[..., Program]


def summary_of(program: Program, status: int = 0) -> dict[str, Any]:
    code, lines, errors = program.finish()
    assert code == status, errors
    found: dict[str, Any] = lines[-1]["summary"]
    return found


def test_all_that_is_published_is_in_both_stores(start: Start, scenarios: Path, tmp_path: Path) -> None:
    with influx_fake() as fake:
        sinks = ["--sink", f"parquet:{tmp_path}/out", "--sink", f"influx:{fake.url}?bucket=b&org=o&token=t"]
        arguments = ["run", str(scenarios / "two-cars.yaml"), "--mqtt-port", "0", "--for", "10 min", "--speed", "max"]
        summary = summary_of(start(*arguments, "--seed", "7", "-q", *sinks))
    posts, events = summary["published"]["property_post"], summary["published"].get("event_post", 0)
    for name in ("parquet", "influx"):
        report = summary["outlets"][name]
        assert (report["written"], report["dropped"], report["lost"]) == (posts + events, 0, 0), name
    assert sum(line.startswith("telemetry,") for line in fake.lines) == posts
    rows = duckdb.sql(
        f"SELECT (SELECT count(*) FROM '{tmp_path}/out/core-*.parquet') + "
        f"(SELECT count(*) FROM '{tmp_path}/out/detail-*.parquet')"
    ).fetchone()
    assert rows == (posts,)
    who = duckdb.sql(f"SELECT DISTINCT fleet, model FROM '{tmp_path}/out/core-*.parquet' ORDER BY fleet").fetchall()
    assert who == [("commuters", "bmw-i3-edrive35l-2022"), ("dynamometer", "bmw-i4-edrive40-2022")]
    assert any(line.startswith("telemetry,fleet=commuters,model=bmw-i3-edrive35l-2022,") for line in fake.lines)


def test_a_scenario_names_its_sinks(start: Start, scenarios: Path, tmp_path: Path) -> None:
    text = (scenarios / "two-cars.yaml").read_text()
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("sinks:"))
    scenario = tmp_path / "with-sinks.yaml"
    with influx_fake() as fake:
        out = tmp_path / "out"
        scenario.write_text(
            f"{kept}\nsinks:\n  - parquet: {{dir: '{out}'}}\n  - influx: {{url: '{fake.url}', org: me, token: t}}\n"
        )
        summary = summary_of(start("run", str(scenario), "--mqtt-port", "0", "--for", "30s", "--speed", "max", "-q"))
    assert summary["outlets"]["parquet"]["written"] == summary["messages"] == summary["outlets"]["influx"]["written"]
    assert {(write.query["bucket"], write.query["org"], write.token) for write in fake.writes} == {
        ("jinqiao", "me", "Token t")
    }


def test_a_wrong_token_ends_it_before_the_run(start: Start, scenarios: Path) -> None:
    with influx_fake() as fake:
        fake.answers = [(401, {})]
        program = start(
            "run", str(scenarios / "two-cars.yaml"), "--mqtt-port", "0", "-q", "--sink", f"influx:{fake.url}"
        )
        code, _, errors = program.finish()
    assert code == 2
    assert "the token is not accepted" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("sink", "told"),
    [
        ("parket:out", "did you mean 'parquet'?"),
        ("parquet:", "parquet:DIR"),
        ("influx:localhost", "influx:http://"),
        ("null:x", "expected nothing"),
    ],
)
def test_a_wrong_sink_is_explained(start: Start, scenarios: Path, sink: str, told: str) -> None:
    code, _, errors = start("run", str(scenarios / "two-cars.yaml"), "--sink", sink).finish()
    assert code == 2
    assert told in errors
    assert "Traceback" not in errors


def test_the_option_that_is_wrong_is_named(start: Start, scenarios: Path) -> None:
    code, _, errors = start("run", str(scenarios / "two-cars.yaml"), "--to", "http://127.0.0.1").finish()
    assert code == 2
    assert "--to: no sink 'http'" in errors


def test_a_file_is_no_folder(start: Start, scenarios: Path, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    program = start("run", str(scenarios / "two-cars.yaml"), "--mqtt-port", "0", "-q", "--sink", f"parquet:{file}")
    code, _, errors = program.finish()
    assert code == 2
    assert "is a file, expected a folder" in errors
    assert file.read_text() == "mine"
