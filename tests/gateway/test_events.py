"""What the platform tells, to whom, and when: announced before a change, or after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.broker.policy import Principal
from jinqiao.gateway.platform import events as events_module
from jinqiao.gateway.platform.devices.jobs import Task
from jinqiao.gateway.platform.devices.ota import Firmware
from jinqiao.gateway.platform.events import (
    Deleted,
    DesiredChanged,
    Disabled,
    EventAccepted,
    JobUpdated,
    Offline,
    Online,
    OtaProgressed,
    PlatformEvent,
    PropertiesAccepted,
    RecordChanged,
    Refused,
    Registered,
    ShadowChanged,
    StateChanged,
    TagsChanged,
    TopologyChanged,
    VersionsChanged,
)
from jinqiao.gateway.platform.listeners import Events
from jinqiao.gateway.platform.registry.accounts import OPERATOR
from jinqiao.gateway.storage.keeper import attach
from jinqiao.gateway.storage.sqlite import Row, Storage
from jinqiao.wire.alink.signature import client_content, sign
from support.alink_house import DN, PK, SUB_DN, SUB_PK, S, World


@pytest.fixture
def world() -> World:
    return World()


def heard(world: World, *kinds: type[PlatformEvent]) -> list[Any]:
    found: list[Any] = []
    world.platform.events.subscribe(kinds, found.append)
    return found


def fail(_: PlatformEvent) -> None:
    raise EnvironmentFault("the disk is full")


# Subscribing.


def test_listeners_of_before_ack_come_first_and_the_others_in_their_order() -> None:
    events, told = Events(), list[str]()
    events.subscribe(Disabled, lambda _: told.append("first after"))
    events.subscribe(Disabled, lambda _: told.append("second after"))
    events.subscribe(Disabled, lambda _: told.append("before"), before_ack=True)
    device = World().device()
    change = events.change(Disabled, device, True)
    assert told == ["before"]
    change.done()
    assert told == ["before", "first after", "second after"]


def test_a_listener_of_a_kind_hears_what_is_more_special() -> None:
    events, told = Events(), list[PlatformEvent]()
    events.subscribe(StateChanged, told.append)
    device = World().device()
    events.emit(TagsChanged, device, {"a": "b"})
    events.emit(Online, device, 1)
    assert [(type(event), event.kind) for event in told if isinstance(event, StateChanged)] == [(TagsChanged, "tags")]
    assert len(told) == 1


def test_nothing_is_built_where_nobody_listens() -> None:
    def built(*_: object) -> PlatformEvent:
        raise AssertionError("built for nobody")

    events = Events()
    events.emit(built)
    events.change(built).done()
    assert not events.heard(Online)


def test_a_listener_that_fails_afterwards_costs_nobody_anything(caplog: pytest.LogCaptureFixture) -> None:
    events, told = Events(), list[PlatformEvent]()
    events.subscribe(Online, fail)
    events.subscribe(Online, told.append)
    events.emit(Online, World().device(), 1)
    assert len(told) == 1
    assert "a listener failed at Online" in caplog.text


def test_the_contract_names_every_kind() -> None:
    kinds = {
        name
        for name, value in vars(events_module).items()
        if isinstance(value, type) and issubclass(value, PlatformEvent)
    }
    assert kinds == set(events_module.__all__)


# What a refused change leaves behind: nothing.


def test_a_registration_that_cannot_be_kept_has_not_happened(world: World) -> None:
    world.platform.events.subscribe(Registered, fail, before_ack=True)
    product = world.platform.registry.products[PK]
    with pytest.raises(EnvironmentFault):
        world.platform.operations.devices.register(OPERATOR, product, "fresh")
    assert world.platform.registry.device(PK, "fresh") is None
    assert world.platform.parts.records.get(f"{PK}/fresh") is None


def test_thirty_sub_devices_are_registered_together_or_not_at_all(world: World, tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    attach(world.platform, storage)
    gateway, kept = world.connect(), []

    def fail_at_last(event: Registered) -> None:
        kept.append(event.device.name)
        if event.device.name == "fresh29":
            raise EnvironmentFault("the disk is full")

    world.platform.events.subscribe(Registered, fail_at_last, before_ack=True)
    params = [{"productKey": SUB_PK, "deviceName": f"fresh{number:02d}"} for number in range(30)]
    assert world.request(gateway, "thing/sub/register", params)["code"] == 500
    assert len(kept) == 30
    assert not [name for name in world.platform.registry.products[SUB_PK].devices if name.startswith("fresh")]
    assert not [row for row in storage.rows() if "fresh" in row.key]
    assert world.request(gateway, "thing/sub/register", params[:29])["code"] == 200
    assert len([row for row in storage.rows("device", "record") if "fresh" in row.key]) == 58
    storage.close()


@pytest.mark.parametrize(
    ("kind", "suffix", "params"),
    [
        (TagsChanged, "thing/deviceinfo/update", [{"attrKey": "vin", "attrValue": "LSV"}]),
        (TopologyChanged, "thing/topo/add", None),
    ],
)
def test_a_message_whose_effect_cannot_be_kept_is_answered_500_and_changes_nothing(
    world: World, kind: type[StateChanged], suffix: str, params: Any
) -> None:
    device = world.connect()
    if params is None:
        signature = sign("hmacsha1", "subsecret", client_content("c", SUB_DN, SUB_PK))
        names = {"productKey": SUB_PK, "deviceName": SUB_DN}
        params = [{**names, "clientId": "c", "signMethod": "hmacSha1", "sign": signature}]
    world.platform.events.subscribe(kind, fail, before_ack=True)
    assert world.request(device, suffix, params)["code"] == 500
    assert world.state().tags == {}
    assert world.platform.parts.topology.gateway_of(f"{SUB_PK}/{SUB_DN}") is None


class Disk:
    """Storage of a platform whose disk is full after so many changes."""

    def __init__(self, world: World, folder: Path) -> None:
        self._storage = Storage(folder)
        attach(world.platform, self._storage)
        self._room: int | None = None
        world.platform.events.subscribe(PlatformEvent, self._take, before_ack=True)

    def _take(self, event: PlatformEvent) -> None:
        if self._room is not None and isinstance(event, Deleted | RecordChanged | StateChanged):
            self._room -= 1
            if self._room < 0:
                raise EnvironmentFault("the disk is full")

    def full_after(self, changes: int | None) -> None:
        self._room = changes

    def rows(self) -> list[Row]:
        return list(self._storage.rows())


@pytest.fixture
def disk(world: World, tmp_path: Path) -> Disk:
    return Disk(world, tmp_path)


def sub_device(name: str, secret: str) -> dict[str, str]:
    signature = sign("hmacsha1", secret, client_content("c", name, SUB_PK))
    return {"productKey": SUB_PK, "deviceName": name, "clientId": "c", "signMethod": "hmacSha1", "sign": signature}


SUBS = {SUB_DN: "subsecret", "other": "othersecret"}


def bind_all(world: World, gateway: Principal) -> dict[str, Any]:
    return world.request(gateway, "thing/topo/add", [sub_device(*each) for each in SUBS.items()])


def bound_names(world: World, gateway: Principal) -> set[str]:
    names = world.request(gateway, "thing/topo/get", {})["data"]
    return {entry["deviceName"] for entry in names}


def log_in_all(world: World, gateway: Principal) -> dict[str, Any]:
    params = {"signMethod": "hmacSha1", "deviceList": [sub_device(*each) for each in SUBS.items()]}
    return world.ask(gateway, f"/ext/session/{PK}/{DN}/combine/batch_login", {"id": "1", "params": params})


def test_all_sub_devices_of_a_message_are_bound_or_none_is(world: World, disk: Disk) -> None:
    gateway = world.connect()
    disk.full_after(1)
    before = disk.rows()
    assert bind_all(world, gateway)["code"] == 500
    assert bound_names(world, gateway) == set()
    assert disk.rows() == before
    disk.full_after(None)
    assert bind_all(world, gateway)["code"] == 200
    assert bound_names(world, gateway) == set(SUBS)


def test_a_sub_device_that_cannot_move_stays_where_it_is_with_its_session(world: World, disk: Disk) -> None:
    former, other = world.connect(), world.connect(PK, "gw2")
    bind_all(world, former)
    assert log_in_all(world, former)["code"] == 200
    disk.full_after(1)
    sent = len(world.sent)
    entries = [sub_device(*each) for each in SUBS.items()]
    assert world.request(other, "thing/topo/add", entries, f"/sys/{PK}/gw2")["code"] == 500
    assert bound_names(world, former) == set(SUBS)
    assert world.platform.parts.topology.speaks_for(f"{SUB_PK}/{SUB_DN}") == f"{PK}/{DN}"
    assert len(world.sent) == sent  # and the former gateway was not notified


@pytest.mark.parametrize("suffix", ["thing/topo/delete", "thing/sub/unregister"])
def test_all_sub_devices_of_a_message_are_unbound_or_none_is(world: World, disk: Disk, suffix: str) -> None:
    gateway = world.connect()
    bind_all(world, gateway)
    log_in_all(world, gateway)
    disk.full_after(1)
    params = [{"productKey": SUB_PK, "deviceName": name} for name in SUBS]
    assert world.request(gateway, suffix, params)["code"] == 500
    assert bound_names(world, gateway) == set(SUBS)
    assert world.platform.parts.topology.speaks_for(f"{SUB_PK}/{SUB_DN}") == f"{PK}/{DN}"
    disk.full_after(None)
    assert world.request(gateway, suffix, params)["code"] == 200
    assert bound_names(world, gateway) == set()


def test_a_batch_of_sub_devices_logs_in_together_or_not_at_all(world: World, disk: Disk) -> None:
    gateway = world.connect()
    bind_all(world, gateway)
    told = heard(world, Online)
    disk.full_after(1)
    assert log_in_all(world, gateway)["code"] == 500
    assert told == []
    assert not any(world.platform.parts.topology.speaks_for(f"{SUB_PK}/{name}") for name in SUBS)
    assert not any(world.platform.parts.records.of(world.device(SUB_PK, name)).activated_ms for name in SUBS)
    disk.full_after(None)
    assert log_in_all(world, gateway)["code"] == 200
    assert {event.device.name for event in told} == set(SUBS)


def test_a_gateway_that_cannot_be_deleted_keeps_its_sub_devices(world: World, disk: Disk) -> None:
    gateway = world.connect()
    bind_all(world, gateway)
    before = disk.rows()
    disk.full_after(2)
    with pytest.raises(EnvironmentFault):
        world.platform.operations.devices.delete(OPERATOR, world.device())
    assert bound_names(world, gateway) == set(SUBS)
    assert world.platform.parts.presence.is_online(world.device())
    assert disk.rows() == before


def test_a_firmware_is_offered_to_all_devices_of_a_job_or_to_none(world: World, disk: Disk) -> None:
    world.connect()
    devices, firmware = [world.device(), world.device(PK, "gw2")], Firmware("2", 1, "u", "s")
    disk.full_after(1)
    sent = len(world.sent)
    with pytest.raises(EnvironmentFault):
        world.platform.operations.firmware.offer_all(OPERATOR, devices, firmware, "job")
    assert [world.platform.parts.states.of(device).ota.of_module for device in devices] == [{}, {}]
    assert len(world.sent) == sent
    disk.full_after(None)
    world.platform.operations.firmware.offer_all(OPERATOR, devices, firmware, "job")
    assert len({world.platform.parts.states.of(d).ota.of_module["default"].task_id for d in devices}) == 2
    assert [downlink.topic for downlink in world.sent[sent:]] == [f"/ota/device/upgrade/{PK}/{DN}"]


def test_a_version_that_ends_an_upgrade_is_noted_with_it_or_not_at_all(world: World, disk: Disk) -> None:
    device = world.connect()
    world.platform.operations.firmware.offer(OPERATOR, world.device(), Firmware("2", 1, "u", "s"))
    disk.full_after(1)
    with pytest.raises(EnvironmentFault):
        world.say(device, f"/ota/device/inform/{PK}/{DN}", '{"id":1,"params":{"version":"2"}}')
    assert world.state().versions == {}
    assert not world.state().ota.of_module["default"].is_over


def test_a_shadow_that_cannot_be_kept_answers_500_and_stays(world: World) -> None:
    device = world.connect()
    world.platform.events.subscribe(ShadowChanged, fail, before_ack=True)
    reply = world.ask(
        device, f"/shadow/update/{PK}/{DN}", '{"method":"update","state":{"reported":{"x":1}},"version":1}'
    )
    assert reply["payload"]["content"]["errorcode"] == "500"
    assert world.state().shadow.reported == {}
    assert world.platform.log.of(PK, DN)[-1].code == 500


def test_desired_values_firmware_and_jobs_that_cannot_be_kept_have_not_happened(world: World) -> None:
    world.connect()
    world.platform.events.subscribe((DesiredChanged, OtaProgressed, JobUpdated), fail, before_ack=True)
    operations, device, sent = world.platform.operations, world.device(), len(world.sent)
    for act in (
        lambda: operations.things.set_desired(OPERATOR, device, {"speed": 1.0}),
        lambda: operations.firmware.offer(OPERATOR, device, Firmware("2", 1, "u", "s")),
        lambda: operations.tasks.notify(OPERATOR, device, Task("t1", {})),
    ):
        with pytest.raises(EnvironmentFault):
            act()
    state = world.state()
    assert (state.desired.entries, state.ota.of_module, state.jobs.tasks) == ({}, {}, {})
    assert len(world.sent) == sent  # and nobody was told


def test_a_login_that_cannot_be_noted_is_no_arrival(world: World) -> None:
    told = heard(world, Online)
    world.platform.events.subscribe(RecordChanged, fail, before_ack=True)
    with pytest.raises(EnvironmentFault):
        world.connect()
    assert not world.platform.parts.presence.is_online(world.device())
    assert told == []


# What is told.


def test_a_devices_life_is_told(world: World) -> None:
    told = heard(world, Registered, Disabled, Deleted, Online, Offline)
    devices = world.platform.operations.devices
    fresh = devices.register(OPERATOR, world.platform.registry.products[PK], "fresh")
    principal = world.connect(PK, "fresh")
    world.platform.disconnected(principal)
    devices.set_disabled(OPERATOR, fresh, True)
    devices.delete(OPERATOR, fresh)
    assert [type(event).__name__ for event in told] == ["Registered", "Online", "Offline", "Disabled", "Deleted"]


def test_what_was_accepted_is_told_with_what_was_not(world: World) -> None:
    told = heard(world, PropertiesAccepted, EventAccepted, Refused)
    device = world.connect()
    world.request(device, "thing/event/property/post", {"speed": 1.5, "none": 2})
    world.request(device, "thing/event/collision/post", {"level": 3})
    properties, refused, event = told
    assert (properties.params, properties.refused) == ({"speed": 1.5, "none": 2}, {"none": 6320})
    assert (refused.code, refused.topic) == (6320, f"{S}/thing/event/property/post")
    assert (event.identifier, event.output, event.time_ms) == ("collision", {"level": 3}, world.now_ms)


def test_a_change_that_changes_nothing_is_not_told(world: World) -> None:
    told = heard(world, StateChanged)
    device = world.connect()
    tags = [{"attrKey": "vin", "attrValue": "LSV"}]
    world.request(device, "thing/deviceinfo/update", tags)
    world.request(device, "thing/deviceinfo/update", tags)
    world.say(device, f"/ota/device/inform/{PK}/{DN}", '{"id":1,"params":{"version":"1.0"}}')
    world.say(device, f"/ota/device/inform/{PK}/{DN}", '{"id":2,"params":{"version":"1.0"}}')
    assert [type(event) for event in told] == [TagsChanged, VersionsChanged]
    assert [event.dump() for event in told] == [{"vin": "LSV"}, {"default": "1.0"}]
