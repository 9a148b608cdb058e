"""Where a scenario's telemetry goes beside the broker: `sinks: [parquet: {dir: out}, influx: {url: …}]`."""

from __future__ import annotations

from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from jinqiao.base.variants import Variants
from jinqiao.base.words import Refused, show

from ..language.fields import Model, optional

__all__ = ["SINKS", "InfluxSink", "ParquetSink", "Sink", "SinkSpec"]

Text = Annotated[str, Field(strict=True, min_length=1, max_length=1000)]


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        known = False
    if not known or parts.query or parts.fragment or parts.username is not None:
        raise Refused(f"found {show(text)}, expected an address like http://127.0.0.1:8086")
    return text


class SinkSpec(Model):
    """What all sinks have in common: the name they are written with."""

    kind: ClassVar[str]


class ParquetSink(SinkSpec):
    """Rolling Parquet files, one kind for each telemetry group and one for events."""

    kind = "parquet"

    dir: Text = Field(description="Folder to write to, from where the run is started.")


class InfluxSink(SinkSpec):
    """InfluxDB, or another server that takes its line protocol."""

    kind = "influx"

    url: Annotated[Text, AfterValidator(_url)] = Field(
        description="Address of the server.", json_schema_extra={"pattern": "^https?://[^?#@]+$"}
    )
    bucket: Text = optional("jinqiao", "Bucket to write to.")
    org: Text = optional("jinqiao", "Organisation the bucket belongs to.")
    token: Text | None = optional(None, "Token that may write there; better given in INFLUX_TOKEN.")


SINKS: dict[str, type[SinkSpec]] = {model.kind: model for model in (ParquetSink, InfluxSink)}

Sink = Annotated[SinkSpec, Variants("sink", SINKS)]
