"""The actions, one file a group; importing a group fills the table. A new action is a function in one of them."""

from __future__ import annotations

from ..action import ACTIONS
from . import (
    batches,
    devices,
    firmware,
    groups,
    listing,
    messages,
    past,
    product_topics,
    products,
    tags,
    thing_models,
    things,
    topology,
    upgrades,
)  # isort: skip  (order of the page)

__all__ = [
    "ACTIONS",
    "batches",
    "devices",
    "firmware",
    "groups",
    "listing",
    "messages",
    "past",
    "product_topics",
    "products",
    "tags",
    "thing_models",
    "things",
    "topology",
    "upgrades",
]
