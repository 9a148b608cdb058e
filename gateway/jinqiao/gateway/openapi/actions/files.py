"""Actions on files that devices have sent."""

from __future__ import annotations

from typing import Any

from jinqiao.gateway.platform.operations.files import DeviceFile

from ..action import action
from ..arguments import Arguments, utc_time
from ..pages import Page

__all__ = ["delete_device_file", "query_device_file", "query_device_file_list"]

#: Rows of a page.
_ROWS = 200


@action(
    "QueryDeviceFileList",
    "device! CurrentPage! PageSize!",
    "Total PageCount CurrentPage PageSize Data{FileSummary[FileId Name Size UtcCreatedOn]}",
)
def query_device_file_list(args: Arguments) -> dict[str, Any]:
    files, page = args.operations.files.all(args.account, args.device()), Page.of(args, _ROWS)
    return {**page.members(len(files)), "Data": {"FileSummary": [_shown(file) for file in page.rows(files)]}}


@action(
    "QueryDeviceFile",
    "device! FileId!",
    "Data{FileId Name Size UtcCreatedOn DownloadUrl}",
)
def query_device_file(args: Arguments) -> dict[str, Any]:
    file = args.operations.files.find(args.account, args.device(), args.text("FileId"))
    return {"Data": {**_shown(file), "DownloadUrl": args.operations.files.url_of(file)}}


@action(
    "DeleteDeviceFile",
    "device! FileId!",
    "",
)
def delete_device_file(args: Arguments) -> dict[str, Any]:
    args.operations.files.delete(args.account, args.device(), args.text("FileId"))
    return {}


def _shown(file: DeviceFile) -> dict[str, Any]:
    size, created = str(len(file.content)), utc_time(file.received_ms)
    return {"FileId": file.id, "Name": file.name, "Size": size, "UtcCreatedOn": created}
