"""Why a vehicle refuses: one row per reason, code → text.

The platform lets devices answer with codes of their own from 100000 to 110000 (device-side common codes); what is
wrong with the request itself is answered with the platform's codes 460, 5159 and 5161.
"""

from __future__ import annotations

from enum import Enum

from jinqiao.base.telemetry import Outcome

__all__ = ["Refusal", "Refused"]


class Refusal(Enum):
    """`code` and `text` of each reason; `text` begins the reply's message."""

    BAD_ARGUMENT = 460, "request parameter error"
    NO_SUCH_PROPERTY = 5159, "property not found"
    NO_SUCH_SERVICE = 5161, "service not found"
    DRIVING = 100001, "the vehicle is being driven"
    NOT_PLUGGED_IN = 100002, "no charging cable is plugged in"
    AT_LIMIT = 100003, "the battery is at its charge limit"
    NOT_CHARGING = 100004, "no charging session is running"
    CHARGER_FAULT = 100005, "the charging session has failed"
    BATTERY_LOW = 100006, "the battery is too low"
    DOOR_OPEN = 100007, "a door is open"
    NOT_PARKED = 100008, "the vehicle is not parked"
    UPDATING = 100009, "the vehicle installs software"
    NOT_FITTED = 100010, "the vehicle has no such equipment"
    AUX_LOW = 100011, "the 12 V battery is too low"
    BROKEN = 100012, "the vehicle takes no charge because of a fault"

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text

    def outcome(self, detail: str = "") -> Outcome:
        return Outcome(self.code, f"{self.text}: {detail}" if detail else self.text)


class Refused(Exception):
    """Raised by a check; `outcome` is the answer."""

    def __init__(self, refusal: Refusal, detail: str = "") -> None:
        self.refusal = refusal
        self.outcome = refusal.outcome(detail)
        super().__init__(self.outcome.message)
