"""Which uplinks the platform acts upon: a topic's pattern → its handler. All others are permitted and forwarded."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import config as config_topics
from . import device_info, posts, raw, replies, sub_devices, sub_sessions
from . import files as file_topics
from . import jobs as job_topics
from . import ota as ota_topics
from . import properties as handlers
from . import shadow as shadow_topics
from .uplink import Handler

__all__ = ["HANDLERS"]

HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "/sys/{pk}/{dn}/thing/event/property/post": handlers.post_properties,
        "/sys/{pk}/{dn}/thing/event/property/pack/post": posts.post_pack,
        "/sys/{pk}/{dn}/thing/event/property/history/post": posts.post_history,
        "/sys/{pk}/{dn}/thing/event/property/batch/post": posts.post_batch,
        "/sys/{pk}/{dn}/thing/event/{event}/post": handlers.post_event,
        "/sys/{pk}/{dn}/thing/service/property/set_reply": replies.note_reply,
        "/sys/{pk}/{dn}/thing/service/property/get_reply": replies.note_reply,
        "/sys/{pk}/{dn}/thing/service/{service}_reply": replies.note_service_reply,
        "/sys/{pk}/{dn}/thing/model/up_raw": raw.post_raw,
        "/sys/{pk}/{dn}/thing/model/down_raw_reply": raw.answer_raw,
        "/sys/{pk}/{dn}/thing/property/desired/get": device_info.get_desired,
        "/sys/{pk}/{dn}/thing/property/desired/delete": device_info.delete_desired,
        "/sys/{pk}/{dn}/thing/dsltemplate/get": device_info.get_thing_model,
        "/sys/{pk}/{dn}/thing/dynamicTsl/get": device_info.get_thing_model,
        "/sys/{pk}/{dn}/rrpc/response/{message}": replies.answer_call,
        "/ext/rrpc/{message}/sys/{pk}/{dn}/thing/service/property/set": replies.answer_call,
        "/ext/rrpc/{message}/sys/{pk}/{dn}/thing/service/property/get": replies.answer_call,
        "/ext/rrpc/{message}/sys/{pk}/{dn}/thing/service/{service}": replies.answer_call,
        "/ext/rrpc/{message}/sys/{pk}/{dn}/thing/model/down_raw": replies.answer_call,
        "/ext/rrpc/{message}/{pk}/{dn}/user/{*}": replies.answer_call,
        "/sys/{pk}/{dn}/thing/deviceinfo/update": device_info.update_tags,
        "/sys/{pk}/{dn}/thing/deviceinfo/delete": device_info.delete_tags,
        "/sys/{pk}/{dn}/thing/config/get": config_topics.get_config,
        "/sys/{pk}/{dn}/thing/config/log/get": config_topics.get_log_config,
        "/sys/{pk}/{dn}/thing/log/post": config_topics.post_log,
        "/sys/{pk}/{dn}/_thing/diag/post": config_topics.post_diagnosis,
        "/sys/{pk}/{dn}/thing/file/upload/mqtt/init": file_topics.begin_upload,
        "/sys/{pk}/{dn}/thing/file/upload/mqtt/send": file_topics.send_block,
        "/sys/{pk}/{dn}/thing/file/upload/mqtt/cancel": file_topics.cancel_upload,
        "/sys/{pk}/{dn}/thing/file/download": file_topics.download_block,
        "/sys/{pk}/{dn}/thing/job/get": job_topics.get_job,
        "/sys/{pk}/{dn}/thing/job/update": job_topics.update_job,
        "/sys/{pk}/{dn}/thing/reset": device_info.note_reset,
        "/ota/device/inform/{pk}/{dn}": ota_topics.inform_version,
        "/ota/device/progress/{pk}/{dn}": ota_topics.report_progress,
        "/ota/device/request/{pk}/{dn}": ota_topics.ask_upgrade,
        "/sys/{pk}/{dn}/thing/ota/firmware/get": ota_topics.get_firmware,
        "/shadow/update/{pk}/{dn}": shadow_topics.update_shadow,
        "/ext/ntp/{pk}/{dn}/request": handlers.tell_time,
        "/sys/{pk}/{dn}/thing/sub/register": sub_devices.register_sub_devices,
        "/sys/{pk}/{dn}/thing/sub/unregister": sub_devices.unregister_sub_devices,
        "/sys/{pk}/{dn}/thing/proxy/provisioning/product_register": sub_devices.product_register,
        "/sys/{pk}/{dn}/thing/topo/add": sub_devices.add_topology,
        "/sys/{pk}/{dn}/thing/topo/delete": sub_devices.delete_topology,
        "/sys/{pk}/{dn}/thing/topo/get": sub_devices.get_topology,
        "/sys/{pk}/{dn}/thing/list/found": sub_devices.find_list,
        "/ext/session/{pk}/{dn}/combine/login": sub_sessions.log_in,
        "/ext/session/{pk}/{dn}/combine/batch_login": sub_sessions.log_in_batch,
        "/ext/session/{pk}/{dn}/combine/logout": sub_sessions.log_out,
        "/ext/session/{pk}/{dn}/combine/batch_logout": sub_sessions.log_out_batch,
    }
)
