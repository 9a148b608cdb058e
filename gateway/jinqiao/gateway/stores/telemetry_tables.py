"""Telemetry as Arrow tables: a column for each signal, named as in the signal table, with its unit beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS, Signal
from jinqiao.base.telemetry import Batch, Event, Label

from .extras import load
from .traits import Traits

__all__ = ["EVENTS", "LABELS", "EventTables", "GroupTables", "LabelTables", "Vehicles"]

#: Name of the segments that hold events; those of telemetry have their group's.
EVENTS = "events"
#: And of those that hold what truly happened.
LABELS = "labels"


class Vehicles:
    """The columns that say whose row it is: `vehicle`, the device name, then its traits; all are dictionaries."""

    def __init__(self, product_key: str, device_names: Sequence[str] = (), traits: Traits | None = None) -> None:
        self.product_key = product_key
        self._traits = dict(traits or {})
        self.columns = ("vehicle", *self._traits)
        self._words: list[Any] = [device_names, *(trait.words for trait in self._traits.values())]
        self._are_arrow = False

    def fields(self, pa: Any) -> list[Any]:
        kind = pa.dictionary(pa.int32(), pa.string())
        return [pa.field(name, kind, nullable=False) for name in self.columns]

    def arrays(self, pa: Any, rows: NDArray[np.int32]) -> list[Any]:
        """The columns for these vehicles, in the order of `columns`."""
        numbers = [rows, *(trait.word_of[rows] for trait in self._traits.values())]
        if not self._are_arrow:
            self._words, self._are_arrow = [pa.array(words, pa.string()) for words in self._words], True
        return [
            pa.DictionaryArray.from_arrays(pa.array(number, pa.int32()), words)
            for number, words in zip(numbers, self._words, strict=True)
        ]


class GroupTables:
    """Tables of one telemetry group: `time`, whose row it is, then its signals."""

    def __init__(self, batch: Batch, vehicles: Vehicles) -> None:
        pa = load("pyarrow", "store", "Parquet")
        self._pa, self._vehicles = pa, vehicles
        # Those of the whole group: the first batch may be one whose samples lack a value.
        self._signals = [row for row in SIGNALS.values() if row.group == batch.group and row.identifier]
        self._signals += [SIGNALS[name] for name in batch.signals if SIGNALS[name] not in self._signals]
        fields = [_time_field(pa), *vehicles.fields(pa)]
        fields += [_signal_field(pa, signal) for signal in self._signals]
        about = {"jinqiao.group": batch.group, "jinqiao.product_key": vehicles.product_key}
        self.schema = pa.schema(fields, metadata=about)
        floats = [signal.name for signal in self._signals if signal.dtype[0] == "f"]
        others = [signal.name for signal in self._signals if signal.dtype[0] != "f"]
        self.options = {"use_dictionary": ["time", *vehicles.columns, *others], "use_byte_stream_split": floats}

    def table(self, batches: Sequence[Batch]) -> Any:
        """The batches' rows, in their order; values have the decimals they are published with."""
        pa = self._pa
        times = np.concatenate([batch.said_ms for batch in batches])
        vehicles = np.concatenate([batch.vehicles for batch in batches])
        columns = [
            pa.array(times).cast(self.schema.field("time").type),
            *self._vehicles.arrays(pa, vehicles),
        ]
        for signal in self._signals:
            values, missing = _joined(signal, batches)
            columns.append(pa.array(rounded(values, signal), mask=missing))
        return pa.Table.from_arrays(columns, schema=self.schema)


class EventTables:
    """Tables of events: `time`, whose it is, `identifier`, and `output` as JSON."""

    def __init__(self, vehicles: Vehicles) -> None:
        pa = load("pyarrow", "store", "Parquet")
        self._pa, self._vehicles = pa, vehicles
        texts = [pa.field("identifier", pa.string()), pa.field("output", pa.string())]
        fields = [_time_field(pa), *vehicles.fields(pa), *texts]
        self.schema = pa.schema(fields, metadata={"jinqiao.group": EVENTS, "jinqiao.product_key": vehicles.product_key})

    def table(self, events: Sequence[Event]) -> Any:
        pa = self._pa
        columns = [
            pa.array([event.said_ms for event in events]).cast(self.schema.field("time").type),
            *self._vehicles.arrays(pa, np.array([event.vehicle for event in events], dtype=np.int32)),
            pa.array([event.identifier for event in events]),
            pa.array([_json(event.output) for event in events]),
        ]
        return pa.Table.from_arrays(columns, schema=self.schema)


class LabelTables:
    """Tables of labels: `time`, whose it is, `fault`, `phase` (begin, end, once), and `parameters` as JSON."""

    def __init__(self, vehicles: Vehicles) -> None:
        pa = load("pyarrow", "store", "Parquet")
        self._pa, self._vehicles = pa, vehicles
        texts = [pa.field(name, pa.string()) for name in ("fault", "phase", "parameters")]
        fields = [_time_field(pa), *vehicles.fields(pa), *texts]
        self.schema = pa.schema(fields, metadata={"jinqiao.group": LABELS, "jinqiao.product_key": vehicles.product_key})

    def table(self, labels: Sequence[Label]) -> Any:
        """A row for each vehicle of each label."""
        pa = self._pa
        counts = [len(label) for label in labels]

        def each(values: Sequence[Any]) -> Any:
            return pa.array([value for value, count in zip(values, counts, strict=True) for _ in range(count)])

        columns = [
            each([label.time_ms for label in labels]).cast(self.schema.field("time").type),
            *self._vehicles.arrays(pa, np.concatenate([label.vehicles for label in labels])),
            each([label.kind for label in labels]),
            each([label.phase for label in labels]),
            each([_json(label.parameters) for label in labels]),
        ]
        return pa.Table.from_arrays(columns, schema=self.schema)


def _json(output: Mapping[str, Any]) -> str:
    return orjson.dumps(dict(output), option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _joined(signal: Signal, batches: Sequence[Batch]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """The column of all batches, and where it is missing; None where it is nowhere."""
    name = signal.name
    if all(name in batch.signals for batch in batches):
        return np.concatenate([batch.signals[name] for batch in batches]), None
    parts = [batch.signals.get(name, np.zeros(len(batch), signal.dtype)) for batch in batches]
    missing = [np.full(len(batch), name not in batch.signals) for batch in batches]
    return np.concatenate(parts), np.concatenate(missing)


def rounded(values: NDArray[Any], signal: Signal) -> NDArray[Any]:
    """At the signal's decimals, as the posts show them, in the signal's own type."""
    if signal.dtype[0] == "f":
        exact = values.astype(np.float64) * 10**signal.decimals
        np.rint(exact, out=exact)
        exact /= 10**signal.decimals
        values = exact
    return values.astype(signal.dtype, copy=False)


def _time_field(pa: Any) -> Any:
    return pa.field("time", pa.timestamp("ms", "UTC"), nullable=False)


def _signal_field(pa: Any, signal: Signal) -> Any:
    about = {
        "unit": signal.unit,
        "meaning": signal.meaning,
        "decimals": str(signal.decimals),
        "identifier": signal.identifier,
        "vss": signal.vss,
    }
    if signal.values:
        about["values"] = json.dumps(dict(signal.values))
    known = {name: text for name, text in about.items() if text}
    return pa.field(signal.name, pa.from_numpy_dtype(np.dtype(signal.dtype)), metadata=known)
