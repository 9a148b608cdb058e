"""Faults of sensors: what is reported is wrong, what the car does is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from jinqiao.base.signals import GROUPS, SIGNALS
from jinqiao.base.telemetry import Batch, Event, Step
from jinqiao.simulator.draws import VehicleDraws
from jinqiao.simulator.language.measured import ADDRESSES
from jinqiao.simulator.reported import Reported, reported_batches
from jinqiao.simulator.scenario import parse_scenario
from jinqiao.simulator.world import World
from jinqiao.wire.crossing import crossing_packets, read_crossing
from jinqiao.wire.digest import RunDigest
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.render import StepRenderer
from jinqiao.wire.render.fixed import fixed
from support.examples import examples

HEAD = """name: Sensors
seed: 5
start: 2026-11-23T08:00+08:00
duration: 1 h
fleets:
  - {name: cars, count: 6, models: {bmw-ix3-2021: 1}, agenda: {cycle: WLTC}, telemetry: {driving: 2 s, detail: 5 s}}
  - {name: sleepers, count: 3, models: {bmw-ix3-2021: 1}, agenda: commuter, telemetry: {parked: 7 s}}
"""


def world_of(*faults: str, head: str = HEAD) -> World:
    return World(parse_scenario(head + "faults:\n" + "".join(f"  - {{{one}}}\n" for one in faults)), seed=5)


def steps(world: World, until_s: int, *, stretch_s: int = 1) -> Iterator[Step]:
    while world.elapsed_s < until_s:
        yield world.advance(min(until_s, world.elapsed_s + stretch_s))


class Told:
    """What each vehicle says of one signal: second → value, by row, of batches that a run gave."""

    def __init__(self, signal: str, batches: Sequence[Batch], start_ms: int) -> None:
        self.of: dict[int, dict[int, float]] = {}
        for batch in batches:
            if signal in batch.signals:
                for time_ms, row, value in zip(batch.time_ms, batch.vehicles, batch.signals[signal], strict=True):
                    self.of.setdefault(int(row), {})[int(time_ms - start_ms) // 1000] = float(value)


def both(world: World, signal: str, until_s: int) -> tuple[Told, Told]:
    """What is told and what is true."""
    told: list[Batch] = []
    true: list[Batch] = []
    for step in steps(world, until_s):
        told += step.batches
        true += step.true_batches
    start_ms = world.scenario.start_ms
    return Told(signal, told, start_ms), Told(signal, true, start_ms)


def test_a_stuck_sensor_shows_what_it_was_when_the_fault_began() -> None:
    world = world_of("at: 20 s, on: 2 of cars, fault: sensor_stuck, signal: VehicleSpeed, for: 60 s")
    told, true = both(world, "speed", 120)
    struck = [row for row in told.of if told.of[row] != true.of[row]]
    assert len(struck) == 2
    for row in struck:
        during = {second: value for second, value in told.of[row].items() if 20 < second <= 80}
        assert len(set(during.values())) == 1
        assert during != {second: true.of[row][second] for second in during}
        assert all(told.of[row][second] == true.of[row][second] for second in told.of[row] if second not in during)


@pytest.mark.parametrize(
    "fault", ["sensor_stuck, signal: VehicleSpeed", "sensor_dropout, signal: GeoLocation.Altitude"]
)
def test_the_car_goes_on_as_without_the_fault(fault: str) -> None:
    """Also one that sleeps: to look at it for the value that it holds is not to wake it."""
    with_fault = [
        b for s in steps(world_of(f"at: 13 s, on: all, fault: {fault}, for: 40 s"), 120) for b in s.true_batches
    ]
    without = [b for s in steps(world_of("at: 59 min, on: any, fault: dtc, code: P0A80"), 120) for b in s.batches]
    assert len(with_fault) == len(without)
    for one, other in zip(with_fault, without, strict=True):
        assert one.vehicles.tolist() == other.vehicles.tolist()
        for name, column in other.signals.items():
            assert one.signals[name].tobytes() == column.tobytes(), name


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("sensor_offset, signal: battery:PackVoltage, offset: -7.5 V", lambda _: -7.5),
        ("sensor_drift, signal: battery:PackVoltage, rate: 30 V/min", lambda second: 0.5 * (second - 20)),
    ],
)
def test_an_offset_is_constant_and_a_drift_grows(fault: str, expected: Any) -> None:
    world = world_of(f"at: 20 s, on: cars, fault: {fault}, for: 60 s")
    told, true = both(world, "pack_voltage", 100)
    for row, values in told.of.items():
        for second, value in values.items():
            wrong = expected(second) if 20 < second <= 80 and row < 6 else 0.0
            assert value - true.of[row][second] == pytest.approx(wrong, abs=1e-3)


def test_noise_has_its_deviation_and_no_mean_and_nobody_shares_it() -> None:
    head = HEAD.replace("{driving: 2 s, detail: 5 s}", "{driving: 1 s, charging: 1 s, parked: 1 s}")
    world = world_of("at: 0 s, on: cars, fault: sensor_noise, signal: battery:PackVoltage, sd: 4 V", head=head)
    told, true = both(world, "pack_voltage", 600)
    noise = np.array([[told.of[row][s] - true.of[row][s] for s in range(10, 600)] for row in range(6)])
    assert np.abs(noise.mean(axis=1)).max() < 5 * 4 / np.sqrt(590)
    assert noise.std(axis=1) == pytest.approx(np.full(6, 4.0), rel=0.15)
    assert np.abs(np.corrcoef(noise) - np.eye(6)).max() < 0.2
    assert np.abs([np.corrcoef(own[1:], own[:-1])[0, 1] for own in noise]).max() < 0.2


def test_spikes_come_as_often_as_is_said_and_last_a_second() -> None:
    head = HEAD.replace("{driving: 2 s, detail: 5 s}", "{driving: 1 s, charging: 1 s, parked: 1 s}")
    world = world_of(
        "at: 0 s, on: cars, fault: sensor_spike, signal: battery:PackVoltage, size: -90 V, every: 10 s", head=head
    )
    told, true = both(world, "pack_voltage", 600)
    wrong = np.array([[told.of[row][s] - true.of[row][s] for s in range(10, 600)] for row in range(6)])
    spikes = wrong < -1
    assert wrong[spikes] == pytest.approx(-90, abs=1e-3)
    assert spikes.mean() == pytest.approx(0.1, abs=0.02)
    assert 0.03 < (spikes[:, 1:] & spikes[:, :-1]).sum() / spikes.sum() < 0.2  # one is no reason for another


def test_what_is_told_stays_in_the_published_range_and_whole_numbers_stay_whole() -> None:
    world = world_of(
        "at: 20 s, on: cars, fault: sensor_offset, signal: VehicleSpeed, offset: 290 km/h",
        "at: 20 s, on: cars, fault: sensor_drift, signal: StateOfCharge, rate: -10 %/s",
        "at: 20 s, on: cars, fault: sensor_noise, signal: GearPosition, sd: 2",
    )
    for step in steps(world, 60):
        for batch in step.batches:
            for name, column in batch.signals.items():
                assert column.dtype == SIGNALS[name].dtype
                assert (column >= SIGNALS[name].low).all(), name
                assert (column <= SIGNALS[name].high).all(), name


def test_a_missing_value_is_absent_with_all_parts_of_its_property() -> None:
    world = world_of(
        "at: 20 s, on: 2 of cars, fault: sensor_dropout, signal: GeoLocation.Longitude, for: 30 s",
        "at: 30 s, on: 3 of cars, fault: sensor_dropout, signal: VehicleSpeed, for: 30 s",
    )
    whole = {group: {signal.name for signal in SIGNALS.group(group)} for group in GROUPS}
    place = {name for name in whole["core"] if SIGNALS[name].property == "GeoLocation"}
    seen = set()
    for step in steps(world, 90):
        second = world.elapsed_s
        for batch in step.batches:
            lacks = frozenset(whole[batch.group] - set(batch.signals))
            seen.add(lacks)
            assert lacks in ({frozenset()} if second <= 20 or second > 60 else seen)
        told = sorted((row, b.group) for b in step.batches for row in b.vehicles.tolist())
        assert told == sorted((row, b.group) for b in step.true_batches for row in b.vehicles.tolist())
    assert frozenset(place) in seen
    assert frozenset({"speed"}) in seen
    assert seen <= {frozenset(), frozenset(place), frozenset({"speed"}), frozenset(place | {"speed"})}


def test_a_look_from_outside_sees_what_is_told() -> None:
    world = world_of(
        "at: 20 s, on: cars, fault: sensor_offset, signal: battery:PackVoltage, offset: 50 V, for: 60 s",
        "at: 20 s, on: cars, fault: sensor_dropout, signal: VehicleSpeed, for: 60 s",
    )
    for step in steps(world, 40):
        last = step
    rows = np.arange(9)
    looked = [batch for batch in world.look(rows) if batch.group == "core"]
    assert sorted(row for batch in looked for row in batch.vehicles.tolist()) == rows.tolist()
    for batch in looked:
        assert ("speed" in batch.signals) == (batch.vehicles >= 6).all()
    told = {
        b.vehicles[i]: b.signals["pack_voltage"][i] for b in last.batches if b.group == "core" for i in range(len(b))
    }
    assert told
    for batch in looked:
        for row, value in zip(batch.vehicles.tolist(), batch.signals["pack_voltage"], strict=True):
            assert told.get(row, value) == value


# Compositions.


class _Car:
    """Reported on values of our own: every vehicle's signal is `true`, until a fault says otherwise."""

    def __init__(self, n: int, true: float, signal: str = "pack_voltage") -> None:
        self.second, self.signal, self.n = 0, signal, n
        self.true = np.full(n, true, SIGNALS[signal].dtype)
        draws = VehicleDraws(3, [("cars", n)])
        self.reported = Reported(n, draws, lambda rows, _: self.true[rows], lambda: self.second)

    def told(self) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        altered = self.reported.of(np.arange(self.n), {self.signal: self.true}, self.second)
        if altered is None:
            return self.true, np.zeros(self.n, np.bool_)
        return altered.signals[self.signal], altered.missing.get(self.signal, np.zeros(self.n, np.bool_))


