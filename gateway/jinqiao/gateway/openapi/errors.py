"""The cloud side's errors, one row each: code, HTTP status, and the text that stands beside it.

Two kinds: the gateway's (signature, unknown action) end a call with their HTTP status and `Message`; the product's own
are dotted, and come with HTTP 200 in `Code` and `ErrorMessage`. The codes are those of the platform's list, except
`iot.consumergroup.*`, `iot.file.*`, `iot.group.*`, `iot.job.*`, `iot.ota.*`, `iot.subscribe.*`, `iot.tsl.*` and
`ResetThingFailed`, which are ours; the texts are worded by us but for that of SignatureDoesNotMatch.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from jinqiao.base.errors import JinqiaoError
from jinqiao.gateway.platform.operations import OperationError, Reason

__all__ = ["ERRORS", "ApiError", "is_unknown", "missing", "of_operation"]

#: Code → (HTTP status, text). 200: the call was understood, and the product refuses.
ERRORS: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "MissingAction": (400, "Action is mandatory for this action."),
        "InvalidAction.NotFound": (404, "Specified api is not found, please check your url and method."),
        "InvalidVersion": (400, "Specified parameter Version is not valid."),
        "MissingParameter": (400, "A mandatory parameter is missing."),
        "InvalidParameter": (400, "A parameter is not valid."),
        "MissingTimestamp": (400, "Timestamp is mandatory for this action."),
        "MissingDate": (400, "Date is mandatory for this action."),
        "MissingSignatureNonce": (400, "SignatureNonce is mandatory for this action."),
        "InvalidTimeStamp.Format": (400, "Specified time stamp or date value is not well formatted."),
        "InvalidTimeStamp.Expired": (400, "Specified time stamp or date value is expired."),
        "SignatureNonceUsed": (400, "Specified signature nonce was used already."),
        "MissingAccessKeyId": (400, "AccessKeyId is mandatory for this action."),
        "InvalidAccessKeyId.NotFound": (404, "Specified access key is not found."),
        "IncompleteSignature": (400, "The request signature does not conform to the platform's standards."),
        "InvalidSignatureMethod": (400, "Specified signature method is not supported."),
        "InvalidContentSha256": (400, "x-acs-content-sha256 is not the SHA-256 of the body."),
        "Forbidden.RAM": (403, "The access key may not make this call: it only reads."),
        "SignatureDoesNotMatch": (400, "Specified signature is not matched with our calculation."),
        "RequestTooLarge": (413, "The request is too large."),
        "UnsupportedHTTPMethod": (405, "This http method is not supported."),
        "iot.check.InvalidFormattedParameter": (200, "a parameter is not of its form"),
        "iot.check.ParameterIsNotLessThanMax": (200, "a parameter is not less than the one that bounds it"),
        "iot.common.InvalidPageParams": (200, "the page size or page number is not valid"),
        "iot.consumergroup.ConsumerGroupInUse": (200, "the consumer group cannot be deleted or changed"),
        "iot.consumergroup.InvalidGroupName": (200, "the name of the consumer group is not valid"),
        "iot.consumergroup.NotExistedConsumerGroup": (200, "the consumer group does not exist"),
        "iot.consumergroup.TooManyConsumerGroups": (200, "the number of consumer groups is not valid"),
        "iot.device.AddTopoRelationFailed": (200, "the gateway cannot have these sub-devices"),
        "iot.device.AlreadyExistedDeviceName": (200, "the device name exists already"),
        "iot.device.ApplyManyDevicesFailed": (200, "the devices could not be applied for"),
        "iot.device.CreateDeviceFailed": (200, "the device could not be created"),
        "iot.device.CreateDeviceTaskIsRunning": (200, "the devices are being registered, or are"),
        "iot.device.DeleteDeviceFailed": (200, "the device could not be deleted"),
        "iot.device.DeviceApplyIsNotFound": (200, "the ApplyId is not known"),
        "iot.device.DeviceCountExceeded": (200, "there are too many devices"),
        "iot.device.InactiveDevice": (200, "the device is not activated"),
        "iot.device.InvalidDeviceNameExisted": (200, "some of the device names are not valid"),
        "iot.device.InvalidFormattedDeviceName": (200, "the device name is not valid"),
        "iot.device.InvalidFormattedDevicePropertiesString": (200, "the tags are not a JSON object of texts"),
        "iot.device.InvalidFormattedDevicePropertyKey": (200, "a tag is not valid"),
        "iot.device.InvalidIoTId": (200, "the IotId is not valid"),
        "iot.device.InvokeThingServiceFailed": (200, "the service could not be called"),
        "iot.device.LongDevicePropertiesString": (200, "the tags are too long"),
        "iot.device.NoneDeviceNameElement": (200, "the list of device names is empty"),
        "iot.device.NoneDeviceProperties": (200, "there are no tags"),
        "iot.device.NotExistedDevice": (200, "the device does not exist"),
        "iot.device.NullApplyId": (200, "the ApplyId is empty"),
        "iot.device.NullDeviceName": (200, "the device name is empty"),
        "iot.device.NullDevicePropertiesString": (200, "the tags are empty"),
        "iot.device.NullDevicePropertyKey": (200, "the tag's key is empty"),
        "iot.device.QueryDeviceAttrStatusFailed": (200, "the properties could not be queried"),
        "iot.device.QueryTopoRelationFailed": (200, "the sub-device belongs to no gateway"),
        "iot.device.ResetThingFailed": (200, "the device could not be reset"),
        "iot.device.SetDevicePropertyFailed": (200, "the properties could not be set"),
        "iot.device.TooManyDevicePropertiesPerTime": (200, "too many tags"),
        "iot.file.FileNotFound": (200, "the file does not exist"),
        "iot.group.AlreadyExistedGroupName": (200, "the group's name exists already"),
        "iot.group.GroupCountExceedMax": (200, "too many groups, or too many devices in the group"),
        "iot.group.HasSubGroup": (200, "there are groups in the group"),
        "iot.group.InvalidFormattedGroup": (200, "the group is not valid"),
        "iot.group.NotExistedGroup": (200, "the group does not exist"),
        "iot.group.NullGroupId": (200, "the group's id is empty"),
        "iot.group.NullGroupName": (200, "the group's name is empty"),
        "iot.job.InvalidJob": (200, "the job is not valid"),
        "iot.job.JobNotFound": (200, "the job does not exist"),
        "iot.job.TaskNotFound": (200, "the task does not exist"),
        "iot.messagebroker.IncorrectRuleSql": (200, "the SQL statement of the rule is not correct"),
        "iot.messagebroker.InvalidFormattedTopicName": (200, "the topic is not valid"),
        "iot.messagebroker.InvalidTimeoutValue": (200, "the timeout is not between 1000 and 8000 ms"),
        "iot.messagebroker.InvalidTopicTemplateOperationValue": (200, "the operation is not PUB, SUB or ALL"),
        "iot.messagebroker.MessageContentIsNotBase64Encode": (200, "the message content is not base64"),
        "iot.messagebroker.NullMessageContent": (200, "the message content is empty"),
        "iot.messagebroker.NullShadowMessage": (200, "the shadow message is empty"),
        "iot.messagebroker.NullTopicName": (200, "the topic is empty"),
        "iot.messagebroker.NullTopicTemplateId": (200, "the TopicId is empty"),
        "iot.messagebroker.NullTopicTemplateOperation": (200, "the operation is empty"),
        "iot.messagebroker.OFFLINE": (200, "the device is offline"),
        "iot.messagebroker.PublishMessageFailed": (200, "the message could not be published"),
        "iot.messagebroker.RateLimit": (200, "too many of these messages at once"),
        "iot.messagebroker.TIMEOUT": (200, "the device did not answer in time"),
        "iot.messagebroker.TopicAlreadyFound": (200, "the class of topics exists already"),
        "iot.messagebroker.TopicTemplateCountExceedMax": (200, "the product has too many classes of topics"),
        "iot.messagebroker.TopicTemplateIsNotFound": (200, "the class of topics does not exist"),
        "iot.messagebroker.UpdateDeviceShadowMessageFailed": (200, "the shadow could not be updated"),
        "iot.ota.CreateFirmwareFailed": (200, "the firmware could not be created"),
        "iot.ota.FirmwareNotFound": (200, "the firmware does not exist"),
        "iot.ota.FirmwareNotVerified": (200, "the firmware is not verified"),
        "iot.ota.InUse": (200, "it is in use"),
        "iot.ota.InvalidJob": (200, "the job is not valid"),
        "iot.ota.InvalidModule": (200, "the module is not valid"),
        "iot.ota.JobNotFound": (200, "the job does not exist"),
        "iot.ota.ModuleNotFound": (200, "the module does not exist"),
        "iot.ota.TaskNotFound": (200, "the task does not exist"),
        "iot.prod.AlreadyExistedProductName": (200, "the product name exists already"),
        "iot.prod.CreateProductFailed": (200, "the product could not be created"),
        "iot.prod.InvalidAliyunCommodityCode": (200, "AliyunCommodityCode is not iothub_senior or iothub"),
        "iot.prod.InvalidFormattedProductName": (200, "the product name is not valid"),
        "iot.prod.InvalidNodeType": (200, "the node type is not 0 or 1"),
        "iot.prod.LongProductDesc": (200, "the description is longer than 100 characters"),
        "iot.prod.NotExistedProduct": (200, "the product does not exist"),
        "iot.prod.NullProductKey": (200, "the product key is empty"),
        "iot.prod.NullProductName": (200, "the product name is empty"),
        "iot.prod.ProductCountExceedMax": (200, "there are too many products"),
        "iot.prod.UpdateProductFailed": (200, "the product could not be changed"),
        "iot.rule.IncorrentRuleActionId": (200, "the action id is not valid"),
        "iot.rule.IncorrentRuleActionType": (200, "the type of the action is not known"),
        "iot.rule.IncorrentRuleId": (200, "the rule id is not valid"),
        "iot.rule.NotFoundRule": (200, "the rule does not exist"),
        "iot.rule.NotFoundRuleAction": (200, "the rule action does not exist"),
        "iot.rule.NullForwardDestForRule": (200, "the rule has no action"),
        "iot.rule.NullSqlForRule": (200, "the rule has no SQL statement"),
        "iot.rule.ParseRuleActionConfigError": (200, "the configuration of the action is not valid"),
        "iot.rule.RuleActionIsAlreadyCreated": (200, "the rule has the same action already"),
        "iot.rule.RuleCountExceedMax": (200, "there are as many rules as there may be"),
        "iot.rule.RuleNameIsAlreadyExisted": (200, "the rule name exists already"),
        "iot.rule.TooManyRuleAction": (200, "the rule has as many actions as it may have"),
        "iot.rule.UpdateRuleFailed": (200, "the rule could not be changed"),
        "iot.ruleng.IncorrectType": (200, "the type of the topic is not valid"),
        "iot.ruleng.NullRuleActionConfig": (200, "the configuration of the action is empty"),
        "iot.ruleng.NullRuleActionType": (200, "the type of the action is empty"),
        "iot.ruleng.RuleActionConfigurationIsNotJson": (200, "the configuration of the action is not a JSON object"),
        "iot.ruleng.RuleAlreadyIsStarted": (200, "the rule is running already"),
        "iot.subscribe.AlreadyExistedSubscribeRelation": (200, "the product is subscribed already"),
        "iot.subscribe.NotExistedSubscribeRelation": (200, "the product is not subscribed"),
        "iot.system.SystemException": (200, "system error"),
        "iot.tsl.InvalidThingModel": (200, "the thing model is not valid"),
        "iot.tsl.InvalidVersion": (200, "the version is not valid"),
        "iot.tsl.VersionNotFound": (200, "the thing model has no such version"),
    }
)


class ApiError(JinqiaoError):
    """A call that is refused: by the gateway, or with HTTP 200 by the product."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        self.status, text = ERRORS[code]
        self.message = message or text
        super().__init__(f"{code}: {self.message}")


