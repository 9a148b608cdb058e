"""Whether a run's ports can be had, asked before anything else: a fleet takes a while to build."""

from __future__ import annotations

from jinqiao.base.errors import EnvironmentFault
from jinqiao.base.system import demand_port, other_port

from .options import RunOptions

__all__ = ["demand_ports"]


def demand_ports(options: RunOptions) -> None:
    """Raise EnvironmentFault, naming the option, for a port that is taken.

    The gateway process listens a moment later, and says the same if somebody was quicker.
    """
    if options.broker is not None:
        return
    asked = {
        "--mqtt-port": options.mqtt_port,
        "--mqtts-port": options.mqtts_port,
        "--http-port": options.http_port,
        "--https-port": options.https_port,
        "--amqp-port": options.amqp_port,
        "--amqps-port": options.amqps_port,
    }
    for option, port in asked.items():
        if port:
            try:
                demand_port(options.mqtt_host, port)
            except EnvironmentFault as fault:
                raise EnvironmentFault(f"{fault}\n  {other_port(option)}") from fault
