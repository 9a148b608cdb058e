"""docs/recordings.md: its decoder decodes, and its commands are commands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from jinqiao.sandbox.commands.table import JINQIAO
from jinqiao.telemetry.v1.telemetry_pb2 import Group, VehicleSample

PAGE = (Path(__file__).parent.parent.parent / "docs" / "recordings.md").read_text()


def test_the_decoder_decodes() -> None:
    (code,) = re.findall(r"```python\n(from jinqiao.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    sample = VehicleSample(time_ms=5, device_name="car", group=Group.GROUP_CORE, speed=0.0, gear=3)
    assert names["decode"](sample.SerializeToString()) == {
        "time_ms": 5,
        "device_name": "car",
        "group": Group.GROUP_CORE,
        "speed": 0.0,
        "gear": 3,
    }


@pytest.mark.parametrize("line", re.findall(r"^jinqiao (.*?)(?:\s+#.*|\s+&)?$", PAGE, re.MULTILINE))
def test_commands_have_the_options_the_page_gives_them(line: str) -> None:
    words = re.findall(r"'[^']*'|\S+", line)
    (row,) = (row for row in JINQIAO.rows if row.name == words[0])
    command = row.load()
    known = {option for parameter in command.params for option in parameter.opts}
    used = {word for word in words[1:] if word.startswith("-")}
    assert used <= known
