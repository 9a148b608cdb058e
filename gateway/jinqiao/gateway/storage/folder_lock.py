"""One server a data folder: two that remember the same devices would undo each other's changes.

Commands do not take the lock: the server notices what they change.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from jinqiao.base.errors import EnvironmentFault

try:
    import fcntl
except ImportError:  # not a POSIX system
    _HAS_LOCKS = False
else:
    _HAS_LOCKS = True

__all__ = ["FolderLock", "is_served"]

#: Holds who serves the folder, as JSON, while the lock on it is held; the file itself stays.
_FILE = "server.lock"
#: Bytes read of it.
_MOST = 4096
#: A command that looks whether the folder is served holds the lock for a moment: tries, and seconds between them.
_TRIES, _PAUSE_S = 5, 0.05


def is_served(folder: Path) -> bool:
    """Whether a server has this data folder."""
    try:
        descriptor = os.open(folder / _FILE, os.O_RDONLY)
    except OSError:
        return False
    try:
        _try_lock(descriptor)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


class FolderLock:
    """The lock of one data folder, which is there; the system frees it when the process dies (POSIX; elsewhere none).

    Raises EnvironmentFault, naming process and port, while another server has it.
    """

    def __init__(self, folder: Path) -> None:
        self._descriptor: int | None = None
        if not _HAS_LOCKS:
            return
        try:
            self._descriptor = os.open(folder / _FILE, os.O_RDWR | os.O_CREAT, 0o600)
            _lock(self._descriptor)
        except BlockingIOError:
            who = self._who()
            self.release()
            raise EnvironmentFault(
                f"{str(folder)!r} is already being served{who}\n"
                "  stop that server first, or choose another folder with --data"
            ) from None
        except OSError as error:
            self.release()
            raise EnvironmentFault(f"cannot lock {str(folder / _FILE)!r}: {error.strerror}") from error
        self.note({})

    def note(self, ports: Mapping[str, int]) -> None:
        """Write down who holds the lock and where it listens."""
        if self._descriptor is None:
            return
        text = json.dumps({"pid": os.getpid(), **ports}).encode()
        with suppress(OSError):  # the lock holds without it
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, text, 0)

    def release(self) -> None:
        """Let others serve the folder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _who(self) -> str:
        """Who serves the folder, as far as it has written it down."""
        assert self._descriptor is not None
        try:
            noted = json.loads(os.pread(self._descriptor, _MOST, 0))
            port = noted.get("mqtt_port")
            return f" by process {int(noted['pid'])}{'' if port is None else f', MQTT port {int(port)}'}"
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return ""


def _lock(descriptor: int) -> None:
    """Raises BlockingIOError if another process keeps the lock."""
    for left in reversed(range(_TRIES)):
        try:
            _try_lock(descriptor)
            return
        except BlockingIOError:
            if not left:
                raise
        time.sleep(_PAUSE_S)


def _try_lock(descriptor: int) -> None:
    if _HAS_LOCKS:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
