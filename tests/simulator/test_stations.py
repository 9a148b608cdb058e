"""Charging: the session's table, who comes first, and how a site's power is shared."""

from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from jinqiao.simulator.census import TownRows
from jinqiao.simulator.cities import place_of
from jinqiao.simulator.clock import Clock
from jinqiao.simulator.roads import jinqiao
from jinqiao.simulator.routes import RouteBook
from jinqiao.simulator.session import TRANSITIONS, SessionEvent, follow
from jinqiao.simulator.stations import Chargers
from jinqiao.vehicles.modes import ChargingState

QUEUEING = 3


def station(at=(31.2497, 121.5957), limit=None, **connectors):
    specs = tuple(SimpleNamespace(kind=kind, power_kw=kw, count=n) for kind, (kw, n) in connectors.items())
    return SimpleNamespace(name="s", at=at, connectors=specs, site_limit_kw=limit)


def chargers(*specs, vehicles=10, growth=Fraction(1)):
    return Chargers(Clock(), specs, jinqiao(), [TownRows(0, place_of(0), slice(0, vehicles), {}, growth)])


# The session.


def test_every_state_of_the_table_is_reached_and_left():
    reached, todo = set(), [ChargingState.IDLE]
    while todo:
        state = todo.pop()
        if state not in reached:
            reached.add(state)
            todo += TRANSITIONS[state].values()
    assert reached == set(TRANSITIONS)
    assert all(TRANSITIONS.values())


@pytest.mark.parametrize("state", TRANSITIONS)
@pytest.mark.parametrize("event", SessionEvent)
def test_follow_is_the_table_and_nothing_else(state, event):
    if event in TRANSITIONS[state]:
        assert follow(int(state), event) is TRANSITIONS[state][event]
    else:
        with pytest.raises(ValueError, match=event.value):
            follow(int(state), event)


@pytest.mark.long
def test_a_session_runs_through_its_states_in_order(lively):
    state = lively["charging_state"]
    for vehicle in np.flatnonzero((state == 2).any(axis=0)):
        seen = state[:, vehicle]
        steps = [(int(a), int(b)) for a, b in pairwise(seen) if a != b]
        assert all(b in TRANSITIONS[ChargingState(a)].values() for a, b in steps), steps
        handshake = np.flatnonzero(seen == 1)
        if len(handshake) and handshake[0] > 0:
            assert (seen[handshake[0] : handshake[0] + 20] == 1).all()


# Sharing.


def test_power_is_shared_within_the_limit_and_nobody_gets_more_than_his_connector():
    site = chargers(station(limit=100.0, dc=(60.0, 4)), station(dc=(60.0, 4)))
    for row, (number, kw) in enumerate([(1, 60.0), (1, 60.0), (1, 60.0), (2, 60.0), (0, 7.0)]):
        site.plug(row, number, kw)
    rows = np.arange(5)
    offered = site.share_kw(rows, np.array([100, 50, 10, 100, 11], dtype=np.float32))
    assert offered == pytest.approx([60 / 1.2, 50 / 1.2, 10 / 1.2, 60, 7], rel=1e-6)
    assert site.share_kw(rows[:1], np.array([100], dtype=np.float32)) == pytest.approx([60])


def test_a_site_never_gives_more_than_its_limit(make_world, fleet_text, record):
    hub = (
        "[{name: hub, at: [31.2497, 121.5957], site_limit: 100 kW, connectors: [{kind: dc, power: 120 kW, count: 4}]}]"
    )
    world = make_world(fleet_text(8, "{ride_hailing: {shift: 24 h}}", "0.15"), stations=hub)
    seen = record(world, 300)
    site_kw = seen["charge_power"].sum(axis=1)
    assert site_kw.max() == pytest.approx(100, rel=0.02)
    assert site_kw.max() <= 100.001
    assert (seen["charging_state"] == 2).sum(axis=1).max() == 4


# Queues.


@pytest.mark.long
def test_first_come_first_served_and_no_more_than_there_are_connectors(make_world, fleet_text, record):
    hub = "[{name: hub, at: [31.2497, 121.5957], connectors: [{kind: dc, power: 180 kW, count: 2}]}]"
    agenda = "{ride_hailing: {shift: 24 h, charge_below: 0.25, charge_to: 0.3}}"
    seen = record(make_world(fleet_text(7, agenda, "uniform(0.1, 0.2)"), stations=hub), 1800)
    state, plug = seen["vehicle_state"], seen["plug_state"]
    # They start at the station; those who wait are served in the order of their rows, as they came.
    waited = np.flatnonzero(state[0] == QUEUEING)
    assert waited.tolist() == [2, 3, 4, 5, 6]
    served = np.array([np.flatnonzero(plug[:, vehicle] > 0)[0] for vehicle in waited])
    assert (np.diff(served) >= 0).all()
    assert (plug > 0).sum(axis=1).max() == 2
    gave_back = np.flatnonzero((np.diff(plug, axis=0) < 0).any(axis=1))
    assert all((gave_back < moment).sum() >= number + 1 for number, moment in enumerate(served))


def test_the_strongest_free_connector_is_given_first():
    spec = station(ac=(7.0, 1))
    spec.connectors += (
        SimpleNamespace(kind="dc", power_kw=60.0, count=2),
        SimpleNamespace(kind="dc", power_kw=180.0, count=1),
    )
    (hub,) = chargers(spec).stations
    assert hub.connectors == {"ac": 1, "dc": 3}
    powers = [hub.queues["dc"].get().value.power_kw for _ in range(3)]
    assert powers == [180.0, 60.0, 60.0]


# Choice.


def test_a_driver_goes_where_charging_ends_soonest():
    near, far = station(dc=(60.0, 1)), station(at=(31.29, 121.64), dc=(60.0, 1))
    sites = chargers(near, far)
    book = RouteBook(jinqiao())
    start = jinqiao().nearest(121.60, 31.253)
    assert sites.soonest(book, 0, start, "dc") == (sites.stations[0], "dc")
    for _ in range(3):
        sites.stations[0].queues["dc"].get()
    assert sites.soonest(book, 0, start, "dc") == (sites.stations[1], "dc")
    assert sites.soonest(book, 0, sites.stations[0].node, "dc") == (sites.stations[0], "dc")


def test_where_nobody_has_the_wished_plug_the_other_kind_will_do():
    sites = chargers(station(ac=(7.0, 2)))
    assert sites.soonest(RouteBook(jinqiao()), 0, 0, "dc") == (sites.stations[0], "ac")
    assert chargers().soonest(RouteBook(jinqiao()), 0, 0, "dc") is None


def test_a_station_stands_at_the_node_nearest_to_its_place():
    (hub,) = chargers(station()).stations
    graph = jinqiao()
    assert (graph.lon_deg[hub.node], graph.lat_deg[hub.node]) == pytest.approx((121.5957, 31.2497))
