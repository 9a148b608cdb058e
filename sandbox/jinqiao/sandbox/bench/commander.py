"""The back end of the commands benchmark: a stock paho-mqtt client and plain HTTP, in a process of its own.

    python -m jinqiao.sandbox.bench.commander

Reads `{"mqtt_port", "http_port", "user", "password", "product_key", "devices", "commands"}` from its standard input.

Each round trip begins at a random moment, so that all parts of the fleet's second are met. Prints milliseconds:
`{"echo": […], "reply": […], "effect": […], "call": […]}`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import queue
import random
import sys
import time
from typing import Any
from urllib.parse import urlencode

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from jinqiao.gateway.openapi.signature import rpc_string_to_sign

__all__ = ["main"]

_LIMIT = "charging:ChargeLimit"
_TIMEOUT_S = 10.0
#: Longest pause before a round trip, seconds.
_PAUSE_S = 0.1


class Commander:
    """One application that commands cars over MQTT, one command at a time."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self._key, self._devices = asked["product_key"], asked["devices"]
        self._heard: queue.SimpleQueue[tuple[float, str, bytes]] = queue.SimpleQueue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="bench-commander")
        self._client.username_pw_set(asked["user"], asked["password"])
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", asked["mqtt_port"], keepalive=600)
        self._client.loop_start()
        for device in self._devices:
            for path in ("event/property/post", "service/property/set_reply"):
                self._client.subscribe(f"/sys/{self._key}/{device}/thing/{path}")
        self._client.subscribe(f"/{self._key}/+/user/echo")
        self._round_trip(f"/{self._key}/{self._devices[0]}/user/echo", b"{}", [_is_echo])

    def echo(self) -> float:
        """The broker alone: a message to oneself, ms."""
        return self._round_trip(f"/{self._key}/{self._devices[0]}/user/echo", b"{}", [_is_echo])[0]

    def set_limit(self, number: int) -> list[float]:
        """Until the reply is here, and until a post has the new value, ms."""
        device, limit = random.choice(self._devices), 50 + number % 50
        message = {
            "id": str(number),
            "version": "1.0",
            "params": {_LIMIT: limit},
            "method": "thing.service.property.set",
        }

        def is_reply(topic: str, payload: bytes) -> bool:
            return topic.endswith(f"{device}/thing/service/property/set_reply") and json.loads(payload)["id"] == str(
                number
            )

        def is_effect(topic: str, payload: bytes) -> bool:
            if not topic.endswith(f"{device}/thing/event/property/post"):
                return False
            return bool(json.loads(payload)["params"].get(_LIMIT, {}).get("value") == limit)

        topic = f"/sys/{self._key}/{device}/thing/service/property/set"
        return self._round_trip(topic, json.dumps(message).encode(), [is_reply, is_effect])

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _round_trip(self, topic: str, payload: bytes, awaited: list[Any]) -> list[float]:
        began = time.perf_counter()
        self._client.publish(topic, payload)
        found: dict[int, float] = {}
        while len(found) < len(awaited):
            try:
                at, heard, content = self._heard.get(timeout=_TIMEOUT_S)
            except queue.Empty:
                sys.exit(f"nothing came back for {topic} within {_TIMEOUT_S:g} s")
            for number, is_it in enumerate(awaited):
                if number not in found and is_it(heard, content):
                    found[number] = (at - began) * 1e3
        return [found[number] for number in range(len(awaited))]

    def _on_message(self, _client: Any, _userdata: Any, message: paho.MQTTMessage) -> None:
        self._heard.put((time.perf_counter(), message.topic, bytes(message.payload)))


def _is_echo(topic: str, _: bytes) -> bool:
    return topic.endswith("/user/echo")


def call(connection: http.client.HTTPConnection, asked: dict[str, Any], number: int) -> float:
    """InvokeThingService of a synchronous service, signed as the older SDK signs, ms."""
    fields = {
        "Action": "InvokeThingService",
        "Format": "JSON",
        "Version": "2018-01-20",
        "AccessKeyId": asked["user"],
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": str(number),
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "ProductKey": asked["product_key"],
        "DeviceName": random.choice(asked["devices"]),
        "Identifier": "RequestDiagnostics",
        "Args": "{}",
    }
    text = rpc_string_to_sign("POST", fields.items())
    mac = hmac.new(f"{asked['password']}&".encode(), text.encode(), hashlib.sha1).digest()
    query = urlencode(fields | {"Signature": base64.b64encode(mac).decode()})
    began = time.perf_counter()
    connection.request("POST", f"/?{query}", b"")
    answer = json.loads(connection.getresponse().read())
    took_ms = (time.perf_counter() - began) * 1e3
    if not answer.get("Success"):
        sys.exit(f"the cloud call failed: {answer}")
    return took_ms


def main() -> None:
    """Command as often as asked, and print how long it took."""
    asked = json.loads(sys.stdin.readline())
    commander = Commander(asked)
    connection = http.client.HTTPConnection("127.0.0.1", asked["http_port"], timeout=_TIMEOUT_S)
    took: dict[str, list[float]] = {"echo": [], "reply": [], "effect": [], "call": []}
    for number in range(asked["commands"]):
        time.sleep(random.uniform(0.0, _PAUSE_S))
        took["echo"].append(commander.echo())
        time.sleep(random.uniform(0.0, _PAUSE_S))
        reply_ms, effect_ms = commander.set_limit(number)
        took["reply"].append(reply_ms)
        took["effect"].append(effect_ms)
        time.sleep(random.uniform(0.0, _PAUSE_S))
        took["call"].append(call(connection, asked, number))
    connection.close()
    commander.close()
    print(json.dumps(took), flush=True)


if __name__ == "__main__":
    main()
