"""`jinqiao can dbc` and `jinqiao can log` as a user types them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import can
import cantools
import pytest
from cantools.database.can import Database

from support.programs import JINQIAO

pytestmark = pytest.mark.program

CAR = "bmw-i4-edrive40-2022"


def jinqiao(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*JINQIAO, *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_the_dbc_on_stdout_is_the_one_in_the_file(tmp_path: Path) -> None:
    printed = jinqiao("can", "dbc")
    assert (printed.returncode, printed.stderr) == (0, "")
    assert jinqiao("can", "dbc", "--out", str(tmp_path / "a.dbc")).returncode == 0
    assert (tmp_path / "a.dbc").read_text() == printed.stdout
    one = jinqiao("can", "dbc", "--bus", "battery").stdout
    loaded = cantools.database.load_string(one, "dbc", strict=True)
    assert isinstance(loaded, Database)
    assert all(m.senders[0] in ("BMS", "OBC") for m in loaded.messages)


def test_a_log_is_read_by_python_can_and_decodes(tmp_path: Path) -> None:
    done = jinqiao(
        "can", "log", "--vehicle", CAR, "--cycle", "WLTC", "--seconds", "15", "--out", str(tmp_path / "a.log")
    )
    assert (done.returncode, done.stdout) == (0, "")
    database = cantools.database.load_string(jinqiao("can", "dbc").stdout, "dbc", strict=True)
    assert isinstance(database, Database)
    with can.CanutilsLogReader(tmp_path / "a.log") as reader:
        frames = list(reader)
    assert len(frames) > 15 * 400
    for frame in frames:
        database.decode_message(frame.arbitration_id, bytes(frame.data))
        assert not frame.is_extended_id


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--vehicle", CAR, "--cycle", "WLTX"], 2, "WLTC"),
        (["--vehicle", "bmw-i4", "--cycle", "WLTC"], 2, "jinqiao catalog list"),
        (["--vehicle", CAR], 2, "--cycle"),
        (["--vehicle", CAR, "--cycle", "WLTC", "--charge"], 2, "--cycle"),
        (["--vehicle", CAR, "--charge", "--from", "60", "--to", "50"], 2, "--from"),
        (["--vehicle", CAR, "--cycle", "WLTC", "--seconds", "0"], 2, "seconds"),
        (["--vehicle", CAR, "--cycle", "WLTC", "--seconds", "4000"], 2, "1800"),
        (["--vehicle", CAR, "--cycle", "WLTC", "--ambient", "nan"], 2, "--ambient"),
    ],
)
def test_wrong_input_is_named_and_leaves_no_file(tmp_path: Path, arguments: list[str], code: int, told: str) -> None:
    done = jinqiao("can", "log", *arguments, "--out", str(tmp_path / "x.log"))
    assert done.returncode == code
    assert told in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there() -> None:
    done = jinqiao("can", "log", "--vehicle", CAR, "--cycle", "UDDS", "--seconds", "1", "--out", "/nowhere/x.log")
    assert done.returncode == 3
    assert "/nowhere/x.log" in done.stderr
