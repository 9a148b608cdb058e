"""The device shadow (documents 53932, 53942): what a device reported, what it is wanted to be, and a version.

Sans-I/O: `Shadow.apply` takes a message and says what to reply and whether the wishes changed. Timestamps are UTC
seconds, as on the wire. An update's version has to be greater than the stored one; 0 and -1 are taken whatever is
stored and set it back to 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from jinqiao.wire.alink.json_values import compact, is_deeper, object_of
from jinqiao.wire.alink.limits import SHADOW_ATTRIBUTES

__all__ = ["SHADOW_TEXT", "Applied", "Shadow", "refusal"]

#: Limits of the document: bytes, levels of nesting.
MAX_BYTES, DEEPEST = 16_384, 5

#: Versions that are taken whatever is stored.
_FORCED = (0, -1)
#: How a wire message says that something is to go: the text, as SDKs send it, or JSON's own.
_GONE = ("null", None)

#: Numbers are the platform's; the texts are worded by us after its list of causes. Its list for the shadow names none
#: for a rate; 429 is what its devices' codes have for that.
SHADOW_TEXT: Mapping[int, str] = MappingProxyType(
    {
        400: "not valid JSON",
        401: "method is missing",
        402: "state is missing",
        403: "version is not a number",
        404: "reported is missing",
        405: "reported is empty",
        406: "method is not valid",
        407: "the message is empty",
        408: "more than 128 attributes",
        409: "version conflict",
        429: "too many requests",
        500: "server error",
    }
)

Section = Literal["reported", "desired"]


class Applied(NamedTuple):
    """What came of a message: the shadow's code (200 or an error), and what changed."""

    code: int
    #: Whether `get` was asked, so that the reply carries the whole document.
    asked: bool = False
    changed: bool = False
    #: Whether there are new wishes to send to the device.
    wished: bool = False


@dataclass(slots=True)
class Shadow:
    """`reported` and `desired` by attribute, with the second each was last set."""

    version: int = 0
    reported: dict[str, Any] = field(default_factory=dict)
    desired: dict[str, Any] = field(default_factory=dict)
    reported_at: dict[str, int] = field(default_factory=dict)
    desired_at: dict[str, int] = field(default_factory=dict)

    def apply(self, message: bytes, now_s: int, *, from_cloud: bool = False) -> Applied:
        """Act on a message of the device, or of the cloud side, which alone may wish for something."""
        if not message.strip():
            return Applied(407)
        document = object_of(message)
        if document is None or len(message) > MAX_BYTES or is_deeper(document.get("state"), DEEPEST):
            return Applied(400)
        method = document.get("method")
        if method is None:
            return Applied(401)
        if method == "get":
            return Applied(200, asked=True)
        if method not in ("update", "delete"):
            return Applied(406)
        state, version = document.get("state"), document.get("version")
        if type(state) is not dict:
            return Applied(402)
        if type(version) is not int:
            return Applied(403)
        if code := self._unfit(method, state, from_cloud):
            return Applied(code)
        if version not in _FORCED and version <= self.version:
            return Applied(409)
        wished = self._update(state, now_s, from_cloud) if method == "update" else self._delete(state)
        self.version = 0 if version in _FORCED else version
        return Applied(200, changed=True, wished=wished)

    def document(self, now_s: int) -> dict[str, Any]:
        """State, metadata, version and timestamp, as `get` is answered and the cloud reads it."""
        return {
            "status": "success",
            "state": {name: values for name, values, _ in self._sections() if values},
            "metadata": {
                name: {key: {"timestamp": at.get(key, now_s)} for key in values}
                for name, values, at in self._sections()
                if values
            },
        }

    def reply(self, applied: Applied, now_s: int) -> dict[str, Any]:
        """The reply on `/shadow/get/…`."""
        if applied.code != 200:
            return refusal(applied.code, now_s)
        payload = self.document(now_s) if applied.asked else {"status": "success", "version": self.version}
        return {"method": "reply", "payload": payload, "timestamp": now_s, "version": self.version}

    def control(self, now_s: int) -> dict[str, Any]:
        """The message that asks the device to change."""
        return {"method": "control", "payload": self.document(now_s), "version": self.version, "timestamp": now_s}

    def dump(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "version": self.version,
            "reported": dict(self.reported),
            "desired": dict(self.desired),
            "reported_at": dict(self.reported_at),
            "desired_at": dict(self.desired_at),
        }

    def _sections(self) -> tuple[tuple[Section, dict[str, Any], dict[str, int]], ...]:
        return (("reported", self.reported, self.reported_at), ("desired", self.desired, self.desired_at))

    def _unfit(self, method: str, state: Mapping[str, Any], from_cloud: bool) -> int:
        """0, or the code of a state that cannot be applied."""
        if "reported" not in state and "desired" not in state:
            return 404
        reported, desired = state.get("reported", _ABSENT), state.get("desired", _ABSENT)
        if method == "delete":
            return 0 if reported in _GONE or (type(reported) is dict and reported) else (404, 405)[reported == {}]
        if reported is not _ABSENT and (type(reported) is not dict or not reported):
            return 405
        if desired is not _ABSENT and desired not in _GONE and (not from_cloud or type(desired) is not dict):
            # A device takes its wishes back; it does not make any.
            return 404
        for name, values, _ in self._sections():
            fresh = state.get(name)
            merged = {**values, **fresh} if type(fresh) is dict else values
            if len(merged) > SHADOW_ATTRIBUTES:
                return 408
            if len(compact(merged)) > MAX_BYTES:
                return 400
        return 0

    def _update(self, state: Mapping[str, Any], now_s: int, from_cloud: bool) -> bool:
        for name, values, at in self._sections():
            fresh = state.get(name, _ABSENT)
            if fresh in _GONE:
                values.clear()
                at.clear()
            elif type(fresh) is dict:
                values.update(fresh)
                at.update(dict.fromkeys(fresh, now_s))
        return from_cloud and type(state.get("desired")) is dict

    def _delete(self, state: Mapping[str, Any]) -> bool:
        reported = state["reported"]
        for key in list(self.reported) if reported in _GONE else reported:
            if reported in _GONE or reported[key] in _GONE:
                self.reported.pop(key, None)
                self.reported_at.pop(key, None)
        return False


def refusal(code: int, now_s: int) -> dict[str, Any]:
    """The reply to a message that is not acted upon."""
    error = {"errorcode": str(code), "errormessage": SHADOW_TEXT[code]}
    return {"method": "reply", "payload": {"status": "error", "content": error}, "timestamp": now_s}


_ABSENT: Final = object()
