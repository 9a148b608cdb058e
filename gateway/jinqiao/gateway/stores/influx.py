"""A run's telemetry in InfluxDB, or in anything that takes its line protocol (`POST /api/v2/write`).

Lines are rendered per batch and handed as blocks of bytes to influxdb-client; waiting, trying again and counting are
ours. https://docs.influxdata.com/influxdb/v2/api/#operation/PostWrite says what the server's answers mean.
"""

from __future__ import annotations

import gzip
import logging
import random
from collections.abc import Sequence
from typing import Any

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.base.telemetry import Batch, Event, Label, Step

from .extras import load
from .influx_target import TOKEN_VARIABLE, InfluxTarget
from .line_protocol import LineRenderer, event_line, label_line
from .traits import Traits
from .worker import Worker

__all__ = ["InfluxStore"]

_logger = logging.getLogger(__name__)

#: Points that may wait while the server is slow or away: about 200 MB of core batches.
CAPACITY = 2_000_000
#: Points of one request; InfluxDB's own advice is 5,000 lines or 10 MB.
_LOT = 5_000
#: Seconds the run waits for a server that gets on but is slower than a run at full speed.
_PATIENCE_S = 5.0
#: Seconds a finished run waits for a server that takes nothing, and for one that does.
_FINISH_S, _LONGEST_FINISH_S = 5.0, 60.0
#: Seconds before the first try again, and at most; doubled each time, with a quarter of jitter.
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0
_TIMEOUT_MS = 10_000
#: Bytes compress four times faster at level 1 than at the client's 9, to 21 instead of 15 %.
_GZIP_LEVEL = 1

#: A line that no server takes for a point: what is written to see whether writing is allowed.
_NO_POINT = b"# jinqiao\n"
#: Answers that the very same points may not meet again; all else above 499 is treated so, too.
_LATER = frozenset({408, 425, 429})
#: Answers that no later write will change.
_NEVER = {401: "the token is not accepted", 403: "the token may not write there", 404: "no such bucket or organisation"}


