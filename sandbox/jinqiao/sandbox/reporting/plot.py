"""A series of an expectation over simulated time, as inline SVG: phases behind it, faults below it, failures on it.

Colours are the page's CSS classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from jinqiao.simulator.expectations import Series

from ..verify.svg import nice_ticks
from .facts import Facts, Phase, Spell, clock

__all__ = ["plot"]

WIDTH, HEIGHT = 760.0, 200.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 10.0, 30.0, 22.0
#: Steps of the time axis, s: of a clock, not of a decimal system.
_STEPS_S = (1, 5, 10, 30, 60, 300, 600, 900, 1800, 3600, 7200, 4 * 3600, 6 * 3600, 12 * 3600, 24 * 3600)
_TICKS = 9
#: Faults that are drawn, those that began first; more would be a solid bar.
_SPELLS = 200
#: Values from here on, and NaN, are no measurement of anything.
_LARGEST = 1e15


class _Place(NamedTuple):
    """From s after the start and a value to the chart's pixels."""

    end_s: float
    low: float
    high: float

    def x(self, seconds: float) -> float:
        share = min(1.0, max(0.0, seconds / self.end_s))
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def plot(facts: Facts, series: Series, failures: Sequence[float] = ()) -> str:
    """The chart; empty for a series without a value. `failures` are moments, s after the start."""
    points = [
        (facts.seconds_of(time_ms), value)
        for time_ms, value in zip(series.times_ms, series.values, strict=True)
        if abs(value) < _LARGEST
    ]
    if not points:
        return ""
    ticks = nice_ticks(min(value for _, value in points), max(value for _, value in points), 4)
    place = _Place(max(facts.simulated_s, points[-1][0], 1.0), ticks[0], ticks[-1])
    title = f"{series.name}, {series.unit}" if series.unit else series.name
    parts = [f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{escape(title)}">']
    parts += [_phase(place, number, phase) for number, phase in enumerate(facts.phases)]
    parts += [_y_tick(place, tick) for tick in ticks]
    parts += _x_ticks(place)
    parts += [_spell(place, spell) for spell in facts.spells[:_SPELLS]]
    parts.append(_line(place, points))
    parts += [_failure(place, seconds, points) for seconds in failures]
    parts.append(f'<text class="title" x="{LEFT:g}" y="12">{escape(title)}</text></svg>')
    return "".join(parts)


def _phase(place: _Place, number: int, phase: Phase) -> str:
    begin, end = place.x(phase.begin_s), place.x(phase.end_s)
    shade = f'<rect class="phase {"odd" if number % 2 else "even"}" x="{begin:.1f}" y="{TOP:g}" '
    return (
        f'{shade}width="{max(0.0, end - begin):.1f}" height="{HEIGHT - TOP - BOTTOM:g}"/>'
        f'<text class="tick" x="{begin + 3:.1f}" y="{TOP - 4:g}">{escape(phase.name)}</text>'
    )


def _y_tick(place: _Place, value: float) -> str:
    y = place.y(value)
    shown = f"{value:.6g}" if abs(value) > 1e-9 else "0"
    return (
        f'<line class="grid" x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="tick end" x="{LEFT - 6:g}" y="{y + 3.5:.1f}">{shown}</text>'
    )


def _x_ticks(place: _Place) -> Iterator[str]:
    step = next((step for step in _STEPS_S if place.end_s / step <= _TICKS), place.end_s / _TICKS)
    for number in range(int(place.end_s / step) + 1):
        x = place.x(number * step)
        where = "end" if x > WIDTH - RIGHT - 20 else "mid"
        yield f'<text class="tick {where}" x="{x:.1f}" y="{HEIGHT - 5:g}">{clock(number * step)}</text>'


def _spell(place: _Place, spell: Spell) -> str:
    begin = place.x(spell.begin_s)
    end = place.x(place.end_s if spell.end_s is None else spell.end_s)
    until = "" if spell.end_s is None else f" to {clock(spell.end_s)}"
    return (
        f'<rect class="spell" x="{begin:.1f}" y="{HEIGHT - BOTTOM - 5:g}" width="{max(2.5, end - begin):.1f}" '
        f'height="5"><title>{escape(f"{spell.fault} in {spell.vin} from {clock(spell.begin_s)}{until}")}</title></rect>'
    )


def _line(place: _Place, points: Sequence[tuple[float, float]]) -> str:
    if len(points) == 1:
        return f'<circle class="point" cx="{place.x(points[0][0]):.1f}" cy="{place.y(points[0][1]):.1f}" r="3"/>'
    path = " ".join(f"{place.x(seconds):.1f},{place.y(value):.1f}" for seconds, value in points)
    return f'<polyline class="a" points="{path}"/>'


def _failure(place: _Place, seconds: float, points: Sequence[tuple[float, float]]) -> str:
    """A dot on the point that is nearest in time."""
    _, value = min(points, key=lambda point: abs(point[0] - seconds))
    return (
        f'<circle class="failure" cx="{place.x(seconds):.1f}" cy="{place.y(value):.1f}" r="4">'
        f"<title>{clock(seconds)}</title></circle>"
    )
