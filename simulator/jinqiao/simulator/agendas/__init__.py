"""What vehicles do all day. An agenda settles its fleet at the start and then is asked for one outing after another.

An *outing* is a SimPy generator that lives from the moment a vehicle wakes until it sleeps again, and returns the
second of the next waking. Between outings a vehicle is rows in arrays and nothing else: a sleeping one costs nothing.

A new agenda is a file in this folder: its keys in the scenario (`AgendaSpec`) and, marked with `@agenda`, what its
vehicles do. Nothing else is edited.
"""

from __future__ import annotations

from ..language.discovery import import_all
from .base import AGENDAS, DAY_S, Agenda, Outing
from .spec import AgendaSpec

__all__ = ["AGENDAS", "DAY_S", "Agenda", "AgendaSpec", "Outing"]

import_all(__name__, __path__)
