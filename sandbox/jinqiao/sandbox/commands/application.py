"""`jinqiao application`: who reads a data folder's devices, over MQTT and by cloud call."""

from __future__ import annotations

import json
import secrets
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table

from jinqiao.base.errors import InputError
from jinqiao.base.words import did_you_mean
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry import file as registry_file
from jinqiao.gateway.platform.registry.registry import Application
from jinqiao.gateway.storage.applications import application_row, deleted_row

from ..application_snippets import application_snippets
from ..invoked import program
from ..shown import cell
from .kept import kept_platform, product_of
from .options import AsJson, Data, LinesHost, LinesHttpPort, LinesPort

__all__ = ["add", "delete", "list_", "show"]

Name = Annotated[str, typer.Argument(help="User name and access key ID.", metavar="NAME", show_default=False)]


def add(
    data: Data,
    name: Name,
    password: Annotated[
        str | None,
        typer.Option(help="Password, and access key secret; generated if not given.", show_default=False),
    ] = None,
    products: Annotated[
        str | None,
        typer.Option(help="Product keys it may see, separated by commas.", metavar="KEY,…", show_default="all"),
    ] = None,
    mqtt_host: LinesHost = "127.0.0.1",
    mqtt_port: LinesPort = 1883,
    http_port: LinesHttpPort = 8080,
    json_: AsJson = False,
) -> None:
    """Add an application; prints its credentials, ready to paste. A running server picks it up at once.

    \b
    Example:
      jinqiao application add backend --data my-devices
      jinqiao application add meters --data my-devices --products a1meterPK01,a1meterPK02
    """
    _check(registry_file.Username, name, f"{name!r} is not a user name: expected 1 to 128 characters without '&'")
    if password is not None:
        _check(registry_file.Secret, password, "--password: expected 1 to 128 characters")
    with kept_platform(data, make=True) as (platform, storage):
        if name in platform.registry.applications:
            raise InputError(
                f"application {name!r} exists already\n  see it with: {program()} application show {name} --data {data}"
            )
        seen = None if products is None else frozenset(product_of(platform, key).key for key in _keys(products))
        application = Application(name, password or secrets.token_urlsafe(12), seen)
        storage.keep_all([application_row(application)])
        _show(platform, application, mqtt_host, mqtt_port, http_port, json_)


def list_(data: Data, json_: AsJson = False) -> None:
    """List the applications.

    \b
    Example:
      jinqiao application list --data my-devices
    """
    with kept_platform(data) as (platform, _):
        rows = [_row(application) for application in platform.registry.applications.values()]
    if json_:
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = Table("user name", "products", box=None)
    for row in rows:
        table.add_row(cell(row["username"]), cell(_products(row)))
    Console().print(table)


def show(
    data: Data,
    name: Name,
    mqtt_host: LinesHost = "127.0.0.1",
    mqtt_port: LinesPort = 1883,
    http_port: LinesHttpPort = 8080,
    json_: AsJson = False,
) -> None:
    """Show an application with its credentials, ready to paste.

    \b
    Example:
      jinqiao application show backend --data my-devices
    """
    with kept_platform(data) as (platform, _):
        _show(platform, _application_of(platform, name), mqtt_host, mqtt_port, http_port, json_)


def delete(data: Data, name: Name) -> None:
    """Delete an application: its open connections can no longer read or write.

    \b
    Example:
      jinqiao application delete backend --data my-devices
    """
    with kept_platform(data) as (platform, storage):
        storage.keep_all([deleted_row(_application_of(platform, name).username)])


def _keys(products: str) -> list[str]:
    keys = [key.strip() for key in products.split(",") if key.strip()]
    if not keys:
        raise InputError("--products: expected product keys, separated by commas; leave it out for all products")
    return keys


def _check(what: Any, text: str, why: str) -> None:
    try:
        TypeAdapter(what).validate_python(text)
    except ValidationError:
        raise InputError(why) from None


def _application_of(platform: Platform, name: str) -> Application:
    application = platform.registry.application(name)
    if application is None:
        near = did_you_mean(name, platform.registry.applications)
        raise InputError(f"no application {name!r}{near}\n  list them with: {program()} application list --data DIR")
    return application


def _row(application: Application) -> dict[str, Any]:
    products = application.products
    return {
        "username": application.username,
        "password": application.password,
        "access_key_id": application.username,
        "access_key_secret": application.password,
        "products": None if products is None else sorted(products),
    }


def _products(row: dict[str, Any]) -> str:
    return "all" if row["products"] is None else ", ".join(row["products"])


def _show(platform: Platform, application: Application, host: str, port: int, http_port: int, json_: bool) -> None:
    row = _row(application)
    if json_:
        print(json.dumps(row, ensure_ascii=False))
        return
    for name, value in {**row, "products": _products(row)}.items():
        print(f"{name}: {value}")
    snippets = application_snippets(application, platform.registry, host, port, http_port)
    for client, text in snippets.items():
        print(f"\n# {client}\n{text}", end="")
