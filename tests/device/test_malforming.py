"""Where messages are spoilt: whom it strikes, what it leaves alone, and that nothing but the messages decides it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jinqiao.base.keyed import Draws
from jinqiao.base.telemetry import Batch, Event, Step
from jinqiao.device.malforming import Malforming
from jinqiao.device.outbound import Outbound, Sent
from jinqiao.simulator.messages import MessageFaultState
from jinqiao.wire.crossing import read_crossing
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.render import StepRenderer
from jinqiao.wire.render.malformed import KIND, NUMBERS
from jinqiao.wire.render.said import Said
from support.telemetry import NOW_MS, batch, names

KEY, COUNT = "a1JinqiaoEV", 40
NAMES = np.array([name.encode() for name in names(COUNT)])
KEYS = Draws.of(7, [("all", COUNT)]).keys


def rows(*some: int) -> np.ndarray:
    return np.array(some, np.intp)


class Run:
    """Vehicles that say steps, some of which are struck."""

    def __init__(self, protobuf: np.ndarray | None = None) -> None:
        self.state = MessageFaultState(COUNT)
        self.renderer = StepRenderer(KEY, NAMES, NAMES, protobuf)
        self.malforming = Malforming(self.state, self.renderer, lambda some: KEYS[some])

    def strike(self, kind: Any, *struck: int, share: float = 1.0) -> None:
        self.state.begin(rows(*struck), malformed=NUMBERS[kind], malformed_share=share)

    def say(self, step: Step) -> Said:
        return self.malforming.take(self.renderer.say(step))


def spoilt_of(said: Said) -> list[tuple[int, int, bytes]]:
    return [(packet.time_ms, packet.vehicle, packet.data) for packet in said.events if packet.kind == KIND]


def turn(number: int) -> Step:
    parts = (batch(COUNT, number), batch(COUNT, number, "detail")) if number % 2 else (batch(COUNT, number),)
    return Step(NOW_MS + 1000 * number, parts, (Event(NOW_MS + 1000 * number, 5, "TripFinished", {}),))


def joined(steps: list[Step]) -> Step:
    """The same as one stretch."""
    found = []
    for group in ("core", "detail"):
        several = [one for step in steps for one in step.batches if one.group == group]
        columns = {name: np.concatenate([one.signals[name] for one in several]) for name in several[0].signals}
        times, who = (np.concatenate([getattr(one, name) for one in several]) for name in ("time_ms", "vehicles"))
        found.append(Batch(times, group, who, columns))
    return Step(steps[-1].until_ms, tuple(found), tuple(event for step in steps for event in step.events))


def test_nothing_is_touched_while_nothing_is_wrong() -> None:
    run = Run()
    said = run.renderer.say(turn(0))
    assert run.malforming.take(said) is said
    run.state.begin(rows(1), lost=0.5)
    assert run.malforming.take(said) is said
    run.strike("empty", 7)
    alone = run.renderer.say(Step(NOW_MS, (batch(5),)))
    assert run.malforming.take(alone) is alone


def test_those_who_are_struck_are_taken_out_and_nobody_else() -> None:
    run = Run()
    run.strike("empty", 2, 5)
    said = run.say(turn(1))
    assert [vehicle for _, vehicle, _ in spoilt_of(said)] == [2, 5, 2, 5]
    for one in said.batches:
        assert set(range(COUNT)) - set(one.batch.vehicles.tolist()) == {2, 5}
    # Numbers go on as if nothing had happened.
    (after,) = run.renderer.say(turn(2)).batches
    assert sorted(set(after.ids.tolist())) == [3, 5]
    assert (after.ids[2], after.ids[5]) == (3, 5)  # who had two events is two further


def test_a_share_of_the_messages_is_struck() -> None:
    run = Run()
    run.strike("truncated", *range(COUNT), share=0.25)
    struck = sum(len(spoilt_of(run.say(Step(NOW_MS, (batch(COUNT, number),))))) for number in range(50))
    assert 400 < struck < 600  # 500 of 2,000 expected, standard deviation 19


def test_it_is_all_one_how_many_seconds_are_taken_together() -> None:
    single, together = Run(), Run()
    for run in (single, together):
        run.strike("truncated", *range(COUNT), share=0.3)
    steps = [turn(number) for number in range(4)]
    apart = [packet for step in steps for packet in single.say(step).events]
    assert apart == together.say(joined(steps)).events


def test_a_sample_is_spoilt_where_the_way_has_a_sense_there() -> None:
    run = Run(np.arange(COUNT) < 20)
    run.strike("nan", 3, 30)
    assert [vehicle for _, vehicle, _ in spoilt_of(run.say(turn(0)))] == [30]
    run.strike("oversize", 3, 30)
    assert [vehicle for _, vehicle, _ in spoilt_of(run.say(turn(0)))] == [30, 3]


# On their way.


@dataclass
class Shared:
    written: list[bytes] = field(default_factory=list)

    async def send(self, data: memoryview | bytes) -> None:
        self.written.append(bytes(data))


def test_they_cross_in_packets_that_are_never_too_long_and_are_counted_and_digested() -> None:
    run, shared = Run(), Shared()
    out = Outbound(shared, None, Sent(), crossing=True)  # type: ignore[arg-type]
    run.strike("oversize", *range(COUNT))
    said = run.say(turn(0))
    asyncio.run(out.send(run.renderer, said))
    found = []
    for data in shared.written:
        edges = frame(data, 0)
        assert edges is not None
        assert len(data) < 5 << 20
        found += read_crossing(data[edges[0] :])[0]
    assert found == said.events
    assert out.sent.published == {KIND: COUNT, "event_post": 1}
    plain = Outbound(Shared(), None, Sent())  # type: ignore[arg-type]
    asyncio.run(plain.send(run.renderer, said))
    assert plain.sent.digest.hexdigest() == out.sent.digest.hexdigest()
    assert plain.sent.published == out.sent.published
    other = Outbound(Shared(), None, Sent())  # type: ignore[arg-type]
    asyncio.run(other.send(run.renderer, Run().say(turn(0))))
    assert other.sent.digest.hexdigest() != out.sent.digest.hexdigest()
