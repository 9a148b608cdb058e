"""A device can neither read nor write another's topics: each way MQTT has, tried against each topic of the table.

The intruder is a device of the same product with good credentials, a device of another product, or a gateway to which
the victim is not bound; the victim is `tbox001`, or a sub-device of its.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jinqiao.gateway.platform.registry.registry import Application, Registry
from jinqiao.gateway.storage.registry import seed, take_over
from jinqiao.gateway.storage.sqlite import Storage
from jinqiao.wire.alink.signature import client_content, sign
from jinqiao.wire.alink.topics import TOPICS, Direction, Topic
from jinqiao.wire.mqtt.packets import Connack, Puback, Publish, Suback, Subscribe, Will
from jinqiao.wire.mqtt.properties import Property
from support.alink_house import DN, PK, SUB_DN, SUB_PK, S
from support.mqtt_memory import Client
from support.sandbox import Sandbox

INTRUDER = "gw2"
OWNED = [row for row in TOPICS if "{dn}" in row.pattern]
CANARY = b'{"id":"canary","version":"1.0","params":{"soc":7}}'
SUB = f"/sys/{SUB_PK}/{SUB_DN}"


def topic_of(row: Topic, product_key: str = PK, device_name: str = DN) -> str:
    """A topic of this row; where a row has a name to choose, one that exists."""
    named = row.pattern.replace("{pk}", product_key).replace("{dn}", device_name).replace("{*}", "x")
    return re.sub(r"\{\w+\}", "x1", named.replace("{event}", "collision"))


VICTIMS = sorted({topic_of(row) for row in OWNED})

#: Filters that would take in topics of others if a broker granted them.
WIDE = [
    *("#", "+", "/#", "+/#", "/+/#", "+/+/+/+/#", "/sys/#", "/sys/+/#", "/sys/+/+/#", "/ext/#", "/shadow/#", "/ota/#"),
    *(f"/sys/{PK}/#", f"/sys/{PK}/+/#", f"/sys/{PK}/+/thing/#", f"/sys/{PK}/+/thing/event/property/post", f"{S}/#"),
    *(f"/sys/+/{INTRUDER}/thing/service/property/set", f"/sys/+/{DN}/thing/#", f"/+/{PK}/{INTRUDER}/thing/#"),
    *(f"/{PK}/+/user/#", f"/+/{DN}/user/get", f"/{PK}/#", f"/{PK}/+/user/get", f"/{PK}/{DN}/#"),
    *("/ext/rrpc/+/+/#", f"/ext/rrpc/+/{PK}/+/user/get", f"/ext/rrpc/+/sys/{PK}/+/thing/service/#"),
    *("/ext/session/#", f"/ext/session/{PK}/+/combine/login_reply", "/ext/register", "/ext/regnwl", "/ext/+"),
    *("$SYS/#", "$SYS/broker/clients/connected", "$#", "$share", "$share/g", "$queue/#", "$dp", "$SYS/+"),
    *(f"/ext/ntp/{PK}/+/response", f"/shadow/get/{PK}/+", f"/shadow/get/+/{INTRUDER}", f"/ota/device/upgrade/{PK}/#"),
    *(
        "/broadcast/#",
        f"/broadcast/+/{PK}/x",
        f"/broadcast/{SUB_PK}/x",
        f"/broadcast/{SUB_PK}/#",
        f"{S}/../{INTRUDER}/#",
    ),
]


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox()


def refused(client: Client, topic_filter: str) -> bool:
    """Whether SUBSCRIBE to this filter is refused, by SUBACK or by the end of the connection."""
    client.send(Subscribe(1, ((topic_filter, 1),)))
    acknowledged = [packet for packet in client.received() if isinstance(packet, Suback)]
    return client.closed or [code & 0x80 for packet in acknowledged for code in packet.codes] == [0x80]


def everything_said(sandbox: Sandbox, product_key: str = PK, device_name: str = DN) -> None:
    """Each topic of the victim carries a message, by the house's hand."""
    for row in OWNED:
        sandbox.publish(topic_of(row, product_key, device_name), CANARY)


