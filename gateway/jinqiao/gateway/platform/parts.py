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
from .devices.device_log import DeviceLog
from .devices.downloads import Downloads
from .devices.ota import Firmware
from .devices.presence import Presence
from .devices.remote_config import RemoteConfig
from .devices.simulated import SimulatedValues
from .devices.states import DeviceStates
from .devices.topology import Topology
from .devices.uploads import Uploads
from .elsewhere import Elsewhere
from .forwarded.forwarded import Forwarded
from .forwarded.message import Sources
from .listeners import Events
from .notices import Notices
from .outbound import Outbound
from .provisioning import Provisioning
from .registry.records import IotIds, Records
from .registry.registry import Registry
from .subscriptions.subscriptions import Subscriptions

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
    log: DeviceLog
    calls: Calls
    notices: Notices
    records: Records
    iot_ids: IotIds
    simulated: SimulatedValues
    states: DeviceStates
    topology: Topology
    presence: Presence
    provisioning: Provisioning
    access: Access
    quotas: Quotas
    uploads: Uploads
    downloads: Downloads
    forwarded: Forwarded
    subscriptions: Subscriptions
    #: Remote configurations by product key.
    configs: dict[str, RemoteConfig]
    #: Firmwares that the cloud side knows, by product key and firmware id.
    firmwares: dict[tuple[str, str], Firmware]
    #: Tokens of HTTPS pre-authentication, by the user name they are for.
    tokens: dict[str, Token]

    @classmethod
    def assemble(cls, registry: Registry, now_ms: Callable[[], int], rates: RatesOf) -> Parts:
        """The parts of one platform. `now_ms` gives UTC milliseconds, simulated ones where vehicles are simulated."""
        events, out = Events(), Outbound()
        log, calls = DeviceLog(events, now_ms), Calls(now_ms)
        notices = Notices(out, calls)
        records, simulated = Records(events, now_ms), SimulatedValues(registry, events)
        states = DeviceStates(events, simulated)
        topology, uploads = Topology(states), Uploads(events)
        presence = Presence(registry, records, states, topology, events, out, notices, now_ms)
        subscriptions = Subscriptions(events, registry, out, now_ms)
        return cls(
            registry=registry,
            now_ms=now_ms,
            events=events,
            out=out,
            aside=Aside(out),
            elsewhere=Elsewhere(),
            log=log,
            calls=calls,
            notices=notices,
            records=records,
            iot_ids=IotIds(registry),
            simulated=simulated,
            states=states,
            topology=topology,
            presence=presence,
            provisioning=Provisioning(records, states, topology, presence, uploads, log, events, out, notices, now_ms),
            access=Access(registry, records, topology, log, notices),
            quotas=Quotas(rates, now_ms),
            uploads=uploads,
            downloads=Downloads(),
            forwarded=Forwarded(events, out, calls, Sources(registry, records, states, topology, now_ms)),
            subscriptions=subscriptions,
            configs={},
            firmwares={},
            tokens={},
        )
