"""A recording from one format into another; what cannot be read is named, the rest is converted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from jinqiao.base.errors import InputError
from jinqiao.base.words import did_you_mean
from jinqiao.gateway.recordings.can_logs.batches import Batches
from jinqiao.gateway.recordings.can_logs.reader import CanLogReader
from jinqiao.gateway.recordings.can_logs.writer import CAN_LOGS, CanLogWriter
from jinqiao.gateway.recordings.csv_writer import CsvWriter
from jinqiao.gateway.recordings.files import create, discard, open_recording
from jinqiao.gateway.recordings.formats import can_log
from jinqiao.gateway.recordings.parts import Events, Info, Messages, Part, Samples, Sink, Source
from jinqiao.gateway.recordings.problems import Problems

__all__ = ["convert"]

_TARGETS = (".mcap", ".parquet", ".csv", *CAN_LOGS)


def convert(source_path: Path, target: Path) -> dict[str, Any]:
    """Counts by kind, the files and the problems. Raises InputError when nothing can be converted."""
    if not source_path.exists():
        raise InputError(f"{source_path}: no such file or folder")
    if source_path.resolve() == target.resolve():
        raise InputError(f"{target}: found the same file as the source, expected another name")
    log = can_log(source_path)
    source: Source = open_recording(source_path) if log is None else CanLogReader(source_path, log)
    wants_can = target.suffix.lower() in CAN_LOGS
    if log is not None and target.suffix.lower() == ".mcap":
        raise InputError(f"{target}: CAN frames go to .blf, .asc, .log, .csv or .parquet")
    sink = _sink(target, source.info)
    counts: Counter[str] = Counter()
    left_out = Problems()
    batches = Batches(left_out)
    try:
        for part in source.parts():
            chosen = _frames(part, batches, left_out) if wants_can else part
            if len(chosen):
                sink.write(chosen)
                counts[_kind(chosen)] += len(chosen)
    finally:
        sink.close()
    problems = [*source.problems, *left_out.lines(source_path)]
    if not counts:
        discard(target)
        wanted = "no CAN frames" if wants_can else "nothing to convert"
        why = "".join(f"\n  {problem}" for problem in problems)
        raise InputError(f"{source_path}: found {wanted}{why}")
    found: dict[str, Any] = {"converted": dict(counts), "problems": problems, "files": [str(target)]}
    if isinstance(sink, CsvWriter):
        found["files"] = [str(path) for path in sink.files]
    if isinstance(sink, CanLogWriter):
        found["channels"] = sink.channels
        problems += sink.problems
        if sink.renumbered:
            table = ", ".join(f"{channel} is {name or 'unnamed'}" for channel, name in sink.channels.items())
            problems.append(f"{target}: channels have new numbers: {table}")
    return found


def _sink(target: Path, info: Info) -> Sink:
    suffix = target.suffix.lower()
    if suffix not in _TARGETS and suffix:
        near = did_you_mean(suffix, _TARGETS)
        raise InputError(f"{target}: found the ending {suffix!r}{near}, expected one of {', '.join(_TARGETS)}")
    if not target.absolute().parent.is_dir():
        raise InputError(f"{target}: no folder {str(target.absolute().parent)!r} to write it into")
    if suffix == ".csv":
        return CsvWriter(target)
    return CanLogWriter(target) if suffix in CAN_LOGS else create(target, info)


def _frames(part: Part, batches: Batches, left_out: Problems) -> Part:
    if isinstance(part, Messages):
        return batches.frames(part)
    if isinstance(part, (Samples, Events)):
        left_out.count(f"{_kind(part)} are not CAN frames and are left out", len(part))
        return []
    return part


def _kind(part: Part) -> str:
    if isinstance(part, Samples):
        return "samples"
    if isinstance(part, Events):
        return "events"
    return "messages" if isinstance(part, Messages) else "can_frames"
