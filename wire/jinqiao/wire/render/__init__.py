"""Columns become bytes: a whole batch of telemetry as rows of finished MQTT packets, without a loop over vehicles."""

from .packets import Packets, PostRenderer
from .sample_packets import SampleRenderer
from .steps import StepRenderer

__all__ = ["Packets", "PostRenderer", "SampleRenderer", "StepRenderer"]
