"""Batches of which some samples come late: on the wire they are in the order of arrival, also across to the gateway."""

from __future__ import annotations

import json

import numpy as np

from jinqiao.base.telemetry import Batch, Event, Step
from jinqiao.wire.crossing import crossing_packets, read_crossing
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.render import StepRenderer
from jinqiao.wire.render.said import Said, SaidBatch
from support.telemetry import NOW_MS, batch

NAMES = np.array([b"LBV%014d" % i for i in range(4)], "S17")


def late(rows: list[tuple[int, int, int]], group: str = "core") -> tuple[StepRenderer, SaidBatch]:
    """Samples (arrives, vehicle, second), ordered by the first."""
    renderer = StepRenderer("key", NAMES, NAMES)
    made = batch(4, 0, group)
    vehicles = np.array([vehicle for _, vehicle, _ in rows], np.int32)
    signals = {name: column[vehicles] for name, column in made.signals.items()}
    times = np.array([NOW_MS + second * 1000 for _, _, second in rows], np.int64)
    order = np.argsort(times, kind="stable")
    whole = Batch(times[order], group, vehicles[order], {name: column[order] for name, column in signals.items()})
    (said,) = renderer.say(Step(int(times.max()), (whole,)), repeats=True).batches
    back = np.argsort(order, kind="stable")
    records = said.records(said.batch.vehicles)[back]
    turns = NOW_MS + np.array([arrives for arrives, _, _ in rows], np.int64) * 1000
    return renderer, SaidBatch.of_records(said.kind, group, vehicles, records, turns)


ROWS = [(1, 0, 1), (2, 1, 1), (2, 0, 2), (3, 2, 1), (3, 1, 2), (3, 0, 3)]


def shown(renderer: StepRenderer, said: Said) -> list[tuple[str, int]]:
    found = []
    for kind, block in renderer.render(said):
        for row in range(len(block)):
            _, payload = block.message(row)
            params = json.loads(payload)["params"]
            time_ms = params["time"] if kind == "event_post" else next(iter(params.values()))["time"]
            found.append((kind.removesuffix("_post"), block.vehicles.tolist()[row], (time_ms - NOW_MS) // 1000))
    return found


def test_it_is_rendered_in_the_order_of_arrival() -> None:
    renderer, one = late(ROWS)
    found = shown(renderer, Said([], [], [one], ()))
    assert [(vehicle, second) for _, vehicle, second in found] == [(vehicle, second) for _, vehicle, second in ROWS]


def test_an_event_has_its_turn_among_them() -> None:
    renderer, one = late(ROWS)
    (event,) = renderer.say(Step(NOW_MS + 1000, (), (Event(NOW_MS + 1000, 3, "TripFinished", {}),))).events
    found = shown(renderer, Said([], [event._replace(arrives_ms=NOW_MS + 3000)], [one], ()))
    assert [kind for kind, _, _ in found] == ["property"] * 3 + ["event"] + ["property"] * 3


def test_turns_cross_to_the_gateway() -> None:
    _, one = late(ROWS)
    (packet,) = crossing_packets([], [(one, one.records(one.batch.vehicles))])
    edges = frame(packet, 0)
    assert edges is not None
    _, (found,) = read_crossing(packet[edges[0] :])
    assert found.arrives_ms is not None
    assert found.turns_ms.tolist() == one.turns_ms.tolist()
    assert found.batch.time_ms.tolist() == one.batch.time_ms.tolist()
    assert found.batch.vehicles.tolist() == one.batch.vehicles.tolist()


def test_some_of_them_keep_their_turns() -> None:
    _, one = late(ROWS)
    some = one.some(np.array([2, 5]))
    assert some.turns_ms.tolist() == [NOW_MS + 2000, NOW_MS + 3000]
    assert one.edges == [0, 1, 3, 6]


def test_a_large_late_step_crosses_turn_by_turn() -> None:
    rows = [
        (arrives, vehicle, second) for arrives in range(1, 3001) for vehicle, second in enumerate((arrives, 1, 2, 3))
    ]
    _, one = late(rows)
    turns = []
    for packet in crossing_packets([], [(one, one.records(one.batch.vehicles))]):
        edges = frame(packet, 0)
        assert edges is not None
        turns += [int(turn) for part in read_crossing(packet[edges[0] :])[1] for turn in part.turns_ms]
    assert turns == one.turns_ms.tolist()
