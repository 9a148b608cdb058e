"""Why an operation is refused, in words that every caller maps to its own: codes of cloud calls, a console's text."""

from __future__ import annotations

from enum import StrEnum

from jinqiao.base.errors import PlatformError

__all__ = ["OperationError", "Reason"]


class Reason(StrEnum):
    """What stands in the way."""

    NO_PRODUCT = "no such product"
    NO_DEVICE = "no such device"
    NO_FILE = "no such file"
    NO_FIRMWARE = "no such firmware"
    NO_MODULE = "no such module"
    NO_JOB = "no such job"
    NO_TASK = "no such task"
    NO_DEVICE_JOB = "there is no such job"
    NO_JOB_TASK = "there is no such task"
    BAD_DEVICE_JOB = "a job cannot be so"
    BAD_FIRMWARE = "the firmware is not valid"
    BAD_MODULE = "the module is not valid"
    BAD_JOB = "the job is not valid"
    NOT_VERIFIED = "the firmware is not verified"
    IN_USE = "it is in use"
    BAD_NAME = "the device name is not valid"
    BAD_PRODUCT = "the product is not valid"
    LONG_DESCRIPTION = "the description is too long"
    PRODUCT_TAKEN = "the product name is taken"
    PRODUCT_LIMIT = "there are too many products"
    NOT_CHANGED = "the product could not be changed"
    BAD_MODEL = "the thing model is not valid"
    NO_VERSION = "no such version of the thing model"
    BAD_VERSION = "the version is not valid"
    BAD_TOPIC_NAME = "the name of the topics is not valid"
    NO_TOPIC = "no such class of topics"
    TOPIC_TAKEN = "the class of topics exists already"
    TOPIC_LIMIT = "there are too many classes of topics"
    NO_BATCH = "no such application for devices"
    BATCH_BUSY = "the devices are being registered, or are"
    BAD_NICKNAME = "the nickname is not valid"
    NOT_RESET = "the device could not be reset"
    NAME_TAKEN = "the device name is taken"
    NOT_REGISTERED = "the device could not be registered"
    NOT_DELETED = "the device could not be deleted"
    INACTIVE = "the device was never online"
    OFFLINE = "the device is offline"
    TIMEOUT = "the device did not answer in time"
    NOT_SET = "the properties could not be set"
    NOT_INVOKED = "the service could not be called"
    BAD_TOPIC = "the topic is not one that may be published on"
    TOO_OFTEN = "too many of these at once"
    TOO_LARGE = "the message is too large"
    BAD_TAG = "the tag is not valid"
    TOO_MANY_TAGS = "the device has too many tags"
    NO_GROUP = "no such group"
    BAD_GROUP = "the group is not valid"
    GROUP_TAKEN = "the group's name is taken"
    GROUP_LIMIT = "there are too many groups, or too many devices in it"
    GROUP_NOT_EMPTY = "there are groups in the group"
    NOT_BOUND = "the sub-device belongs to no gateway"
    TOPOLOGY_REFUSED = "the topology could not be changed"
    NO_CONSUMER_GROUP = "no such consumer group"
    BAD_GROUP_NAME = "the name of the consumer group is not valid"
    GROUP_KEPT = "the consumer group cannot be deleted"
    TOO_MANY_GROUPS = "too many consumer groups"
    NO_SUBSCRIPTION = "the product is not subscribed"
    SUBSCRIPTION_EXISTS = "the product is subscribed already"
    SHADOW_REFUSED = "the shadow could not be updated"
    NO_RULE = "no such rule"
    NO_RULE_ACTION = "no such rule action"
    RULE_NAME_TAKEN = "the rule name is taken"
    TOO_MANY_RULES = "the account has as many rules as it may have"
    TOO_MANY_ACTIONS = "the rule has as many actions as it may have"
    BAD_RULE = "the rule is not valid"
    BAD_TOPIC_TYPE = "the topic type is not valid"
    BAD_SQL = "the statement is not valid"
    NO_SQL = "the rule has no statement"
    NO_ACTION = "the rule has no action"
    RULE_RUNS = "the rule is running"
    RULE_OF_FILE = "the rule is defined in the registry file"
    BAD_ACTION_TYPE = "no such type of action"
    BAD_ACTION = "the action's configuration is not valid"
    ACTION_NOT_JSON = "the action's configuration is not a JSON object"
    ACTION_EXISTS = "the rule has the same action already"


class OperationError(PlatformError):
    """An operation was refused, and has not happened. `code` is the platform's device-side code, 0 for none."""

    def __init__(self, reason: Reason, message: str = "", code: int = 0) -> None:
        super().__init__(code, message or str(reason))
        self.reason = reason
