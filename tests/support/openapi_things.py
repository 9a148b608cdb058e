"""Calls by the vendor's OpenAPI SDKs on products, thing models, topics and devices, one row each; see `openapi_calls`.

`BACK_END` are the calls that public back ends begin with: what is there, how it is, and the first thing that they ask
of it.
"""

from __future__ import annotations

import base64
import json

from support.openapi_calls import ANYTHING, Call

__all__ = ["BACK_END", "CARS", "THINGS"]

_PRODUCT, _DEVICE = {"ProductKey": "$product"}, {"ProductKey": "$product", "DeviceName": "$device"}
_BOTH = {"ProductKey": "$product", "DeviceName": ["tbox001", "tbox002"]}
_PAGE = {"CurrentPage": 1, "PageSize": 10}
_HELLO = base64.b64encode(b"hello").decode()

#: Names: product, device, client; of the acceptance registry.
BACK_END = (
    Call("QueryProductList", _PAGE, {"Data.Total": ANYTHING, "Data.List.ProductInfo.0.ProductName": ANYTHING}),
    Call("QueryProduct", _PRODUCT, {"Data.ProductName": "Acceptance T-Box", "Data.ProductSecret": ANYTHING}),
    Call("QueryDevice", {**_PRODUCT, **_PAGE}, {"Data.DeviceInfo.0.IotId": ANYTHING}),
    Call(
        "QueryDeviceByStatus",
        {**_PRODUCT, **_PAGE, "Status": 1},
        {"Total": 1, "Data.SimpleDeviceInfo.0.DeviceName": "$device"},
    ),
    Call("QueryDeviceStatistics", _PRODUCT, {"Data.onlineCount": 1, "Data.deviceCount": 3}),
    Call("QueryDeviceInfo", _DEVICE, {"Data.DeviceSecret": ANYTHING}),
    Call("BatchQueryDeviceDetail", _BOTH, {"Data.Data.0.Status": "ONLINE"}),
    Call("GetThingTopo", {"ProductKey": "a1gatePK001", "DeviceName": "gw001", "PageNo": 1, "PageSize": 10}),
    Call("SetDevicesProperty", {**_BOTH, "Items": '{"DoorLock": 1}'}),
    Call("InvokeThingsService", {**_BOTH, "Identifier": "StartClimate", "Args": '{"Target": 21, "Minutes": 5}'}),
    Call("BatchPub", {**_BOTH, "TopicShortName": "get", "MessageContent": _HELLO}),
    Call("SaveDeviceProp", {**_DEVICE, "Props": '{"colour": "red"}'}),
    Call(
        "BatchUpdateDeviceNickname",
        {
            "DeviceNicknameInfo": [
                {**_DEVICE, "Nickname": "of $client"},
                {"ProductKey": "$product", "DeviceName": "tbox002", "Nickname": "another"},
            ]
        },
    ),
    Call("QueryDeviceInfo", _DEVICE, {"Data.Nickname": "of $client"}),
)

#: Names: product, of the simulated cars, and client.
CARS = (
    Call("QueryProduct", _PRODUCT, {"Data.DeviceCount": 2, "Data.NodeType": 0}),
    Call(
        "QueryDeviceByStatus",
        {**_PRODUCT, **_PAGE, "Status": 1},
        {"Total": 2},
        {"device": "Data.SimpleDeviceInfo.1.DeviceName"},
    ),
    Call("QueryDeviceStatistics", _PRODUCT, {"Data.onlineCount": 2, "Data.activeCount": 2}),
    Call("QueryDeviceInfo", _DEVICE, {"Data.Nickname": ANYTHING}),
    Call("QueryThingModelPublished", {**_PRODUCT, "FunctionBlockId": "charging"}, {"Data.ThingModelJson": ANYTHING}),
    Call("DeleteProduct", _PRODUCT, code="iot.prod.UpdateProductFailed"),
)

_NEW = {"ProductKey": "$Made"}
_SPEED = {
    "identifier": "Speed",
    "name": "speed",
    "dataType": "INT",
    "rwFlag": "READ_WRITE",
    "dataSpecs": {"dataType": "INT", "min": "0", "max": "250", "step": "1", "unit": "km/h"},
}
_MODEL = json.dumps({"properties": [_SPEED]})

