"""Queues of consumer groups: shared, acknowledged, delivered again, bounded."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.gateway.forwarding.bounds import Bounds
from jinqiao.gateway.forwarding.group import Group, GroupFull
from jinqiao.gateway.forwarding.groups import Groups
from jinqiao.gateway.forwarding.membership import Membership
from jinqiao.gateway.forwarding.messages import Messages, joined
from support.queues import Taker, World, messages, texts


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def group(world: World) -> Group:
    return Group("g1", world.clock)


@given(st.lists(st.lists(st.binary(max_size=6), min_size=1, max_size=5), min_size=1, max_size=5), st.data())
def test_messages_are_joined_and_cut_as_lists_are(parts: list[list[bytes]], data: Any) -> None:
    whole = joined([messages(*part, at_ms=1000 - n) for n, part in enumerate(parts)])
    flat = [body for part in parts for body in part]
    assert [whole.single_at(n) for n in range(len(whole))] == flat
    assert whole.generated_ms == 1001 - len(parts)
    start = data.draw(st.integers(0, len(flat)))
    stop = data.draw(st.integers(start, len(flat)))
    cut = whole.cut(start, stop)
    assert [cut.single_at(n) for n in range(len(cut))] == flat[start:stop]


def test_a_consumer_is_sent_what_it_has_credit_for(world: World, group: Group) -> None:
    group.put(messages(*texts(range(5))))
    taker = Taker()
    member = group.join(taker)
    world.turn()
    assert taker.got == []
    member.credit(2)
    world.turn()
    assert taker.texts == texts(range(2))
    member.credit(1)  # absolute: one more
    world.turn()
    assert taker.texts == texts(range(3))
    member.credit(5)
    member.credit(0)
    world.turn()
    assert taker.texts == texts(range(3))


def test_what_is_accepted_is_gone_and_the_rest_waits_for_the_next_consumer_marked_as_tried(
    world: World, group: Group
) -> None:
    group.put(messages(*texts(range(6))))
    first = Taker()
    member = first.join(group, 4)
    world.turn()
    member.accept(0, 0)
    member.accept(2, 2)
    member.accept(2, 2)  # said again: nothing
    member.leave()
    second = Taker()
    second.join(group)
    world.turn()
    assert [(body, tries) for _, body, tries in second.got] == [(b"m1", 1), (b"m3", 1), (b"m4", 0), (b"m5", 0)]
    status = group.status()
    assert (status.acknowledged, status.redelivered, status.accumulated, status.unsettled) == (2, 2, 4, 4)


def test_consumers_of_a_group_share_its_messages_in_turn_and_in_order(world: World, group: Group) -> None:
    takers = [Taker(f"c{n}") for n in range(3)]
    for taker in takers:
        taker.join(group)
    for number in range(30):
        group.put(messages(b"m%d" % number))
        world.turn()
    assert sorted(body for taker in takers for body in taker.texts) == sorted(texts(range(30)))
    for taker in takers:
        assert len(taker.got) == 10
        assert taker.texts == sorted(taker.texts, key=lambda body: int(body[1:]))


def test_a_large_block_is_shared_and_not_given_to_the_first(world: World, group: Group) -> None:
    takers = [Taker("c1"), Taker("c2")]
    for taker in takers:
        taker.join(group)
    group.put(messages(*(b"%01000d" % number for number in range(4_000))))
    world.turn()
    assert [len(taker.got) for taker in takers] == pytest.approx([2_000, 2_000], abs=200)


def test_what_is_not_acknowledged_in_30_s_goes_to_another_consumer(world: World, group: Group) -> None:
    group.put(messages(*texts(range(3))))
    silent, other = Taker("silent"), Taker("other")
    mute = silent.join(group)
    world.turn()
    mute.accept(1, 1)
    other.join(group)
    world.pass_s(29, group)
    assert other.got == []
    world.pass_s(2, group)
    assert [(body, tries) for _, body, tries in other.got] == [(b"m0", 1), (b"m2", 1)]
    assert len(silent.got) == 3


def test_alone_it_is_sent_it_again_itself(world: World, group: Group) -> None:
    taker = Taker()
    group.put(messages("once"))
    member = taker.join(group)
    world.turn()
    world.pass_s(61, group)
    assert taker.got == [(0, b"once", 0), (1, b"once", 1), (2, b"once", 2)]
    member.accept(0, 1)  # too late, and no longer its own
    assert group.status().accumulated == 1
    member.accept(2, 2)
    assert group.status().accumulated == 0


def test_released_messages_come_again_first_and_only_failed_ones_are_marked(world: World, group: Group) -> None:
    group.put(messages(*texts(range(5))))
    taker = Taker()
    member = taker.join(group, 3)
    world.turn()
    member.release(0, 0)
    member.release(1, 2, failed=True)
    member.credit(10)
    world.turn()
    assert [(body, tries) for _, body, tries in taker.got[3:]] == [
        (b"m1", 1),
        (b"m2", 1),
        (b"m0", 0),
        (b"m3", 0),
        (b"m4", 0),
    ]


def test_undeliverable_ones_are_not_sent_to_the_same_consumer_again(world: World, group: Group) -> None:
    group.put(messages(*texts(range(2))))
    taker, other = Taker(), Taker("other")
    member = taker.join(group)
    world.turn()
    member.release(0, 0, failed=True, undeliverable=True)
    group.put(messages("m2"))
    world.turn()
    assert taker.texts == [b"m0", b"m1", b"m2"]
    other.join(group)
    world.turn()
    assert other.got == [(0, b"m0", 1)]


def test_rejected_ones_are_gone_and_counted(world: World, group: Group) -> None:
    group.put(messages(*texts(range(3))))
    member = Taker().join(group)
    world.turn()
    member.reject(0, 1)
    status = group.status()
    assert (status.accumulated, status.acknowledged, status.rejected) == (1, 2, 2)


def test_what_comes_now_is_delivered_before_what_has_accumulated(world: World, group: Group) -> None:
    group.put(messages("old1", "old2"))
    world.pass_s(7, group)
    group.put(messages("new"))
    taker = Taker()
    member = taker.join(group)
    world.turn()
    assert taker.texts == [b"new", b"old1", b"old2"]
    member.accept(0, 2)
    status = group.status()
    assert (status.realtime_per_minute, status.backlog_per_minute) == (1, 2)
    assert status.clients[0].backlog_per_minute == 2
    world.pass_s(61, group)
    status = group.status()
    assert (status.realtime_per_minute, status.backlog_per_minute) == (0, 0)


def test_a_group_has_64_clients_at_most(group: Group) -> None:
    members = [Taker().join(group) for _ in range(64)]
    with pytest.raises(GroupFull):
        group.join(Taker())
    members[5].leave()
    members[5].leave()
    Taker().join(group)


def test_the_oldest_go_where_too_much_waits_and_that_is_counted_and_said_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    group = Group("g1", world.clock, Bounds(group_bytes=10_000))
    with caplog.at_level(logging.WARNING):
        for number in range(30):
            group.put(messages(b"%0900d" % number))
            world.turn()
            world.time_s += 2  # no two in one block
    status = group.status()
    assert status.held_bytes <= 10_000
    assert status.accumulated + status.overflowed == 30
    assert status.overflowed >= 20
    taker = Taker()
    taker.join(group)
    world.turn()
    assert taker.texts == [b"%0900d" % number for number in range(status.overflowed, 30)]
    assert len(caplog.records) == 1


def test_a_message_waits_for_a_day(world: World, group: Group) -> None:
    group.put(messages("old", at_ms=int(world.time_s * 1000)))
    world.turn()
    world.time_s += 86_390
    group.tick()
    assert group.status().accumulated == 1
    world.pass_s(11, group)
    status = group.status()
    assert (status.accumulated, status.expired, status.held_bytes) == (0, 1, 0)


def test_a_consumer_that_never_acknowledges_is_sent_no_more_than_the_bound(world: World) -> None:
    group = Group("g1", world.clock, Bounds(client_messages=100))
    group.put(messages(*texts(range(1_000))))
    taker = Taker()
    member = taker.join(group)
    world.turn()
    assert len(taker.got) == 100
    member.accept(0, 9)
    world.turn()
    assert len(taker.got) == 110


def test_the_bound_counts_bytes_too_but_for_the_last_message(world: World) -> None:
    group = Group("g1", world.clock, Bounds(client_bytes=1_000))
    group.put(messages(b"x" * 5_000, b"y" * 400, b"z" * 700, b"w" * 400))
    taker = Taker()
    member = taker.join(group)
    world.turn()
    assert len(taker.got) == 1
    member.accept(0, 0)
    world.turn()
    assert len(taker.got) == 3


def test_a_reset_drops_what_waits(world: World, group: Group) -> None:
    taker = Taker()
    member = taker.join(group, 1)
    group.put(messages(*texts(range(3))))
    world.turn()
    group.clear()
    member.credit(5)
    world.turn()
    assert taker.texts == [b"m0"]
    member.accept(0, 0)
    assert (group.status().accumulated, group.held) == (0, 0)


def test_a_consumer_that_fails_is_put_out_and_its_messages_go_to_others(world: World, group: Group) -> None:
    class Broken(Taker):
        def deliver(self, first: int, messages: Messages, tries: Any) -> None:  # noqa: ARG002
            raise RuntimeError("no")

    Broken().join(group)
    group.put(messages("m0"))
    world.turn()
    taker = Taker()
    taker.join(group)
    world.turn()
    assert taker.got == [(0, b"m0", 1)]


def test_tries_are_counted_up_to_what_a_byte_holds(world: World, group: Group) -> None:
    taker = Taker()
    member = taker.join(group)
    group.put(messages("m"))
    world.turn()
    for number in range(300):
        member.release(number, number, failed=True)
        world.turn()
    assert taker.got[-1] == (300, b"m", 255)


def test_groups_that_are_not_defined_get_nothing_and_all_share_a_bound(world: World) -> None:
    groups = Groups(world.clock, Bounds(group_bytes=20_000, total_bytes=22_000))
    groups.put("nobody", messages("m"))
    assert groups.group("nobody") is None
    small, large = groups.create("small"), groups.create("large")
    assert groups.create("small") is small
    for number in range(12):
        groups.put("large", messages(b"%01000d" % number))
        groups.put("small", messages(b"%0500d" % number))
        world.turn()
        world.time_s += 2
    groups.tick()
    assert sum(group.held for group in groups) <= 22_000
    assert small.status().overflowed == 0
    assert large.status().overflowed > 0
    groups.delete("large")
    assert groups.group("large") is None


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2), st.integers(0, 12), st.integers(0, 4)), max_size=60))
def test_whatever_consumers_do_no_message_is_lost_and_none_comes_twice_unmarked(
    steps: list[tuple[int, int, int, int]],
) -> None:
    world = World()
    group = Group("g1", world.clock)
    put = 0
    members: list[tuple[Taker, Membership]] = []
    takers: list[Taker] = []
    accepted: set[bytes] = set()
    released: set[bytes] = set()

    def held_by(taker: Taker, first: int, last: int) -> set[bytes]:
        return {body for number, body, _ in taker.got if first <= number <= last}

    for kind, whom, number, count in steps:
        taker, member = members[whom % len(members)] if members else (None, None)
        if kind <= 1:
            group.put(messages(*texts(range(put, put + count + 1))), passing=kind == 1)
            put += count + 1
        elif kind == 2 or taker is None or member is None:
            fresh = Taker()
            takers.append(fresh)
            members.append((fresh, fresh.join(group, number)))
        elif kind == 3:
            member.credit(number)
        elif kind in {4, 5}:
            before = group.status().acknowledged
            member.accept(number, number + count)
            # Those of them that were no longer its own are not accepted: what was counted is what was.
            if group.status().acknowledged != before:
                accepted |= held_by(taker, number, number + count)
        elif kind == 6:
            released |= held_by(taker, number, number + count)
            member.release(number, number + count)
        elif kind == 7:
            member.release(number, number + count, failed=True, undeliverable=count % 2 == 1)
        elif kind == 8:
            member.leave()
            members.remove((taker, member))
        else:
            world.pass_s(number * 3, group)
        world.turn()
        status = group.status()
        assert status.acknowledged + status.accumulated == put
    for _, member in members:
        member.leave()
    world.turn()
    last = Taker()
    last.join(group)
    world.turn()
    rest = [body for _, body, _ in last.got]
    assert len(rest) == len(set(rest)) == group.status().accumulated
    assert set(rest) | accepted == set(texts(range(put)))
    seen: set[bytes] = set()
    for taker in takers:
        seen |= set(taker.texts)
    for _, body, tries in last.got:
        assert tries or body not in seen or body in released


def test_status_names_each_client(world: World, group: Group) -> None:
    Taker("first").join(group)
    Taker("second").join(group)
    clients = group.status().clients
    assert [(client.client_id, client.address) for client in clients] == [
        ("first", "127.0.0.1:5"),
        ("second", "127.0.0.1:6"),
    ]


def test_a_block_that_is_small_takes_in_what_comes_next(world: World, group: Group) -> None:
    for number in range(50):
        group.put(messages(b"m%d" % number))
        world.turn()
    taker = Taker()
    calls: list[int] = []
    deliver = taker.deliver
    taker.deliver = lambda first, many, tries: (calls.append(len(many)), deliver(first, many, tries))  # type: ignore[method-assign, func-returns-value]
    taker.join(group)
    world.turn()
    assert calls == [50]
    assert taker.texts == texts(range(50))
    assert np.all(np.array([tries for _, _, tries in taker.got]) == 0)
