"""Line charts as inline SVG: two axes, a grid, some lines, some points. Colours are the page's CSS classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np

__all__ = ["Line", "line_chart", "nice_ticks"]

WIDTH, HEIGHT = 520.0, 170.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 8.0, 22.0, 24.0
#: More points than this a chart of this width cannot show.
MOST_POINTS = 400


class Line(NamedTuple):
    """A named run of points; `kind` is the CSS class: line a, b or c, or `dots` for single points."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    kind: str = "a"


def line_chart(title: str, lines: Sequence[Line], *, x_label: str) -> str:
    """One chart with a common scale for all lines; `title` names quantity and unit."""
    shown = [line for line in lines if len(line.x)]
    if not shown:
        return ""
    first, last = min(min(line.x) for line in shown), max(max(line.x) for line in shown)
    last = max(last, first + 1e-6)
    x_ticks = [tick for tick in nice_ticks(first, last) if first <= tick <= last]
    y_ticks = nice_ticks(min(min(line.y) for line in shown), max(max(line.y) for line in shown))
    place = _Place((first, last), (y_ticks[0], y_ticks[-1]))
    parts = [f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{escape(title)}">']
    parts += [_y_tick(place, tick) for tick in y_ticks]
    parts += [_x_tick(place, tick) for tick in x_ticks]
    parts.append(f'<text class="title" x="{LEFT:g}" y="13">{escape(title)}</text>')
    parts.append(f'<text class="tick end" x="{WIDTH - RIGHT:g}" y="{HEIGHT - 2:g}">{escape(x_label)}</text>')
    parts += [_dots(place, line) if line.kind == "dots" else _path(place, line) for line in shown]
    if len(shown) > 1:
        parts += _legend(shown)
    return "".join([*parts, "</svg>"])


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers that enclose low to high, about as many as asked for (steps of 1, 2 or 5 times a power of ten)."""
    size = max(1.0, abs(low), abs(high))
    if high - low < 1e-9 * size:  # nothing to divide, in so many digits
        high = low + max(1.0, 1e-6 * size)
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.85)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, max(last, first + 1) + 1)]


class _Place(NamedTuple):
    """From values to the chart's pixels."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        low, high = self.x_range
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)


def _y_tick(place: _Place, value: float) -> str:
    y = place.y(value)
    return (
        f'<line class="grid" x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="tick end" x="{LEFT - 5:g}" y="{y + 3.5:.1f}">{_number(value)}</text>'
    )


def _x_tick(place: _Place, value: float) -> str:
    x = place.x(value)
    return f'<text class="tick mid" x="{x:.1f}" y="{HEIGHT - BOTTOM + 12:g}">{_number(value)}</text>'


def _number(value: float) -> str:
    return f"{value:.6g}" if abs(value) > 1e-9 else "0"


def _path(place: _Place, line: Line) -> str:
    chosen = np.unique(np.linspace(0, len(line.x) - 1, MOST_POINTS).astype(int))
    points = " ".join(f"{place.x(line.x[i]):.1f},{place.y(line.y[i]):.1f}" for i in chosen)
    return f'<polyline class="{line.kind}" points="{points}"/>'


def _dots(place: _Place, line: Line) -> str:
    marks = [
        f'<circle class="dots" cx="{place.x(x):.1f}" cy="{place.y(y):.1f}" r="3.5"/>'
        for x, y in zip(line.x, line.y, strict=True)
    ]
    return "".join(marks)


def _legend(lines: Sequence[Line]) -> list[str]:
    parts, x = [], WIDTH - RIGHT
    for line in reversed(lines):
        x -= 6.2 * len(line.name) + 20.0
        mark = (
            f'<circle class="dots" cx="{x + 5:.0f}" cy="9" r="3.5"/>'
            if line.kind == "dots"
            else f'<polyline class="{line.kind}" points="{x:.0f},9 {x + 11:.0f},9"/>'
        )
        parts.append(f'{mark}<text class="tick" x="{x + 15:.0f}" y="12.5">{escape(line.name)}</text>')
    return parts
