"""What vehicles report where their sensors are wrong: the car goes on as it is, only what is told of it changes.

There is one road in: faults begin and end in `Reported`. There is one road out: `Reported.of` takes the true values of
some vehicles at some seconds and gives what these would report. Whatever tells signals (telemetry, CAN, GB/T 32960,
diagnostics) asks it, so all tell the same in the same second. It is a pure function of vehicle, signal and time.
"""

from .batches import reported_batches, reported_step
from .reported import Altered, Reported

__all__ = ["Altered", "Reported", "reported_batches", "reported_step"]
