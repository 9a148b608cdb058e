"""Where a run's telemetry goes beside the broker: stores, recordings, an authority's platform.

A kind of sink is a file of this room; `SINKS` knows them by the name that they have in a scenario and in an address.
"""

from __future__ import annotations

from jinqiao.base.errors import InputError
from jinqiao.base.words import did_you_mean

from .base import Sink, SinkSpec
from .gbt32960 import Gbt32960Spec
from .influx import InfluxSpec
from .null import NullSpec
from .parquet import ParquetSpec
from .record import RecordSpec

__all__ = ["SINKS", "Sink", "SinkSpec", "addresses", "parse_sink"]

SINKS: dict[str, type[SinkSpec]] = {
    spec.kind: spec for spec in (ParquetSpec, InfluxSpec, Gbt32960Spec, RecordSpec, NullSpec)
}


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
