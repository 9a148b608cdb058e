"""What programs that listen need from the system: ports, and room for many connections, each of which is a file."""

from __future__ import annotations

from contextlib import suppress

__all__ = ["OTHER_PORT", "raise_file_limit"]

#: The way out when a port is taken.
OTHER_PORT = "choose another with --mqtt-port, or --mqtt-port 0 for any free one"


def raise_file_limit() -> None:
    """Raise this process's soft limit of open files to its hard limit, where the system has such limits."""
    try:
        import resource
    except ImportError:  # not a POSIX system
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
