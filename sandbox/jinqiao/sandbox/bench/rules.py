"""`jinqiao bench rules`: the SQL of rules on the columns of a simulated fleet, and on the messages of foreign devices.

Columns: batches of core telemetry on which a condition is seldom true, and the results of the rows where it is; beside
them the same statement on each message's values, one by one. Foreign: what a statement adds to a message whose values
are at hand, and to one whose JSON has to be read first. All of it in processor time of this process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import orjson

from jinqiao.gateway.rules.language.message import Message
from jinqiao.gateway.rules.language.posts import FleetPosts
from jinqiao.gateway.rules.language.statement import Statement, parse
from jinqiao.wire.render.fixed import fixed
from jinqiao.wire.render.said import SaidBatch

from .machine import machine
from .render import core_batch

__all__ = ["bench_rules"]

_PRODUCT_KEY = "a1JinqiaoEV"
_FROM = f'FROM "/{_PRODUCT_KEY}/+/thing/event/property/post"'

#: Speeds of the batch reach 300 km/h; the first lets 1 row of 100 through.
STATEMENTS = {
    "speed": (
        f"SELECT deviceName() AS car, items.VehicleSpeed.value AS speed {_FROM} WHERE items.VehicleSpeed.value > 297"
    ),
    "arithmetic": (
        f"SELECT deviceName() AS car {_FROM} WHERE items.battery:PackVoltage.value * items.battery:PackCurrent.value"
        " / 1000 > 155 AND items.StateOfCharge.value <> 50"
    ),
    "names": f"SELECT * {_FROM} WHERE deviceName() IN ('LBV00000000000001', 'LBV00000000000002')",
}


def bench_rules(vehicles: int, seconds: float) -> dict[str, Any]:
    """Evaluates on batches of `vehicles` rows for about `seconds` for each figure; returns the figures."""
    posts = _posts(vehicles)
    figures: dict[str, Any] = {}
    for name, sql in STATEMENTS.items():
        statement = parse(sql)
        figures[f"{name}_rows_per_s"] = round(vehicles * _calls_per_s(partial(_found, statement, posts), seconds))
        figures[f"{name}_hits_per_batch"] = len(statement.on_columns(posts))
    statement = parse(STATEMENTS["speed"])
    messages = [_message(posts, row) for row in range(min(vehicles, 200))]
    at_hand = len(messages) * _calls_per_s(partial(_evaluated, statement, messages), seconds)
    unread = [_unread(message) for message in messages]
    read = len(unread) * _calls_per_s(partial(_evaluated, statement, unread), seconds)
    parsed = _calls_per_s(partial(parse, STATEMENTS["speed"]), seconds)
    return {
        **figures,
        "ratio": round(figures["speed_rows_per_s"] / at_hand, 1),
        "message_us": round(1e6 / at_hand, 2),
        "unread_message_us": round(1e6 / read, 2),
        "parse_ms": round(1e3 / parsed, 2),
        "rows_per_batch": vehicles,
        "machine": machine(),
    }


def _posts(count: int) -> FleetPosts:
    batch = core_batch(count, 0)
    said = SaidBatch("property_post", fixed(batch), np.ones(count, np.int32))
    names = np.array([b"LBV%014d" % number for number in range(count)], "S17")
    numbers = np.arange(count, dtype=np.int64)
    return FleetPosts(said, _PRODUCT_KEY, names, "Car", batch.time_ms, numbers, lambda name: name)


def _message(posts: FleetPosts, row: int) -> Message:
    """One of them with its values at hand, as the platform announces a foreign device's."""
    made, values = posts.message(row), next(posts.values(np.array([row])))
    return Message(
        made.topic, orjson.dumps(values), values, made.message_id, _PRODUCT_KEY, made.device_name, made.generated_ms
    )


def _unread(message: Message) -> Message:
    return Message(message.topic, message.body, None, message.message_id, _PRODUCT_KEY, message.device_name)


def _found(statement: Statement, posts: FleetPosts) -> None:
    statement.on_columns(posts).results()


def _evaluated(statement: Statement, messages: list[Message]) -> None:
    for message in messages:
        statement.evaluate(message)


def _calls_per_s(call: Callable[[], Any], seconds: float) -> float:
    """Calls per second of processor time."""
    call()  # what is made once is made
    calls, began = 0, time.process_time()
    while True:
        call()
        calls += 1
        used = time.process_time() - began
        if used >= seconds:
            return calls / used
