"""What a row of the function table is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from ..message import Message
from ..tree import Constant, Node, Path, Star
from ..values import is_number

__all__ = ["Argument", "Function", "Made", "Parameter"]

Kind = Literal["number", "text", "any", "constant text", "message", "path"]

#: What a call becomes: a function of the message's values and the message.
Made = Callable[[Any, Message], Any]


class Argument(NamedTuple):
    """An argument as it stands in the statement, and what computes it."""

    node: Node
    value: Made

    @property
    def text(self) -> str:
        """Of a constant or a path: how it is written, without quotes."""
        return self.node.text if isinstance(self.node, Path) else str(getattr(self.node, "value", ""))


def _nothing(*_: Any) -> None:
    """Computes null."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """`accepts` judges a constant: what another value is shows when it is there."""

    name: str
    kind: Kind
    optional: bool = False
    #: As often as one likes; only the last.
    repeated: bool = False


_CONSTANTS: Mapping[Kind, Callable[[Any], bool]] = {
    "number": lambda value: value is None or is_number(value),
    "text": lambda value: value is None or isinstance(value, str),
    "any": lambda _: True,
}


@dataclass(frozen=True, slots=True)
class Function:
    """One function, with its lines in the documentation.

    `pure` computes it from the values of its arguments and never raises; `about` makes what computes it, where it is
    about the message or takes what has to be constant. It raises ValueError with what it expects of a constant, which
    then is its last parameter.
    """

    name: str
    parameters: tuple[Parameter, ...]
    returns: str
    meaning: str
    pure: Callable[..., Any] | None = None
    about: Callable[..., Made] | None = None
    #: A double of doubles: `columns` may call it row by row.
    numeric: bool = False

    @property
    def least(self) -> int:
        return sum(not (parameter.optional or parameter.repeated) for parameter in self.parameters)

    @property
    def most(self) -> int:
        return 50 if self.parameters and self.parameters[-1].repeated else len(self.parameters)

    @property
    def signature(self) -> str:
        """`substring(target, start[, end])`."""
        text = ""
        for number, parameter in enumerate(self.parameters):
            name = "*" if parameter.kind == "message" else parameter.name + (", …" if parameter.repeated else "")
            comma = ", " if number else ""
            text += f"[{comma}{name}]" if parameter.optional or parameter.repeated else comma + name
        return f"{self.name}({text})"

    def refuses(self, number: int, node: Node) -> str:
        """What is expected in place of this argument, or nothing if it is good."""
        parameter = self.parameters[min(number, len(self.parameters) - 1)]
        if parameter.kind == "message":
            return "" if isinstance(node, Star) else "*"
        if isinstance(node, Star):
            return "a value"
        if parameter.kind == "path":
            good = isinstance(node, Path) or (isinstance(node, Constant) and isinstance(node.value, str))
            return "" if good else "the identifier of a property"
        if parameter.kind == "constant text":
            if not (isinstance(node, Constant) and isinstance(node.value, str)):
                return "a text in single quotes"
            return self._refuses_text(node)
        accepts = _CONSTANTS[parameter.kind]
        return "" if not isinstance(node, Constant) or accepts(node.value) else f"a {parameter.kind}"

    def _refuses_text(self, node: Constant) -> str:
        if self.about is None:
            return ""
        before = len(self.parameters) - 1
        try:
            self.about(*[Argument(Constant(None), _nothing)] * before, Argument(node, _nothing))
        except ValueError as error:
            return str(error)
        return ""
