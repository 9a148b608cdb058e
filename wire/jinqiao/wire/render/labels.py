"""Labels as messages: what truly happened to a vehicle, as JSON on a custom topic of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from jinqiao.base.telemetry import Label
from jinqiao.wire.mqtt.packets import Publish

__all__ = ["LABEL_TOPIC", "LabelRenderer"]

#: By product key and device name.
LABEL_TOPIC = "/{}/{}/user/label"


class LabelRenderer:
    """Labels of one fleet; `device_names` and `vins`, shape (n,), are those of its rows."""

    def __init__(self, product_key: str, device_names: NDArray[np.bytes_], vins: NDArray[np.bytes_]) -> None:
        self._product_key, self._names, self._vins = product_key, device_names, vins

    def publishes(self, label: Label) -> Iterator[Publish]:
        """One message a vehicle, in the order of `label.vehicles`."""
        said: dict[str, Any] = {"fault": label.kind, "phase": label.phase, "time": label.time_ms}
        for row in label.vehicles.tolist():
            vehicle = {"vehicle": self._vins[row].decode("ascii"), "parameters": dict(label.parameters)}
            topic = LABEL_TOPIC.format(self._product_key, self._names[row].decode())
            yield Publish(topic, orjson.dumps({**said, **vehicle}))
