"""Remote configuration and log configuration of devices."""

from __future__ import annotations

from functools import partial
from operator import setitem

from jinqiao.wire.alink.limits import CONFIG_BYTES

from ..devices.remote_config import RemoteConfig
from ..events import ConfigChanged
from ..parts import Parts
from ..registry.accounts import Account
from ..registry.registry import Device
from .reach import Reach

__all__ = ["Configuration"]


class Configuration:
    """A product has one configuration file, which its devices get or are pushed."""

    def __init__(self, parts: Parts, reach: Reach) -> None:
        self._parts, self._reach = parts, reach

    def set(self, account: Account, product_key: str, content: bytes | None, *, enabled: bool = True) -> RemoteConfig:
        """Give a product a configuration, or take it away; raises ValueError when it is too large."""
        self._reach.product(account, product_key)
        if content is not None and len(content) > CONFIG_BYTES:
            raise ValueError(f"{len(content)} bytes, a configuration has at most {CONFIG_BYTES}")
        path = self._parts.downloads.offer(content, "config") if content is not None else ""
        config = RemoteConfig(enabled, content, path)
        announced = self._parts.events.change(ConfigChanged, product_key, config)
        self._parts.events.make(partial(setitem, self._parts.configs, product_key, config))
        announced.done()
        return config

    def push(self, account: Account, device: Device) -> None:
        """`thing.config.push` to a device; KeyError when its product has no configuration."""
        self._reach.allow(account, device)
        parts = self._parts
        config = parts.configs[device.product.key]
        parts.notices.ask(device, "thing/config/push", config.data(parts.downloads.base_url))

    def push_log_mode(self, account: Account, device: Device, mode: int) -> None:
        """Have a device send its log (1) or not (0); it is notified at once and may ask again."""
        self._reach.allow(account, device)
        with self._parts.states.changing(device, "log_mode") as draft:
            draft.log_mode = mode
        params = {"getType": "content", "content": {"mode": mode}}
        self._parts.notices.ask(device, "thing/config/log/push", params)
