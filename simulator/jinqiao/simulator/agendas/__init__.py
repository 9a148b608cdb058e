"""What vehicles do all day. An agenda settles its fleet at the start and then is asked for one outing after another.

An *outing* is a SimPy generator that lives from the moment a vehicle wakes until it sleeps again, and returns the
second of the next waking. Between outings a vehicle is rows in arrays and nothing else: a sleeping one costs nothing.
"""

from __future__ import annotations

from .base import DAY_S, Agenda, Outing
from .commuter import Commuter
from .cycle import CycleDriving
from .delivery import Delivery
from .ride_hailing import RideHailing

__all__ = ["AGENDAS", "DAY_S", "Agenda", "Commuter", "CycleDriving", "Delivery", "Outing", "RideHailing"]

#: By the scenario's word for it.
AGENDAS: dict[str, type[Agenda]] = {
    "commuter": Commuter,
    "ride_hailing": RideHailing,
    "delivery": Delivery,
    "cycle": CycleDriving,
}
