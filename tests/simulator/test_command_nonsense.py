"""Whatever the network puts into a command is done or refused; nothing raises, nothing is left half done."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jinqiao.base.telemetry import Command
from jinqiao.simulator.commands.refusals import Refusal
from jinqiao.simulator.commands.table import PROPERTIES, SERVICES
from support.examples import examples

NAMES = st.sampled_from([*PROPERTIES, *SERVICES, "Limit", "Target"]) | st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
VALUES = JSON | st.integers(0, 100) | st.sampled_from([0, 1, 20.5, 80, True])
ARGUMENTS = st.dictionaries(NAMES, VALUES, max_size=4) | JSON
COLUMNS = ("charge_limit", "user_limit", "target_temperature", "locked", "climate_on", "hazard_light", "charging_state")


@pytest.fixture(scope="module")
def world(make_world, fleet_text):
    made = make_world(fleet_text(2, "{cycle: WLTC}"), fleet_text(2, "commuter", "0.3"), fleet_text(2, "commuter"))
    while made.elapsed_s < 60:
        made.advance()
    return made


@settings(max_examples=examples(300), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=st.integers(0, 5), kind=st.sampled_from(["set", "service"]), name=NAMES, arguments=ARGUMENTS)
def test_nonsense_is_done_or_refused_and_nothing_in_between(world, row, kind, name, arguments):
    before = {column: getattr(world.fleet, column).copy() for column in COLUMNS}
    outcome = world.execute(Command(row, kind, name, arguments))
    assert outcome.code in {200} | {refusal.code for refusal in Refusal}
    assert len(outcome.message) < 400
    changed = {column for column in COLUMNS if (getattr(world.fleet, column) != before[column]).any()}
    if outcome.code != 200:
        assert not changed
    world.advance()
    assert ((world.fleet.charge_limit >= 20) & (world.fleet.charge_limit <= 100)).all()
    assert ((world.fleet.target_temperature >= 16) & (world.fleet.target_temperature <= 28)).all()
