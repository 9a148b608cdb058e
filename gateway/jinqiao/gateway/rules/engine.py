"""Runs the platform's rules: on each message of a device, and on the columns of simulated vehicles.

Which rules match a topic is found once per topic and remembered, so that a message above no rule costs one look-up. A
fleet's batch is evaluated as a whole; only the rows that hit become outputs, and no more of them in a second than
`Bounds` allows. What a rule does happens after what the device said has been kept, and before it is acknowledged.

A rule acts for the account that made it: it reads the products which that account sees, at this moment.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from jinqiao.base.errors import JinqiaoError
from jinqiao.gateway.platform.events import (
    EventAccepted,
    MessageForwarded,
    RuleChanged,
    SimulatedEvent,
    TelemetryBatch,
    VehiclesPresence,
)
from jinqiao.gateway.platform.forwarded import posts
from jinqiao.gateway.platform.forwarded.message import Message as Forwarded
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.record import iot_id
from jinqiao.gateway.platform.registry.registry import Device, Product
from jinqiao.gateway.platform.rules.rule import Rule
from jinqiao.wire.mqtt.topics import matches

from ..limit import limit
from .judge import EngineJudge
from .language.message import Message
from .language.posts import FleetPosts
from .output import Counts
from .running import RunningRule
from .statuses import FleetStatuses

__all__ = ["Bounds", "Engine"]

_logger = logging.getLogger(__name__)

_STATUS = "/as/mqtt/status/"
#: Topics whose rules are remembered.
_MOST_TOPICS = 20_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """What rules may take of the platform."""

    fleet_outputs_per_s: int = limit(20_000, "outputs that rules make of simulated vehicles' posts in a second")


class Engine:
    """Follows `parts.rules`. `tick` is called once a second."""

    def __init__(self, platform: Platform, bounds: Bounds | None = None, data: Path | None = None) -> None:
        self._platform, self._bounds, self._data = platform, bounds or Bounds(), data
        self.counts: defaultdict[int, Counts] = defaultdict(Counts)
        self._running: dict[int, RunningRule] = {}
        #: Rules by topic, as they were asked for.
        self._known: dict[str, tuple[RunningRule, ...]] = {}
        self._fleets: dict[str, tuple[Product, NDArray[np.bytes_]]] = {}
        self._room = self._bounds.fleet_outputs_per_s
        parts = platform.parts
        self._statuses = FleetStatuses(parts.errands, self._take_status)
        parts.rules.judged_by(EngineJudge())
        platform.events.subscribe(RuleChanged, self._changed)
        platform.events.subscribe(MessageForwarded, self._take)
        parts.forwarded.wanted_by(self._wants)
        for rule in parts.rules:
            self._put(rule)
        parts.forwarded.reconsider()

    def add_fleet(self, product: Product, names: NDArray[np.bytes_]) -> None:
        """Run the rules on what the vehicles `names`, shape (n,), of this product say, as well."""
        if not self._fleets:
            self._platform.events.subscribe(TelemetryBatch, self._take_batch)
            self._platform.events.subscribe(SimulatedEvent, self._take_event)
            self._platform.events.subscribe(VehiclesPresence, self._take_vehicles)
        self._fleets[product.key] = product, names

    def tick(self) -> None:
        """A second has passed: accounts may see other products."""
        self._room = self._bounds.fleet_outputs_per_s
        self._known.clear()

    def close(self) -> None:
        """All actions end."""
        for running in self._running.values():
            running.close()

    # Which rules there are.

    def _changed(self, event: RuleChanged) -> None:
        self._stop(event.rule.id)
        if event.deleted:
            self.counts.pop(event.rule.id, None)
        else:
            self._put(event.rule)
        self._platform.parts.forwarded.reconsider()

    def _put(self, rule: Rule) -> None:
        if rule.running:
            try:
                self._running[rule.id] = RunningRule(self._platform, rule, self.counts[rule.id], self._data)
            except (JinqiaoError, LookupError, ValueError) as error:
                _logger.error("rule %d (%s) cannot run: %s", rule.id, rule.name, error)
        self._known.clear()

    def _stop(self, number: int) -> None:
        running = self._running.pop(number, None)
        if running is not None:
            running.close()
        self._known.clear()

    def _wants(self, product_key: str, kind: str) -> bool:
        """Whether a rule may match a message of this kind; '' stands for products that are not there yet."""
        return any(_may_match(each.statement.topic, product_key, kind) for each in self._running.values())

    def _matching(self, topic: str, product_key: str) -> tuple[RunningRule, ...]:
        known = self._known.get(topic)
        if known is None:
            if len(self._known) >= _MOST_TOPICS:
                self._known.clear()
            known = self._known[topic] = tuple(
                each
                for each in self._running.values()
                if matches(each.statement.topic, topic) and each.sees(product_key)
            )
        return known

    # What devices say.

    def _take(self, heard: MessageForwarded) -> None:
        device = heard.device
        rules = self._matching(heard.topic, device.product.key)
        if rules:
            message = Message(
                heard.topic,
                heard.body,
                heard.values,
                heard.message_id,
                device.product.key,
                device.name,
                heard.generated_ms,
                lambda: self._tags(device),
            )
            self._run(rules, message)

    def _run(self, rules: tuple[RunningRule, ...], message: Message) -> None:
        for rule in rules:
            try:
                rule.take(message)
            except Exception:
                rule.counts.failed += 1
                _logger.exception("rule %d (%s) failed", rule.rule.id, rule.rule.name)

    def _tags(self, device: Device) -> Mapping[str, str]:
        return {**device.product.devices.about(device.name).tags, **self._platform.parts.states.of(device).tags}

    # What simulated vehicles say.

    def _take_batch(self, heard: TelemetryBatch) -> None:
        fleet = self._fleets.get(heard.product_key)
        if fleet is None or not self._running or heard.said.kind != "property_post" or not len(heard.said):
            return
        posted: FleetPosts | None = None
        for rule in tuple(self._running.values()):
            if not _may_match(rule.statement.topic, heard.product_key, "device_data"):
                continue
            if not rule.sees(heard.product_key):
                continue
            posted = posted or self._posts(heard, *fleet)
            try:
                self._run_on(rule, posted)
            except Exception:
                rule.counts.failed += 1
                _logger.exception("rule %d (%s) failed", rule.rule.id, rule.rule.name)

    def _posts(self, heard: TelemetryBatch, product: Product, names: NDArray[np.bytes_]) -> FleetPosts:
        parts, count = self._platform.parts, len(heard.said)
        first = parts.calls.new_ids(count)
        return FleetPosts(
            heard.said,
            product.key,
            names,
            posts.DEVICE_TYPE,
            np.full(count, parts.now_ms(), np.int64),
            np.arange(first, first + count, dtype=np.int64),
            lambda name: iot_id(product.key, name),
            lambda name: self._tags(Device(product, name, "")),
        )

    def _run_on(self, rule: RunningRule, posted: FleetPosts) -> None:
        hits = rule.statement.on_columns(posted)
        over = len(hits.rows) - self._room
        if over > 0:
            rule.counts.dropped += over
            hits = hits.first(self._room)
        self._room -= len(hits.rows)
        for row, result in zip(hits.rows.tolist(), hits.results(), strict=True):
            rule.send(result, posted.message(row))

    def _take_event(self, event: SimulatedEvent) -> None:
        fleet = self._fleets.get(event.product_key)
        if fleet is None or not self._running:
            return
        product, names = fleet
        name = names[event.vehicle].decode()
        said = event.post()
        identifier = said["method"].removeprefix("thing.event.").removesuffix(".post")
        topic = f"/{product.key}/{name}/thing/event/{identifier}/post"
        rules = self._matching(topic, product.key)
        if not rules:
            return
        parts, params, device = self._platform.parts, said["params"], Device(product, name, "")
        accepted = EventAccepted(
            device, identifier, params["value"], params["time"], parts.now_ms(), request_id=str(said["id"])
        )
        for message in posts.event(parts.forwarded.sources, accepted):
            self._run(rules, self._of_fleet(message, orjson.dumps(message.values)))

    def _take_vehicles(self, event: VehiclesPresence) -> None:
        fleet = self._fleets.get(event.product_key)
        if fleet is not None and self._wants(event.product_key, "status"):
            self._statuses.add(fleet[0], event)

    def _take_status(self, message: Forwarded, body: bytes) -> None:
        rules = self._matching(message.topic, message.device.product.key)
        if self._room <= 0:
            for rule in rules:
                rule.counts.dropped += 1
        elif rules:
            self._room -= 1
            self._run(rules, self._of_fleet(message, body))

    def _of_fleet(self, message: Forwarded, body: bytes) -> Message:
        """A message about a simulated vehicle, as rules take it; it is generated now, whenever it is of."""
        parts, device = self._platform.parts, message.device
        return Message(
            message.topic,
            body,
            message.values,
            parts.calls.new_id(),
            device.product.key,
            device.name,
            parts.now_ms(),
            lambda: self._tags(device),
        )


def _may_match(topic: str, product_key: str, kind: str) -> bool:
    """Whether a filter can match a topic of this product and kind."""
    levels = topic.split("/")
    if topic.startswith(_STATUS) or levels[1] in {"+", "#"}:
        named = levels[4] if topic.startswith(_STATUS) and len(levels) > 4 else levels[1]
        return (named in {"+", "#", product_key} or not product_key) and (
            not topic.startswith(_STATUS) or kind == "status"
        )
    return levels[1] == product_key and kind != "status"
