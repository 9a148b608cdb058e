"""Bodies of what changes in a device's state: software versions, upgrades that are over, tags.

The event has the new content of a store; what changed is found by comparing it with the content that still is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..devices.ota import Status
from ..events import OtaProgressed, TagsChanged, UpgradeJobChanged, VersionsChanged
from ..registry.registry import Device
from ..upgrades.job import State, UpgradeJob
from .message import Message, Sources, id_of

__all__ = ["job", "tags", "upgrades", "versions"]

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
    yield from _completed(sources, said)


def job(sources: Sources, said: UpgradeJobChanged) -> Iterator[Message]:
    """`/{package}/{job}/ota/job/status`: a job begins, is planned, or is cancelled; its end follows from `upgrades`."""
    known = sources.rollout.job(said.job.id)
    if known is None or known.state != said.job.state:
        yield from _job(sources, said.job, said.job.state)


def _completed(sources: Sources, said: OtaProgressed) -> Iterator[Message]:
    """The jobs whose last open task ends with this."""
    rollout, identity = sources.rollout, said.device.identity
    over = {upgrade.job_id for upgrade in said.value.all() if upgrade.job_id and upgrade.is_over}
    for job_id, before in rollout.tasks.of_device(identity).items():
        known = rollout.job(job_id)
        if known is None or before.is_over or job_id not in over or rollout.tasks.of_job(job_id).open != 1:
            continue
        if known.state == "IN_PROGRESS" and known.spread and not known.is_dynamic:
            yield from _job(sources, known, "COMPLETED")


def _job(sources: Sources, job: UpgradeJob, state: State) -> Iterator[Message]:
    """About a product: the device has no name. Of the members of the body only the outline is documented."""
    product = sources.registry.product(job.product_key)
    if product is None:
        return
    now_ms = sources.now_ms()
    values = {
        "productKey": job.product_key,
        "packageId": job.firmware_id,
        "jobId": job.id,
        "status": state,
        "messageCreateTime": now_ms,
    }
    topic = f"/{job.firmware_id}/{job.id}/ota/job/status"
    yield Message("ota_job", topic, Device(product, "", ""), values, now_ms)


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
