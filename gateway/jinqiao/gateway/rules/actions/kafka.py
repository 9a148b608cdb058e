"""KAFKA: a record of each output, `{"bootstrapServers": "host:9092,…", "topic": "…"}`. Ours; needs the extra `kafka`.

The key is the device's name, so that its records keep their order; headers name rule, topic and message. A record is
sent when all in-sync replicas have it (`acks=all`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

from jinqiao.base.errors import InputError
from jinqiao.gateway.platform.rules.judge import ActionFault
from jinqiao.gateway.stores.extras import load

from ..output import Output
from .base import Context, Outcome, kind, text_of
from .behind import Behind

__all__ = ["Kafka"]

_KEYS = frozenset({"bootstrapServers", "topic"})
#: The broker's own rule for names of topics.
_TOPIC = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}")
_SERVER = re.compile(r"[A-Za-z0-9._-]+:[0-9]{1,5}")
#: Records that are sent together, those that wait, and how long they wait for others, s.
_LOT, _MOST, _LINGER_S = 500, 10_000, 0.05
#: How long a broker may take, ms.
_TIMEOUT_MS = 10_000


@kind("KAFKA")
class Kafka:
    """Sends from a thread, with an event loop of its own that runs while there is something to send."""

    def __init__(self, configuration: Mapping[str, Any], context: Context, outcome: Outcome) -> None:  # noqa: ARG002
        self._servers, self._topic = str(configuration["bootstrapServers"]), str(configuration["topic"])
        self._own_loop: asyncio.AbstractEventLoop | None = None
        self._producer: Any = None
        self._behind = Behind("kafka", self._deliver, outcome, most=_MOST, lot=_LOT, linger_s=_LINGER_S, end=self._end)

    @staticmethod
    def check(configuration: Mapping[str, Any]) -> None:
        """Addresses of brokers and the name of a topic; aiokafka must be there."""
        servers = text_of(configuration, "bootstrapServers", _KEYS).split(",")
        if not all(_SERVER.fullmatch(server) for server in servers):
            raise ActionFault("bootstrapServers must be host:port, several parted by commas", "bootstrapServers")
        if not _TOPIC.fullmatch(text_of(configuration, "topic", _KEYS)):
            raise ActionFault("topic must be 1 to 249 letters, digits, ., _ and -", "topic")
        try:
            load("aiokafka", "kafka", "a KAFKA action")
        except InputError as error:
            raise ActionFault(str(error), "bootstrapServers") from error

    def send(self, output: Output) -> None:
        """Queue it."""
        self._behind.send(output)

    def close(self) -> None:
        """What waits is dropped."""
        self._behind.close()

    # In the thread.

    def _deliver(self, lot: Sequence[Output]) -> tuple[str | None, bool]:
        if self._own_loop is None:
            self._own_loop = asyncio.new_event_loop()
        kafka = load("aiokafka", "kafka", "a KAFKA action")
        try:
            self._own_loop.run_until_complete(self._sent(kafka, lot))
        except (kafka.errors.KafkaError, OSError, TimeoutError) as error:
            self._own_loop.run_until_complete(self._stop())
            return f"{type(error).__name__}: {error}"[:200], getattr(error, "retriable", True)
        return None, False

    async def _sent(self, kafka: Any, lot: Sequence[Output]) -> None:
        if self._producer is None:
            producer = kafka.AIOKafkaProducer(
                bootstrap_servers=self._servers, acks="all", request_timeout_ms=_TIMEOUT_MS, enable_idempotence=False
            )
            self._producer = producer
            await producer.start()
        futures = [await self._record(output) for output in lot]
        await asyncio.wait_for(asyncio.gather(*futures), _TIMEOUT_MS / 1000)

    async def _record(self, output: Output) -> Any:
        headers = [
            ("rule", str(output.rule_id).encode()),
            ("topic", output.topic.encode()),
            ("messageId", output.message_id.encode()),
        ]
        return await self._producer.send(
            self._topic, output.body, output.device_name.encode(), timestamp_ms=output.generated_ms, headers=headers
        )

    async def _stop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    def _end(self) -> None:
        if self._own_loop is not None:
            self._own_loop.run_until_complete(self._stop())
            self._own_loop.close()
