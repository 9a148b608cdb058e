"""The signal table's addresses, taken apart in one place."""

from __future__ import annotations

import numpy as np
import pytest

from jinqiao.base.signals import SIGNALS, Signal, by_property, property_value


def signal(identifier: str, decimals: int = 1) -> Signal:
    return Signal("x", "", "f4", decimals, (0, 9), "core", identifier, "", "", "")


@pytest.mark.parametrize(
    ("identifier", "parts"),
    [
        ("VehicleSpeed", ("VehicleSpeed", None, None)),
        ("GeoLocation.Longitude", ("GeoLocation", "Longitude", None)),
        ("battery:PackVoltage", ("battery:PackVoltage", None, None)),
        ("body:TirePressure[3]", ("body:TirePressure", None, 3)),
        ("", ("", None, None)),
    ],
)
def test_an_identifier_is_a_property_or_a_part_of_one(
    identifier: str, parts: tuple[str, str | None, int | None]
) -> None:
    found = signal(identifier)
    assert (found.property, found.member, found.index) == parts


@pytest.mark.parametrize("identifier", ["a b", "X.Y.Z", "X[1", "X[a]", ".Y"])
def test_another_identifier_is_refused(identifier: str) -> None:
    with pytest.raises(ValueError, match="thing-model address"):
        signal(identifier)


def test_parts_of_a_property_stand_together_and_what_no_cloud_sees_is_left_out() -> None:
    properties = by_property(SIGNALS.values())
    assert [part.name for part in properties["body:TirePressure"]] == [
        f"tire_pressure_{place}" for place in ("fl", "fr", "rl", "rr")
    ]
    assert [part.member for part in properties["GeoLocation"]][:2] == ["Longitude", "Latitude"]
    assert sum(len(parts) for parts in properties.values()) == len(SIGNALS) - 1  # soc_true


def test_values_are_as_exact_as_their_rows_and_rounded_as_on_the_wire() -> None:
    assert property_value([signal("A")], [np.float32(1.26)]) == 1.3
    assert property_value([signal("A", 0)], [np.float32(1234.7)]) == 1235
    assert property_value([signal("A.X"), signal("A.Y", 0)], [0.04, np.uint8(2)]) == {"X": 0.0, "Y": 2}
    assert property_value([signal("A[0]"), signal("A[1]")], [1.0, 2.0]) == [1.0, 2.0]
