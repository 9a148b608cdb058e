"""A platform with a consumer of one product's messages beside it, in a process that a test kills.

    python -m support.forwarding_server REGISTRY FOLDER PRODUCT CREDIT

Prints `{"mqtt_port"}`, then a line for each message: `{"body", "tries"}`. The consumer accepts what it has printed, but
for the last ones, which are on their way; a line on standard input ends it, and the next one begins.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jinqiao.gateway.config import Ports, ServiceConfig
from jinqiao.gateway.forwarding.group import Group
from jinqiao.gateway.forwarding.messages import Messages
from jinqiao.gateway.platform.subscriptions.definitions import DEFAULT_GROUP
from jinqiao.gateway.service import Service
from jinqiao.wire.amqp.message import decode_message

#: Messages that the consumer has not accepted yet.
_BEHIND = 7


class Printing:
    """A consumer that prints what it is sent."""

    client_id, address, joined_ms = "printing", "127.0.0.1:1", 0

    def __init__(self, group: Group, credit: int) -> None:
        self._credit = credit
        self.member = group.join(self)
        self.member.credit(credit)

    def deliver(self, first: int, messages: Messages, tries: NDArray[np.uint8]) -> None:
        for index in range(len(messages)):
            body = decode_message(messages.single_at(index)).body
            said = {"body": body.decode(), "tries": int(tries[index])}
            print(json.dumps(said), flush=True)
        last = first + len(messages) - 1
        asyncio.get_running_loop().call_soon(self._go_on, last)

    def _go_on(self, last: int) -> None:
        self.member.accept(0, last - _BEHIND)
        self.member.credit(self._credit)


async def main(registry: str, folder: str, product: str, credit: int) -> None:
    service = Service(ServiceConfig(registry=Path(registry), data=Path(folder), ports=Ports(mqtt=0), rates="none"))
    parts = service.platform.parts
    parts.subscriptions.provide(product, DEFAULT_GROUP)
    parts.forwarded.reconsider()
    group = service.groups.group(DEFAULT_GROUP)
    assert group is not None
    taken = await service.start()
    print(json.dumps(taken), flush=True)
    while True:
        consumer = Printing(group, credit)
        await asyncio.to_thread(sys.stdin.readline)
        consumer.member.leave()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4], int(sys.argv[4])))
