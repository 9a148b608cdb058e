"""Groups of devices: made, filled, tagged and looked through by the account that owns them.

An account that sees all products sees all groups. Of the devices in a group an account sees those of its products.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..devices.group import DeviceGroup
from ..parts import Parts
from ..registry.accounts import Account
from ..registry.registry import Device, Product
from .errors import OperationError, Reason
from .reach import Reach

__all__ = ["MOST_TAGS", "Groups", "Related"]

#: Groups of an account, groups directly in one, levels of them, groups of a device (documents 90386, 93358).
MOST_GROUPS, MOST_BELOW, MOST_LEVELS, MOST_OF_DEVICE = 1_000, 100, 3, 10
#: Devices of a group: so many are looked through in one piece.
MOST_DEVICES = 20_000
#: Tags of a group; characters of a description.
MOST_TAGS, LONGEST_DESCRIPTION = 100, 100
#: Chinese characters, which count twice, Latin letters, digits and underscores.
_NAME = re.compile(r"[A-Za-z0-9_\u4e00-\u9fff]+")
_SHORTEST, _LONGEST = 4, 30
_TAG_KEY, _TAG_VALUE = re.compile(r"[A-Za-z0-9.]{1,30}"), re.compile(r"[A-Za-z0-9_.:\u4e00-\u9fff-]{1,128}")


@dataclass(frozen=True, slots=True)
class Related:
    """What came of putting devices into a group, or of taking them out: how many there are, were in it, are in it now
    (or not any more), and were in too many groups."""

    valid: int
    already: int
    done: int
    exceeding: int = 0


class Groups:
    """Raises NO_GROUP for a group that is not there, or is another account's."""

    def __init__(self, parts: Parts, reach: Reach) -> None:
        self._parts, self._reach = parts, reach

    def find(self, account: Account, group_id: str) -> DeviceGroup:
        group = self._parts.groups.get(group_id)
        if group is None or not _sees(account, group):
            raise OperationError(Reason.NO_GROUP)
        return group

    def all(self, account: Account) -> list[DeviceGroup]:
        """Those that the account sees, oldest first."""
        return [group for group in self._parts.groups.all if _sees(account, group)]

    def create(self, account: Account, name: str, description: str = "", super_id: str = "") -> DeviceGroup:
        """Make a group, perhaps in another one. Raises BAD_GROUP, GROUP_TAKEN, GROUP_LIMIT."""
        _check(name, description)
        owner = account.name
        if super_id:
            above = self.find(account, super_id)
            owner = above.owner
            if self._level(above) >= MOST_LEVELS:
                raise OperationError(Reason.GROUP_LIMIT, f"groups have at most {MOST_LEVELS} levels")
            if self._parts.groups.below(super_id) >= MOST_BELOW:
                raise OperationError(Reason.GROUP_LIMIT, f"at most {MOST_BELOW} groups are in one")
        own = [group for group in self._parts.groups.all if group.owner == owner]
        if len(own) >= MOST_GROUPS:
            raise OperationError(Reason.GROUP_LIMIT, f"an account has at most {MOST_GROUPS:,} groups")
        if any(group.name == name for group in own):
            raise OperationError(Reason.GROUP_TAKEN)
        group = DeviceGroup(secrets.token_hex(8), name, owner, self._parts.now_ms(), description, super_id)
        self._parts.groups.put(group)
        return group

    def _level(self, group: DeviceGroup) -> int:
        level, above = 1, self._parts.groups.get(group.super_id)
        while above is not None:
            level, above = level + 1, self._parts.groups.get(above.super_id)
        return level

    def describe(self, account: Account, group_id: str, description: str) -> None:
        """Give a group another description. Raises BAD_GROUP."""
        group = self.find(account, group_id)
        _check(group.name, description)
        self._parts.groups.put(replace(group, description=description))

    def delete(self, account: Account, group_id: str) -> None:
        """Raises GROUP_NOT_EMPTY while there are groups in it; its devices stay."""
        group = self.find(account, group_id)
        if self._parts.groups.below(group_id):
            raise OperationError(Reason.GROUP_NOT_EMPTY)
        self._parts.groups.delete(group)

    def above(self, account: Account, group_id: str) -> DeviceGroup | None:
        """The group that this one is in."""
        return self._parts.groups.get(self.find(account, group_id).super_id)

    def tag(self, account: Account, group_id: str, tags: Mapping[str, str]) -> None:
        """These are the group's tags, and no others. Raises BAD_TAG, TOO_MANY_TAGS."""
        group = self.find(account, group_id)
        for key, value in tags.items():
            if not _TAG_KEY.fullmatch(key) or not _TAG_VALUE.fullmatch(value):
                raise OperationError(Reason.BAD_TAG, f"{key!r:.40} and its value are not a tag")
        if len(tags) > MOST_TAGS:
            raise OperationError(Reason.TOO_MANY_TAGS, f"a group has at most {MOST_TAGS} tags")
        self._parts.groups.put(replace(group, tags=dict(tags)))

    # Devices.

    def add(self, account: Account, group_id: str, devices: Iterable[tuple[str, str]]) -> Related:
        """Put devices, by product key and name, into a group: all that can be, together; those that the account does
        not see are not counted. Raises GROUP_LIMIT."""
        self.find(account, group_id)
        found = self._seen(account, devices)
        already = exceeding = 0
        fresh: list[tuple[Device, list[str]]] = []
        for device in found:
            groups = self._of(device)
            if group_id in groups:
                already += 1
            elif len(groups) >= MOST_OF_DEVICE:
                exceeding += 1
            else:
                fresh.append((device, [*groups, group_id]))
        if len(self._parts.groups.members.of(group_id)) + len(fresh) > MOST_DEVICES:
            raise OperationError(Reason.GROUP_LIMIT, f"a group has at most {MOST_DEVICES:,} devices")
        self._put(fresh)
        return Related(len(found), already, len(fresh), exceeding)

    def remove(self, account: Account, group_id: str, devices: Iterable[tuple[str, str]]) -> Related:
        """Take devices out of a group, all together; those that are not in it are none."""
        self.find(account, group_id)
        found = self._seen(account, devices)
        inside = [(device, groups) for device in found if group_id in (groups := self._of(device))]
        self._put([(device, [other for other in groups if other != group_id]) for device, groups in inside])
        return Related(len(found), len(inside), len(inside))

    def _put(self, fresh: Sequence[tuple[Device, list[str]]]) -> None:
        with self._parts.events.together():
            for device, groups in fresh:
                with self._parts.states.changing(device, "groups") as draft:
                    draft.groups = tuple(groups)

    def _seen(self, account: Account, devices: Iterable[tuple[str, str]]) -> list[Device]:
        found: dict[str, Device] = {}
        for product_key, name in devices:
            device = self._parts.registry.device(product_key, name)
            if device is not None and account.sees(product_key):
                found[device.identity] = device
        return list(found.values())

    def _of(self, device: Device) -> list[str]:
        """Ids of the groups that a device is in and that are there."""
        state = self._parts.states.known(device)
        return [] if state is None else [one for one in state.groups if self._parts.groups.get(one) is not None]

    def of_device(self, account: Account, device: Device) -> list[DeviceGroup]:
        """The groups that a device is in, among those that the account sees."""
        self._reach.allow(account, device)
        groups = (self._parts.groups.get(group_id) for group_id in self._of(device))
        return [group for group in groups if group is not None and _sees(account, group)]

    def identities(self, account: Account, group_id: str) -> list[str]:
        """`product_key/device_name` of the devices in a group that the account sees."""
        self.find(account, group_id)
        seen = {key for key in self._parts.registry.products if account.sees(key)}
        return [one for one in self._parts.groups.members.of(group_id) if one.partition("/")[0] in seen]

    def named(self, identities: Iterable[str]) -> list[tuple[Product, str]]:
        """Products and names of some devices."""
        names = (identity.split("/", 1) for identity in identities)
        return [(self._parts.registry.products[key], name) for key, name in names]

    def count(self, account: Account, group_id: str, product: Product | None = None) -> tuple[int, int, int]:
        """Devices in a group, of one product if it is given: all, those that were ever online, and those that are."""
        identities = self.identities(account, group_id)
        if product is not None:
            identities = [one for one in identities if one.partition("/")[0] == product.key]
        return (len(identities), *self._parts.presence.count(identities))


def _sees(account: Account, group: DeviceGroup) -> bool:
    return account.products is None or group.owner == account.name


def _check(name: str, description: str) -> None:
    length = sum(2 if character > "\u00ff" else 1 for character in name)
    if not _NAME.fullmatch(name) or not _SHORTEST <= length <= _LONGEST:
        raise OperationError(Reason.BAD_GROUP, f"a name has {_SHORTEST} to {_LONGEST} letters, digits and underscores")
    if len(description) > LONGEST_DESCRIPTION:
        raise OperationError(Reason.BAD_GROUP, f"a description has at most {LONGEST_DESCRIPTION} characters")
