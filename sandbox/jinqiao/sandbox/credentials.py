"""A device's credentials, ready to paste: the MQTT login, and the first lines of a program for each client.

The login is worked out once and stays valid: the platform does not judge a client's time stamp (C SDKs send this one).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from jinqiao.gateway.platform.registry.registry import Device
from jinqiao.wire.alink.signature import client_content, sign

__all__ = ["login", "snippets", "sub_device_messages"]

_TIMESTAMP = "2524608000000"
#: Data types of the thing model that are numbers.
_NUMBERS = frozenset({"int", "float", "double"})


def login(device: Device) -> dict[str, str]:
    """`client_id`, `username` and `password` of MQTT."""
    key, name = device.product.key, device.name
    client = f"{key}.{name}"
    content = client_content(client, name, key, _TIMESTAMP)
    return {
        "client_id": f"{client}|securemode=3,signmethod=hmacsha256,timestamp={_TIMESTAMP}|",
        "username": f"{name}&{key}",
        "password": sign("hmacsha256", device.secret, content),
    }


def sub_device_messages(device: Device) -> Mapping[str, str]:
    """What the gateway of a sub-device publishes for it: topic → payload. The gateway's names are to be filled in."""
    key, name = device.product.key, device.name
    client = f"{key}.{name}"
    signed = {
        "productKey": key,
        "deviceName": name,
        "clientId": client,
        "timestamp": _TIMESTAMP,
        "signMethod": "hmacSha256",
        "sign": sign("hmacsha256", device.secret, client_content(client, name, key, _TIMESTAMP)),
    }
    messages: Mapping[str, Any] = {
        "/sys/GATEWAY_PRODUCT_KEY/GATEWAY_NAME/thing/topo/add": {
            "id": "1",
            "version": "1.0",
            "params": [signed],
            "method": "thing.topo.add",
        },
        "/ext/session/GATEWAY_PRODUCT_KEY/GATEWAY_NAME/combine/login": {
            "id": "2",
            "params": {**signed, "cleanSession": "true"},
        },
    }
    return {topic: json.dumps(message) for topic, message in messages.items()}


def snippets(device: Device, host: str, port: int) -> Mapping[str, str]:
    """Client → how to post a property with it."""
    values = {
        **login(device),
        "host": host,
        "port": str(port),
        "product_key": device.product.key,
        "device_name": device.name,
        "device_secret": device.secret,
    }
    params = _example(device)
    post = f"/sys/{device.product.key}/{device.name}/thing/event/property/post"
    payload = json.dumps({"id": "1", "version": "1.0", "params": params}, separators=(",", ":"))
    quoted = {
        **values,
        "params": json.dumps(params),
        "post": post,
        "payload": payload,
        "shell_id": shlex.quote(values["client_id"]),
        "shell_user": shlex.quote(values["username"]),
        "shell_payload": shlex.quote(payload),
        "c_payload": json.dumps(payload),
    }
    return {client: template.format(**quoted) for client, template in _TEMPLATES.items()}


def _example(device: Device) -> dict[str, Any]:
    """A post that the thing model accepts: its first number, at the low end of its range.

    Read from the document, which was accepted once: to compile the model for this would take most of the time.
    """
    tsl = device.product.thing_model.tsl
    for module in (tsl, *tsl.get("functionBlocks", ())):
        block = module.get("functionBlockId")
        for feature in module.get("properties", ()):
            kind, specs = feature["dataType"]["type"], feature["dataType"].get("specs") or {}
            if kind in _NUMBERS:
                address = f"{block}:{feature['identifier']}" if block else feature["identifier"]
                low = float(specs.get("min") or 0)
                return {address: int(low) if kind == "int" else low}
    return {}


_TEMPLATES = {
    "mosquitto_pub": """\
mosquitto_pub -h {host} -p {port} -k 60 -q 1 -i {shell_id} \\
  -u {shell_user} -P {password} \\
  -t {post} -m {shell_payload}
""",
    "paho (Python)": """\
import paho.mqtt.client as mqtt
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="{client_id}")
client.username_pw_set("{username}", "{password}")
client.connect("{host}", {port}, keepalive=60)
client.loop_start()
client.publish("{post}", '{payload}', qos=1).wait_for_publish()
""",
    "aliyun-iot-linkkit (Python SDK)": """\
# pip install aliyun-iot-linkkit 'paho-mqtt<2'
import time
from linkkit import linkkit
device = linkkit.LinkKit(host_name="cn-shanghai", product_key="{product_key}",
                         device_name="{device_name}", device_secret="{device_secret}")
device.config_mqtt(endpoint="{host}", port={port}, secure="")
device.on_thing_enable = lambda userdata: device.thing_post_property({params})
device.on_thing_prop_post = lambda request_id, code, data, message, userdata: print(code, message)
device.thing_setup()
device.connect_async()
time.sleep(5)  # the SDK's threads end with the program
""",
    "alibabacloud-iot-device-sdk (Node SDK)": """\
// npm i alibabacloud-iot-device-sdk
const iot = require('alibabacloud-iot-device-sdk');
const device = iot.device({{productKey: '{product_key}', deviceName: '{device_name}',
                          deviceSecret: '{device_secret}', brokerUrl: 'mqtt://{host}:{port}'}});
device.on('connect', () => device.postProps({params}, reply => console.log(reply)));
""",
    "C Link SDK 4": """\
// gcc post.c -ILinkSDK/output/include -LLinkSDK/output/lib -laiot -lpthread
#include <stdio.h>
#include <string.h>
#include "aiot_state_api.h"
#include "aiot_sysdep_api.h"
#include "aiot_mqtt_api.h"
extern aiot_sysdep_portfile_t g_aiot_sysdep_portfile;
static void heard(void *mqtt, const aiot_mqtt_recv_t *packet, void *userdata) {{
    if (packet->type == AIOT_MQTTRECV_PUB)
        printf("%.*s\\n", (int)packet->data.pub.payload_len, (char *)packet->data.pub.payload);
}}
int main(void) {{
    char *host = "{host}", *product_key = "{product_key}";
    char *device_name = "{device_name}", *device_secret = "{device_secret}";
    char *topic = "{post}", *payload = {c_payload};
    uint16_t port = {port};
    aiot_sysdep_network_cred_t plain = {{.option = AIOT_SYSDEP_NETWORK_CRED_NONE}};
    aiot_sysdep_set_portfile(&g_aiot_sysdep_portfile);
    void *mqtt = aiot_mqtt_init();
    aiot_mqtt_setopt(mqtt, AIOT_MQTTOPT_HOST, host);
    aiot_mqtt_setopt(mqtt, AIOT_MQTTOPT_PORT, &port);
    aiot_mqtt_setopt(mqtt, AIOT_MQTTOPT_PRODUCT_KEY, product_key);
    aiot_mqtt_setopt(mqtt, AIOT_MQTTOPT_DEVICE_NAME, device_name);
    aiot_mqtt_setopt(mqtt, AIOT_MQTTOPT_DEVICE_SECRET, device_secret);
    aiot_mqtt_setopt(mqtt, AIOT_MQTTOPT_NETWORK_CRED, &plain);
    aiot_mqtt_setopt(mqtt, AIOT_MQTTOPT_RECV_HANDLER, (void *)heard);
    if (aiot_mqtt_connect(mqtt) < STATE_SUCCESS) return 1;
    aiot_mqtt_pub(mqtt, topic, (uint8_t *)payload, strlen(payload), 0);
    while (aiot_mqtt_recv(mqtt) >= STATE_SUCCESS) aiot_mqtt_process(mqtt);
}}
""",
}
