"""The thing model (TSL) that simulated EVs carry, generated from the signal table.

One property per identifier of the table: `X.Y` rows become the members of struct X, `X[i]` rows the elements of array
X, enumerations of exactly 0 and 1 become bool. Modules become `functionBlocks`, each a whole model of its own. `post`,
`set` and `get` are generated as the platform does.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from jinqiao.base.signals import SIGNALS, Signal, by_property

from .ev_features import EVENTS, MODULES, SERVICES, STEPS, TYPES, EventRow, Parameters, ServiceRow, number
from .thing_model import ThingModel
from .tsl_document import SCHEMA, generated_event, generated_services

__all__ = ["ev_thing_model", "ev_tsl", "ev_tsl_document"]

Json = dict[str, Any]

_WIDTH = {"f4": "float", "f8": "double", "i4": "int", "u1": "int"}


@cache
def ev_thing_model(product_key: str) -> ThingModel:
    """The compiled EV thing model of one product."""
    return ThingModel(ev_tsl(product_key))


def ev_tsl(product_key: str = "${productKey}") -> Json:
    """The EV thing model as a TSL document."""
    properties = list(_properties(SIGNALS.values()))
    tsl = _module("", properties, product_key)
    tsl["functionBlocks"] = [
        {"functionBlockId": block, "functionBlockName": name, **_module(block, properties, product_key)}
        for block, name in MODULES.items()
    ]
    return tsl


def ev_tsl_document() -> str:
    """The document as `docs/thing-model-ev.json` has it; running this module prints it."""
    return json.dumps(ev_tsl(), indent=1, ensure_ascii=False) + "\n"


def _module(block: str, properties: Iterable[tuple[str, Json]], product_key: str) -> Json:
    own = [feature for address, feature in properties if address.rpartition(":")[0] == block]
    return {
        "schema": SCHEMA,
        "link": f"/sys/{product_key}/${{deviceName}}/thing/",
        "profile": {"version": "1.0", "productKey": product_key},
        "properties": own,
        "events": [generated_event(own), *(_event(row) for row in EVENTS if row.address.rpartition(":")[0] == block)],
        "services": [
            *generated_services(own),
            *(_service(row) for row in SERVICES if row.address.rpartition(":")[0] == block),
        ],
    }


def _properties(signals: Iterable[Signal]) -> Iterable[tuple[str, Json]]:
    """(address, property) in the order of the table; rows of one struct or array are taken together."""
    for address, parts in by_property(signals).items():
        identifier = address.rpartition(":")[2]
        feature = {
            "identifier": identifier,
            "name": _readable(identifier),
            "accessMode": parts[0].access,
            "required": False,
            "desc": "" if len(parts) > 1 else parts[0].meaning,
            "dataType": _data_type(parts),
        }
        yield address, feature


def _data_type(parts: Sequence[Signal]) -> Json:
    if parts[0].index is not None:
        return {"type": "array", "specs": {"size": str(len(parts)), "item": _simple(parts[0])}}
    if parts[0].member is not None:
        return {"type": "struct", "specs": [_member(part) for part in parts]}
    return _simple(parts[0])


def _member(signal: Signal) -> Json:
    identifier = signal.member or ""
    return {"identifier": identifier, "name": _readable(identifier), "dataType": _simple(signal)}


def _simple(signal: Signal) -> Json:
    if signal.values:
        kind = "bool" if set(signal.values) == {0, 1} else "enum"
        return {"type": kind, "specs": {str(key): name for key, name in signal.values.items()}}
    kind = TYPES.get(signal.identifier, _WIDTH[signal.dtype])
    step = STEPS.get(signal.identifier, f"{10**-signal.decimals:.{signal.decimals}f}")
    return dict(number(kind, signal.low, signal.high, step, signal.unit))


def _event(row: EventRow) -> Json:
    identifier = row.address.rpartition(":")[2]
    return {
        "identifier": identifier,
        "name": _readable(identifier),
        "type": row.type,
        "required": False,
        "desc": row.meaning,
        "method": f"thing.event.{row.address}.post",
        "outputData": _listed(row.output),
    }


def _service(row: ServiceRow) -> Json:
    identifier = row.address.rpartition(":")[2]
    return {
        "identifier": identifier,
        "name": _readable(identifier),
        "callType": row.call_type,
        "required": False,
        "desc": row.meaning,
        "method": f"thing.service.{row.address}",
        "inputData": _listed(row.input),
        "outputData": _listed(row.output),
    }


def _listed(parameters: Parameters) -> list[Json]:
    return [{"identifier": name, "name": _readable(name), "dataType": dict(kind)} for name, kind in parameters]


def _readable(identifier: str) -> str:
    """`VehicleSpeed` → `Vehicle speed`, `HvacPower` → `Hvac power`."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z0-9]+", identifier)
    return " ".join([words[0], *(word.lower() for word in words[1:])])


if __name__ == "__main__":
    sys.stdout.write(ev_tsl_document())
