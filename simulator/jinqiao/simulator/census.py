"""How many vehicles of which model there are: a scenario's weights and counts in whole vehicles."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["rescaled", "share_out"]


def share_out(weights: Mapping[str, float], number: Mapping[str, int], count: int) -> NDArray[np.int16]:
    """The model of each vehicle: shares as near to the weights as whole vehicles allow.

    Cars of one model stand together, because the fleet's steps are fastest on such blocks.
    """
    share = np.array(list(weights.values())) / sum(weights.values())
    index = np.searchsorted(np.cumsum(share), (np.arange(count) + 0.5) / count, side="left")
    return np.array([number[model] for model in weights], dtype=np.int16)[np.minimum(index, len(share) - 1)]


def rescaled(counts: list[int], total: int | None) -> list[int]:
    """Counts in the same proportion that add up to `total`; every fleet keeps a vehicle if there are enough."""
    if total is None:
        return counts
    ends = np.round(np.cumsum(counts) / sum(counts) * total).astype(int)
    shares = np.diff(ends, prepend=0)
    while total >= len(counts) and shares.min() < 1:
        shares[shares.argmin()] += 1
        shares[shares.argmax()] -= 1
    return [int(share) for share in shares]
