"""What the commands on a data folder have in common: its platform, and finding things in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jinqiao.base.errors import InputError
from jinqiao.base.words import did_you_mean
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.registry import Device, Product
from jinqiao.gateway.storage.keeper import attach
from jinqiao.gateway.storage.registry import load_kept
from jinqiao.gateway.storage.sqlite import FILE, Storage

from ..invoked import program

__all__ = ["device_of", "kept_platform", "product_of"]


@contextmanager
def kept_platform(data: Path, *, make: bool = False) -> Iterator[tuple[Platform, Storage]]:
    """The platform of a data folder without a broker; what is changed is kept, and a running server takes it over."""
    if not make and not (data / FILE).is_file():
        raise InputError(f"no data in {str(data)!r}\n  begin with: {program()} product add --data {data} --name NAME")
    storage = Storage(data)
    try:
        platform = Platform(load_kept(storage, unopened=True))
        keeper = attach(platform, storage)
        yield platform, storage
        keeper.close()
    finally:
        storage.close()


def product_of(platform: Platform, product_key: str) -> Product:
    """The product of this key; raises InputError."""
    product = platform.registry.product(product_key)
    if product is None:
        near = did_you_mean(product_key, platform.registry.products)
        raise InputError(f"no product {product_key!r}{near}\n  list them with: {program()} product list --data DIR")
    return product


def device_of(platform: Platform, product_key: str, device_name: str) -> Device:
    """The device of these names; raises InputError."""
    product = product_of(platform, product_key)
    device = platform.registry.device(product_key, device_name)
    if device is None:
        near = did_you_mean(device_name, list(product.devices))
        raise InputError(
            f"no device {device_name!r} of product {product_key!r}{near}\n"
            f"  list them with: {program()} device list {product_key} --data DIR"
        )
    return device
