"""What programs need from the system: ports, room for many connections (each is a file), and not to meet another."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import EnvironmentFault

__all__ = ["alone", "demand_port", "file_limit", "other_port", "process_age_s", "raise_file_limit"]


def other_port(option: str) -> str:
    """The way out when a port is taken."""
    return f"choose another with {option}, or {option} 0 for any free one"


def demand_port(host: str, port: int) -> None:
    """Raise EnvironmentFault if nobody could listen there now; nothing is kept."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except socket.gaierror:
        return  # a name of the other family: who listens finds out
    except OSError as error:
        raise EnvironmentFault(f"cannot listen on {host} port {port}: {error.strerror or error}") from error


def raise_file_limit() -> None:
    """Raise this process's soft limit of open files to its hard limit, where the system has such limits."""
    try:
        import resource
    except ImportError:  # not a POSIX system
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def file_limit() -> int | None:
    """Files this process may have open at once; None where the system does not say."""
    try:
        import resource
    except ImportError:  # not a POSIX system
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def process_age_s() -> float:
    """Seconds since this process was started, interpreter and imports included (Linux; elsewhere 0)."""
    try:
        started_ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started_ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError):
        return 0.0


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Keep other processes out while one is inside: they wait until the lock file is free (POSIX; elsewhere none do).

    The system frees it when a process dies, so that nobody waits for the dead.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        with suppress(ImportError):
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
