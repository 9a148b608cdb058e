"""One subscriber's way out: whole runs of packets, joined per turn of the loop, queued within bounds if it is slow."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from jinqiao.gateway.broker.grant import Grant

from .congestion import Congestion
from .dispatcher import Dispatcher
from .message import Letter, Message, Style
from .runs import AcknowledgedRun
from .window import Window, letters_of, size_of

__all__ = ["Outbox", "Writer"]

#: MQTT 3.1.1, no limits of its own: what nearly everybody has.
_PLAIN = Style()

#: A turn's bytes are written early beyond this: a thousand publishers may write to one subscriber in one turn.
_BURST_BYTES = 1 << 20
#: Runs at least this long on average are handed over as they are; shorter ones are joined, a buffer each costs more.
_LONG_RUN_BYTES = 16 << 10
#: Answers (PUBACK, SUBACK, PINGRESP) may not wait without end either. 65,535 PUBACKs are 256 KiB: whoever has four
#: times that unread is not listening.
_ANSWER_BYTES = 1 << 20


#: PUBREL's fixed header.
_PUBREL = b"\x62\x02"


class Writer(Protocol):
    """The part of asyncio.WriteTransport that is used here."""

    def write(self, data: bytes, /) -> None: ...

    def writelines(self, data: list[bytes], /) -> None: ...

    def get_write_buffer_size(self) -> int: ...

    def set_write_buffer_limits(self, high: int) -> None: ...


class Outbox:
    """A subscriber's queue. While the socket takes what it gets (`paused` is false), nothing stays here after a turn.

    `held` counts the bytes that wait: runs that the socket has no room for, QoS 1 messages beyond the window. What the
    window keeps of those on their way counts for all subscribers together, not for this one, which it bounds itself. A
    `lasting` one outlives its connection: it keeps QoS 1 and 2 messages until `inherit` of the next one takes them.
    `progressed` is called when it comes nearer to having nothing `unfinished`, if somebody asked for that.
    """

    __slots__ = (
        "_answers",
        "_backlog",
        "_dispatcher",
        "_kept",
        "_pending",
        "_pending_bytes",
        "_pending_messages",
        "_writer",
        "congestion",
        "held",
        "identity",
        "lasting",
        "name",
        "paused",
        "progressed",
        "style",
        "window",
        "window_size",
    )

    def __init__(self, dispatcher: Dispatcher, writer: Writer, name: str = "") -> None:
        self.name = name
        #: The client's, for No Local.
        self.identity = ""
        self.lasting = False
        self.style = _PLAIN
        self.window_size = dispatcher.limits.unacknowledged
        self.held = 0
        self.paused = False
        self.window: Window | None = None
        self.congestion: Congestion | None = None
        self.progressed: Callable[[], None] | None = None
        self._dispatcher = dispatcher
        self._writer: Writer | None = writer
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._pending_messages = 0
        self._backlog: deque[tuple[bytes, int]] | None = None
        self._answers = 0
        self._kept = 0

    def send(self, run: bytes, messages: int) -> None:
        """Queue a run of QoS 0 packets, or drop it whole if the subscriber is too far behind."""
        # Whatever is sent later than it came in calls this function by its class, past those that count in between.
        if self.paused:
            if self._writer is None:
                return
            if self._make_room(len(run)):
                self._hold(run, messages)
            else:
                self._dispatcher.counters.drop(self.name, messages)
            return
        if not self._pending:
            self._dispatcher.enter(self)
        self._pending.append(run)
        self._pending_messages += messages
        self._pending_bytes += len(run)
        if self._pending_bytes > _BURST_BYTES:
            self.flush()

    def send_acknowledged(self, run: AcknowledgedRun) -> None:
        """Send a run of QoS 1 packets as far as the window goes; the rest waits, or is dropped if too much does."""
        window, size = self._window(), len(run.data)
        if not self._make_room(size):
            self._dispatcher.counters.drop(self.name, len(run))
            return
        window.waiting.append((run, 0))
        self._occupy(size)
        self._send_waiting(window)

    def post(self, message: Message, grant: Grant, *, kept: bool = False) -> None:
        """Send one message in this subscriber's own form. `kept`: it is a retained one, sent for the subscription."""
        if grant.no_local and message.sender == self.identity:
            return
        qos = min(message.qos if self.progressed is None else message.qos or 1, grant.qos)
        if not qos and self._writer is None:
            return
        if not self._make_room(message.size):
            self._dispatcher.counters.drop(self.name, 1)
            return
        letter = Letter(message, qos, message.retain and (kept or grant.retain_as_published), grant.identifiers)
        if qos:
            window = self._window()
            window.waiting.append((letter, 0))
            self._occupy(message.size)
            self._send_waiting(window)
        else:
            packet = self.style.encode(letter, self._dispatcher.now)
            if packet:
                Outbox.send(self, packet, 1)

    def release(self, packet_id: int) -> bool:
        """PUBREC came: whether there is such a message on its way at QoS 2."""
        return self.window is not None and self.window.release(packet_id)

    def finish(self, packet_id: int) -> None:
        """PUBCOMP came, or a PUBREC that refuses."""
        if self.window is not None:
            self.window.finish(packet_id)
            self._send_waiting(self.window)
            if self.progressed is not None:
                self.progressed()

    def acknowledge(self, packet_ids: Iterable[int]) -> None:
        """PUBACKs came from the subscriber."""
        window = self.window
        if window is not None:
            if window.acknowledge(packet_ids):
                self._progress()
            self._send_waiting(window)
            if self.progressed is not None:
                self.progressed()

    def answer(self, packet: bytes) -> bool:
        """Send an answer to the peer's own request; false when it leaves too many unread."""
        if self.paused:
            self._answers += len(packet)
            if self._answers > _ANSWER_BYTES:
                return False
        self._send_anyhow(packet, 0)
        return True

    def flush(self) -> None:
        """Write what this turn has gathered."""
        pending, messages, size = self._pending, self._pending_messages, self._pending_bytes
        if not pending:
            return
        self._pending, self._pending_messages, self._pending_bytes = [], 0, 0
        if self._writer is None:
            return
        counters = self._dispatcher.counters
        counters.delivered += messages
        counters.bytes_out += size
        if len(pending) == 1:
            self._writer.write(pending[0])
        elif size > _LONG_RUN_BYTES * len(pending):
            self._writer.writelines(pending)
        else:
            self._writer.write(b"".join(pending))

    def pause(self) -> None:
        """The socket's buffer is full: from now on runs wait here."""
        self.paused = True
        if self._backlog is None:
            self._backlog = deque()
        pending, self._pending = self._pending, []
        if pending:
            # Written to in this turn and not flushed yet: the counts of single runs are not known any more.
            self._hold(b"".join(pending), self._pending_messages)
            self._pending_bytes = self._pending_messages = 0

    def resume(self) -> None:
        """The socket has room: write what waits, in portions, until it is full again."""
        self.paused = False
        self._progress()
        while self._backlog and not self.paused:
            run, messages = self._backlog.popleft()
            self._release(len(run))
            Outbox.send(self, run, messages)
            if not self._backlog:
                self._answers = 0
                self.flush()
        if self.progressed is not None:
            self.progressed()

    def report_progress(self, progressed: Callable[[], None]) -> None:
        """From now on `progressed` is called; to be done at the login. No message goes by unnoticed any more.

        What is granted at QoS 1 or more comes at that at least, and `paused` says whether the socket has everything.
        """
        self.progressed = progressed
        if self._writer is not None:
            # Not 0: with that, asyncio's TLS pauses and resumes by turns.
            self._writer.set_write_buffer_limits(1)

    @property
    def unfinished(self) -> int:
        """Messages that have not been acknowledged; if all have, those that the socket has not taken."""
        on_their_way = 0 if self.window is None else self.window.unfinished
        unsent = sum(messages for _, messages in self._backlog or ()) + self._pending_messages
        return on_their_way or unsent or int(self.paused)

    @property
    def connected(self) -> bool:
        return self._writer is not None

    def close(self) -> None:
        """The connection is gone, and what waited with it."""
        self._writer = None
        self._release(self.held)
        self._count_kept(0)
        self._relieve()
        self._backlog = self.window = None
        self._pending = []
        self.paused = False

    def detach(self) -> None:
        """The connection is gone, but not the session: keep what is not finished, and what waits for its turn."""
        window = self.window
        self.close()
        self.paused = True
        if window is not None:
            self.window = window
            window.withdraw()
            self._occupy(sum(size_of(*waiting) for waiting in window.waiting))

    def inherit(self, before: Outbox, max_qos: int) -> None:
        """Take over from the outbox of the connection before, and send what was not finished there (§ 4.4).

        What was waiting at a higher QoS than this connection may have is sent at that; a QoS 2 exchange goes on.
        """
        window, before.window = before.window, None
        before.close()
        if window is None:
            return
        if not max_qos:
            self._send_plainly(window)
            return
        self.window = window
        window.size = self.window_size
        own = self.style.particular
        for waiting, _ in window.waiting:
            if isinstance(waiting, Letter):
                waiting.qos = min(waiting.qos, max_qos)
        for index, (waiting, start) in enumerate(window.waiting):
            if isinstance(waiting, AcknowledgedRun) and not own:
                window.waiting[index] = (waiting.at_level(self.style.level), start)
        if own:
            window.waiting = deque(letter for waiting in window.waiting for letter in letters_of(*waiting))
        self._occupy(sum(size_of(*waiting) for waiting in window.waiting))
        for packet_id in window.qos2_sent:
            self._send_anyhow(_PUBREL + packet_id.to_bytes(2, "big"), 0)
        self._send_waiting(window)

    def withhold(self, keeps: Callable[[bytes], bool]) -> None:
        """Of what waits for its turn, or for the client, keep the messages whose topic `keeps` says so of."""
        window = self.window
        if window is None or not window.waiting:
            return
        kept: deque[tuple[AcknowledgedRun | Letter, int]] = deque()
        for waiting, start in window.waiting:
            letters = [(letter, 0) for letter, _ in letters_of(waiting, start) if keeps(letter.message.topic)]
            whole = len(letters) == len(waiting) - start
            kept.extend(((waiting, start),) if whole else letters)
        self._release(sum(size_of(*waiting) for waiting in window.waiting))
        window.waiting = kept
        self._occupy(sum(size_of(*waiting) for waiting in kept))

    def _send_plainly(self, window: Window) -> None:
        """Send all that waits at QoS 0, as new messages."""
        for waiting in window.waiting:
            for letter, _ in letters_of(*waiting):
                plain = Letter(letter.message, 0, letter.retain, letter.identifiers)
                packet = self.style.encode(plain, self._dispatcher.now)
                if packet and self._make_room(len(packet)):
                    self._send_anyhow(packet, 1)

    def look_for_progress(self) -> None:
        """Called now and then while publishers may wait."""
        if self.congestion is not None and self._writer is not None:
            limits = self._dispatcher.limits
            self.congestion.look(self._writer.get_write_buffer_size(), self._dispatcher.now, limits.stalled_after_s)

    def _send_waiting(self, window: Window) -> None:
        if self._writer is None:
            return
        while (taken := window.take()) is not None:
            if isinstance(taken, Letter):
                self._release(taken.message.size)
                packet = self.style.encode(taken, self._dispatcher.now)
                if packet:
                    self._send_anyhow(packet, 1)
                else:
                    window.forget(taken)
            else:
                packets, messages = taken
                self._release(len(packets))
                self._send_anyhow(packets, messages)
        self._count_kept(window.kept)

    def _count_kept(self, kept: int) -> None:
        if kept != self._kept:
            self._dispatcher.held += kept - self._kept
            self._kept = kept

    def _window(self) -> Window:
        if self.window is None:
            self.window = Window(self.window_size, self.lasting)
        return self.window

    def _send_anyhow(self, packet: bytes, messages: int) -> None:
        """For what may not be dropped and is bounded elsewhere: by the window, by `_ANSWER_BYTES`."""
        if self.paused:
            self._hold(packet, messages)
        else:
            Outbox.send(self, packet, messages)

    def _hold(self, run: bytes, messages: int) -> None:
        if self._backlog is not None:
            self._backlog.append((run, messages))
            self._occupy(len(run))

    def _make_room(self, size: int) -> bool:
        limits = self._dispatcher.limits
        if self._writer is None and not self.lasting:
            return False
        most = limits.queue_bytes if self._writer is not None else limits.offline_queue_bytes
        return self.held + size <= most and self._dispatcher.held + size <= limits.total_queue_bytes

    def _occupy(self, size: int) -> None:
        self.held += size
        dispatcher = self._dispatcher
        dispatcher.held += size
        if self.congestion is None and self.held > dispatcher.limits.high_water_bytes and self._writer is not None:
            self.congestion = Congestion(dispatcher.now)
            dispatcher.congested.add(self)

    def _release(self, size: int) -> None:
        self.held -= size
        self._dispatcher.held -= size
        # A quarter of the mark, so that publishers go on for a while before they have to wait again.
        if self.congestion is not None and self.held * 4 <= self._dispatcher.limits.high_water_bytes:
            self._relieve()

    def _progress(self) -> None:
        if self.congestion is not None:
            self.congestion.progress(self._dispatcher.now)

    def _relieve(self) -> None:
        congestion, self.congestion = self.congestion, None
        if congestion is not None:
            self._dispatcher.congested.discard(self)
            congestion.end()
