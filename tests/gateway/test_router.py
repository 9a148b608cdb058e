"""Routes: shared where the targets are, remembered within bounds, forgotten when a subscription touches them."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.errors import ProtocolError
from jinqiao.gateway.broker.grant import Grant
from jinqiao.gateway.broker.limits import Limits
from jinqiao.gateway.broker.router import Router
from jinqiao.wire.mqtt.topics import matches
from support.mqtt import OpenPolicy


class CountingPolicy(OpenPolicy):
    """Knows which topics it was asked about."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def kind(self, topic: str) -> str:
        self.asked.append(topic)
        return super().kind(topic)


def post(device: str) -> bytes:
    return f"/sys/pk/{device}/thing/post".encode()


def make(**limits: int) -> tuple[Router[str], CountingPolicy]:
    policy = CountingPolicy()
    return Router(policy, Limits(**limits)), policy


def test_topics_with_the_same_targets_share_one_route() -> None:
    router, _ = make()
    router.subscribe("app", "/sys/#", Grant(1))
    first, second = router.route(post("one")), router.route(post("two"))
    assert first is second
    assert (first.kind, first.targets, first.grants) == ("post", ("app",), (("app", Grant(1)),))
    assert router.route(b"/sys/pk/one/other") is not first


def test_the_order_of_subscribing_does_not_split_routes() -> None:
    router, _ = make()
    router.subscribe("a", "/x/post", Grant(0))
    router.subscribe("b", "/+/post", Grant(0))
    router.subscribe("b", "/y/post", Grant(0))
    router.subscribe("a", "/y/#", Grant(0))
    assert router.route(b"/x/post") is router.route(b"/y/post")


def test_the_policy_is_asked_once_per_topic() -> None:
    router, policy = make()
    for _ in range(3):
        router.route(post("one"))
    assert policy.asked == ["/sys/pk/one/thing/post"]


def test_a_devices_subscription_forgets_only_its_own_topics() -> None:
    router, policy = make()
    for device in ("one", "two"):
        router.route(post(device))
    policy.asked.clear()
    router.subscribe("one", "/sys/pk/one/thing/#", Grant(0))
    router.route(post("two"))
    assert policy.asked == []
    assert router.route(post("one")).targets == ("one",)
    router.unsubscribe("one", "/sys/pk/one/thing/#")
    assert router.route(post("one")).targets == ()


def test_unsubscribing_what_was_never_subscribed_changes_nothing() -> None:
    router, policy = make()
    router.route(post("one"))
    assert not router.unsubscribe("app", "/sys/#")
    router.route(post("one"))
    assert len(policy.asked) == 1


subscriptions = st.tuples(
    st.booleans(), st.sampled_from("xyz"), st.sampled_from(["a", "a/b", "+/b", "a/#", "#", "a/+/c/d/e", "a/b/c/d/e"])
)


@given(st.lists(subscriptions, max_size=25))
def test_the_cache_never_tells_of_yesterday(changes: list[tuple[bool, str, str]]) -> None:
    router, _ = make()
    topics = ["a", "a/b", "b/b", "a/b/c/d/e", "a/b/c/d"]
    current: set[tuple[str, str]] = set()
    for add, subscriber, topic_filter in changes:
        if add:
            router.subscribe(subscriber, topic_filter, Grant(0))
            current.add((subscriber, topic_filter))
        else:
            router.unsubscribe(subscriber, topic_filter)
            current.discard((subscriber, topic_filter))
        for topic in topics:
            expected = {name for name, wanted in current if matches(wanted, topic)}
            assert set(router.route(topic.encode()).targets) == expected


def test_the_cache_is_bounded_in_topics_and_their_length() -> None:
    router, _ = make(cached_topics=10, cached_topic_bytes=20)
    for number in range(95):
        router.route(b"topic/%d" % number)
        assert len(router.routes) <= 10
    router.route(b"x" * 21)
    assert b"x" * 21 not in router.routes


def test_routes_nobody_uses_are_let_go() -> None:
    router, _ = make()
    for number in range(100):
        router.subscribe(f"client {number}", "a/b", Grant(0))
        router.route(b"a/b")
    gc.collect()
    assert len(router._interned) == 1


def test_no_topic_no_route() -> None:
    router, _ = make()
    for topic in (b"", b"a/+", b"\xff"):
        with pytest.raises(ProtocolError):
            router.route(topic)


def test_a_pushed_topic_reaches_the_device_while_it_is_there() -> None:
    router, _ = make()
    answer = b"dev/one/answer"
    assert router.route(answer).targets == ()
    router.push("one", "socket", 1)
    assert router.route(answer).grants == (("socket", Grant(1)),)
    assert router.route(b"dev/two/answer").targets == ()
    router.stop_pushing("one")
    assert router.route(answer).targets == ()


def test_a_pushed_topic_comes_once_though_subscribed_as_well() -> None:
    router, _ = make()
    router.push("one", "socket", 1)
    router.subscribe("socket", "dev/#", Grant(0))
    assert router.route(b"dev/one/answer").grants == (("socket", Grant(1)),)


def test_a_device_may_refuse_what_is_pushed() -> None:
    router, _ = make()
    router.push("one", "socket", 1)
    router.route(b"dev/one/answer")
    router.push_without("one", "dev/+/answer")
    assert router.route(b"dev/one/answer").targets == ()
    router.push_again("one", "dev/+/answer")
    assert router.route(b"dev/one/answer").targets == ("socket",)
