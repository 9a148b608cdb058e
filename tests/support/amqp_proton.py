"""A back end with qpid-proton, as the vendor's sample has it; runs with the interpreter of proton's environment.

    python amqp_proton.py URL USER PASSWORD

Prints a line for each message, `{"refused": …}` when it is not let in, and connects again when a connection is lost.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from proton.handlers import MessagingHandler
from proton.reactor import Container


class BackEnd(MessagingHandler):  # type: ignore[misc]
    def __init__(self, url: str, user: str, password: str) -> None:
        super().__init__()
        self.url, self.user, self.password = url, user, password

    def on_start(self, event: Any) -> None:
        connection = event.container.connect(
            self.url, user=self.user, password=self.password, allowed_mechs="PLAIN", heartbeat=60
        )
        event.container.create_receiver(connection)

    def on_link_opened(self, _: Any) -> None:
        print(json.dumps({"open": True}), flush=True)

    def on_message(self, event: Any) -> None:
        message = event.message
        properties = message.properties
        said = {
            "topic": properties["topic"],
            "id": message.id,
            "same": properties["messageId"] == message.id,
            "qos": int(properties["qos"]),
            "time_ms": int(properties["generateTime"]),
            "body": bytes(message.body).decode(),
            "tries": message.delivery_count,
        }
        print(json.dumps(said), flush=True)

    def on_transport_error(self, event: Any) -> None:
        if "unauthorized" in event.transport.condition.name:
            print(json.dumps({"refused": event.transport.condition.description}), flush=True)
            event.container.stop()


if __name__ == "__main__":
    Container(BackEnd(*sys.argv[1:4])).run()
