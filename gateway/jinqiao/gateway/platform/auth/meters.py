"""What each device has done lately, where the platform counts it: logins, shadow requests, logins of sub-devices."""

from __future__ import annotations

from jinqiao.wire.alink.limits import LOGINS_PER_MINUTE, SHADOW_PER_SECOND, SUB_LOGINS_PER_SECOND

__all__ = ["Logins", "ShadowRequests", "SubLogins"]


class _Recent:
    """When each device last did something; a tuple of at most `most` numbers per device."""

    most: int
    period_ms: int

    def __init__(self) -> None:
        self._at_ms: dict[str, tuple[int, ...]] = {}

    def admit(self, identity: str, now_ms: int, times: int = 1) -> bool:
        """Whether this device may do so once more, or so many times; counts it if so. A clock set back forgives."""
        recent = tuple(at for at in self._at_ms.get(identity, ()) if 0 <= now_ms - at < self.period_ms)
        allowed = len(recent) + times <= self.most
        self._at_ms[identity] = recent + (now_ms,) * times if allowed else recent
        return allowed


class Logins(_Recent):
    """Logins of each device during the last minute."""

    most, period_ms = LOGINS_PER_MINUTE, 60_000


class ShadowRequests(_Recent):
    """Messages of each device to its shadow during the last second."""

    most, period_ms = SHADOW_PER_SECOND, 1_000


class SubLogins(_Recent):
    """Logins of sub-devices over each gateway during the last second."""

    most, period_ms = SUB_LOGINS_PER_SECOND, 1_000
