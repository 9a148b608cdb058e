"""Verdicts as one HTML page that needs nothing else (`--report`): what failed first, then everything with its plot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape

from jinqiao.simulator.expectations import Verdict

from .facts import BAD, Facts, clock
from .plot import plot

__all__ = ["page"]

STYLE = """
:root { color-scheme: light dark; --ink: #1d2330; --soft: #667085; --grid: #e3e7ee; --back: #fff; --card: #f7f8fa;
  --a: #1d64c8; --good: #15803d; --bad: #c02626; --warn: #a15c07; --even: #e8eefb; --odd: #eef1f5; --spell: #d9822b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --grid: #2b3240; --back: #12151c;
  --card: #191d26; --a: #6aa5ff; --good: #4ade80; --bad: #ff7b7b; --warn: #f5c06a; --even: #1e2740; --odd: #1f242f;
  --spell: #f0a95c; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); max-width: 1080px;
  margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 1.6em; margin: 0 0 4px; } h2 { font-size: 1.15em; margin: 36px 0 8px; }
.soft, caption { color: var(--soft); } .wide { overflow-x: auto; }
.sum { font-size: 1.15em; font-weight: 600; padding: 10px 14px; border-radius: 8px; background: var(--card);
  border-left: 5px solid var(--good); } .sum.bad { border-color: var(--bad); }
article { background: var(--card); border-radius: 8px; border-left: 5px solid var(--grid); padding: 10px 14px;
  margin: 12px 0; overflow-wrap: anywhere; }
