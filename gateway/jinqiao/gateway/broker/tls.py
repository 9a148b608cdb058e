"""TLS of a listener: a certificate, its key, and what is offered to clients."""

from __future__ import annotations

import ssl
from pathlib import Path

from jinqiao.base.errors import InputError

__all__ = ["server_context"]


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """The context of a server (TLS 1.2 and later); raises InputError for files that are missing or no such thing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except FileNotFoundError as error:
        missing = key if certificate.exists() else certificate
        raise InputError(f"{missing}: no such file; make a test certificate with: jinqiao certs") from error
    except (ssl.SSLError, OSError) as error:
        raise InputError(f"{certificate}: not a certificate with the key {key}: {error}") from error
    return context
