"""The past of a device as the cloud side tells it: time range, order, pages, and what is refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jinqiao.gateway.broker.policy import Principal
from jinqiao.gateway.openapi.http import Response, Waiting
from jinqiao.gateway.platform.devices.past import NO_HISTORY, Page, Pasts, Query
from support.cloud_world import DN, NOW_MS, PK, CloudWorld

pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")

from jinqiao.gateway.history.history import History

S = f"/sys/{PK}/{DN}"


def asked(world: CloudWorld, action: str, **arguments: Any) -> dict[str, Any]:
    """What a question about the past is answered, when it is."""
    found: Response | Waiting = world.dispatch(action, **{"ProductKey": PK, "DeviceName": DN} | arguments)
    if not isinstance(found, Waiting):
        return world.read(found)
    answered = threading.Event()
    found.call.when_answered(answered.set)
    assert answered.wait(10)
    response = found.finish()
    found.close()
    return world.read(response)


class Past:
    """A platform that keeps the past, and one device that talks."""

    def __init__(self, folder: Path) -> None:
        self.history = History(folder, flush_s=3_600, now_ms=lambda: self.world.now_ms)
        self.world = CloudWorld(self.history)
        self.history.listen(self.world.platform.events)
        self.device: Principal = self.world.connect()

    def ask(self, action: str, **arguments: Any) -> dict[str, Any]:
        return asked(self.world, action, **arguments)

    def say(self, suffix: str, params: Any, **more: Any) -> None:
        body = {"id": "1", "version": "1.0", "params": params} | more
        self.world.say(self.device, f"{S}/{suffix}", json.dumps(body).encode())

    def speeds(self, count: int) -> None:
        for turn in range(count):
            self.say("thing/event/property/post", {"VehicleSpeed": {"value": turn + 0.5, "time": NOW_MS + turn * 1000}})


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    found = Past(tmp_path)
    yield found
    found.history.close()


RANGE = {"StartTime": NOW_MS, "EndTime": NOW_MS + 100_000}


def values(answer: dict[str, Any]) -> list[str]:
    assert answer["Success"] is True, answer
    return [info["Value"] for info in answer["Data"]["List"]["PropertyInfo"]]


def test_one_property_page_by_page(past: Past) -> None:
    past.speeds(7)
    first = past.ask("QueryDevicePropertyData", Identifier="VehicleSpeed", PageSize=3, Asc=1, **RANGE)
    assert values(first) == ["0.5", "1.5", "2.5"]
    assert first["Data"]["List"]["PropertyInfo"][0] == {"Time": str(NOW_MS), "Value": "0.5"}
    assert (first["Data"]["NextValid"], first["Data"]["NextTime"]) == (True, NOW_MS + 3000)
    more = RANGE | {"StartTime": first["Data"]["NextTime"]}
    second = past.ask("QueryDevicePropertyData", Identifier="VehicleSpeed", PageSize=4, Asc=1, **more)
    assert values(second) == ["3.5", "4.5", "5.5", "6.5"]
    assert second["Data"]["NextValid"] is False


@pytest.mark.parametrize("turned", [False, True])
def test_latest_first_with_the_range_either_way_round(past: Past, turned: bool) -> None:
    past.speeds(5)
    start, end = ("EndTime", "StartTime") if turned else ("StartTime", "EndTime")
    span = {start: NOW_MS, end: NOW_MS + 9000}
    first = past.ask("QueryDevicePropertyData", Identifier="VehicleSpeed", PageSize=3, Asc=0, **span)
    assert values(first) == ["4.5", "3.5", "2.5"]
    span[end] = first["Data"]["NextTime"]
    rest = past.ask("QueryDevicePropertyData", Identifier="VehicleSpeed", PageSize=3, Asc=0, **span)
    assert values(rest) == ["1.5", "0.5"]


def test_several_properties_of_a_post_batch_and_history(past: Past) -> None:
    past.say(
        "thing/event/property/post", {"VehicleSpeed": 50, "battery:HeaterOn": 1, "NoSuch": 3, "StateOfCharge": 400}
    )
    past.say(
        "thing/event/property/batch/post",
        {
            "properties": {"VehicleSpeed": [{"value": 51, "time": NOW_MS + 1}, {"value": 52, "time": NOW_MS + 2}]},
            "events": {"TripFinished": [{"value": {"DistanceKm": 4}, "time": NOW_MS + 3}]},
        },
    )
    record = {
        "identity": {"productKey": PK, "deviceName": DN},
        "properties": [{"StateOfCharge": {"value": 9, "time": NOW_MS + 4}}],
    }
    past.say("thing/event/property/history/post", [record])
    names = {"Identifier.1": "VehicleSpeed", "Identifier.2": "battery:HeaterOn", "Identifier.3": "StateOfCharge"}
    answer = past.ask("QueryDevicePropertiesData", PageSize=100, Asc=1, **names, **RANGE)
    assert (answer["NextValid"], answer["NextTime"]) == (False, 0)
    infos = answer["PropertyDataInfos"]["PropertyDataInfo"]
    assert {info["Identifier"]: [row["Value"] for row in info["List"]["PropertyInfo"]] for info in infos} == {
        "VehicleSpeed": ["50", "51", "52"],
        "battery:HeaterOn": ["1"],
        "StateOfCharge": ["9"],
    }
    page = past.ask("QueryDevicePropertiesData", PageSize=2, Asc=1, **names, **RANGE)
    assert (page["NextValid"], page["NextTime"]) == (True, NOW_MS + 2)
    assert [len(info["List"]["PropertyInfo"]) for info in page["PropertyDataInfos"]["PropertyDataInfo"]] == [2, 1, 0]


def test_events_by_identifier_by_type_or_all(past: Past) -> None:
    past.say("thing/event/Collision/post", {"value": {"Level": 2, "Acceleration": 1.5}, "time": NOW_MS + 5})
    past.say("thing/event/TripFinished/post", {"DistanceKm": 4.5, "EnergyKwh": 1})
    past.say("thing/event/battery:Overheat/post", {"value": {"Temperature": 70}, "time": 0})
    past.say("thing/event/NoSuch/post", {"value": {}})

    def found(**arguments: Any) -> list[dict[str, Any]]:
        answer = past.ask("QueryDeviceEventData", Asc=1, **arguments, **RANGE)
        rows: list[dict[str, Any]] = answer["Data"]["List"]["EventInfo"]
        return rows

    assert [row["Identifier"] for row in found()] == ["TripFinished", "battery:Overheat", "Collision"]
    assert [row["Identifier"] for row in found(EventType="alert")] == ["battery:Overheat", "Collision"]
    assert found(EventType="error") == []
    (collision,) = found(Identifier="Collision")
    assert collision["EventType"] == "alert"
    assert collision["Time"] == str(NOW_MS + 5)
    assert json.loads(collision["OutputData"]) == {"Level": 2, "Acceleration": 1.5}
    assert "Name" in collision


def test_services_with_what_came_of_them(past: Past) -> None:
    def called(identifier: str, args: dict[str, Any]) -> Response | Waiting:
        return past.world.dispatch("InvokeThingService", ProductKey=PK, DeviceName=DN, Identifier=identifier, Args=args)

    waiting = called("Unlock", {"Door": 1})
    assert isinstance(waiting, Waiting)
    request = json.loads(past.world.sent[-1].payload)
    answer = {"id": request["id"], "code": 200, "data": {"Result": 0}}
    past.world.say(past.device, f"{S}/rrpc/response/{waiting.call.message_id}", json.dumps(answer).encode())
    assert past.world.read(waiting.finish())["Success"]
    called("StartClimate", {"Target": 22.0, "Minutes": 10})
    climate = json.loads(past.world.sent[-1].payload)
    past.say("thing/service/StartClimate_reply", None, id=climate["id"], code=200, data={"Done": 1})
    past.say("thing/service/StartClimate_reply", None, id="4711", code=200, data={"Forged": 1})
    found = past.ask("QueryDeviceServiceData", PageSize=50, **RANGE)["Data"]["List"]["ServiceInfo"]
    by_name = {row["Identifier"]: row for row in found}
    assert len(found) == len(by_name) == 2
    assert json.loads(by_name["Unlock"]["InputData"]) == {"Door": 1}
    assert json.loads(by_name["Unlock"]["OutputData"]) == {"Result": 0}
    assert json.loads(by_name["StartClimate"]["InputData"]) == {"Target": 22.0, "Minutes": 10}
    assert json.loads(by_name["StartClimate"]["OutputData"]) == {"Done": 1}
    only = past.ask("QueryDeviceServiceData", Identifier="Unlock", **RANGE)["Data"]["List"]["ServiceInfo"]
    assert [row["Identifier"] for row in only] == ["Unlock"]


@pytest.mark.parametrize("payload", [b"no json", b"[]"])
def test_a_reply_that_is_none_is_logged(past: Past, payload: bytes) -> None:
    past.world.say(past.device, f"{S}/thing/service/StartClimate_reply", payload)
    (entry,) = past.world.platform.log
    assert entry.code == 6207


@pytest.mark.parametrize("payload", [b"{}", b'{"id":[]}', b'{"id":"4711","code":200,"data":{"Done":1}}'])
def test_a_reply_to_nothing_that_was_asked_is_forgotten(past: Past, payload: bytes) -> None:
    past.world.say(past.device, f"{S}/thing/service/StartClimate_reply", payload)
    assert past.ask("QueryDeviceServiceData", PageSize=50, **RANGE)["Data"]["List"]["ServiceInfo"] == []


def test_a_deleted_devices_past_is_gone(past: Past) -> None:
    past.speeds(2)
    assert past.world.call("DeleteDevice")["Success"]
    past.world.now_ms += 60_000
    assert past.world.call("RegisterDevice")["Success"]
    assert values(past.ask("QueryDevicePropertyData", Identifier="VehicleSpeed", PageSize=3, Asc=1, **RANGE)) == []


GOOD = {"Identifier": "VehicleSpeed", "PageSize": 3, "Asc": 1, **RANGE}


@pytest.mark.parametrize(
    ("action", "change", "code", "told"),
    [
        ("QueryDevicePropertyData", {"Identifier": ""}, "MissingParameter", "Identifier"),
        ("QueryDevicePropertyData", {"StartTime": ""}, "MissingParameter", "StartTime"),
        ("QueryDevicePropertyData", {"Asc": ""}, "MissingParameter", "Asc"),
        ("QueryDevicePropertyData", {"Asc": 2}, "InvalidParameter", "Asc"),
        ("QueryDevicePropertyData", {"EndTime": "tomorrow"}, "iot.check.InvalidFormattedParameter", "EndTime"),
        ("QueryDevicePropertyData", {"EndTime": "-1"}, "iot.check.InvalidFormattedParameter", "EndTime"),
        ("QueryDevicePropertyData", {"EndTime": NOW_MS - 1}, "iot.check.ParameterIsNotLessThanMax", "is not before"),
        (
            "QueryDeviceEventData",
            {"EndTime": NOW_MS - 1, "Identifier": ""},
            "iot.check.ParameterIsNotLessThanMax",
            "is not before",
        ),
        ("QueryDevicePropertyData", {"PageSize": 51}, "iot.common.InvalidPageParams", "from 1 to 50"),
        ("QueryDevicePropertyData", {"PageSize": 0}, "iot.common.InvalidPageParams", "from 1 to 50"),
        ("QueryDevicePropertyData", {"Identifier": "VehicelSpeed"}, "InvalidParameter", "did you mean 'VehicleSpeed'?"),
        ("QueryDevicePropertiesData", {}, "MissingParameter", "Identifier.1"),
        ("QueryDevicePropertiesData", {f"Identifier.{n}": "Odometer" for n in range(1, 12)}, "InvalidParameter", "11"),
        ("QueryDeviceEventData", {"Identifier": "Colision"}, "InvalidParameter", "did you mean 'Collision'?"),
        ("QueryDeviceEventData", {"Identifier": "", "EventType": "loud"}, "InvalidParameter", "EventType"),
        ("QueryDeviceServiceData", {"Identifier": "Fly"}, "InvalidParameter", "no service 'Fly'"),
    ],
)
def test_what_is_refused(past: Past, action: str, change: dict[str, Any], code: str, told: str) -> None:
    answer = past.ask(action, **GOOD | change)
    assert answer["Code"] == code
    assert told in (answer.get("ErrorMessage") or answer["Message"])


def test_without_a_history_the_last_values_are_all_there_is() -> None:
    world = CloudWorld()
    device = world.connect()
    for speed in (50, 60):
        world.say(device, f"{S}/thing/event/property/post", b'{"id":"1","params":{"VehicleSpeed":%d}}' % speed)
    assert values(world.call("QueryDevicePropertyData", **GOOD)) == ["60"]
    assert values(world.call("QueryDevicePropertyData", **GOOD | {"StartTime": NOW_MS + 1})) == []
    names = {"Identifier.1": "VehicleSpeed", "Identifier.2": "Odometer"}
    infos = world.call("QueryDevicePropertiesData", PageSize=3, Asc=1, **names, **RANGE)["PropertyDataInfos"]
    assert [len(info["List"]["PropertyInfo"]) for info in infos["PropertyDataInfo"]] == [1, 0]
    assert world.call("QueryDeviceEventData", **RANGE)["Data"]["List"]["EventInfo"] == []


def test_of_a_time_that_nobody_remembers_the_last_value_is_left() -> None:
    class Forgotten:
        def ask(self, query: Query) -> Page:  # noqa: ARG002
            return Page(())

    for past in (Forgotten(), Pasts(NO_HISTORY)):
        world = CloudWorld(past)
        device = world.connect()
        world.say(device, f"{S}/thing/event/property/post", b'{"id":"1","params":{"VehicleSpeed":50}}')
        assert values(asked(world, "QueryDevicePropertyData", **GOOD)) == ["50"]
        assert values(asked(world, "QueryDevicePropertyData", **GOOD | {"StartTime": NOW_MS + 1})) == []
        assert asked(world, "QueryDeviceEventData", **RANGE)["Data"]["List"]["EventInfo"] == []
