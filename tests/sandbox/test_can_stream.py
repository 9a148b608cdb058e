"""Raw CAN of a whole run: the reader of docs/can.md."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.programs import JINQIAO, Program
from support.scenarios import BUSES

DOCS = Path(__file__).parent.parent.parent / "docs" / "can.md"


@pytest.mark.program
def test_the_reader_of_the_documentation_reads_a_run(tmp_path: Path) -> None:
    example = re.search(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert example is not None
    assert sum(bool(line.strip()) for line in example[1].splitlines()) <= 18
    (tmp_path / "reader.py").write_text(example[1])
    (tmp_path / "s.yaml").write_text(BUSES)
    subprocess.run([*JINQIAO, "can", "dbc", "--out", str(tmp_path / "all.dbc")], check=True)
    program = Program("run", str(tmp_path / "s.yaml"), "--mqtt-port", "0", "--for", "60s", "-q")
    ready = program.ready
    arguments = ["127.0.0.1", str(ready["mqtt_port"]), ready["app_user"], ready["app_password"]]
    reader = subprocess.Popen(
        [sys.executable, str(tmp_path / "reader.py"), *arguments, str(tmp_path / "all.dbc")],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert reader.stdout is not None
        heard = ""
        while "VehicleSpeed" not in heard or "PackVoltage" not in heard:
            line = reader.stdout.readline()
            assert line, "the reader ended"
            heard += line
    finally:
        reader.kill()
        reader.communicate(timeout=20)
        program.interrupt()
        _, lines, _ = program.finish()
    # Three vehicles, two buses, two topics.
    published = lines[-1]["summary"]["published"]["can_batch"]
    assert published > 0
    assert published % (3 * 2 * 2) == 0
