"""Where a run's telemetry goes beside the broker: stores, recordings, an authority's platform.

Whatever stands in this room and is marked with `@sink` is in `SINKS`, under its name in a scenario and in an address.
"""

from __future__ import annotations

from jinqiao.base.errors import InputError
from jinqiao.base.words import did_you_mean
from jinqiao.simulator.language.discovery import import_all

from .base import SINKS, Sink, SinkSpec

__all__ = ["SINKS", "Sink", "SinkSpec", "addresses", "parse_sink", "table"]

import_all(__name__, __path__)


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


def table() -> str:
    """All kinds with their addresses, as docs/stores.md shows them."""
    rows = ["| `--sink` | in a scenario | what |", "|---|---|---|"]
    for kind, spec in sorted(SINKS.items()):
        needed = ", ".join(f"{name}: …" for name, field in spec.model_fields.items() if field.is_required())
        about = " ".join((spec.__doc__ or "").split())
        rows.append(f"| `{kind}{spec.where and ':' + spec.where}` | `{kind}: {{{needed}}}` | {about} |")
    return "\n".join(rows)
