"""The topics of firmware over the air: what a device informs, asks and reports, and the notice it gets.

Ids of these messages are bare numbers in all official SDKs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.platform.devices.ota import Status, Upgrade
from jinqiao.gateway.platform.notices import upgrade_downlink, upgrade_topic
from jinqiao.wire.alink.codes import TEXT
from jinqiao.wire.alink.json_values import as_name, compact, object_of
from jinqiao.wire.alink.limits import DEFAULT_MODULE, LONGEST_VERSION, MOST_MODULES

from .uplink import Outcome, Uplink, answered

__all__ = ["ask_upgrade", "get_firmware", "inform_version", "report_progress"]

#: Characters of a description.
LONGEST_DESCRIPTION = 1_024


def inform_version(uplink: Uplink) -> Iterable[Downlink]:
    """`/ota/device/inform`: the version of one module; nothing is replied, but a waiting upgrade is offered."""
    params = _params(uplink)
    version = as_name(params.get("version"), LONGEST_VERSION) if params is not None else None
    module = _module(params)
    if params is None or version is None or module is None:
        return _refuse(uplink, 460)
    known = uplink.state.versions
    if module not in known and len(known) >= MOST_MODULES:
        return _refuse(uplink, 460)
    with uplink.parts.events.together():
        with uplink.changing("versions") as draft:
            draft.versions[module] = version
        with uplink.changing("ota") as draft:
            succeeded = draft.ota.informed(module, version, uplink.parts.now_ms()) is not None
    waiting = uplink.state.ota.pending.get(module)
    if waiting is None:
        uplink.parts.rollout.reported(uplink.device, module, version)
        return ()
    if succeeded or waiting.status is not Status.QUEUED or not waiting.push:
        return ()
    return (_notice(uplink, _notified(uplink, module)),)


def report_progress(uplink: Uplink) -> Iterable[Downlink]:
    """`/ota/device/progress`: a step of -4 to 100; nothing is replied."""
    params = _params(uplink)
    step, module = _step(params.get("step")) if params is not None else None, _module(params)
    if params is None or step is None or module is None:
        return _refuse(uplink, 460)
    description = params.get("desc", "")
    description = description[:LONGEST_DESCRIPTION] if type(description) is str else ""
    with uplink.changing("ota") as draft:
        if draft.ota.progress(module, step, description, uplink.parts.now_ms()) is None:
            return ()
    if step < 0:
        uplink.record(500, f"upgrade failed at step {step}: {description}")
    return ()


@answered
def get_firmware(uplink: Uplink, params: Any) -> Outcome:
    """`thing.ota.firmware.get`: the upgrade that waits for this module, `{}` when there is none."""
    module = _module(params) if type(params) is dict else None
    if module is None:
        return Outcome(460)
    upgrade = _waiting(uplink, module)
    return Outcome(data=upgrade.firmware.data() if upgrade is not None else {})


def ask_upgrade(uplink: Uplink) -> Iterable[Downlink]:
    """`/ota/device/request`, the old form: answered on the topic of the notice."""
    params = _params(uplink)
    if params is None or as_name(params.get("version"), LONGEST_VERSION) is None:
        return _refuse(uplink, 460)
    upgrade = _waiting(uplink, _module(params) or DEFAULT_MODULE)
    if upgrade is not None and upgrade.firmware.version != params["version"]:
        return (_notice(uplink, upgrade),)
    body = {"code": 500, "message": "none upgrade operation of the device."}
    return (Downlink(upgrade_topic(uplink.device), compact(body)),)


def _waiting(uplink: Uplink, module: str) -> Upgrade | None:
    upgrade = uplink.state.ota.offered.get(module)
    if upgrade is not None and upgrade.status is Status.QUEUED:
        return _notified(uplink, module)
    return upgrade


def _notified(uplink: Uplink, module: str) -> Upgrade:
    """The device is notified of the upgrade that waits for a module."""
    with uplink.changing("ota") as draft:
        draft.ota.of_module[module].status = Status.NOTIFIED
    return uplink.state.ota.of_module[module]


def _notice(uplink: Uplink, upgrade: Upgrade) -> Downlink:
    return upgrade_downlink(uplink.device, upgrade, uplink.parts.calls.new_id())


def _params(uplink: Uplink) -> dict[str, Any] | None:
    document = object_of(uplink.payload)
    params = document.get("params") if document is not None else None
    return params if type(params) is dict else None


def _module(params: Mapping[str, Any] | None) -> str | None:
    """The module named, the default one where none is, None where it is no name."""
    module = params.get("module") if params is not None else None
    return DEFAULT_MODULE if module is None or module == "" else as_name(module, LONGEST_VERSION)


def _step(value: Any) -> int | None:
    """SDKs write the step as text or as a number."""
    if (
        type(value) is str
        and value.removeprefix("-").isascii()
        and value.removeprefix("-").isdigit()
        and len(value) < 5
    ):
        value = int(value)
    return value if type(value) is int and -4 <= value <= 100 else None


def _refuse(uplink: Uplink, code: int) -> Iterable[Downlink]:
    uplink.record(code, TEXT[code])
    return ()
