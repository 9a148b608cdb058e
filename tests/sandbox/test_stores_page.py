"""The SQL of docs/stores.md runs on what the commands of that page write."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from jinqiao.sandbox.sinks.page import table
from support.programs import Program

duckdb = pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")

PAGE = Path(__file__).parents[2] / "docs" / "stores.md"


def statements(folder: str) -> list[str]:
    blocks = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    found = [part.strip() for block in blocks for part in block.split(";") if part.strip()]
    return [part for part in found if f"'{folder}/" in part]


def test_the_questions_to_a_runs_files_have_answers(
    start: Callable[..., Program], scenarios: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = ["run", str(scenarios / "jinqiao-morning.yaml"), "--mqtt-port", "0", "--vehicles", "40", "--seed", "7"]
    code, _, errors = start(*arguments, "--for", "20 min", "--speed", "max", "-q", "--sink", f"parquet:{out}").finish()
    assert code == 0, errors
    asked = statements("out")
    assert len(asked) == 4
    for statement in asked:
        answer = duckdb.sql(statement.replace("'out/", f"'{out}/"))
        rows = answer.fetchall()
        assert rows, statement
        empty = [name for name, values in zip(answer.columns, zip(*rows, strict=True), strict=True) if None in values]
        assert not empty, f"{statement}\nanswers nothing in {empty}"


def test_the_page_shows_every_kind_of_sink() -> None:
    expected = table()
    assert expected in PAGE.read_text(encoding="utf-8"), f"the table of sinks is to be:\n{expected}"
