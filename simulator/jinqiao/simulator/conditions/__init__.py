"""Conditions on what vehicles are and do: `charging:ChargePower > 60 kW and StateOfCharge < 20 %`.

A text becomes a `Condition` (`parsing`), which is a function of columns: no vehicle is looked at by itself. Names are
those of the thing model. Triggers ask conditions when somebody reports; the language of expectations contains this one
and extends its grammar (`grammar`). Values are true ones, as the car has them, whatever its sensors tell.
"""

from .condition import Condition
from .latest import Latest
from .parsing import parse_condition

__all__ = ["Condition", "Latest", "parse_condition"]
