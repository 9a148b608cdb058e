"""Messages for consumer groups on the disk: what outlives the process, and what devices' acknowledgements wait for."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.gateway.forwarding.bounds import Bounds
from jinqiao.gateway.forwarding.disk_thread import DiskThread
from jinqiao.gateway.forwarding.groups import Groups
from jinqiao.gateway.forwarding.keeping import Keeping
from jinqiao.gateway.forwarding.segment import CAPACITY, Segment, read_segment
from support.examples import examples
from support.queues import Taker, World, messages, texts


@pytest.fixture
def world() -> World:
    return World()


def groups_in(folder: Path, world: World, bounds: Bounds | None = None) -> Groups:
    """What a process that begins finds there."""
    return Groups(world.clock, bounds, folder)


def left_in(folder: Path, world: World) -> list[tuple[bytes, int]]:
    """What a new process delivers of group g1, and how often each may have been delivered before."""
    taker = Taker()
    taker.join(groups_in(folder, world).create("g1"))
    world.turn()
    return [(body, tries) for _, body, tries in taker.got]


def test_what_waits_outlives_the_process_and_what_was_delivered_is_marked(world: World, tmp_path: Path) -> None:
    groups = groups_in(tmp_path, world)
    group = groups.create("g1")
    for number in range(10):
        groups.put("g1", messages(b"m%d" % number))
        world.turn()
    taker = Taker()
    member = taker.join(group, 6)
    world.turn()
    member.accept(0, 1)
    member.accept(4, 4)
    # The process is killed here: nothing is closed.
    assert left_in(tmp_path, world) == [
        (b"m2", 1),
        (b"m3", 1),
        (b"m5", 1),
        (b"m6", 0),
        (b"m7", 0),
        (b"m8", 0),
        (b"m9", 0),
    ]


@settings(deadline=None, max_examples=examples(60))
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 1), st.integers(0, 12), st.integers(0, 4)), max_size=40))
def test_a_kill_at_any_moment_loses_nothing_and_marks_exactly_what_was_delivered(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, int, int]]
) -> None:
    world, folder = World(), tmp_path_factory.mktemp("forwarding")
    groups = groups_in(folder, world, Bounds(segment_bytes=300))
    group = groups.create("g1")
    takers = [Taker("c1"), Taker("c2")]
    members = [group.join(taker) for taker in takers]
    put = 0
    for kind, whom, number, count in steps:
        if kind <= 2:
            groups.put("g1", messages(*texts(range(put, put + count + 1))))
            put += count + 1
        elif kind == 3:
            members[whom].credit(number)
        elif kind == 4:
            members[whom].accept(number, number + count)
        elif kind == 5:
            members[whom].release(number, number + count, failed=bool(count % 2), undeliverable=count > 2)
        elif kind == 6:
            world.pass_s(number * 3, group)
        else:
            members[whom].leave()
            takers.append(Taker())
            members[whom] = group.join(takers[-1])
        world.turn()
    status = group.status()
    delivered = {body for taker in takers for body in taker.texts}
    found = left_in(folder, world)
    assert len(found) == len({body for body, _ in found}) == status.accumulated == put - status.acknowledged
    assert all(body in set(texts(range(put))) for body, _ in found)
    for body, tries in found:
        assert (tries > 0) == (body in delivered)


def test_what_simulated_vehicles_say_does_not(world: World, tmp_path: Path) -> None:
    groups = groups_in(tmp_path, world)
    groups.create("g1")
    groups.put("g1", messages("simulated"), passing=True)
    groups.put("g1", messages("real"))
    groups.put("g1", messages("simulated too"), passing=True)
    world.turn()
    assert left_in(tmp_path, world) == [(b"real", 0)]


def test_tries_go_on_over_restarts(world: World, tmp_path: Path) -> None:
    groups = groups_in(tmp_path, world)
    groups.create("g1")
    groups.put("g1", messages("m"))
    world.turn()
    assert [left_in(tmp_path, world) for _ in range(3)] == [[(b"m", 0)], [(b"m", 1)], [(b"m", 2)]]


@settings(deadline=None, max_examples=examples(25))
@given(
    st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=4), min_size=1, max_size=6),
    st.integers(0, 2_000),
    st.binary(max_size=30),
)
def test_a_file_that_ends_anywhere_yields_its_whole_records(
    tmp_path_factory: pytest.TempPathFactory, records: list[list[bytes]], cut: int, garbage: bytes
) -> None:
    path = tmp_path_factory.mktemp("segment") / "00000001"
    segment = Segment(path)
    ends = [segment.size]
    for record in records:
        segment.append(messages(*record))
        ends.append(segment.size)
    file = path.with_suffix(".messages")
    data = file.read_bytes()
    kept = min(cut, len(data))
    file.write_bytes(data[:kept] + garbage)
    found = [stored.messages.single_at(n) for stored in read_segment(path)[1] for n in range(len(stored.messages))]
    whole = sum(end <= kept for end in ends[1:])
    flat = [body for record in records[:whole] for body in record]
    if garbage and kept < len(data) and data[kept : kept + len(garbage)] == garbage:
        assert found[: len(flat)] == flat  # the garbage is what was cut
    else:
        assert found == flat


@settings(deadline=None, max_examples=examples(25))
@given(
    st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=4), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 1_000), st.binary(min_size=1, max_size=4)), min_size=1, max_size=3),
)
def test_a_file_that_is_damaged_anywhere_yields_the_records_before_that(
    tmp_path_factory: pytest.TempPathFactory, records: list[list[bytes]], damage: list[tuple[int, bytes]]
) -> None:
    path = tmp_path_factory.mktemp("segment") / "00000001"
    segment = Segment(path)
    for record in records:
        segment.append(messages(*record))
    file = path.with_suffix(".messages")
    original = file.read_bytes()
    data = bytearray(original)
    for at, octets in damage:
        at %= len(data)
        data[at : at + len(octets)] = octets[: len(data) - at]
    file.write_bytes(data)
    found = [stored.messages.single_at(n) for stored in read_segment(path)[1] for n in range(len(stored.messages))]
    flat = [body for record in records for body in record]
    assert found == flat[: len(found)]
    assert (found == flat) == (data == original)


def test_a_damaged_end_is_cut_off_and_reported(world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    groups = groups_in(tmp_path, world)
    groups.create("g1")
    for number in range(3):
        groups.put("g1", messages(b"m%d" % number))
        world.turn()
    (file,) = tmp_path.rglob("*.messages")
    with file.open("rb+") as writer:
        writer.seek(-1, os.SEEK_END)
        writer.write(b"X")
    with caplog.at_level(logging.WARNING):
        assert left_in(tmp_path, world) == [(b"m0", 0), (b"m1", 0)]
    assert "cut off" in caplog.text
    caplog.clear()
    assert [body for body, _ in left_in(tmp_path, world)] == [b"m0", b"m1"]
    assert caplog.text == ""


@pytest.mark.parametrize("damage", ["removed", "short"])
def test_where_marks_are_lost_messages_come_again_marked(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    groups = groups_in(tmp_path, world)
    groups.create("g1")
    groups.put("g1", messages("m0", "m1"))
    world.turn()
    (file,) = tmp_path.rglob("*.marks")
    if damage == "removed":
        file.unlink()
    else:
        os.truncate(file, 100)
    assert left_in(tmp_path, world) == [(b"m0", 1), (b"m1", 1)]
    assert str(file) in caplog.text


def test_a_segment_that_cannot_be_read_costs_itself(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    groups = groups_in(tmp_path, world)
    groups.create("g1")
    groups.put("g1", messages("m"))
    world.turn()
    (file,) = tmp_path.rglob("*.messages")
    file.with_name("00000000.messages").mkdir()
    assert left_in(tmp_path, world) == [(b"m", 0)]
    assert "cannot be read" in caplog.text


def test_half_a_segment_is_removed_and_does_not_stand_in_the_way(world: World, tmp_path: Path) -> None:
    groups = groups_in(tmp_path, world)
    groups.create("g1")
    groups.put("g1", messages("m0"))
    world.turn()
    (folder,) = tmp_path.iterdir()
    (folder / "00000002.marks").write_bytes(b"")
    (folder / "00000004.messages").write_bytes(b"JQ")
    groups = groups_in(tmp_path, world)
    groups.create("g1")
    for number in (1, 2):
        groups.put("g1", messages(b"m%d" % number))
        world.turn()
    assert [body for body, _ in left_in(tmp_path, world)] == [b"m0", b"m1", b"m2"]
    assert not (folder / "00000002.marks").exists()


def test_a_full_disk_is_reported_and_the_next_segment_is_tried_again(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    groups = groups_in(tmp_path, world)
    group = groups.create("g1")
    called: list[str] = []
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:5]) and full())

    def full() -> int:
        raise OSError(28, "No space left on device")

    groups.put("g1", messages("lost by a kill"))
    groups.keeping.then(lambda: called.append("never"))
    world.turn()
    monkeypatch.undo()
    assert "No space left" in caplog.text
    groups.put("g1", messages("kept"))
    groups.keeping.then(lambda: called.append("kept"))
    world.turn()
    assert called == ["kept"]
    assert group.status().accumulated == 2
    assert left_in(tmp_path, world) == [(b"kept", 0)]


def test_half_a_record_is_taken_back_where_the_disk_is_full(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = groups_in(tmp_path, world)
    groups.create("g1")
    groups.put("g1", messages("first"))
    world.turn()
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        write(descriptor, data[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    groups.put("g1", messages("lost by a kill"))
    world.turn()
    monkeypatch.undo()
    groups.put("g1", messages("second"))
    world.turn()
    assert [body for body, _ in left_in(tmp_path, world)] == [b"first", b"second"]


def test_files_are_private_and_go_when_all_in_them_is_acknowledged(world: World, tmp_path: Path) -> None:
    groups = groups_in(tmp_path / "forwarding", world, Bounds(segment_bytes=2_000))
    group = groups.create("../g1")
    (folder,) = (tmp_path / "forwarding").iterdir()
    for number in range(20):
        groups.put("../g1", messages(b"%0900d" % number))
        world.turn()
    assert folder.stat().st_mode & 0o777 == 0o700
    files = list(folder.iterdir())
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert len(files) == 2 * 7
    taker = Taker()
    member = taker.join(group)
    world.turn()
    member.accept(0, 15)
    assert len(list(folder.iterdir())) == 2 * 2
    groups.delete("../g1")
    assert not folder.exists()


def test_files_are_bounded_even_where_each_holds_a_message_that_nobody_takes(world: World, tmp_path: Path) -> None:
    groups = groups_in(tmp_path, world, Bounds(segment_bytes=2_000, disk_bytes=10_000))
    group = groups.create("g1")
    taker = Taker()
    member = taker.join(group)
    for number in range(40):
        groups.put("g1", messages(b"%0900d" % number))
        world.turn()
        if number % 2:
            member.accept(number, number)
        else:
            member.release(number, number, undeliverable=True)
            world.turn()
    group.tick()
    assert sum(file.stat().st_size for file in tmp_path.rglob("*.messages")) <= 10_000
    status = group.status()
    assert status.overflowed > 0
    assert status.acknowledged + status.overflowed + status.accumulated == 40
    assert len(left_in(tmp_path, world)) == status.accumulated


def test_more_messages_than_a_segment_holds_at_once(world: World, tmp_path: Path) -> None:
    groups = groups_in(tmp_path, world)
    groups.create("g1")
    groups.put("g1", messages(*texts(range(CAPACITY + 5))))
    world.turn()
    assert groups_in(tmp_path, world).create("g1").status().accumulated == CAPACITY + 5
    assert len(list(tmp_path.rglob("*.messages"))) == 2


def test_a_group_that_is_closed_keeps_what_came_in_its_last_turn(world: World, tmp_path: Path) -> None:
    groups = groups_in(tmp_path, world)
    groups.create("g1")
    groups.put("g1", messages("last"))
    groups.close()
    assert left_in(tmp_path, world) == [(b"last", 0)]


# What acknowledgements wait for.


class Disk:
    """A disk that syncs when the test says so."""

    def __init__(self) -> None:
        self.begun: list[tuple[Callable[[], None], Callable[[OSError | None], None]]] = []

    def work(self, act: Callable[[], None], done: Callable[[OSError | None], None]) -> None:
        self.begun.append((act, done))

    def finish(self, error: OSError | None = None) -> None:
        act, done = self.begun.pop(0)
        act()
        done(error)


class File:
    def __init__(self) -> None:
        self.synced = 0

    def sync(self) -> None:
        self.synced += 1


def test_acknowledgements_wait_for_the_disk_in_their_order_and_only_for_what_came_before(world: World) -> None:
    disk, file, called = Disk(), File(), []
    keeping = Keeping(world.clock.soon, disk.work)
    keeping.then(lambda: called.append(0))
    assert called == [0]
    keeping.expect(lambda: [file])
    keeping.then(lambda: called.append(1))
    world.turn()
    assert (called, file.synced) == ([0], 0)
    keeping.then(lambda: called.append(2))  # while the disk works: behind the first
    disk.finish()
    assert (called, file.synced) == ([0, 1], 1)
    world.turn()
    assert called == [0, 1, 2]
    assert not keeping.behind
    assert not disk.begun


def test_where_the_disk_fails_nobody_is_acknowledged_and_that_is_said_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    disk, called = Disk(), []
    keeping = Keeping(world.clock.soon, disk.work)

    def fails() -> list[File]:
        raise OSError("no space")

    for _ in range(2):
        keeping.expect(fails)
        keeping.then(lambda: called.append("never"))
        world.turn()
    keeping.expect(lambda: [File()])
    keeping.then(lambda: called.append("never"))
    world.turn()
    disk.finish(OSError("I/O error"))
    assert called == []
    assert len(caplog.records) == 1
    keeping.expect(lambda: [File()])
    keeping.then(lambda: called.append("kept"))
    world.turn()
    disk.finish()
    assert called == ["kept"]


def test_a_put_is_written_before_it_is_delivered_and_synced_before_it_is_acknowledged(
    world: World, tmp_path: Path
) -> None:
    disk = Disk()
    groups = Groups(world.clock, folder=tmp_path, disk=disk)  # type: ignore[arg-type]
    disk.aside = lambda act: act()  # type: ignore[attr-defined]
    group = groups.create("g1")
    taker = Taker()
    taker.join(group)
    called: list[str] = []
    groups.put("g1", messages("m"))
    assert groups.keeping.behind
    groups.keeping.then(lambda: called.append("acknowledged"))
    world.turn()
    assert taker.texts == [b"m"]
    assert called == []
    disk.finish()
    assert called == ["acknowledged"]
    groups.put("g1", messages("simulated"), passing=True)
    assert not groups.keeping.behind


@pytest.mark.asyncio
async def test_the_disk_is_waited_for_in_a_thread() -> None:
    disk, threads = DiskThread(), []
    done: asyncio.Future[OSError | None] = asyncio.get_running_loop().create_future()

    def fails() -> None:
        threads.append(threading.current_thread())
        raise OSError("no")

    disk.work(fails, done.set_result)
    assert isinstance(await done, OSError)
    disk.aside(lambda: threads.append(threading.current_thread()))
    disk.close()
    disk.aside(lambda: threads.append(threading.current_thread()))
    assert threads[0] is threads[1] is not threads[2]


WRITER = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from support.examples import examples
from support.queues import Taker, World, messages
from jinqiao.gateway.forwarding.groups import Groups

world, taker, number = World(), Taker(), 0
groups = Groups(world.clock, folder=Path(sys.argv[1]))
group = groups.create("g1")
member = taker.join(group)
settled = 0
while True:
    for _ in range(50):
        groups.put("g1", messages(b"m%d" % number))
        groups.keeping.then(lambda number=number: print("kept", number, flush=True))
        number += 1
        if number % 7 == 0:
            world.turn()
    while settled + 20 < len(taker.got):
        print("settles", *(body.decode() for body in taker.texts[settled : settled + 3]), flush=True)
        member.accept(settled, settled + 2)
        settled += 3
"""


@pytest.mark.program
def test_a_killed_process_loses_nothing_that_was_acknowledged_and_marks_what_it_had_delivered(
    world: World, tmp_path: Path
) -> None:
    script = WRITER.format(tests=str(Path(__file__).parent.parent))
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.split())
            if len(lines) == 3_000:
                process.kill()
        process.wait()
    lines.pop()  # perhaps not whole
    kept = {b"m%s" % line[1].encode() for line in lines if line[0] == "kept"}
    settled = {body.encode() for line in lines if line[0] == "settles" for body in line[1:]}
    found = left_in(tmp_path, world)
    bodies = [body for body, _ in found]
    assert len(bodies) == len(set(bodies))
    assert kept <= set(bodies) | settled
    # Everything was delivered at once: all that is delivered again is marked, but for what was never delivered.
    last = max(int(body[1:]) for body in settled)
    for body, tries in found:
        assert tries or int(body[1:]) > last
    assert np.mean([body in settled for body in bodies]) < 0.05
