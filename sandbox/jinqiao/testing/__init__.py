"""Test a product against the sandbox: `Sandbox` starts a run that stands still until it is told to go.

    from jinqiao.testing import Sandbox

    with Sandbox("two-cars", seed=7) as sandbox:
        sandbox.advance("30 s")
        sandbox.expect("always(StateOfCharge > 5 %)")

It talks to the run over the control API and nothing else, so it needs only the standard library. With pytest it is the
fixture `sandbox` and the marker `jinqiao` (`plugin.py`). Names are imported when they are asked for: pytest loads the
plugin, and with it this module, in every project that has Jinqiao installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import ControlClient
    from .errors import ControlError, SandboxFailed
    from .records import Fault, Label, Outcome, Record, State, Station, Vehicle, Verdict
    from .sandbox import Sandbox

__all__ = [
    "ControlClient",
    "ControlError",
    "Fault",
    "Label",
    "Outcome",
    "Record",
    "Sandbox",
    "SandboxFailed",
    "State",
    "Station",
    "Vehicle",
    "Verdict",
]

_WHERE = {"ControlClient": "client", "ControlError": "errors", "Sandbox": "sandbox", "SandboxFailed": "errors"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_WHERE.get(name, 'records')}", __name__), name)
