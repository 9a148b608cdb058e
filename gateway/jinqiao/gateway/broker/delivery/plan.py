"""How the subscribers of a route take their messages: the bytes as they came, or each in its own form.

Sorted once per route and protocol level, so that the fast path asks nothing of a subscriber (see `stream`).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from jinqiao.gateway.broker.grant import Grant, Group

from .outbox import Outbox
from .runs import AcknowledgedRun, Run, messages_of

__all__ = ["Part", "Plan", "deliver_rest", "member_in_turn", "plan_of"]


class Part(NamedTuple):
    """For packets of one level: who takes the bytes (with the QoS granted), and who needs something else."""

    targets: tuple[Outbox, ...]
    grants: tuple[tuple[Outbox, int], ...]
    rest: tuple[tuple[Outbox, Grant], ...]
    groups: tuple[Group[Outbox], ...]


class Plan(NamedTuple):
    """A `Part` for publishers of MQTT 3.1 and 3.1.1, and one for those of MQTT 5."""

    at_4: Part
    at_5: Part

    def at(self, level: int) -> Part:
        return self.at_5 if level == 5 else self.at_4


class Planned(Protocol):
    """What a plan is worked out of, and remembered by: a `router.Route` of outboxes."""

    plan: Plan | None

    @property
    def grants(self) -> tuple[tuple[Outbox, Grant], ...]: ...

    @property
    def groups(self) -> tuple[Group[Outbox], ...]: ...


def plan_of(route: Planned) -> Plan:
    """The plan of a route, worked out at first use. An outbox and its style stay together, so it remains true."""
    if route.plan is None:
        route.plan = Plan(_part(route, 4), _part(route, 5))
    return route.plan


def deliver_rest(part: Part, run: Run | AcknowledgedRun, sender: str) -> None:
    """Hand a run to those who do not take its bytes. A group's member in turn gets the whole run: its messages once."""
    rest = list(part.rest)
    for group in part.groups:
        chosen = member_in_turn(group)
        if chosen is not None:
            rest.append(chosen)
    messages = None
    for outbox, grant in rest:
        if grant.particular or outbox.style.particular:
            if messages is None:
                messages = list(messages_of(run.data, run.level, sender))
            for message in messages:
                outbox.post(message, grant)
        elif isinstance(run, Run) and grant.qos and outbox.progressed is not None:
            outbox.send_acknowledged(run.acknowledged().at_level(outbox.style.level))
        elif isinstance(run, Run):
            outbox.send(run.at_level(outbox.style.level), run.count)
        elif grant.qos:
            outbox.send_acknowledged(run.at_level(outbox.style.level))
        else:
            outbox.send(run.at_level(outbox.style.level).plain(), len(run))


def member_in_turn(group: Group[Outbox]) -> tuple[Outbox, Grant] | None:
    """Who gets a message of a shared subscription: the next one that is connected and keeps up, if there is one."""
    members = list(group.in_turn())
    if not members:
        return None
    chosen = next((member for member in members if not member[0].paused), None)
    if chosen is None:
        chosen = next((member for member in members if member[0].connected), members[0])
    group.served(chosen[0])
    return chosen


def _part(route: Planned, level: int) -> Part:
    same: list[tuple[Outbox, Grant]] = []
    rest: list[tuple[Outbox, Grant]] = []
    for outbox, grant in route.grants:
        own = grant.particular or outbox.style.particular or (outbox.style.level == 5) != (level == 5)
        own = own or (outbox.progressed is not None and grant.qos > 0)
        (rest if own else same).append((outbox, grant))
    return Part(
        tuple(outbox for outbox, _ in same),
        tuple((outbox, grant.qos) for outbox, grant in same),
        tuple(rest),
        route.groups,
    )
