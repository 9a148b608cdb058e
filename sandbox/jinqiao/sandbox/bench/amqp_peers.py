"""AMQP clients as their users have them, each in an environment of its own: rhea (Node.js) and qpid-proton (Python)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinqiao.base.errors import EnvironmentFault
from jinqiao.base.system import alone

from .peers import Peer

__all__ = ["PEERS", "AmqpPeer", "install"]

_HERE = Path(__file__).parent
_PROTON = Peer("qpid-proton-0.40.0", ("python-qpid-proton==0.40.0",))
_RHEA = "rhea@3.0.5"
_RHEA_FOLDER = _PROTON.folder.with_name("rhea-3.0.5")
_HOW = "jinqiao bench install-amqp-clients"


@dataclass(frozen=True, slots=True)
class AmqpPeer:
    """A client: whether it is there, and the command that runs it, before port, group, key and secret."""

    name: str
    is_there: Callable[[], bool]
    begins: Callable[[], Sequence[str]]
    how: str = _HOW

    @property
    def present(self) -> bool:
        """Whether its environment has been made."""
        return self.is_there()

    def command(self, *arguments: str) -> list[str]:
        """What to run."""
        return [*self.begins(), *arguments]


def install() -> list[Path]:
    """Make the environments that are not there; EnvironmentFault when that fails."""
    _PROTON.install()
    if not _rhea_is_there():
        npm = shutil.which("npm")
        if npm is None:
            raise EnvironmentFault("rhea needs Node.js with npm, which are not installed")
        with alone(_RHEA_FOLDER.with_name(f"{_RHEA_FOLDER.name}.lock")):
            _RHEA_FOLDER.mkdir(parents=True, exist_ok=True)
            done = subprocess.run([npm, "install", "--silent", "--no-fund", _RHEA], cwd=_RHEA_FOLDER, check=False)
        if done.returncode:
            raise EnvironmentFault(f"npm could not install {_RHEA} (exit status {done.returncode})")
    return [_PROTON.folder, _RHEA_FOLDER]


def _rhea_is_there() -> bool:
    return (_RHEA_FOLDER / "node_modules" / "rhea").is_dir() and shutil.which("node") is not None


PEERS = (
    AmqpPeer("rhea", _rhea_is_there, lambda: ("node", str(_HERE / "amqp_rhea.js"), str(_RHEA_FOLDER))),
    AmqpPeer("qpid_proton", lambda: _PROTON.present, lambda: (str(_PROTON.python), str(_HERE / "amqp_proton.py"))),
)
