"""One table of topics: whose they are, which way they go, how they are counted, who answers, who gets them unasked.

Every topic of the platform's device side is a row, and so is every reply: `replies` adds the reply's row with the
opposite direction. What the platform does with an uplink stands elsewhere (`gateway.platform.uplinks.table`), so that
both ends of the wire share this table.

In a pattern, `{pk}` and `{dn}` are product key and device name, `{*}` is one level or more, any other name is exactly
one level. Directions are the device's: UP it publishes, DOWN it subscribes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Flag

__all__ = ["ANSWERED_IN_PLACE", "RESERVED_KEYS", "TOPICS", "Direction", "Topic"]

#: First levels of system topics: no product may be called so, because `/{product_key}/…` is its own topics' root.
RESERVED_KEYS = frozenset({"as", "broadcast", "ext", "ota", "shadow", "sys"})


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
    `pushed_to_ext` ones only if bit 0 of its `ext` is set too. `is_reply` distinguishes replies from requests.
    """

    pattern: str
    direction: Direction
    kind: str
    qos: int = 0
    replies: bool = False
    pushed: bool = False
    pushed_to_ext: bool = False
    reply_pushed: bool = False
    is_reply: bool = False
    #: Never a sub-device's: its gateway speaks of it, on the gateway's own topic.
    gateway_only: bool = False

    @property
    def reply_pattern(self) -> str | None:
        return f"{self.pattern}_reply" if self.replies else None


def _request_up(pattern: str, kind: str, *, reply_pushed: bool = True, gateway_only: bool = False) -> Topic:
    """A device asks, the platform replies."""
    return Topic(pattern, UP, kind, replies=True, reply_pushed=reply_pushed, gateway_only=gateway_only)


def _request_down(pattern: str, kind: str, *, pushed: bool = True, qos: int = 0) -> Topic:
    """The platform asks, a device replies."""
    return Topic(pattern, DOWN, kind, qos=qos, replies=True, pushed=pushed)


_S = "/sys/{pk}/{dn}"

