"""The live table of a run, on stderr: what the fleet does, what is on the wire, one sample payload.

On a terminal it is redrawn in place; elsewhere (a log, CI) one line every ten seconds says the same, one a minute
with `--quiet`.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from rich.console import Console as RichConsole
from rich.console import Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from jinqiao.simulator.expectations import Verdict

from ..reporting.facts import counted_words
from ..shown import cell
from .roster import CarRow

__all__ = ["LiveTable", "NoTable", "PlainLines", "View", "cars_table", "console_for"]

#: The fleet drives in Shanghai; the simulated clock is shown as the people there read it.
SHANGHAI = ZoneInfo("Asia/Shanghai")
_PLAIN_EVERY_S, _QUIET_EVERY_S = 10.0, 60.0
#: Lines above the table that stay in sight: how to connect, ready to paste. Fewer cars than this are no list.
_ABOVE_LINES, _FEWEST_CARS = 5, 3
#: Expectations that are listed because they do not hold, and columns for them.
_MOST_VERDICTS, _EXPECT_COLUMNS, _MEASURED_COLUMNS = 5, 60, 60
#: Columns for the name of a vehicle, a model or a fleet: the figures beside them stay in sight.
_NAME_COLUMNS = 24


@dataclass(frozen=True, slots=True)
class View:
    """What there is to see of a run at one moment."""

    title: str
    speed: str
    simulated_ms: int
    done: float  # share of the run's simulated time
    states: Mapping[str, int]
    published: Counter[str]
    sample: tuple[str, bytes] | None
    #: At most so many vehicles, those that do something first.
    cars: Callable[[int], list[CarRow]]
    clients: int
    delivered: int
    dropped: int
    #: Whom a held clock waits for.
    waiting: str = ""
    #: What came of each expectation so far.
    verdicts: Sequence[Verdict] = ()


class Rates:
    """Messages per second by kind, over the time between two looks."""

    def __init__(self) -> None:
        self._then = time.perf_counter()
        self._counts: Counter[str] = Counter()
        self.per_s: dict[str, float] = {}

    def look(self, counts: Counter[str], *, at_least_s: float = 0.9) -> dict[str, float]:
        now = time.perf_counter()
        if now - self._then >= at_least_s:
            span = now - self._then
            self.per_s = {kind: (counts[kind] - self._counts[kind]) / span for kind in counts}
            self._then, self._counts = now, Counter(counts)
        return self.per_s


class NoTable:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def show(self, view: View) -> None:
        """Nothing."""


class PlainLines(NoTable):
    """A line every so many seconds, for logs; the first at once, or `late` after as long."""

    def __init__(self, every_s: float = _PLAIN_EVERY_S, *, late: bool = False) -> None:
        self._every_s = every_s
        self._next = time.perf_counter() + every_s if late else 0.0
        self._rates = Rates()

    def show(self, view: View) -> None:
        now = time.perf_counter()
        if now < self._next:
            return
        self._next = now + self._every_s
        states = ", ".join(f"{count} {state}" for state, count in view.states.items())
        rate = sum(self._rates.look(view.published, at_least_s=0.0).values())
        line = f"{_clock(view.simulated_ms)}  {view.done:.0%}  {states}  {rate:,.0f} messages/s"
        if view.verdicts:
            line += f"  expected: {counted_words(view.verdicts)}"
        print(line, file=sys.stderr, flush=True)


class LiveTable(NoTable):
    """A table that is redrawn in place."""

    def __init__(self, console: RichConsole) -> None:
        self._console = console
        self._rates = Rates()
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, view: View) -> None:
        self._live.update(self._draw(view), refresh=True)

    def _draw(self, view: View) -> Group:
        states = Table.grid(padding=(0, 3))
        states.add_row(*(Text.assemble((f"{count:,}", "bold"), f" {state}") for state, count in view.states.items()))

        rates = self._rates.look(view.published)
        wire = Table("topic kind", "messages/s", "published", box=None, header_style="dim", padding=(0, 2, 0, 0))
        for column in wire.columns[1:]:
            column.justify = "right"
        for kind, count in sorted(view.published.items()):
            wire.add_row(kind, f"{rates.get(kind, 0.0):,.0f}", f"{count:,}")

        clock = Text.assemble((_clock(view.simulated_ms), "bold cyan"), f"  speed {view.speed}", style="")
        ears = Text(
            f"{view.clients:,} client(s), {view.delivered:,} delivered, {view.dropped:,} dropped for slow ones",
            style="dim",
        )
        parts: list[Text | Table | Panel] = [clock, states, wire, ears]
        if view.waiting:
            parts.append(Text(f"the clock waits: {view.waiting}", style="yellow"))
        if view.verdicts:
            parts += _verdicts(view.verdicts)
        if view.sample:
            topic, payload = view.sample
            parts.append(Panel(Text(_pretty(payload), overflow="fold"), title=topic, title_align="left", style="dim"))
        return Group(self._framed(view, [*parts, *self._cars(view, parts)]))

    def _framed(self, view: View, parts: list[Text | Table | Panel]) -> Panel:
        return Panel(Group(*parts), title=view.title, title_align="left")

    def _cars(self, view: View, parts: list[Text | Table | Panel]) -> list[Text | Table | Panel]:
        """As many vehicles as there is room for, below the lines that the run began with."""
        used = len(self._console.render_lines(self._framed(view, parts)))
        room = self._console.size.height - used - _ABOVE_LINES - 2  # a head, an empty line
        if room < _FEWEST_CARS:
            return []
        return [Text(), cars_table(view.cars(room))]


def _verdicts(verdicts: Sequence[Verdict]) -> list[Text | Table]:
    """How many stand how; below it those that do not hold, and what was measured."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(style="dim")
    bad = [verdict for verdict in verdicts if not verdict.ok]
    for verdict in bad[:_MOST_VERDICTS]:
        row = (cell(verdict.expect, _EXPECT_COLUMNS), cell(verdict.measured, _MEASURED_COLUMNS))
        table.add_row(Text(verdict.verdict, style="bold red"), *row)
    head = Text(f"expected: {counted_words(verdicts)}", style="red" if bad else "green")
    return [head, table] if bad else [head]


