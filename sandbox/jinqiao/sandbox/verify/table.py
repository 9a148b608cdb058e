"""The checks as a terminal table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from .checks import Check

__all__ = ["LABELS", "checks_table", "published_text", "summary"]

#: Figure, as a reader says it, with its unit.
LABELS = {
    "wltp_kwh_per_100km": "WLTP kWh/100 km",
    "cltc_kwh_per_100km": "CLTC kWh/100 km",
    "epa_udds_wall_kwh_per_100km": "UDDS kWh/100 km",
    "epa_hwfet_wall_kwh_per_100km": "HWFET kWh/100 km",
    "wltp_range_km": "WLTP range km",
    "cltc_range_km": "CLTC range km",
    "dc_10_80_min": "DC 10-80 % min",
    "dc_peak_kw": "DC peak kW",
    "ac_0_100_min": "AC 0-100 % min",
}
STYLES = {"pass": "green", "fail": "bold red", "shown": "dim"}


def checks_table(checks: Sequence[Check]) -> Table:
    """One line per figure; a figure that is only shown is dim."""
    table = Table(box=None, pad_edge=False)
    for name in ("vehicle", "figure"):
        table.add_column(name, no_wrap=True)
    for name in ("simulated", "published", "diff %"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("source", overflow="fold")
    table.add_column("confidence", no_wrap=True)
    table.add_column("result", no_wrap=True)
    before = ""
    for item in checks:
        limit = f" ±{item.tolerance_pct:g}" if item.status != "shown" else ""
        table.add_row(
            item.vehicle if item.vehicle != before else "",
            LABELS[item.figure],
            f"{item.simulated:.1f}",
            published_text(item),
            f"{item.difference_pct:+.1f}{limit}",
            item.source,
            item.confidence,
            f"[{STYLES[item.status]}]{item.status}[/]",
            style="dim" if item.status == "shown" else None,
        )
        before = item.vehicle
    return table


def published_text(item: Check) -> str:
    """The value, or the range where no value stands out."""
    if item.value is not None:
        return f"{item.value:g}"
    assert item.range is not None
    return f"{item.range[0]:g}–{item.range[1]:g}"


def summary(checks: Sequence[Check]) -> str:
    counts = {status: sum(item.status == status for item in checks) for status in STYLES}
    vehicles = len({item.vehicle for item in checks})
    return (
        f"{vehicles} vehicles, {counts['pass'] + counts['fail']} tested figures: {counts['pass']} passed, "
        f"{counts['fail']} failed; {counts['shown']} only shown"
    )
