"""Parts of recordings for tests: a small fleet's samples, events and messages."""

from __future__ import annotations

from typing import Any

import numpy as np

from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Event
from jinqiao.gateway.recordings.parts import Events, Messages, Part, RecordedEvent, Samples
from jinqiao.wire.render.samples import fixed_point

__all__ = ["NOW_MS", "events", "flat", "fleet", "messages", "samples"]

NOW_MS = 1_795_333_508_413


def samples(group: str, at_ms: int, count: int = 3, *, seed: int = 0) -> Samples:
    """One sample of each of `count` vehicles."""
    random = np.random.default_rng(seed)
    columns: dict[str, Any] = {}
    for signal in SIGNALS.group(group):
        values = random.uniform(max(signal.low, -180), min(signal.high, 180), count).astype(signal.dtype)
        columns[signal.name] = fixed_point(values, signal).astype(signal.dtype)
    names = np.array([b"LBVHN3805PS%06d" % i for i in range(count)], "S17")
    sequence = np.arange(1, count + 1, dtype=np.uint32)
    return Samples(group, np.full(count, at_ms, np.int64), names, sequence, columns)


def events(at_ms: int) -> Events:
    event = Event(at_ms, 0, "charging:Plugged", {"Bay": 3, "Power": 11.5, "Station": "Lujiazui 陆家嘴"})
    return Events([RecordedEvent("LBVHN3805PS000001", 7, event)])


def messages(at_ns: int, count: int = 2) -> Messages:
    """Alink posts and bytes that are no text, a microsecond apart."""
    return Messages(
        at_ns + np.arange(count, dtype=np.int64) * 1000,
        [f"/sys/a1JinqiaoEV/car{i}/thing/event/property/post" for i in range(count)],
        [b'{"id":"%d","params":{}}' % i if i % 2 else bytes(range(256)) for i in range(count)],
        [i % 2 for i in range(count)],
        [False] * count,
    )


def fleet(seconds: int = 3, count: int = 3) -> list[Part]:
    """What a small run gives, in the order of time."""
    found: list[Part] = []
    for second in range(seconds):
        at = NOW_MS + 1000 * second
        found += [samples("core", at, count, seed=second), samples("detail", at, 1, seed=second), events(at)]
    return found


def flat(parts: Any) -> dict[str, list[Any]]:
    """Everything in parts as plain rows by kind, however the parts were cut."""
    rows: dict[str, list[Any]] = {}
    for part in parts:
        if isinstance(part, Samples):
            kept = rows.setdefault(part.group, [])
            columns = [(name, part.columns[name].tolist()) for name in sorted(part.columns)]
            for i in range(len(part)):
                values = {name: column[i] for name, column in columns}
                kept.append((int(part.time_ms[i]), bytes(part.device_names[i]), int(part.sequence[i]), values))
        elif isinstance(part, Events):
            rows.setdefault("events", []).extend(part.events)
        elif isinstance(part, Messages):
            rows.setdefault("messages", []).extend(
                zip(part.time_ns.tolist(), part.topics, part.payloads, part.qos, part.retain, strict=True)
            )
        else:
            rows.setdefault("can", []).extend(part)
    return rows
