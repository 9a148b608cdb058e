"""Actions of jobs that upgrade devices; those of their tasks are in `upgrade_tasks`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jinqiao.gateway.platform.registry.registry import Product
from jinqiao.gateway.platform.upgrades.job import UpgradeJob
from jinqiao.gateway.platform.upgrades.package import Package

from ..action import action
from ..arguments import LATEST_MS, Arguments, utc_time
from ..errors import ApiError
from ..pages import Page

__all__ = [
    "cancel_ota_strategy_by_job",
    "create_ota_dynamic_upgrade_job",
    "create_ota_static_upgrade_job",
    "create_ota_verify_job",
    "list_ota_job_by_device",
    "list_ota_job_by_firmware",
    "query_ota_job",
    "update_ota_job",
]

#: Rows of a page.
_JOBS = 100
#: Devices that are notified in a minute; minutes that an upgrade may take; those until another attempt; attempts.
_PER_MINUTE, _TIMEOUT, _RETRY_MINUTES, _RETRIES = (10, 10_000), (1, 1_440), (0, 10, 30, 60, 1_440), (1, 2, 5)
#: Tags of a job: how many, their keys, characters of a value and of all together.
_MOST_TAGS, _TAG_KEY, _LONGEST_VALUE, _LONGEST_TAGS = 10, re.compile(r"[A-Za-z0-9.]{1,30}"), 1_024, 4_096
_SPECIFIC, _GRAY, _GROUP = "SPECIFIC", "GRAY", "GROUP"

#: What all jobs take.
_ANY = "TimeoutInMinutes NeedPush NeedConfirm DownloadProtocol Tag.N.Key Tag.N.Value"
#: What jobs on many devices take.
_MANY = f"SrcVersion.N GroupId MaximumPerMinute OverwriteMode RetryInterval RetryCount {_ANY}"


@action(
    "CreateOTAVerifyJob",
    f"ProductKey! FirmwareId! TargetDeviceName.N! {_ANY}",
    "Data{JobId UtcCreate}",
)
def create_ota_verify_job(args: Arguments) -> dict[str, Any]:
    """On ten devices at most; one that succeeds is enough."""
    product, package = product_and_package(args)
    names = _names(args)
    return _begun(args, product, package, target=_SPECIFIC, names=names, is_verification=True, **_usual(args))


@action(
    "CreateOTAStaticUpgradeJob",
    f"ProductKey! FirmwareId! TargetSelection! TargetDeviceName.N GrayPercent ScheduleTime ScheduleFinishTime {_MANY}",
    "Data{JobId UtcCreate}",
)
def create_ota_static_upgrade_job(args: Arguments) -> dict[str, Any]:
    """For the devices that run one of the `SrcVersion.N`, for all if none is given; of at most 200 devices each has its
    task when this answers."""
    product, package = product_and_package(args)
    target = args.text("TargetSelection").upper()
    if target not in {"ALL", _SPECIFIC, _GRAY, _GROUP}:
        raise ApiError("InvalidParameter", "TargetSelection must be ALL, SPECIFIC, GRAY or GROUP.")
    about = {
        "target": target,
        "names": _names(args) if target == _SPECIFIC else (),
        "gray_percent": _percent(args) if target == _GRAY else "",
        "group_id": args.text("GroupId") if target == _GROUP else "",
        "scheduled_ms": args.time_ms("ScheduleTime"),
        "finish_ms": args.number("ScheduleFinishTime", 0, high=LATEST_MS),
    }
    return _begun(args, product, package, **about, **_usual(args), **_for_many(args))


@action(
    "CreateOTADynamicUpgradeJob",
    f"ProductKey! FirmwareId! DynamicMode GroupType {_MANY}",
    "Data{JobId UtcCreate}",
)
def create_ota_dynamic_upgrade_job(args: Arguments) -> dict[str, Any]:
    """For the devices that run one of the `SrcVersion.N` now, and for those that report it later; with `DynamicMode` 2
    for the latter alone. With `GroupId` for those of the group."""
    product, package = product_and_package(args)
    group_id = args.text("GroupId", "")
    about = {
        "is_dynamic": True,
        "target": _GROUP if group_id else "ALL",
        "group_id": group_id,
        "dynamic_mode": args.number("DynamicMode", 1, low=1, high=2),
    }
    return _begun(args, product, package, **about, **_usual(args), **_for_many(args))


def _begun(args: Arguments, product: Product, package: Package, **about: Any) -> dict[str, Any]:
    job = args.operations.upgrades.create(args.account, product, package, **about)
    return {"Data": {"JobId": job.id, "UtcCreate": utc_time(job.created_ms)}}


def product_and_package(args: Arguments) -> tuple[Product, Package]:
    product = args.product()
    return product, args.operations.firmware.find(args.account, args.text("FirmwareId"), product)


def _names(args: Arguments) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(args.list("TargetDeviceName")))
    if not names:
        raise ApiError("iot.device.NoneDeviceNameElement")
    return names


def _percent(args: Arguments) -> str:
    """`33`, or `33.3`: above 0, at most 100."""
    text = args.text("GrayPercent")
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,2})?", text) or not 0 < float(text) <= 100:
        raise ApiError("InvalidParameter", f"GrayPercent must be above 0 and at most 100, found {text!r:.20}.")
    return text


def _usual(args: Arguments) -> dict[str, Any]:
    protocol = args.text("DownloadProtocol", "HTTPS").upper()
    if protocol not in {"HTTPS", "MQTT"}:
        raise ApiError("InvalidParameter", "DownloadProtocol must be HTTPS or MQTT.")
    return {
        "push": args.flag("NeedPush", True),
        "confirm": args.flag("NeedConfirm"),
        "timeout_minutes": _within(args, "TimeoutInMinutes", *_TIMEOUT),
        "protocol": protocol,
        "tags": _tags(args),
    }


def _for_many(args: Arguments) -> dict[str, Any]:
    retries = args.number("RetryCount", 0)
    retry_minutes = args.number("RetryInterval", -1)
    if (retry_minutes != -1 and retry_minutes not in _RETRY_MINUTES) or (retries and retries not in _RETRIES):
        raise ApiError("InvalidParameter", f"RetryInterval is one of {_RETRY_MINUTES}, RetryCount of {_RETRIES}.")
    return {
        "sources": tuple(dict.fromkeys(args.list("SrcVersion"))),
        "per_minute": _within(args, "MaximumPerMinute", *_PER_MINUTE),
        "overwrites": args.number("OverwriteMode", 1, low=1, high=2) == 2,
        "retry_minutes": retry_minutes,
        "retries": retries if retry_minutes >= 0 else 0,
    }


def _within(args: Arguments, name: str, low: int, high: int) -> int:
    """A whole number, 0 where none is given."""
    return args.number(name, 0, low=low, high=high)


def _tags(args: Arguments, named: str = "Tag") -> Mapping[str, str]:
    tags = {tag.get("Key", ""): tag.get("Value", "") for tag in args.structures(named, "Key", "Value")}
    lengths = [len(key) + len(value) for key, value in tags.items()]
    fits = all(_TAG_KEY.fullmatch(key) and 0 < len(value) <= _LONGEST_VALUE for key, value in tags.items())
    if not fits or len(tags) > _MOST_TAGS or sum(lengths) > _LONGEST_TAGS:
        raise ApiError("InvalidParameter", "Tag.N must be at most ten keys of letters, digits and dots with values.")
    return tags


# Jobs.

_JOB = (
    "JobId ProductKey FirmwareId JobStatus JobType SelectionType TargetSelection UtcCreate UtcModified UtcStartTime "
    "UtcEndTime Tags{OtaTagDTO[Key Value]}"
)


@action(
    "ListOTAJobByFirmware",
    "FirmwareId! CurrentPage! PageSize!",
    f"Total PageCount CurrentPage PageSize Data{{SimpleOTAJobInfo[{_JOB}]}}",
)
def list_ota_job_by_firmware(args: Arguments) -> dict[str, Any]:
    package = args.operations.firmware.find(args.account, args.text("FirmwareId"))
    return _listed(args, args.operations.upgrades.of_package(package))


@action(
    "ListOTAJobByDevice",
    "ProductKey! DeviceName! FirmwareId CurrentPage! PageSize!",
    f"Total PageCount CurrentPage PageSize Data{{SimpleOTAJobInfo[{_JOB}]}}",
)
def list_ota_job_by_device(args: Arguments) -> dict[str, Any]:
    device = args.device_named(args.product(), args.text("DeviceName"))
    firmware_id = args.text("FirmwareId", "")
    jobs = args.operations.upgrades.of_device(args.account, device)
    return _listed(args, [job for job in jobs if not firmware_id or job.firmware_id == firmware_id])


@action(
    "QueryOTAJob",
    "JobId!",
    f"Data{{{_JOB} Name DestVersion SrcVersions{{SrcVersion[]}} GroupId GroupName GrayPercent NeedPush NeedConfirm "
    "MaximumPerMinute OverwriteMode TimeoutInMinutes RetryInterval RetryCount DynamicMode DownloadProtocol "
    "UtcScheduleTime UtcScheduleFinishTime}",
)
def query_ota_job(args: Arguments) -> dict[str, Any]:
    """`JobStatus` is PLANNED, IN_PROGRESS, COMPLETED or CANCELED."""
    job = args.operations.upgrades.find(args.account, args.text("JobId"))
    packages = {package.id: package for package in args.operations.firmware.all(args.account)}
    package = packages.get(job.firmware_id)
    groups = {group.id: group.name for group in args.operations.groups.all(args.account)} if job.group_id else {}
    data = {
        **_shown(args, job),
        "Name": package.name if package is not None else "",
        "DestVersion": package.firmware.version if package is not None else "",
        "SrcVersions": {"SrcVersion": list(job.sources)},
        "GroupId": job.group_id,
        "GroupName": groups.get(job.group_id, ""),
        "GrayPercent": job.gray_percent,
        "NeedPush": job.push,
        "NeedConfirm": job.confirm,
        "MaximumPerMinute": job.per_minute,
        "OverwriteMode": 2 if job.overwrites else 1,
        "TimeoutInMinutes": job.timeout_minutes,
        "RetryInterval": job.retry_minutes,
        "RetryCount": job.retries,
        "DownloadProtocol": job.protocol,
        "UtcScheduleTime": utc_time(job.scheduled_ms),
        "UtcScheduleFinishTime": utc_time(job.finish_ms),
    }
    if job.is_dynamic:
        data["DynamicMode"] = job.dynamic_mode
    unset = {"", 0, -1}
    return {
        "Data": {name: value for name, value in data.items() if type(value) not in (str, int) or value not in unset}
    }


@action(
    "UpdateOTAJob",
    "JobId! UpgradeType TargetSelection MaximumPerMinute TimeoutInMinutes SrcVersionList.N Tags.N.Key Tags.N.Value",
    "",
)
def update_ota_job(args: Arguments) -> dict[str, Any]:
    """How many a minute, and for tasks that are made from now on tags; of a dynamic job also its time-out and source
    versions. Tags that are not given are taken away, all else stays."""
    job = args.operations.upgrades.find(args.account, args.text("JobId"))
    per_minute = _within(args, "MaximumPerMinute", *_PER_MINUTE)
    about: dict[str, Any] = {"tags": _tags(args, "Tags")} | ({"per_minute": per_minute} if per_minute else {})
    if job.is_dynamic:
        if timeout := _within(args, "TimeoutInMinutes", *_TIMEOUT):
            about["timeout_minutes"] = timeout
        if sources := tuple(dict.fromkeys(args.list("SrcVersionList"))):
            about["sources"] = sources
    args.operations.upgrades.change(args.account, job.id, **about)
    return {}


@action(
    "CancelOTAStrategyByJob",
    "JobId!",
    "",
)
def cancel_ota_strategy_by_job(args: Arguments) -> dict[str, Any]:
    """A dynamic job takes up no more devices; its tasks go on."""
    args.operations.upgrades.cancel_strategy(args.account, args.text("JobId"))
    return {}


def _listed(args: Arguments, jobs: list[UpgradeJob]) -> dict[str, Any]:
    page = Page.of(args, _JOBS)
    return {**page.members(len(jobs)), "Data": {"SimpleOTAJobInfo": [_shown(args, job) for job in page.rows(jobs)]}}


def _shown(args: Arguments, job: UpgradeJob) -> dict[str, Any]:
    upgrades = args.operations.upgrades
    return {
        "JobId": job.id,
        "ProductKey": job.product_key,
        "FirmwareId": job.firmware_id,
        "JobStatus": upgrades.state_of(job),
        "JobType": "VERIFY_FIRMWARE" if job.is_verification else "UPGRADE_FIRMWARE",
        "SelectionType": "DYNAMIC" if job.is_dynamic else "STATIC",
        "TargetSelection": job.target,
        "UtcCreate": utc_time(job.created_ms),
        "UtcModified": utc_time(job.modified_ms),
        "UtcStartTime": utc_time(job.started_ms),
        "UtcEndTime": utc_time(upgrades.ended_ms(job)),
        "Tags": {"OtaTagDTO": [{"Key": key, "Value": value} for key, value in job.tags.items()]},
    }
