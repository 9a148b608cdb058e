"""What the platform remembers: devices' state, remote configurations, files; and what of it is to be kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any

import orjson

from jinqiao.base.signals import GROUPS, SIGNALS
from jinqiao.gateway.history.pages import NO_HISTORY, Past
from jinqiao.gateway.platform.registry.registry import Device, Registry

from .downloads import Downloads
from .ota import Firmware
from .remote_config import RemoteConfig
from .state import KINDS, DeviceState, Timed
from .topology import Gateways
from .uploads import Uploads

__all__ = ["Memory"]


def _unheeded(kind: str, product_key: str, device_name: str, value: Any) -> None:
    """Nothing is kept."""


def _forgotten(_: str, __: Set[bytes]) -> list[bytes]:
    """No broker is there to remember it."""
    return []


#: Property each telemetry group's post begins with: the first of its rows, without a member or an index.
_GROUP_MARKS = frozenset(SIGNALS.group(group)[0].property.encode() for group in GROUPS)


def read_posts(payloads: Iterable[bytes]) -> dict[str, Timed]:
    """The newest values in property posts of the house's own, in which each has its time; of equal times the first."""
    newest: dict[str, Timed] = {}
    for payload in payloads:
        for address, timed in orjson.loads(payload)["params"].items():
            if address not in newest or newest[address].time_ms < timed["time"]:
                newest[address] = Timed(timed["value"], timed["time"])
    return newest


class Memory:
    """The part of the platform that has no rules of its own."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.states: dict[str, DeviceState] = {}
        self.configs: dict[str, RemoteConfig] = {}
        self.gateways = Gateways()
        self.downloads = Downloads()
        self.uploads = Uploads()
        #: Firmwares that the cloud side knows, by product key and firmware id.
        self.firmwares: dict[tuple[str, str], Firmware] = {}
        #: Where the downloads are served; whoever serves them puts its own here.
        self.base_url = "http://127.0.0.1:8080"
        #: What the house's own simulator published last on a topic, a payload for each property that a post begins
        #: with. Whoever runs a broker puts its own here; all marks of the set found, it looks for no more.
        self.last_payloads: Callable[[str, Set[bytes]], Sequence[bytes]] = _forgotten
        #: Devices whose property values have changed since somebody last emptied this set. They are not kept one by
        #: one: a post is acknowledged without waiting for a disk.
        self.fresh_properties: set[str] = set()
        #: What devices said, for questions about it; whoever keeps it puts its own here.
        self.history: Past = NO_HISTORY
        #: Told of each change that has to outlive the process, before it is acknowledged: kind, product, device, value.
        self.on_change: Callable[[str, str, str, Any], None] = _unheeded

    def state(self, product_key: str, device_name: str) -> DeviceState:
        """What is remembered of a device; made if need be."""
        identity = f"{product_key}/{device_name}"
        state = self.states.get(identity)
        if state is None:
            state = self.states[identity] = DeviceState()
        return state

    def known_state(self, device: Device) -> DeviceState | None:
        """The same, or None if nothing is remembered yet."""
        return self.states.get(device.identity)

    def versions(self, device: Device) -> Mapping[str, str]:
        """Software versions by OTA module: what the device informed of, else what it left the factory with."""
        state = self.states.get(device.identity)
        factory = device.product.devices.factory_versions
        return {**factory, **state.versions} if state is not None else factory

    def last_values(self, device: Device) -> Mapping[str, Timed]:
        """The last accepted value of each property; of a simulated vehicle those of its last post of each group.

        Posts of simulated vehicles are not looked at on their way, so the last ones are read when somebody asks. One
        that has a connection of its own is treated like any other device.
        """
        if device.product.devices.simulated:
            posts = self.last_payloads(f"/sys/{device.identity}/thing/event/property/post", _GROUP_MARKS)
            if posts:
                return read_posts(posts)
        state = self.states.get(device.identity)
        return state.properties.last if state is not None else {}

    @property
    def keeps_history(self) -> bool:
        """Whether there is more of the past than the last values."""
        return self.history is not NO_HISTORY

    def keep(self, device: Device, kind: str) -> None:
        """One store of a device's state has changed and has to outlive the process."""
        value = self.state(device.product.key, device.name).dump_of(kind)
        self.on_change(kind, device.product.key, device.name, value)

    def restore(self, product_key: str, device_name: str, values: Mapping[str, Any]) -> None:
        """Remember what was kept: of a device by kind, or of a product when there is no device name."""
        if not device_name:
            self._restore_product(product_key, values)
            return
        state = self.states[f"{product_key}/{device_name}"] = DeviceState.load(values)
        device = self.registry.device(product_key, device_name)
        if state.gateway and device is not None:
            self.gateways.bind(state.gateway, device)

    def _restore_product(self, product_key: str, values: Mapping[str, Any]) -> None:
        config = values.get("config")
        if config:
            content = config["content"].encode() if config["content"] is not None else None
            path = self.downloads.offer(content, "config") if content is not None else ""
            self.configs[product_key] = RemoteConfig(config["enabled"], content, path)

    def forget_state(self, device: Device) -> None:
        """Nothing is remembered of the device any more."""
        if self.states.pop(device.identity, None) is not None:
            for kind in KINDS:
                self.on_change(kind, device.product.key, device.name, None)
        self.fresh_properties.discard(device.identity)
        self.uploads.forget(device.identity)

    def take_properties(
        self, device: Device, params: Mapping[str, Any], refused: Mapping[str, int], now_ms: int
    ) -> None:
        """Remember the values of a checked post that were not refused."""
        take = self.state(device.product.key, device.name).properties.take
        for address, value in params.items():
            if address in refused:
                continue
            if type(value) is dict and "value" in value:
                take(address, value["value"], value.get("time", now_ms))
            else:
                take(address, value, now_ms)
        self.fresh_properties.add(device.identity)
        self.history.properties(device, params, refused, now_ms)

    def take_event(
        self, device: Device, identifier: str, output: Mapping[str, Any], time_ms: int | None, now_ms: int
    ) -> None:
        """Remember a checked event; without a time of its own it is of now."""
        self.history.event(device, identifier, output, time_ms or now_ms, now_ms)
