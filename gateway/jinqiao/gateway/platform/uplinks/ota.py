"""The topics of firmware over the air: what a device informs, asks and reports, and the notice it gets.

Ids of these messages are bare numbers in all official SDKs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.platform.devices.ota import Firmware, Status, Upgrade
from jinqiao.wire.alink.codes import TEXT
from jinqiao.wire.alink.json_values import as_name, compact, object_of
from jinqiao.wire.alink.limits import DEFAULT_MODULE, LONGEST_VERSION, MOST_MODULES

from .uplink import House, Outcome, Uplink, answered

if TYPE_CHECKING:
    from jinqiao.gateway.platform.registry.registry import Device

__all__ = ["ask_upgrade", "get_firmware", "inform_version", "push_ota", "report_progress"]

#: Characters of a description.
LONGEST_DESCRIPTION = 1_024


def push_ota(house: House, device: Device, firmware: Firmware, *, job_id: str = "", task_id: str = "") -> Upgrade:
    """Offer a firmware: a device that is online is told at once, another when it informs its version."""
    state = house.state(device.product.key, device.name)
    source = house.versions(device).get(firmware.module, "")
    upgrade = Upgrade(firmware, job_id, task_id, source_version=source)
    state.ota.offer(upgrade)
    if house.is_online(device):
        upgrade.status = Status.NOTIFIED
    house.keep(device, "ota")
    if upgrade.status is Status.NOTIFIED:
        house.send(_notice(house, device, upgrade))
    return upgrade


def inform_version(uplink: Uplink) -> Iterable[Downlink]:
    """`/ota/device/inform`: the version of one module; nothing is replied, but a waiting upgrade is offered."""
    params = _params(uplink)
    version = as_name(params.get("version"), LONGEST_VERSION) if params is not None else None
    module = _module(params)
    if params is None or version is None or module is None:
        return _refuse(uplink, 460)
    state = uplink.state
    if module not in state.versions and len(state.versions) >= MOST_MODULES:
        return _refuse(uplink, 460)
    known = state.versions.get(module) == version
    state.versions[module] = version
    if not known:
        uplink.keep("versions")
    if state.ota.informed(module, version) is not None:
        uplink.keep("ota")
        return ()
    waiting = state.ota.pending.get(module)
    if waiting is None or waiting.status is not Status.QUEUED:
        return ()
    waiting.status = Status.NOTIFIED
    uplink.keep("ota")
    return (_notice(uplink.house, uplink.device, waiting),)


def report_progress(uplink: Uplink) -> Iterable[Downlink]:
    """`/ota/device/progress`: a step of -4 to 100; nothing is replied."""
    params = _params(uplink)
    step, module = _step(params.get("step")) if params is not None else None, _module(params)
    if params is None or step is None or module is None:
        return _refuse(uplink, 460)
    description = params.get("desc", "")
    description = description[:LONGEST_DESCRIPTION] if type(description) is str else ""
    if uplink.state.ota.progress(module, step, description) is not None:
        uplink.keep("ota")
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
        return (_notice(uplink.house, uplink.device, upgrade),)
    body = {"code": 500, "message": "none upgrade operation of the device."}
    return (Downlink(_topic(uplink.device), compact(body)),)


def _waiting(uplink: Uplink, module: str) -> Upgrade | None:
    upgrade = uplink.state.ota.pending.get(module)
    if upgrade is not None and upgrade.status is Status.QUEUED:
        upgrade.status = Status.NOTIFIED
        uplink.keep("ota")
    return upgrade


def _notice(house: House, device: Device, upgrade: Upgrade) -> Downlink:
    body = {
        "code": "1000",
        "data": upgrade.firmware.data(),
        "id": int(house.calls.new_id()) % 2**31,
        "message": "success",
    }
    return Downlink(_topic(device), compact(body), qos=1)


def _topic(device: Device) -> str:
    return f"/ota/device/upgrade/{device.identity}"


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
