"""The actions, one file a group; importing a group fills the table. A new action is a function in one of them."""

from __future__ import annotations

from ..action import ACTIONS

from . import devices, listing, tags, groups, topology, things, past, messages  # isort: skip  (the page's order)
from . import firmware, upgrades, upgrade_tasks, jobs, files  # isort: skip

__all__ = [
    "ACTIONS",
    "devices",
    "files",
    "firmware",
    "groups",
    "jobs",
    "listing",
    "messages",
    "past",
    "tags",
    "things",
    "topology",
    "upgrade_tasks",
    "upgrades",
]
