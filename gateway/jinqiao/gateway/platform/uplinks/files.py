"""The topics of files by MQTT: `init`, `send` and `cancel` of an upload, and `download` of an offered file in blocks.

A block is `length (2 bytes, big-endian) + JSON header + data + CRC-16/ARC of the data (2 bytes, little-endian)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.platform.devices.checksums import crc16
from jinqiao.gateway.platform.devices.uploads import MAX_FILE, Upload
from jinqiao.wire.alink.codes import TEXT
from jinqiao.wire.alink.json_values import as_name, compact
from jinqiao.wire.alink.requests import parse_request

from .uplink import Outcome, Uplink, answered, reply

__all__ = ["begin_upload", "cancel_upload", "download_block", "send_block"]

#: Bytes of a block; the last of a file may be shorter.
BLOCK = (256, 128 << 10)

#: Letters, digits and a few marks, not starting with a mark, so that a name is never a path.
_FILE_NAME = re.compile(r"[A-Za-z0-9\u4e00-\u9fff][A-Za-z0-9\u4e00-\u9fff_.()-]{0,99}")
_STRATEGIES = frozenset({"overwrite", "append", "reject"})


@answered
def begin_upload(uplink: Uplink, params: Any) -> Outcome:
    """`init`: announces a file; size -1 when it is not known yet."""
    if type(params) is not dict:
        return Outcome(460)
    name, size = params.get("fileName"), params.get("fileSize", -1)
    strategy, client_id = params.get("conflictStrategy", "overwrite"), params.get("initUid", "")
    if type(name) is not str or not _FILE_NAME.fullmatch(name) or type(strategy) is not str:
        return Outcome(460)
    if type(size) is not int or not -1 <= size <= MAX_FILE or strategy not in _STRATEGIES:
        return Outcome(460)
    if type(client_id) is not str or len(client_id) > 64:
        return Outcome(460)
    mode, value = params.get("ficMode"), params.get("ficValue")
    crc = int(value) if type(value) is str and value.isascii() and value.isdigit() and len(value) <= 20 else None
    if mode is not None and (mode != "crc64" or crc is None):
        return Outcome(460)
    try:
        upload = uplink.parts.uploads.begin(
            uplink.device.identity,
            name,
            size,
            strategy,  # type: ignore[arg-type]
            crc if mode is not None else None,
            client_id,
        )
    except FileExistsError:
        return Outcome(460)
    except OverflowError:
        return Outcome(6760)
    data = {
        "fileName": name,
        "uploadId": upload.id,
        "offset": len(upload.content) - upload.offset,
        "fileSize": size,
        "conflictStrategy": strategy,
        "initUid": client_id,
    }
    return Outcome(data=data)


def send_block(uplink: Uplink) -> Iterable[Downlink]:
    """`send`: one block; a wrong checksum, a gap or a block too short is 460 and nothing is written."""
    payload = uplink.payload
    length = int.from_bytes(payload[:2])
    if len(payload) < 2 + length + 2:
        uplink.record(460, TEXT[460])
        return ()
    request = parse_request(payload[2 : 2 + length])
    block, checksum = payload[2 + length : -2], payload[-2:]
    params = request.params if request.code == 200 and type(request.params) is dict else {}
    upload_id = as_name(params.get("uploadId"))
    upload = uplink.parts.uploads.of(uplink.device.identity, upload_id) if upload_id is not None else None
    done = params.get("isComplete") in (True, 1, "true")
    code = request.code
    if code == 200 and (upload is None or not _fits(params, block, checksum, last=done)):
        code = 460
    if code == 200 and upload is not None:
        code = _write(uplink, upload, params["offset"], block, done)
    data: dict[str, Any] = {}
    if code == 200:
        data = {"uploadId": upload_id, "offset": params["offset"], "bSize": len(block), "complete": done}
    else:
        uplink.record(code, TEXT[code])
    return (reply(uplink.topic, request.id, code, data),)


def _fits(params: dict[str, Any], block: bytes, checksum: bytes, *, last: bool) -> bool:
    smallest, largest = BLOCK
    return (
        type(params.get("offset")) is int
        and params.get("bSize") == len(block)
        and len(block) <= largest
        and (last or len(block) >= smallest)
        and crc16(block) == int.from_bytes(checksum, "little")
    )


def _write(uplink: Uplink, upload: Upload, offset: int, block: bytes, done: bool) -> int:
    uploads = uplink.parts.uploads
    if not uploads.write(upload, offset, block):
        return 460
    return 200 if not done or uploads.complete(upload) else 460


@answered
def cancel_upload(uplink: Uplink, params: Any) -> Outcome:
    """`cancel`: forget an upload of this device."""
    upload_id = as_name(params.get("uploadId")) if type(params) is dict else None
    if upload_id is None or not uplink.parts.uploads.cancel(uplink.device.identity, upload_id):
        return Outcome(460)
    return Outcome(data={"uploadId": upload_id})


def download_block(uplink: Uplink) -> Iterable[Downlink]:
    """`thing.file.download`: a block of the firmware that is offered to this device by MQTT."""
    request = parse_request(uplink.payload)
    content = _offered(uplink, request.params) if request.code == 200 else None
    wanted = request.params.get("fileBlock") if content is not None else None
    size, offset = (wanted.get("size"), wanted.get("offset")) if type(wanted) is dict else (None, None)
    fits = type(size) is int and type(offset) is int and 0 < size <= BLOCK[1]
    if content is None or not fits or not 0 <= offset < len(content):  # type: ignore[operator]
        code = request.code if request.code != 200 else 460
        uplink.record(code, TEXT[code])
        return (_block(uplink.topic, {"id": request.id, "code": code, "msg": TEXT[code], "data": {}}, b""),)
    block = content[offset : offset + size]  # type: ignore[operator]
    data = {"fileLength": len(content), "bSize": len(block), "bOffset": offset}
    token = request.params.get("fileToken")
    if type(token) is str:
        data["fileToken"] = token[:128]
    return (_block(uplink.topic, {"id": request.id, "code": 200, "msg": TEXT[200], "data": data}, block),)


def _offered(uplink: Uplink, params: Any) -> bytes | None:
    info = params.get("fileInfo") if type(params) is dict else None
    stream = info.get("streamId") if type(info) is dict else None
    for upgrade in uplink.state.ota.pending.values():
        if upgrade.firmware.stream_id and upgrade.firmware.stream_id == stream:
            return uplink.parts.downloads.get(upgrade.firmware.url.removeprefix(uplink.parts.downloads.base_url))
    return None


def _block(topic: str, header: dict[str, Any], block: bytes) -> Downlink:
    head = compact(header)
    return Downlink(f"{topic}_reply", len(head).to_bytes(2) + head + block + crc16(block).to_bytes(2, "little"))