_ROWS: tuple[Topic, ...] = (
    # Thing model.
    _request_up(f"{_S}/thing/event/property/post", "property_post"),
    _request_up(f"{_S}/thing/event/property/pack/post", "property_pack_post"),
    _request_up(f"{_S}/thing/event/property/history/post", "property_history_post"),
    _request_up(f"{_S}/thing/event/property/batch/post", "property_batch_post"),
    _request_up(f"{_S}/thing/event/{{event}}/post", "event_post"),
    _request_down(f"{_S}/thing/service/property/set", "property_set", qos=1),
    _request_down(f"{_S}/thing/service/property/get", "property_get", qos=1),
    _request_down(f"{_S}/thing/service/{{service}}", "service", qos=1),
    _request_up(f"{_S}/thing/model/up_raw", "raw_up"),
    _request_down(f"{_S}/thing/model/down_raw", "raw_down", qos=1),
    _request_up(f"{_S}/thing/property/desired/get", "desired_get"),
    _request_up(f"{_S}/thing/property/desired/delete", "desired_delete"),
    _request_up(f"{_S}/thing/dsltemplate/get", "thing_model_get"),
    _request_up(f"{_S}/thing/dynamicTsl/get", "thing_model_get"),
    # Remote calls.
    Topic(f"{_S}/rrpc/request/{{message}}", DOWN, "rrpc_request", pushed=True),
    Topic(f"{_S}/rrpc/response/{{message}}", UP, "rrpc_response", is_reply=True),
    Topic("/ext/rrpc/{message}/sys/{pk}/{dn}/thing/service/property/set", BOTH, "rrpc", pushed_to_ext=True),
    Topic("/ext/rrpc/{message}/sys/{pk}/{dn}/thing/service/property/get", BOTH, "rrpc", pushed_to_ext=True),
    Topic("/ext/rrpc/{message}/sys/{pk}/{dn}/thing/service/{service}", BOTH, "rrpc", pushed_to_ext=True),
    Topic("/ext/rrpc/{message}/sys/{pk}/{dn}/thing/model/down_raw", BOTH, "rrpc", pushed_to_ext=True),
    Topic("/ext/rrpc/{message}/{pk}/{dn}/user/{*}", BOTH, "rrpc_custom", pushed_to_ext=True),
    # Tags, configuration, logs, files, jobs.
    _request_up(f"{_S}/thing/deviceinfo/update", "tags_update"),
    _request_up(f"{_S}/thing/deviceinfo/delete", "tags_delete"),
    _request_up(f"{_S}/thing/config/get", "config_get"),
    # Device reply, yet one official SDK (npm 1.2.8) subscribes to it and takes a refusal for an error.
    Topic(f"{_S}/thing/config/push_reply", BOTH, "config_push_reply", is_reply=True),
    Topic(f"{_S}/thing/config/push", DOWN, "config_push", pushed=True),
    _request_up(f"{_S}/thing/config/log/get", "log_config_get"),
    _request_down(f"{_S}/thing/config/log/push", "log_config_push"),
    _request_up(f"{_S}/thing/log/post", "log_post", reply_pushed=False),
    _request_up(f"{_S}/_thing/diag/post", "diagnosis_post", reply_pushed=False),
    _request_up(f"{_S}/thing/file/upload/mqtt/init", "file_upload", reply_pushed=False),
    _request_up(f"{_S}/thing/file/upload/mqtt/send", "file_upload", reply_pushed=False),
    _request_up(f"{_S}/thing/file/upload/mqtt/cancel", "file_upload", reply_pushed=False),
    _request_up(f"{_S}/thing/file/download", "file_download"),
    _request_down(f"{_S}/thing/job/notify", "job_notify"),
    _request_up(f"{_S}/thing/job/get", "job_get"),
    _request_up(f"{_S}/thing/job/update", "job_update"),
    _request_down(f"{_S}/thing/bootstrap/notify", "bootstrap_notify", pushed=False),
    _request_down(f"{_S}/thing/bootstrap/config/push", "bootstrap_config_push"),
    _request_up(f"{_S}/thing/reset", "reset"),
    _request_up(f"{_S}/thing/cipher/get", "cipher_get"),
    Topic(f"{_S}/thing/lan/{{*}}", BOTH, "lan", pushed=True),
    Topic(f"{_S}/thing/awss/{{*}}", BOTH, "awss", pushed=True),
    Topic(f"{_S}/_thing/event/notify", DOWN, "notify", pushed=True),
    _request_up(f"{_S}/_thing/service/post", "service_post"),
    # OTA.
    Topic("/ota/device/inform/{pk}/{dn}", UP, "ota_inform"),
    Topic("/ota/device/upgrade/{pk}/{dn}", DOWN, "ota_upgrade", qos=1, pushed=True),
    Topic("/ota/device/progress/{pk}/{dn}", UP, "ota_progress"),
    # An old request of the device; the platform's own list of pushed topics names it all the same.
    Topic("/ota/device/request/{pk}/{dn}", BOTH, "ota_request", pushed=True),
    _request_up(f"{_S}/thing/ota/firmware/get", "ota_firmware_get"),
    # Shadow.
    Topic("/shadow/update/{pk}/{dn}", UP, "shadow_update"),
    Topic("/shadow/get/{pk}/{dn}", DOWN, "shadow_get", qos=1, pushed=True),
    # Clock, broadcast, custom.
    Topic("/ext/ntp/{pk}/{dn}/request", UP, "ntp_request"),
    Topic("/ext/ntp/{pk}/{dn}/response", DOWN, "ntp_response", pushed=True, is_reply=True),
    Topic("/broadcast/{pk}/{*}", DOWN, "broadcast"),
    # The vendor's C SDK listens to this one without SUBSCRIBE.
    Topic(f"{_S}/broadcast/request/{{message}}", DOWN, "broadcast", pushed=True),
    Topic("/{pk}/{dn}/user/{*}", BOTH, "custom"),
    # Gateways and their sub-devices.
    _request_up(f"{_S}/thing/sub/register", "sub_register", gateway_only=True),
    _request_up(f"{_S}/thing/sub/unregister", "sub_unregister", gateway_only=True),
    _request_up(f"{_S}/thing/proxy/provisioning/product_register", "sub_register", gateway_only=True),
    _request_up(f"{_S}/thing/topo/add", "topo_add", gateway_only=True),
    _request_up(f"{_S}/thing/topo/delete", "topo_delete", gateway_only=True),
    _request_up(f"{_S}/thing/topo/get", "topo_get", gateway_only=True),
    _request_up(f"{_S}/thing/list/found", "list_found", reply_pushed=False, gateway_only=True),
    _request_down(f"{_S}/thing/topo/add/notify", "topo_add_notify", pushed=False),
    _request_down(f"{_S}/thing/topo/change", "topo_change"),
    _request_down(f"{_S}/thing/gateway/permit", "gateway_permit"),
    _request_up("/ext/session/{pk}/{dn}/combine/login", "sub_login", gateway_only=True),
    _request_up("/ext/session/{pk}/{dn}/combine/batch_login", "sub_login", gateway_only=True),
    _request_up("/ext/session/{pk}/{dn}/combine/logout", "sub_logout", gateway_only=True),
    _request_up("/ext/session/{pk}/{dn}/combine/batch_logout", "sub_logout", gateway_only=True),
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
                qos=0,
                replies=False,
                pushed=row.direction is UP and row.reply_pushed,
                is_reply=True,
            )


TOPICS: tuple[Topic, ...] = tuple(_with_replies(_ROWS))

#: Kinds of topics on which question and answer share one topic: who publishes there does not get it back, although it
#: subscribes. Otherwise every answer would be the next question.
ANSWERED_IN_PLACE = frozenset(row.kind for row in TOPICS if row.pushed_to_ext)
