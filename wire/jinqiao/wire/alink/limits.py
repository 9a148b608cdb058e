"""What the platform allows one device: rates, sizes and counts that both ends of the wire keep to.

Figures of Alibaba Cloud IoT Platform, "Limits" (device connections). Beyond them messages are dropped and logged
(9324) with no error on the wire.
"""

from __future__ import annotations

from jinqiao.wire.mqtt.rates import Rates

__all__ = [
    "CONFIG_BYTES",
    "DEFAULT_MODULE",
    "DEVICE_RATES",
    "LOGINS_PER_MINUTE",
    "LONGEST_VERSION",
    "MOST_MODULES",
    "MOST_PROPERTIES",
    "SHADOW_ATTRIBUTES",
    "SHADOW_PER_SECOND",
    "SUB_LOGINS_PER_SECOND",
]

DEVICE_RATES = Rates(up_qos0=30, up_qos1=10, down=50, bytes_per_s=1_024 * 1_024, down_unacknowledged=100)
LOGINS_PER_MINUTE = 5

#: Requests to its shadow a device may make in a second (document 53942, limits). Unlike the rates above it is a
#: limit of a service, which answers.
SHADOW_PER_SECOND = 20

#: Sub-devices that may log in over one gateway in a second ("Limits", gateways); more are answered with 429.
SUB_LOGINS_PER_SECOND = 200

#: Properties of one post or set; more is code 6106.
MOST_PROPERTIES = 200

#: Bytes of a remote configuration.
CONFIG_BYTES = 64_000

#: Firmware over the air: the module of a version that names none; modules of a device with a version or an upgrade;
#: characters of a version.
DEFAULT_MODULE, MOST_MODULES, LONGEST_VERSION = "default", 50, 64

#: Attributes in one section of a shadow.
SHADOW_ATTRIBUTES = 128