#: Names: client. Each makes a product of its own.
THINGS = (
    Call(
        "CreateProduct",
        {
            "ProductName": "Charger_$client",
            "NodeType": 0,
            "AliyunCommodityCode": "iothub_senior",
            "DataFormat": 1,
            "NetType": "CELLULAR",
            "ValidateType": 1,
        },
        {"Data.ProductSecret": ANYTHING, "Data.ProductName": "Charger_$client"},
        {"Made": "ProductKey"},
    ),
    Call("CreateProduct", {"ProductName": "Charger_$client", "NodeType": 0}, code="iot.prod.AlreadyExistedProductName"),
    Call("UpdateProduct", {**_NEW, "ProductName": "Charger2_$client", "Description": "fast"}),
    Call("QueryProduct", _NEW, {"Data.Description": "fast", "Data.DeviceCount": 0, "Data.NetType": 6}),
    # Thing models.
    Call("CreateThingModel", {**_NEW, "ThingModelJson": _MODEL}),
    Call("CreateThingModel", {**_NEW, "ThingModelJson": _MODEL}, code="iot.tsl.InvalidThingModel"),
    Call(
        "CreateThingModel",
        {**_NEW, "ThingModelJson": _MODEL, "FunctionBlockId": "car", "FunctionBlockName": "the_car"},
    ),
    Call(
        "UpdateThingModel", {**_NEW, "Identifier": "Speed", "ThingModelJson": _MODEL.replace("READ_WRITE", "READ_ONLY")}
    ),
    Call("PublishThingModel", {**_NEW, "ModelVersion": "1.0.0", "Description": "first"}),
    Call("ListThingModelVersion", _NEW, {"Data.ModelVersions.0.ModelVersion": "1.0.0"}),
    Call("QueryThingModel", _NEW, {"Data.ThingModelJson": ANYTHING, "ProductKey": "$Made"}),
    Call("QueryThingModelPublished", {**_NEW, "ModelVersion": "1.0.0", "FunctionBlockId": "car"}, {"Data": ANYTHING}),
    Call("GetThingModelTslPublished", _NEW, {"Data.TslStr": ANYTHING}, {"Tsl": "Data.TslStr"}),
    Call("GetThingModelTsl", {**_NEW, "Simple": True}, {"Data.TslStr": ANYTHING}),
    Call("ImportThingModelTsl", {**_NEW, "TslStr": "$Tsl"}),
    Call("DeleteThingModel", {**_NEW, "PropertyIdentifier": ["Speed"], "FunctionBlockId": "car"}),
    Call("CreateProduct", {"ProductName": "Other_$client", "NodeType": 1}, {}, {"Other": "ProductKey"}),
    Call("CopyThingModel", {"SourceProductKey": "$Made", "SourceModelVersion": "1.0.0", "TargetProductKey": "$Other"}),
    Call("DeleteProduct", {"ProductKey": "$Other"}),
    Call("QueryProduct", {"ProductKey": "$Other"}, code="iot.prod.NotExistedProduct"),
    # Devices.
    Call("BatchCheckDeviceNames", {**_NEW, "DeviceName": ["c1", "a/b"]}, code="iot.device.InvalidDeviceNameExisted"),
    Call("BatchCheckDeviceNames", {**_NEW, "DeviceName": ["c1", "c2"]}, {}, {"Batch": "Data.ApplyId"}),
    Call("BatchRegisterDeviceWithApplyId", {**_NEW, "ApplyId": "$Batch"}),
    Call("QueryBatchRegisterDeviceStatus", {**_NEW, "ApplyId": "$Batch"}, {"Data.ValidList.Name": ["c1", "c2"]}),
    Call("BatchRegisterDevice", {**_NEW, "Count": 100}, {}, {"Many": "Data.ApplyId"}),
    Call("QueryPageByApplyId", {"ApplyId": "$Many", **_PAGE}, {"Total": 100, "PageCount": 10}),
    Call("RegisterDevice", {**_NEW, "DeviceName": "c3"}),
    Call("ResetThing", {**_NEW, "DeviceName": "c3"}),
    Call("QueryDeviceByStatus", {**_NEW, **_PAGE, "Status": 0}, {"Data.SimpleDeviceInfo": ANYTHING}),
    Call("DeleteProduct", _NEW, code="iot.prod.UpdateProductFailed"),
    # Topics.
    Call(
        "CreateProductTopic",
        {**_NEW, "TopicShortName": "submit", "Operation": "PUB", "Desc": "one"},
        {},
        {"Topic": "TopicId"},
    ),
    Call("QueryProductTopic", _NEW, {"Data.ProductTopicInfo.0.Id": "$Topic"}),
    Call("UpdateProductTopic", {"TopicId": "$Topic", "TopicShortName": "track", "Operation": "ALL", "Desc": "two"}),
    Call("DeleteProductTopic", {"TopicId": "$Topic"}),
)
