"""Recordings that another program has written again: what polars and pandas make of types, times and missing values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mcap_protobuf.writer import Writer

from jinqiao.base.errors import InputError
from jinqiao.gateway.recordings.files import create, open_recording
from jinqiao.gateway.recordings.parts import CanFrame, Info, Samples
from jinqiao.gateway.recordings.whole import whole_arrays
from jinqiao.telemetry.v1.telemetry_pb2 import VehicleSample
from support.recordings import NOW_MS, flat, fleet, messages, samples

Change = Callable[[pa.Table], pa.Table]
FRAME = CanFrame(
    NOW_MS * 1_000_000 + 7_000, "can0", 0x123, b"\1\2", fd=True, bitrate_switch=True, error_state=True, direction="tx"
)


def again(folder: Path, change: Change, *, name: str = "part-0.parquet") -> Path:
    """A recording of everything, each of its tables changed and written again under another name."""
    sink = create(folder / "a.parquet", Info("pk"))
    for part in [*fleet(), messages(NOW_MS * 1_000_000), [FRAME]]:
        sink.write(part)
    sink.close()
    target = folder / "again.parquet"
    for file in (folder / "a.parquet").glob("*/*.parquet"):
        (target / file.parent.name).mkdir(parents=True)
        pq.write_table(change(pq.read_table(file)), target / file.parent.name / name)
    return target


def with_time(kind: pa.DataType) -> Change:
    def change(table: pa.Table) -> pa.Table:
        return table.set_column(table.column_names.index("time"), "time", table["time"].cast(kind))

    return change


def _text_times(table: pa.Table) -> pa.Table:
    return with_time(pa.string())(table)


def _pandas_text(table: pa.Table) -> pa.Table:
    text = [str(at).replace("T", " ") + "+00:00" for at in table["time"].to_numpy().astype("datetime64[ns]")]
    return table.set_column(table.column_names.index("time"), "time", pa.array(text))


def _categories(table: pa.Table) -> pa.Table:
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            table = table.set_column(place, field.name, table[field.name].combine_chunks().dictionary_encode())
    return table


def _large(table: pa.Table) -> pa.Table:
    kinds = {pa.string(): pa.large_string(), pa.binary(): pa.large_binary(), pa.float32(): pa.float64()}
    return table.cast(pa.schema([pa.field(f.name, kinds.get(f.type, f.type)) for f in table.schema]))


SAME: dict[str, Change] = {
    "as it was": lambda table: table,
    "microseconds": with_time(pa.timestamp("us", tz="UTC")),
    "nanoseconds": with_time(pa.timestamp("ns", tz="UTC")),
    "no zone": with_time(pa.timestamp("ns")),
    "another zone": with_time(pa.timestamp("ns", tz="Asia/Shanghai")),
    "text": _text_times,
    "pandas' text": _pandas_text,
    "categories": _categories,
    "large": _large,
    "pandas' index": lambda table: table.append_column("__index_level_0__", pa.array(range(len(table)))),
}


def values(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {kind: rows[kind] for kind in sorted(rows)}


@pytest.mark.parametrize("change", SAME.values(), ids=list(SAME))
def test_the_same_recording_in_other_types_is_the_same(tmp_path: Path, change: Change) -> None:
    path = again(tmp_path, lambda table: change(table) if table["time"].type != pa.null() else table)
    source = open_recording(path)
    assert values(flat(source.parts())) == values(flat(open_recording(tmp_path / "a.parquet").parts()))
    assert source.problems == []


def test_files_beside_each_other_are_told_apart_by_their_columns(tmp_path: Path) -> None:
    path = again(tmp_path, lambda table: table)
    for file in list(path.glob("*/*.parquet")):
        file.rename(path / f"{file.parent.name}.parquet")
        file.parent.rmdir()
    assert values(flat(open_recording(path).parts())) == values(flat(open_recording(tmp_path / "a.parquet").parts()))


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.date32()], ids=str)
def test_a_time_without_a_unit_is_named_and_nothing_is_guessed(tmp_path: Path, kind: pa.DataType) -> None:
    def change(table: pa.Table) -> pa.Table:
        numbers = table["time"].cast(pa.int64())
        at = numbers.cast(kind, safe=False) if kind != pa.date32() else table["time"].cast(kind, safe=False)
        return table.set_column(table.column_names.index("time"), "time", at)

    source = open_recording(again(tmp_path, change))
    assert flat(source.parts()) == {}
    assert len(source.problems) == 5
    assert f"found the column 'time' of {kind}, expected a time stamp" in source.problems[0]


def test_a_missing_column_is_named_or_made_up_for(tmp_path: Path) -> None:
    spare = ["sequence", "qos", "retain", "fd", "error", "direction", "altitude"]
    source = open_recording(again(tmp_path, lambda table: table.drop([c for c in spare if c in table.column_names])))
    rows = flat(source.parts())
    assert {kind: len(found) for kind, found in rows.items()} == {
        "core": 9, "detail": 3, "events": 3, "messages": 2, "can": 1
    }  # fmt: skip
    assert "altitude" not in rows["core"][0][3]


def test_a_table_without_times_is_named(tmp_path: Path) -> None:
    source = open_recording(again(tmp_path, lambda table: table.drop(["time"])))
    assert flat(source.parts()) == {}
    assert "found no column 'time' among" in source.problems[0]


def holes(table: pa.Table) -> pa.Table:
    """Row 1 has no speed (NaN), row 4 no odometer (null), row 6 no time, row 7 no name."""
    if "speed" not in table.column_names:
        return table

    def without(column: str, row: int, value: object) -> None:
        nonlocal table
        cells = table[column].to_pylist()
        cells[row] = value
        place = table.column_names.index(column)
        table = table.set_column(place, column, pa.array(cells, table[column].type))

    table = table.cast(pa.schema([field.with_nullable(True) for field in table.schema]))
    without("speed", 1, float("nan"))
    without("odometer", 4, None)
    without("time", 6, None)
    without("device_name", 7, None)
    return table


def test_values_that_are_none_are_left_out_one_by_one(tmp_path: Path) -> None:
    source = open_recording(again(tmp_path, holes))
    rows = flat(source.parts())["core"]
    whole = flat(open_recording(tmp_path / "a.parquet").parts())["core"]
    expected = [(at, name, number, dict(columns)) for at, name, number, columns in whole]
    del expected[1][3]["speed"], expected[4][3]["odometer"], expected[6:8]
    assert sorted(rows, key=lambda row: row[:3]) == sorted(expected, key=lambda row: row[:3])
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    said = [line.split(": ", 1)[1] for line in source.problems]
    assert said == [
        "1 rows have no time and are left out",
        "1 rows have no device name that can be sent and are left out",
        "1 values of speed are unusable (NaN, infinite, missing) and are left out",
        "1 values of odometer are unusable (NaN, infinite, missing) and are left out",
    ]


def test_a_nan_in_an_mcap_file_is_left_out_too(tmp_path: Path) -> None:
    with (tmp_path / "a.mcap").open("wb") as file, Writer(file) as theirs:
        for number, speed in enumerate((12.5, float("nan"), 13.5)):
            sample = VehicleSample(device_name=f"car{number}", time_ms=NOW_MS, speed=speed, odometer=1.0)
            theirs.write_message("/telemetry/core", sample, NOW_MS * 1_000_000, NOW_MS * 1_000_000)
    source = open_recording(tmp_path / "a.mcap")
    rows = sorted(flat(source.parts())["core"], key=lambda row: row[:2])
    assert ["speed" in row[3] for row in rows] == [True, False, True]
    assert source.problems == [
        f"{tmp_path / 'a.mcap'}: 1 values of speed are unusable (NaN, infinite, missing) and are left out"
    ]


def test_a_number_beyond_its_type_is_left_out(tmp_path: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        if "speed" not in table.column_names:
            return table
        far = pa.array([1e300] + [1.0] * (len(table) - 1))
        return table.set_column(table.column_names.index("speed"), "speed", far)

    rows = sorted(flat(open_recording(again(tmp_path, change)).parts())["core"], key=lambda row: row[:2])
    assert ["speed" in row[3] for row in rows] == [False] + [True] * 8


def test_columns_that_are_no_signals_and_text_for_numbers_are_named(tmp_path: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        if "speed" not in table.column_names:
            return table
        words = pa.array(["fast"] * len(table))
        table = table.set_column(table.column_names.index("speed"), "speed", words)
        return table.append_column("driver", words)

    source = open_recording(again(tmp_path, change))
    rows = flat(source.parts())["core"]
    assert len(rows) == 9
    assert "speed" not in rows[0][3]
    said = "\n".join(source.problems)
    assert "9 rows lose a column: found the column 'speed' of string, expected numbers" in said
    assert "9 rows have a column 'driver', which is not a signal of core and is left out" in said


def test_other_tables_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"time": [1], "device_name": ["a"], "x": [2]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="found the columns device_name, time, x"):
        open_recording(tmp_path / "a.parquet")


def test_an_array_that_lacks_an_element_is_not_sent_as_a_shorter_one() -> None:
    part: Samples = samples("detail", NOW_MS)
    assert whole_arrays(part.columns).keys() == part.columns.keys()
    less = {name: column for name, column in part.columns.items() if name != "tire_pressure_fr"}
    assert not any(name.startswith("tire_pressure") for name in whole_arrays(less))
