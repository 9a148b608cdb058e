"""`jinqiao certs`: a certificate for tests with TLS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["certs"]


def certs(
    dir_: Annotated[Path, typer.Option("--dir", help="Folder to write the files into.")] = Path("certs"),
    name: Annotated[
        list[str] | None,
        typer.Option(help="Another name or address of this machine; may be repeated.", show_default=False),
    ] = None,
) -> None:
    """Create a test authority (ca.pem) and a server certificate for localhost and 127.0.0.1.

    \b
    Example:
      jinqiao certs --dir certs
      jinqiao serve --plain-mqtt --mqtts-port 8883 --certs certs
      mosquitto_sub -p 8883 --cafile certs/ca.pem -h localhost -t '#'
    """
    from ..certificates import make_certificates

    for path in make_certificates(dir_, tuple(name or ())):
        print(path)
