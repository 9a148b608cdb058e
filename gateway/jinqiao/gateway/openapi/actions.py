"""One table of actions: name, parameters, handler, and the members of the answer beside RequestId and Success.

`!` marks what is mandatory, `.N` a list. `device` stands for `IotId`, or `ProductKey` with `DeviceName`. Parameters
that are not listed, such as IotInstanceId, are passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from . import devices, messages, ota, past, things
from .arguments import Arguments
from .pending import Pending

__all__ = ["ACTIONS", "VERSION", "Action"]

#: The API's version, a parameter or header of each call.
VERSION = "2018-01-20"


@dataclass(frozen=True, slots=True)
class Action:
    name: str
    parameters: str
    run: Callable[[Arguments], Mapping[str, Any] | Pending]
    answer: str


_TABLE = (
    # Devices.
    Action("RegisterDevice", "ProductKey! DeviceName Nickname", devices.register_device,
           "Data{IotId ProductKey DeviceName DeviceSecret Nickname}"),
    Action("QueryDeviceDetail", "device!", devices.query_device_detail,
           "Data{IotId ProductKey DeviceName ProductName Nickname DeviceSecret GmtCreate UtcCreate GmtActive UtcActive "
           "GmtOnline UtcOnline Status IpAddress FirmwareVersion NodeType Region Owner}"),
    Action("GetDeviceStatus", "device!", devices.get_device_status, "Data{Status Timestamp}"),
    Action("BatchGetDeviceState", "ProductKey DeviceName.N IotId.N", devices.batch_get_device_state,
           "DeviceStatusList{DeviceStatus[DeviceId IotId DeviceName Status AsAddress LastOnlineTime Timestamp]}"),
    Action("QueryDeviceProp", "device!", devices.query_device_prop, "Props"),
    Action("DisableThing", "device!", devices.disable_thing, ""),
    Action("EnableThing", "device!", devices.enable_thing, ""),
    Action("DeleteDevice", "device!", devices.delete_device, ""),
    # What a device is and does.
    Action("SetDeviceProperty", "device! Items!", things.set_device_property, "Data{MessageId}"),
    Action("InvokeThingService", "device! Identifier! Args", things.invoke_thing_service, "Data{Result MessageId}"),
    Action("QueryDevicePropertyStatus", "device! FunctionBlockId", things.query_device_property_status,
           "Data{List{PropertyStatusInfo[Identifier Name DataType Unit Value Time]}}"),
    Action("SetDeviceDesiredProperty", "device! Items! Versions", things.set_device_desired_property,
           "Data{MessageId Versions}"),
    Action("QueryDeviceDesiredProperty", "device! Identifier.N", things.query_device_desired_property,
           "Data{List{DesiredPropertyInfo[Identifier Name DataType Unit Value Version Time]}}"),
    Action("GetDeviceShadow", "device!", things.get_device_shadow, "ShadowMessage"),
    Action("UpdateDeviceShadow", "device! ShadowMessage! DeltaUpdate", things.update_device_shadow, ""),
    Action("GetThingModelTsl", "ProductKey! FunctionBlockId", things.get_thing_model_tsl, "Data{TslStr TslUri}"),
    # What it was and did.
    Action("QueryDevicePropertyData", "device! Identifier! StartTime! EndTime! PageSize! Asc!",
           past.query_device_property_data, "Data{NextValid NextTime List{PropertyInfo[Time Value]}}"),
    Action("QueryDevicePropertiesData", "device! Identifier.N! StartTime! EndTime! PageSize! Asc!",
           past.query_device_properties_data,
           "NextValid NextTime PropertyDataInfos{PropertyDataInfo[Identifier List{PropertyInfo[Time Value]}]}"),
    Action("QueryDeviceEventData", "device! StartTime! EndTime! Identifier EventType PageSize Asc",
           past.query_device_event_data,
           "Data{NextValid NextTime List{EventInfo[Time Identifier Name EventType OutputData]}}"),
    Action("QueryDeviceServiceData", "device! StartTime! EndTime! Identifier PageSize Asc",
           past.query_device_service_data,
           "Data{NextValid NextTime List{ServiceInfo[Time Identifier Name InputData OutputData]}}"),
    # Messages.
    Action("Pub", "ProductKey! TopicFullName! MessageContent! Qos", messages.publish, "MessageId"),
    Action("PubBroadcast", "ProductKey! TopicFullName MessageContent!", messages.publish_broadcast, "MessageId"),
    Action("RRpc", "device! RequestBase64Byte! Timeout Topic", messages.rrpc, "RrpcCode PayloadBase64Byte MessageId"),
    # Firmware.
    Action("CreateOTAFirmware",
           "ProductKey! DestVersion! FirmwareUrl! FirmwareSize FirmwareSign SignMethod ModuleName Type Udi",
           ota.create_ota_firmware, "Data{FirmwareId UtcCreate}"),
    Action("CreateOTAStaticUpgradeJob",
           "ProductKey! FirmwareId! TargetSelection! TargetDeviceName.N SrcVersion.N",
           ota.create_ota_static_upgrade_job, "Data{JobId UtcCreate}"),
)  # fmt: skip

ACTIONS: Mapping[str, Action] = MappingProxyType({action.name: action for action in _TABLE})
