"""INFLUXDB: a point of line protocol for each output, `{"url": "http://…/api/v2/write?bucket=b", "measurement": "m"}`.

Members of the output are fields, those that `tags` names are tags; `token` is the database's. The point's time is the
message's, in ms. Points go in lots of up to a thousand. Works with every database that takes line protocol over HTTP:
InfluxDB 1.x (`/write?db=`) and 2.x, VictoriaMetrics, QuestDB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jinqiao.gateway.platform.rules.judge import ActionFault

from ..output import Output
from .base import Context, Outcome, kind, text_of
from .behind import Behind
from .posting import Poster, checked_url

__all__ = ["ToInflux", "line_of"]

_KEYS = frozenset({"url", "measurement", "tags", "token"})
#: Points of a request, those that wait, and how long they wait for others, s.
_LOT, _MOST, _LINGER_S = 1_000, 20_000, 0.2
_NAME = str.maketrans({"\\": "\\\\", ",": "\\,", "=": "\\=", " ": "\\ ", "\n": " ", "\r": " "})
_TEXT = str.maketrans({"\\": "\\\\", '"': '\\"'})


@kind("INFLUXDB")
class ToInflux:
    """Posts outputs as lines."""

    def __init__(self, configuration: Mapping[str, Any], context: Context, outcome: Outcome) -> None:  # noqa: ARG002
        url = str(configuration["url"])
        if "precision=" not in url:
            url += ("&" if "?" in url else "?") + "precision=ms"
        self._measurement = str(configuration["measurement"])
        self._tags = tuple(configuration.get("tags", ()))
        self._headers = {"Content-Type": "text/plain; charset=utf-8"}
        if (token := configuration.get("token")) is not None:
            self._headers["Authorization"] = f"Token {token}"
        self._poster, self._outcome = Poster(url), outcome
        self._behind = Behind(
            "influx", self._deliver, outcome, most=_MOST, lot=_LOT, linger_s=_LINGER_S, end=self._poster.close
        )

    @staticmethod
    def check(configuration: Mapping[str, Any]) -> None:
        """A URL, a measurement, and perhaps names of tags and a token."""
        checked_url(configuration, _KEYS)
        text_of(configuration, "measurement", _KEYS)
        tags = configuration.get("tags", [])
        if type(tags) is not list or not all(type(tag) is str for tag in tags):
            raise ActionFault(f"tags must be a list of texts, found {tags!r:.40}", "tags")
        if "token" in configuration:
            token = text_of(configuration, "token", _KEYS)
            if not (token.isascii() and token.isprintable()):
                raise ActionFault("token must be printable ASCII", "token")

    def send(self, output: Output) -> None:
        """Queue it, if it makes a point."""
        try:
            line_of(self._measurement, self._tags, output)
        except ValueError as error:
            self._outcome.failed(output, str(error))
        else:
            self._behind.send(output)

    def close(self) -> None:
        """What waits is dropped."""
        self._behind.close()

    def _deliver(self, lot: Sequence[Output]) -> tuple[str | None, bool]:
        lines = "\n".join(line_of(self._measurement, self._tags, output) for output in lot)
        return self._poster.post(lines.encode(), self._headers)


def line_of(measurement: str, tags: tuple[str, ...], output: Output) -> str:
    """An output in line protocol; raises ValueError where it has no fields."""
    if isinstance(output.result, bytes):
        raise ValueError("the output is no JSON object")
    named = [f",{_name(tag)}={_name(output.result[tag])}" for tag in tags if output.result.get(tag) not in (None, "")]
    fields = [
        f"{_name(key)}={_field(value)}"
        for key, value in output.result.items()
        if key not in tags and isinstance(value, (bool, int, float, str))
    ]
    if not fields:
        raise ValueError("the output has no text, number or truth value for a field")
    return f"{_name(measurement)}{''.join(named)} {','.join(fields)} {output.generated_ms}"


def _name(value: Any) -> str:
    return str(value).translate(_NAME)


def _field(value: bool | int | float | str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value.translate(_TEXT)}"' if isinstance(value, str) else repr(float(value))
