"""A customer's back end: a stock paho-mqtt client that publishes downlinks and waits for what comes of them."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

__all__ = ["BackEnd", "back_end"]

Message = tuple[str, Any]


class BackEnd:
    """What it heard is kept in order: `wait` looks at what came since the last look, or comes yet."""

    def __init__(self, port: int, user: str, password: str, product_key: str) -> None:
        self._key = product_key
        self._heard: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._ready: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.username_pw_set(user, password)
        self.client.on_message = self._on_message
        self.client.on_subscribe = lambda *_: self._ready.put(1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def follow(self, *filters: str) -> None:
        """Subscribe, and wait until that is so."""
        for topic_filter in filters:
            self.client.subscribe(topic_filter, 1)
            self._ready.get(timeout=10)

    def tell(self, device: str, path: str, message: Any) -> None:
        """Publish on `/sys/{pk}/{device}/{path}`: bytes as they are, anything else as JSON."""
        payload = message if isinstance(message, bytes) else json.dumps(message)
        self.client.publish(f"/sys/{self._key}/{device}/{path}", payload, 1).wait_for_publish(10)

    def wait(self, is_it: Callable[[str, Any], bool], timeout_s: float = 20.0) -> Any:
        """The content of the next message that is it; what comes before is forgotten."""
        deadline = time.monotonic() + timeout_s
        seen = []
        while True:
            try:
                topic, content = self._heard.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"it did not come; what came: {seen[-20:]}") from None
            if is_it(topic, content):
                return content
            seen.append((topic, str(content)[:100]))

    def wait_on(self, ending: str, timeout_s: float = 20.0) -> Any:
        """The next message on a topic that ends like that."""
        return self.wait(lambda topic, _: topic.endswith(ending), timeout_s)

    def wait_for_value(self, device: str, address: str, value: Any) -> None:
        """Wait for a post of this device with this value."""

        def is_it(topic: str, content: Any) -> bool:
            posted = topic.endswith(f"{device}/thing/event/property/post")
            return posted and content["params"].get(address, {}).get("value") == value

        self.wait(is_it)

    def drain(self) -> list[Message]:
        """All that came and was not looked at."""
        found = []
        while not self._heard.empty():
            found.append(self._heard.get())
        return found

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _on_message(self, _client: Any, _userdata: Any, message: paho.MQTTMessage) -> None:
        try:
            content = orjson.loads(message.payload)
        except ValueError:
            content = bytes(message.payload)
        self._heard.put((message.topic, content))


@contextmanager
def back_end(port: int, user: str, password: str, product_key: str) -> Iterator[BackEnd]:
    """One for the length of a `with`."""
    found = BackEnd(port, user, password, product_key)
    try:
        yield found
    finally:
        found.close()
