"""The peer of the end-to-end benchmark: one paho-mqtt 2 client that publishes ready payloads flat out at QoS 0.

python -m jinqiao.sandbox.bench.paho_publisher PORT USER PASSWORD SECONDS < lines of JSON [topic, payload]
"""

from __future__ import annotations

import json
import sys
import time

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

__all__ = ["main"]


def main(arguments: list[str]) -> None:
    """Publish for the given time, wait until everything is on the wire, print `{"sent", "wall_s", "cpu_s"}`."""
    port, user, password, seconds = int(arguments[0]), arguments[1], arguments[2], float(arguments[3])
    messages = [(topic, payload.encode()) for topic, payload in map(json.loads, sys.stdin)]
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="bench-paho")
    client.username_pw_set(user, password)
    client.connect("127.0.0.1", port, keepalive=600)
    client.loop_start()
    while not client.is_connected():
        time.sleep(0.01)
    cpu, began, sent = time.process_time(), time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for topic, payload in messages:
            last = client.publish(topic, payload, qos=0)
        sent += len(messages)
        last.wait_for_publish()  # paho's queue would grow without bound
    wall = time.perf_counter() - began
    print(json.dumps({"sent": sent, "wall_s": wall, "cpu_s": time.process_time() - cpu}), flush=True)
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main(sys.argv[1:])
