"""Applications that were added by a command: kept one by one, so that a running server takes each of them over.

Those of a registry file are kept with the rest of what the file says about the house, and go when the file no longer
names them. One that was deleted by a command stays deleted although the file names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.registry import Application, Registry

from .sqlite import Row, Storage

__all__ = [
    "KIND",
    "application_row",
    "apply_applications",
    "deleted_row",
    "dump_application",
    "load_application",
    "named_by_file",
    "take_applications",
]

#: Kind of their rows.
KIND = "application"
#: Before the user name in a row's key. Neither a product key nor a device name may hold it, so that what is deleted
#: with a product or a device is never an application whose name looks like theirs.
_MARK = "&"


def dump_application(application: Application) -> dict[str, Any]:
    """As JSON values; `products` None stays None."""
    products = application.products
    return {
        "username": application.username,
        "password": application.password,
        "products": None if products is None else sorted(products),
    }


def load_application(values: Mapping[str, Any]) -> Application:
    """The way back."""
    products = values["products"]
    return Application(values["username"], values["password"], None if products is None else frozenset(products))


def application_row(application: Application) -> Row:
    """An application as it is kept."""
    return Row(KIND, _MARK + application.username, dump_application(application))


def deleted_row(username: str) -> Row:
    """What is kept in its place when it was deleted."""
    return Row(KIND, _MARK + username, {"deleted": True})


def named_by_file(username: str, known: Mapping[tuple[str, str], Any]) -> list[Row]:
    """What becomes of the row of an application that a registry file names: the file's word counts from now on.

    `known` are the rows there are, by kind and key.
    """
    row = Row(KIND, _MARK + username, None)
    value = known.get(row[:2])
    return [] if value is None or "deleted" in value else [row]


def apply_applications(registry: Registry, storage: Storage) -> None:
    """Add those that were added to a registry, and take those away that were deleted."""
    for row in storage.rows(KIND):
        with storage.reading(row):
            if "deleted" in row.value:
                registry.applications.pop(row.key.removeprefix(_MARK), None)
            else:
                application = load_application(row.value)
                registry.applications[application.username] = application
    registry.grant_owned()


def take_applications(platform: Platform, storage: Storage) -> None:
    """Take over what another process has added, changed or deleted; open connections are checked again."""
    registry = platform.registry
    before = dict(registry.applications)
    apply_applications(registry, storage)
    if before != registry.applications:
        platform.parts.out.products_changed()
