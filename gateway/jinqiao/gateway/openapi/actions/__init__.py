"""The actions, one file a group; importing a group fills the table. A new action is a function in one of them."""

from __future__ import annotations

from ..action import ACTIONS

from . import (  # isort: skip  (order of the page)
    products,
    thing_models,
    product_topics,
    devices,
    batches,
    listing,
    tags,
    groups,
    topology,
    things,
    past,
    messages,
    firmware,
    upgrades,
    upgrade_tasks,
    jobs,
    files,
    subscriptions,
    rules,
)

__all__ = [
    "ACTIONS",
    "batches",
    "devices",
    "files",
    "firmware",
    "groups",
    "jobs",
    "listing",
    "messages",
    "past",
    "product_topics",
    "products",
    "rules",
    "subscriptions",
    "tags",
    "thing_models",
    "things",
    "topology",
    "upgrade_tasks",
    "upgrades",
]
