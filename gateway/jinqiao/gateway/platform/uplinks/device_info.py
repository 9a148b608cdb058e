"""Tags, desired properties and the thing model, as a device reads and writes them."""

from __future__ import annotations

import re
from typing import Any

from jinqiao.wire.alink.json_values import as_name

from .uplink import Outcome, Uplink, answered

__all__ = ["delete_desired", "delete_tags", "get_desired", "get_thing_model", "note_reset", "update_tags"]

#: Tags in a message and of a device; bytes of a key (its characters are ASCII), characters of a value.
MOST_TAGS, LONGEST_KEY, LONGEST_VALUE = 200, 100, 4_096
_KEY = re.compile(rf"[A-Za-z_][A-Za-z0-9_]{{0,{LONGEST_KEY - 1}}}")

#: Desired properties in one question; more is code 6104.
MOST_ASKED = 200


@answered
def update_tags(uplink: Uplink, params: Any) -> Outcome:
    """`thing.deviceinfo.update`: `[{"attrKey", "attrValue"}]`; all are taken or none."""
    if type(params) is not list or not 0 < len(params) <= MOST_TAGS:
        return Outcome(460)
    fresh: dict[str, str] = {}
    for tag in params:
        if type(tag) is not dict or not _is_key(tag.get("attrKey")):
            return Outcome(460)
        value = tag.get("attrValue")
        if type(value) is not str or len(value) > LONGEST_VALUE:
            return Outcome(460)
        fresh[tag["attrKey"]] = value
    if len(uplink.state.tags.keys() | fresh.keys()) > MOST_TAGS:
        return Outcome(460)
    with uplink.changing("tags") as draft:
        draft.tags.update(fresh)
    return Outcome()


@answered
def delete_tags(uplink: Uplink, params: Any) -> Outcome:
    """`thing.deviceinfo.delete`: `[{"attrKey"}]`; a tag that is not there is no error."""
    if type(params) is not list or not 0 < len(params) <= MOST_TAGS:
        return Outcome(460)
    if not all(type(tag) is dict and _is_key(tag.get("attrKey")) for tag in params):
        return Outcome(460)
    with uplink.changing("tags") as draft:
        for tag in params:
            draft.tags.pop(tag["attrKey"], None)
    return Outcome()


def _is_key(value: Any) -> bool:
    return type(value) is str and _KEY.fullmatch(value) is not None


@answered
def note_reset(_: Uplink, __: Any) -> Outcome:
    """`thing.reset`: a device says that it was reset to its factory state; there is no owner here to part it from."""
    return Outcome()


@answered
def get_desired(uplink: Uplink, params: Any) -> Outcome:
    """`thing.property.desired.get`: value and version of each property asked for; one that has none is left out."""
    if type(params) is not list or not all(as_name(name) for name in params):
        return Outcome(460)
    if len(params) > MOST_ASKED:
        return Outcome(6104)
    entries = uplink.state.desired.entries
    return Outcome(
        data={
            name: {"value": entries[name].value, "version": entries[name].version} for name in params if name in entries
        }
    )


@answered
def delete_desired(uplink: Uplink, params: Any) -> Outcome:
    """`thing.property.desired.delete`: `{"P": {"version": n}}` if that is the stored version, `{"P": {}}` always."""
    if type(params) is not dict:
        return Outcome(460)
    if len(params) > MOST_ASKED:
        return Outcome(6104)
    for entry in params.values():
        if type(entry) is not dict or type(entry.get("version", 0)) is not int:
            return Outcome(460)
    with uplink.changing("desired") as draft:
        for name, entry in params.items():
            draft.desired.delete(name, entry.get("version"))
    return Outcome()


@answered
def get_thing_model(uplink: Uplink, _: Any) -> Outcome:
    """`thing.dsltemplate.get`, `thing.dynamicTsl.get`: the whole thing model, as the product has it."""
    return Outcome(data=uplink.device.product.thing_model.tsl)
