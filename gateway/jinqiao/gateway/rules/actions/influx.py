"""INFLUXDB: a point of line protocol for each output, `{"url": "http://…/api/v2/write?bucket=b", "measurement": "m"}`.

Members of the output are fields, those that `tags` names are tags; `token` is the database's. The point's time is the
message's, in ms. Works with every database that takes line protocol over HTTP: InfluxDB 1.x (`/write?db=`) and 2.x,
VictoriaMetrics, QuestDB.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinqiao.gateway.platform.rules.judge import ActionFault

from ..output import Output
from .base import Context, Outcome, kind, text_of
from .posting import Poster, checked_url

__all__ = ["ToInflux", "line_of"]

_KEYS = frozenset({"url", "measurement", "tags", "token"})
_NAME = str.maketrans({"\\": "\\\\", ",": "\\,", "=": "\\=", " ": "\\ ", "\n": " ", "\r": " "})
_TEXT = str.maketrans({"\\": "\\\\", '"': '\\"'})


@kind("INFLUXDB")
class ToInflux(Poster):
    """Posts each output as a line."""

    def __init__(self, configuration: Mapping[str, Any], context: Context, outcome: Outcome) -> None:  # noqa: ARG002
        url = str(configuration["url"])
        if "precision=" not in url:
            url += ("&" if "?" in url else "?") + "precision=ms"
        super().__init__(url, outcome)
        self._measurement = str(configuration["measurement"])
        self._tags = tuple(configuration.get("tags", ()))
        self._token = configuration.get("token")

    @staticmethod
    def check(configuration: Mapping[str, Any]) -> None:
        """A URL, a measurement, and perhaps names of tags and a token."""
        checked_url(configuration, _KEYS)
        text_of(configuration, "measurement", _KEYS)
        tags = configuration.get("tags", [])
        if type(tags) is not list or not all(type(tag) is str for tag in tags):
            raise ActionFault(f"tags must be a list of texts, found {tags!r:.40}", "tags")
        if "token" in configuration:
            text_of(configuration, "token", _KEYS)

    def request(self, output: Output) -> tuple[bytes, dict[str, str]]:
        """One line."""
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        if self._token is not None:
            headers["Authorization"] = f"Token {self._token}"
        return line_of(self._measurement, self._tags, output).encode(), headers


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
