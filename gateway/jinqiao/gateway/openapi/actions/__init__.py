"""The actions, one file a group; importing a group fills the table. A new action is a function in one of them."""

from __future__ import annotations

from ..action import ACTIONS

from . import devices, listing, things, past, messages, firmware, subscriptions  # isort: skip  (the order of the documentation)

__all__ = ["ACTIONS", "devices", "firmware", "listing", "messages", "past", "subscriptions", "things"]
