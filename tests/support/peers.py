"""Peers of the tests: where one is missing, a test is skipped with its reason; in CI it is got, or the test fails."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jinqiao.sandbox.bench.peers import Peer
from jinqiao.sandbox.certificates import SERVER, SERVER_KEY

_PLACES = (os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")


def program(name: str) -> str:
    """Where a program is; skips the test without it, or fails when `CI` is true."""
    found = shutil.which(name, path=os.pathsep.join(_PLACES))
    if found is None:
        why = f"{name} is not installed (Debian: apt-get install mosquitto mosquitto-clients)"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    return found


@contextmanager
def mosquitto(folder: Path, user: str, password: str, certificates: Path | None = None) -> Iterator[int]:
    """A mosquitto on a free port that lets one user in, over TLS if there are certificates; the port."""
    broker, tool = program("mosquitto"), program("mosquitto_passwd")
    subprocess.run([tool, "-b", "-c", str(folder / "passwords"), user, password], check=True, capture_output=True)
    (folder / "passwords").chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    configuration = folder / "mosquitto.conf"
    owner = "user root\n" if os.geteuid() == 0 else ""
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous false", f"password_file {folder / 'passwords'}"]
    if certificates is not None:
        lines += [f"certfile {certificates / SERVER}", f"keyfile {certificates / SERVER_KEY}"]
    configuration.write_text("\n".join([*lines, "log_type none", owner]))
    process = subprocess.Popen([broker, "-c", str(configuration)], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, "mosquitto did not start"
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def require(peer: Peer, how: str) -> Peer:
    """The peer, ready to run; `how` is the command that installs it."""
    if not peer.present:
        if os.environ.get("CI") != "true":
            pytest.skip(f"{peer.name} is not installed: {how}")
        peer.install()
    return peer
