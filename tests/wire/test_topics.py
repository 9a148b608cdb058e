"""Topics and filters: the standard's examples, and the trees against a matcher that just follows the rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.errors import ProtocolError
from jinqiao.gateway.broker.filter_trie import FilterTrie
from jinqiao.gateway.broker.topic_index import TopicIndex
from jinqiao.wire.mqtt.topics import check_filter, check_name, decode_name, has_wildcard, matches

levels = st.sampled_from(["", "a", "b", "sys", "$SYS"])
names = st.lists(levels, min_size=1, max_size=6).map("/".join).filter(bool)
filters = st.builds(
    lambda path, tail: "/".join([*path, *tail]),
    st.lists(st.one_of(levels, st.just("+")), min_size=0, max_size=5),
    st.sampled_from([["#"], ["+"], ["a"], [""]]),
).filter(bool)


def naive(topic_filter: str, topic: str) -> bool:
    """§ 4.7 word by word, recursively."""

    def rest_matches(wanted: list[str], found: list[str]) -> bool:
        if wanted[:1] == ["#"]:
            return True
        if not wanted or not found:
            return not found and (not wanted or wanted == ["#"])
        return wanted[0] in ("+", found[0]) and rest_matches(wanted[1:], found[1:])

    if topic[0] == "$" and topic_filter[0] in "+#":
        return False
    return rest_matches(topic_filter.split("/"), topic.split("/"))


@pytest.mark.parametrize(
    ("topic_filter", "topic", "expected"),
    [
        ("sport/tennis/player1/#", "sport/tennis/player1", True),
        ("sport/tennis/player1/#", "sport/tennis/player1/ranking", True),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", True),
        ("sport/#", "sport", True),
        ("#", "anything/at/all", True),
        ("sport/tennis/+", "sport/tennis/player1", True),
        ("sport/tennis/+", "sport/tennis/player1/ranking", False),
        ("sport/+", "sport", False),
        ("sport/+", "sport/", True),
        ("+/+", "/finance", True),
        ("/+", "/finance", True),
        ("+", "/finance", False),
        ("#", "$SYS/monitor/Clients", False),
        ("+/monitor/Clients", "$SYS/monitor/Clients", False),
        ("$SYS/#", "$SYS/monitor/Clients", True),
        ("$SYS/monitor/+", "$SYS/monitor/Clients", True),
        ("ACCOUNTS", "Accounts", False),
    ],
)
def test_the_standards_examples(topic_filter: str, topic: str, expected: bool) -> None:
    assert matches(topic_filter, topic) is expected
    assert naive(topic_filter, topic) is expected


@given(filters, names)
def test_matching_follows_the_rules(topic_filter: str, topic: str) -> None:
    assert matches(topic_filter, topic) == naive(topic_filter, topic)


@given(st.lists(st.tuples(filters, st.integers(0, 9), st.integers(0, 2)), max_size=30), names)
def test_the_trie_finds_whoever_matches_at_the_highest_qos(added: list[tuple[str, int, int]], topic: str) -> None:
    trie: FilterTrie[int, int] = FilterTrie(max)
    granted: dict[tuple[str, int], int] = {}
    for topic_filter, subscriber, qos in added:
        trie.add(topic_filter, subscriber, qos)
        granted[topic_filter, subscriber] = qos
    expected: dict[int, int] = {}
    for (topic_filter, subscriber), qos in granted.items():
        if naive(topic_filter, topic):
            expected[subscriber] = max(qos, expected.get(subscriber, 0))
    assert trie.match(topic) == expected
    for topic_filter, subscriber in granted:
        assert trie.remove(topic_filter, subscriber)
        assert not trie.remove(topic_filter, subscriber)
    assert trie.match(topic) == {}
    assert (len(trie), trie.bytes) == (0, 0)


@given(st.lists(names, max_size=20, unique=True), filters)
def test_the_index_misses_no_topic(topics: list[str], topic_filter: str) -> None:
    index = TopicIndex()
    for topic in topics:
        index.add(topic, topic.encode())
    taken = index.take(topic_filter)
    assert {topic.encode() for topic in topics if naive(topic_filter, topic)} <= set(taken)
    assert index.take(topic_filter) == []


def test_the_index_leaves_other_devices_alone() -> None:
    index = TopicIndex()
    for device in ("one", "two"):
        topic = f"/sys/pk/{device}/thing/event/property/post"
        index.add(topic, topic.encode())
    assert index.take("/sys/pk/one/thing/#") == [b"/sys/pk/one/thing/event/property/post"]
    assert index.take("/sys/+/+/thing/event/property/post") == [b"/sys/pk/two/thing/event/property/post"]


@pytest.mark.parametrize("topic", ["a", "/", "/finance", "Accounts payable", "$SYS/x", "金桥/东", "a" * 65_535])
def test_names(topic: str) -> None:
    check_name(topic)
    assert decode_name(topic.encode()) == topic


@pytest.mark.parametrize("topic", ["", "a/+", "#", "a\0b", "/" * 200])
def test_no_names(topic: str) -> None:
    with pytest.raises(ProtocolError):
        decode_name(topic.encode())


def test_a_name_that_is_no_text() -> None:
    with pytest.raises(ProtocolError, match="UTF-8"):
        decode_name(b"\xff\xfe")


@pytest.mark.parametrize("topic_filter", ["a", "+", "#", "+/tennis/#", "sport/+/player1", "/+", "$SYS/#"])
def test_filters(topic_filter: str) -> None:
    check_filter(topic_filter)


@pytest.mark.parametrize("topic_filter", ["", "sport/tennis#", "sport/#/ranking", "sport+", "a\0", "/" * 200])
def test_no_filters(topic_filter: str) -> None:
    with pytest.raises(ProtocolError):
        check_filter(topic_filter)


def test_which_filters_are_patterns() -> None:
    assert [name for name in ("a", "a/#", "+", "#", "/sys/+/x", "/") if has_wildcard(name)] == [
        "a/#",
        "+",
        "#",
        "/sys/+/x",
    ]
