"""Remote configuration, log configuration, the device's log and diagnosis.

A product has one configuration file, which its devices get by `thing.config.get` or are pushed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.platform.devices.remote_config import RemoteConfig
from jinqiao.wire.alink.json_values import compact
from jinqiao.wire.alink.limits import CONFIG_BYTES

from .uplink import House, Outcome, Uplink, answered

if TYPE_CHECKING:
    from jinqiao.gateway.platform.registry.registry import Device

__all__ = [
    "get_config",
    "get_log_config",
    "post_diagnosis",
    "post_log",
    "push_config",
    "push_log_config",
    "set_config",
]

#: Entries of one log message.
MOST_ENTRIES = 40

_LEVELS = frozenset({"FATAL", "ERROR", "WARN", "INFO", "DEBUG"})


def set_config(house: House, product_key: str, content: bytes | None, *, enabled: bool = True) -> RemoteConfig:
    """Give a product a configuration, or take it away; raises ValueError when it is too large."""
    if content is not None and len(content) > CONFIG_BYTES:
        raise ValueError(f"{len(content)} bytes, a configuration has at most {CONFIG_BYTES}")
    path = house.downloads.offer(content, "config") if content is not None else ""
    config = house.configs[product_key] = RemoteConfig(enabled, content, path)
    text = content.decode("utf-8", "replace") if content is not None else None
    house.on_change("config", product_key, "", {"enabled": enabled, "content": text})
    return config


@answered
def get_config(uplink: Uplink, params: Any) -> Outcome:
    """`thing.config.get`: where the product's configuration is to be had."""
    if type(params) is not dict or params.get("configScope") != "product" or params.get("getType") != "file":
        return Outcome(460)
    config = uplink.house.configs.get(uplink.device.product.key)
    if config is not None and not config.enabled:
        return Outcome(6713)
    if config is None or config.content is None:
        return Outcome(6710)
    return Outcome(data=config.data(uplink.house.base_url))


def push_config(house: House, device: Device) -> None:
    """`thing.config.push` to a device; KeyError when its product has no configuration."""
    data = house.configs[device.product.key].data(house.base_url)
    _push(house, device, "thing/config/push", data)


def push_log_config(house: House, device: Device, mode: int) -> None:
    """Have a device send its log (1) or not (0); it is told at once and may ask again."""
    house.state(device.product.key, device.name).log_mode = mode
    house.keep(device, "log_mode")
    _push(house, device, "thing/config/log/push", {"getType": "content", "content": {"mode": mode}})


def _push(house: House, device: Device, suffix: str, params: dict[str, Any]) -> None:
    request = {"id": house.calls.new_id(), "version": "1.0", "method": suffix.replace("/", "."), "params": params}
    house.send(Downlink(f"/sys/{device.identity}/{suffix}", compact(request)))


@answered
def get_log_config(uplink: Uplink, params: Any) -> Outcome:
    """`thing.config.log.get`: whether the device is to send its log."""
    if type(params) is not dict or params.get("configScope") != "device" or params.get("getType") != "content":
        return Outcome(460)
    return Outcome(data={"getType": "content", "content": {"mode": uplink.state.log_mode}})


@answered
def post_log(uplink: Uplink, params: Any) -> Outcome:
    """`thing.log.post`: the device's own log; each entry goes into the device log under code 200."""
    if type(params) is not list or not 0 < len(params) <= MOST_ENTRIES:
        return Outcome(460)
    if not all(type(entry) is dict and _is_log_entry(entry) for entry in params):
        return Outcome(460)
    for entry in params:
        uplink.record(200, f"{entry['logLevel']} {entry.get('module', '')}: {entry['logContent']}")
    return Outcome()


def _is_log_entry(entry: dict[str, Any]) -> bool:
    texts = all(type(entry.get(name, "")) is str for name in ("utcTime", "logLevel", "module", "code", "traceContext"))
    return texts and entry.get("logLevel") in _LEVELS and type(entry.get("logContent")) is str


@answered
def post_diagnosis(_: Uplink, params: Any) -> Outcome:
    """`_thing.diag.post`: how the device's network does; only its form is judged."""
    if type(params) is not dict or type(params.get("p")) is not dict or type(params.get("model", "")) is not str:
        return Outcome(460)
    return Outcome()