_UNKNOWN = frozenset({"iot.prod.NotExistedProduct", "iot.device.NotExistedDevice", "iot.device.InvalidIoTId"})

#: What a missing parameter is called where it has a code of its own.
_MISSING: Mapping[str, str] = MappingProxyType(
    {
        "ProductKey": "iot.prod.NullProductKey",
        "DeviceName": "iot.device.NullDeviceName",
        "ApplyId": "iot.device.NullApplyId",
        "ProductName": "iot.prod.NullProductName",
        "TopicId": "iot.messagebroker.NullTopicTemplateId",
        "TopicFullName": "iot.messagebroker.NullTopicName",
        "MessageContent": "iot.messagebroker.NullMessageContent",
        "RequestBase64Byte": "iot.messagebroker.NullMessageContent",
        "ShadowMessage": "iot.messagebroker.NullShadowMessage",
        "GroupId": "iot.group.NullGroupId",
        "GroupName": "iot.group.NullGroupName",
        "Props": "iot.device.NullDevicePropertiesString",
        "PropKey": "iot.device.NullDevicePropertyKey",
        "GwProductKey": "iot.prod.NullProductKey",
        "GwDeviceName": "iot.device.NullDeviceName",
        "RuleId": "iot.rule.IncorrentRuleId",
        "ActionId": "iot.rule.IncorrentRuleActionId",
    }
)