def test_a_stuck_sensor_holds_what_it_showed_with_an_offset_and_goes_back_to_it() -> None:
    car = _Car(3, 400.0)
    first, second, both_rows = np.array([0, 1]), np.array([1, 2]), object()
    offset, stuck = object(), object()
    car.reported.begin(offset, "offset", "pack_voltage", first, 20.0)
    car.second = 5
    car.reported.begin(stuck, "stuck", "pack_voltage", second)
    car.true[:] = 410.0
    assert car.told()[0].tolist() == [430, 420, 400]
    car.reported.end(offset, "offset", "pack_voltage", first)
    assert car.told()[0].tolist() == [410, 420, 400]
    car.reported.begin(both_rows, "stuck", "pack_voltage", second)
    car.reported.end(stuck, "stuck", "pack_voltage", second)
    assert car.told()[0].tolist() == [410, 420, 400]
    car.reported.end(both_rows, "stuck", "pack_voltage", second)
    assert car.told()[0].tolist() == [410, 410, 410]
    assert not car.reported.any


def test_a_missing_value_does_not_alter_what_a_stuck_sensor_holds() -> None:
    car = _Car(1, 400.0)
    row, drop, stuck = np.array([0]), object(), object()
    car.reported.begin(drop, "dropout", "pack_voltage", row)
    car.true[:] = 410.0
    car.reported.begin(stuck, "stuck", "pack_voltage", row)
    car.true[:] = 420.0
    values, missing = car.told()
    assert (values.tolist(), missing.tolist()) == ([400], [True])
    car.reported.end(drop, "dropout", "pack_voltage", row)
    assert car.told()[0].tolist() == [410]


