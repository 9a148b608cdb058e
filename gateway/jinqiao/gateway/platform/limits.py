"""What the platform allows one device: messages a second, bytes a second, logins a minute.

Figures of Alibaba Cloud IoT Platform, "Limits" (device connections). Beyond them messages are dropped and logged
(9324) with no error on the wire.
"""

from __future__ import annotations

from jinqiao.gateway.mqtt.policy import Rates

__all__ = [
    "DEVICE_RATES",
    "LOGINS_PER_MINUTE",
    "SHADOW_PER_SECOND",
    "SUB_LOGINS_PER_SECOND",
    "Logins",
    "ShadowRequests",
    "SubLogins",
]

DEVICE_RATES = Rates(up_qos0=30, up_qos1=10, down=50, bytes_per_s=1_024 * 1_024, down_unacknowledged=100)
LOGINS_PER_MINUTE = 5

#: Requests to its shadow a device may make in a second (document 53942, limits). Unlike the rates above it is a
#: limit of a service, which answers.
SHADOW_PER_SECOND = 20

#: Sub-devices that may log in over one gateway in a second ("Limits", gateways); more are answered with 429.
SUB_LOGINS_PER_SECOND = 200


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
