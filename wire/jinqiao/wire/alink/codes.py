"""The platform's device-side codes, one row each: what stands in a reply's `code`, its text, and in the device log.

Numbers are the platform's own (error codes for devices, document 120329). The texts of 200, 6106, 6313 and 6320 are
those seen on the wire; the others are worded by us, because the documentation gives causes and not texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["OK", "TEXT"]

OK = 200

TEXT: Mapping[int, str] = MappingProxyType(
    {
        200: "success",
        400: "request error",
        401: "request auth error",
        403: "request forbidden",
        427: "device connected elsewhere",
        428: "too many sub-devices",
        429: "too many requests",
        460: "request parameter error",
        500: "system error",
        520: "device session not found",
        521: "device deleted",
        522: "device disabled",
        5005: "product not found",
        5159: "property not found",
        5160: "event not found",
        5161: "service not found",
        6100: "device not found",
        6104: "too many properties",
        6106: "map size must less than 200",
        6200: "product has no script",
        6201: "script result is empty",
        6203: "topic cannot be parsed",
        6204: "device disabled",
        6205: "service call failed",
        6206: "service not defined",
        6207: "tsl parse: not a JSON object",
        6208: "device disabled",
        6250: "product not found",
        6280: "device name not valid",
        6287: "invalid sign",
        6288: "dynamic registration is off",
        6289: "device already activated",
        6292: "sign method not supported",
        6300: "method not valid",
        6301: "tsl parse: params are not an array",
        6302: "tsl parse: required params missing",
        6304: "tsl parse: params not exist in struct",
        6306: "tsl parse: int type or range error",
        6307: "tsl parse: float type or range error",
        6308: "tsl parse: bool must be 0 or 1",
        6309: "tsl parse: enum value not defined",
        6310: "tsl parse: text type or length error",
        6311: "tsl parse: date must be milliseconds as text",
        6312: "tsl parse: struct must be an object with all members",
        6313: "tsl service not available",
        6320: "tsl parse: params not exist",
        6321: "tsl parse: identifier missing",
        6322: "tsl parse: double type or range error",
        6324: "tsl parse: array is longer than its size",
        6325: "tsl parse: array element type error",
        6326: "tsl parse: time must be milliseconds, at most 24 hours ahead",
        6328: "tsl parse: not an array",
        6356: "too many events",
        6357: "too many sub-devices in one message",
        6400: "too many sub-devices",
        6401: "topological relation does not exist",
        6402: "a gateway cannot be its own sub-device",
        6450: "script result has no method",
        6452: "throttled",
        6600: "invalid sign",
        6619: "device bound to another gateway",
        6661: "desired property query failed",
        6710: "no configuration",
        6713: "remote configuration is off",
        6760: "storage quota used up",
        26001: "script not found",
        26002: "script cannot be read",
        26006: "script has no such function",
        26007: "script result is not valid",
        26010: "script failed",
        9112: "device not found",
        9200: "device not activated",
        9201: "device offline",
        9236: "topic authorization failed",
        9320: "payload not valid",
        9321: "parameters not valid",
        9324: "request rate limit exceeded",
    }
)
