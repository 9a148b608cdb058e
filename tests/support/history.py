"""What devices say and are asked, told to a history as the platform's events tell it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinqiao.gateway.history.history import History
from jinqiao.gateway.platform.events import EventAccepted, PropertiesAccepted, ServiceCalled, ServiceReplied
from jinqiao.gateway.platform.registry.registry import Device

__all__ = ["called", "happened", "posted", "replied"]


def posted(history: History, device: Device, params: Mapping[str, Any], refused: Mapping[str, int], ms: int) -> None:
    history.take_properties(PropertiesAccepted(device, params, refused, ms))


def happened(history: History, device: Device, identifier: str, output: Mapping[str, Any], at: int, ms: int) -> None:
    history.take_event(EventAccepted(device, identifier, output, at, ms))


def called(history: History, device: Device, identifier: str, call: str, given: str, ms: int) -> None:
    history.take_call(ServiceCalled(device, identifier, call, given, ms))


def replied(history: History, device: Device, identifier: str, call: str, output: str, ms: int) -> None:
    history.take_reply(ServiceReplied(device, identifier, call, output, ms))
