"""Brokers under test, each a process of its own: ours, and mosquitto where it is installed."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinqiao.base.errors import EnvironmentFault

from ..certificates import SERVER, SERVER_KEY

__all__ = ["INSTALL_MOSQUITTO", "Broker", "Checks", "find_mosquitto", "finished", "mosquitto", "own_broker", "python"]

INSTALL_MOSQUITTO = "not installed: apt-get install mosquitto (Debian), brew install mosquitto (macOS)"
_START_S = 20.0


@dataclass(frozen=True, slots=True)
class Checks:
    """What mosquitto is to check: a password per user, and permissions in the words of its `acl_file`."""

    passwords: dict[str, str]
    permissions: str


@dataclass(frozen=True, slots=True)
class Broker:
    """A running broker."""

    name: str
    port: int
    pid: int
    #: With TLS, if it was given certificates.
    tls_port: int = 0
    process: asyncio.subprocess.Process | None = field(default=None, repr=False, compare=False)

    async def throttled(self) -> int:
        """Messages it has dropped because of rates; one that was not started to be asked has none."""
        if self.process is None or self.process.stdin is None or self.process.stdout is None:
            return 0
        self.process.stdin.write(b"\n")
        return sum(json.loads(await self.process.stdout.readline()).values())

    def cpu_s(self) -> float:
        """User and system time of its process so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> int:
        """Memory it occupies (PSS would be fairer to shared libraries, but is slow; differences do not care)."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def python(module: str, *arguments: str) -> asyncio.subprocess.Process:
    """A module of the benchmarks as a process."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"{__package__}.{module}",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )


async def finished(process: asyncio.subprocess.Process, given: str = "") -> dict[str, Any]:
    """End the process's input with what is given, and read the JSON line the process ends with."""
    out, _ = await process.communicate(given.encode())
    if process.returncode or not out:
        raise EnvironmentFault(f"a process of the benchmark failed (exit status {process.returncode})")
    figures: dict[str, Any] = json.loads(out.splitlines()[-1])
    return figures


@asynccontextmanager
async def own_broker(
    devices: int = 1, fleet_secret: str = "bench", certificates: Path | None = None
) -> AsyncIterator[Broker]:
    """Our broker with anonymous clients, a fleet of so many devices and an application `app`, password `app`."""
    process = await python("broker_process", str(devices), fleet_secret, *([str(certificates)] if certificates else []))
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _START_S)
        if not line:
            raise EnvironmentFault("the benchmark's broker did not start")
        ports = json.loads(line)
        yield Broker("jinqiao", int(ports["port"]), process.pid, int(ports.get("tls_port", 0)), process)
    finally:
        await process.communicate(b"")


def find_mosquitto() -> str | None:
    """Where mosquitto is, or None."""
    return shutil.which(
        "mosquitto", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin{os.pathsep}/usr/local/sbin"
    )


@asynccontextmanager
async def mosquitto(
    program: str, *, checks: Checks | None = None, certificates: Path | None = None
) -> AsyncIterator[Broker]:
    """Mosquitto with queues that lose nothing of the benchmark: anonymous clients, or such as it `checks`."""
    with socket.create_server(("127.0.0.1", 0)) as free, socket.create_server(("127.0.0.1", 0)) as free_too:
        port, tls_port = free.getsockname()[1], free_too.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder) / "mosquitto.conf"
        # As root it would become another user, who may not read these files.
        lines = [f"user {getpass.getuser()}", f"listener {port} 127.0.0.1"]
        if certificates is not None:
            lines.append(f"listener {tls_port} 127.0.0.1")
            lines += [f"certfile {certificates / SERVER}", f"keyfile {certificates / SERVER_KEY}"]
        lines += await _checked(Path(folder), checks) if checks is not None else ["allow_anonymous true"]
        lines += ["persistence false", "max_queued_messages 0", "max_inflight_messages 1000", "log_type none"]
        configuration.write_text("\n".join(lines) + "\n")
        process = await asyncio.create_subprocess_exec(
            program, "-c", str(configuration), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            await _wait_for(port, process)
            name = "mosquitto" if checks is None else "mosquitto_checks"
            yield Broker(name, port, process.pid, tls_port if certificates is not None else 0)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _checked(folder: Path, checks: Checks) -> list[str]:
    """Files of passwords and permissions, as lines of a configuration; raises EnvironmentFault."""
    passwords, permissions = folder / "passwords", folder / "permissions"
    passwords.write_text("".join(f"{user}:{password}\n" for user, password in checks.passwords.items()))
    permissions.write_text(checks.permissions)
    # The program hashes them in place; it is part of mosquitto's package.
    hashing = await asyncio.create_subprocess_exec("mosquitto_passwd", "-U", str(passwords))
    if await hashing.wait():
        raise EnvironmentFault("mosquitto_passwd failed")
    return ["allow_anonymous false", f"password_file {passwords}", f"acl_file {permissions}"]


async def _wait_for(port: int, process: asyncio.subprocess.Process) -> None:
    deadline = asyncio.get_running_loop().time() + _START_S
    while asyncio.get_running_loop().time() < deadline and process.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return
    raise EnvironmentFault("mosquitto did not start")