def cars_table(cars: list[CarRow]) -> Table:
    """Vehicles, one a line."""
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0), expand=False)
    for name, numeric in (
        ("vehicle", False),
        ("model", False),
        ("fleet", False),
        ("state", False),
        ("km/h", True),
        ("charge", True),
        ("kW", True),
        ("last event", False),
    ):
        table.add_column(name, justify="right" if numeric else "left", no_wrap=True)
    for car in cars:
        figures = (f"{car.speed_kmh:.0f}", f"{car.soc:.0f} %", f"{car.kw:.1f}")
        names = (cell(name, _NAME_COLUMNS) for name in (car.vin, car.model, car.fleet))
        table.add_row(*names, car.state, *figures, car.event)
    return table


def console_for(*, quiet: bool) -> NoTable:
    """The console that suits where stderr goes; a quiet run of minutes says once a minute that it lives."""
    if quiet:
        return PlainLines(_QUIET_EVERY_S, late=True)
    console = RichConsole(stderr=True)
    return LiveTable(console) if console.is_terminal else PlainLines()


def _clock(time_ms: int) -> str:
    moment = datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(SHANGHAI)
    return f"{moment:%a} {moment.isoformat(' ', 'seconds')}"


def _pretty(payload: bytes) -> str:
    """A payload as it is, but without the times, so that the values fit a screen."""
    try:
        post = json.loads(payload)
        return "  ".join(f"{name} {json.dumps(value['value'])}" for name, value in post["params"].items())
    except (ValueError, KeyError, TypeError):
        return payload.decode(errors="replace")
