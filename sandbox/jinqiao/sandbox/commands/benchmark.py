"""What a row of the table of benchmarks is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from inspect import Parameter
from typing import Annotated, Any

import typer

from .rows import Command

__all__ = ["Benchmark", "Number", "Text"]


@dataclass(frozen=True)
class Number:
    """An option that is a number between two others; whole if its default is."""

    name: str
    default: float
    help: str
    low: float
    high: float

    def parameter(self) -> Parameter:
        option = typer.Option(min=self.low, max=self.high, help=self.help)
        kind: Any = type(self.default)
        return Parameter(self.name, Parameter.KEYWORD_ONLY, default=self.default, annotation=Annotated[kind, option])


@dataclass(frozen=True)
class Text:
    """An option that is a name."""

    name: str
    default: str
    help: str

    def parameter(self) -> Parameter:
        kind = Annotated[str, typer.Option(help=self.help, metavar="NAME")]
        return Parameter(self.name, Parameter.KEYWORD_ONLY, default=self.default, annotation=kind)


@dataclass(frozen=True)
class Benchmark(Command):
    """One benchmark: a function of `jinqiao.sandbox.bench`, called with the options' values in this order.

    It returns its figures by name, or a coroutine that does. `begins` is said on stderr beforehand, with the options'
    values in it, where a benchmark takes its time.
    """

    options: tuple[Number | Text, ...]
    begins: str = ""
    example: str = "--json"

    def function(self) -> Callable[..., Any]:
        # By name, as every command is found: what runs a benchmark reads the table of them.
        found: Callable[..., Any] = import_module("jinqiao.sandbox.commands.bench").command_of(self)
        return found
