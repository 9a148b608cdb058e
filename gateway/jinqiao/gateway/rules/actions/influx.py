"""INFLUXDB: a point of each output, `{"url": "http://…:8086", "bucket": "…", "org": "…", "token": "…"}`. Ours.

Numbers, texts and truth values of the output are fields, all numbers as floats: a field that is once 2 and once 2.5 is
of one type. Members named in `tags` are tags, beside `product` and `device`. `measurement` is `rule` if not given.
Points go in lots to `POST /api/v2/write`, which VictoriaMetrics takes as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from jinqiao.gateway.platform.rules.judge import ActionFault
from jinqiao.gateway.stores.line_protocol import point

from ..output import Output
from .base import Context, Outcome, kind, text_of
from .behind import Behind
from .members import members
from .poster import Poster, check_url

__all__ = ["Influx"]

_TEXTS = ("url", "bucket", "org", "token", "measurement")
_KEYS = frozenset({*_TEXTS, "tags"})
_NAME = re.compile(r"[\w.-]{1,64}")
_MOST_TAGS = 16
#: Points of a request, those that wait, and how long they wait for others, s.
_LOT, _MOST, _LINGER_S = 1_000, 20_000, 0.2


@kind("INFLUXDB")
class Influx:
    """Writes lines of InfluxDB's protocol."""

    def __init__(self, configuration: Mapping[str, Any], context: Context, outcome: Outcome) -> None:  # noqa: ARG002
        where = {"bucket": configuration["bucket"], "org": configuration.get("org", ""), "precision": "ms"}
        self._poster = Poster(f"{str(configuration['url']).rstrip('/')}/api/v2/write?{urlencode(where)}")
        self._headers = {"Content-Type": "text/plain; charset=utf-8"}
        if token := configuration.get("token"):
            self._headers["Authorization"] = f"Token {token}"
        self._measurement = str(configuration.get("measurement", "rule"))
        self._tags = frozenset(configuration.get("tags", ()))
        self._outcome = outcome
        self._behind = Behind(
            "influx", self._deliver, outcome, most=_MOST, lot=_LOT, linger_s=_LINGER_S, end=self._poster.close
        )

    @staticmethod
    def check(configuration: Mapping[str, Any]) -> None:
        """A URL and a bucket; texts that can be headers; names of tags."""
        check_url(text_of(configuration, "url", _KEYS))
        if "?" in configuration["url"] or "#" in configuration["url"]:
            raise ActionFault("url has a query: bucket and org are keys of their own", "url")
        text_of(configuration, "bucket", _KEYS)
        for key in _TEXTS:
            if key in configuration and not text_of(configuration, key, _KEYS).isprintable():
                raise ActionFault(f"{key} must be printable", key)
        if not str(configuration.get("token", "")).isascii():
            raise ActionFault("token must be ASCII", "token")
        if not _NAME.fullmatch(configuration.get("measurement", "rule")):
            raise ActionFault("measurement must be letters, digits, _, - and .", "measurement")
        tags = configuration.get("tags", [])
        if not isinstance(tags, list) or len(tags) > _MOST_TAGS or not all(isinstance(tag, str) for tag in tags):
            raise ActionFault(f"tags must be a list of at most {_MOST_TAGS} names", "tags")

    def send(self, output: Output) -> None:
        """Queue it, if it makes a point."""
        if self._line(output) is None:
            self._outcome.failed(output, "the output has no member that can be a field")
        else:
            self._behind.send(output)

    def close(self) -> None:
        """What waits is dropped."""
        self._behind.close()

    def _deliver(self, lot: Sequence[Output]) -> tuple[str | None, bool]:
        return self._poster.post(b"".join(line for output in lot if (line := self._line(output))), self._headers)

    def _line(self, output: Output) -> bytes | None:
        tags = {"product": output.product_key, "device": output.device_name}
        fields: dict[str, Any] = {}
        for name, value in members(output).items():
            if name in self._tags:
                tags[name] = str(value).rstrip("\\")
            elif name:
                fields[name.rstrip("\\")] = float(value) if type(value) is int else value
        return point(self._measurement, tags, fields, output.generated_ms) if fields else None
