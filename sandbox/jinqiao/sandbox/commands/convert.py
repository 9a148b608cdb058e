"""`jinqiao convert`: recordings between formats."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..recordings.convert import convert as convert_recording

__all__ = ["convert"]


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="FILE.mcap, NAME.parquet, or a CAN log: .blf, .asc, .log (candump).")
    ],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="FILE.mcap, NAME.parquet, FILE.csv, or a CAN log: .blf, .asc, .log.")
    ],
) -> None:
    """Convert a recording; file extensions choose the formats. What cannot be read is reported, the rest is converted.

    \b
    Example:
      jinqiao convert drive.mcap drive.parquet
      jinqiao convert drive.parquet drive.csv
      jinqiao convert trace.log trace.blf
    """
    found = convert_recording(source, target)
    for problem in found["problems"]:
        print(problem, file=sys.stderr)
    counts = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in found["converted"].items())
    print(f"{counts} in {', '.join(found['files'])}", file=sys.stderr)
    if not sys.stdout.isatty():
        print(json.dumps(found), flush=True)