def test_two_noises_are_one_of_the_sum_of_their_variances() -> None:
    one, two = _Car(4000, 400.0), _Car(4000, 400.0)
    rows = np.arange(4000)
    one.reported.begin(object(), "noise", "pack_voltage", rows, 5.0)
    two.reported.begin(object(), "noise", "pack_voltage", rows, 3.0)
    two.reported.begin(object(), "noise", "pack_voltage", rows, 4.0)
    assert two.told()[0].tolist() == one.told()[0].tolist()
    assert one.told()[0].std() == pytest.approx(5.0, rel=0.06)


_FAULTS = st.tuples(
    st.sampled_from(["offset", "drift", "noise", "spike", "stuck", "dropout"]),
    st.sets(st.integers(0, 4), min_size=1),
    st.floats(-50, 50),
    st.integers(0, 20),
    st.integers(1, 20),
)


@given(st.lists(_FAULTS, max_size=8), st.randoms(use_true_random=False))
def test_whatever_overlaps_ends_properly_and_touches_nobody_else(faults: Any, order: Any) -> None:
    car = _Car(6, 400.0)
    due = [(begun, 1, n) for n, (*_, begun, _) in enumerate(faults)]
    due += [(begun + lasts, 0, n) for n, (*_, begun, lasts) in enumerate(faults)]
    order.shuffle(due)
    sources = [object() for _ in faults]
    active: set[int] = set()
    for second in range(45):
        car.second = second
        for _, begins, number in sorted((one for one in due if one[0] == second), key=lambda one: one[1]):
            kind, rows, amount, *_ = faults[number]
            chosen = np.array(sorted(rows))
            if begins:
                car.reported.begin(sources[number], kind, "pack_voltage", chosen, abs(amount), 0.5)
                active.add(number)
            else:
                car.reported.end(sources[number], kind, "pack_voltage", chosen)
                active.discard(number)
        car.true += np.float32(1.0)
        values, missing = car.told()
        assert np.isfinite(values).all()
        struck = {row for number in active for row in faults[number][1]}
        assert {int(row) for row in np.flatnonzero(values != car.true)} <= struck
        dropped = {row for number in active for row in faults[number][1] if faults[number][0] == "dropout"}
        assert set(np.flatnonzero(missing).tolist()) == dropped
    assert not car.reported.any


