"""Stored trouble codes of a vehicle."""

import re

import numpy as np
import pytest

from jinqiao.simulator.dtc import CODES, MOST, Dtc, DtcStatus, DtcStore


@pytest.fixture
def count():
    return np.zeros(3, dtype=np.uint8)


@pytest.fixture
def store(count):
    return DtcStore(count)


def test_a_code_is_stored_once_and_its_status_may_change(store, count):
    assert store.store(1, "P0A80", DtcStatus.PENDING, 1000)
    assert not store.store(1, "P0A80", DtcStatus.PENDING, 2000)
    assert store.store(1, "P0A80", DtcStatus.CONFIRMED, 3000)
    assert store.store(1, "U0073", DtcStatus.CONFIRMED, 4000)
    assert store.of(1) == (Dtc("P0A80", DtcStatus.CONFIRMED, 1000), Dtc("U0073", DtcStatus.CONFIRMED, 4000))
    assert count.tolist() == [0, 2, 0]
    assert store.of(0) == ()


def test_cleared_codes_are_given_back(store, count):
    store.store(2, "P0AA6", DtcStatus.CONFIRMED, 0)
    assert [dtc.code for dtc in store.clear(2)] == ["P0AA6"]
    assert store.clear(2) == store.of(2) == ()
    assert count.tolist() == [0, 0, 0]
    assert store.store(2, "P0AA6", DtcStatus.CONFIRMED, 1)


def test_the_store_is_as_large_as_the_signal_can_tell(store, count):
    stored = [store.store(0, f"P1{number:03X}", DtcStatus.PENDING, 0) for number in range(MOST + 5)]
    assert sum(stored) == count[0] == len(store.of(0)) == 255
    assert store.store(0, "P1000", DtcStatus.CONFIRMED, 0)  # a known one may still change


@pytest.mark.parametrize("code", ["", "P0A8", "P0A800", "X0A80", "P4A80", "p0a80", "P0A8G"])
def test_what_is_no_code_is_not_stored(store, code):
    with pytest.raises(ValueError, match="expected a trouble code like P0A80"):
        store.store(0, code, DtcStatus.CONFIRMED, 0)


def test_nobody_stores_a_cleared_code(store):
    with pytest.raises(ValueError, match="cleared"):
        store.store(0, "P0A80", DtcStatus.CLEARED, 0)


def test_every_code_of_the_table_is_one_and_has_a_name(store):
    for code, text in CODES.items():
        assert store.store(0, code, DtcStatus.CONFIRMED, 0)
        assert re.fullmatch(r"[A-Z][\w/ -]+( [A-Z])?", text), text
