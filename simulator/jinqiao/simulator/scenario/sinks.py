"""Where a scenario's telemetry goes beside the broker: `sinks: [parquet: {dir: out}, influx: {url: …}]`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, GetJsonSchemaHandler, Tag
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from jinqiao.base.words import Refused, did_you_mean, one_of, show

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
    """InfluxDB, or whatever takes its line protocol."""

    kind = "influx"

    url: Annotated[Text, AfterValidator(_url)] = Field(
        description="Address of the server.", json_schema_extra={"pattern": "^https?://[^?#@]+$"}
    )
    bucket: Text = optional("jinqiao", "Bucket to write to.")
    org: Text = optional("jinqiao", "Organisation the bucket belongs to.")
    token: Text | None = optional(None, "Token that may write there; better given in INFLUX_TOKEN.")


SINKS: dict[str, type[SinkSpec]] = {model.kind: model for model in (ParquetSink, InfluxSink)}


def _named(value: Any) -> Any:
    if isinstance(value, SinkSpec):
        return value
    name = next(iter(value)) if isinstance(value, dict) and len(value) == 1 else None
    if name is None:
        hint = f" (did you mean {{{value}: {{…}}}}?)" if isinstance(value, str) and value in SINKS else ""
        raise Refused(f"found {show(value)}, expected a sink: {one_of(list(SINKS))}, as {{name: {{…}}}}{hint}")
    if name not in SINKS:
        raise Refused(f"found {name!r}, expected a sink: {one_of(list(SINKS))}{did_you_mean(str(name), SINKS)}")
    return value


def _options(value: Any) -> Any:
    return value if isinstance(value, SinkSpec) else next(iter(value.values()))


def _kind(value: Any) -> str:
    return value.kind if isinstance(value, SinkSpec) else str(next(iter(value)))


class _Written:
    """Shows an editor that the kind is a key around the options."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        branches = dict(zip(SINKS, handler(core)["oneOf"], strict=True))
        return {
            "type": "object",
            "properties": branches,
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }


_Branches = (
    Annotated[ParquetSink, BeforeValidator(_options), Tag("parquet")]
    | Annotated[InfluxSink, BeforeValidator(_options), Tag("influx")]
)
Sink = Annotated[_Branches, Discriminator(_kind), BeforeValidator(_named), _Written()]