@given(st.permutations(range(4)))
def test_sums_do_not_depend_on_who_began_first(order: Sequence[int]) -> None:
    kinds = [("offset", 8.0), ("drift", 0.5), ("noise", 4.0), ("stuck", 0.0)]
    found = []
    for numbers in (range(4), order):
        car = _Car(5, 400.0)
        for number in numbers:
            kind, amount = kinds[number]
            if kind != "stuck":
                car.reported.begin(object(), kind, "pack_voltage", np.arange(1, 4), amount)  # type: ignore[arg-type]
        car.second = 7
        found.append(car.told()[0].tolist())
    assert found[0] == found[1]


def test_an_end_without_a_beginning_is_refused() -> None:
    car = _Car(2, 400.0)
    with pytest.raises(ValueError, match="no such fault of 'pack_voltage'"):
        car.reported.end(object(), "stuck", "pack_voltage", np.array([0]))


# Bytes.

ALL_KINDS = (
    "at: 9 s, on: 3 of cars, fault: sensor_stuck, signal: VehicleSpeed, for: 40 s",
    "at: 11 s, on: 50 %, fault: sensor_noise, signal: battery:PackVoltage, sd: 3 V, for: 60 s",
    "at: 12 s, on: 50 %, fault: sensor_spike, signal: battery:PackVoltage, size: 90 V, every: 3 s, for: 50 s",
    "at: 14 s, on: 4 of cars, fault: sensor_dropout, signal: GeoLocation.Latitude, for: 50 s",
    "at: 18 s, on: 4 of cars, fault: sensor_dropout, signal: VehicleSpeed, for: 50 s",
    'at: 20 s, on: 5 of cars, fault: sensor_dropout, signal: "body:TirePressure[1]", for: 50 s',
    "at: 25 s, on: all, fault: sensor_drift, signal: AmbientTemperature, rate: 2 degC/min, for: 80 s",
)


def _bytes_of(world: World, until_s: int, stretch_s: int) -> tuple[str, list[bytes], Any]:
    n = world.fleet.n
    names = world.fleet.vins
    renderer = StepRenderer("a1JinqiaoEV", names, names, np.arange(n) % 3 == 0)
    digest, packets = RunDigest(world.town_rows), []
    for step in steps(world, until_s, stretch_s=stretch_s):
        said = renderer.say(step)
        for one in said.batches:
            digest.add_rows(one, one.records(one.batch.vehicles))
        for _, block in renderer.render(said):
            packets += [block.packet(row) for row in range(len(block))]
    return digest.hexdigest(), packets, renderer.numbers.last.tolist()


