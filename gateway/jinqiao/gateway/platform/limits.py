"""What the platform allows one device: messages a second, bytes a second, logins a minute.

Figures of Alibaba Cloud IoT Platform, "Limits" (device connections). Beyond them messages are dropped and logged
(9324) with no error on the wire.
"""

from __future__ import annotations

from jinqiao.gateway.mqtt.policy import Rates

__all__ = ["DEVICE_RATES", "LOGINS_PER_MINUTE", "Logins"]

DEVICE_RATES = Rates(up_qos0=30, up_qos1=10, down=50, bytes_per_s=1_024 * 1_024, down_unacknowledged=100)
LOGINS_PER_MINUTE = 5

_MINUTE_MS = 60_000


class Logins:
    """When each device logged in during the last minute; a tuple of five numbers at most per device."""

    def __init__(self) -> None:
        self._at_ms: dict[str, tuple[int, ...]] = {}

    def admit(self, identity: str, now_ms: int) -> bool:
        """Whether this device may log in once more; counts it if so. A clock set back forgives."""
        recent = tuple(at for at in self._at_ms.get(identity, ()) if 0 <= now_ms - at < _MINUTE_MS)
        allowed = len(recent) < LOGINS_PER_MINUTE
        self._at_ms[identity] = (*recent, now_ms) if allowed else recent
        return allowed
