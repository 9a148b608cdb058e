"""History that simulated vehicles post after an outage: the platform reads it as it reads any device's."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from jinqiao.base.telemetry import Batch, Event, Step
from jinqiao.wire.mqtt.packets import Subscribe
from jinqiao.wire.render import StepRenderer
from jinqiao.wire.render.history import MOST_RECORDS, HistoryRenderer
from jinqiao.wire.render.said import SaidPacket
from support.fleet_house import FleetHouse
from support.fleet_world import FLEET, NAMES, NOW_MS
from support.telemetry import batch

HISTORY = f"/sys/{FLEET}/+/thing/event/property/history/post"


def posts(seconds: range, rows: list[int], *events: Event) -> list[SaidPacket]:
    """What these vehicles kept in these seconds before now, both groups of each."""
    renderer = StepRenderer(FLEET, NAMES, NAMES)
    said = []
    for second in seconds:
        batches = []
        for group in ("core", "detail"):
            one = batch(len(NAMES), second, group)
            batches.append(
                Batch.at(NOW_MS - 600_000 + second * 1000, group, one.vehicles, one.signals).rows(np.array(rows))
            )
        said.append(renderer.say(Step(batches[0].time_ms[0], tuple(batches), events if second == seconds[0] else ())))
    kept = [one for step in said for one in step.batches]
    return HistoryRenderer(FLEET, NAMES).packets(kept, [event for step in said for event in step.events])


def values(house: FleetHouse, row: int) -> dict[str, Any]:
    answer = house.call("QueryDevicePropertyStatus", row)
    return {one["Identifier"]: one for one in answer["Data"]["List"]["PropertyStatusInfo"] if one.get("Time")}


def test_the_platform_takes_every_value_of_it() -> None:
    house = FleetHouse()
    app = house.application()
    app.send(Subscribe(1, ((HISTORY, 0),)))
    found = posts(range(1, 4), [5])
    for post in found:
        house.simulator.feed(post.data)
    house.turn()
    (message,) = [one for one in app.messages() if one.topic.endswith("/history/post")]
    (entry,) = json.loads(message.payload)["params"]
    assert len(entry["properties"]) == 6
    known = values(house, 5)
    said = {name for record in entry["properties"] for name in record}
    assert said <= known.keys()
    assert known["VehicleSpeed"]["Time"] == str(NOW_MS - 600_000 + 3000)


def test_messages_hold_so_many_records_in_the_order_of_time_and_one_vehicle_each() -> None:
    found = posts(range(60), [3, 4])
    assert {post.vehicle for post in found} == {3, 4}
    for row in (3, 4):
        times, ids = [], []
        for post in found:
            payload = json.loads(post.data[post.data.index(b"{") :])
            if post.vehicle == row:
                (entry,) = payload["params"]
                assert len(entry["properties"]) + len(entry["events"]) <= MOST_RECORDS
                times += [next(iter(record.values()))["time"] for record in entry["properties"]]
                ids.append(int(payload["id"]))
        assert times == sorted(times)
        assert len(times) == 120
        assert len(set(ids)) == len(ids)


def test_an_event_of_the_history_is_one_of_the_platform() -> None:
    house = FleetHouse()
    app = house.application()
    app.send(Subscribe(1, ((HISTORY, 0),)))
    event = Event(NOW_MS - 500_000, 5, "TripFinished", {"Distance": 1.5})
    for post in posts(range(1, 2), [5], event):
        house.simulator.feed(post.data)
    house.turn()
    (message,) = app.messages()
    (entry,) = json.loads(message.payload)["params"]
    assert entry["events"] == [{"TripFinished": {"value": {"Distance": 1.5}, "time": NOW_MS - 500_000}}]
