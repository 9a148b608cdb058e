"""Bodies of what changes in a device's state: software versions, upgrades that are over, tags.

The event has the new content of a store; what changed is found by comparing it with the content that still is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..devices.ota import Status
from ..events import OtaProgressed, TagsChanged, VersionsChanged
from ..registry.registry import Device
from .message import Message, Sources, id_of

__all__ = ["tags", "upgrades", "versions"]

_OUTCOMES = frozenset({Status.SUCCEEDED, Status.FAILED})


def versions(sources: Sources, said: VersionsChanged) -> Iterator[Message]:
    """`ota/version/post`: the version of each module that has another one."""
    known, now_ms = sources.states.of(said.device).versions, sources.now_ms()
    for module, version in said.value.items():
        if known.get(module) != version:
            values = {
                **_names(said.device),
                "moduleName": module,
                "moduleVersion": version,
                "messageCreateTime": now_ms,
            }
            yield Message("version", f"/{said.device.identity}/ota/version/post", said.device, values, now_ms)


def upgrades(sources: Sources, said: OtaProgressed) -> Iterator[Message]:
    """`ota/upgrade`: each upgrade that has succeeded or failed."""
    known, now_ms = sources.states.of(said.device).ota.of_module, sources.now_ms()
    for module, upgrade in said.value.of_module.items():
        before = known.get(module)
        if upgrade.status not in _OUTCOMES or (before is not None and before.status is upgrade.status):
            continue
        values = {
            **_names(said.device),
            "status": upgrade.status.value,
            "messageCreateTime": now_ms,
            "srcVersion": upgrade.source_version,
            "destVersion": upgrade.firmware.version,
            "desc": upgrade.description or ("success" if upgrade.status is Status.SUCCEEDED else ""),
            "jobId": upgrade.job_id,
            "taskId": upgrade.task_id,
        }
        yield Message("ota", f"/{said.device.identity}/ota/upgrade", said.device, values, now_ms)


def tags(sources: Sources, said: TagsChanged) -> Iterator[Message]:
    """`thing/deviceinfo/update`: tags that are new or have another value, and those that are gone."""
    known, fresh, now_ms = sources.states.of(said.device).tags, said.value, sources.now_ms()
    gone = [name for name in known if name not in fresh]
    changed = [{"attrKey": k, "attrValue": value} for k, value in fresh.items() if known.get(k) != value]
    for action, part in (("UPDATE", changed), ("DELETE", gone)):
        if part:
            values = {
                "action": action,
                **_names(said.device),
                "deletedAttrKeyList": gone if part is gone else [],
                "value": changed if part is changed else [],
                "messageCreateTime": now_ms,
            }
            topic = f"/{said.device.identity}/thing/deviceinfo/update"
            yield Message("tags", topic, said.device, values, now_ms)


def _names(device: Device) -> dict[str, Any]:
    return {"iotId": id_of(device), "productKey": device.product.key, "deviceName": device.name}
