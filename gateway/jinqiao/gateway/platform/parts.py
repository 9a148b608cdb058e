"""What the platform consists of: parts with state and rules of their own, put together once and for all.

Handlers of uplinks and operations are given all parts and use the two or three they need. A part knows the parts below
it, which it was given when it was made, and nothing of handlers, operations, brokers or HTTP:

    registry ── records ── simulated ── states ── topology ── presence ── provisioning
                   └──────────┴─ events, out (the broker), calls, notices, log
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .auth.access import Access
from .auth.quotas import Quotas
from .auth.rates import RatesOf
from .auth.token import Token
from .calls import Calls
from .converters.aside import Aside
from .devices.census import Census
from .devices.device_log import DeviceLog
from .devices.downloads import Downloads
from .devices.groups import DeviceGroups, Members
from .devices.job_tasks import JobTasks
from .devices.jobs import Task
from .devices.ota import Upgrade
from .devices.presence import Presence
from .devices.remote_config import RemoteConfig
from .devices.simulated import SimulatedValues
from .devices.states import DeviceStates, Index
from .devices.tag_index import TagIndex
from .devices.topology import Topology
from .devices.uploads import Uploads
from .elsewhere import Elsewhere
from .errands import Errands
from .followed import Followed
from .forwarded.forwarded import Forwarded
from .forwarded.message import Sources
from .jobs.book import JobBook
from .listeners import Events
from .notices import Notices
from .outbound import Outbound
from .products.batches import Batches
from .products.models import ThingModels
from .products.products import Products
from .provisioning import Provisioning
from .registry.records import IotIds, Records
from .registry.registry import Registry
from .rules.rules import Rules
from .subscriptions.subscriptions import Subscriptions
from .upgrades.catalogue import Catalogue
from .upgrades.rollout import Rollout

__all__ = ["Parts"]


@dataclass(frozen=True, slots=True)
class Parts:
    """Every part, by name; `assemble` makes them."""

    registry: Registry
    now_ms: Callable[[], int]
    events: Events
    out: Outbound
    aside: Aside
    elsewhere: Elsewhere
    errands: Errands
    log: DeviceLog
    calls: Calls
    notices: Notices
    records: Records
    census: Census
    iot_ids: IotIds
    simulated: SimulatedValues
    #: Devices by their tags.
    tags: TagIndex
    states: DeviceStates
    topology: Topology
    presence: Presence
    provisioning: Provisioning
    products: Products
    thing_models: ThingModels
    batches: Batches
    access: Access
    quotas: Quotas
    groups: DeviceGroups
    rules: Rules
    uploads: Uploads
    downloads: Downloads
    forwarded: Forwarded
    #: What products do about simulated vehicles.
    followed: Followed
    subscriptions: Subscriptions
    #: Remote configurations by product key.
    configs: dict[str, RemoteConfig]
    #: Update packages and modules that the cloud side knows.
    catalogue: Catalogue
    #: Jobs that upgrade devices.
    rollout: Rollout
    #: All other jobs.
    jobs: JobBook
    #: Tokens of HTTPS pre-authentication, by the user name they are for.
    tokens: dict[str, Token]

    @classmethod
    def assemble(cls, registry: Registry, now_ms: Callable[[], int], rates: RatesOf) -> Parts:
        """The parts of one platform. `now_ms` gives UTC milliseconds, simulated ones where vehicles are simulated."""
        events, out = Events(), Outbound()
        log, calls = DeviceLog(events, now_ms), Calls(now_ms)
        notices = Notices(out, calls)
        census = Census(events)
        records, simulated = Records(events, now_ms, census), SimulatedValues(registry, events)
        tags, members = TagIndex(), Members()
        upgrades, tasks = JobTasks[Upgrade](), JobTasks[Task]()
        indexes: dict[str, Index] = {"tags": tags, "groups": members, "ota": upgrades, "jobs": tasks}
        states = DeviceStates(events, simulated, indexes)
        groups, catalogue, errands = DeviceGroups(events, members), Catalogue(events), Errands()
        topology, uploads = Topology(states), Uploads(events, now_ms)
        presence = Presence(registry, records, states, topology, events, out, notices, errands, now_ms)
        census.ask(presence.simulator_is_there, presence.is_connected, presence.away.names)
        rollout = Rollout(registry, states, presence, groups, catalogue, upgrades, events, out, calls, errands, now_ms)
        sources = Sources(registry, records, states, topology, rollout, now_ms)
        subscriptions = Subscriptions(events, registry, out, now_ms)
        provisioning = Provisioning(records, states, topology, presence, uploads, log, events, out, notices, now_ms)
        products = Products(registry, events, out)
        return cls(
            registry=registry,
            now_ms=now_ms,
            events=events,
            out=out,
            aside=Aside(out),
            elsewhere=Elsewhere(),
            errands=errands,
            log=log,
            calls=calls,
            notices=notices,
            records=records,
            census=census,
            iot_ids=IotIds(registry),
            simulated=simulated,
            tags=tags,
            states=states,
            topology=topology,
            presence=presence,
            provisioning=provisioning,
            products=products,
            thing_models=ThingModels(products, events, now_ms),
            batches=Batches(registry, provisioning, errands, events, now_ms),
            access=Access(registry, records, topology, log, notices),
            quotas=Quotas(rates, now_ms),
            groups=groups,
            rules=Rules(events, registry),
            uploads=uploads,
            downloads=Downloads(),
            forwarded=Forwarded(events, out, calls, sources),
            followed=Followed(registry, presence.speaker, out, log, now_ms),
            subscriptions=subscriptions,
            configs={},
            catalogue=catalogue,
            rollout=rollout,
            jobs=JobBook(states, tasks, events, now_ms),
            tokens={},
        )
