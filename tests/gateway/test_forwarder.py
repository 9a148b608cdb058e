"""From a device's message to a consumer of the group that is subscribed to it, without sockets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.broker.policy import Login
from jinqiao.gateway.forwarding.forwarder import Forwarder
from jinqiao.gateway.forwarding.groups import Groups
from jinqiao.gateway.forwarding.messages import Messages
from jinqiao.gateway.forwarding.queues import GroupQueues
from jinqiao.gateway.platform.events import ForGroup, TelemetryBatch
from jinqiao.gateway.platform.forwarded.kinds import KINDS
from jinqiao.gateway.platform.operations import OperationError, Reason
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import OPERATOR, Account
from jinqiao.gateway.platform.registry.fleet_devices import simulated_product
from jinqiao.gateway.platform.registry.registry import ConsumerGroup, Registry
from jinqiao.wire.amqp.message import ForwardedMessage, decode_message
from support.alink_house import DN, PK, SUB_DN, SUB_PK, S
from support.alink_house import World as House
from support.queues import Taker, World
from support.telemetry import batch, crossed, names

KEY = "a1JinqiaoEV"
POST = f"{S}/thing/event/property/post"
NAMES = np.array([name.encode() for name in names(10)])


class Scene:
    """A platform whose messages are forwarded, and consumers."""

    def __init__(self, folder: Path | None = None) -> None:
        self.house, self.world = House(), World()
        self.platform = self.house.platform
        self.groups = Groups(self.world.clock, folder=folder)
        self._seen: dict[int, int] = {}
        self.operations = self.platform.operations.subscriptions
        self.forwarder = Forwarder(self.platform, self.groups)

    def consume(self, key: str) -> Taker:
        taker = Taker()
        group = self.groups.group(key)
        assert group is not None
        taker.join(group)
        return taker

    def got(self, taker: Taker) -> list[ForwardedMessage]:
        """What has come since this was asked last."""
        self.world.turn()
        found = [decode_message(body) for _, body, _ in taker.got]
        fresh, self._seen[id(taker)] = found[self._seen.get(id(taker), 0) :], len(found)
        return fresh


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_consumer_gets_what_its_group_is_subscribed_to_and_nothing_of_other_products(scene: Scene) -> None:
    group = scene.operations.create_group(OPERATOR, "charging")
    scene.operations.subscribe(OPERATOR, PK, ["device_data"], [group.id])
    consumer, others = scene.consume(group.key), scene.consume("DEFAULT_GROUP")
    device, sub = scene.house.connect(), scene.house.connect(SUB_PK, SUB_DN)
    scene.house.say(device, POST, {"id": "1", "params": {"speed": 1}})
    scene.house.say(device, f"/{PK}/{DN}/user/update", b"\x00\xff")
    scene.house.say(sub, f"/sys/{SUB_PK}/{SUB_DN}/thing/event/property/post", {"id": "1", "params": {"Temperature": 1}})
    post, custom = scene.got(consumer)
    assert (post.topic, post.qos, post.generated_ms) == (f"/{PK}/{DN}/thing/event/property/post", 1, scene.house.now_ms)
    assert json.loads(post.body)["items"]["speed"]["value"] == 1
    assert (custom.topic, custom.body) == (f"/{PK}/{DN}/user/update", b"\x00\xff")
    assert int(custom.message_id) > int(post.message_id)
    assert not scene.got(others)


def test_a_relation_that_changes_takes_effect_at_once(scene: Scene) -> None:
    consumer = scene.consume("DEFAULT_GROUP")
    device = scene.house.connect()
    for kinds, topics in (
        (["status"], []),
        (["device_data", "tags"], [f"/{PK}/{DN}/thing/event/property/post"]),
        (None, []),
    ):
        if kinds is None:
            scene.operations.unsubscribe(OPERATOR, PK)
        elif not list(scene.platform.parts.subscriptions.relations_of(PK)):
            scene.operations.subscribe(OPERATOR, PK, kinds, ["DEFAULT_GROUP"])
        else:
            scene.operations.change(OPERATOR, PK, kinds, ["DEFAULT_GROUP"])
        scene.house.say(device, POST, {"id": "1", "params": {"speed": 1}})
        assert [message.topic for message in scene.got(consumer)] == topics


def test_a_message_for_a_group_needs_no_relation(scene: Scene) -> None:
    consumer = scene.consume("DEFAULT_GROUP")
    scene.platform.events.emit(ForGroup, "DEFAULT_GROUP", "/rule/x", b"{}", "1" * 19, 5)
    assert scene.got(consumer) == [ForwardedMessage("/rule/x", "1" * 19, 5, 1, b"{}")]


def test_what_a_device_says_outlives_the_process(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.operations.subscribe(OPERATOR, PK, KINDS, ["DEFAULT_GROUP"])
    device = scene.house.connect()
    assert scene.groups.keeping.behind  # an acknowledgement would wait
    scene.house.say(device, POST, {"id": "1", "params": {"speed": 1}})
    scene.world.turn()
    later = Scene(tmp_path)
    consumer = later.consume("DEFAULT_GROUP")
    kinds = [message.topic.partition(PK)[0] for message in later.got(consumer)]
    assert kinds == ["/as/mqtt/status/", "/"]


def test_a_deleted_group_drops_what_waits(scene: Scene) -> None:
    group = scene.operations.create_group(OPERATOR, "charging")
    scene.operations.subscribe(OPERATOR, PK, KINDS, ["DEFAULT_GROUP", group.id])
    with pytest.raises(OperationError) as refused:
        scene.operations.delete_group(OPERATOR, group.id)
    assert refused.value.reason is Reason.GROUP_KEPT
    scene.operations.remove_group(OPERATOR, PK, group.id)
    scene.operations.delete_group(OPERATOR, group.id)
    assert scene.groups.group(group.key) is None


def test_each_account_with_some_products_has_a_default_group_of_its_own(scene: Scene) -> None:
    ours, theirs = Account("ours", frozenset({PK})), Account("theirs", frozenset({SUB_PK}))
    scene.operations.subscribe(ours, PK, ["device_data"], ["DEFAULT_GROUP"])
    scene.operations.subscribe(theirs, SUB_PK, ["device_data"], ["DEFAULT_GROUP"])
    takers = [scene.consume(scene.operations.group(account, "DEFAULT_GROUP").key) for account in (ours, theirs)]
    device, sub = scene.house.connect(), scene.house.connect(SUB_PK, SUB_DN)
    scene.house.say(device, POST, {"id": "1", "params": {"speed": 1}})
    scene.house.say(sub, f"/sys/{SUB_PK}/{SUB_DN}/thing/event/property/post", {"id": "1", "params": {"Temperature": 1}})
    found = [[message.topic.split("/")[1] for message in scene.got(taker)] for taker in takers]
    assert found == [[PK], [SUB_PK]]


def test_how_a_queue_stands(scene: Scene) -> None:
    queues = GroupQueues(scene.groups)
    scene.operations.subscribe(OPERATOR, PK, ["device_data"], ["DEFAULT_GROUP"])
    device = scene.house.connect()
    for number in range(3):
        scene.house.say(device, POST, {"id": str(number), "params": {"speed": 1}})
    assert queues.status("DEFAULT_GROUP").accumulated == 3
    queues.clear("DEFAULT_GROUP")
    assert queues.status("DEFAULT_GROUP").accumulated == 0
    scene.consume("DEFAULT_GROUP")
    assert len(queues.status("DEFAULT_GROUP").clients) == 1
    assert queues.status("nobody").accumulated == 0


def test_a_post_that_cannot_be_queued_is_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.operations.subscribe(OPERATOR, PK, ["device_data"], ["DEFAULT_GROUP"])
    device = scene.house.connect()

    def full(*_: Any, **__: Any) -> None:
        raise EnvironmentFault("the disk is full")

    monkeypatch.setattr(scene.groups, "put", full)
    assert scene.house.request(device, "thing/event/property/post", {"speed": 1})["code"] == 500
    assert not scene.house.state().properties.last


# A simulated fleet.


class FleetScene:
    """A platform of simulated vehicles, all of which go to the default group by themselves."""

    def __init__(self) -> None:
        self.world = World()
        product = simulated_product(KEY, NAMES, fleet_secret="s")
        self.platform = Platform(Registry([product]), simulator=("simulator", "secret"))
        self.groups = Groups(self.world.clock)
        self.forwarder = Forwarder(self.platform, self.groups)
        self.forwarder.add_fleet(product, NAMES)
        self.forwarder.subscribe_default(KEY)

    def default(self) -> Any:
        group = self.groups.group("DEFAULT_GROUP")
        assert group is not None
        return group

    def say(self, kind: str = "property_post") -> None:
        self.platform.events.emit(TelemetryBatch, KEY, crossed(batch(10), kind))
        self.world.turn()


def test_a_fleet_that_nobody_consumes_is_not_rendered_and_the_first_consumer_gets_what_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = FleetScene()
    put: list[Messages] = []
    kept = scene.groups.put
    monkeypatch.setattr(scene.groups, "put", lambda key, some, **how: (put.append(some), kept(key, some, **how)))
    scene.say()
    assert not put
    consumer = Taker()
    consumer.join(scene.default())
    scene.forwarder.tick()
    scene.say()
    assert [len(some) for some in put] == [10]
    found = [decode_message(body) for _, body, _ in consumer.got]
    assert [message.topic.split("/")[2] for message in found] == names(10)


def test_a_fleet_that_somebody_subscribes_is_queued_without_a_consumer() -> None:
    scene = FleetScene()
    operations = scene.platform.operations.subscriptions
    operations.change(OPERATOR, KEY, ["device_data"], ["DEFAULT_GROUP"])
    scene.say()
    scene.say("protobuf_sample")
    assert scene.default().status().accumulated == 20


def test_a_fleet_comes_and_goes_with_its_simulator() -> None:
    scene = FleetScene()
    scene.platform.operations.subscriptions.change(OPERATOR, KEY, ["status"], ["DEFAULT_GROUP"])
    consumer = Taker()
    consumer.join(scene.default())
    simulator = scene.platform.authenticate(Login("c|_ss=1|", "simulator", b"secret", 4, True, 60))
    scene.platform.connected(simulator)
    scene.world.turn()
    found = [decode_message(body) for _, body, _ in consumer.got]
    assert [(message.topic.rpartition("/")[2], json.loads(message.body)["status"]) for message in found] == [
        (name, "online") for name in names(10)
    ]
    scene.platform.disconnected(simulator)
    scene.world.turn()
    bodies = [json.loads(decode_message(body).body) for _, body, _ in consumer.got[10:]]
    assert [(body["deviceName"], body["status"]) for body in bodies] == [(name, "offline") for name in names(10)]


def test_groups_of_the_registry_file_get_everything_of_their_products() -> None:
    product = simulated_product(KEY, NAMES, fleet_secret="s")
    registry = Registry([product], consumer_groups=[ConsumerGroup("files", frozenset({KEY})), ConsumerGroup("none")])
    part = Platform(registry).parts.subscriptions
    assert {kind: part.groups_for(KEY, kind) for kind in KINDS} == dict.fromkeys(KINDS, ("files",))
    assert {group.id for group in part.groups} == {"DEFAULT_GROUP", "files", "none"}
    limited = Account("limited", frozenset({KEY}))
    operations = Platform(registry).operations.subscriptions
    assert operations.group(limited, "files").key == "files"
    with pytest.raises(OperationError):
        operations.group(limited, "none")
    with pytest.raises(OperationError):
        operations.group(Account("other", frozenset({"else"})), "files")
