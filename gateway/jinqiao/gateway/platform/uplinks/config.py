"""Remote configuration, log configuration, the device's log and diagnosis.

A product has one configuration file, which its devices get by `thing.config.get` or are pushed.
"""

from __future__ import annotations

from typing import Any

from .uplink import Outcome, Uplink, answered

__all__ = [
    "get_config",
    "get_log_config",
    "post_diagnosis",
    "post_log",
]

#: Entries of one log message.
MOST_ENTRIES = 40

_LEVELS = frozenset({"FATAL", "ERROR", "WARN", "INFO", "DEBUG"})


@answered
def get_config(uplink: Uplink, params: Any) -> Outcome:
    """`thing.config.get`: where the product's configuration is to be had."""
    if type(params) is not dict or params.get("configScope") != "product" or params.get("getType") != "file":
        return Outcome(460)
    config = uplink.parts.configs.get(uplink.device.product.key)
    if config is not None and not config.enabled:
        return Outcome(6713)
    if config is None or config.content is None:
        return Outcome(6710)
    return Outcome(data=config.data(uplink.parts.downloads.base_url))


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
