"""Single points of DC charging that others measured or published: drawn beside the simulated curve, never fed into it.

They disagree among each other and with published times (the open-ev-data curve of the iX3 would need some 26 minutes
from 10 to 80 %, 31 are published), which is why a page shows them and no test compares with them. Exceptions are the
first points of the Model 3 RWD and the NIO, which their vehicle files use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["ANCHORS", "Anchors"]


class Anchors(NamedTuple):
    """(percent, kW) points and where they are from."""

    points: tuple[tuple[float, float], ...]
    source: str


ANCHORS: Mapping[str, Anchors] = {
    "bmw-ix3-2021": Anchors(((0, 148), (35, 147), (60, 118), (75, 86), (100, 44)), "open-ev-data (MIT)"),
    "bmw-ix-xdrive50-2022": Anchors(((15, 195), (40, 195), (80, 100), (80, 60)), "BMW; InsideEVs"),
    "bmw-ix-xdrive40-2022": Anchors(((15, 150),), "bmwblog"),
    "tesla-model-3-rwd-2022": Anchors(((1, 170), (11, 168), (12, 160), (15, 141), (20, 129)), "evkx.net"),
    "tesla-model-3-lr-2022": Anchors(((0, 180), (40, 195), (60, 110), (100, 12)), "open-ev-data (MIT)"),
    "tesla-model-y-lr-2022": Anchors(((0, 246), (35, 238), (75, 99), (100, 18)), "open-ev-data (MIT)"),
    "nio-et5-100-2023": Anchors(((0, 50), (1, 95), (5, 115), (8, 162)), "evkx.net"),
}
