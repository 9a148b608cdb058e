"""Where a run's telemetry goes beside the broker: stores, recordings, an authority's platform.

A kind of sink is a file of `kinds/`; `SINKS` has it under its name in a scenario and in an address.
"""

from __future__ import annotations

from jinqiao.base.errors import InputError
from jinqiao.base.words import did_you_mean

from .base import Sink, SinkSpec
from .kinds import SINKS

__all__ = ["SINKS", "Sink", "SinkSpec", "addresses", "parse_sink"]


def parse_sink(text: str, option: str = "--sink") -> SinkSpec:
    """The sink that an address like `parquet:DIR` names. Raises InputError, with the option, for an unknown kind."""
    kind, _, rest = text.partition(":")
    spec = SINKS.get(kind)
    if spec is None:
        known = ", ".join(sorted(SINKS))
        raise InputError(f"{option}: no sink {kind!r}{did_you_mean(kind, SINKS)}; there are: {known}")
    return spec.at(rest, f"{option} {kind}")


def addresses() -> str:
    """The addresses of all kinds, for the help of `--sink`."""
    return ", ".join(f"{kind}:{spec.where}" if spec.where else kind for kind, spec in SINKS.items())