class InfluxStore:
    """Writes telemetry, events and labels to `target`, in a thread. A server that is away costs what finds no room."""

    def __init__(self, target: InfluxTarget, *, capacity: int = CAPACITY) -> None:
        self.target = target
        self.written = self.rejected = self.retries = 0
        self._client: Any = None
        self._write_api: Any = None
        self._renderer = LineRenderer("", [])
        self._product_key = ""
        self._names: Sequence[str] = ()
        self._traits: Traits = {}
        self.worker: Worker[Batch | Label | list[Event]] = Worker(
            f"influx {target.url}", self._work, capacity=capacity, lot=_LOT
        )

    def open(self, product_key: str, device_names: Sequence[str], traits: Traits | None = None) -> None:
        """Connect, see whether writing is allowed, and start; `traits` become tags.

        Raises InputError for a token, bucket or organisation the server does not take, EnvironmentFault when there is
        no server.
        """
        client = load("influxdb_client", "influx", "an influx sink")
        options = load("influxdb_client.client.write_api", "influx", "an influx sink")
        target = self.target
        self._client = client.InfluxDBClient(target.url, target.token, org=target.org, timeout=_TIMEOUT_MS)
        if target.gzip:
            self._client.api_client.set_default_header("Content-Encoding", "gzip")
        self._write_api = self._client.write_api(write_options=options.SYNCHRONOUS)
        self._check()
        self._product_key, self._names = product_key, device_names
        self._traits = traits or {}
        self._renderer = LineRenderer(product_key, device_names, self._traits)
        self.worker.start()

    async def take(self, step: Step) -> None:
        """Hand over to the thread; waits a little for a server that is slower than the run, then drops and counts."""
        for batch in step.batches:
            await self.worker.offer_patiently(batch, len(batch), _PATIENCE_S)
        if step.events:
            await self.worker.offer_patiently(list(step.events), len(step.events), _PATIENCE_S)
        for label in step.labels:
            await self.worker.offer_patiently(label, len(label), _PATIENCE_S)

    def close(self) -> dict[str, Any]:
        """Send what waits, for some seconds, and report: counts of points."""
        worker = self.worker
        worker.close(_FINISH_S, _LONGEST_FINISH_S)
        self._client.close()
        report: dict[str, Any] = {
            "written": self.written,
            "dropped": worker.dropped,
            "rejected": self.rejected,
            "lost": worker.offered - worker.dropped - self.written - self.rejected,
            "retries": self.retries,
        }
        return report | ({"stopped": worker.fault} if worker.fault else {})

    def _check(self) -> None:
        status, said, _ = self._post(_NO_POINT)
        where = f"{self.target.url} (bucket {self.target.bucket!r}, organisation {self.target.org!r})"
        if status in _NEVER:
            hint = f"\n  the token is read from {TOKEN_VARIABLE} or &token=… of the address" if status < 404 else ""
            self._client.close()
            raise InputError(f"influx: {where}: {_NEVER[status]} (HTTP {status} {said}){hint}")
        # 400: a server that wants at least one point has checked everything else before. 429, 503: it is only busy.
        if status not in {200, 204, 400, 429, 503}:
            self._client.close()
            raise EnvironmentFault(f"influx: {where}: {f'HTTP {status} ' if status else ''}{said}")

    def _work(self, entries: Sequence[Batch | Label | list[Event]]) -> None:
        lines: list[bytes] = []
        points = 0
        for entry in entries:
            for block, count in self._blocks(entry):
                lines.append(block)
                points += count
                if points >= _LOT:
                    self._send(b"".join(lines), points)
                    lines, points = [], 0
        if lines:
            self._send(b"".join(lines), points)

    def _blocks(self, entry: Batch | Label | list[Event]) -> Any:
        if isinstance(entry, Batch):
            return self._renderer.blocks(entry)
        if isinstance(entry, Label):
            rows = entry.vehicles.tolist()
            lines = (label_line(entry, row, self._product_key, self._names[row], self._traits) for row in rows)
        else:
            lines = (event_line(one, self._product_key, self._names[one.vehicle], self._traits) for one in entry)
        return [(b"".join(lines), len(entry))]

    def _send(self, lines: bytes, points: int) -> None:
        """Write, again and again while there is hope; raises OSError when there is none for any later write."""
        wait_s = _FIRST_WAIT_S
        while True:
            status, said, retry_after_s = self._post(lines)
            if status in {200, 204}:
                if self.worker.stuck:
                    _logger.warning("influx %s: takes points again", self.target.url)
                self.worker.stuck = False
                self.worker.beats += 1
                self.written += points
                return
            if status in _NEVER:
                raise PermissionError(0, f"{_NEVER[status]} (HTTP {status} {said})")
            if 400 <= status < 500 and status not in _LATER:
                if not self.rejected:
                    _logger.error("influx %s: HTTP %d, points are lost: %s", self.target.url, status, said)
                self.rejected += points
                return
            if not self.worker.stuck:
                _logger.warning("influx %s: %s %s; trying again", self.target.url, status or "no answer:", said)
            self.worker.stuck = True
            self.retries += 1
            pause_s = retry_after_s if retry_after_s is not None else wait_s * random.uniform(0.75, 1.25)
            if not self.worker.pause(min(pause_s, _LONGEST_WAIT_S)):
                return
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _post(self, lines: bytes) -> tuple[int, str, float | None]:
        """HTTP status, or 0 without an answer; what was said; seconds after which to try again, if that was said."""
        from influxdb_client.domain.write_precision import WritePrecision
        from influxdb_client.rest import ApiException
        from urllib3.exceptions import HTTPError

        body = gzip.compress(lines, _GZIP_LEVEL) if self.target.gzip else lines
        try:
            self._write_api.write(self.target.bucket, self.target.org, body, WritePrecision.MS)
        except ApiException as error:
            text = str(getattr(error, "message", None) or error.reason or "").strip().splitlines()
            return int(error.status or 0), text[0][:300] if text else "", _seconds(error.headers)
        except (HTTPError, OSError) as error:
            return 0, str(error).rpartition(": ")[2], None
        return 204, "", None


def _seconds(headers: Any) -> float | None:
    """Retry-After in seconds; a date, which it may be too, is not worth understanding: then the usual waits hold."""
    text = (headers or {}).get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else None
