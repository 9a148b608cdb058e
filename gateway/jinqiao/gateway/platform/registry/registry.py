"""The registry: products with their devices, applications, access keys and consumer groups, looked up by name.

In memory, built from a registry file (`file.load_registry`) or in code (`fleet_devices` for a simulated fleet).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from jinqiao.gateway.platform.converters.base import Converter
from jinqiao.wire.alink.thing_model import ThingModel

from ..rules.rule import Rule
from .accounts import AccessKey
from .devices import Devices
from .product_record import ProductRecord

__all__ = [
    "Application",
    "ConsumerGroup",
    "Device",
    "NodeType",
    "Product",
    "Registry",
]

#: A product that does not say what its devices are may have any.
NodeType = Literal["device", "gateway", "sub_device", "unstated"]


@dataclass(slots=True, eq=False)
class Product:
    """What devices of one kind have in common. Of a running platform only `platform.products` changes one: `take`."""

    key: str
    name: str
    thing_model: ThingModel = field(repr=False)
    devices: Devices = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    dynamic_registration: bool = False
    node_type: NodeType = "unstated"
    #: What turns raw data of its devices into Alink and back.
    converter: Converter | None = field(default=None, repr=False)
    #: Raw data is for subscribers: the CAN frames of simulated vehicles are forwarded, not converted and not refused.
    raw_is_forwarded: bool = False
    record: ProductRecord = field(default=ProductRecord(), repr=False)

    def take(self, fresh: Product) -> None:
        """Become what another value of the same product says; its devices stay."""
        self.name, self.thing_model, self.record = fresh.name, fresh.thing_model, fresh.record


@dataclass(frozen=True, slots=True, eq=False)
class Device:
    """The platform's triple: product key, device name, device secret."""

    product: Product
    name: str
    secret: str = field(repr=False)

    @property
    def identity(self) -> str:
        """The name under which a second login takes over the first: the triple, not the client id."""
        return f"{self.product.key}/{self.name}"


@dataclass(frozen=True, slots=True)
class Application:
    """Credentials of a customer's back end, for all topics of its products and as an access key.

    `products` None: all, those that come later included.
    """

    username: str
    password: str = field(repr=False)
    products: frozenset[str] | None = None

    def sees(self, product_key: str) -> bool:
        return self.products is None or product_key in self.products


@dataclass(frozen=True, slots=True)
class ConsumerGroup:
    """Who shares the forwarded messages of some products."""

    id: str
    products: frozenset[str] = frozenset()


class _Keys(Mapping[str, AccessKey]):
    """Looks one up at a time: each cloud call asks for one, and there may be thousands of applications."""

    def __init__(self, access_keys: Mapping[str, AccessKey], applications: Mapping[str, Application]) -> None:
        self._access_keys, self._applications = access_keys, applications

    def __getitem__(self, name: str) -> AccessKey:
        if (key := self._access_keys.get(name)) is not None:
            return key
        application = self._applications[name]
        return AccessKey(application.username, application.password, application.products)

    def __iter__(self) -> Iterator[str]:
        return iter(self._access_keys.keys() | self._applications.keys())

    def __len__(self) -> int:
        return len(self._access_keys.keys() | self._applications.keys())


class Registry:
    """Everything the platform knows of, by name.

    `anonymous` lets clients without user name use ordinary topics; `deny_subscribe` lists filters refused to them.
    `rules` run from the start.
    """

    def __init__(
        self,
        products: Iterable[Product] = (),
        applications: Iterable[Application] = (),
        *,
        access_keys: Iterable[AccessKey] = (),
        consumer_groups: Iterable[ConsumerGroup] = (),
        anonymous: bool = False,
        deny_subscribe: Iterable[str] = (),
        rules: Iterable[Rule] = (),
    ) -> None:
        self.products: dict[str, Product] = {product.key: product for product in products}
        self.applications: dict[str, Application] = {a.username: a for a in applications}
        self.access_keys: dict[str, AccessKey] = {key.id: key for key in access_keys}
        self.consumer_groups: dict[str, ConsumerGroup] = {group.id: group for group in consumer_groups}
        self.anonymous = anonymous
        self.deny_subscribe = frozenset(deny_subscribe)
        self.rules = tuple(rules)

    def product(self, product_key: str) -> Product | None:
        return self.products.get(product_key)

    def device(self, product_key: str, device_name: str) -> Device | None:
        """The device, made on demand: a fleet keeps no object per device."""
        product = self.products.get(product_key)
        secret = product.devices.secret(device_name) if product else None
        return Device(product, device_name, secret) if product and secret is not None else None

    @property
    def all_keys(self) -> Mapping[str, AccessKey]:
        """Access keys by id; an application's credentials are one, unless a key of its own has that id."""
        return _Keys(self.access_keys, self.applications)

    def grant_owned(self) -> None:
        """Let accounts that see some products see those that they have made."""
        for product in self.products.values():
            owner, key = product.record.owner, product.key
            known = self.access_keys.get(owner) or self.applications.get(owner)
            if known is None or known.products is None or key in known.products:
                continue
            seen = known.products | {key}
            if isinstance(known, AccessKey):
                self.access_keys[owner] = replace(known, products=seen)
            else:
                self.applications[owner] = replace(known, products=seen)

    def application(self, username: str) -> Application | None:
        return self.applications.get(username)
