"""The buses of a world's vehicles: raw CAN of those that send it, the charger's bus, diagnostics.

What is heard on them leaves the world as `CanSecond` columns; what a tester asks comes in as frames.
"""

from .can import Buses
from .diagnostics import Diagnostics

__all__ = ["Buses", "Diagnostics"]
