"""From a run that has ended to what its reports are made of."""

from __future__ import annotations

from ..run.running import Running
from ..run.summary import Summary
from .facts import Facts, Phase, Spell

__all__ = ["facts_of"]


def facts_of(run: Running, summary: Summary, *, broke: bool) -> Facts:
    """What it leaves behind; `broke` is whether something that it needs did."""
    scenario, judgement, vins = run.plan.scenario, run.judgement, run.world.fleet.vins
    start_ms = scenario.start_ms

    def after_s(time_ms: int) -> float:
        return (time_ms - start_ms) / 1000

    spells = (
        Spell(
            span.fault,
            vins[span.row].decode(),
            after_s(span.begin_ms),
            None if span.end_ms is None else after_s(span.end_ms),
        )
        for span in judgement.evidence.spans
    )
    return Facts(
        scenario=summary.scenario,
        file=str(run.options.scenario),
        start=scenario.start.isoformat(),
        start_ms=start_ms,
        simulated_s=summary.simulated_s,
        wall_s=summary.wall_s,
        seed=summary.seed,
        vehicles=summary.vehicles,
        towns=run.plan.towns,
        ended=summary.ended,
        reason=summary.reason,
        broke=broke,
        sha256=summary.sent.digest.hexdigest(),
        version=summary.about["version"],
        verdicts=tuple(judgement.verdicts(final=True)),
        published=summary.published,
        fleets=summary.fleets,
        phases=tuple(Phase(name, begin, end) for name, (begin, end) in judgement.phases.items()),
        spells=tuple(spells),
    )