def heard(client: Client) -> list[Publish]:
    return [message for message in client.messages() if b"canary" in message.payload]


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize("prefix", ["", "$share/g/"])
def test_no_filter_reaches_a_neighbours_topics(sandbox: Sandbox, level: int, prefix: str) -> None:
    victim = sandbox.device()
    for topic_filter in (*VICTIMS, *WIDE):
        intruder = sandbox.device(PK, INTRUDER, level=level)
        sandbox.world.now_ms += 60_000  # five logins a minute
        if topic_filter.startswith("$share") and prefix:
            continue
        assert refused(intruder, prefix + topic_filter), topic_filter
        if intruder.closed:
            continue
        everything_said(sandbox)
        assert heard(intruder) == [], topic_filter
    assert heard(victim)  # so there was something to hear


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize("parameters", ["ext=0", "_ss=1,ext=1"])
def test_filters_that_are_granted_to_everybody_yield_nobody_elses_calls(
    sandbox: Sandbox, level: int, parameters: str
) -> None:
    wide = ("/ext/rrpc/#", "/ext/rrpc/+/#")
    victim = sandbox.device(level=level, parameters=parameters)
    intruder = sandbox.device(PK, INTRUDER, parameters, level=level)
    for client in (victim, intruder):
        client.send(Subscribe(1, tuple((topic_filter, 1) for topic_filter in wide)))
        assert client.received() == [Suback(1, (1, 1))]
    everything_said(sandbox)
    calls = {topic_of(row) for row in OWNED if row.pattern.startswith("/ext/rrpc/")}
    assert calls <= {message.topic for message in heard(victim)}
    assert heard(intruder) == []


