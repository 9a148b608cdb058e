"""`influx`: InfluxDB, or whatever takes its line protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from jinqiao.base.words import Refused, show
from jinqiao.gateway.stores.influx import InfluxStore
from jinqiao.gateway.stores.influx_target import InfluxTarget, parse_target
from jinqiao.simulator.language.fields import optional
from jinqiao.simulator.world import World

from ..base import SinkSpec, StoreSink, Text, sink

__all__ = ["InfluxSpec"]


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        known = False
    if not known or parts.query or parts.fragment or parts.username is not None:
        raise Refused(f"found {show(text)}, expected an address like http://127.0.0.1:8086")
    return text


@sink
class InfluxSpec(SinkSpec):
    """InfluxDB, or another server that takes its line protocol: samples, events and labels, no CAN."""

    kind = "influx"
    where = "URL"

    url: Annotated[Text, AfterValidator(_url)] = Field(
        description="Address of the server.", json_schema_extra={"pattern": "^https?://[^?#@]+$"}
    )
    bucket: Text = optional("jinqiao", "Bucket to write to.")
    org: Text = optional("jinqiao", "Organisation the bucket belongs to.")
    token: Text | None = optional(None, "Token that may write there; better given in INFLUX_TOKEN.", repr=False)
    gzip: bool = optional(True, "Whether bodies are compressed.", strict=True)

    @classmethod
    def at(cls, rest: str, asked: str) -> Self:  # noqa: ARG003
        """`influx:URL?bucket=…&org=…`. Raises InputError."""
        target = parse_target(rest)
        return cls(url=target.url, bucket=target.bucket, org=target.org, token=target.token or None, gzip=target.gzip)

    async def open(self, world: World, product_key: str, device_names: Sequence[str]) -> StoreSink:
        """Connect. Raises InputError for what the server does not take, EnvironmentFault when there is none."""
        target = InfluxTarget.of(self.url, self.bucket, self.org, self.token, gzip=self.gzip)
        return await StoreSink.opened(self.kind, InfluxStore(target), world, product_key, device_names)