#: Why the platform refused → what the cloud side calls it.
_OF_REASON: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.NO_PRODUCT: "iot.prod.NotExistedProduct",
        Reason.NO_DEVICE: "iot.device.NotExistedDevice",
        Reason.NO_FILE: "iot.file.FileNotFound",
        Reason.NO_FIRMWARE: "iot.ota.FirmwareNotFound",
        Reason.NO_MODULE: "iot.ota.ModuleNotFound",
        Reason.NO_JOB: "iot.ota.JobNotFound",
        Reason.NO_TASK: "iot.ota.TaskNotFound",
        Reason.NO_DEVICE_JOB: "iot.job.JobNotFound",
        Reason.NO_JOB_TASK: "iot.job.TaskNotFound",
        Reason.BAD_DEVICE_JOB: "iot.job.InvalidJob",
        Reason.BAD_FIRMWARE: "iot.ota.CreateFirmwareFailed",
        Reason.BAD_MODULE: "iot.ota.InvalidModule",
        Reason.BAD_JOB: "iot.ota.InvalidJob",
        Reason.NOT_VERIFIED: "iot.ota.FirmwareNotVerified",
        Reason.IN_USE: "iot.ota.InUse",
        Reason.BAD_NAME: "iot.device.InvalidFormattedDeviceName",
        Reason.BAD_PRODUCT: "iot.prod.InvalidFormattedProductName",
        Reason.LONG_DESCRIPTION: "iot.prod.LongProductDesc",
        Reason.PRODUCT_TAKEN: "iot.prod.AlreadyExistedProductName",
        Reason.PRODUCT_LIMIT: "iot.prod.ProductCountExceedMax",
        Reason.NOT_CHANGED: "iot.prod.UpdateProductFailed",
        Reason.BAD_MODEL: "iot.tsl.InvalidThingModel",
        Reason.NO_VERSION: "iot.tsl.VersionNotFound",
        Reason.BAD_VERSION: "iot.tsl.InvalidVersion",
        Reason.BAD_TOPIC_NAME: "iot.messagebroker.InvalidFormattedTopicName",
        Reason.NO_TOPIC: "iot.messagebroker.TopicTemplateIsNotFound",
        Reason.TOPIC_TAKEN: "iot.messagebroker.TopicAlreadyFound",
        Reason.TOPIC_LIMIT: "iot.messagebroker.TopicTemplateCountExceedMax",
        Reason.NO_BATCH: "iot.device.DeviceApplyIsNotFound",
        Reason.BATCH_BUSY: "iot.device.CreateDeviceTaskIsRunning",
        Reason.BAD_NICKNAME: "iot.check.InvalidFormattedParameter",
        Reason.NOT_RESET: "iot.device.ResetThingFailed",
        Reason.NAME_TAKEN: "iot.device.AlreadyExistedDeviceName",
        Reason.NOT_REGISTERED: "iot.device.CreateDeviceFailed",
        Reason.NOT_DELETED: "iot.device.DeleteDeviceFailed",
        Reason.INACTIVE: "iot.device.InactiveDevice",
        Reason.OFFLINE: "iot.messagebroker.OFFLINE",
        Reason.TIMEOUT: "iot.messagebroker.TIMEOUT",
        Reason.NOT_SET: "iot.device.SetDevicePropertyFailed",
        Reason.NOT_INVOKED: "iot.device.InvokeThingServiceFailed",
        Reason.BAD_TOPIC: "iot.messagebroker.InvalidFormattedTopicName",
        Reason.TOO_OFTEN: "iot.messagebroker.RateLimit",
        Reason.TOO_LARGE: "iot.messagebroker.PublishMessageFailed",
        Reason.BAD_TAG: "iot.device.InvalidFormattedDevicePropertyKey",
        Reason.TOO_MANY_TAGS: "iot.device.TooManyDevicePropertiesPerTime",
        Reason.NO_GROUP: "iot.group.NotExistedGroup",
        Reason.BAD_GROUP: "iot.group.InvalidFormattedGroup",
        Reason.GROUP_TAKEN: "iot.group.AlreadyExistedGroupName",
        Reason.GROUP_LIMIT: "iot.group.GroupCountExceedMax",
        Reason.GROUP_NOT_EMPTY: "iot.group.HasSubGroup",
        Reason.NOT_BOUND: "iot.device.QueryTopoRelationFailed",
        Reason.TOPOLOGY_REFUSED: "iot.device.AddTopoRelationFailed",
        Reason.NO_CONSUMER_GROUP: "iot.consumergroup.NotExistedConsumerGroup",
        Reason.BAD_GROUP_NAME: "iot.consumergroup.InvalidGroupName",
        Reason.GROUP_KEPT: "iot.consumergroup.ConsumerGroupInUse",
        Reason.TOO_MANY_GROUPS: "iot.consumergroup.TooManyConsumerGroups",
        Reason.NO_SUBSCRIPTION: "iot.subscribe.NotExistedSubscribeRelation",
        Reason.SUBSCRIPTION_EXISTS: "iot.subscribe.AlreadyExistedSubscribeRelation",
        Reason.SHADOW_REFUSED: "iot.messagebroker.UpdateDeviceShadowMessageFailed",
        Reason.NO_RULE: "iot.rule.NotFoundRule",
        Reason.NO_RULE_ACTION: "iot.rule.NotFoundRuleAction",
        Reason.RULE_NAME_TAKEN: "iot.rule.RuleNameIsAlreadyExisted",
        Reason.TOO_MANY_RULES: "iot.rule.RuleCountExceedMax",
        Reason.TOO_MANY_ACTIONS: "iot.rule.TooManyRuleAction",
        Reason.BAD_RULE: "iot.check.InvalidFormattedParameter",
        Reason.BAD_TOPIC_TYPE: "iot.ruleng.IncorrectType",
        Reason.BAD_SQL: "iot.messagebroker.IncorrectRuleSql",
        Reason.NO_SQL: "iot.rule.NullSqlForRule",
        Reason.NO_ACTION: "iot.rule.NullForwardDestForRule",
        Reason.RULE_RUNS: "iot.ruleng.RuleAlreadyIsStarted",
        Reason.RULE_OF_FILE: "iot.rule.UpdateRuleFailed",
        Reason.BAD_ACTION_TYPE: "iot.rule.IncorrentRuleActionType",
        Reason.BAD_ACTION: "iot.rule.ParseRuleActionConfigError",
        Reason.ACTION_NOT_JSON: "iot.ruleng.RuleActionConfigurationIsNotJson",
        Reason.ACTION_EXISTS: "iot.rule.RuleActionIsAlreadyCreated",
    }
)


def is_unknown(error: OperationError | ApiError) -> bool:
    """Whether the call is about a product or a device that is not known."""
    code = _OF_REASON[error.reason] if isinstance(error, OperationError) else error.code
    return code in _UNKNOWN


def missing(name: str) -> ApiError:
    """The error of a mandatory parameter that is not there."""
    code = _MISSING.get(name)
    return ApiError(code) if code else ApiError("MissingParameter", f"{name} is mandatory for this action.")


def of_operation(error: OperationError) -> ApiError:
    """A refusal of the platform in the cloud side's words; its own message where it has one."""
    return ApiError(_OF_REASON[error.reason], "" if error.message == error.reason else error.message)
