"""Faults of a scenario: what breaks, when, in which vehicles, for how long, and the truth about it.

A kind of fault is one class in `kinds/`: its keys in the scenario, what its beginning and its end do, and in its
docstring what the documentation says. `plan.py` knows when, `injector.py` brings both together inside the world.
"""
