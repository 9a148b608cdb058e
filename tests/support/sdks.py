"""Environments of clients that are no dependency of the project: the vendor's SDKs, and what the examples need.

    PYTHONPATH=tests python -m support.sdks     # makes all of them, beside one another, for minutes: CI's first step

They stand in the cache of `bench/peers.py`. CI makes them before the tests, because what a test waits for counts in its
time.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jinqiao.base.system import alone
from jinqiao.sandbox.bench.peers import Peer

__all__ = ["LINKKIT", "NODE_SDKS", "NOTEBOOK", "OPENAPI", "OPENAPI_OLD", "OPERATIONS", "RHEA", "NodePackages"]

LINKKIT = Peer("sdk-linkkit", ("aliyun-iot-linkkit==1.2.13", "paho-mqtt==1.6.1"))
OPENAPI = Peer("sdk-openapi", ("alibabacloud-iot20180120==5.1.0",))
OPENAPI_OLD = Peer("sdk-openapi-old", ("aliyun-python-sdk-core==2.16.1", "aliyun-python-sdk-iot==8.59.0"))
#: A back end: AMQP and cloud calls.
OPERATIONS = Peer("example-charging", ("alibabacloud-iot20180120==5.1.0", "python-qpid-proton==0.40.0"))
NOTEBOOK = Peer("example-battery", ("duckdb==1.5.6", "matplotlib==3.10.7", "pytz==2025.2"))


@dataclass(frozen=True, slots=True)
class NodePackages:
    """Packages of npm in a folder of their own."""

    name: str
    packages: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return LINKKIT.folder.with_name(self.name)

    @property
    def modules(self) -> Path:
        return self.folder / "node_modules"

    @property
    def present(self) -> bool:
        return (self.folder / ".ready").exists()

    def install(self) -> None:
        """Fetch them, unless they are there; of several that ask at once one does, and the others wait."""
        with alone(self.folder.with_name(f"{self.name}.lock")):
            if not self.present:
                self.folder.mkdir(parents=True, exist_ok=True)
                # Of a package file's own, so that npm does not look for one further up.
                (self.folder / "package.json").write_text('{"private": true}', encoding="utf-8")
                install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", *self.packages]
                subprocess.run(install, cwd=self.folder, check=True, timeout=300)
                (self.folder / ".ready").touch()


NODE_SDKS = NodePackages("sdk-node", ("alibabacloud-iot-device-sdk@1.2.8", "aliyun-iot-device-sdk@1.0.1"))
RHEA = NodePackages("node-rhea", ("rhea@3.0.5",))


def _all() -> Iterator[tuple[str, Callable[[], None]]]:
    for peer in (OPERATIONS, OPENAPI_OLD, NOTEBOOK, OPENAPI, LINKKIT):
        yield peer.name, peer.install
    for packages in (NODE_SDKS, RHEA):
        if shutil.which("npm") is not None:
            yield packages.name, packages.install


def _make(name: str, install: Callable[[], None]) -> None:
    install()
    print(f"{name} is ready", file=sys.stderr, flush=True)


if __name__ == "__main__":
    LINKKIT.folder.parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as workers:
        for done in [workers.submit(partial(_make, *each)) for each in _all()]:
            done.result()
