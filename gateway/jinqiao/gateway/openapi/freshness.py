"""Whether a signed call is new: its time is near ours, and its nonce was not used before.

The platform refuses a call whose `Timestamp` (RPC v1) or `x-acs-date` (ACS3) is more than 15 minutes from its own time,
and one whose nonce it has seen meanwhile (https://error-center.aliyun.com: InvalidTimeStamp.Expired,
SignatureNonceUsed). Both are judged after the signature: strangers use up nothing, and learn nothing. Nonces are
remembered for each account by itself, so that no account uses up another's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from ..limit import limit
from .errors import ApiError
from .http import Request

__all__ = ["Freshness", "NonceBounds", "Stamp", "stamp_of"]

#: A call's time may be so far from ours.
SKEW_MS = 15 * 60_000
#: A call of a quarter of an hour ahead is good for twice as long.
_REMEMBERED_MS = 2 * SKEW_MS
_FORM = "%Y-%m-%dT%H:%M:%SZ"
_FORM_LENGTH = 20


@dataclass(frozen=True, slots=True)
class NonceBounds:
    """What is remembered of the calls that were made."""

    nonces: int = limit(400_000, "nonces of an account's last half an hour; beyond, the oldest are forgotten")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a call says of its own time and number; `missing` is the code where there is no time."""

    time: str
    nonce: str
    missing: str


def stamp_of(request: Request, parameters: dict[str, str], *, v3: bool) -> Stamp:
    """From headers (ACS3), which have to be signed, or parameters (RPC v1)."""
    if v3:
        headers = request.headers
        return Stamp(headers.get("x-acs-date", ""), headers.get("x-acs-signature-nonce", ""), "MissingDate")
    return Stamp(parameters.get("Timestamp", ""), parameters.get("SignatureNonce", ""), "MissingTimestamp")


class Freshness:
    """Judges the calls of all accounts. `now_ms` is the platform's clock; `lenient` accepts any time."""

    def __init__(self, now_ms: Callable[[], int], *, lenient: bool = False, bounds: NonceBounds | None = None) -> None:
        self._now_ms, self._lenient = now_ms, lenient
        self._most = (bounds or NonceBounds()).nonces
        self._used: dict[str, _Nonces] = {}

    def check_time(self, stamp: Stamp) -> None:
        """Raises ApiError for a call that is too old, from too far ahead, or says no time. Changes nothing."""
        if not stamp.nonce:
            raise ApiError("MissingSignatureNonce")
        if self._lenient:
            return
        if not stamp.time:
            raise ApiError(stamp.missing)
        time_ms, now_ms = _time_ms(stamp.time), self._now_ms()
        if time_ms is None:
            raise ApiError("InvalidTimeStamp.Format", f"Specified time stamp or date value must be as {_text(now_ms)}.")
        if abs(time_ms - now_ms) > SKEW_MS:
            raise ApiError(
                "InvalidTimeStamp.Expired",
                f"Specified time stamp or date value is expired. It says {stamp.time}, it is {_text(now_ms)} here; "
                "jinqiao's --lenient-clock accepts any.",
            )

    def take(self, account: str, stamp: Stamp) -> None:
        """Use up the call's nonce; raises ApiError if the account has used it before."""
        now_ms = self._now_ms()
        used = self._used.get(account)
        if used is None:
            # An account that has not called for long may be one that is no more.
            self._used = {name: nonces for name, nonces in self._used.items() if nonces.since(now_ms)}
            used = self._used[account] = _Nonces(self._most)
        if not used.add(stamp.nonce, now_ms):
            raise ApiError("SignatureNonceUsed")


#: Sets, one after the other, in which an account's nonces are; the oldest is forgotten as a whole.
_PARTS = 4
#: How long one of them is added to: the others together hold half an hour.
_PART_MS = _REMEMBERED_MS // (_PARTS - 1)


@dataclass(slots=True)
class _Nonces:
    most: int
    #: When each set was begun, and what is in it: hashes of 64 bits, which take a third of the texts' memory.
    parts: deque[tuple[int, set[int]]] = field(default_factory=lambda: deque(maxlen=_PARTS))

    def add(self, nonce: str, now_ms: int) -> bool:
        """Whether it is new."""
        number = hash(nonce)
        parts = self.parts
        if any(number in part for begun, part in parts if now_ms - begun < _REMEMBERED_MS + _PART_MS):
            return False
        if not parts or len(parts[-1][1]) >= self.most // _PARTS or now_ms - parts[-1][0] >= _PART_MS:
            parts.append((now_ms, set()))
        parts[-1][1].add(number)
        return True

    def since(self, now_ms: int) -> bool:
        """Whether anything that it holds still counts."""
        return now_ms - self.parts[-1][0] < _REMEMBERED_MS + _PART_MS


@lru_cache(maxsize=256)
def _time_ms(text: str) -> int | None:
    if len(text) != _FORM_LENGTH or not text.isascii():
        return None
    try:
        return int(datetime.strptime(text, _FORM).replace(tzinfo=UTC).timestamp()) * 1000
    except ValueError:
        return None


def _text(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):{_FORM}}"
