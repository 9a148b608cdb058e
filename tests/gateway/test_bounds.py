"""What one client can make the broker keep: retained messages and filters are counted with all that they cost."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.broker.delivery.message import Message
from jinqiao.gateway.broker.delivery.timers import Timers
from jinqiao.gateway.broker.limits import Limits
from jinqiao.gateway.broker.retained import RetainedMessages
from jinqiao.wire.mqtt.packets import Publish, Suback, Subscribe, Unsubscribe
from jinqiao.wire.mqtt.properties import Property
from jinqiao.wire.mqtt.reasons import Reason
from support.mqtt_memory import Client, House

#: As the broker counts: what a message costs besides its bytes, and a level of a topic.
OVERHEAD, NODE = 200, 300


def keeper(house: House, client_id: str = "keeper", level: int = 5, **limits: object) -> Client:
    house.policy.limits = {"retains": True} | limits
    client = house.client(client_id, level=level)
    house.policy.limits = {}
    return client


def retain(client: Client, *topics: str, payload: bytes = b"x") -> None:
    client.send(*(Publish(topic, payload, retain=True) for topic in topics))


def grown_bytes(make: Callable[[], object]) -> int:
    """How much memory is in use after `make` that was not before."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = make()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
        del kept
        return grown
    finally:
        tracemalloc.stop()


# Retained messages.


@pytest.mark.parametrize("levels", [1, 8, 190])
def test_the_levels_of_a_topic_are_counted_as_what_they_cost(levels: int) -> None:
    store = RetainedMessages(Limits(), Timers())

    def fill() -> object:
        for number in range(200):
            message = Message("/".join([f"{number:03}"] + ["xx"] * (levels - 1)).encode(), b"x", retain=True)
            assert not store.keep(message, 1_000)
        return store

    grown = grown_bytes(fill)
    assert 0.5 * store.bytes < grown < 1.4 * store.bytes


def test_the_store_is_bounded_by_messages_and_by_bytes() -> None:
    house = House(Limits(retained_messages=3, retained_bytes=5 * NODE + 3 * OVERHEAD + 1_000))
    client = keeper(house)
    retain(client, *(f"t/{number}" for number in range(5)))
    assert len(house.broker.retained) == 3
    retain(client, "t/0", payload=b"")
    retain(client, "t/9", payload=b"x" * 1_500)
    assert len(house.broker.retained) == 2
    retain(client, "t/1", payload=b"y")
    assert len(house.broker.retained) == 2
    assert house.broker.counters.refused["retained"] == 3


def test_a_deep_topic_has_no_room_where_a_flat_one_has() -> None:
    house = House(Limits(retained_bytes=10_000))
    client = keeper(house)
    retain(client, "/".join("x" * 100))
    assert len(house.broker.retained) == 0
    retain(client, "x" * 100)
    assert len(house.broker.retained) == 1


def test_what_is_refused_costs_no_look_at_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(Limits(retained_messages=2_000))
    client = keeper(house)
    retain(client, *(f"t/{number}" for number in range(2_000)))
    visited: list[int] = []
    monkeypatch.setattr(
        "jinqiao.gateway.broker.retained._all",
        lambda _: visited.append(1) or iter(()),  # type: ignore[func-returns-value]
    )
    retain(client, *(f"u/{number}" for number in range(100)))
    assert house.broker.counters.refused["retained"] == 100
    assert visited == []


def test_room_comes_back_when_messages_expire() -> None:
    house = House(Limits(retained_messages=10))
    client = keeper(house)
    client.send(*(Publish(f"t/{n}", b"x", retain=True, properties={Property.MESSAGE_EXPIRY: 5 + n}) for n in range(10)))
    retain(client, "later")
    assert len(house.broker.retained) == 10
    house.at(8.0)
    assert len(house.broker.retained) == 6
    retain(client, "later")
    assert len(house.broker.retained) == 7


def test_a_topic_written_again_and_again_leaves_nothing_behind() -> None:
    house = House()
    client = keeper(house)
    for _ in range(1_000):
        client.send(Publish("t", b"x", retain=True, properties={Property.MESSAGE_EXPIRY: 1_000_000}))
    assert len(house.broker.retained) == 1
    assert len(house.broker.dispatcher.timers) < 200
    retain(client, "t", payload=b"")
    assert (len(house.broker.retained), house.broker.retained.bytes) == (0, 0)


def test_one_client_cannot_take_all_the_room() -> None:
    house = House(Limits(retained_bytes_per_client=2 * (OVERHEAD + 2 * NODE + 10)))
    greedy, modest = keeper(house, "greedy"), keeper(house, "modest", max_retained=2)
    retain(greedy, *(f"a/{number}" for number in range(50)))
    greedys = len(house.broker.retained)
    assert 2 <= greedys <= 4
    retain(modest, "b", "c", "d")
    assert len(house.broker.retained) == greedys + 2
    retain(modest, "c", payload=b"")
    retain(modest, "d")
    assert len(house.broker.retained) == greedys + 2
    # The house's own always has room.
    house.broker.publish("$SYS/x", b"1", retain=True)
    assert len(house.broker.retained) == greedys + 3


