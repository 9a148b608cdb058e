"""The verification as one HTML page that needs nothing else: table, then every car with its plots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from jinqiao.vehicles.charge_run import ChargeResult
from jinqiao.vehicles.cycle_run import CycleResult

from .anchors import ANCHORS
from .checks import Check
from .runs import CarRuns
from .svg import Line, line_chart
from .table import LABELS, published_text, summary

__all__ = ["page"]

STYLE = """
:root { color-scheme: light dark; --ink: #1d2330; --soft: #667085; --grid: #e3e7ee; --back: #fff; --card: #f7f8fa;
  --a: #1d64c8; --b: #d9822b; --c: #15803d; --bad: #c02626; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --grid: #2b3240; --back: #12151c;
  --card: #191d26; --a: #6aa5ff; --b: #f0a95c; --c: #4ade80; --bad: #ff7b7b; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); max-width: 1120px;
  margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 1.6em; margin: 0 0 4px; } h2 { font-size: 1.2em; margin: 40px 0 8px; }
h3 { font-size: 1em; margin: 16px 0 4px; }
p, .soft { color: var(--soft); } .wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 500; } th, td { padding: 4px 10px 4px 0; vertical-align: top;
  border-bottom: 1px solid var(--grid); } .n { text-align: right; white-space: nowrap; } .k { white-space: nowrap; }
tr.shown td { color: var(--soft); } td.pass { color: var(--c); } td.fail { color: var(--bad); font-weight: 600; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 500px), 1fr)); gap: 10px; }
svg { width: 100%; height: auto; background: var(--card); border-radius: 6px; }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft); } svg .title { fill: var(--ink); font-weight: 600; }
svg .end { text-anchor: end; } svg .mid { text-anchor: middle; } svg .grid { stroke: var(--grid); }
polyline { fill: none; stroke-width: 1.4; stroke-linejoin: round; } .a { stroke: var(--a); } .b { stroke: var(--b); }
.c { stroke: var(--c); stroke-dasharray: 4 3; } .dots { fill: var(--b); } a { color: var(--a); }
"""
HEADS = ("figure", "simulated", "published", "difference", "tolerance", "source", "confidence", "result")


def page(runs: Sequence[CarRuns], checks: Sequence[Check]) -> str:
    """The whole document as text; all charts are inline SVG."""
    title = "Jinqiao: the catalogue against published figures"
    links = " · ".join(f'<a href="#{escape(run.model.id)}">{escape(_name(run))}</a>' for run in runs)
    cars = "".join(_car(run, [item for item in checks if item.vehicle == run.model.id]) for run in runs)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>'
        f"<h1>{title}</h1><p>{escape(summary(checks))}. Cycles at 23 °C, climate control off, warm, on the "
        "dynamometer; consumption at the wall; charging from a pack at 30 °C at a station that limits nobody. A figure "
        "without a tolerance, or of low confidence, is shown and not tested.</p>"
        f"<p>{links}</p>{cars}</body></html>\n"
    )


def _name(run: CarRuns) -> str:
    return f"{run.model.make} {run.model.model}"


def _car(run: CarRuns, checks: Sequence[Check]) -> str:
    heads = "".join(f"<th>{head}</th>" for head in HEADS)
    rows = "".join(map(_row, checks))
    plots = "".join(_cycle(result) for result in run.cycles.values())
    if run.dc is not None:
        plots += _charge(run, run.dc)
    model = run.model
    about = f"{model.id} · {model.market} {model.model_year} · {model.battery.chemistry.upper()} · {model.mass_kg:g} kg"
    return (
        f'<h2 id="{escape(model.id)}">{escape(_name(run))}</h2><p>{escape(about)}</p>'
        f'<div class="wide"><table><tr>{heads}</tr>{rows}</table></div>{plots}'
    )


def _row(item: Check) -> str:
    limit = f"±{item.tolerance_pct:g} %" if item.status != "shown" else ""
    return (
        f'<tr class="{item.status}"><td class="k">{LABELS[item.figure]}</td><td class="n">{item.simulated:.2f}</td>'
        f'<td class="n">{published_text(item)}</td><td class="n">{item.difference_pct:+.1f} %</td>'
        f'<td class="n">{limit}</td><td>{escape(item.source)}</td><td>{item.confidence}</td>'
        f'<td class="{item.status}">{item.status}</td></tr>'
    )


def _cycle(result: CycleResult) -> str:
    return f'<h3>{result.cycle}</h3><div class="plots">{"".join(_cycle_charts(result))}</div>'


def _cycle_charts(result: CycleResult) -> Iterator[str]:
    trace = result.trace
    seconds = [float(second) for second in range(len(trace.speed_kmh))]
    wanted = Line("asked", seconds, trace.asked_kmh.tolist(), "b")
    driven = Line("driven", seconds, trace.speed_kmh.tolist())
    yield line_chart(f"Speed, km/h (error ≤ {result.max_speed_error_kmh:.2f})", [wanted, driven], x_label="s")
    for title, values in (
        ("Power at the pack, kW", trace.pack_kw),
        ("State of charge, %", trace.soc_percent),
        ("Pack voltage, V", trace.voltage_v),
        ("Pack temperature, °C", trace.pack_degc),
    ):
        yield line_chart(title, [Line(title, seconds, values.tolist())], x_label="s")


def _charge(run: CarRuns, result: ChargeResult) -> str:
    soc, kw, volt, degc = ([float(value) for value in column] for column in zip(*result.curve, strict=True))
    lines = []
    if run.model.charging is not None:
        percent, limit = zip(*run.model.charging.dc_curve, strict=True)
        lines.append(Line("vehicle file", percent, limit, "c"))
    lines.append(Line("simulated", soc, kw))
    if anchors := ANCHORS.get(run.model.id):
        at, power = zip(*anchors.points, strict=True)
        lines.append(Line(f"anchors: {anchors.source}", at, power, "dots"))
    charts = (
        line_chart("DC power, kW", lines, x_label="%"),
        line_chart("Pack voltage, V", [Line("V", soc, volt)], x_label="%"),
        line_chart("Pack temperature, °C", [Line("°C", soc, degc)], x_label="%"),
    )
    head = f"DC charge: {result.minutes:.1f} min, peak {result.peak_kw:.0f} kW"
    return f'<h3>{head}</h3><div class="plots">{"".join(charts)}</div>'
