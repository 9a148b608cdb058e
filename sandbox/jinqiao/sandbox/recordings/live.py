"""Live topics of a broker into a recording, until Ctrl-C, a limit, or a disk that is full."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.recordings.files import create, discard
from jinqiao.gateway.recordings.parts import Info, Sink

from ..early import ending_signals
from ..run.outside import OutsideBroker
from .listener import Listener

__all__ = ["record_live"]

_TAKE_EVERY_S = 0.25
_TELL_EVERY_S = 5.0


async def record_live(
    path: Path,
    broker: OutsideBroker,
    filters: Sequence[str],
    *,
    for_s: float | None,
    count: int | None,
    ready: Callable[[], None],
) -> tuple[dict[str, Any], EnvironmentFault | None]:
    """The report, and what ended the recording early if anything did. Raises before the first message only."""
    sink = create(path, Info("", {"source": f"{broker.host}:{broker.port}", "filters": " ".join(filters)}))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in ending_signals():
        loop.add_signal_handler(number, stop.set)
    listener = Listener(broker.address(), broker.username, broker.password, filters)
    try:
        await listener.open()
    except EnvironmentFault:
        await listener.close()
        sink.close()
        discard(path)  # the next attempt may have the name
        raise
    for refused in listener.refused:
        print(f"the broker refused the filter {refused}", file=sys.stderr)
    ready()
    recorded, fault = await _listen(listener, sink, stop, for_s, count)
    await listener.close()
    try:
        if fault is None:
            recorded += _write(sink, listener, None if count is None else count - recorded)
        await asyncio.to_thread(sink.close)
    except EnvironmentFault as error:
        fault = fault or error
    report = {
        "messages": sink.kept()["messages"],
        "lost_connections": listener.lost_connections,
        "overflowed": listener.overflowed,
        "refused_filters": listener.refused,
    }
    return report, fault


async def _listen(
    listener: Listener, sink: Sink, stop: asyncio.Event, for_s: float | None, count: int | None
) -> tuple[int, EnvironmentFault | None]:
    began = told = time.monotonic()
    recorded = told_count = 0
    while not stop.is_set():
        left = _TAKE_EVERY_S if for_s is None else min(_TAKE_EVERY_S, began + for_s - time.monotonic())
        if left <= 0 or (count is not None and recorded >= count):
            break
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), left)
        try:
            recorded += _write(sink, listener, None if count is None else count - recorded)
        except EnvironmentFault as fault:
            return recorded, fault
        now = time.monotonic()
        if now - told >= _TELL_EVERY_S:
            rate = (recorded - told_count) / (now - told)
            print(f"{recorded:,} messages, {rate:,.0f}/s", file=sys.stderr, flush=True)
            told, told_count = now, recorded
    return recorded, None


def _write(sink: Sink, listener: Listener, most: int | None) -> int:
    messages = listener.take()
    if most is not None and len(messages) > most:
        messages = messages.rows(slice(0, most))
    if len(messages):
        sink.write(messages)
    sink.tick()
    return len(messages)
