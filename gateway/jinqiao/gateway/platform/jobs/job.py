"""A job: what many devices are to do, and which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from ..registry.accounts import Account

__all__ = ["DeviceJob", "Kind", "State", "Target"]

Kind = Literal["INVOKE_SERVICE", "SET_PROPERTY", "PUB", "CUSTOM_JOB"]
#: COMPLETED is never kept: it is what comes of tasks that are all over.
State = Literal["WAITING", "IN_PROGRESS", "COMPLETED", "CANCELLED"]
Target = Literal["DEVICE_LIST", "GROUP_ID", "PRODUCT_KEY"]


@dataclass(frozen=True, slots=True)
class DeviceJob:
    """Times in UTC ms, 0 for none. `owner` is the name of the account that made it, `products` those that it saw then
    (None: all); `devices` are the identities of a list. Until its tasks are all made, a job is not `spread`."""

    id: str
    name: str
    kind: Kind
    document: Mapping[str, Any]
    owner: str
    products: tuple[str, ...] | None = None
    description: str = ""
    file: Mapping[str, Any] = field(default_factory=dict)
    target: Target = "DEVICE_LIST"
    product_key: str = ""
    group_id: str = ""
    devices: tuple[str, ...] = ()
    per_minute: int = 0
    qos: int = 1
    timeout_minutes: int = 0
    scheduled_ms: int = 0
    created_ms: int = 0
    modified_ms: int = 0
    state: State = "IN_PROGRESS"
    spread: bool = False

    @property
    def account(self) -> Account:
        """Who does what the job does."""
        return Account(self.owner, frozenset(self.products) if self.products is not None else None)

    def dump(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> DeviceJob:
        """From what `dump` gave, perhaps of another version: what is unknown is left out."""
        known = {one.name: values[one.name] for one in fields(cls) if one.name in values}
        products = tuple(known["products"]) if known["products"] is not None else None
        return cls(**{**known, "products": products, "devices": tuple(known["devices"])})
