"""What is known of every vehicle beside its name, as stores write it to each of its rows: its fleet, its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Trait", "Traits", "traits_of"]


@dataclass(frozen=True, slots=True)
class Trait:
    """One of `words` for each of n vehicles: `word_of` holds its number, shape (n,), int32."""

    words: tuple[str, ...]
    word_of: NDArray[np.int32]


#: By name of the column or tag.
Traits: TypeAlias = Mapping[str, Trait]


def traits_of(traits: Traits, vehicle: int) -> dict[str, str]:
    """Those of one vehicle."""
    return {name: trait.words[trait.word_of[vehicle]] for name, trait in traits.items()}
