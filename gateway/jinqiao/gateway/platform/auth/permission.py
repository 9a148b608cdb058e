"""Who may publish and subscribe what: devices their own topics, applications those of their products.

An application names one of its products in a filter, or uses wildcards: those of one that does not have all products
yield topics of its own alone.

A device's filter is granted when one readable row of the table, with the device's own names in it, covers it whole. So
are wildcards below a root of its own, such as `/sys/{pk}/{dn}/thing/#`, and `/ext/rrpc/#`, which clients in the field
subscribe: they match uplinks too, and the last one neighbours' calls, so `is_downlink_of` decides topic by topic what
is delivered. The answers do not depend on who is connected, so a broker may keep them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jinqiao.gateway.broker.policy import Principal
from jinqiao.gateway.platform.registry.registry import Application, Device, Registry
from jinqiao.wire.alink.routing import find, rows_covering, rows_met
from jinqiao.wire.alink.topics import RESERVED_KEYS, TOPICS, Direction
from jinqiao.wire.mqtt.topics import has_wildcard

from . import custom_topics

__all__ = [
    "OF_ALL_DEVICES",
    "is_downlink_of",
    "is_for",
    "may_publish",
    "may_subscribe",
    "only_for_application",
    "publishes_as",
    "reaches_others",
    "subscribes_as",
    "unshared",
]

#: Limits of a device's custom and broadcast topics; system topics may be deeper, within reason.
LONGEST_TOPIC, MOST_SLASHES = 128, 7
MOST_SLASHES_OF_SYSTEM = 20

#: Filters that name no device and are granted to each, for its own calls.
OF_ALL_DEVICES = frozenset({"/ext/rrpc/#", "/ext/rrpc/+/#"})
#: Below these a device's filter may end in `#`, whatever rows that takes in.
_ROOTS = (
    *("/sys/{}/thing/", "/sys/{}/_thing/", "/sys/{}/rrpc/", "/sys/{}/broadcast/"),
    *("/ext/session/{}/", "/ext/rrpc/+/sys/{}/", "/ext/rrpc/+/{}/user/"),
)

#: What stands before an application's name where a device's identity may stand; no product key has a colon.
_APPLICATION = "application:"

Rule = Callable[[Registry, Principal, str], bool]


def may_publish(registry: Registry, principal: Principal, topic: str) -> bool:
    """Whether this topic name is the principal's to write."""
    return principal.kind == "simulator" or (
        not topic.startswith("$") and _PUBLISH[principal.kind](registry, principal, topic)
    )


def may_subscribe(registry: Registry, principal: Principal, topic_filter: str) -> bool:
    """Whether every topic this filter can match is the principal's to read; a `$share/{group}/` is passed over."""
    return principal.kind == "simulator" or _SUBSCRIBE[principal.kind](registry, principal, unshared(topic_filter))


def unshared(topic_filter: str) -> str:
    """A filter without its `$share/{group}/`."""
    if not topic_filter.startswith("$share/"):
        return topic_filter
    return topic_filter.split("/", 2)[2] if topic_filter.count("/") > 1 else topic_filter


# Devices.


def _device_publishes(_: Registry, principal: Principal, topic: str) -> bool:
    return publishes_as(principal.subject.device, topic)


def publishes_as(device: Device, topic: str) -> bool:
    """Whether this topic name is this device's to write, no matter who speaks for it."""
    found = find(topic)
    return (
        found is not None
        and Direction.UP in found.row.direction
        and f"{found.product_key}/{found.device_name}" == device.identity
        and _within_limits(topic, limited=found.row.kind == "custom")
        and (found.row.kind != "custom" or custom_topics.may_publish(device, topic))
    )


def _device_subscribes(_: Registry, principal: Principal, topic_filter: str) -> bool:
    return subscribes_as(principal.subject.device, topic_filter)


def subscribes_as(device: Device, topic_filter: str) -> bool:
    """Whether what this filter yields is this device's to read, no matter who speaks for it."""
    if _is_below_own_root(device.identity, topic_filter):
        rows = rows_met(topic_filter, device.product.key, device.name)
        return any(Direction.DOWN in row.direction for row in rows) and _within_limits(topic_filter, limited=False)
    rows = rows_covering(topic_filter, device.product.key, device.name)
    readable = [row for row in rows if Direction.DOWN in row.direction]
    kinds = {row.kind for row in readable}
    if "custom" in kinds and not custom_topics.may_subscribe(device, topic_filter):
        return False
    return bool(readable) and _within_limits(topic_filter, limited=not kinds.isdisjoint({"custom", "broadcast"}))


def _is_below_own_root(identity: str, topic_filter: str) -> bool:
    if topic_filter in OF_ALL_DEVICES:
        return True
    roots = [root.format(identity) for root in _ROOTS] if topic_filter.endswith("/#") else []
    return any(topic_filter.startswith(root) and "+" not in topic_filter[len(root) :] for root in roots)


def is_downlink_of(identity: str, topic: str) -> bool:
    """Whether this topic name is this device's to read; of what both ends write, its own replies are not."""
    found = find(topic)
    if found is None or Direction.DOWN not in found.row.direction:
        return False
    if not found.device_name:
        return found.product_key == identity.partition("/")[0]
    own = f"{found.product_key}/{found.device_name}" == identity
    return own and (found.row.direction is Direction.DOWN or not found.row.is_reply)


