"""What the options of `jinqiao run` say, from their texts. Each raises InputError that names the option."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from jinqiao.base.errors import InputError
from jinqiao.base.quantity import parse_duration_s
from jinqiao.base.words import Refused
from jinqiao.simulator.scenario.start import parse_start

from ..sinks import SinkSpec, parse_sink
from ..sinks.kinds.record import RecordSpec
from .outside import load_triples, parse_broker

__all__ = ["control_options", "duration_s", "elsewhere", "listeners", "sinks_of", "start_of"]


def elsewhere(broker: str | None, devices: Path | None) -> dict[str, Any]:
    """Options of a run that publishes elsewhere."""
    if broker is None:
        if devices is not None:
            raise InputError("--devices: expected --broker too: they are the devices of another platform")
        return {}
    found = parse_broker(broker)
    return {"broker": found, "devices": None if devices is None else load_triples(devices)}


def listeners(client_ids: Sequence[str], broker: str | None) -> tuple[str, ...]:
    """The clients that hold the clock."""
    if client_ids and broker is not None:
        raise InputError(
            "--lock-step: not with --broker\n  only the embedded broker knows what a client has acknowledged"
        )
    if not all(client_ids):
        raise InputError("--lock-step: the client identifier is empty\n  give the one that your client connects with")
    return tuple(dict.fromkeys(client_ids))


def start_of(text: str) -> datetime | Literal["now"]:
    """The moment after `--start`."""
    if text == "now":
        return "now"
    try:
        return parse_start(text)
    except Refused as refused:
        raise InputError(f"--start: {refused}") from refused


def control_options(token: str | None, *, paused: bool, linger: bool, reachable: bool) -> dict[str, Any]:
    """Options of a run that is controlled; a token that was not given is drawn."""
    if (paused or linger) and not reachable:
        option = "--paused" if paused else "--linger"
        raise InputError(f"{option}: expected --http-port too: a run with --broker is controlled over that port")
    if token is None:
        return {"paused": paused, "linger": linger}
    if not re.fullmatch(r"[\x21-\x7e]{1,200}", token):
        raise InputError("--control-token: expected 1 to 200 letters, digits and signs of ASCII, without spaces")
    return {"paused": paused, "linger": linger, "control_token": token}


def duration_s(option: str, text: str) -> float:
    """How long something lasts, s."""
    try:
        return parse_duration_s(text)
    except InputError as error:
        raise InputError(f"{option}: {error}") from error


def sinks_of(sink: Iterable[str], to: Iterable[str], record: Iterable[str]) -> tuple[SinkSpec, ...]:
    """The sinks that `--sink`, `--to` and `--record` name."""
    return (
        *(parse_sink(text) for text in sink),
        *(parse_sink(text, "--to") for text in to),
        *(RecordSpec.at(text, "--record") for text in record),
    )
