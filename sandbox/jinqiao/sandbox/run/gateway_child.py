"""A gateway process from the moment it is started, which is before there is anything to configure.

A run's two processes import for about a second each. Started by the command before it imports the run itself, the
gateway imports meanwhile. So this imports next to nothing, and needs no event loop.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..early import YOUNG_OBJECTS

__all__ = ["GatewayChild", "gateway_ahead"]

#: As `python -m` would, with few collections of garbage already while it imports.
_PROGRAM = f"import gc; gc.set_threshold({YOUNG_OBJECTS}); from jinqiao.sandbox.run.gateway_process import main; main()"


class GatewayChild:
    """The process, and our end of the socket that is its standard input and output. When ours is closed, it ends.

    `control` is our end of another one, over which requests to `/control` come (`relay.py`). A session of its own keeps
    Ctrl-C away from it.
    """

    def __init__(self) -> None:
        self.socket, theirs = socket.socketpair()
        self.control, relay = socket.socketpair()
        with theirs, relay:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, str(relay.fileno())],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                pass_fds=(relay.fileno(),),
                start_new_session=True,
            )
        #: Whether somebody else sees to its end.
        self.taken = False

    def take(self) -> GatewayChild:
        """The caller sees to its end from now on."""
        self.taken = True
        return self


@contextmanager
def gateway_ahead(*, needed: bool = True) -> Iterator[GatewayChild | None]:
    """A gateway process that a run in this block may take; one that nobody took is ended."""
    child = GatewayChild() if needed else None
    try:
        yield child
    finally:
        if child is not None and not child.taken:
            child.socket.close()
            child.control.close()
            child.process.kill()
            child.process.wait()
