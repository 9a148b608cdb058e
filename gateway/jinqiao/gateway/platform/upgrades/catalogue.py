"""The update packages and the modules that back ends have made known. Announced, and kept, before they are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ..events import FirmwareChanged, FirmwareDeleted, ModuleChanged, ModuleDeleted
from ..listeners import Events
from .package import Module, Package

__all__ = ["Catalogue"]


class Catalogue:
    """Packages by id, modules by product and name; each in the order in which they came."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._packages: dict[str, Package] = {}
        self._modules: dict[tuple[str, str], Module] = {}

    @property
    def packages(self) -> Sequence[Package]:
        return tuple(self._packages.values())

    def package(self, package_id: str) -> Package | None:
        return self._packages.get(package_id)

    def put(self, package: Package) -> None:
        """A package is known, or another than it was."""
        announced = self._events.change(FirmwareChanged, package)
        self._events.make(partial(self.restore, package))
        announced.done()

    def restore(self, package: Package) -> None:
        """Take over what was kept; nobody is notified."""
        self._packages[package.id] = package

    def delete(self, package: Package) -> None:
        announced = self._events.change(FirmwareDeleted, package)
        self._events.make(partial(self._packages.pop, package.id, None))
        announced.done()

    def modules(self, product_key: str) -> list[Module]:
        """Those of a product."""
        return [module for module in self._modules.values() if module.product_key == product_key]

    def put_module(self, module: Module) -> None:
        """A module is known, or another than it was."""
        announced = self._events.change(ModuleChanged, module)
        self._events.make(partial(self.restore_module, module))
        announced.done()

    def restore_module(self, module: Module) -> None:
        """Take over what was kept; nobody is notified."""
        self._modules[module.product_key, module.name] = module

    def delete_module(self, module: Module) -> None:
        announced = self._events.change(ModuleDeleted, module)
        self._events.make(partial(self._modules.pop, (module.product_key, module.name), None))
        announced.done()
