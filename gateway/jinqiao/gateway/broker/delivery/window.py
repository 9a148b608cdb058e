"""QoS 1 and 2 to one subscriber: what is on its way, and what waits for its turn (MQTT 3.1.1 § 4.3.2, 4.3.3, 4.4).

A QoS 1 PUBLISH differs between publisher and subscriber in its packet identifier alone, and any identifier will do that
is not in use there [MQTT-2.3.1-2, 4]. So the publisher's own is kept wherever it is free, and runs of QoS 1 go out in
slices as runs of QoS 0 do. Only where two publishers chose the same identifier a packet gets another one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from .message import Letter
from .runs import AcknowledgedRun

__all__ = ["Window", "letters_of", "size_of"]

_MAX_PACKET_ID = 65_535
#: Bytes that runs may gather, kept for what may have to be sent again, before that is cut out of them.
_KEPT_BYTES = 1 << 20


class Window:
    """At most `size` unfinished messages; runs and letters beyond it wait in order.

    With `lasting` it can tell after the loss of the connection what has to be sent again [MQTT-4.4.0-1]: `kept` is how
    many bytes that takes, messages that are finished and not cleared away yet included.
    """

    __slots__ = ("_next_id", "_sent", "_tidied", "in_flight", "kept", "qos2_sent", "size", "waiting")

    def __init__(self, size: int, lasting: bool = False) -> None:
        self.size = size
        self.in_flight: set[int] = set()
        #: Of these the ones at QoS 2, with whether they have come to PUBREL.
        self.qos2_sent: dict[int, bool] = {}
        #: What was not sent yet, each with the index of its first message that waits.
        self.waiting: deque[tuple[AcknowledgedRun | Letter, int]] = deque()
        #: What was sent, oldest first: letters, and runs with the first and last of their packets and new identifiers.
        self._sent: list[Letter | tuple[AcknowledgedRun, int, list[int]]] | None = [] if lasting else None
        self.kept = 0
        #: What was kept when it was last tidied.
        self._tidied = 0
        # From above, since publishers count from 1: fewer of theirs are in use.
        self._next_id = _MAX_PACKET_ID

    @property
    def lasting(self) -> bool:
        return self._sent is not None

    @property
    def unfinished(self) -> int:
        """Messages that are on their way or wait for their turn."""
        return len(self.in_flight) + sum(len(waiting) - index for waiting, index in self.waiting)

    def acknowledge(self, packet_ids: Iterable[int]) -> bool:
        """PUBACKs came; whether they were for anything on its way."""
        before = len(self.in_flight)
        if self.qos2_sent:
            packet_ids = [packet_id for packet_id in packet_ids if packet_id not in self.qos2_sent]
        self.in_flight.difference_update(packet_ids)
        if self._sent is not None:
            self._tidy(self._sent)
        return len(self.in_flight) < before

    def release(self, packet_id: int) -> bool:
        """PUBREC came: from now on only PUBREL is sent again [MQTT-4.3.3-1]; false if nothing of this name was sent."""
        if packet_id not in self.qos2_sent:
            return False
        self.qos2_sent[packet_id] = True
        return True

    def finish(self, packet_id: int) -> None:
        """PUBCOMP came, or a PUBREC that refuses."""
        if self.qos2_sent.pop(packet_id, None) is not None:
            self.in_flight.discard(packet_id)
            if self._sent is not None:
                self._tidy(self._sent)

    def forget(self, letter: Letter) -> None:
        """This one, the last one taken, was not sent after all."""
        if self._sent:
            self._sent.pop()
            self.kept -= letter.message.size
        self.in_flight.discard(letter.packet_id)
        self.qos2_sent.pop(letter.packet_id, None)

    def take(self) -> tuple[bytes, int] | Letter | None:
        """The next packets that may go and how many they are, or a letter, entered as unfinished; None if none may."""
        free = self.size - len(self.in_flight)
        if free <= 0 or not self.waiting:
            return None
        run, index = self.waiting.popleft()
        if isinstance(run, Letter):
            return self._take_letter(run)
        stop = min(index + free, len(run))
        if stop < len(run):
            self.waiting.appendleft((run, stop))
        named = run.ids[index:stop]
        ids = set(named)
        if len(ids) == stop - index and ids.isdisjoint(self.in_flight):
            self.in_flight |= ids
            packets = run.data[run.start(index) : run.ends[stop - 1]]
        else:
            named = [self._free_id() for _ in named]
            packets = b"".join(run.renamed(index + i, packet_id) for i, packet_id in enumerate(named))
        if self._sent is not None:
            self._sent.append((run, index, named))
            self.kept += run.ends[stop - 1] - run.start(index)
        return packets, stop - index

    def withdraw(self) -> None:
        """The connection is lost: what was not finished waits again, in front, marked as sent before [MQTT-3.3.1-1]."""
        letters = self._unfinished(self._sent or [])
        for letter in letters:
            letter.duplicate = True
        # What has come to PUBREL stays on its way; the rest keeps its identifiers [MQTT-4.4.0-1], but not its place.
        self.in_flight = {packet_id for packet_id, released in self.qos2_sent.items() if released}
        self.qos2_sent = dict.fromkeys(self.in_flight, True)
        self.waiting.extendleft((letter, 0) for letter in reversed(letters))
        self._sent = []
        self.kept = self._tidied = 0

    def _take_letter(self, letter: Letter) -> Letter:
        if letter.packet_id and letter.packet_id not in self.in_flight:
            self.in_flight.add(letter.packet_id)
        else:
            letter.packet_id = self._free_id()
        if letter.qos == 2:
            self.qos2_sent[letter.packet_id] = False
        if self._sent is not None:
            self._sent.append(letter)
            self.kept += letter.message.size
        return letter

    def _tidy(self, sent: list[Letter | tuple[AcknowledgedRun, int, list[int]]]) -> None:
        """Keep no more than what may have to be sent again."""
        if not self.in_flight:
            sent.clear()
            self.kept = self._tidied = 0
        elif len(sent) > 2 * self.size + 16 or self.kept > self._tidied + _KEPT_BYTES:
            letters = self._unfinished(sent)
            sent[:] = letters
            self.kept = self._tidied = sum(letter.message.size for letter in letters)

    def _unfinished(self, sent: list[Letter | tuple[AcknowledgedRun, int, list[int]]]) -> list[Letter]:
        """Of what was sent that which has not come to PUBACK or PUBREC, in order.

        An identifier may have been used twice: the later use is the one on its way.
        """
        left = {packet_id for packet_id in self.in_flight if not self.qos2_sent.get(packet_id)}
        found: list[Letter] = []
        for entry in reversed(sent):
            if isinstance(entry, Letter):
                if entry.packet_id in left:
                    left.discard(entry.packet_id)
                    found.append(entry)
                continue
            run, index, named = entry
            for i in range(len(named) - 1, -1, -1):
                if named[i] in left:
                    left.discard(named[i])
                    letter = Letter(run.message(index + i), 1)
                    letter.packet_id = named[i]
                    found.append(letter)
        found.reverse()
        return found

    def _free_id(self) -> int:
        packet_id = self._next_id
        while packet_id in self.in_flight:
            packet_id = packet_id - 1 or _MAX_PACKET_ID
        self._next_id = packet_id - 1 or _MAX_PACKET_ID
        self.in_flight.add(packet_id)
        return packet_id


def size_of(waiting: AcknowledgedRun | Letter, index: int) -> int:
    """Bytes of what waits from message `index` on."""
    return waiting.message.size if isinstance(waiting, Letter) else len(waiting.data) - waiting.start(index)


def letters_of(waiting: AcknowledgedRun | Letter, index: int) -> Iterator[tuple[Letter, int]]:
    """One by one what waits."""
    if isinstance(waiting, Letter):
        yield waiting, 0
    else:
        for i in range(index, len(waiting)):
            yield Letter(waiting.message(i), 1), 0
