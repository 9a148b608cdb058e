"""`jinqiao catalog verify`: every car of the catalogue against its published figures."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from jinqiao.base.errors import EnvironmentFault
from jinqiao.vehicles.catalogue import VehicleModel, load_catalogue, open_vehicle

from ..verify.checks import check
from ..verify.page import page
from ..verify.runs import CarRuns, run_all
from ..verify.table import checks_table, summary
from .options import AsOneJson

__all__ = ["verify"]


def verify(
    vehicle: Annotated[
        list[str] | None,
        typer.Option("--vehicle", metavar="ID|FILE", help="Only this one; may be repeated.", show_default=False),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Also write an HTML page with plots.", show_default=False),
    ] = None,
    json_: AsOneJson = False,
) -> None:
    """Simulate every vehicle on its cycles and its fast charge, and compare the results with published figures.

    Exit code 1 if a tested figure is missed.

    \b
    Example:
      jinqiao catalog verify
      jinqiao catalog verify --vehicle my-car.yaml --html my-car.html
    """
    models = [open_vehicle(name) for name in vehicle] if vehicle else list(load_catalogue().values())
    runs = _run(list({model.id: model for model in models}.values()))
    checks = [item for run in runs for item in check(run)]
    passed = all(item.status != "fail" for item in checks)
    if html is not None:
        _write(html, page(runs, checks))
    if json_:
        print(json.dumps({"passed": passed, "checks": [asdict(item) for item in checks]}, ensure_ascii=False))
    else:
        console = Console()
        if not console.is_terminal:  # a file or a pipe has no width to fold to
            console = Console(width=200)
        console.print(checks_table(checks))
        console.print(summary(checks))
    if not passed:
        raise typer.Exit(1)


def _run(models: list[VehicleModel]) -> list[CarRuns]:
    columns = (TextColumn("{task.description:<40}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("starting", total=None)
        return run_all(models, lambda what, done, of: bar.update(task, description=what, completed=done, total=of))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as fault:
        raise EnvironmentFault(f"{path}: cannot be written: {fault.strerror}") from fault
