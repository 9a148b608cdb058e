"""The cloud side's errors, one row each: code, HTTP status, and the text that stands beside it.

Two kinds: the gateway's (signature, unknown action) end a call with their HTTP status and `Message`; the product's own
are dotted, and come with HTTP 200 in `Code` and `ErrorMessage`. The codes are those of the platform's list, except
`iot.ota.*`, which are ours; the texts are worded by us but for that of SignatureDoesNotMatch.
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
        "SignatureDoesNotMatch": (400, "Specified signature is not matched with our calculation."),
        "RequestTooLarge": (413, "The request is too large."),
        "UnsupportedHTTPMethod": (405, "This http method is not supported."),
        "iot.system.SystemException": (200, "system error"),
        "iot.check.InvalidFormattedParameter": (200, "a parameter is not of its form"),
        "iot.check.ParameterIsNotLessThanMax": (200, "a parameter is not less than the one that bounds it"),
        "iot.common.InvalidPageParams": (200, "the page size or page number is not valid"),
        "iot.prod.NotExistedProduct": (200, "the product does not exist"),
        "iot.prod.NullProductKey": (200, "the product key is empty"),
        "iot.device.AlreadyExistedDeviceName": (200, "the device name exists already"),
        "iot.device.CreateDeviceFailed": (200, "the device could not be created"),
        "iot.device.DeleteDeviceFailed": (200, "the device could not be deleted"),
        "iot.device.InactiveDevice": (200, "the device is not activated"),
        "iot.device.InvalidFormattedDeviceName": (200, "the device name is not valid"),
        "iot.device.InvalidIoTId": (200, "the IotId is not valid"),
        "iot.device.InvokeThingServiceFailed": (200, "the service could not be called"),
        "iot.device.NoneDeviceNameElement": (200, "the list of device names is empty"),
        "iot.device.NotExistedDevice": (200, "the device does not exist"),
        "iot.device.NullDeviceName": (200, "the device name is empty"),
        "iot.device.QueryDeviceAttrStatusFailed": (200, "the properties could not be queried"),
        "iot.device.SetDevicePropertyFailed": (200, "the properties could not be set"),
        "iot.messagebroker.InvalidFormattedTopicName": (200, "the topic is not valid"),
        "iot.messagebroker.InvalidTimeoutValue": (200, "the timeout is not between 1000 and 8000 ms"),
        "iot.messagebroker.MessageContentIsNotBase64Encode": (200, "the message content is not base64"),
        "iot.messagebroker.NullMessageContent": (200, "the message content is empty"),
        "iot.messagebroker.NullShadowMessage": (200, "the shadow message is empty"),
        "iot.messagebroker.NullTopicName": (200, "the topic is empty"),
        "iot.messagebroker.OFFLINE": (200, "the device is offline"),
        "iot.messagebroker.PublishMessageFailed": (200, "the message could not be published"),
        "iot.messagebroker.TIMEOUT": (200, "the device did not answer in time"),
        "iot.messagebroker.UpdateDeviceShadowMessageFailed": (200, "the shadow could not be updated"),
        "iot.ota.CreateFirmwareFailed": (200, "the firmware could not be created"),
        "iot.ota.CreateJobFailed": (200, "no device fits the upgrade"),
        "iot.ota.FirmwareNotFound": (200, "the firmware does not exist"),
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
        "TopicFullName": "iot.messagebroker.NullTopicName",
        "MessageContent": "iot.messagebroker.NullMessageContent",
        "RequestBase64Byte": "iot.messagebroker.NullMessageContent",
        "ShadowMessage": "iot.messagebroker.NullShadowMessage",
    }
)

#: Why the platform refused → what the cloud side calls it.
_OF_REASON: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.NO_PRODUCT: "iot.prod.NotExistedProduct",
        Reason.NO_DEVICE: "iot.device.NotExistedDevice",
        Reason.NO_FIRMWARE: "iot.ota.FirmwareNotFound",
        Reason.BAD_NAME: "iot.device.InvalidFormattedDeviceName",
        Reason.NAME_TAKEN: "iot.device.AlreadyExistedDeviceName",
        Reason.NOT_REGISTERED: "iot.device.CreateDeviceFailed",
        Reason.NOT_DELETED: "iot.device.DeleteDeviceFailed",
        Reason.INACTIVE: "iot.device.InactiveDevice",
        Reason.OFFLINE: "iot.messagebroker.OFFLINE",
        Reason.TIMEOUT: "iot.messagebroker.TIMEOUT",
        Reason.NOT_SET: "iot.device.SetDevicePropertyFailed",
        Reason.NOT_INVOKED: "iot.device.InvokeThingServiceFailed",
        Reason.BAD_TOPIC: "iot.messagebroker.InvalidFormattedTopicName",
        Reason.TOO_LARGE: "iot.messagebroker.PublishMessageFailed",
        Reason.SHADOW_REFUSED: "iot.messagebroker.UpdateDeviceShadowMessageFailed",
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
