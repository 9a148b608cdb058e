"""What others have changed: a command on the data folder of a running service, for example.

A service looks now and then. Whoever asks for what is not known here may have been registered a moment ago, so every
door looks once more before it refuses: `look` is cheap where nothing has changed.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Elsewhere"]


class Elsewhere:
    """Until `watched_by` names somebody who knows, nothing changes anywhere else."""

    def __init__(self) -> None:
        self._take_over: Callable[[], bool] | None = None

    def watched_by(self, take_over: Callable[[], bool]) -> None:
        """From now on this takes over what has changed, and returns whether there was anything."""
        self._take_over = take_over

    def look(self) -> bool:
        """Take over what others have changed; whether there was anything, so that asking again may help."""
        return self._take_over is not None and self._take_over()
