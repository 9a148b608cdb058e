"""All judges of a run, and what they remember together."""

from __future__ import annotations

from collections.abc import Iterable

from jinqiao.base.telemetry import Step

from .judge import Judge, Now
from .known import Known
from .stretch import Stretch
from .verdict import Verdict

__all__ = ["Bench"]


class Bench:
    """Judges that follow the steps of a run of n vehicles, each step once."""

    def __init__(self, judges: Iterable[Judge], n: int) -> None:
        self.judges = list(judges)
        self._known = Known(n)
        for judge in self.judges:
            judge.prepare(self._known)
        self._finished = False
        self._following = [judge for judge in self.judges if judge.follows]

    def __bool__(self) -> bool:
        return bool(self.judges)

    def take(self, step: Step) -> None:
        """Look at a step."""
        if not self._following:
            return
        batches = step.true_batches
        stretch = Stretch(step.until_ms, batches, self._known, step.events, step.labels)
        for judge in self._following:
            judge.take(stretch)
        if self._known:
            for batch in batches:
                self._known.take(batch)

    def verdicts(self, now: Now) -> list[Verdict]:
        """What came of each, in their order."""
        if now.final and not self._finished:
            self._finished = True
            for judge in self._following:
                judge.finish(self._known, now.time_ms)
        return [judge.verdict(now) for judge in self.judges]