def test_who_writes_a_topic_anew_is_charged_for_it() -> None:
    house = House()
    first, second = keeper(house, "first", max_retained=1), keeper(house, "second", max_retained=1)
    retain(first, "t")
    retain(second, "t")
    retain(first, "u")
    assert len(house.broker.retained) == 2
    retain(second, "v")
    assert len(house.broker.retained) == 2
    assert house.policy.log[-1] == ("refused", "second v: 1 retained messages are all that a client may have here")


def test_where_nothing_is_retained_the_message_is_delivered_all_the_same() -> None:
    house = House()
    listener = house.client("listener")
    listener.send(Subscribe(1, (("#", 0),)))
    listener.received()
    retain(keeper(house), "fleeting/1")
    assert [message.topic for message in listener.messages()] == ["fleeting/1"]
    assert len(house.broker.retained) == 0
    assert house.policy.log[-1] == ("refused", "keeper fleeting/1: no message is retained on this topic")


topics = st.sampled_from(["a", "a/b", "a/b/c", "a/c", "b", "/", "//", "b/b/b/b"])


@given(st.lists(st.tuples(topics, st.sampled_from(["one", "two"]), st.integers(0, 3), st.integers(0, 4))))
def test_whatever_comes_and_goes_the_count_is_right(steps: list[tuple[str, str, int, int]]) -> None:
    timers, now = Timers(), 0.0
    store = RetainedMessages(Limits(retained_messages=4, retained_bytes=4_000), timers)
    for topic, sender, length, expiry in steps:
        expires_at = now + expiry if expiry else float("inf")
        store.keep(Message(topic.encode(), b"x" * length, retain=True, expires_at=expires_at, sender=sender), 3)
        now += 0.5
        timers.run(now)
        assert len(store) == len(list(store.match("#", now)))
        assert store.bytes <= 4_000
    for topic in ["a", "a/b", "a/b/c", "a/c", "b", "/", "//", "b/b/b/b"]:
        store.keep(Message(topic.encode(), b""), 0)
    assert (len(store), store.bytes, store._shares, len(store._root.children)) == (0, 0, {}, 0)


# Filters.


def codes(client: Client, *filters: str) -> list[int]:
    client.send(Subscribe(1, tuple((topic_filter, 0) for topic_filter in filters)))
    return [code for packet in client.received() if isinstance(packet, Suback) for code in packet.codes]


@pytest.mark.parametrize("levels", [2, 8, 95])
def test_the_levels_of_a_filter_are_counted_as_what_they_cost(levels: int) -> None:
    house = House()
    house.policy.limits = {"max_filters": 300, "max_subscriptions": 300}
    client = house.client()
    trie = house.broker.router._trie
    filters = ["/".join([f"{number:03}"] + ["xx"] * (levels - 2) + ["+"]) for number in range(200)]
    grown = grown_bytes(lambda: codes(client, *filters))
    assert 0.5 * trie.bytes < grown < 1.6 * trie.bytes
    client.send(Unsubscribe(2, tuple(filters)))
    assert (len(trie), trie.bytes) == (0, 0)


@pytest.mark.parametrize(("level", "refused"), [(4, 0x80), (5, Reason.QUOTA_EXCEEDED)])
def test_the_filters_of_one_client_and_of_all_are_bounded(level: int, refused: int) -> None:
    house = House(Limits(filter_bytes_per_client=10_000, filter_bytes=17_000))
    first, second = house.client("first", level=level), house.client("second", level=level)
    deep = "/".join(["x"] * 20 + ["+"])
    assert codes(first, f"a/{deep}", f"b/{deep}", "a") == [0, refused, 0]
    assert codes(second, f"c/{deep}", f"d/{deep}", "b") == [0, refused, 0]
    assert codes(house.client("third", level=level), f"e/{deep}", "c") == [refused, 0]
    assert house.policy.log[-1][1].endswith("all filters together take too much memory")
    first.send(Unsubscribe(2, (f"a/{deep}",)))
    first.received()
    assert codes(first, f"b/{deep}") == [0]


@pytest.mark.parametrize("level", [4, 5])
def test_each_limit_of_filters_has_its_reason(level: int) -> None:
    house = House()
    house.policy.limits = {"longest_topic": 20, "max_filters": 3, "max_subscriptions": 2}
    client = house.client(level=level)
    found = codes(client, "x" * 21, "a", "secret", "b"), codes(client, "c", "d")
    expected = (
        [Reason.TOPIC_FILTER_INVALID, 0, Reason.NOT_AUTHORIZED, Reason.QUOTA_EXCEEDED],
        [0, Reason.QUOTA_EXCEEDED],
    )
    assert found == (expected if level == 5 else ([0x80, 0, 0x80, 0x80], [0, 0x80]))
    assert [why.partition(": ")[2] for what, why in house.policy.log if what == "refused"] == [
        "filter of 21 characters, 20 at most",
        "more than 3 filters in one SUBSCRIBE",
        "more than 2 subscriptions",
    ]


def test_filters_a_pushed_to_device_does_not_want_are_bounded_too() -> None:
    house = House()
    house.policy.limits = {"longest_topic": 256}
    device = house.client("car:auto")
    device.send(*(Unsubscribe(1, (f"{'x' * 60_000}{number}",)) for number in range(20)))
    assert house.broker.router._pushed["car"].without == set()


def test_what_is_gone_from_the_cache_is_asked_again() -> None:
    """A client that stays with its topic is asked about only when the router's age moves."""
    router = House().broker.router
    age = router.age
    router.forget_all()
    assert router.age != age