def test_stretches_and_single_seconds_give_the_same_bytes_and_numbers() -> None:
    single = _bytes_of(world_of(*ALL_KINDS), 120, 1)
    for stretch_s in (7, 120):
        together = _bytes_of(world_of(*ALL_KINDS), 120, stretch_s)
        assert together[0] == single[0]
        assert together[2] == single[2]
        assert together[1] == single[1]


def test_a_fault_costs_the_others_nothing() -> None:
    """Whoever is not struck says the same bytes as in a run without faults."""
    quiet = _bytes_of(world_of("at: 59 min, on: any, fault: dtc, code: P0A80"), 100, 5)
    loud = _bytes_of(world_of("at: 9 s, on: 2 of cars, fault: sensor_dropout, signal: VehicleSpeed"), 100, 5)
    world = world_of("at: 9 s, on: 2 of cars, fault: sensor_dropout, signal: VehicleSpeed")
    (label,) = [label for step in steps(world, 10) for label in step.labels]
    struck = [bytes(world.fleet.vins[row]) for row in label.vehicles.tolist()]
    assert len(struck) == 2

    def others(packets: list[bytes]) -> list[bytes]:
        return [
            packet for packet in packets if not any(vin in packet for vin in struck) and b"user/label" not in packet
        ]

    assert sorted(others(quiet[1])) == sorted(others(loud[1]))
    assert quiet[2] == loud[2]


def test_every_signal_of_the_thing_model_can_go_wrong_in_every_way() -> None:
    world = world_of("at: 59 min, on: any, fault: dtc, code: P0A80")
    for _ in steps(world, 20):
        pass
    rows = np.array([0, 2, 7])
    for signal in ADDRESSES.values():
        for kind, amount in (("stuck", 0.0), ("offset", 0.1), ("drift", 0.1), ("noise", 0.1), ("spike", 1.0)):
            world.reported.begin(kind, kind, signal.name, rows, amount, 0.5)  # type: ignore[arg-type]
        world.reported.begin("dropout", "dropout", signal.name, rows)
    true = [batch for step in steps(world, 40) for batch in step.true_batches]
    told = reported_batches(world.reported, true, world.scenario.start_ms)
    assert told is not None
    assert all(len(fixed(batch)) == len(batch) for batch in told)
    assert {len(batch.signals) for batch in told if (np.isin(batch.vehicles, rows)).all() and len(batch)} == {0}


def test_what_is_drawn_hangs_on_the_vehicle_and_not_on_who_is_beside_it() -> None:
    few, many = _Car(3, 400.0), _Car(5000, 400.0)
    for car in (few, many):
        car.reported.begin(object(), "noise", "pack_voltage", np.arange(car.n), 5.0)
        car.reported.begin(object(), "spike", "pack_voltage", np.arange(car.n), 50.0, 0.3)
    for second in range(examples(20)):
        few.second = many.second = second
        assert few.told()[0].tobytes() == many.told()[0][:3].tobytes()


# Clocks.


def test_a_wrong_clock_dates_what_is_said_and_changes_nothing_else() -> None:
    skewed = ("at: 20 s, on: 2 of cars, fault: clock_skew, offset: -90 s, rate: 6 s/min, for: 40 s",)
    found = []
    for faults in (skewed, ("at: 59 min, on: any, fault: dtc, code: P0A80",)):
        world = world_of(*faults)
        renderer = StepRenderer("a1JinqiaoEV", world.fleet.vins, world.fleet.vins)
        said = [(world.elapsed_s, one) for step in steps(world, 90) for one in renderer.say(step).batches]
        columns = [(s, one.batch.vehicles, one.batch.time_ms, one.ids) for s, one in said]
        found.append([(s, *row) for s, *own in columns for row in zip(*own, strict=True)])
        start_ms = world.scenario.start_ms
    assert len(found[0]) == len(found[1])
    wrong: dict[int, list[tuple[int, int]]] = {}
    for (second, row, shown_ms, number), (_, other, true_ms, same) in zip(*found, strict=True):
        assert (row, number) == (other, same)
        assert true_ms == start_ms + second * 1000
        if shown_ms != true_ms:
            wrong.setdefault(int(row), []).append((second, int(shown_ms - true_ms)))
    assert len(wrong) == 2
    for values in wrong.values():
        assert {second for second, _ in values} <= set(range(21, 61))
        assert all(ahead_ms == -90_000 + 100 * (second - 20) for second, ahead_ms in values)


