"""Server-side subscription: consumer groups, and which of them gets which messages of a product."""

from __future__ import annotations

from typing import Any

from jinqiao.gateway.platform.forwarded.kinds import KINDS
from jinqiao.gateway.platform.subscriptions.definitions import ConsumerGroupDefinition

from ..action import action
from ..arguments import Arguments, utc_time
from ..errors import ApiError

__all__ = [
    "add_group_to_relation",
    "change_relation",
    "create_group",
    "create_relation",
    "delete_group",
    "delete_relation",
    "group_by_id",
    "group_list",
    "group_status",
    "relation",
    "remove_group_from_relation",
    "rename_group",
    "reset_position",
]

#: Groups on a page, by the documentation of the action.
_MOST_ON_PAGE, _DEFAULT_PAGE = 1_000, 10
_FLAGS = " ".join(KINDS.values())
_RELATION = f"ProductKey! Type! ConsumerGroupIds.N {_FLAGS}"


@action("CreateConsumerGroup", "GroupName!", "GroupId")
def create_group(args: Arguments) -> dict[str, Any]:
    return {"GroupId": args.operations.subscriptions.create_group(args.account, args.text("GroupName")).id}


@action("UpdateConsumerGroup", "GroupId! NewGroupName!", "")
def rename_group(args: Arguments) -> dict[str, Any]:
    args.operations.subscriptions.rename_group(args.account, args.text("GroupId"), args.text("NewGroupName"))
    return {}


@action("QueryConsumerGroupByGroupId", "GroupId!", "Data{GroupId GroupName CreateTime}")
def group_by_id(args: Arguments) -> dict[str, Any]:
    return {"Data": _group(args.operations.subscriptions.group(args.account, args.text("GroupId")))}


@action(
    "QueryConsumerGroupList",
    "CurrentPage! PageSize! GroupName Fuzzy Type",
    "CurrentPage PageCount PageSize Total Data{ConsumerGroupDTO[GroupId GroupName CreateTime]}",
)
def group_list(args: Arguments) -> dict[str, Any]:
    page, size = args.number("CurrentPage", 1), args.number("PageSize", _DEFAULT_PAGE)
    if page < 1 or not 1 <= size <= _MOST_ON_PAGE:
        why = f"CurrentPage must be from 1 and PageSize from 1 to {_MOST_ON_PAGE}, found {page} and {size}"
        raise ApiError("iot.common.InvalidPageParams", why)
    name, fuzzy = args.text("GroupName", ""), _flag(args, "Fuzzy")
    groups = args.operations.subscriptions.groups(args.account, name, fuzzy=fuzzy)
    return {
        "CurrentPage": page,
        "PageCount": -(-len(groups) // size),
        "PageSize": size,
        "Total": len(groups),
        "Data": {"ConsumerGroupDTO": [_group(group) for group in groups[(page - 1) * size : page * size]]},
    }


@action(
    "QueryConsumerGroupStatus",
    "GroupId!",
    "AccumulationCount ConsumerSpeed RealTimeConsumeCountPerMinute AccumulatedConsumeCountPerMinute LastConsumerTime "
    "ClientConnectionStatusList{ConsumerGroupClientConnectionInfo[ClientId ClientIpPort OnlineTime "
    "RealTimeConsumeCountPerMinute AccumulatedConsumeCountPerMinute]}",
)
def group_status(args: Arguments) -> dict[str, Any]:
    status = args.operations.subscriptions.status(args.account, args.text("GroupId"))
    clients = [
        {
            "ClientId": client.client_id,
            "ClientIpPort": client.address,
            "OnlineTime": client.online_ms,
            "RealTimeConsumeCountPerMinute": client.realtime_per_minute,
            "AccumulatedConsumeCountPerMinute": client.accumulated_per_minute,
        }
        for client in status.clients
    ]
    return {
        "AccumulationCount": status.accumulated,
        "ConsumerSpeed": status.realtime_per_minute + status.accumulated_per_minute,
        "RealTimeConsumeCountPerMinute": status.realtime_per_minute,
        "AccumulatedConsumeCountPerMinute": status.accumulated_per_minute,
        "LastConsumerTime": utc_time(status.last_consumed_ms),
        "ClientConnectionStatusList": {"ConsumerGroupClientConnectionInfo": clients},
    }


@action("ResetConsumerGroupPosition", "GroupId!", "")
def reset_position(args: Arguments) -> dict[str, Any]:
    args.operations.subscriptions.reset(args.account, args.text("GroupId"))
    return {}


@action("DeleteConsumerGroup", "GroupId!", "")
def delete_group(args: Arguments) -> dict[str, Any]:
    args.operations.subscriptions.delete_group(args.account, args.text("GroupId"))
    return {}


@action("CreateSubscribeRelation", _RELATION, "")
def create_relation(args: Arguments) -> dict[str, Any]:
    product = _subscribed(args)
    groups = args.list("ConsumerGroupIds")
    args.operations.subscriptions.subscribe(args.account, product, _kinds(args), groups)
    return {}


@action("UpdateSubscribeRelation", _RELATION, "")
def change_relation(args: Arguments) -> dict[str, Any]:
    product = _subscribed(args)
    args.operations.subscriptions.change(args.account, product, _kinds(args), args.list("ConsumerGroupIds"))
    return {}


@action("QuerySubscribeRelation", "ProductKey! Type!", f"ProductKey Type ConsumerGroupIds[] {_FLAGS}")
def relation(args: Arguments) -> dict[str, Any]:
    found = args.operations.subscriptions.relation(args.account, _subscribed(args))
    return {
        "ProductKey": found.product_key,
        "Type": "AMQP",
        "ConsumerGroupIds": args.operations.subscriptions.visible_groups(args.account, found),
        **{flag: kind in found.kinds for kind, flag in KINDS.items()},
    }


@action("DeleteSubscribeRelation", "ProductKey! Type!", "")
def delete_relation(args: Arguments) -> dict[str, Any]:
    args.operations.subscriptions.unsubscribe(args.account, _subscribed(args))
    return {}


@action("CreateConsumerGroupSubscribeRelation", "ProductKey! ConsumerGroupId!", "")
def add_group_to_relation(args: Arguments) -> dict[str, Any]:
    product = args.product().key
    args.operations.subscriptions.add_group(args.account, product, args.text("ConsumerGroupId"))
    return {}


@action("DeleteConsumerGroupSubscribeRelation", "ProductKey! ConsumerGroupId!", "")
def remove_group_from_relation(args: Arguments) -> dict[str, Any]:
    product = args.product().key
    args.operations.subscriptions.remove_group(args.account, product, args.text("ConsumerGroupId"))
    return {}


def _subscribed(args: Arguments) -> str:
    """The product key of a call about AMQP; the other type, MNS, is the vendor's own queue service."""
    found = args.text("Type")
    if found != "AMQP":
        raise ApiError("InvalidParameter", f"Type must be AMQP, found {found!r:.20}.")
    return args.product().key


def _kinds(args: Arguments) -> list[str]:
    return [kind for kind, flag in KINDS.items() if _flag(args, flag)]


def _flag(args: Arguments, name: str) -> bool:
    text = args.text(name, "").lower()
    if text not in ("", "true", "false"):
        raise ApiError("InvalidParameter", f"{name} must be true or false, found {text!r:.20}.")
    return text == "true"


def _group(group: ConsumerGroupDefinition) -> dict[str, Any]:
    return {"GroupId": group.id, "GroupName": group.name, "CreateTime": utc_time(group.created_ms)}
