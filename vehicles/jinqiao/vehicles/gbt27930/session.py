"""A session on the bus: both tables of `phases` played out, frame by frame, with arbitration.

Time is microseconds from the moment the plug is in. A frame waits for the bus, the lowest identifier goes first, and
its stamp is when it has arrived, as a logger would write it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

from jinqiao.base.errors import InputError
from jinqiao.base.words import did_you_mean

from .car import Car
from .endings import ENDINGS, FOLLOWS
from .messages import ADDRESS, BY_GROUP, MESSAGES, Message, Side, parse_id
from .phases import PHASES, START, TESTED, Next
from .says import values_of
from .transport import (
    CM,
    CTS,
    DT,
    END,
    RTS,
    Assembly,
    clear_to_send,
    end_of_message,
    packets,
    request_to_send,
    transport_id,
)

__all__ = ["BusFrame", "Session", "Silence", "frame_us"]

_SECOND = 1_000_000
#: 250 kbit/s (6.3), and the bits of a frame with 29-bit identifier: 67 around the data, one stuffed in ten or so.
_BIT_US, _FRAME_BITS, _STUFFED_FROM = 4, 67, 54
#: Between the packets of a long message, and before an answer of the transport (J1939-21: at most 200 ms).
_PACKET_US, _ANSWER_US = 5_000, 2_000
#: A transfer without an answer is given up (J1939-21, T3).
_GIVE_UP_US = 1_250_000

_ERROR: Mapping[Side, str] = {"charger": "CEM", "bms": "BEM"}


def frame_us(length: int) -> int:
    """How long a frame of `length` data bytes keeps the bus, microseconds."""
    return (_FRAME_BITS + 8 * length + (_STUFFED_FROM + 8 * length) // 10) * _BIT_US


class BusFrame(NamedTuple):
    """One frame as a logger sees it."""

    time_us: int
    id: int
    data: bytes


class Silence(NamedTuple):
    """A side that falls silent when it comes to a phase, after some seconds in it."""

    side: Side
    phase: str
    after_s: float = 0.0


@dataclass(slots=True)
class _Party:
    """One side: its phase since when, what it heard when, its transfers."""

    side: Side
    phase: str
    turn: int = 0  # of phases: what was arranged in an earlier one does not count any more
    since_us: int = 0
    leaving: bool = False
    heard_us: dict[str, int] = field(default_factory=dict)
    sending: tuple[Message, bytes, int] | None = None
    incoming: Assembly | None = None
    silent: bool = False
    ending: Mapping[str, Any] = field(default_factory=dict)


class Session:
    """One charge from plug to statistics. `frames` plays it once.

    `stop` ends it before its target: (why, a key of `ENDINGS`; seconds of charging). `silence` lets one side fall
    silent. `start` is the first phase of each side, `insulation_s` how long the charger tests its insulation.
    `end` and `fall_silent` do the same at any time between two calls of `until`. Afterwards `failed` says who gave up
    and what it had waited for.
    """

    def __init__(
        self,
        charge: Car,
        *,
        start: Mapping[Side, str] = START,
        insulation_s: float | None = None,
        stop: tuple[str, float] | None = None,
        silence: Silence | None = None,
        began: datetime | None = None,
    ) -> None:
        if stop is not None and stop[0] not in ENDINGS:
            raise InputError(
                f"stop: no ending {stop[0]!r}{did_you_mean(stop[0], ENDINGS)}, there are {', '.join(ENDINGS)}"
            )
        self.charge = charge
        self.failed: dict[Side, str] = {}
        self._stop, self._silence = stop, silence
        self._parties: dict[Side, _Party] = {side: _Party(side, start[side]) for side in ("charger", "bms")}
        self._insulation_s = insulation_s
        self._begun = False
        self._now = 0
        self._numbers = count()
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._waiting: list[tuple[int, int, bytes]] = []  # for the bus, by identifier
        self._free_us = 0
        self._arrived: list[BusFrame] = []
        self._charging = False
        if began is not None:
            charge.clock = lambda: began + timedelta(microseconds=self._now)

    def frames(self) -> Iterator[BusFrame]:
        """Every frame of the session, in order of time."""
        return self.until(None)

    def until(self, time_us: int | None) -> Iterator[BusFrame]:
        """The frames that are not returned yet and arrive before `time_us`; all for None."""
        if not self._begun:
            self._begun = True
            for party in self._parties.values():
                self._enter(party, party.phase)
        while not self.over and (time_us is None or self._due[0][0] < time_us):
            self._now, _, act = heapq.heappop(self._due)
            act()
            yield from self._arrived
            self._arrived.clear()
        if time_us is not None:
            self._now = max(self._now, time_us)

    @property
    def over(self) -> bool:
        """Whether nothing more will be said."""
        spoken = all(party.silent or party.phase == "over" for party in self._parties.values())
        return self._begun and (spoken or not self._due)

    def fall_silent(self, side: Side) -> None:
        """One side says nothing any more, as if it had lost its supply."""
        self._fall_silent(self._parties[side])

    # Time and bus.

    def _at(self, time_us: int, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (time_us, next(self._numbers), act))

    def _in_turn(self, party: _Party, time_us: int, act: Callable[[], None]) -> None:
        """Only if the party is then still in the phase it is in now."""
        turn = party.turn
        self._at(time_us, lambda: act() if party.turn == turn and not party.silent else None)

    def _put(self, party: _Party, identifier: int, data: bytes) -> None:
        if not party.silent:
            heapq.heappush(self._waiting, (identifier, next(self._numbers), data))
            self._at(max(self._now, self._free_us), self._next_frame)

    def _next_frame(self) -> None:
        if self._now < self._free_us or not self._waiting:
            return
        identifier, _, data = heapq.heappop(self._waiting)
        self._free_us = self._now + frame_us(len(data))
        self._at(self._free_us, lambda: self._arrive(identifier, data))
        self._at(self._free_us, self._next_frame)

    def _arrive(self, identifier: int, data: bytes) -> None:
        self._arrived.append(BusFrame(self._now, identifier, data))
        _, group, destination, _ = parse_id(identifier)
        party = self._parties["charger" if destination == ADDRESS["charger"] else "bms"]
        if party.silent:
            return
        if group == CM:
            self._connection(party, data)
        elif group == DT:
            self._packet(party, data)
        else:
            self._hear(party, BY_GROUP[group], data)

    # Phases.

    def _enter(self, party: _Party, name: str) -> None:
        party.phase, party.since_us, party.leaving = name, self._now, False
        party.turn += 1
        party.heard_us.clear()
        phase = PHASES[party.side][name]
        silence = self._silence
        if silence is not None and (silence.side, silence.phase) == (party.side, name):
            if not silence.after_s:
                self._fall_silent(party)
                return
            self._in_turn(party, self._now + round(silence.after_s * _SECOND), lambda: self._fall_silent(party))
        for said in phase.says:
            self._say(party, MESSAGES[said])
        for awaited, limit_s in phase.within_s.items():
            self._watch(party, awaited, round(limit_s * _SECOND))
        if phase.lasts_s is not None:
            self._in_turn(party, self._now + round(phase.lasts_s * _SECOND), lambda: self._enter(party, "over"))
        self._look_at_the_charge()

    def _fall_silent(self, party: _Party) -> None:
        party.silent = True
        self._look_at_the_charge()

    def _say(self, party: _Party, message: Message) -> None:
        """Say it now and then in its period."""
        data = message.pack(values_of(self.charge, message.name, PHASES[party.side][party.phase].result, party.ending))
        if len(data) <= 8:
            self._put(party, message.id, data)
        elif party.sending is None or self._now - party.sending[2] >= _GIVE_UP_US:
            party.sending = (message, data, self._now)
            self._put(party, transport_id(CM, party.side), request_to_send(message, len(data)))
        self._in_turn(party, self._now + message.period_ms * 1000, lambda: self._say(party, message))

    def _watch(self, party: _Party, awaited: str, limit_us: int) -> None:
        last = party.heard_us.get(awaited, party.since_us)
        if self._now - last >= limit_us:
            self._fail(party, awaited)
        else:
            self._in_turn(party, last + limit_us, lambda: self._watch(party, awaited, limit_us))

    def _fail(self, party: _Party, awaited: str) -> None:
        name = {"CRM": "CRM_00", "CRM:AA": "CRM_AA"}.get(awaited, awaited.removesuffix(":AA"))
        self.failed[party.side] = name
        fields = MESSAGES[_ERROR[party.side]].fields
        party.ending = {part: {name: 1} for part, twos in fields.items() if name in getattr(twos, "names", ())}
        self._enter(party, "failed")

    def _hear(self, party: _Party, message: Message, data: bytes) -> None:
        if message.name in _ERROR.values():
            self._enter(party, "over")
            return
        name = f"{message.name}:AA" if message.name in {"CRM", "BRO", "CRO"} and data[0] == 0xAA else message.name
        party.heard_us[name] = self._now
        following = PHASES[party.side][party.phase].hears.get(name)
        if following is not None and not party.leaving:
            if following.phase == "stopping" and not party.ending:
                party.ending = FOLLOWS[party.side]
            self._leave(party, following)

    def _leave(self, party: _Party, following: Next) -> None:
        party.leaving = True
        work_s = following.work_s
        if (party.side, following.phase) == TESTED and self._insulation_s is not None:
            work_s = self._insulation_s
        self._in_turn(party, self._now + round(work_s * _SECOND), lambda: self._enter(party, following.phase))

    # The charge itself.

    def _look_at_the_charge(self) -> None:
        """Current flows while both sides are charging."""
        flows = all(party.phase == "charging" and not party.silent for party in self._parties.values())
        if flows and not self._charging:
            self._charging = True
            if self._stop is not None:
                why, after_s = self._stop
                self._at(self._now + round(after_s * _SECOND), lambda: self.end(why))
            self._charge_on()
        elif self._charging and not flows:
            self._charging = False
            self.charge.stop()

    def _charge_on(self) -> None:
        if not self._charging:
            return
        part = self.charge.step()
        if part is None:
            self._at(self._now + _SECOND, self._charge_on)
        else:
            self._at(self._now + round(part * _SECOND), lambda: self.end("target"))

    def end(self, why: str) -> None:
        """End the charge for one of `ENDINGS`; nothing happens while no current flows."""
        side, ending = ENDINGS[why]
        party = self._parties[side]
        following = PHASES[side][party.phase].hears.get("stop")
        if following is not None and self._charging:
            party.ending = ending
            self._leave(party, following)

    # Transport.

    def _connection(self, party: _Party, data: bytes) -> None:
        if data[0] == RTS:
            party.incoming = Assembly.begun_by(data)
            message = BY_GROUP[party.incoming.group]
            self._later(party, transport_id(CM, party.side), clear_to_send(message, data[3]))
        elif data[0] == CTS and party.sending is not None:
            for number, packet in enumerate(packets(party.sending[1])):
                self._later(party, transport_id(DT, party.side), packet, number * _PACKET_US)
        elif data[0] == END:
            party.sending = None

    def _packet(self, party: _Party, data: bytes) -> None:
        incoming = party.incoming
        if incoming is None:
            return
        whole = incoming.take(data)
        if whole is not None:
            party.incoming = None
            message = BY_GROUP[incoming.group]
            self._later(party, transport_id(CM, party.side), end_of_message(message, len(whole)))
            self._hear(party, message, whole)

    def _later(self, party: _Party, identifier: int, data: bytes, after_us: int = 0) -> None:
        self._at(self._now + _ANSWER_US + after_us, lambda: self._put(party, identifier, data))