def test_events_and_buses_have_the_time_of_their_vehicles_clock() -> None:
    head = HEAD.replace("detail: 5 s}", "detail: 5 s, can: {vehicles: 2}}")
    world = world_of("at: 2 s, on: all, fault: clock_skew, offset: 1 h", head=head)
    renderer = StepRenderer("a1JinqiaoEV", world.fleet.vins, world.fleet.vins)
    step = list(steps(world, 12))[-1]
    assert {second.start_ms for second in step.can} == {world.time_ms - 1000 + 3_600_000}
    event = Event(world.time_ms, 1, "trip:Started", {})
    (stamped,) = world.reported.clocks.stamped([event])
    (packet,) = renderer.say(Step(world.time_ms, events=(stamped,))).events
    assert (packet.time_ms, packet.turn_ms) == (world.time_ms + 3_600_000, world.time_ms)
    assert str(world.time_ms + 3_600_000).encode() in packet.data
    assert world.clock_ms(np.array([0])).tolist() == [world.time_ms + 3_600_000]


def test_a_bus_is_split_by_the_clocks_of_its_vehicles() -> None:
    head = HEAD.replace("detail: 5 s}", "detail: 5 s, can: {vehicles: 3}}")
    plain, skewed = (
        world_of("at: 59 min, on: any, fault: dtc, code: P0A80", head=head),
        world_of("at: 2 s, on: 1 of cars, fault: clock_skew, offset: 1 s", head=head),
    )
    for one, other in zip(steps(plain, 9), steps(skewed, 9), strict=True):
        frames = {
            (second.bus, row): second.data[start : start + count].tobytes()
            for second in one.can
            for row, start, count in zip(
                second.vehicles, np.cumsum(second.counts) - second.counts, second.counts, strict=True
            )
        }
        for second in other.can:
            for row, start, count in zip(
                second.vehicles, np.cumsum(second.counts) - second.counts, second.counts, strict=True
            ):
                own = frames.pop((second.bus, row))
                assert len(own) == 8 * count
                if second.bus != "body":  # where the clock itself is told
                    assert second.data[start : start + count].tobytes() == own
        assert not frames


def test_wrong_clocks_give_the_same_bytes_in_any_stretch() -> None:
    faults = (
        "at: 9 s, on: 3 of cars, fault: clock_skew, offset: 1 h",
        "at: 9 s, on: 50 %, fault: clock_skew, rate: -30 s/min, for: 60 s",
        "at: 20 s, on: 3 of cars, fault: sensor_dropout, signal: VehicleSpeed, for: 60 s",
    )
    single = _bytes_of(world_of(*faults), 120, 1)
    for stretch_s in (7, 120):
        together = _bytes_of(world_of(*faults), 120, stretch_s)
        assert together == single


def test_a_network_carries_what_wrong_clocks_date_when_it_is_said() -> None:
    """What crosses to the gateway keeps the order of the true times, and the vehicles' own ones."""
    world = world_of("at: 9 s, on: 3 of cars, fault: clock_skew, offset: -1 d")
    renderer = StepRenderer("a1JinqiaoEV", world.fleet.vins, world.fleet.vins)
    step = list(steps(world, 30, stretch_s=10))[-1]
    said = renderer.say(step)
    (packet,) = crossing_packets(said.events, [(one, one.records(one.batch.vehicles)) for one in said.batches])
    bounds = frame(packet, 0)
    assert bounds is not None
    _, batches = read_crossing(packet[bounds[0] :])
    for sent, came in zip(said.batches, batches, strict=True):
        assert came.turns_ms.tolist() == sent.turns_ms.tolist() == sorted(sent.turns_ms.tolist())
        assert came.batch.time_ms.tolist() == sent.batch.time_ms.tolist()
        assert {int(ahead) for ahead in came.batch.time_ms - came.turns_ms} == {0, -86_400_000}
