"""Where a web page that connects comes from: one of this server or this machine, or any other.

A browser sends no password by itself over MQTT, but it connects for each page that the user opens. So a page from
elsewhere may log in with a user name, which its author has to know, and not without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

__all__ = ["is_foreign", "is_here"]


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Whether a WebSocket's `Origin` is neither of this machine, on any port, nor the server it connects to.

    A name proves nothing there: its owner may let it point to this server. So only addresses are compared. Programs
    that are no browsers send no origin.
    """
    origin = headers.get("origin")
    if origin is None:
        return False
    host = _host(origin)
    if is_here(host):
        return False
    return not (_is_address(host) and host == _host(f"//{headers.get('host', '')}"))


def is_here(host: str) -> bool:
    """Whether this is a name or an address of this machine for itself."""
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _host(url: str) -> str:
    """The host of a URL, "" if it has none: `null` is the origin of a file and of a page in a sandbox."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
