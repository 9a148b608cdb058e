"""Products made by cloud calls, in memory and in a data folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jinqiao.gateway.openapi.cloud import Cloud
from jinqiao.gateway.openapi.http import Request, Response
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.file import load_registry
from jinqiao.gateway.platform.registry.registry import Registry
from jinqiao.gateway.storage.keeper import attach
from jinqiao.gateway.storage.registry import load_kept, seed
from jinqiao.gateway.storage.sqlite import Storage
from support.cloud_world import ACCEPTANCE, NOW_MS, CloudWorld
from support.openapi import clock_ms, signed_query

__all__ = ["NEW", "Kept", "ask", "made"]

NEW = {"ProductName": "Charger_1", "NodeType": 0, "DataFormat": 1, "AliyunCommodityCode": "iothub_senior"}


def ask(world: CloudWorld, action: str, **arguments: Any) -> dict[str, Any]:
    return world.read(world.dispatch(action, **arguments))


def made(world: CloudWorld, **more: Any) -> str:
    key: str = ask(world, "CreateProduct", **{**NEW, **more})["ProductKey"]
    return key


class Kept:
    """A platform of a data folder, which a registry file seeds."""

    def __init__(self, folder: Path, file: Path | None = ACCEPTANCE / "registry.yaml") -> None:
        self.storage = Storage(folder)
        registry: Registry = seed(self.storage, load_registry(file)) if file else load_kept(self.storage)
        self.platform = Platform(registry, clock_ms=lambda: NOW_MS)
        self.keeper = attach(self.platform, self.storage)
        self.cloud = Cloud(self.platform, clock_ms=clock_ms)

    def ask(self, action: str, **arguments: Any) -> dict[str, Any]:
        response = self.cloud.dispatch(Request("POST", "/", signed_query(action, arguments)))
        assert isinstance(response, Response)
        body: dict[str, Any] = json.loads(response.body)
        return body

    def again(self, file: Path | None = ACCEPTANCE / "registry.yaml") -> Kept:
        folder = Path(self.storage._path).parent
        self.storage.close()
        return Kept(folder, file)
