"""Everything that a run consists of, made in the order in which one needs the other."""

from __future__ import annotations

import gc
import time
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jinqiao.device.agent.agent import Agent
from jinqiao.device.malforming import Malforming
from jinqiao.device.outbound import Outbound
from jinqiao.simulator.check import Checker
from jinqiao.simulator.world import World
from jinqiao.wire.alink.ev_thing_model import ev_thing_model
from jinqiao.wire.digest import RunDigest
from jinqiao.wire.render import StepRenderer

from ..sinks.base import Sink, SinkSpec
from .connections import Connections, Identities, address_of, identities
from .control import Control
from .control_port import control_url, own_http
from .downlinks import Downlinks
from .ending import Ending
from .fetches import Fetches
from .gateway_child import GatewayChild
from .inbox import Inbox
from .judgement import Judgement
from .lock_step import LockStep
from .options import RunOptions
from .own_gateway import Logins, configure, own_gateway
from .pace import Pace
from .peek import Peek
from .plan import Plan
from .ports import demand_ports
from .product_feed import ProductFeed
from .roster import Roster
from .running import Running
from .summary import Summary
from .ticker import Ticker, catch_up
from .way_out import WayOut

if TYPE_CHECKING:
    from .conveyor import Conveyor

__all__ = ["start_run"]


async def start_run(
    options: RunOptions,
    plan: Plan,
    ending: Ending,
    summary: Summary,
    stack: AsyncExitStack,
    child: GatewayChild | None = None,
) -> Running:
    """A run that is ready for its first second; what it has opened is closed with `stack`.

    Raises InputError or EnvironmentFault when the gateway, the broker or a sink cannot be had.
    """
    demand_ports(options)
    logins, inbox = Logins(), Inbox()
    gateway = None if options.broker is not None else await stack.enter_async_context(own_gateway(ending, child))
    with ending.at_once():
        world = World(plan.scenario, seed=plan.seed, vehicles=plan.vehicles, towns=plan.towns)
        checker = Checker(world.fleet.models, world.fleet.model_of, world.fleet.vins) if options.check else None
        judgement = Judgement(
            plan.scenario, world, summary, file=str(options.scenario), checker=checker, remembering=options.paused
        )
    # A large fleet stays: a garbage collection that looked at all of it would take a third of a second.
    gc.freeze()
    fleet = world.fleet
    summary.vehicles = fleet.n
    summary.sent.digest = RunDigest(world.town_rows)
    if gateway is not None:
        await configure(gateway, options, logins, world, followed=bool(judgement))
    who = identities(options, world)
    connections = Connections(options, address_of(options, gateway), logins, inbox)
    shared = await connections.shared(stack)
    own = await connections.own(world, who, ending.stop, stack)
    protobuf = _protobuf(world)
    sinks = [await _open(spec, world, who, summary, stack) for spec in plan.sinks]
    pace = Pace(options.speed)
    renderer = StepRenderer(who.product_key, who.names, fleet.vins, protobuf)
    feed = ProductFeed(
        judgement,
        who.product_key,
        who.names,
        fleet.vins,
        partial(_present_ms, world, pace),
        own_gateway=gateway is not None,
    )
    outbound = Outbound(
        shared, own, summary.sent, crossing=gateway is not None, on_back=inbox.on_online, on_answer=feed.went
    )

    def convey() -> Conveyor:
        from .conveyor import Conveyor  # what a run without a network goes without
        from .network import network_of

        network = network_of(world, renderer, who.product_key, who.names)
        judgement.through(network.figures)
        return Conveyor(network, renderer, outbound, pace, world.coverage, world.messages, plan.scenario.start_ms)

    out = WayOut(
        renderer,
        outbound,
        sinks,
        Peek(who.product_key, who.names, ~protobuf),
        Malforming(world.messages, renderer, lambda rows: world.draws.of(rows).keys),
        convey() if plan.scenario.network else None,
        lambda: convey() if world.coverage.changes or world.messages.any else None,
    )
    http = await own_http(options, stack)
    control = Control(
        world,
        pace,
        ending,
        plan.end_s,
        paused=options.paused,
        token=options.control_token,
        url=control_url(options, gateway, http),
    )
    agent = _agent(who, world, inbox, stack)
    # In lock-step what a vehicle has time for depends on simulated time alone, as all else does.
    clock_s = (lambda: world.time_ms / 1000) if options.lock_step else time.monotonic
    if judgement:
        inbox.stamp_by(feed.present_ms)
        agent.asking.watched_by(feed.asked)
    downlinks = Downlinks(inbox, agent, world, out, partial(catch_up, world, pace), clock_s, feed)
    stack.push_async_callback(downlinks.close)
    if shared is not None:
        await shared.subscribe([*(agent.custom_filters() if who.on_platform else agent.filters()), *feed.filters()])
    downlinks.begin()
    lock_step = None
    if options.lock_step and shared is not None:
        lock_step = LockStep(options.lock_step_limit_s, shared, own, downlinks, pace, ending.stop)
    each_second = lock_step is not None or any(sink.each_second for sink in sinks)
    return Running(
        options=options,
        plan=plan,
        ending=ending,
        summary=summary,
        logins=logins,
        gateway=gateway,
        http=http,
        world=world,
        shared=shared,
        own=own,
        out=out,
        downlinks=downlinks,
        pace=pace,
        control=control,
        ticker=Ticker(world, pace, downlinks.next_ms, each_second=each_second),
        roster=Roster(world),
        checker=checker,
        lock_step=lock_step,
        judgement=judgement,
    )


def _present_ms(world: World, pace: Pace) -> int:
    """The moment to which a run has come, simulated UTC: the clock's, as long as one is followed."""
    present_s = pace.present_s
    now_ms = world.time_ms
    return now_ms if present_s is None else max(now_ms, world.scenario.start_ms + int(present_s * 1000))


def _protobuf(world: World) -> NDArray[np.bool_]:
    """Which vehicles speak protobuf, shape (n,)."""
    speaks = np.zeros(world.fleet.n, np.bool_)
    for _, rows, spec in world.fleets:
        speaks[rows] = spec.telemetry.format == "protobuf"
    return speaks


def _agent(who: Identities, world: World, inbox: Inbox, stack: AsyncExitStack) -> Agent:
    """What answers for the vehicles, as far as it is no matter of the world."""
    fetches = Fetches(inbox)
    stack.push_async_callback(fetches.close)
    return Agent(
        who.product_key,
        who.names,
        world,
        ev_thing_model(who.product_key),
        fetches.begin,
        responders={"down_raw": world.diagnostics.respond},
        on_platform=who.on_platform,
    )


async def _open(spec: SinkSpec, world: World, who: Identities, summary: Summary, stack: AsyncExitStack) -> Sink:
    """A sink that is open; when it is closed, its report goes into the summary."""
    sink = await spec.open(world, who.product_key, [name.decode() for name in who.names.tolist()])

    async def close() -> None:
        summary.add_report(sink.name, await sink.close())

    stack.push_async_callback(close)
    return sink
