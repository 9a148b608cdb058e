"""Options that several commands have: what they print, the data folder, where a program listens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AmqpPort",
    "AmqpsPort",
    "AsJson",
    "AsOneJson",
    "Certs",
    "Data",
    "HttpHost",
    "HttpPort",
    "HttpsPort",
    "LenientClock",
    "LinesHost",
    "LinesHttpPort",
    "LinesPort",
    "MqttHost",
    "MqttPort",
    "MqttsPort",
    "ProductKey",
    "Towns",
]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
AsOneJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]

Data = Annotated[
    Path,
    typer.Option("--data", help="The data folder given to: jinqiao serve --data.", metavar="DIR", show_default=False),
]
ProductKey = Annotated[str, typer.Argument(help="Product key.", metavar="PRODUCT_KEY", show_default=False)]

Towns = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=10_000,
        help="Run the scenario in this many towns: each at another place, with fleets and stations for itself. With "
        "--vehicles, they share that total.",
        show_default="the scenario's, or 1",
    ),
]

# Of a command that prints lines to paste.
LinesHost = Annotated[str, typer.Option("--mqtt-host", help="Host that the printed commands connect to.")]
LinesPort = Annotated[
    int, typer.Option("--mqtt-port", min=1, max=65535, help="Port that the printed commands connect to.")
]
LinesHttpPort = Annotated[
    int, typer.Option("--http-port", min=1, max=65535, help="Port that the printed cloud calls go to.")
]

# Of a program that listens. A port of 0 is any free one, which the program says when it is ready.
MqttHost = Annotated[str, typer.Option(help="Address to listen on.")]
MqttPort = Annotated[int, typer.Option(min=0, max=65535, help="MQTT port; 0 takes any free one.")]
MqttsPort = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Also serve MQTT over TLS, on this port.", show_default=False)
]
HttpHost = Annotated[
    str | None,
    typer.Option(
        help="Address to serve HTTP on. If given, /metrics and the endpoints for other brokers are open to it as well.",
        show_default="that of --mqtt-host",
    ),
]
HttpPort = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=65535,
        help="Port for cloud calls, /metrics and MQTT over WebSocket; 0 takes any free one.",
        show_default="8080, or a free one",
    ),
]
HttpsPort = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="Also serve HTTP over TLS (https and wss), on this port.", show_default=False),
]
AmqpPort = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=65535,
        help="Port for AMQP 1.0 consumers (server-side subscription); 0 takes any free one.",
        show_default="5672, or a free one",
    ),
]
AmqpsPort = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Also serve AMQP over TLS, on this port.", show_default=False)
]
Certs = Annotated[Path, typer.Option(help="Folder with the TLS certificate; see: jinqiao certs.")]
LenientClock = Annotated[
    bool, typer.Option("--lenient-clock", help="Accept cloud calls whatever time they say; usually within 15 minutes.")
]
