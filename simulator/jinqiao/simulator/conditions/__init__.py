"""Conditions on what vehicles are and do: `charging:ChargePower > 60 kW and StateOfCharge < 20 %`.

A text becomes a `Condition` (`parsing`), which is a function of columns: no vehicle is looked at by itself. Names are
those of the thing model. Triggers ask conditions when somebody reports; the language of expectations contains this one
and extends its grammar (`grammar`). Values are true ones, as the car has them, whatever its sensors tell.

The parser's library is imported by the first text that is parsed: most scenarios have none.
"""

from .condition import Condition
from .latest import Latest

__all__ = ["Condition", "Latest", "parse_condition"]


def parse_condition(text: object) -> Condition:
    """The condition that a text says. Raises Refused, with the offset in the text where something is wrong."""
    from .parsing import parse_condition as parse

    return parse(text)