def _within_limits(topic: str, *, limited: bool) -> bool:
    """How long a system topic may be is the broker's to say."""
    if not limited:
        return topic.count("/") <= MOST_SLASHES_OF_SYSTEM
    return len(topic) <= LONGEST_TOPIC and topic.count("/") <= MOST_SLASHES


# Applications.


def _is_known(registry: Registry, application: Application) -> bool:
    """Whether who logged in as this is still an application, with the same password and products."""
    return registry.application(application.username) == application


def _application_publishes(registry: Registry, principal: Principal, topic: str) -> bool:
    """Downlinks only: what devices send, and what the platform itself replies, is not an application's to say."""
    found = find(topic)
    return (
        found is not None
        and _is_known(registry, principal.subject)
        and Direction.DOWN in found.row.direction
        and not found.row.is_reply
        and principal.subject.sees(found.product_key)
    )


def _application_subscribes(registry: Registry, principal: Principal, topic_filter: str) -> bool:
    if not _is_known(registry, principal.subject):
        return False
    if topic_filter.startswith("$"):
        return topic_filter.startswith("$SYS/")  # counts of the broker, nobody's secrets
    return (
        _sees_all(registry, principal.subject)
        or _names_a_product_of(principal.subject, topic_filter)
        or (has_wildcard(topic_filter) and _product_named(topic_filter) in {None, "+", "#"})
    )


def _sees_all(registry: Registry, application: Application) -> bool:
    return application.products is None or application.products.issuperset(registry.products)


def _names_a_product_of(application: Application, topic_filter: str) -> bool:
    named = _product_named(topic_filter)
    return named is not None and application.products is not None and named in application.products


def only_for_application(application: Application, topic_filter: str) -> str:
    """Whose topics alone a filter yields: the application's, unless it sees all or names one of its products.

    Also where it has every product that there is today: tomorrow there may be more.
    """
    plain = unshared(topic_filter)
    if application.products is None or plain.startswith("$") or _names_a_product_of(application, plain):
        return ""
    return _APPLICATION + application.username


def is_for(registry: Registry, reader: str, topic: str) -> bool:
    """Whether this topic is to be delivered to a reader that `only_for` has named."""
    if not reader.startswith(_APPLICATION):
        return is_downlink_of(reader, topic)
    application, found = registry.application(reader.removeprefix(_APPLICATION)), find(topic)
    if found is None:
        return _is_ordinary(registry, topic)
    return application is not None and bool(found.product_key) and application.sees(found.product_key)


def reaches_others(registry: Registry, principal: Principal, topic_filter: str) -> bool:
    """Whether a granted filter matches topics of others, which only our own broker would not deliver."""
    plain = unshared(topic_filter)
    if principal.kind == "application":
        return not _sees_all(registry, principal.subject) and bool(only_for_application(principal.subject, plain))
    return principal.kind == "device" and plain in OF_ALL_DEVICES


def _before_product_key() -> tuple[tuple[str | None, ...], ...]:
    """What stands before the product key in each class of topics, longest first; None is any one level."""
    prefixes = {
        tuple(None if level.startswith("{") else level for level in row.pattern.split("/{pk}/")[0].split("/"))
        for row in TOPICS
        if "{pk}" in row.pattern
    }
    return tuple(sorted(prefixes, key=len, reverse=True))


_PREFIXES = _before_product_key()


def _product_named(topic_filter: str) -> str | None:
    """The product key that stands in the filter where its class of topics has it, or None."""
    levels = topic_filter.split("/")
    for prefix in _PREFIXES:
        if len(levels) > len(prefix) and all(
            wanted == level or (wanted is None and level != "#") for wanted, level in zip(prefix, levels, strict=False)
        ):
            key = levels[len(prefix)]
            return None if key in RESERVED_KEYS else key
    return None


# Clients without a user name.


def _anonymous_publishes(registry: Registry, _: Principal, topic: str) -> bool:
    return _is_ordinary(registry, topic)


def _anonymous_subscribes(registry: Registry, _: Principal, topic_filter: str) -> bool:
    if topic_filter in registry.deny_subscribe:
        return False
    levels = topic_filter.split("/")
    if not registry.products:
        return True
    if levels[0] == "#" or (levels[0] in {"", "+"} and len(levels) > 1 and levels[1] in {"+", "#"}):
        return False
    return _is_ordinary(registry, "/" + topic_filter[2:] if levels[0] == "+" else topic_filter)


def _is_ordinary(registry: Registry, topic: str) -> bool:
    """Whether no device can have this topic: once there is a product, system roots and its own root are taken."""
    if not registry.products or not topic.startswith("/"):
        return True
    root = topic.split("/", 2)[1]
    return root not in RESERVED_KEYS and root not in registry.products


def _never(_: Registry, __: Principal, ___: str) -> bool:
    """A session of dynamic registration is sent its credentials and does nothing else."""
    return False


_PUBLISH: Mapping[str, Rule] = {
    "device": _device_publishes,
    "application": _application_publishes,
    "anonymous": _anonymous_publishes,
    "registering": _never,
}
_SUBSCRIBE: Mapping[str, Rule] = {
    "device": _device_subscribes,
    "application": _application_subscribes,
    "anonymous": _anonymous_subscribes,
    "registering": _never,
}
