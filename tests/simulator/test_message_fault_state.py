"""The state that message faults set: faults that meet, and what is left when one of them ends."""

import numpy as np
import pytest

from jinqiao.simulator.messages import MessageFaultState


def _rows(*rows: int) -> np.ndarray:
    return np.array(rows, np.intp)


def test_nothing_is_wrong_at_first() -> None:
    state = MessageFaultState(3)
    assert not state.any
    assert not state.lost.any()
    assert not state.malformed.any()


def test_the_greater_of_two_faults_counts_and_the_other_goes_on_when_it_ends() -> None:
    state = MessageFaultState(4)
    state.begin(_rows(0, 1), lost=0.2)
    state.begin(_rows(1, 2), lost=0.7)
    assert state.lost.tolist() == [0.2, 0.7, 0.7, 0.0]
    assert state.overlaps.tolist() == [1, 2, 1, 0]
    state.end(_rows(1, 2), lost=0.7)
    assert state.lost.tolist() == [0.2, 0.2, 0.0, 0.0]
    assert state.any
    state.end(_rows(0, 1), lost=0.2)
    assert not state.lost.any()
    assert not state.overlaps.any()
    assert not state.any


def test_of_malformed_payloads_the_last_one_counts() -> None:
    state = MessageFaultState(2)
    state.begin(_rows(0, 1), malformed=5, malformed_share=1.0)
    state.begin(_rows(1), malformed=2, malformed_share=0.5)
    assert state.malformed.tolist() == [5, 2]
    state.end(_rows(1), malformed=2, malformed_share=0.5)
    assert state.malformed.tolist() == [5, 5]


def test_every_change_is_counted() -> None:
    state = MessageFaultState(1)
    state.begin(_rows(0), duplicate=1.0)
    state.end(_rows(0), duplicate=1.0)
    assert state.changes == 2


def test_a_column_that_there_is_not_is_refused() -> None:
    with pytest.raises(KeyError):
        MessageFaultState(1).begin(_rows(0), missing=1.0)


def test_what_never_began_cannot_end() -> None:
    with pytest.raises(ValueError, match="no such fault"):
        MessageFaultState(1).end(_rows(0), lost=1.0)
