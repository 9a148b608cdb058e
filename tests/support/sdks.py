"""Environments of clients that are no dependency of the project: the vendor's SDKs, and what the examples need."""

from __future__ import annotations

from jinqiao.sandbox.bench.peers import Peer

__all__ = ["LINKKIT", "NODE_PACKAGES", "NOTEBOOK", "OPENAPI", "OPENAPI_OLD", "OPERATIONS", "RHEA"]

LINKKIT = Peer("sdk-linkkit", ("aliyun-iot-linkkit==1.2.13", "paho-mqtt==1.6.1"))
OPENAPI = Peer("sdk-openapi", ("alibabacloud-iot20180120==5.1.0",))
OPENAPI_OLD = Peer("sdk-openapi-old", ("aliyun-python-sdk-core==2.16.1", "aliyun-python-sdk-iot==8.59.0"))
#: A back end: AMQP and cloud calls.
OPERATIONS = Peer("example-charging", ("alibabacloud-iot20180120==5.1.0", "python-qpid-proton==0.40.0"))
NOTEBOOK = Peer("example-battery", ("duckdb==1.5.6", "matplotlib==3.10.7", "pytz==2025.2"))
NODE_PACKAGES = ("alibabacloud-iot-device-sdk@1.2.8", "aliyun-iot-device-sdk@1.0.1")
RHEA = ("rhea@3.0.5",)
