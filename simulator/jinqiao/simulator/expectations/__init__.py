"""Expectations: what a scenario demands of a run, in a small language, and what came of it."""

from .verdict import Failure, Series, Verdict, Word

__all__ = ["Failure", "Series", "Verdict", "Word"]
