"""One table of topics: whose they are, which way they go, how they are counted, who answers, who gets them unasked.

Every topic of the platform's device side is a row, and so is every reply: `replies` adds the reply's row with the
opposite direction. A row without handler is permitted, forwarded to applications and counted, but the platform does
nothing with it and sends no reply.

In a pattern, `{pk}` and `{dn}` are product key and device name, `{*}` is one level or more, any other name is exactly
one level. Directions are the device's: UP it publishes, DOWN it subscribes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Flag

from .calls import answer_call
from .device_info import delete_desired, delete_tags, get_desired, get_thing_model, note_reset, update_tags
from .file_topics import begin_upload, cancel_upload, download_block, send_block
from .handlers import Handler, note_service_reply, post_event, post_properties, tell_time
from .job_topics import get_job, update_job
from .ota_topics import ask_upgrade, get_firmware, inform_version, report_progress
from .posts import post_batch, post_history, post_pack
from .raw import answer_raw, post_raw
from .remote_config import get_config, get_log_config, post_diagnosis, post_log
from .shadow_topics import update_shadow
from .sub_devices import (
    add_topology,
    delete_topology,
    find_list,
    get_topology,
    product_register,
    register_sub_devices,
    unregister_sub_devices,
)
from .sub_sessions import log_in, log_in_batch, log_out, log_out_batch

__all__ = ["TOPICS", "Direction", "Topic"]


class Direction(Flag):
    """Which way a topic goes, seen from the device."""

    UP = 1
    DOWN = 2
    BOTH = 3


UP, DOWN, BOTH = Direction.UP, Direction.DOWN, Direction.BOTH


@dataclass(frozen=True, slots=True)
class Topic:
    """One row.

    `qos` is what the platform publishes it with. `pushed` topics reach a device with `_ss=1` without SUBSCRIBE,
    `pushed_to_ext` ones only if bit 0 of its `ext` is set too. `is_reply` tells replies from requests.
    """

    pattern: str
    direction: Direction
    kind: str
    handler: Handler | None = None
    qos: int = 0
    replies: bool = False
    pushed: bool = False
    pushed_to_ext: bool = False
    reply_pushed: bool = False
    is_reply: bool = False
    #: Never a sub-device's: its gateway speaks of it, on the gateway's own topic.
    gateway_only: bool = False
    #: What the platform does with a device's reply; most replies are only counted and forwarded.
    reply_handler: Handler | None = None

    @property
    def reply_pattern(self) -> str | None:
        return f"{self.pattern}_reply" if self.replies else None


def _request_up(
    pattern: str, kind: str, handler: Handler | None = None, *, reply_pushed: bool = True, gateway_only: bool = False
) -> Topic:
    """A device asks, the platform replies."""
    return Topic(pattern, UP, kind, handler, replies=True, reply_pushed=reply_pushed, gateway_only=gateway_only)


def _request_down(
    pattern: str, kind: str, *, pushed: bool = True, qos: int = 0, reply_handler: Handler | None = None
) -> Topic:
    """The platform asks, a device replies."""
    return Topic(pattern, DOWN, kind, qos=qos, replies=True, pushed=pushed, reply_handler=reply_handler)


_S = "/sys/{pk}/{dn}"

_ROWS: tuple[Topic, ...] = (
    # Thing model.
    _request_up(f"{_S}/thing/event/property/post", "property_post", post_properties),
    _request_up(f"{_S}/thing/event/property/pack/post", "property_pack_post", post_pack),
    _request_up(f"{_S}/thing/event/property/history/post", "property_history_post", post_history),
    _request_up(f"{_S}/thing/event/property/batch/post", "property_batch_post", post_batch),
    _request_up(f"{_S}/thing/event/{{event}}/post", "event_post", post_event),
    _request_down(f"{_S}/thing/service/property/set", "property_set", qos=1),
    _request_down(f"{_S}/thing/service/property/get", "property_get", qos=1),
    _request_down(f"{_S}/thing/service/{{service}}", "service", qos=1, reply_handler=note_service_reply),
    _request_up(f"{_S}/thing/model/up_raw", "raw_up", post_raw),
    _request_down(f"{_S}/thing/model/down_raw", "raw_down", reply_handler=answer_raw),
    _request_up(f"{_S}/thing/property/desired/get", "desired_get", get_desired),
    _request_up(f"{_S}/thing/property/desired/delete", "desired_delete", delete_desired),
    _request_up(f"{_S}/thing/dsltemplate/get", "thing_model_get", get_thing_model),
    _request_up(f"{_S}/thing/dynamicTsl/get", "thing_model_get", get_thing_model),
    # Remote calls.
    Topic(f"{_S}/rrpc/request/{{message}}", DOWN, "rrpc_request", pushed=True),
    Topic(f"{_S}/rrpc/response/{{message}}", UP, "rrpc_response", answer_call, is_reply=True),
    Topic(
        "/ext/rrpc/{message}/sys/{pk}/{dn}/thing/service/property/set", BOTH, "rrpc", answer_call, pushed_to_ext=True
    ),
    Topic(
        "/ext/rrpc/{message}/sys/{pk}/{dn}/thing/service/property/get", BOTH, "rrpc", answer_call, pushed_to_ext=True
    ),
    Topic("/ext/rrpc/{message}/sys/{pk}/{dn}/thing/service/{service}", BOTH, "rrpc", answer_call, pushed_to_ext=True),
    Topic("/ext/rrpc/{message}/sys/{pk}/{dn}/thing/model/down_raw", BOTH, "rrpc", answer_call, pushed_to_ext=True),
    Topic("/ext/rrpc/{message}/{pk}/{dn}/user/{*}", BOTH, "rrpc_custom", answer_call, pushed_to_ext=True),
    # Tags, configuration, logs, files, jobs.
    _request_up(f"{_S}/thing/deviceinfo/update", "tags_update", update_tags),
    _request_up(f"{_S}/thing/deviceinfo/delete", "tags_delete", delete_tags),
    _request_up(f"{_S}/thing/config/get", "config_get", get_config),
    # Device reply, yet one official SDK (npm 1.2.8) subscribes to it and takes a refusal for an error.
    Topic(f"{_S}/thing/config/push_reply", BOTH, "config_push_reply", is_reply=True),
    Topic(f"{_S}/thing/config/push", DOWN, "config_push", pushed=True),
    _request_up(f"{_S}/thing/config/log/get", "log_config_get", get_log_config),
    _request_down(f"{_S}/thing/config/log/push", "log_config_push"),
    _request_up(f"{_S}/thing/log/post", "log_post", post_log, reply_pushed=False),
    _request_up(f"{_S}/_thing/diag/post", "diagnosis_post", post_diagnosis, reply_pushed=False),
    _request_up(f"{_S}/thing/file/upload/mqtt/init", "file_upload", begin_upload, reply_pushed=False),
    _request_up(f"{_S}/thing/file/upload/mqtt/send", "file_upload", send_block, reply_pushed=False),
    _request_up(f"{_S}/thing/file/upload/mqtt/cancel", "file_upload", cancel_upload, reply_pushed=False),
    _request_up(f"{_S}/thing/file/download", "file_download", download_block),
    _request_down(f"{_S}/thing/job/notify", "job_notify"),
    _request_up(f"{_S}/thing/job/get", "job_get", get_job),
    _request_up(f"{_S}/thing/job/update", "job_update", update_job),
    _request_down(f"{_S}/thing/bootstrap/notify", "bootstrap_notify", pushed=False),
    _request_down(f"{_S}/thing/bootstrap/config/push", "bootstrap_config_push"),
    _request_up(f"{_S}/thing/reset", "reset", note_reset),
    _request_up(f"{_S}/thing/cipher/get", "cipher_get"),
    Topic(f"{_S}/thing/lan/{{*}}", BOTH, "lan", pushed=True),
    Topic(f"{_S}/thing/awss/{{*}}", BOTH, "awss", pushed=True),
    Topic(f"{_S}/_thing/event/notify", DOWN, "notify", pushed=True),
    _request_up(f"{_S}/_thing/service/post", "service_post"),
    # OTA.
    Topic("/ota/device/inform/{pk}/{dn}", UP, "ota_inform", inform_version),
    Topic("/ota/device/upgrade/{pk}/{dn}", DOWN, "ota_upgrade", qos=1, pushed=True),
    Topic("/ota/device/progress/{pk}/{dn}", UP, "ota_progress", report_progress),
    # An old request of the device; the platform's own list of pushed topics names it all the same.
    Topic("/ota/device/request/{pk}/{dn}", BOTH, "ota_request", ask_upgrade, pushed=True),
    _request_up(f"{_S}/thing/ota/firmware/get", "ota_firmware_get", get_firmware),
    # Shadow.
    Topic("/shadow/update/{pk}/{dn}", UP, "shadow_update", update_shadow),
    Topic("/shadow/get/{pk}/{dn}", DOWN, "shadow_get", qos=1, pushed=True),
    # Clock, broadcast, custom.
    Topic("/ext/ntp/{pk}/{dn}/request", UP, "ntp_request", tell_time),
    Topic("/ext/ntp/{pk}/{dn}/response", DOWN, "ntp_response", pushed=True, is_reply=True),
    Topic("/broadcast/{pk}/{*}", DOWN, "broadcast"),
    # The vendor's C SDK listens to this one without SUBSCRIBE.
    Topic(f"{_S}/broadcast/request/{{message}}", DOWN, "broadcast", pushed=True),
    Topic("/{pk}/{dn}/user/{*}", BOTH, "custom"),
    # Gateways and their sub-devices.
    _request_up(f"{_S}/thing/sub/register", "sub_register", register_sub_devices, gateway_only=True),
    _request_up(f"{_S}/thing/sub/unregister", "sub_unregister", unregister_sub_devices, gateway_only=True),
    _request_up(f"{_S}/thing/proxy/provisioning/product_register", "sub_register", product_register, gateway_only=True),
    _request_up(f"{_S}/thing/topo/add", "topo_add", add_topology, gateway_only=True),
    _request_up(f"{_S}/thing/topo/delete", "topo_delete", delete_topology, gateway_only=True),
    _request_up(f"{_S}/thing/topo/get", "topo_get", get_topology, gateway_only=True),
    _request_up(f"{_S}/thing/list/found", "list_found", find_list, reply_pushed=False, gateway_only=True),
    _request_down(f"{_S}/thing/topo/add/notify", "topo_add_notify", pushed=False),
    _request_down(f"{_S}/thing/topo/change", "topo_change"),
    _request_down(f"{_S}/thing/gateway/permit", "gateway_permit"),
    _request_up("/ext/session/{pk}/{dn}/combine/login", "sub_login", log_in, gateway_only=True),
    _request_up("/ext/session/{pk}/{dn}/combine/batch_login", "sub_login", log_in_batch, gateway_only=True),
    _request_up("/ext/session/{pk}/{dn}/combine/logout", "sub_logout", log_out, gateway_only=True),
    _request_up("/ext/session/{pk}/{dn}/combine/batch_logout", "sub_logout", log_out_batch, gateway_only=True),
    Topic("/ext/error/{pk}/{dn}", DOWN, "error"),
    Topic(f"{_S}/thing/disable", DOWN, "disable"),
    # The platform's own list of pushed topics names this reply of the device.
    Topic(f"{_S}/thing/disable_reply", BOTH, "disable_reply", pushed=True, is_reply=True),
    _request_down(f"{_S}/thing/enable", "enable", pushed=False),
    _request_down(f"{_S}/thing/delete", "delete", pushed=False),
    # Dynamic registration answers a session that has no device yet, so these are nobody's to subscribe.
    Topic("/ext/register", DOWN, "registration"),
    Topic("/ext/regnwl", DOWN, "registration"),
)


def _with_replies(rows: tuple[Topic, ...]) -> Iterator[Topic]:
    for row in rows:
        yield row
        if row.reply_pattern is not None:
            yield replace(
                row,
                pattern=row.reply_pattern,
                direction=UP if row.direction is DOWN else DOWN,
                kind=f"{row.kind}_reply",
                handler=row.reply_handler,
                reply_handler=None,
                qos=0,
                replies=False,
                pushed=row.direction is UP and row.reply_pushed,
                is_reply=True,
            )


TOPICS: tuple[Topic, ...] = tuple(_with_replies(_ROWS))
