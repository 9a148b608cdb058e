"""A back end asks a car of a whole run for its VIN, over ISO-TP in both directions."""

from __future__ import annotations

from pathlib import Path

import pytest

from jinqiao.sandbox.product import PRODUCT_KEY
from jinqiao.simulator.buses.diagnostics import BUS
from jinqiao.telemetry.v1.can_pb2 import CanBatch
from support.back_end import back_end
from support.programs import Program

SCENARIOS = Path(__file__).parent.parent.parent / "scenarios"


@pytest.mark.program
def test_a_back_end_reads_the_vin_of_a_running_car(tmp_path: Path) -> None:
    """Request down on `down_raw`, the first frame up on `up_raw`, flow control down, the rest up."""
    program = Program("run", str(SCENARIOS / "two-cars.yaml"), "--mqtt-port", "0", "--for", "60s", "-q")
    try:
        ready = program.ready
        with back_end(ready["mqtt_port"], ready["app_user"], ready["app_password"], PRODUCT_KEY) as office:
            office.follow(f"/sys/{PRODUCT_KEY}/+/thing/event/property/post", f"/sys/{PRODUCT_KEY}/+/thing/model/up_raw")
            device: list[str] = []
            office.wait(lambda topic, _: not device.append(topic.split("/")[3]) and topic.endswith("post"))
            vin = device[-1]
            told = b""
            for frame in ("0322F190CCCCCCCC", "300000CCCCCCCCCC"):
                asked = CanBatch(bus=BUS, id=[0x7E0], offset_us=[0], length=b"\x08", data=bytes.fromhex(frame))
                office.tell(vin, "thing/model/down_raw", asked.SerializeToString())
                reply = CanBatch.FromString(office.wait_on(f"{vin}/thing/model/up_raw"))
                told += b"".join(reply.data[at : at + 8] for at in range(0, len(reply.data), 8))
        assert reply.vin == vin
        assert (told[2:8] + told[9:16] + told[17:24])[3:] == vin.encode()
    finally:
        program.interrupt()
        program.finish()
