"""One call of `/control`: a row of the table, from which routing, description, page and tests are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from jinqiao.base.errors import JinqiaoError

from ..run.running import Running

__all__ = ["Asked", "Call", "NotFound", "Request"]

Method = Literal["GET", "POST", "DELETE"]


class Request(BaseModel):
    """Base of what a body or a query holds: unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NotFound(JinqiaoError):
    """The path names something that is not there (404)."""

    def __init__(self, pointer: str, found: Any, expected: str) -> None:
        self.pointer, self.found, self.expected = pointer, found, expected
        super().__init__(f"{pointer}: found {found!r}, expected {expected}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that fits its row: `path` are the values of the names in the row's path.

    `query` is None where the row has no model for it; `body` is the model, or the object as it came where the row says
    so.
    """

    path: Mapping[str, str] = field(default_factory=dict)
    query: Any = None
    body: Any = None


Handler = Callable[[Running, Asked], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Call:
    """`body` and `query` are the models of what is sent; a `body` of `dict` is checked by the handler, `schema` says
    what it may hold. `answer` is the type of what `handler` returns, which goes out with `status`. The first line of
    `doc` is a summary.
    """

    method: Method
    path: str
    name: str
    handler: Handler
    doc: str
    answer: Any
    query: type[Request] | None = None
    body: type[Request] | type[dict[str, Any]] | None = None
    schema: Callable[[], dict[str, Any]] | None = None
    #: A body to show.
    example: Any = None
    status: int = 200
    #: What it may refuse beside what does not fit: status → why.
    refuses: Mapping[int, str] = field(default_factory=dict)
    #: Whether it needs no token.
    is_open: bool = False
