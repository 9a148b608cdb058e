"""Programs the project measures itself against, each in a virtual environment of its own: none is a dependency.

Environments stand in the folder `JQ_CACHE` names, else in `jq-cache` among the system's temporary files, and are made
once.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from jinqiao.base.errors import EnvironmentFault
from jinqiao.base.system import alone

__all__ = ["FASTSIM", "SUMO", "SUMO_HOW", "Peer"]


@dataclass(frozen=True, slots=True)
class Peer:
    """`requirements` and `options` are pip's; the name is that of the folder, so it holds the version."""

    name: str
    requirements: tuple[str, ...]
    options: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        cache = os.environ.get("JQ_CACHE")
        return (Path(cache) if cache else Path(tempfile.gettempdir()) / "jq-cache") / self.name

    @property
    def scripts(self) -> Path:
        """Where the programs of its packages are."""
        return self.folder / ("Scripts" if os.name == "nt" else "bin")

    @property
    def python(self) -> Path:
        """The environment's own interpreter."""
        return self.scripts / ("python.exe" if os.name == "nt" else "python")

    @property
    def present(self) -> bool:
        return self._ready.is_file() and self.python.exists()

    @property
    def _ready(self) -> Path:
        return self.folder / ".ready"

    def install(self, python: str = sys.executable) -> None:
        """Make the environment with this interpreter, unless it is there; EnvironmentFault when that fails.

        Of several processes that ask at once one makes it, and the others wait.
        """
        with alone(self.folder.with_name(f"{self.name}.lock")):
            if not self.present:
                self._make(python)

    def _make(self, python: str) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        pip = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        for command in ([python, "-m", "venv", str(self.folder)], [*pip, *self.options, *self.requirements]):
            try:
                done = subprocess.run(command, capture_output=True, text=True, check=False)
            except OSError as error:
                raise EnvironmentFault(f"{self.name} could not be installed: {error}") from error
            if done.returncode:
                told = done.stderr.strip().splitlines() or ["no message"]
                raise EnvironmentFault(f"{self.name} could not be installed with {python}: {told[-1]}")
        self._ready.touch()


#: FASTSim 2.1.5 (NREL, Apache-2.0). Only its Rust extension is used, which needs none of the package's dependencies.
FASTSIM = Peer("fastsim-2.1.5", ("fastsim==2.1.5",), ("--no-deps",))
#: Eclipse SUMO (DLR, EPL-2.0): its programs as a wheel, 480 MB unpacked. Only `sumo` and `netgenerate` are used.
SUMO = Peer("sumo-1.28.0", ("eclipse-sumo==1.28.0",), ("--no-deps",))
SUMO_HOW = "jinqiao bench install-sumo"
