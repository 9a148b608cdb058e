"""Which InfluxDB to write to, from an address: `http://127.0.0.1:8086?bucket=fleet&org=me`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from jinqiao.base.errors import InputError
from jinqiao.base.words import did_you_mean

__all__ = ["TOKEN_VARIABLE", "InfluxTarget", "parse_target"]

#: Where the token is looked for when no address names one: tokens in addresses end up in shell histories.
TOKEN_VARIABLE = "INFLUX_TOKEN"
_DEFAULT = "jinqiao"
_KEYS = ("bucket", "org", "token", "gzip")
_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class InfluxTarget:
    """`url` has neither query nor slash at its end; an empty `token` sends none that a server would know."""

    url: str
    bucket: str = _DEFAULT
    org: str = _DEFAULT
    token: str = field(default="", repr=False)
    gzip: bool = True

    @classmethod
    def of(cls, url: str, bucket: str, org: str, token: str | None = None, *, gzip: bool = True) -> InfluxTarget:
        """With the token of the environment if none is given."""
        return cls(url.rstrip("/"), bucket, org, os.environ.get(TOKEN_VARIABLE, "") if token is None else token, gzip)


def parse_target(text: str) -> InfluxTarget:
    """The target an address names; raises InputError."""

    def wrong(found: str, expected: str) -> InputError:
        return InputError(
            f"--sink influx: found {found}, expected {expected}\n"
            "  e.g. influx:http://127.0.0.1:8086?bucket=fleet&org=me, the token in INFLUX_TOKEN"
        )

    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise wrong(repr(text), "a URL") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise wrong(repr(text.partition("?")[0]), "http://HOST[:PORT] or https://…")
    if parts.username is not None:
        raise wrong("a user name in the URL", "a token instead")
    options: dict[str, str] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in _KEYS:
            raise wrong(f"the key {name!r}{did_you_mean(name, _KEYS)}", f"one of {', '.join(_KEYS)}")
        if name in options or not value:
            raise wrong(f"{name!r} {'twice' if name in options else 'without a value'}", "each key once, with a value")
        options[name] = value
    return InfluxTarget.of(
        f"{parts.scheme}://{parts.netloc}{parts.path}",
        options.get("bucket", _DEFAULT),
        options.get("org", _DEFAULT),
        options.get("token"),
        gzip=_truth(options, wrong),
    )


def _truth(options: Mapping[str, str], wrong: object) -> bool:
    text = options.get("gzip", "true")
    if text not in _TRUTH:
        assert callable(wrong)
        raise wrong(f"gzip={text!r}", "true or false")
    return _TRUTH[text]
