"""`gbt32960://host:port?version=2025&every=10s`: where to report to, and how."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from jinqiao.base.errors import InputError
from jinqiao.base.quantity import parse_duration_s
from jinqiao.base.words import did_you_mean
from jinqiao.wire.gbt32960.commands import EDITIONS
from jinqiao.wire.gbt32960.frame import USUAL_PORT

__all__ = ["Address", "parse_address"]

#: Real-time data come at least so often (2016, 6.1); the edition of 2025 is taken to ask for no less.
LONGEST_S = 30
_FORM = "gbt32960://host[:port][?version=2025&every=10s&sign=yes]"
_OPTIONS = ("version", "every", "sign")


@dataclass(frozen=True, slots=True)
class Address:
    """`every_s` is simulated time between real-time frames of a vehicle that is awake; `sign` is for 2025."""

    host: str
    port: int = USUAL_PORT
    edition: str = "2025"
    every_s: int = 10
    sign: bool = True


def parse_address(rest: str) -> Address:
    """What stands behind `gbt32960:`. Raises InputError with what was found and what is expected."""
    text = f"gbt32960:{rest}"
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError as error:
        raise InputError(f"{text}: {error}, expected {_FORM}") from error
    if not host or url.path not in {"", "/"}:
        raise InputError(f"{text}: found no host and port alone, expected {_FORM}")
    options = dict(parse_qsl(url.query, keep_blank_values=True))
    for name in options.keys() - set(_OPTIONS):
        raise InputError(f"{text}: no option {name!r}{did_you_mean(name, _OPTIONS)}, expected {_FORM}")
    edition = options.get("version", "2025")
    if edition not in EDITIONS:
        raise InputError(f"{text}: version: found {edition!r}, expected {' or '.join(EDITIONS)}")
    sign = options.get("sign", "yes")
    if sign not in {"yes", "no"}:
        raise InputError(f"{text}: sign: found {sign!r}, expected yes or no")
    every_s = parse_duration_s(options.get("every", "10s"))
    if not 1 <= every_s <= LONGEST_S or every_s != int(every_s):
        raise InputError(f"{text}: every: found {every_s:g} s, expected whole seconds from 1 to {LONGEST_S}")
    return Address(host, port or USUAL_PORT, edition, int(every_s), edition == "2025" and sign == "yes")
