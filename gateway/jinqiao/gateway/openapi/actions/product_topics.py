"""Actions on a product's classes of custom topics."""

from __future__ import annotations

from typing import Any, get_args

from jinqiao.gateway.platform.registry.product_record import Operation

from ..action import action
from ..arguments import Arguments
from ..errors import ApiError

__all__ = ["create_product_topic", "delete_product_topic", "query_product_topic", "update_product_topic"]

_LARGEST_ID = 2**53


@action(
    "CreateProductTopic",
    "ProductKey! TopicShortName! Operation! Desc",
    "TopicId",
)
def create_product_topic(args: Arguments) -> dict[str, Any]:
    """`TopicShortName` is what follows `/{product key}/{device name}/user/`."""
    operation = _operation(args.text("Operation"))
    description = args.text("Desc", "")
    create = args.operations.product_topics.create
    topic = create(args.account, args.product(), args.text("TopicShortName"), operation, description)
    return {"TopicId": topic.id}


@action(
    "QueryProductTopic",
    "ProductKey!",
    "Data{ProductTopicInfo[Id ProductKey TopicShortName Operation Desc]}",
)
def query_product_topic(args: Arguments) -> dict[str, Any]:
    product = args.product()
    rows = [
        {
            "Id": str(topic.id),
            "ProductKey": product.key,
            "TopicShortName": f"/{product.key}/${{deviceName}}/user/{topic.name}",
            "Operation": topic.operation,
            "Desc": topic.description,
        }
        for topic in args.operations.product_topics.all(args.account, product)
    ]
    return {"Data": {"ProductTopicInfo": rows}}


@action(
    "UpdateProductTopic",
    "TopicId! TopicShortName Operation Desc",
    "",
)
def update_product_topic(args: Arguments) -> dict[str, Any]:
    name, operation, description = (args.text(parameter, "") for parameter in ("TopicShortName", "Operation", "Desc"))
    update = args.operations.product_topics.update
    may = _operation(operation) if operation else None
    update(args.account, _id(args), name or None, may, description or None)
    return {}


@action(
    "DeleteProductTopic",
    "TopicId!",
    "",
)
def delete_product_topic(args: Arguments) -> dict[str, Any]:
    args.operations.product_topics.delete(args.account, _id(args))
    return {}


def _id(args: Arguments) -> int:
    return args.number("TopicId", 0, high=_LARGEST_ID, code="iot.messagebroker.TopicTemplateIsNotFound")


def _operation(text: str) -> Operation:
    for operation in get_args(Operation):
        if text == operation:
            known: Operation = operation
            return known
    raise ApiError("iot.messagebroker.InvalidTopicTemplateOperationValue")
