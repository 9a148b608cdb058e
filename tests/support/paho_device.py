"""A real device as a stock paho-mqtt client: it answers services and remote calls."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from jinqiao.wire.alink.signature import client_content, sign

__all__ = ["online"]


@contextmanager
def online(
    port: int, product_key: str, device_name: str, secret: str, *, services: Mapping[str, Any]
) -> Iterator[paho.Client]:
    """The device while it is online. `services` are the outputs of its synchronous services by name.

    A remote call that is no service gets `pong`.
    """
    connected = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="c|securemode=3,signmethod=hmacsha256,_ss=1|")
    password = sign("hmacsha256", secret, client_content("c", device_name, product_key))
    client.username_pw_set(f"{device_name}&{product_key}", password)
    client.on_connect = lambda *_: connected.set()

    def on_message(_client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        if "/rrpc/request/" not in message.topic:
            return
        try:
            request = json.loads(message.payload)
            output = services[request["method"].removeprefix("thing.service.")]
            reply = json.dumps({"id": request["id"], "code": 200, "data": output}).encode()
        except (ValueError, KeyError, TypeError):
            reply = b"pong"
        client.publish(message.topic.replace("/request/", "/response/"), reply)

    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        assert connected.wait(10), "the device cannot connect"
        yield client
    finally:
        client.disconnect()
        client.loop_stop()
