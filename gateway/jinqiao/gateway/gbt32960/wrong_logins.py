"""Who guesses passwords: after so many wrong platform logins nothing of an address is looked at for a while."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["MOST_WRONG", "PAUSE_S", "WrongLogins"]

#: Wrong logins of one address in a row, and seconds of the pause.
MOST_WRONG, PAUSE_S = 20, 60.0
#: Addresses that are remembered; the one that was heard of longest ago makes room.
_MOST_ADDRESSES = 10_000


class WrongLogins:
    """Wrong logins by address; they count until nothing wrong has come for as long as the pause takes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._of: dict[str, tuple[int, float]] = {}

    def pausing(self, address: str) -> bool:
        """Whether this address is not looked at now."""
        count, last_s = self._of.get(address, (0, 0.0))
        return count >= MOST_WRONG and self._clock() - last_s < PAUSE_S

    def note(self, address: str) -> bool:
        """One more; whether a pause begins with it."""
        now_s = self._clock()
        count, last_s = self._of.pop(address, (0, now_s))
        count = count + 1 if now_s - last_s < PAUSE_S else 1
        if len(self._of) >= _MOST_ADDRESSES:
            del self._of[next(iter(self._of))]
        self._of[address] = (count, now_s)
        return count == MOST_WRONG
