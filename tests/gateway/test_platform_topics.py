"""The table of topics and who may do what with it; no filter lets a device hear its neighbour."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.gateway.broker.policy import Principal
from jinqiao.gateway.platform.auth.identity import DeviceLogin
from jinqiao.gateway.platform.auth.permission import (
    OF_ALL_DEVICES,
    is_downlink_of,
    is_for,
    may_publish,
    may_subscribe,
    only_for_application,
)
from jinqiao.gateway.platform.registry.devices import ListedDevices
from jinqiao.gateway.platform.registry.registry import Application, Product, Registry
from jinqiao.wire.alink.ev_thing_model import ev_thing_model
from jinqiao.wire.alink.routing import find
from jinqiao.wire.alink.topics import TOPICS, Direction, Topic
from support.examples import examples

PK, DN = "carPK", "tbox001"
NEIGHBOURS = (("carPK", "tbox002"), ("otherPK", "tbox001"), ("otherPK", "carPK"))
S = f"/sys/{PK}/{DN}"


def product(key: str) -> Product:
    devices = {dn: "secret" for pk, dn in ((PK, DN), *NEIGHBOURS) if pk == key}
    return Product(key, key, ev_thing_model(key), ListedDevices(devices))


REGISTRY = Registry([product("carPK"), product("otherPK")])


def device(product_key: str = PK, device_name: str = DN) -> Principal:
    found = REGISTRY.device(product_key, device_name)
    assert found is not None
    return Principal("device", "device", found.identity, 60, subject=DeviceLogin(found, "", 1, {}))


def application(*products: str, registry: Registry = REGISTRY) -> Principal:
    """Who has logged in as an application of the registry."""
    registry.applications["app"] = known = Application("app", "pw", frozenset(products))
    return Principal("app", "application", "app", 60, subject=known)


def anonymous() -> Principal:
    return Principal("anonymous", "anonymous", "anonymous", 60)


def filled(row: Topic, product_key: str = PK, device_name: str = DN, level: str = "x1") -> str:
    """A topic of a row."""
    named = row.pattern.replace("{pk}", product_key).replace("{dn}", device_name).replace("{*}", f"{level}/y")
    return re.sub(r"\{\w+\}", level, named)


def matches(topic_filter: str, topic: str) -> bool:
    """MQTT matching, written down naively (MQTT 3.1.1 § 4.7)."""
    if topic_filter.startswith("$share/"):
        topic_filter = topic_filter.split("/", 2)[2]
    if topic.startswith("$") and topic_filter[:1] in ("+", "#"):
        return False
    wanted, levels = topic_filter.split("/"), topic.split("/")
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(levels) or level not in ("+", levels[index]):
            return False
    return len(wanted) == len(levels)


# The table.


@pytest.mark.parametrize("row", TOPICS, ids=lambda row: row.pattern)
def test_every_row_is_found_by_its_own_topics(row: Topic) -> None:
    found = find(filled(row))
    assert found is not None
    assert found.row.pattern == row.pattern
    assert found.product_key == (PK if "{pk}" in row.pattern else "")
    assert found.device_name == (DN if "{dn}" in row.pattern else "")


def test_patterns_are_unique_and_every_reply_has_a_request() -> None:
    patterns = [row.pattern for row in TOPICS]
    assert len(set(patterns)) == len(patterns)
    for row in TOPICS:
        if row.replies:
            (reply,) = (other for other in TOPICS if other.pattern == row.reply_pattern)
            assert reply.is_reply
            assert not (reply.direction & row.direction)


@pytest.mark.parametrize(
    ("topic", "kind", "variables"),
    [
        (f"{S}/thing/event/property/post", "property_post", ()),
        (f"{S}/thing/event/Collision/post", "event_post", ("Collision",)),
        (f"{S}/thing/event/battery:ThermalWarning/post", "event_post", ("battery:ThermalWarning",)),
        (f"{S}/thing/event/Collision/post_reply", "event_post_reply", ("Collision",)),
        (f"{S}/thing/service/property/set_reply", "property_set_reply", ()),
        (f"{S}/thing/service/Lock", "service", ("Lock",)),
        (f"{S}/thing/service/Lock_reply", "service_reply", ("Lock",)),
        (f"/ext/rrpc/17{S}/thing/service/Lock", "rrpc", ("17", "Lock")),
        (f"/ext/rrpc/17/{PK}/{DN}/user/a/b", "rrpc_custom", ("17",)),
        (f"/{PK}/{DN}/user/update", "custom", ()),
    ],
)
def test_kinds_and_named_levels(topic: str, kind: str, variables: tuple[str, ...]) -> None:
    found = find(topic)
    assert found is not None
    assert (found.row.kind, found.variables) == (kind, variables)


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "/",
        "test/topic",
        "/sys",
        "/sys/",
        f"/sys/{PK}/{DN}",
        f"{S}/",
        f"{S}/thing",
        f"{S}/thing/event//post",
        f"/sys//{DN}/thing/event/property/post",
        f"/{PK}/{DN}/user",
        f"/{PK}/{DN}/other/x",
        "/ext/tbox001/user/x",
        "$SYS/broker/uptime",
    ],
)
def test_ordinary_topics_have_no_row(topic: str) -> None:
    assert find(topic) is None


#: § 1.7 of the platform's reference, `*` written as an example level.
PUSHED = [
    f"{S}/{suffix}"
    for suffix in (
        "thing/model/down_raw",
        "thing/model/up_raw_reply",
        "thing/event/property/post_reply",
        "thing/event/Collision/post_reply",
        "thing/event/property/history/post_reply",
        "thing/event/property/pack/post_reply",
        "thing/event/property/batch/post_reply",
        "thing/deviceinfo/update_reply",
        "thing/deviceinfo/delete_reply",
        "thing/dynamicTsl/get_reply",
        "thing/dsltemplate/get_reply",
        "rrpc/request/1",
        "thing/service/property/set",
        "thing/service/property/get",
        "thing/service/Lock",
        "thing/gateway/permit",
        "thing/topo/change",
        "thing/topo/add_reply",
        "thing/topo/delete_reply",
        "thing/topo/get_reply",
        "thing/sub/register_reply",
        "thing/sub/unregister_reply",
        "thing/disable_reply",
        "thing/config/push",
        "thing/config/get_reply",
        "thing/config/log/get_reply",
        "thing/config/log/push",
        "thing/lan/x",
        "thing/property/desired/get_reply",
        "thing/property/desired/delete_reply",
        "thing/reset_reply",
        "thing/awss/x",
        "thing/cipher/get_reply",
        "thing/proxy/provisioning/product_register_reply",
        "thing/bootstrap/config/push",
        "_thing/event/notify",
        "_thing/service/post_reply",
        "thing/job/notify",
        "thing/job/get_reply",
        "thing/job/update_reply",
        "thing/ota/firmware/get_reply",
        "thing/file/download_reply",
        # Not in the list; the example of C Link SDK 4 (mqtt_broadcast_demo) prints it without a SUBSCRIBE.
        "broadcast/request/1",
    )
] + [
    f"/ota/device/upgrade/{PK}/{DN}",
    f"/ota/device/request/{PK}/{DN}",
    f"/shadow/get/{PK}/{DN}",
    f"/ext/ntp/{PK}/{DN}/response",
    f"/ext/session/{PK}/{DN}/combine/login_reply",
    f"/ext/session/{PK}/{DN}/combine/batch_login_reply",
    f"/ext/session/{PK}/{DN}/combine/logout_reply",
    f"/ext/session/{PK}/{DN}/combine/batch_logout_reply",
]


def test_exactly_the_platforms_list_is_pushed_without_subscribe() -> None:
    rows = {found.row.pattern for topic in PUSHED if (found := find(topic)) is not None}
    assert len([topic for topic in PUSHED if find(topic) is None]) == 0
    assert rows == {row.pattern for row in TOPICS if row.pushed}


def test_custom_topics_are_never_pushed() -> None:
    assert not any(row.pushed or row.pushed_to_ext for row in TOPICS if row.kind == "custom")


# Devices.


@pytest.mark.parametrize("row", TOPICS, ids=lambda row: row.pattern)
def test_a_device_uses_its_own_topics_in_their_direction_only(row: Topic) -> None:
    topic = filled(row)
    own = "{pk}" in row.pattern
    assert may_publish(REGISTRY, device(), topic) is (own and Direction.UP in row.direction)
    assert may_subscribe(REGISTRY, device(), topic) is (own and Direction.DOWN in row.direction)
    for neighbour in NEIGHBOURS:
        theirs = filled(row, *neighbour)
        if "{dn}" in row.pattern:
            assert not may_publish(REGISTRY, device(), theirs)
            assert not may_subscribe(REGISTRY, device(), theirs)


#: SUBSCRIBEs of the official SDKs (npm 1.2.8 and C SDK 3 on connecting; the Python SDK's and users' own).
SDK_FILTERS = [
    *(
        f"{S}/{suffix}"
        for suffix in (
            "thing/event/property/post_reply",
            "thing/service/property/set",
            "thing/event/+/post_reply",
            "thing/deviceinfo/update_reply",
            "thing/deviceinfo/delete_reply",
            "thing/config/get_reply",
            "thing/config/push",
            "thing/config/push_reply",
            "thing/topo/add_reply",
            "thing/topo/delete_reply",
            "thing/topo/get_reply",
            "thing/sub/register_reply",
            "rrpc/request/+",
            "thing/service/Unlock",
            "thing/service/+",
            "thing/dynamicTsl/get_reply",
            "thing/model/down_raw",
            "thing/model/up_raw_reply",
        )
    ),
    f"/shadow/get/{PK}/{DN}",
    f"/ext/session/{PK}/{DN}/combine/login_reply",
    f"/ext/session/{PK}/{DN}/combine/logout_reply",
    f"/ext/ntp/{PK}/{DN}/response",
    f"/ext/error/{PK}/{DN}",
    f"/ext/rrpc/+/{PK}/{DN}/user/rrpc",
    f"/{PK}/{DN}/user/get",
    f"/{PK}/{DN}/user/#",
    f"/{PK}/{DN}/user/+/x",
    f"/broadcast/{PK}/news",
    f"/broadcast/{PK}/#",
    f"$share/group/{S}/thing/service/property/set",
]


@pytest.mark.parametrize("topic_filter", SDK_FILTERS)
def test_what_the_official_sdks_subscribe_is_granted(topic_filter: str) -> None:
    assert may_subscribe(REGISTRY, device(), topic_filter)


@pytest.mark.parametrize(
    "topic_filter",
    [
        "#",
        "+/#",
        "/#",
        "/sys/#",
        "/sys/+/+/thing/service/property/set",
        f"/sys/{PK}/+/thing/service/property/set",
        f"/sys/+/{DN}/thing/service/property/set",
        f"{S}/#",
        f"{S}/+/#",
        f"{S}/thing/+/property/set",
        f"{S}/thing/+/#",
        f"{S}/thing/event/property/post",
        f"{S}/thing/event/+/post",
        f"{S}/thing/event/#x",
        f"/sys/{PK}/tbox00/#",
        f"/sys/{PK}/tbox0012/#",
        f"/sys/{PK}/tbox002/thing/service/#",
        f"{S}/things/#",
        f"{S}/user/#",
        f"/+/{DN}/user/get",
        f"/{PK}/+/user/get",
        f"/{PK}/{DN}/#",
        f"/{PK}/{DN}/+/get",
        "/ext/rrpc/+/+/#",
        f"/ext/rrpc/+/sys/{PK}/+/thing/service/#",
        f"/ext/rrpc/+/{PK}/+/user/x",
        f"/ext/+/{PK}/{DN}/response",
        f"/shadow/+/{PK}/{DN}",
        "/broadcast/#",
        "/broadcast/otherPK/news",
        "/ext/register",
        "$SYS/#",
        "$SYS/broker/uptime",
        "$share/group/#",
        "$share/group/$SYS/#",
        f"$share/{S}",
        "$share/group",
        f"$queue{S}/thing/service/property/set",
        f"{S}/thing/service/property/set/",
        "test/topic",
        "",
    ],
)
def test_filters_that_reach_further_are_refused(topic_filter: str) -> None:
    assert not may_subscribe(REGISTRY, device(), topic_filter)


#: What clients in the field subscribe, and its like; each with a downlink that it yields.
WIDE_OF_ITS_OWN = {
    f"{S}/_thing/#": f"{S}/_thing/event/notify",
    f"{S}/thing/#": f"{S}/thing/config/push",
    f"{S}/thing/event/#": f"{S}/thing/event/property/post_reply",
    f"{S}/thing/service/#": f"{S}/thing/service/Unlock",
    f"{S}/rrpc/request/#": f"{S}/rrpc/request/1",
    f"{S}/broadcast/#": f"{S}/broadcast/request/1",
    "/ext/rrpc/#": f"/ext/rrpc/1{S}/thing/service/Unlock",
    "/ext/rrpc/+/#": f"/ext/rrpc/1/{PK}/{DN}/user/x",
    f"/ext/rrpc/+{S}/#": f"/ext/rrpc/1{S}/thing/service/property/set",
    f"/ext/rrpc/+/{PK}/{DN}/user/#": f"/ext/rrpc/1/{PK}/{DN}/user/x",
    f"/ext/session/{PK}/{DN}/#": f"/ext/session/{PK}/{DN}/combine/login_reply",
    f"$share/group/{S}/thing/service/#": f"{S}/thing/service/Unlock",
    "$share/group//ext/rrpc/#": f"/ext/rrpc/1{S}/thing/service/Unlock",
}


@pytest.mark.parametrize(("topic_filter", "downlink"), WIDE_OF_ITS_OWN.items())
def test_wildcards_over_a_devices_own_topics_yield_its_downlinks_alone(topic_filter: str, downlink: str) -> None:
    assert may_subscribe(REGISTRY, device(), topic_filter)
    assert matches(topic_filter.removeprefix("$share/group/"), downlink)
    assert is_downlink_of(f"{PK}/{DN}", downlink)
    for row in TOPICS:
        if row.direction is Direction.UP or (row.direction is Direction.BOTH and row.is_reply):
            assert not is_downlink_of(f"{PK}/{DN}", filled(row))


def test_custom_topics_keep_the_platforms_limits_and_system_topics_need_not() -> None:
    assert may_publish(REGISTRY, device(), f"/{PK}/{DN}/user/a/b/c/d")
    assert not may_publish(REGISTRY, device(), f"/{PK}/{DN}/user/a/b/c/d/e")
    assert may_publish(REGISTRY, device(), f"/{PK}/{DN}/user/".ljust(128, "x"))
    assert not may_publish(REGISTRY, device(), f"/{PK}/{DN}/user/".ljust(129, "x"))
    assert not may_subscribe(REGISTRY, device(), f"/{PK}/{DN}/user/".ljust(129, "x"))
    assert may_publish(REGISTRY, device(), f"/ext/rrpc/1{S}/thing/service/property/set")


@pytest.mark.parametrize("topic", ["$SYS/x", "$share/g/x", "test", "", "/", f"$share/g{S}/thing/event/property/post"])
def test_a_device_publishes_nothing_else(topic: str) -> None:
    assert not may_publish(REGISTRY, device(), topic)


WORDS = """
+ # $SYS sys ext rrpc ntp session error ota device shadow get broadcast thing event service property post set
post_reply x1 x1_reply user upgrade response combine register carPK otherPK tbox001 tbox002
"""
FILTER_LEVELS = st.sampled_from(["", *WORDS.split()])


@st.composite
def filters(draw: st.DrawFn) -> str:
    """Free filters, and topics of any device with levels exchanged for wildcards and names."""
    if draw(st.booleans()):
        levels = draw(st.lists(FILTER_LEVELS, max_size=9))
    else:
        row, owner = draw(st.sampled_from(TOPICS)), draw(st.sampled_from([(PK, DN), *NEIGHBOURS]))
        levels = filled(row, *owner).split("/")
        for index in draw(st.lists(st.integers(0, len(levels) - 1), max_size=3)):
            levels[index] = draw(FILTER_LEVELS)
    if "#" in levels:
        levels = levels[: levels.index("#") + 1]
    return draw(st.sampled_from(["", "", "$share/g/"])) + "/".join(levels)


THEIRS = [filled(row, *neighbour) for row in TOPICS for neighbour in NEIGHBOURS if "{dn}" in row.pattern]
THEIRS += ["$SYS/broker/uptime", "test/topic", "/ext/register", "/broadcast/otherPK/x1"]


@settings(max_examples=examples(1_500))
@given(filters())
def test_no_filter_lets_a_device_read_what_is_not_its_own(topic_filter: str) -> None:
    if may_subscribe(REGISTRY, device(), topic_filter):
        reached = [topic for topic in THEIRS if matches(topic_filter, topic)]
        assert not [topic for topic in reached if is_downlink_of(f"{PK}/{DN}", topic)]
        assert not reached or topic_filter.removeprefix("$share/g/") in OF_ALL_DEVICES


@settings(max_examples=examples(500))
@given(filters())
def test_a_granted_filter_of_custom_topics_and_broadcasts_stays_within_one_row(topic_filter: str) -> None:
    if may_subscribe(REGISTRY, device(), topic_filter) and topic_filter.startswith((f"/{PK}/", "/broadcast/")):
        kinds = {row.kind for row in TOPICS if matches(topic_filter, filled(row))}
        assert len(kinds - {"service_reply", "event_post_reply", "property_post_reply", "rrpc"}) <= 1


@settings(max_examples=examples(500))
@given(filters())
def test_no_name_lets_a_device_write_what_is_not_its_own(topic: str) -> None:
    if may_publish(REGISTRY, device(), topic):
        assert f"/{PK}/{DN}" in topic
        assert topic not in THEIRS


# Applications.


@pytest.mark.parametrize("topic_filter", ["#", "/sys/+/+/thing/event/property/post", "+/+/+/+/#", f"{S}/#", "test"])
def test_an_application_with_every_product_may_use_wildcards(topic_filter: str) -> None:
    assert may_subscribe(REGISTRY, application("carPK", "otherPK"), topic_filter)


@pytest.mark.parametrize("prefix", ["", "$share/workers/"])
@pytest.mark.parametrize(
    "topic_filter", ["#", "/#", "/sys/#", "/sys/+/+/thing/event/property/post", "+/+/+/+/#", "/+/#"]
)
def test_wildcards_of_an_application_yield_topics_of_its_products_alone(topic_filter: str, prefix: str) -> None:
    for products in (("carPK",), ("carPK", "otherPK")):  # also where it has all: there may be more tomorrow
        mine = application(*products)
        assert may_subscribe(REGISTRY, mine, prefix + topic_filter)
        reader = only_for_application(mine.subject, prefix + topic_filter)
        registry = Registry(REGISTRY.products.values(), [mine.subject])
        assert is_for(registry, reader, f"{S}/thing/event/property/post")
        assert is_for(registry, reader, "/sys/otherPK/x/thing/event/property/post") is ("otherPK" in products)
        assert not is_for(registry, reader, "/sys/laterPK/x/thing/event/property/post")
        assert not is_for(registry, reader, "/ext/register")
    assert only_for_application(Application("app", "pw"), topic_filter) == ""  # all products, later ones included


@pytest.mark.parametrize(
    "topic_filter",
    [
        "/sys/carPK/+/thing/event/property/post",
        "/sys/carPK/#",
        "/carPK/+/user/#",
        "/carPK/#",
        "/ota/device/inform/carPK/+",
        "/shadow/update/carPK/#",
        "/ext/rrpc/+/sys/carPK/+/thing/service/+",
        "/ext/rrpc/+/carPK/#",
        "/ext/ntp/carPK/+/request",
        "/broadcast/carPK/#",
        "$share/workers//sys/carPK/#",
    ],
)
def test_an_application_with_one_product_names_it(topic_filter: str) -> None:
    assert may_subscribe(REGISTRY, application("carPK"), topic_filter)
    theirs = topic_filter.replace("carPK", "otherPK")
    assert not may_subscribe(REGISTRY, application("carPK"), theirs)
    plain = topic_filter.removeprefix("$share/workers/")
    assert only_for_application(application("carPK").subject, plain) == ""
    assert only_for_application(application("carPK").subject, plain.replace("carPK", "+")) == "application:app"


@settings(max_examples=examples(800))
@given(filters())
def test_an_application_with_one_product_hears_no_other(topic_filter: str) -> None:
    mine = application("carPK")
    if may_subscribe(REGISTRY, mine, topic_filter):
        reader, registry = (
            only_for_application(mine.subject, topic_filter),
            Registry(REGISTRY.products.values(), [mine.subject]),
        )
        theirs = [topic for topic in THEIRS if (f := find(topic)) is None or f.product_key != "carPK"]
        # The broker's own figures are nobody's.
        theirs = [topic for topic in theirs if matches(topic_filter, topic) and not topic.startswith("$SYS/")]
        # Neither are topics of no product, with which clients without a user name may speak to each other.
        assert not [
            topic for topic in theirs if topic != "test/topic" and not (reader and not is_for(registry, reader, topic))
        ]


@pytest.mark.parametrize(
    ("topic_filter", "allowed"),
    [("$SYS/#", True), ("$SYS/broker/uptime", True), ("$internal/#", False), ("$SYS", False), ("$share/g/$x/#", False)],
)
def test_an_application_reads_the_brokers_figures_and_nothing_else_of_its_own(topic_filter: str, allowed: bool) -> None:
    assert may_subscribe(REGISTRY, application("carPK", "otherPK"), topic_filter) is allowed
    assert not may_publish(REGISTRY, application("carPK", "otherPK"), "$SYS/broker/uptime")


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        (f"{S}/thing/service/property/set", True),
        (f"{S}/thing/service/Unlock", True),
        (f"{S}/rrpc/request/1", True),
        (f"/{PK}/{DN}/user/get", True),
        (f"/broadcast/{PK}/news", True),
        (f"{S}/thing/event/property/post", False),
        (f"{S}/thing/event/property/post_reply", False),
        (f"{S}/thing/service/Unlock_reply", False),
        ("/sys/otherPK/tbox001/thing/service/property/set", False),
        ("test", False),
        ("$SYS/x", False),
    ],
)
def test_an_application_publishes_its_devices_downlinks(topic: str, allowed: bool) -> None:
    assert may_publish(REGISTRY, application("carPK"), topic) is allowed


# Clients without a user name.


def test_without_products_every_topic_is_ordinary() -> None:
    plain = Registry(anonymous=True, deny_subscribe=["test/nosubscribe"])
    for topic in ("test/topic", "/sys/a/b/thing/service/property/set", "/a/b"):
        assert may_publish(plain, anonymous(), topic)
    for topic_filter in ("#", "+/+", "/sys/#", "$SYS/#", "$share/g/#", "test/+"):
        assert may_subscribe(plain, anonymous(), topic_filter)
    assert not may_subscribe(plain, anonymous(), "test/nosubscribe")
    assert not may_subscribe(plain, anonymous(), "$share/g/test/nosubscribe")
    assert not may_publish(plain, anonymous(), "$SYS/x")


@pytest.mark.parametrize(
    "topic_filter", ["#", "/#", "+/#", "+/+", "/sys/#", "/carPK/#", "+/carPK/x", "+/sys/#", "/ext/#"]
)
def test_beside_devices_an_anonymous_client_keeps_off_their_topics(topic_filter: str) -> None:
    assert not may_subscribe(REGISTRY, anonymous(), topic_filter)


@settings(max_examples=examples(800))
@given(filters())
def test_an_anonymous_client_never_meets_a_device(topic_filter: str) -> None:
    theirs = [topic for topic in THEIRS if topic.startswith("/")]
    if may_subscribe(REGISTRY, anonymous(), topic_filter):
        assert not [topic for topic in theirs if matches(topic_filter, topic)]
    if may_publish(REGISTRY, anonymous(), topic_filter):
        assert topic_filter not in theirs


@pytest.mark.parametrize("topic", ["test/topic", "a/b/c", "/elsewhere/x"])
def test_beside_devices_ordinary_topics_stay_free(topic: str) -> None:
    assert may_subscribe(REGISTRY, anonymous(), topic)
    assert may_publish(REGISTRY, anonymous(), topic)


def test_the_house_may_do_everything() -> None:
    house = Principal("simulator", "simulator", "simulator", 60, trusted=True)
    assert may_publish(REGISTRY, house, f"{S}/thing/event/property/post")
    assert may_subscribe(REGISTRY, house, "#")
