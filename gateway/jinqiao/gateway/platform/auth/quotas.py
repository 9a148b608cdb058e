"""What each device has done lately, where the platform counts it: logins, shadow requests, logins of sub-devices."""

from __future__ import annotations

from collections.abc import Callable

from jinqiao.wire.alink.limits import DEVICE_RATES, LOGINS_PER_MINUTE, SHADOW_PER_SECOND, SUB_LOGINS_PER_SECOND

from ..registry.registry import Device
from .rates import RatesOf

__all__ = ["Logins", "Quotas", "ShadowRequests", "SubLogins"]


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


class HttpPosts:
    """Messages of each device over HTTP during the last second, and their bytes."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[tuple[int, int], ...]] = {}

    def admit(self, identity: str, now_ms: int, size: int) -> bool:
        """Whether this device may send so many bytes more; counts them if so. A clock set back forgives."""
        recent = tuple(each for each in self._of.get(identity, ()) if 0 <= now_ms - each[0] < 1_000)
        sent = sum(each[1] for each in recent)
        allowed = len(recent) < DEVICE_RATES.up_qos0 and sent + size <= DEVICE_RATES.bytes_per_s
        self._of[identity] = (*recent, (now_ms, size)) if allowed else recent
        return allowed


class Quotas:
    """Whether a device may do something once more; counts it if so.

    `rates` says whose: simulated vehicles at ten times the speed say ten times as much, so with "real" they are let be.
    """

    def __init__(self, rates: RatesOf, now_ms: Callable[[], int]) -> None:
        self._rates, self._now_ms = rates, now_ms
        self._logins, self._shadow_requests, self._sub_logins = Logins(), ShadowRequests(), SubLogins()
        self._http_posts = HttpPosts()

    def is_limited(self, device: Device) -> bool:
        """Whether rates are kept for this device."""
        return self._rates == "all" or (self._rates == "real" and not device.product.devices.simulated)

    def admits_login(self, device: Device) -> bool:
        """A login in this minute."""
        return not self.is_limited(device) or self._logins.admit(device.identity, self._now_ms())

    def admits_http(self, device: Device, size: int) -> bool:
        """A message of so many bytes over HTTP in this second, of a device without a connection by MQTT."""
        return not self.is_limited(device) or self._http_posts.admit(device.identity, self._now_ms(), size)

    def admits_shadow(self, device: Device) -> bool:
        """A message to its shadow in this second."""
        return not self.is_limited(device) or self._shadow_requests.admit(device.identity, self._now_ms())

    def admits_sub_logins(self, gateway: Device, count: int) -> bool:
        """So many sub-devices more logging in over a gateway in this second."""
        return not self.is_limited(gateway) or self._sub_logins.admit(gateway.identity, self._now_ms(), count)