def test_a_device_does_not_hear_its_own_uplinks_by_a_wildcard(sandbox: Sandbox) -> None:
    device = sandbox.device(parameters="ext=0")
    principal = sandbox.broker.sessions[f"{PK}/{DN}"].principal
    assert principal is not None
    filters = (
        f"{S}/rrpc/#",
        f"{S}/_thing/#",
        f"{S}/broadcast/#",
        f"{S}/thing/#",
        f"{S}/thing/service/+",
        f"{S}/thing/event/#",
        "/ext/rrpc/#",
    )
    device.send(Subscribe(1, tuple((topic_filter, 1) for topic_filter in filters)))
    device.received()
    said = {topic_of(row) for row in OWNED if row.direction is Direction.UP or row.is_reply or "rrpc" in row.kind}
    said = {topic for topic in said if sandbox.platform.parts.access.may_publish(principal, topic)}
    for second, topic in enumerate(sorted(said)):
        sandbox.at(second)
        device.send(b"\xc0\x00")
        device.send(Publish(topic, CANARY))
    assert not said & {message.topic for message in heard(device)}
    assert sandbox.broker.counters.refused["publish"] == 0
    assert len(said) > 40
    down = sorted(topic_of(row) for row in OWNED if row.direction is Direction.DOWN and row.pattern.startswith("/sys/"))
    for index, topic in enumerate(down):
        sandbox.at(len(said) + index // 20)
        device.send(b"\xc0\x00")
        sandbox.publish(topic, CANARY)
    assert set(down) == {message.topic for message in heard(device)}


def test_a_gateway_hears_its_sub_devices_downlinks_by_a_wildcard_until_they_part(sandbox: Sandbox) -> None:
    gateway, intruder = login(sandbox)
    assert refused(intruder, f"{SUB}/thing/#")
    gateway.send(Subscribe(1, ((f"{SUB}/thing/#", 0),)))
    assert gateway.received() == [Suback(1, (0,))]
    sandbox.publish(f"{SUB}/thing/service/Unlock", CANARY)
    sandbox.publish(f"{SUB}/thing/event/property/post", CANARY)
    assert [message.topic for message in heard(gateway)] == [f"{SUB}/thing/service/Unlock"]
    params = [{"productKey": SUB_PK, "deviceName": SUB_DN}]
    gateway.send(Publish(f"{S}/thing/topo/delete", json.dumps({"id": "1", "params": params}).encode()))
    gateway.received()
    sandbox.publish(f"{SUB}/thing/service/Unlock", CANARY)
    assert heard(gateway) == []


def test_a_device_of_another_product_hears_nothing_either(sandbox: Sandbox) -> None:
    intruder = sandbox.device(SUB_PK, "other", "_ss=1,ext=1")
    for topic_filter in (*VICTIMS, *WIDE):
        if topic_filter.startswith(f"/broadcast/{SUB_PK}/"):
            continue  # its own product's
        if intruder.closed:
            sandbox.world.now_ms += 60_000
            intruder = sandbox.device(SUB_PK, "other", "_ss=1,ext=1")
        assert refused(intruder, topic_filter), topic_filter
    everything_said(sandbox)
    assert intruder.closed or heard(intruder) == []


def test_what_is_pushed_goes_to_the_device_it_names(sandbox: Sandbox) -> None:
    """`_ss=1` and `ext` ask for pushed topics; they are those of the device's own name."""
    victim, intruder = sandbox.device(parameters="_ss=1,ext=3"), sandbox.device(PK, INTRUDER, "_ss=1,ext=3")
    everything_said(sandbox)
    assert heard(victim)
    assert heard(intruder) == []


def spoken_on_by_the_device() -> list[str]:
    return [topic_of(row) for row in OWNED if Direction.UP in row.direction]


@pytest.mark.parametrize("retain", [False, True])
@pytest.mark.parametrize("qos", [0, 1])
@pytest.mark.parametrize("level", [4, 5])
def test_a_device_does_not_hear_itself_on_what_it_did_not_subscribe(
    sandbox: Sandbox, level: int, qos: int, retain: bool
) -> None:
    """Some topics go both ways and are pushed: what the device says there is for others."""
    device, application = sandbox.device(parameters="_ss=1,ext=1", level=level), sandbox.application()
    application.send(Subscribe(1, (("#", 1),)))
    application.received()
    for topic in spoken_on_by_the_device():
        device.send(Publish(topic, CANARY, qos, retain, packet_id=qos))
        assert topic not in [message.topic for message in heard(device)]
        assert topic in [message.topic for message in heard(application)]
        sandbox.at(sandbox.time + 1.0)


def test_a_device_hears_itself_where_it_asked_for_it(sandbox: Sandbox) -> None:
    device = sandbox.device(parameters="_ss=1")
    topic = f"{S}/thing/lan/discovery"
    device.send(Subscribe(1, ((topic, 0),)))
    device.received()
    device.send(Publish(topic, CANARY))
    assert [message.topic for message in heard(device)] == [topic]


@pytest.mark.parametrize("qos", [0, 1])
@pytest.mark.parametrize("level", [4, 5])
def test_no_publish_reaches_a_neighbours_topics(sandbox: Sandbox, level: int, qos: int) -> None:
    victim, application = sandbox.device(), sandbox.application()
    application.send(Subscribe(1, (("#", 1),)))
    application.received()
    state = sandbox.world.state(PK, DN).dump()
    for topic in VICTIMS:
        intruder = sandbox.device(PK, INTRUDER, level=level)
        sandbox.world.now_ms += 60_000
        sandbox.at(sandbox.world.now_ms / 1_000)
        victim.send(b"\xc0\x00")
        application.send(b"\xc0\x00")
        intruder.send(Publish(topic, CANARY, qos=qos, packet_id=qos))
        assert heard(victim) == [], topic
        assert heard(application) == [], topic
    assert sandbox.world.state(PK, DN).dump() == state
    assert {entry.code for entry in sandbox.platform.log.of(PK, INTRUDER)} == {9236, 400}


def test_nothing_is_retained_on_a_neighbours_topics(sandbox: Sandbox) -> None:
    intruder = sandbox.device(PK, INTRUDER, level=5)
    for topic in VICTIMS:
        intruder.send(Publish(topic, CANARY, retain=True))
    assert len(sandbox.broker.retained) == 0


@pytest.mark.parametrize("way", ["publish", "will"])
def test_a_device_leaves_messages_on_custom_topics_only(sandbox: Sandbox, way: str) -> None:
    """What it says to the platform is nobody's to find later, and some of these topics may be as deep as they like."""
    for topic in spoken_on_by_the_device():
        sandbox.world.now_ms += 60_000
        if way == "will":
            sandbox.device(level=5, will=Will(topic, CANARY, retain=True)).lose()
        else:
            sandbox.device(level=5).send(Publish(topic, CANARY, retain=True))
    kept = list(sandbox.broker.retained.match("#", 0.0))
    assert [message.topic.decode() for message in kept] == [f"/{PK}/{DN}/user/x"]
    assert {entry.code for entry in sandbox.platform.log.of(PK, DN) if "retained" in entry.message} == {9236}


@pytest.mark.parametrize(
    "deep", [f"{S}/thing/lan/{'x/' * 90}x", f"{S}/thing/awss/{'x' * 60_000}", f"{S}/thing/lan/{'/' * 150}"]
)
def test_no_topic_or_filter_of_a_device_is_long_or_deep(sandbox: Sandbox, deep: str) -> None:
    """Each level of a filter costs a node, and each topic is remembered in several places."""
    device = sandbox.device(level=5)
    nodes = len(sandbox.broker.router._trie)
    assert refused(device, deep)
    assert refused(device, f"{deep}/#")
    device.send(Publish(deep, CANARY, 1, packet_id=1))
    [answer] = device.received()
    assert isinstance(answer, Puback)
    assert answer.reason & 0x80
    assert len(sandbox.broker.router._trie) == nodes
    assert [entry.code for entry in sandbox.platform.log.of(PK, DN)] == [9236] * 3


def test_what_a_neighbour_retains_is_not_handed_out(sandbox: Sandbox) -> None:
    victim = sandbox.device(level=5)
    mine = f"/{PK}/{DN}/user/get"
    victim.send(Publish(mine, CANARY, retain=True))
    assert len(sandbox.broker.retained) == 1
    intruder = sandbox.device(PK, INTRUDER, level=5)
    for topic_filter in (mine, f"/{PK}/+/user/get", f"/{PK}/{INTRUDER}/user/#", f"/{PK}/{INTRUDER}/user/get"):
        intruder.send(Subscribe(1, ((topic_filter, 0),)))
        assert heard(intruder) == []
    victim.send(Subscribe(2, ((mine, 0),)))
    assert [message.retain for message in heard(victim)] == [True]


@pytest.mark.parametrize("topic", VICTIMS)
def test_no_will_is_left_on_a_neighbours_topics(sandbox: Sandbox, topic: str) -> None:
    victim, application = sandbox.device(parameters="_ss=1,ext=1"), sandbox.application()
    application.send(Subscribe(1, (("#", 1),)))
    application.received()
    intruder = sandbox.device(PK, INTRUDER, level=5, will=Will(topic, CANARY, retain=True))
    intruder.lose()
    assert (heard(victim), heard(application)) == ([], [])
    assert len(sandbox.broker.retained) == 0


def test_a_will_on_its_own_topic_is_published(sandbox: Sandbox) -> None:
    """So the test above would see one."""
    application = sandbox.application()
    application.send(Subscribe(1, (("#", 1),)))
    application.received()
    sandbox.device(PK, INTRUDER, level=5, will=Will(f"/{PK}/{INTRUDER}/user/update", CANARY)).lose()
    assert len(heard(application)) == 1


@pytest.mark.parametrize("who", ["device", "application"])
@pytest.mark.parametrize(("reason", "count"), [(0x00, 0), (0x04, 1), (0x80, 1), (0x98, 1)])
def test_a_client_that_leaves_with_another_reason_than_success_leaves_its_will(
    sandbox: Sandbox, who: str, reason: int, count: int
) -> None:
    """MQTT 5 § 3.14.4, for those who may leave one at all."""
    listener = sandbox.application("listener")
    listener.send(Subscribe(1, (("#", 1),)))
    listener.received()
    topic = f"/{PK}/{INTRUDER}/user/update"
    will = Will(topic, CANARY)
    client = (
        sandbox.device(PK, INTRUDER, level=5, will=will) if who == "device" else sandbox.application(level=5, will=will)
    )
    client.leave(reason=reason)
    assert [message.topic for message in heard(listener)] == [topic] * count


def test_an_alias_is_no_way_round_permissions(sandbox: Sandbox) -> None:
    victim, application = sandbox.device(), sandbox.application()
    application.send(Subscribe(1, (("#", 1),)))
    application.received()
    intruder = sandbox.device(PK, INTRUDER, level=5)
    alias = {Property.TOPIC_ALIAS: 1}
    for topic in VICTIMS:
        intruder.send(Publish(topic, CANARY, properties=alias))
        intruder.send(Publish("", CANARY, properties=alias))
        # From a topic that is allowed to one that is not, and used again.
        intruder.send(Publish(f"/{PK}/{INTRUDER}/user/update", b"mine", properties=alias))
        intruder.send(Publish(topic, CANARY, properties=alias), Publish("", CANARY, properties=alias))
    assert (heard(victim), heard(application)) == ([], [])
    assert not intruder.closed


def test_an_alias_belongs_to_one_connection(sandbox: Sandbox) -> None:
    application = sandbox.application()
    application.send(Subscribe(1, (("#", 1),)))
    application.received()
    alias = {Property.TOPIC_ALIAS: 1}
    sandbox.device(level=5).send(Publish(f"/{PK}/{DN}/user/update", b"x", properties=alias))
    application.received()
    intruder = sandbox.device(PK, INTRUDER, level=5)
    intruder.send(Publish("", CANARY, properties=alias))
    assert intruder.closed
    assert heard(application) == []


def test_a_shared_group_has_no_members_that_may_not_read(sandbox: Sandbox) -> None:
    """Of a group one member gets each message: an intruder among them would get half of the victim's."""
    victim = sandbox.device(parameters="ext=0")
    mine = f"/{PK}/{DN}/user/get"
    victim.send(Subscribe(1, ((f"$share/g/{mine}", 0),)))
    assert victim.received() == [Suback(1, (0,))]
    intruder = sandbox.device(PK, INTRUDER)
    for topic_filter in (f"$share/g/{mine}", f"$share/h/{mine}", f"$share/g//{PK}/+/user/get", "$share/g/#"):
        assert refused(intruder, topic_filter)
    for _ in range(10):
        sandbox.publish(mine, CANARY)
    assert (len(heard(victim)), heard(intruder)) == (10, [])


def test_the_same_client_id_does_not_take_over_anothers_session(sandbox: Sandbox) -> None:
    """Identity is product key and device name; a client id is anybody's to choose."""
    victim = sandbox.device(parameters="ext=0", name="same", clean_session=False)
    mine = f"/{PK}/{DN}/user/get"
    victim.send(Subscribe(1, ((mine, 1),)))
    victim.lose()
    sandbox.broker.publish(mine, CANARY, 1)
    intruder = sandbox.device(PK, INTRUDER, "ext=0", name="same", clean_session=False)
    assert isinstance(intruder.connack, Connack)
    assert not intruder.connack.session_present
    everything_said(sandbox)
    assert heard(intruder) == []
    again = sandbox.device(parameters="ext=0", name="same", clean_session=False)
    assert any(
        isinstance(packet, Publish) and b"canary" in packet.payload for packet in (*again.backlog, *again.received())
    )


# What waits for a client that is away.

POSTS = "/sys/+/+/thing/event/property/post"


def absent_application(sandbox: Sandbox, *filters: str) -> None:
    application = sandbox.application(clean_session=False)
    application.send(Subscribe(1, tuple((topic_filter, 1) for topic_filter in filters)))
    application.lose()


def back(sandbox: Sandbox) -> list[str]:
    """Topics of the canaries that an application hears that has come back."""
    client = sandbox.client("app", username="app", password=b"pw", clean_session=False)
    return [m.topic for m in client.backlog if isinstance(m, Publish) and b"canary" in m.payload]


def admit(sandbox: Sandbox, *products: str) -> None:
    sandbox.platform.registry.applications["app"] = Application("app", "pw", frozenset(products))
    sandbox.platform.parts.out.products_changed()


@pytest.mark.parametrize("filters", [(POSTS,), (f"{S}/thing/event/property/post", f"{SUB}/thing/event/property/post")])
def test_of_a_product_that_was_taken_from_an_application_nothing_waits_for_it(
    sandbox: Sandbox, filters: tuple[str, ...]
) -> None:
    absent_application(sandbox, *filters)
    theirs, mine = (f"{names}/thing/event/property/post" for names in (S, SUB))
    for topic in (theirs, mine):
        sandbox.broker.publish(topic, CANARY, 1)
    admit(sandbox, SUB_PK)
    for topic in (theirs, mine):
        sandbox.broker.publish(topic, CANARY, 1)
    admit(sandbox, PK, SUB_PK)  # what was said meanwhile is not caught up on
    assert [topic for topic in back(sandbox) if topic == theirs] == []
    assert [topic for topic in back(sandbox) if topic == mine] == [mine, mine]


def test_who_is_given_the_name_of_a_deleted_application_is_not_given_what_waited_for_it(sandbox: Sandbox) -> None:
    absent_application(sandbox, POSTS)
    sandbox.broker.publish(f"{S}/thing/event/property/post", CANARY, 1)
    del sandbox.platform.registry.applications["app"]
    sandbox.platform.parts.out.products_changed()
    assert len(sandbox.broker.absent) == 0
    admit(sandbox, PK)
    assert back(sandbox) == []


def test_who_is_given_the_name_of_a_deleted_device_is_not_given_what_waited_for_it(sandbox: Sandbox) -> None:
    sandbox.device(clean_session=False).lose()
    sandbox.broker.publish(f"{S}/thing/service/property/set", CANARY, 1)
    provisioning, product = sandbox.platform.parts.provisioning, sandbox.platform.registry.products[PK]
    provisioning.delete(sandbox.world.device())
    provisioning.register(product, DN)
    again = sandbox.device(clean_session=False)
    assert isinstance(again.connack, Connack)
    assert not again.connack.session_present
    assert again.backlog == []


@pytest.mark.parametrize("parameters", ["_ss=1", "ext=0"])
def test_a_gateway_that_was_away_does_not_hear_what_was_for_a_sub_device_it_has_lost(
    sandbox: Sandbox, parameters: str
) -> None:
    gateway, intruder = sandbox.device(parameters=parameters, clean_session=False), sandbox.device(PK, INTRUDER)
    theirs, mine = f"{SUB}/thing/service/property/set", f"{S}/thing/service/property/set"
    for topic, params in ((f"{S}/thing/topo/add", [entry()]), (f"/ext/session/{PK}/{DN}/combine/login", entry())):
        gateway.send(Publish(topic, json.dumps({"id": "1", "params": params}).encode()))
    if parameters == "ext=0":
        gateway.send(Subscribe(1, ((theirs, 1), (mine, 1))))
    gateway.received()
    for topic in (theirs, mine):  # it does not acknowledge them
        sandbox.broker.publish(topic, CANARY, 1)
    gateway.lose()
    add = json.dumps({"id": "1", "params": [entry()]}).encode()
    intruder.send(Publish(f"/sys/{PK}/{INTRUDER}/thing/topo/add", add))
    again = sandbox.device(parameters=parameters, clean_session=False)
    assert [m.topic for m in again.backlog if isinstance(m, Publish) and b"canary" in m.payload] == [mine]


def test_a_gateway_that_was_away_hears_what_was_for_the_sub_devices_it_still_has(sandbox: Sandbox) -> None:
    gateway, _ = login(sandbox)
    gateway.lose()
    gateway = sandbox.device(clean_session=False)
    gateway.send(Publish(f"/ext/session/{PK}/{DN}/combine/login", json.dumps({"id": "1", "params": entry()}).encode()))
    sandbox.broker.publish(f"{SUB}/thing/service/property/set", CANARY, 1)
    gateway.lose()
    sandbox.platform.parts.out.products_changed()
    again = sandbox.device(clean_session=False)
    assert [m.topic for m in again.backlog if isinstance(m, Publish)] == [f"{SUB}/thing/service/property/set"]


def entry() -> dict[str, Any]:
    """The victim's sub-device, signed."""
    signature = sign("hmacsha1", "subsecret", client_content("c", SUB_DN, SUB_PK, "1"))
    names = {"productKey": SUB_PK, "deviceName": SUB_DN}
    return {**names, "clientId": "c", "timestamp": "1", "signMethod": "hmacSha1", "sign": signature}


def test_only_the_device_that_was_asked_may_answer(sandbox: Sandbox) -> None:
    sandbox.device(parameters="_ss=1,ext=1")
    intruder = sandbox.device(PK, INTRUDER, "_ss=1,ext=1")
    call = sandbox.platform.parts.calls.open(f"{PK}/{DN}")
    for topic in (
        f"/sys/{PK}/{INTRUDER}/rrpc/response/{call.message_id}",
        f"/ext/rrpc/{call.message_id}/sys/{PK}/{INTRUDER}/thing/service/x",
        f"/ext/rrpc/{call.message_id}/{PK}/{INTRUDER}/user/x",
        f"{S}/rrpc/response/{call.message_id}",
    ):
        intruder.send(Publish(topic, b"forged"))
    assert call.answer is None


def test_an_upload_is_its_devices_own(sandbox: Sandbox) -> None:
    upload = sandbox.platform.parts.uploads.begin(f"{PK}/{DN}", "log.txt", 600, "overwrite", None, "")
    intruder = sandbox.device(PK, INTRUDER)
    request = {"id": "1", "params": {"uploadId": upload.id}}
    intruder.send(Publish(f"/sys/{PK}/{INTRUDER}/thing/file/upload/mqtt/cancel", json.dumps(request).encode()))
    assert [entry.code for entry in sandbox.platform.log.of(PK, INTRUDER)] == [460]
    assert upload.id in sandbox.platform.parts.uploads.open


# Sub-devices.


def login(sandbox: Sandbox) -> tuple[Client, Client]:
    """The victim's gateway with the sub-device logged in, and another gateway."""
    gateway, intruder = sandbox.device(), sandbox.device(PK, INTRUDER)
    for topic, params in ((f"{S}/thing/topo/add", [entry()]), (f"/ext/session/{PK}/{DN}/combine/login", entry())):
        gateway.send(Publish(topic, json.dumps({"id": "1", "params": params}).encode()))
    assert [json.loads(message.payload)["code"] for message in gateway.messages()] == [200, 200]
    return gateway, intruder


def test_another_gateways_sub_device_is_as_closed_as_any_device(sandbox: Sandbox) -> None:
    gateway, intruder = login(sandbox)
    for row in OWNED:
        topic = topic_of(row, SUB_PK, SUB_DN)
        assert refused(intruder, topic), topic
        intruder.send(Publish(topic, CANARY))
        intruder.received()
    everything_said(sandbox, SUB_PK, SUB_DN)
    assert heard(intruder) == []
    assert heard(gateway)
    assert "soc" not in sandbox.world.state(SUB_PK, SUB_DN).properties.last


@pytest.mark.parametrize(
    ("suffix", "params", "code"),
    [
        ("/thing/topo/delete", [{"productKey": SUB_PK, "deviceName": SUB_DN}], 6401),
        ("/thing/sub/register", [{"productKey": SUB_PK, "deviceName": SUB_DN}], 6619),
        ("/thing/sub/unregister", [{"productKey": SUB_PK, "deviceName": SUB_DN}], 6401),
        (
            "/thing/event/property/pack/post",
            {"subDevices": [{"identity": {"productKey": SUB_PK, "deviceName": SUB_DN}}]},
            6401,
        ),
        ("/thing/event/property/history/post", [{"identity": {"productKey": SUB_PK, "deviceName": SUB_DN}}], 6401),
        ("/thing/event/property/history/post", [{"identity": {"productKey": PK, "deviceName": DN}}], 6401),
    ],
)
def test_no_request_speaks_for_another_gateways_sub_device(
    sandbox: Sandbox, suffix: str, params: Any, code: int
) -> None:
    _, intruder = login(sandbox)
    payload = json.dumps({"id": "1", "params": params}).encode()
    intruder.send(Publish(f"/sys/{PK}/{INTRUDER}{suffix}", payload))
    assert [json.loads(message.payload)["code"] for message in intruder.messages()] == [code]
    assert sandbox.platform.parts.topology.speaks_for(f"{SUB_PK}/{SUB_DN}") == f"{PK}/{DN}"


def test_a_sub_device_with_a_connection_of_its_own_is_no_way_to_its_gateway(sandbox: Sandbox) -> None:
    login(sandbox)
    other = sandbox.device(SUB_PK, "other")
    for topic in VICTIMS:
        assert refused(other, topic), topic


# Who is no device.


def test_clients_without_a_name_reach_no_device(sandbox: Sandbox) -> None:
    sandbox.platform.registry.anonymous = True
    victim, application, stranger = sandbox.device(), sandbox.application(), sandbox.client("stranger")
    application.send(Subscribe(1, (("#", 1),)))
    application.received()
    for topic_filter in (
        *VICTIMS,
        "#",
        "/#",
        "+/#",
        "/sys/#",
        "/+/+/+/#",
        f"/{PK}/#",
        f"$share/g/{VICTIMS[0]}",
        "$share/g/#",
    ):
        assert refused(stranger, topic_filter), topic_filter
    for topic in VICTIMS:
        stranger.send(Publish(topic, CANARY, retain=True))
    everything_said(sandbox)
    assert heard(stranger) == []
    assert len(sandbox.broker.retained) == 0
    assert len(heard(application)) == len(OWNED)  # the house's own, and nothing more
    assert heard(victim)


def test_an_application_of_another_product_reaches_no_device(sandbox: Sandbox) -> None:
    victim, application = sandbox.device(), sandbox.application()
    registered = sandbox.platform.registry.applications
    registered["app"] = replace(registered["app"], products=frozenset({SUB_PK}))
    application.leave()
    other = sandbox.client("app", username="app", password=b"pw")
    for topic_filter in (*VICTIMS, *WIDE):
        if SUB_PK in topic_filter or topic_filter.startswith("$SYS/"):
            continue  # its own product's; counts of the broker
        # Wildcards that name no product are granted, for what is its own.
        assert refused(other, topic_filter) or topic_filter in WIDE, topic_filter
        if other.closed:  # a filter that is none
            other = sandbox.client("app", username="app", password=b"pw")
    for topic in VICTIMS:
        other.send(Publish(topic, CANARY))
    assert heard(victim) == []
    everything_said(sandbox)
    assert heard(other) == []


def test_an_application_with_a_wildcard_hears_its_own_products_and_not_one_that_comes_later(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    application = sandbox.application()
    application.send(Subscribe(1, (("#", 0), ("/sys/+/+/thing/event/property/post", 0), ("$share/g/#", 0))))
    assert application.received() == [Suback(1, (0, 0, 0))]
    later = replace(sandbox.platform.registry.products[SUB_PK], key="laterPK")
    storage = Storage(tmp_path)
    seed(storage, Registry([*sandbox.platform.registry.products.values(), later]))
    take_over(sandbox.platform, storage)
    storage.close()
    assert "laterPK" in sandbox.platform.registry.products
    for row in OWNED:
        sandbox.publish(topic_of(row, "laterPK", "x"), CANARY)
    assert heard(application) == []
    sandbox.publish(f"{S}/thing/event/property/post", CANARY)
    assert heard(application)


def test_a_client_without_a_name_loses_wildcards_when_the_first_product_comes(sandbox: Sandbox, tmp_path: Path) -> None:
    registry, storage = sandbox.platform.registry, Storage(tmp_path)
    seed(storage, Registry(registry.products.values()))
    registry.products.clear()
    registry.anonymous = True
    stranger = sandbox.client("stranger")
    stranger.send(Subscribe(1, (("#", 0), ("test/+", 0))))
    assert stranger.received() == [Suback(1, (0, 0))]
    take_over(sandbox.platform, storage)
    storage.close()
    everything_said(sandbox)
    assert heard(stranger) == []
    sandbox.publish("test/x", CANARY)
    assert len(heard(stranger)) == 1
