"""What a handler needs of the platform around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from jinqiao.gateway.broker.policy import Downlink

if TYPE_CHECKING:
    from .calls import Calls
    from .devices.downloads import Downloads
    from .devices.remote_config import RemoteConfig
    from .devices.state import DeviceState
    from .devices.topology import Gateways
    from .devices.uploads import Uploads
    from .registry.registry import Device, Product, Registry

__all__ = ["House"]


class House(Protocol):
    """The platform as its handlers see it."""

    @property
    def registry(self) -> Registry:
        """Products and devices."""

    @property
    def calls(self) -> Calls:
        """The calls that wait for a device's answer."""

    @property
    def gateways(self) -> Gateways:
        """Which sub-device is bound to which gateway, and which are logged in."""

    @property
    def uploads(self) -> Uploads:
        """Files that devices are sending."""

    @property
    def downloads(self) -> Downloads:
        """Files for devices to fetch."""

    @property
    def base_url(self) -> str:
        """Where `downloads` are served, without a slash at the end."""

    @property
    def configs(self) -> dict[str, RemoteConfig]:
        """Remote configurations by product key."""

    def now_ms(self) -> int:
        """UTC milliseconds of the platform's clock."""

    def record(self, product_key: str, device_name: str, topic: str, code: int, message: str) -> None:
        """Write a refused or failed message into the device log."""

    def state(self, product_key: str, device_name: str) -> DeviceState:
        """What is remembered of a device; made if need be."""

    def versions(self, device: Device) -> Mapping[str, str]:
        """Software versions by OTA module."""

    def admits_shadow(self, device: Device) -> bool:
        """Whether a device may ask its shadow once more in this second; counts it if so."""

    def admits_sub_logins(self, gateway: Device, count: int) -> bool:
        """Whether so many sub-devices more may log in over a gateway in this second; counts them if so."""

    def known_state(self, device: Device) -> DeviceState | None:
        """The same, or None if nothing is remembered yet."""

    def keep(self, device: Device, kind: str) -> None:
        """One store of a device's state has changed and has to outlive the process."""

    def take_properties(
        self, device: Device, params: Mapping[str, Any], refused: Mapping[str, int], now_ms: int
    ) -> None:
        """Remember the values of a checked post that were not refused."""

    def take_event(
        self, device: Device, identifier: str, output: Mapping[str, Any], time_ms: int | None, now_ms: int
    ) -> None:
        """Remember a checked event; without a time of its own it is of now."""

    def take_service(self, device: Device, identifier: str, call: str, given: str, output: str) -> None:
        """Remember a call of a service or its answer: input and output as JSON, empty for what is not known."""

    @property
    def send(self) -> Callable[[Downlink], None]:
        """Publishes a message that answers nothing."""

    def receive_for(self, device: Device, topic: str, payload: bytes) -> Iterable[Downlink]:
        """Act on a message as if the device had published it on that topic."""

    @property
    def on_change(self) -> Callable[[str, str, str, Any], None]:
        """Told of what belongs to no device's state and has to outlive the process."""

    def is_online(self, device: Device) -> bool:
        """Whether the device is connected, itself or by its gateway."""

    def is_disabled(self, identity: str) -> bool:
        """Whether this device may not connect."""

    @property
    def close_session(self) -> Callable[[str], None]:
        """Ends a device's own connection, if it has one."""

    def sub_device_came(self, gateway: Device, device: Device) -> None:
        """A sub-device logged in over its gateway's connection."""

    def sub_device_went(self, gateway: Device, device: Device) -> None:
        """Its session ended."""

    @property
    def reconsider(self) -> Callable[[str, str], None]:
        """Told when what an identity may publish and is pushed has changed, and its subscriptions about another."""

    def register(self, product: Product, device_name: str) -> Device:
        """Register a device that is not there yet; PlatformError if it cannot be."""
