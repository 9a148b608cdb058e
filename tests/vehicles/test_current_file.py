from __future__ import annotations

from pathlib import Path

import pytest

from jinqiao.base.errors import InputError
from jinqiao.vehicles.current_file import read_current_csv


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "current.csv"
    path.write_text(text)
    return path


def test_times_and_currents_come_as_they_stand(tmp_path: Path) -> None:
    time_s, current_a = read_current_csv(write(tmp_path, "time_s,current_a\n5,1.5\n6,-2\n7.0,0\n"))
    assert time_s.tolist() == [5, 6, 7]
    assert current_a.tolist() == [1.5, -2, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1:1: found 'nothing', expected the header"),
        ("t,i\n0,1\n", ":1:1: found 't,i', expected the header 'time_s,current_a'"),
        ("time_s,current_a\n", ":2:1: found no rows"),
        ("time_s,current_a\n0,1\n1,x\n", ":3:3: found 'x', expected a finite number"),
        ("time_s,current_a\n0,nan\n", ":2:3: found 'nan'"),
        ("time_s,current_a\n0,1,2\n", ":2:1: found 3 values, expected 2"),
        ("time_s,current_a\n0,1\n1,1\n3,1\n", ":4:1: found 3 s after 1 s, expected steps of 1 s"),
    ],
)
def test_anything_else_is_refused_by_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as refusal:
        read_current_csv(write(tmp_path, text))
    assert message in str(refusal.value)
    assert refusal.value.exit_code == 2


def test_an_absent_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_current_csv(tmp_path / "no.csv")