article.passed { border-color: var(--good); } article.failed { border-color: var(--bad); }
article.never, article.pending { border-color: var(--warn); }
.word { font-weight: 600; font-size: .85em; } .passed .word { color: var(--good); } .failed .word { color: var(--bad); }
.never .word, .pending .word { color: var(--warn); }
code { font: 13px/1.5 ui-monospace, monospace; } article p { margin: 2px 0; } ul { margin: 4px 0; padding-left: 20px; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; width: 100%; }
th { text-align: left; color: var(--soft); font-weight: 500; white-space: nowrap; }
th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--grid); } .n { text-align: right; }
svg { width: 100%; height: auto; margin-top: 6px; } svg text { font: 11px system-ui, sans-serif; fill: var(--soft); }
svg .title { fill: var(--ink); font-weight: 600; } svg .end { text-anchor: end; } svg .mid { text-anchor: middle; }
svg.mark { width: 12px; height: 10px; margin: 0; }
svg .grid { stroke: var(--grid); } .a { fill: none; stroke: var(--a); stroke-width: 1.5; stroke-linejoin: round; }
.point { fill: var(--a); } .even { fill: var(--even); } .odd { fill: var(--odd); } .spell { fill: var(--spell); }
.failure { fill: none; stroke: var(--bad); stroke-width: 2; }
"""
#: Column → a key of a fleet's figures, decimals.
_FLEET = (
    ("vehicles", "vehicles", 0),
    ("distance, km", "distance_km", 1),
    ("used, kWh", "energy_kwh", 1),
    ("charged, kWh", "charged_kwh", 1),
    ("sessions", "sessions", 0),
    ("queued, min", "queued_s", 1),
    ("rescued", "rescues", 0),
)
#: The class of a card by its verdict.
_KINDS = {"not exercised": "never"}


def page(facts: Facts) -> str:
    """The whole document as text; all plots are inline SVG."""
    title = escape(f"{facts.scenario}: {facts.words() or 'nothing expected'}")
    bad = [verdict for verdict in facts.verdicts if verdict.verdict in BAD]
    good = [verdict for verdict in facts.verdicts if verdict.verdict not in BAD]
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>',
        f"<style>{STYLE}</style></head><body><h1>{escape(facts.scenario)}</h1>",
        f'<p class="soft">{escape(_about(facts))}</p>',
        f'<p class="sum{" bad" if bad or facts.broke else ""}">{escape(_sum(facts))}</p>',
        *_legend(facts),
        *(_card(facts, verdict) for verdict in [*bad, *good]),
        *_fleets(facts),
        *_faults(facts),
        *_published(facts),
        f'<p class="soft">sha256 of what was published: <code>{escape(facts.sha256)}</code>; the same seed gives the '
        f"same. Jinqiao {escape(facts.version)}.</p></body></html>\n",
    ]
    return "".join(parts)


def _about(facts: Facts) -> str:
    towns = f" in {facts.towns:,} towns" if facts.towns > 1 else ""
    return (
        f"{facts.file} · {facts.vehicles:,} vehicles{towns} · seed {facts.seed} · simulated {clock(facts.simulated_s)} "
        f"from {facts.start} in {facts.wall_s:,.1f} s"
    )


def _sum(facts: Facts) -> str:
    early = f" The run {facts.ended} before its time: {facts.reason}." if facts.reason else ""
    return f"{facts.words() or 'Nothing was expected'}.{early}"


def _legend(facts: Facts) -> Iterator[str]:
    """How to read the plots, where there are any."""
    if any(verdict.series is not None for verdict in facts.verdicts):
        yield (
            '<p class="soft">In the plots: time since the start, phases shaded; <svg class="mark" viewBox="0 0 12 8">'
            '<rect class="spell" y="2" width="12" height="5"/></svg> a fault was active in a vehicle; '
            '<svg class="mark" viewBox="0 0 12 12"><circle class="failure" cx="6" cy="6" r="4"/></svg> a moment at '
            "which the expectation did not hold.</p>"
        )


def _card(facts: Facts, verdict: Verdict) -> str:
    moments = "".join(
        f"<li>{clock(facts.seconds_of(one.time_ms))}{' ' + escape(one.vin) if one.vin else ''}: {escape(one.text)}</li>"
        for one in verdict.failures
    )
    failed_s = [facts.seconds_of(one.time_ms) for one in verdict.failures]
    chart = "" if verdict.series is None else plot(facts, verdict.series, failed_s)
    line = "" if verdict.line is None else f" · line {verdict.line}"
    return (
        f'<article class="{_KINDS.get(verdict.verdict, verdict.verdict)}">'
        f'<p><span class="word">{verdict.verdict}</span> <code>{escape(verdict.expect)}</code></p>'
        f'<p>{escape(verdict.measured)} <span class="soft">({verdict.exercised:,} looked at{line})</span></p>'
        f"{f'<ul>{moments}</ul>' if moments else ''}{chart}</article>"
    )


def _fleets(facts: Facts) -> Iterator[str]:
    if not facts.fleets:
        return
    yield "<h2>Fleets</h2>" + _table(
        ["fleet", *(head for head, _, _ in _FLEET)],
        [
            [name, *(_figure(figures, key, places) for _, key, places in _FLEET)]
            for name, figures in facts.fleets.items()
        ],
    )


def _figure(figures: object, key: str, places: int) -> str:
    value = figures.get(key, 0) if isinstance(figures, dict) else 0
    return f"{value / 60 if key == 'queued_s' else value:,.{places}f}"


def _faults(facts: Facts) -> Iterator[str]:
    if not facts.spells:
        return
    counts = Counter(spell.fault for spell in facts.spells)
    vehicles = {fault: len({spell.vin for spell in facts.spells if spell.fault == fault}) for fault in counts}
    first = {fault: min(spell.begin_s for spell in facts.spells if spell.fault == fault) for fault in counts}
    rows = [[fault, f"{count:,}", f"{vehicles[fault]:,}", clock(first[fault])] for fault, count in counts.items()]
    yield "<h2>Faults that truly happened</h2>" + _table(["fault", "times", "vehicles", "first"], rows)


def _published(facts: Facts) -> Iterator[str]:
    if facts.published:
        rows = [[kind, f"{count:,}"] for kind, count in sorted(facts.published.items())]
        yield "<h2>Published</h2>" + _table(["kind", "messages"], rows)


def _table(heads: list[str], rows: list[list[str]]) -> str:
    """The first column is text, the others are figures."""
    head = "".join(f"<th{'' if not number else ' class=n'}>{escape(name)}</th>" for number, name in enumerate(heads))
    body = "".join(
        "<tr>"
        + "".join(f"<td{'' if not number else ' class=n'}>{escape(cell)}</td>" for number, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'
