"""Physics self-check: what no car can do must not appear in its telemetry, no matter who wrote the simulator.

It reads the batches as they are published, every value rounded to its signal's decimals, and knows of a car only what
its data sheet says. A rule is one row of a table; `Checker` holds the last report of every vehicle and asks all rules.
"""

from .checker import Checker, Violation
from .rules import RULES, Rule

__all__ = ["RULES", "Checker", "Rule", "Violation"]
