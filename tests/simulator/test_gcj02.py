"""GCJ-02: known points, size of the shift, round trips, and nothing outside China."""

import numpy as np
import pytest

from jinqiao.simulator.gcj02 import gcj02_to_wgs84, wgs84_to_gcj02
from jinqiao.simulator.roads import great_circle_m, jinqiao


@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [
        # The worked example that open mapping libraries carry in their readmes.
        ((116.404, 39.915), (116.41024449916938, 39.91640428150164)),
        ((121.5957, 31.2497), (121.59990344, 31.24750628)),
    ],
)
def test_known_points(wgs84, gcj02):
    assert wgs84_to_gcj02(*wgs84) == pytest.approx(gcj02, abs=1e-8)


def test_in_shanghai_the_shift_is_some_hundred_metres():
    graph = jinqiao()
    shift_m = great_circle_m(graph.lon_deg, graph.lat_deg, *wgs84_to_gcj02(graph.lon_deg, graph.lat_deg))
    assert shift_m.min() > 100
    assert shift_m.max() < 700


def test_there_and_back_ends_within_a_millimetre_all_over_china():
    lon, lat = (axis.ravel() for axis in np.meshgrid(np.linspace(73.5, 134.5, 60), np.linspace(18.5, 53.0, 60)))
    back = gcj02_to_wgs84(*wgs84_to_gcj02(lon, lat))
    assert great_circle_m(lon, lat, *back).max() < 1e-3


@pytest.mark.parametrize("place", [(2.3522, 48.8566), (-73.98, 40.75), (151.2, -33.87), (71.9, 39.0)])
def test_outside_china_nothing_moves(place):
    assert wgs84_to_gcj02(*place) == place
    assert gcj02_to_wgs84(*place) == place


def test_shape_is_kept():
    lon, lat = wgs84_to_gcj02(np.full((2, 3), 121.6), np.full((2, 3), 31.2))
    assert lon.shape == lat.shape == (2, 3)
