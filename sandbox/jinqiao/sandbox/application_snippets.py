"""An application's credentials, ready to paste: the first lines of a program for each client that reads devices."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping

from jinqiao.gateway.platform.registry.registry import Application, Registry

from .invoked import program

__all__ = ["application_snippets"]

#: What every device says.
_EVERYTHING = "/sys/+/+/thing/event/#"


def application_snippets(
    application: Application, registry: Registry, host: str, port: int, http_port: int
) -> Mapping[str, str]:
    """Client → how to follow the devices with it, or how to call the cloud."""
    product_key, device_name = _some_device(application, registry)
    values = {
        "program": program(),
        "host": host,
        "port": str(port),
        "http_port": str(http_port),
        "filter": _EVERYTHING,
        "shell_user": shlex.quote(application.username),
        "shell_password": shlex.quote(application.password),
        "user": json.dumps(application.username),
        "password": json.dumps(application.password),
        "product_key": product_key,
        "device_name": device_name,
    }
    return {client: template.format(**values) for client, template in _TEMPLATES.items()}


def _some_device(application: Application, registry: Registry) -> tuple[str, str]:
    """A device that the application sees, so that the lines work as they are; words to replace if there is none."""
    for product in registry.products.values():
        if application.sees(product.key):
            for name in product.devices:
                return product.key, name
    return "PRODUCT_KEY", "DEVICE_NAME"


_TEMPLATES = {
    "jinqiao": """\
{program} watch --mqtt-host {host} --mqtt-port {port} --user {shell_user} --password {shell_password}
""",
    "mosquitto_sub": """\
mosquitto_sub -h {host} -p {port} -u {shell_user} -P {shell_password} -v -t '{filter}'
""",
    "paho (Python)": """\
import paho.mqtt.client as mqtt
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.username_pw_set({user}, {password})
client.on_connect = lambda client, *_: client.subscribe("{filter}")
client.on_message = lambda _, __, message: print(message.topic, message.payload.decode())
client.connect("{host}", {port})
client.loop_forever()
""",
    "mqtt (Node)": """\
// npm i mqtt
const client = require('mqtt').connect('mqtt://{host}:{port}', {{username: {user}, password: {password}}});
client.on('connect', () => client.subscribe('{filter}'));
client.on('message', (topic, payload) => console.log(topic, payload.toString()));
""",
    "alibabacloud-iot20180120 (Python SDK, cloud calls)": """\
# pip install alibabacloud-iot20180120
from alibabacloud_iot20180120.client import Client
from alibabacloud_iot20180120.models import GetDeviceStatusRequest
from alibabacloud_tea_openapi.models import Config
client = Client(Config(access_key_id={user}, access_key_secret={password},
                       endpoint="{host}:{http_port}", protocol="HTTP"))
asked = GetDeviceStatusRequest(product_key="{product_key}", device_name="{device_name}")
print(client.get_device_status(asked).body)
""",
}
