"""`jinqiao run --sink gbt32960://host:port`: a platform of the national standard, to which every vehicle reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field

from jinqiao.base.errors import InputError
from jinqiao.base.system import raise_file_limit
from jinqiao.base.words import Refused
from jinqiao.device.gbt32960.address import Address, parse_address
from jinqiao.simulator.world import World

from ..base import SinkSpec, Text, sink

if TYPE_CHECKING:
    from ..gbt32960 import Gbt32960Sink

__all__ = ["Gbt32960Spec"]


def _url(text: str) -> str:
    try:
        _address(text)
    except InputError as error:
        raise Refused(str(error)) from error
    return text


def _address(text: str) -> Address:
    return parse_address(text.removeprefix(f"{Gbt32960Spec.kind}:"))


@sink
class Gbt32960Spec(SinkSpec):
    """A platform of GB/T 32960: every vehicle reports over a connection of its own. No CAN, no labels."""

    kind = "gbt32960"
    where = "//HOST:PORT"

    url: Annotated[Text, AfterValidator(_url)] = Field(
        description="Address of the platform, with its options: gbt32960://host:port?version=2016&every=10s.",
        json_schema_extra={"pattern": "^(gbt32960:)?//"},
    )

    @classmethod
    def at(cls, rest: str, asked: str) -> Self:  # noqa: ARG003
        """`gbt32960://host:port?…`. Raises InputError."""
        parse_address(rest)
        return cls(url=f"{cls.kind}:{rest}")

    async def open(self, world: World, product_key: str, device_names: Sequence[str]) -> Gbt32960Sink:  # noqa: ARG002
        """Log all vehicles in; here a vehicle is its VIN. EnvironmentFault when no platform answers."""
        from ..gbt32960 import Gbt32960Sink  # frames and links: only who reports imports them

        raise_file_limit()
        sink = Gbt32960Sink(_address(self.url), world)
        await sink.start()
        return sink
