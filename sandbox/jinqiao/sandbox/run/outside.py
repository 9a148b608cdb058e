"""Publishing to somebody else's broker: where it is, and the device triples of a real platform."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.errors import InputError
from jinqiao.device.links.fleet import Address

__all__ = ["OutsideBroker", "Triples", "load_triples", "parse_broker"]

#: Registered ports of MQTT without and with TLS (IANA).
_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class OutsideBroker:
    """A broker that is not ours, and our credentials there."""

    host: str
    port: int
    tls: bool
    username: str | None = None
    password: str | None = None

    def address(self) -> Address:
        """Where to connect; TLS checks the host against the system's authorities."""
        return Address(self.host, self.port, ssl.create_default_context() if self.tls else None)


@dataclass(frozen=True, slots=True)
class Triples:
    """Devices of one product: `names`, shape (n,), and the secret of each."""

    product_key: str
    names: NDArray[np.bytes_]
    secret: Callable[[str], str | None]


def parse_broker(text: str, option: str = "--broker") -> OutsideBroker:
    """`mqtt://[user:password@]host[:port]`, or `mqtts://…`; raises InputError that names the `option`."""
    wanted = "expected mqtt://[user:password@]host[:port] or mqtts://…"
    parts = urlsplit(text)
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InputError(f"{option}: {text!r}: {error}; {wanted}") from error
    if parts.scheme not in _PORTS or not host or parts.path.strip("/") or parts.query:
        raise InputError(f"{option}: found {text!r}, {wanted}")
    username = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    return OutsideBroker(host, port or _PORTS[parts.scheme], parts.scheme == "mqtts", username, password)


def load_triples(path: Path) -> Triples:
    """The devices of the only product of a registry file; raises RegistryError or InputError."""
    from jinqiao.gateway.platform.registry.file import load_registry  # the platform's end: only this needs it here

    registry = load_registry(path)
    if len(registry.products) != 1:
        raise InputError(f"{path}: found {len(registry.products)} products, expected one: a run drives one product")
    (product,) = registry.products.values()
    names = [name.encode() for name in product.devices]
    if not names:
        raise InputError(f"{path}: product {product.key} has no devices")
    return Triples(product.key, np.array(names), product.devices.secret)
