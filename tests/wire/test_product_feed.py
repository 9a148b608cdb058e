"""What is said about the product under test, and what a product says: read as written, or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.errors import ProtocolError
from jinqiao.wire.product_feed import (
    LONGEST_DETECTION,
    Called,
    Detected,
    Published,
    Told,
    feed_message,
    read_detection,
    read_feed,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ROWS = st.integers(0, 2**31)
TOLD = st.one_of(
    st.builds(Detected, TEXTS, TEXTS, st.none() | st.integers(0, 2**53)),
    st.builds(Called, TEXTS, st.lists(ROWS, max_size=5).map(tuple)),
    st.builds(Published, ROWS, TEXTS),
)


@given(TOLD)
def test_what_is_said_is_read_as_it_was_said(told: Told) -> None:
    found = read_feed(feed_message(told))
    assert found == told
    assert type(found) is type(told)


@given(st.binary(max_size=40) | st.sampled_from([b"{}", b"[1]", b'{"detected":1}', b'{"called":[]}', b'{"else":[1]}']))
def test_anything_else_is_refused(payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_feed(payload)


@given(st.text(min_size=1, max_size=100), st.none() | st.integers(0, 2**53))
def test_a_detection_has_a_fault_and_perhaps_a_time(fault: str, time_ms: int | None) -> None:
    said: dict[str, Any] = {"fault": fault, "time": time_ms}
    assert read_detection("car", json.dumps(said).encode()) == Detected("car", fault, time_ms)
    if time_ms is None:
        del said["time"]
        assert read_detection("car", json.dumps(said).encode()) == Detected("car", fault, None)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[]", "no object"),
        (b"{}", "expected its name"),
        (b'{"fault":""}', "expected its name"),
        (b'{"fault":7}', "expected its name"),
        (b'{"fault":"' + b"x" * 101 + b'"}', "expected its name"),
        (b'{"fault":"x","time":"now"}', "UTC milliseconds"),
        (b'{"fault":"x","time":-1}', "UTC milliseconds"),
        (b'{"fault":"x","time":true}', "UTC milliseconds"),
        (b'{"fault":"x","time":1e999}', "no JSON"),
        (b'{"fault":"x","time":99999999999999999999}', "UTC milliseconds"),
        (b'{"fault":"x","tiem":1}', "'tiem', expected fault and time"),
        (b'{"fault":"x"}' + b" " * LONGEST_DETECTION, "4096 at most"),
        (b"[" * 2000 + b"]" * 2000, "no JSON"),
    ],
)
def test_a_detection_that_is_none_says_why(payload: bytes, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        read_detection("car", payload)


@given(st.binary(max_size=100))
def test_no_payload_does_more_than_be_refused(payload: bytes) -> None:
    try:
        found = read_detection("car", payload)
    except ProtocolError:
        return
    assert found.fault
