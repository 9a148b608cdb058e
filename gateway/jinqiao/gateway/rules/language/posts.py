"""Property posts of a simulated fleet, as the messages that they are forwarded as."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from jinqiao.base.signals import Signal
from jinqiao.wire.render.fixed import FixedBatch
from jinqiao.wire.render.said import SaidBatch
from jinqiao.wire.render.shown import properties_of

from .message import Message

__all__ = ["FleetPosts", "unscaled"]


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

    def name(self, row: int) -> str:
        return bytes(self.device_names[self.said.batch.vehicles[row]]).decode()

    def topic(self, row: int) -> str:
        return f"/{self.product_key}/{self.name(row)}/thing/event/property/post"

    def values(self, rows: NDArray[np.intp], chosen: Collection[str] | None = None) -> Iterator[dict[str, Any]]:
        """What the messages of these rows say, in the order of their bodies; perhaps only the `chosen` properties."""
        batch = self.said.batch
        series = {
            identifier: _series(batch, rows, signals)
            for identifier, signals in properties_of(tuple(batch.signals)).items()
            if chosen is None or identifier in chosen
        }
        times = zip(rows.tolist(), batch.time_ms[rows].tolist(), self.generated_ms[rows].tolist(), strict=True)
        for place, (row, time_ms, generated_ms) in enumerate(times):
            name = self.name(row)
            yield {
                "deviceType": self.device_type,
                "iotId": self.iot_id(name),
                "requestId": str(self.said.ids[row]),
                "checkFailedData": {},
                "productKey": self.product_key,
                "gmtCreate": generated_ms,
                "deviceName": name,
                "items": {
                    identifier: {"value": values[place], "time": time_ms} for identifier, values in series.items()
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
        return self.body(row) if self.body is not None else orjson.dumps(next(self.values(np.array([row], np.intp))))


def _series(batch: FixedBatch, rows: NDArray[np.intp], signals: Sequence[Signal]) -> list[Any]:
    """The values of the property that these signals make, of each row."""
    columns = [unscaled(batch.signals[signal.name][rows], signal.decimals) for signal in signals]
    first = signals[0]
    if first.member is not None:
        members = [signal.member for signal in signals]
        return [dict(zip(members, values, strict=True)) for values in zip(*columns, strict=True)]
    return [list(values) for values in zip(*columns, strict=True)] if first.index is not None else columns[0]


def unscaled(whole: NDArray[Any], decimals: int) -> list[Any]:
    """Whole numbers of the last decimal as the values that a message has: whole where there are no decimals."""
    return list((whole / 10**decimals if decimals else whole).tolist())
