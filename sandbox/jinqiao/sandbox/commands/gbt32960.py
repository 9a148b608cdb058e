"""`jinqiao gbt32960`: frames of GB/T 32960 from a car on a cycle, and frames of a file as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from jinqiao.base.errors import EnvironmentFault, ExpectationFailed, InputError
from jinqiao.vehicles.catalogue import open_vehicle
from jinqiao.vehicles.gbt32960.cycle import Drive, report_cycle
from jinqiao.wire.gbt32960.frame import as_json
from jinqiao.wire.gbt32960.reader import read_file
from jinqiao.wire.gbt32960.signing import Signer

from .car_options import Ambient, Cycle, Vehicle

__all__ = ["decode", "encode"]


class Version(StrEnum):
    V2016 = "2016"
    V2025 = "2025"


def encode(
    vehicle: Vehicle,
    cycle: Cycle,
    seconds: Annotated[
        int, typer.Option("--seconds", min=1, help="Seconds of the cycle to drive.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write.", show_default=False)],
    version: Annotated[Version, typer.Option("--version", help="Edition of the standard.")] = Version.V2025,
    every: Annotated[int, typer.Option("--every", min=1, help="Seconds between real-time frames.")] = 10,
    vin: Annotated[
        str | None, typer.Option("--vin", help="The car's VIN.", show_default="one made for the model")
    ] = None,
    ambient: Ambient = 23.0,
    public_key: Annotated[
        Path | None,
        typer.Option(
            "--public-key", metavar="FILE.pem", help="Write the key that verifies the signatures.", show_default=False
        ),
    ] = None,
) -> None:
    """Drive a cycle and write what the car would report: login, real-time data, logout.

    The file is a stream of records, each a length of 4 bytes (big-endian) and one frame.

    \b
    Example:
      jinqiao gbt32960 encode --vehicle bmw-i3-edrive35l-2022 --cycle CLTC-P --seconds 120 --version 2016 --out i3.gb
    """
    if public_key is not None and version is not Version.V2025:
        raise InputError("--public-key: only the 2025 edition has signatures; expected --version 2025 too")
    signer = Signer() if version is Version.V2025 else None
    drive = Drive(open_vehicle(vehicle), cycle, seconds, every, ambient, vin)
    frames = list(report_cycle(drive, version.value, signer))
    with _written("--out", out):
        out.write_bytes(b"".join(len(frame).to_bytes(4, "big") + frame for frame in frames))
    if signer is not None and public_key is not None:
        signer.write_public(public_key)
    print(f"{out}: {len(frames)} frames, {sum(map(len, frames)):,} bytes", file=sys.stderr)


def decode(
    file: Annotated[
        Path, typer.Argument(help="File of frames, each preceded by its length (4 bytes), or back to back.")
    ],
) -> None:
    """Print each frame of a file as one JSON line; report what cannot be read on stderr, with exit code 1 at the end.

    \b
    Example:
      jinqiao gbt32960 decode i3.gb
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
    broken = frames = 0
    for found in read_file(data):
        if found.frame is not None:
            frames += 1
            print(json.dumps({"offset": found.offset, **as_json(found.frame)}))
        if found.fault is not None:
            broken += 1
            print(f"{file}: {found.fault}", file=sys.stderr)
    if broken:
        raise ExpectationFailed(f"{file}: {frames} frames read, {broken} faults (see above)")
    if not frames:
        raise InputError(f"{file}: found {len(data)} bytes without a frame, expected 2323 or 2424 at its start")


@contextmanager
def _written(option: str, file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EnvironmentFault(f"{option}: {file} cannot be written: {error.strerror}") from error
