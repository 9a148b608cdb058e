"""The calls that the vendor's OpenAPI SDKs make of a running sandbox, one row each; `sdk_calls` makes them.

To add an action, add a row: `REAL` is asked of a device of the acceptance registry that is online and answers,
`SIMULATED` of a car of `jinqiao run`. Every client makes the calls of a list in order, one client after the other,
so what a call leaves behind has `$client` in its name, or a later row takes it away.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from support.sdk_calls import found, named

__all__ = ["ANYTHING", "REAL", "SIMULATED", "Call", "differences"]

#: Expected of what is there, whatever it is.
ANYTHING = object()


@dataclass(frozen=True)
class Call:
    """`expected` maps a path in the answer to its value; `keeps` a name for later rows to a path."""

    action: str
    parameters: dict[str, Any]
    expected: Mapping[str, Any] = field(default_factory=dict)
    keeps: Mapping[str, str] = field(default_factory=dict)
    #: The product's refusal that is expected, instead of success.
    code: str = ""
    #: What is repeated until it is so, for a while: path to value.
    awaited: Mapping[str, Any] = field(default_factory=dict)


def differences(call: Call, answer: dict[str, Any], names: Mapping[str, str]) -> list[str]:
    """What is not as the row says; empty if all is."""
    expected = {"Success": not call.code, **call.expected, **call.awaited}
    if call.code:
        expected["Code"] = call.code
    wrong = []
    for path, value in expected.items():
        is_now, wanted = found(answer, path), named(value, names)
        if (is_now is None) if value is ANYTHING else (is_now != wanted):
            wrong.append(f"{call.action}: {path} is {is_now!r}, not {wanted!r}, in {answer}")
    return wrong


_DEVICE = {"ProductKey": "$product", "DeviceName": "$device"}
_BOTH = {"ProductKey": "$product", "DeviceName": ["tbox001", "tbox002"]}
_NEW = {"ProductKey": "$product", "DeviceName": "new-$client"}
_TIMES = {"StartTime": 0, "EndTime": 4_102_444_800_000, "PageSize": 10, "Asc": 1}
_PAGE = {"CurrentPage": 1, "PageSize": 10}
_PING, _PONG = (base64.b64encode(text).decode() for text in (b"ping", b"pong"))

#: Names: product, device, client.
REAL = (
    # Products and devices.
    Call("QueryProductList", {"CurrentPage": 1, "PageSize": 10}, {"Data.List.ProductInfo.0.ProductKey": ANYTHING}),
    Call("QueryDevice", {"ProductKey": "$product", "PageSize": 2, "CurrentPage": 2}, {"Page": 2, "Total": 3}),
    Call("RegisterDevice", _NEW, {"Data.DeviceSecret": ANYTHING}, {"IotId": "Data.IotId"}),
    Call("RegisterDevice", _NEW, code="iot.device.AlreadyExistedDeviceName"),
    Call("QueryDeviceDetail", {"IotId": "$IotId"}, {"Data.DeviceName": "new-$client", "Data.Status": "UNACTIVE"}),
    Call("DisableThing", {"IotId": "$IotId"}),
    Call("GetDeviceStatus", _NEW, {"Data.Status": "DISABLE"}),
    Call("EnableThing", {"IotId": "$IotId"}),
    Call("DeleteDevice", _NEW),
    Call("QueryDeviceDetail", _NEW, code="iot.device.NotExistedDevice"),
    Call("QueryDeviceDetail", _DEVICE, {"Data.Status": "ONLINE", "Data.NodeType": 0}),
    Call("BatchQueryDeviceDetail", _BOTH, {"Data.Data.1.DeviceName": "tbox002"}),
    Call("BatchGetDeviceState", _BOTH, {"DeviceStatusList.DeviceStatus.0.Status": "ONLINE"}),
    Call("QueryDeviceProp", _DEVICE, {"Props": ANYTHING}),
    Call("QueryDeviceInfo", _DEVICE, {"Data.DeviceName": "$device"}),
    Call("QueryDeviceByStatus", {"ProductKey": "$product", "Status": 1, **_PAGE}, {"Total": 1}),
    Call("QueryDeviceStatistics", {"ProductKey": "$product"}, {"Data.deviceCount": 3, "Data.onlineCount": 1}),
    Call("BatchUpdateDeviceNickname", {"DeviceNicknameInfo": [{**_DEVICE, "Nickname": "of-$client"}]}),
    Call("QueryDeviceDetail", _DEVICE, {"Data.Nickname": "of-$client"}),
    Call("SaveDeviceProp", {**_DEVICE, "Props": '{"colour": "$client"}'}),
    Call("QueryDeviceByTags", {"Tag": [{"TagKey": "colour", "TagValue": "$client"}], **_PAGE}, {"Total": 1}),
    Call("DeleteDeviceProp", {**_DEVICE, "PropKey": "colour"}),
    Call(
        "GetThingTopo",
        {"ProductKey": "a1gatePK001", "DeviceName": "gw001", "PageNo": 1, "PageSize": 10},
        {"Data.Total": 0},
    ),
    # A product with its thing model and topics, and its devices, from nothing.
    Call(
        "CreateProduct",
        {"ProductName": "made_$client", "NodeType": 0},
        {"Data.ProductName": "made_$client"},
        {"made": "ProductKey"},
    ),
    Call("QueryProduct", {"ProductKey": "$made"}, {"Data.DeviceCount": 0}),
    Call("UpdateProduct", {"ProductKey": "$made", "ProductName": "renamed_$client"}),
    Call(
        "CreateThingModel",
        {
            "ProductKey": "$made",
            "ThingModelJson": '{"properties": [{"identifier": "Level", "name": "level", "dataType": "INT", "rwFlag": '
            '"READ_WRITE", "required": false, "dataSpecs": {"dataType": "INT", "min": "0", "max": "9", "step": "1"}}]}',
        },
    ),
    Call("PublishThingModel", {"ProductKey": "$made"}),
    Call("GetThingModelTslPublished", {"ProductKey": "$made"}, {"Data.TslStr": ANYTHING}),
    Call("QueryThingModel", {"ProductKey": "$made"}, {"Data.ThingModelJson": ANYTHING}),
    Call("ListThingModelVersion", {"ProductKey": "$made"}, {"Data.ModelVersions.0.ModelVersion": ANYTHING}),
    Call(
        "CreateProductTopic",
        {"ProductKey": "$made", "TopicShortName": "more", "Operation": "ALL"},
        {"TopicId": ANYTHING},
    ),
    Call("QueryProductTopic", {"ProductKey": "$made"}, {"Data.ProductTopicInfo.0.ProductKey": "$made"}),
    Call("BatchRegisterDevice", {"ProductKey": "$made", "Count": 2}, keeps={"apply": "Data.ApplyId"}),
    Call(
        "QueryBatchRegisterDeviceStatus",
        {"ProductKey": "$made", "ApplyId": "$apply"},
        awaited={"Data.Status": "CREATE_SUCCESS"},
    ),
    Call(
        "QueryPageByApplyId",
        {"ApplyId": "$apply", **_PAGE},
        {"Total": 2},
        {
            "first": "ApplyDeviceList.ApplyDeviceInfo.0.DeviceName",
            "second": "ApplyDeviceList.ApplyDeviceInfo.1.DeviceName",
        },
    ),
    Call("DeleteDevice", {"ProductKey": "$made", "DeviceName": "$first"}),
    Call("DeleteDevice", {"ProductKey": "$made", "DeviceName": "$second"}),
    Call("DeleteProduct", {"ProductKey": "$made"}),
    # Groups of devices.
    Call(
        "CreateDeviceGroup",
        {"GroupName": "group_$client"},
        {"Data.GroupName": "group_$client"},
        {"group": "Data.GroupId"},
    ),
    Call("BatchAddDeviceGroupRelations", {"GroupId": "$group", "Device": [_DEVICE]}, {"SuccessAddedDeviceCount": 1}),
    Call("QueryDeviceListByDeviceGroup", {"GroupId": "$group", **_PAGE}, {"Total": 1}),
    Call("QueryDeviceGroupInfo", {"GroupId": "$group"}, {"Data.DeviceCount": 1}),
    Call("BatchDeleteDeviceGroupRelations", {"GroupId": "$group", "Device": [_DEVICE]}, {"SuccessDeviceCount": 1}),
    Call("DeleteDeviceGroup", {"GroupId": "$group"}),
    # Server-side subscription.
    Call("CreateConsumerGroup", {"GroupName": "consumers_$client"}, keeps={"consumers": "GroupId"}),
    Call(
        "CreateSubscribeRelation",
        {"ProductKey": "a1dynPK0001", "Type": "AMQP", "ConsumerGroupIds": ["$consumers"], "DeviceDataFlag": True},
    ),
    Call("QuerySubscribeRelation", {"ProductKey": "a1dynPK0001", "Type": "AMQP"}, {"DeviceDataFlag": True}),
    Call("QueryConsumerGroupList", _PAGE, {"Success": True}),
    Call("QueryConsumerGroupStatus", {"GroupId": "$consumers"}, {"AccumulationCount": ANYTHING}),
    Call("DeleteSubscribeRelation", {"ProductKey": "a1dynPK0001", "Type": "AMQP"}),
    Call("DeleteConsumerGroup", {"GroupId": "$consumers"}),
    # Rules.
    Call(
        "CreateRule",
        {
            "Name": "rule_$client",
            "ProductKey": "$product",
            "Select": "deviceName() as dn",
            "ShortTopic": "+/thing/event/property/post",
            "TopicType": 0,
            "DataType": "JSON",
        },
        keeps={"rule": "RuleId"},
    ),
    Call(
        "CreateRuleAction",
        {
            "RuleId": "$rule",
            "Type": "REPUBLISH",
            "Configuration": '{"topic": "/$product/$device/user/get", "topicType": 1}',
        },
        keeps={"action": "ActionId"},
    ),
    Call("StartRule", {"RuleId": "$rule"}),
    Call("GetRule", {"RuleId": "$rule"}, {"RuleInfo.Status": "RUNNING"}),
    Call("ListRuleActions", {"RuleId": "$rule"}, {"RuleActionList.RuleActionInfo.0.Type": "REPUBLISH"}),
    Call("StopRule", {"RuleId": "$rule"}),
    Call("DeleteRuleAction", {"ActionId": "$action"}),
    Call("DeleteRule", {"RuleId": "$rule"}),
    # Thing model, properties, services, shadow.
    Call("GetThingModelTsl", {"ProductKey": "$product"}, {"Data.TslStr": ANYTHING}),
    Call("SetDeviceProperty", {**_DEVICE, "Items": '{"DoorLock": 1}'}, {"Data.MessageId": ANYTHING}),
    Call("SetDeviceProperty", {**_DEVICE, "Items": "no object"}, code="iot.check.InvalidFormattedParameter"),
    Call(
        "InvokeThingService",
        {**_DEVICE, "Identifier": "Unlock", "Args": '{"Door": 1}'},
        {"Data.Result": '{"Result":7,"Message":"金桥"}'},
    ),
    Call("QueryDevicePropertyStatus", _DEVICE, {"Data.List.PropertyStatusInfo.0.Identifier": ANYTHING}),
    Call("QueryDevicePropertyData", {**_DEVICE, **_TIMES, "Identifier": "DoorLock"}, {"Data.List": ANYTHING}),
    Call("QueryDeviceEventData", {**_DEVICE, **_TIMES}, {"Data.List": ANYTHING}),
    Call("QueryDeviceServiceData", {**_DEVICE, **_TIMES}, {"Data.List": ANYTHING}),
    Call("SetDeviceDesiredProperty", {**_DEVICE, "Items": '{"DoorLock": 0}', "Versions": "{}"}, {"Data": ANYTHING}),
    Call(
        "QueryDeviceDesiredProperty",
        {**_DEVICE, "Identifier": ["DoorLock"]},
        {"Data.List.DesiredPropertyInfo.0.Value": "0"},
    ),
    Call(
        "UpdateDeviceShadow",
        {**_DEVICE, "ShadowMessage": '{"method": "update", "state": {"desired": {"a": 1}}, "version": -1}'},
    ),
    Call("GetDeviceShadow", _DEVICE, {"ShadowMessage": ANYTHING}),
    # Messages.
    Call("SetDevicesProperty", {**_BOTH, "Items": '{"DoorLock": 1}'}),
    Call("InvokeThingsService", {**_BOTH, "Identifier": "StartClimate", "Args": '{"Target": 22.0, "Minutes": 10}'}),
    Call("BatchPub", {**_BOTH, "TopicShortName": "get", "MessageContent": _PING}),
    Call(
        "Pub",
        {"ProductKey": "$product", "TopicFullName": "/$product/$device/user/get", "MessageContent": _PING, "Qos": 1},
        {"MessageId": ANYTHING},
    ),
    Call(
        "RRpc",
        {**_DEVICE, "RequestBase64Byte": _PING, "Timeout": 5000},
        {"RrpcCode": "SUCCESS", "PayloadBase64Byte": _PONG},
    ),
    Call("PubBroadcast", {"ProductKey": "$product", "MessageContent": _PING}, {"MessageId": ANYTHING}),
    # Firmware.
    Call(
        "CreateOTAFirmware",
        {
            "FirmwareName": "of-$client",
            "ProductKey": "$product",
            "DestVersion": "2.0-$client",
            "FirmwareUrl": "https://example.invalid/f.bin",
            "FirmwareSize": 14,
            "FirmwareSign": "ab" * 16,
            "SignMethod": "MD5",
        },
        {"Data.UtcCreate": ANYTHING},
        {"FirmwareId": "Data.FirmwareId"},
    ),
    Call(
        "CreateOTAStaticUpgradeJob",
        {
            "ProductKey": "$product",
            "FirmwareId": "$FirmwareId",
            "TargetSelection": "SPECIFIC",
            "TargetDeviceName": ["$device"],
        },
        {"Data.UtcCreate": ANYTHING},
        {"JobId": "Data.JobId"},
    ),
    Call("QueryOTAFirmware", {"FirmwareId": "$FirmwareId"}, {"FirmwareInfo.DestVersion": "2.0-$client"}),
    Call(
        "ListOTAFirmware",
        {"ProductKey": "$product", **_PAGE},
        {"FirmwareInfo.SimpleFirmwareInfo.0.FirmwareId": ANYTHING},
    ),
    Call("ListOTAJobByFirmware", {"FirmwareId": "$FirmwareId", **_PAGE}, {"Total": 1}),
    Call("ListOTATaskByJob", {"JobId": "$JobId", **_PAGE}, {"Total": 1}),
    Call("CancelOTATaskByDevice", {"ProductKey": "$product", "FirmwareId": "$FirmwareId", "DeviceName": ["$device"]}),
    Call("QueryOTAJob", {"JobId": "$JobId"}, {"Data.FirmwareId": "$FirmwareId"}),
    # What does not exist.
    Call("QueryDeviceDetail", {"ProductKey": "a1nonePK001", "DeviceName": "x"}, code="iot.prod.NotExistedProduct"),
)

#: Names: product, of the simulated cars, and client.
SIMULATED = (
    Call("QueryDevice", {"ProductKey": "$product"}, {"Total": 2}, {"device": "Data.DeviceInfo.0.DeviceName"}),
    Call("QueryDeviceDetail", _DEVICE, {"Data.Status": "ONLINE"}),
    Call("SetDeviceProperty", {**_DEVICE, "Items": '{"charging:ChargeLimit": 80}'}, {"Data.MessageId": ANYTHING}),
    Call(
        "InvokeThingService",
        {**_DEVICE, "Identifier": "RequestDiagnostics", "Args": "{}"},
        {"Data.Result": ANYTHING},
    ),
    Call("QueryDevicePropertyStatus", _DEVICE, {"Data.List.PropertyStatusInfo.0.Value": ANYTHING}),
    Call(
        "QueryDevicePropertyData",
        {**_DEVICE, **_TIMES, "Identifier": "VehicleSpeed"},
        {"Data.List.PropertyInfo.0.Value": ANYTHING},
    ),
)
