"""`jinqiao bench recordings`: MCAP and Parquet written and read, a replay flat out, and how late a paced one is.

Peers of the same run: mcap's own writer and reader on the same messages, and a bare event loop that only sleeps.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.gateway.config import FleetConfig, Ports, ServiceConfig
from jinqiao.gateway.recordings.channels import CHANNELS, descriptor_set
from jinqiao.gateway.recordings.files import create, open_recording
from jinqiao.gateway.recordings.parts import MS, Info, Messages, Part, Samples
from jinqiao.wire.render import PostRenderer
from jinqiao.wire.render.samples import sample_layout, write_samples

from ..recordings.lateness import Lateness
from ..recordings.replay import Replay, ReplayOptions
from ..run.child import GatewayProcess
from ..run.outside import OutsideBroker
from .machine import machine
from .render import core_batch

__all__ = ["bench_recordings"]

_PRODUCT_KEY = "a1JinqiaoEV"
_HOUSE = "bench-replay"
_PACED_PER_S = 10_000
_ROUNDS = 3


async def bench_recordings(vehicles: int, batches: int, seconds: int) -> dict[str, Any]:
    """The figures; raises EnvironmentFault when a process of the benchmark fails."""
    names = np.array([b"LBVHN3805PS%06d" % i for i in range(vehicles)], "S17")
    parts: list[Part] = []
    for turn in range(batches):
        batch = core_batch(vehicles, turn)
        sequence = np.full(vehicles, turn + 1, np.uint32)
        # All in WGS 84, so that each sample has its position beside it.
        columns = {**batch.signals, "coordinate_system": np.ones(vehicles, np.uint8)}
        parts.append(Samples("core", batch.time_ms, names, sequence, columns))
    count = vehicles * batches
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        found: dict[str, Any] = {}
        for kind in ("mcap", "parquet"):
            paths = [folder / f"{turn}.{kind}" for turn in range(_ROUNDS)]
            found[f"{kind}_written_per_s"] = _best(count, [partial(_write, path, parts) for path in paths])
            found[f"{kind}_read_per_s"] = _best(count, [partial(_read, paths[0])] * _ROUNDS)
            files = paths[0].rglob("*.parquet") if paths[0].is_dir() else [paths[0]]
            found[f"{kind}_bytes_per_sample"] = round(sum(file.stat().st_size for file in files) / count)
        found |= _peer(folder, parts[0])
        found["mcap_ratio"] = round(found["mcap_written_per_s"] / found["peer_mcap_written_per_s"], 1)
        found["mcap_messages_read_by_peer"], found["mcap_messages"] = _judge(folder / "0.mcap"), 2 * count
        found["replay"] = await _replays(folder, folder / "0.parquet", names, seconds)
    return {**found, "samples": count, "machine": machine()}


def _best(count: int, rounds: Sequence[Callable[[], None]]) -> int:
    """Samples per second of processor time, in the best round."""
    rates = []
    for act in rounds:
        began = time.process_time()
        act()
        rates.append(count / (time.process_time() - began))
    return round(max(rates))


def _write(path: Path, parts: list[Part]) -> None:
    sink = create(path, Info(_PRODUCT_KEY))
    for part in parts:
        sink.write(part)
    sink.close()


def _read(path: Path) -> None:
    for _ in open_recording(path).parts():
        pass


def _peer(folder: Path, part: Part) -> dict[str, int]:
    """mcap's own writer, given ready messages: the telemetry alone, without positions."""
    from mcap.writer import Writer

    assert isinstance(part, Samples)
    layout = sample_layout("core", tuple(part.columns), part.device_names.dtype.itemsize)
    rows = np.empty((len(part), len(layout)), np.uint8)
    rows[:] = np.frombuffer(layout.template, np.uint8)
    write_samples(rows.view(layout.places)[:, 0], layout, part.time_ms, part.device_names, part.sequence, part.columns)
    messages, at = [row.tobytes() for row in rows], int(part.time_ns[0])
    channel = CHANNELS["core"]
    began = time.process_time()
    with (folder / "peer.mcap").open("wb") as file:
        writer: Any = Writer(file)
        writer.start()
        schema = writer.register_schema(channel.schema, "protobuf", descriptor_set(channel.message))
        number = writer.register_channel(channel.topic, "protobuf", schema)
        for message in messages:
            writer.add_message(number, at, message, at)
        writer.finish()
    return {"peer_mcap_written_per_s": round(len(messages) / (time.process_time() - began))}


def _judge(path: Path) -> int:
    """How many messages mcap's own reader reads, checksums and all."""
    from mcap.reader import make_reader

    with path.open("rb") as file:
        return sum(1 for _ in make_reader(file, validate_crcs=True).iter_messages(log_time_order=False))


async def _replays(folder: Path, parquet: Path, names: NDArray[np.bytes_], seconds: int) -> dict[str, Any]:
    """To a broker in a process of its own, as the house's simulator; first flat out, then paced."""
    gateway = await GatewayProcess.spawn()
    password = secrets.token_urlsafe(16)
    try:
        await gateway.configure(
            ServiceConfig(
                ports=Ports(mqtt=0),
                rates="real",
                fleet=FleetConfig(_PRODUCT_KEY, secrets.token_hex(16), ("app", password), (_HOUSE, password)),
            ),
            names,
        )
        broker = OutsideBroker("127.0.0.1", gateway.mqtt_port, False, _HOUSE, password)
        flat_out = await _replay(ReplayOptions(parquet, broker, speed=None, quiet=True))
        live = folder / "live.mcap"
        _write(live, _live(names[:1000], seconds))
        paced = await _replay(ReplayOptions(live, broker, quiet=True))
        received = (await gateway.stats()).get("received", {})
    finally:
        await gateway.close()
    return {
        "flat_out_per_s": flat_out["messages_per_s"],
        "paced_per_s": paced["messages_per_s"],
        "paced_late_ms": paced["late_ms"],
        "bare_loop_late_ms": await _bare_loop(seconds),
        "sent": flat_out["sent"] + paced["sent"],
        "received": sum(received.values()),
    }


async def _replay(options: ReplayOptions) -> dict[str, Any]:
    replay = Replay(options)
    report = await replay.go(lambda _: None)
    if replay.fault is not None:
        raise replay.fault
    return report


def _live(names: NDArray[np.bytes_], seconds: int) -> list[Part]:
    """Alink posts as a live recording has them: one every tenth of a millisecond."""
    posts = PostRenderer(_PRODUCT_KEY, names)
    batch = core_batch(len(names), 0)
    payloads = [block.payload(row) for block in posts.blocks(batch) for row in range(len(block))]
    topics = [f"/sys/{_PRODUCT_KEY}/{name.decode()}/thing/event/property/post" for name in names.tolist()]
    plain, gap = [0] * len(names), 1_000_000_000 // _PACED_PER_S
    return [
        Messages(
            batch.time_ms * MS + (start + np.arange(len(names))) * gap, topics, payloads, plain, [False] * len(names)
        )
        for start in range(0, seconds * _PACED_PER_S, len(names))
    ]


async def _bare_loop(seconds: int) -> dict[str, float]:
    """What this machine's scheduler and the event loop's timers cost by themselves: a sleep every millisecond."""
    late = Lateness()
    began = time.perf_counter()
    for number in range(1, min(seconds, 5) * 1000):
        due = began + number / 1000
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        late.add(time.perf_counter() - due, 1)
    return late.as_json()
