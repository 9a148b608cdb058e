"""Processes that must not meet, as when several workers of the tests make the same environment."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from jinqiao.base.system import alone


def test_one_is_inside_at_a_time(tmp_path: Path) -> None:
    inside, most = 0, 0

    def enter() -> None:
        nonlocal inside, most
        for _ in range(20):
            with alone(tmp_path / "folder" / "lock"):
                inside += 1
                most = max(most, inside)
                time.sleep(0.001)
                inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_the_lock_is_free_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), alone(tmp_path / "lock"):
        raise ZeroDivisionError
    with alone(tmp_path / "lock"):
        pass
