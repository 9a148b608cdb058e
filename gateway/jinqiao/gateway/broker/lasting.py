"""Sessions whose clients are away: what they are subscribed to, what waits for them, the will that may still come.

MQTT 3.1.1 § 3.1.2.4 and 4.1, MQTT 5 § 3.1.2.11.2 and 3.1.3.2.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from jinqiao.gateway.broker.delivery.outbox import Outbox
from jinqiao.gateway.broker.delivery.timers import Timer, Timers

from .limits import Limits
from .subscriptions import Subscriptions

__all__ = ["AbsentSessions", "Lasting"]

#: The broker's clock may be this late: nothing may come before its time.
_COARSE_S = 0.25


@dataclass(slots=True, eq=False)
class Lasting:
    """What of a session outlives its connection; `qos2_received` are the client's own QoS 2 messages without PUBREL."""

    outbox: Outbox
    subscriptions: Subscriptions
    qos2_received: set[int] | None
    will: Callable[[], object] | None = None
    timers: list[Timer] = field(default_factory=list)


class AbsentSessions:
    """By identity. Bounded in number: beyond it the one ends that has been away for longest."""

    def __init__(self, limits: Limits, timers: Timers, on_end: Callable[[str], object]) -> None:
        self._limits = limits
        self._timers = timers
        self._on_end = on_end
        self._sessions: dict[str, Lasting] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def keep(self, identity: str, lasting: Lasting, now: float, expiry_s: float, will_delay_s: float) -> None:
        """The client has gone. Its will is sent after the delay or with the end of the session, whatever is first."""
        self._sessions[identity] = lasting
        lasting.timers.append(self._timers.at(now + expiry_s + _COARSE_S, lambda: self.end(identity)))
        if not will_delay_s:
            _send_will(lasting)
        elif lasting.will is not None and will_delay_s < expiry_s:
            lasting.timers.append(self._timers.at(now + will_delay_s + _COARSE_S, lambda: _send_will(lasting)))
        if len(self._sessions) > self._limits.offline_sessions:
            self.end(next(iter(self._sessions)))

    def identities(self) -> list[str]:
        """Whose sessions are kept."""
        return list(self._sessions)

    def get(self, identity: str) -> Lasting | None:
        """The session of a client that is away."""
        return self._sessions.get(identity)

    def resume(self, identity: str) -> Lasting | None:
        """The client is back: its session, if there is one; its will is not sent [MQTT5-3.1.3-9]."""
        lasting = self._sessions.pop(identity, None)
        if lasting is not None:
            for timer in lasting.timers:
                self._timers.cancel(timer)
            lasting.timers.clear()
        return lasting

    def end(self, identity: str) -> None:
        """The session is over: forget it, and send its will if that has not been sent."""
        lasting = self.resume(identity)
        if lasting is None:
            return
        lasting.subscriptions.end()
        lasting.outbox.close()
        self._on_end(identity)
        _send_will(lasting)


def _send_will(lasting: Lasting) -> None:
    will, lasting.will = lasting.will, None
    if will is not None:
        will()
