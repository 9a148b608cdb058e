"""The thread behind a bounded queue: order, lots, bounds in samples, patience, and its ends."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from jinqiao.gateway.stores.worker import Worker


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_lots_keep_the_order_and_their_size() -> None:
    lots: list[list[int]] = []
    worker: Worker[int] = Worker("w", lambda lot: lots.append(list(lot)), capacity=1_000, lot=10)
    for number in range(25):
        assert worker.offer(number, 4)
    assert worker.offer(99, 50)
    worker.start()
    assert worker.close(5, 5)
    assert [number for lot in lots for number in lot] == [*range(25), 99]
    assert [len(lot) for lot in lots] == [2] * 12 + [1, 1]
    assert worker.held == 0


def test_few_samples_wait_for_more_a_while() -> None:
    lots: list[list[int]] = []
    worker: Worker[int] = Worker("w", lambda lot: lots.append(list(lot)), capacity=1_000, lot=100, least=10, tick_s=0.3)
    worker.start()
    began = time.monotonic()
    worker.offer(1, 4)
    worker.offer(2, 4)
    until(lambda: bool(lots))
    assert lots == [[1, 2]]
    assert time.monotonic() - began >= 0.25
    worker.offer(3, 4)
    worker.offer(4, 8)
    until(lambda: len(lots) == 2)
    worker.offer(5, 1)
    assert worker.close(5, 5)
    assert lots == [[1, 2], [3, 4], [5]]


def test_what_finds_no_room_is_dropped_but_an_empty_queue_takes_anything() -> None:
    worker: Worker[str] = Worker("w", lambda _: None, capacity=100, lot=10)
    assert worker.offer("huge", 5_000)
    assert not worker.offer("more", 1)
    assert (worker.offered, worker.dropped, worker.held) == (5_001, 1, 5_000)
    worker.start()
    assert worker.close(5, 5)


def test_patience_is_for_a_worker_that_gets_on() -> None:
    gate = threading.Event()
    worker: Worker[int] = Worker("w", lambda _: gate.wait(5) and None, capacity=10, lot=10)
    worker.start()
    assert worker.offer(1, 10)
    worker.stuck = True
    began = time.monotonic()
    assert not asyncio.run(worker.offer_patiently(2, 10, 60))
    assert time.monotonic() - began < 30
    worker.stuck = False
    assert not asyncio.run(worker.offer_patiently(3, 10, 0.05))
    threading.Timer(0.05, gate.set).start()
    assert asyncio.run(worker.offer_patiently(4, 10, 60))
    assert worker.close(5, 5)
    assert worker.dropped == 20


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("a mistake of ours")])
def test_a_fault_ends_the_worker_and_nobody_else(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Sequence[int]) -> None:
        raise error

    worker: Worker[int] = Worker("the store", fail, capacity=100, lot=10)
    worker.start()
    worker.offer(1, 5)
    until(lambda: bool(worker.fault))
    assert str(error.args[-1]) in worker.fault
    assert not worker.offer(2, 5)
    assert worker.close(5, 5)
    assert "the store stops, the run goes on without it" in caplog.text


def test_whoever_makes_no_progress_is_left_to_itself() -> None:
    entered, given_up = threading.Event(), threading.Event()

    def wait(_: Sequence[int]) -> None:
        entered.set()
        while worker.pause(0.01):
            pass
        given_up.set()

    worker: Worker[int] = Worker("w", wait, capacity=100, lot=10)
    worker.start()
    worker.offer(1, 5)
    assert entered.wait(5)
    assert not worker.close(0.05, 60)
    assert given_up.wait(5)


def test_signs_of_life_are_waited_for_but_not_for_ever() -> None:
    def work(_: Sequence[int]) -> None:
        while worker.pause(0.01):
            worker.beats += 1

    worker: Worker[int] = Worker("w", work, capacity=100, lot=10)
    worker.start()
    worker.offer(1, 5)
    began = time.monotonic()
    assert not worker.close(0.1, 0.6)
    assert time.monotonic() - began >= 0.6


def test_ticks_come_though_nothing_else_does() -> None:
    ticked = threading.Event()
    worker: Worker[int] = Worker("w", lambda _: None, capacity=1, lot=1, tick=ticked.set, tick_s=0.01)
    worker.start()
    assert ticked.wait(5)
    assert worker.close(5, 5)
