"""Property posts of a simulated fleet, as the messages that they are forwarded as: values row by row."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from jinqiao.wire.render.said import SaidBatch
from jinqiao.wire.render.shown import properties_of, shown

from .message import Message

__all__ = ["FleetPosts"]


def _no_tags(_: str) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class FleetPosts:
    """m property posts of a product's simulated vehicles, and what their messages say beside their values.

    `device_names`, bytes, shape (n,), are those of the fleet; `said.batch.vehicles` are its rows. `generated_ms` and
    `message_ids`, shape (m,), int64, are when the platform made the messages (UTC) and their numbers. `iot_id` and
    `tags` are called with a device name, `body` with a row: the message as it is rendered for consumers.
    """

    said: SaidBatch
    product_key: str
    device_names: NDArray[np.bytes_]
    device_type: str
    generated_ms: NDArray[np.int64]
    message_ids: NDArray[np.int64]
    iot_id: Callable[[str], str]
    tags: Callable[[str], Mapping[str, str]] = _no_tags
    body: Callable[[int], bytes] | None = None

    def __len__(self) -> int:
        return len(self.said)

    @property
    def properties(self) -> Mapping[str, Any]:
        """The properties that each of them has, with their signals."""
        return properties_of(tuple(self.said.batch.signals))

    def name(self, row: int) -> str:
        return bytes(self.device_names[self.said.batch.vehicles[row]]).decode()

    def topic(self, row: int) -> str:
        return f"/{self.product_key}/{self.name(row)}/thing/event/property/post"

    def values(self, row: int, chosen: Collection[str] | None = None) -> dict[str, Any]:
        """What the message says, in the order of its body; of its properties perhaps only the `chosen` ones."""
        batch, name = self.said.batch, self.name(row)
        time_ms = int(batch.time_ms[row])
        one = _Row(batch.signals, row)
        return {
            "deviceType": self.device_type,
            "iotId": self.iot_id(name),
            "requestId": str(self.said.ids[row]),
            "checkFailedData": {},
            "productKey": self.product_key,
            "gmtCreate": int(self.generated_ms[row]),
            "deviceName": name,
            "items": {
                identifier: {"value": shown(one, signals), "time": time_ms}
                for identifier, signals in self.properties.items()
                if chosen is None or identifier in chosen
            },
        }

    def message(self, row: int, *, with_body: bool = False) -> Message:
        """The message, without its values and, as it costs something, perhaps without its body."""
        name = self.name(row)
        return Message(
            self.topic(row),
            self._body(row) if with_body else b"",
            None,
            str(self.message_ids[row]),
            self.product_key,
            name,
            int(self.generated_ms[row]),
            lambda: self.tags(name),
        )

    def _body(self, row: int) -> bytes:
        return self.body(row) if self.body is not None else orjson.dumps(self.values(row))


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of columns."""

    columns: Mapping[str, NDArray[Any]]
    row: int

    def __getitem__(self, signal: str) -> Any:
        return self.columns[signal][self.row]
