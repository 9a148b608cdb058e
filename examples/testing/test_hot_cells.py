"""The acceptance test of hot_cells.py with pytest: `pytest examples/testing`.

`HOT_CELLS_RULE=limit` tests the product as it was before it was repaired.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jinqiao.testing import Sandbox

RULE = os.environ.get("HOT_CELLS_RULE", "spread")
HOT_CELLS = Path(__file__).with_name("hot_cells.py")

# With `lock_step` the sandbox's clock waits for the product in each second: fast and slow machines see the same.
pytestmark = pytest.mark.jinqiao(scenario="garage.yaml", lock_step="hot-cells")


@pytest.fixture
def product(sandbox: Sandbox) -> Iterator[None]:
    """The product under test, connected to the sandbox as it would be to the platform."""
    mqtt, key = sandbox.mqtt, sandbox.access_key
    reach = ["--mqtt-host", mqtt.host, "--mqtt-port", str(mqtt.port), "--http", sandbox.http_url]
    secret = ["--key", key.id, "--secret", key.secret, "--product", sandbox.product_key]
    process = subprocess.Popen([sys.executable, HOT_CELLS, *reach, *secret, "--rule", RULE])
    yield
    process.kill()
    process.wait()


@pytest.mark.usefixtures("product")
def test_a_night_in_the_garage(sandbox: Sandbox) -> None:
    sandbox.advance("40 min")
    failed = [f"{one.verdict}: {one.expect}: {one.measured}" for one in sandbox.verdicts() if one.verdict != "passed"]
    assert failed == []


@pytest.mark.usefixtures("product")
def test_a_hot_cell_stops_the_charge_of_its_car_and_of_no_other(sandbox: Sandbox) -> None:
    sandbox.advance("1 min")
    hot, *others = sandbox.vehicles(state="charging", limit=3)
    overheat = sandbox.fault("cell_overheat", on=hot.vin, cell=17, rate="3 degC/min")
    sandbox.advance("5 min")
    assert sandbox.vehicle(hot.vin).signals["charging:ChargePower"] == 0
    assert all(sandbox.vehicle(car.vin).signals["charging:ChargePower"] > 0 for car in others)
    sandbox.expect("after cell_overheat: StopCharging within 3 min for 100 %")
    overheat.end()
