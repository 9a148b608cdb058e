"""One writer to a folder: the lock is the system's, so it goes with the process that held it, however that ended."""

from __future__ import annotations

import os
from pathlib import Path

from jinqiao.base.errors import EnvironmentFault

__all__ = ["FolderLock"]


class FolderLock:
    """Held from the start until `release`. Raises EnvironmentFault when somebody else holds it, OSError for no folder.

    Where the system knows no such locks (Windows), nothing is locked.
    """

    def __init__(self, folder: Path) -> None:
        self._descriptor: int | None = None
        try:
            import fcntl
        except ImportError:
            return
        self._descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise EnvironmentFault(
                f"{str(folder)!r} is being written to by another store; choose another folder"
            ) from None
        except OSError:  # a file system without locks
            self.release()

    def release(self) -> None:
        """Let others write."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
