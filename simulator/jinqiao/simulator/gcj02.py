"""GCJ-02, the datum of Chinese maps: WGS-84 shifted by some hundred metres inside China.

The official transform is not published. This is the approximation in general use (first circulated as the C# class
`EvilTransform`, 2010, and copied by every open mapping library since): a polynomial with sines over the offset from
105 E 35 N, turned into degrees on the Krassovsky 1940 ellipsoid.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["gcj02_to_wgs84", "outside_china", "wgs84_to_gcj02"]

F8 = NDArray[np.float64]

#: Krassovsky 1940: semi-major axis, m, and first eccentricity squared.
SEMI_MAJOR_M = 6_378_245.0
ECCENTRICITY_2 = 0.006_693_421_622_965_943_23

#: The rectangle outside of which the transform leaves a position alone: longitudes, then latitudes.
CHINA_DEG = (72.004, 137.8347, 0.8293, 55.8271)

#: The residual shrinks a thousandfold per round: three rounds are far below a millimetre.
INVERSE_ROUNDS = 4


def outside_china(lon_deg: F8, lat_deg: F8) -> NDArray[np.bool_]:
    """Where the transform does not apply, by the rectangle the formula is used with."""
    west, east, south, north = CHINA_DEG
    return (lon_deg < west) | (lon_deg > east) | (lat_deg < south) | (lat_deg > north)


def wgs84_to_gcj02(lon_deg: ArrayLike, lat_deg: ArrayLike) -> tuple[F8, F8]:
    """Longitude and latitude in GCJ-02, degrees, any shape; unchanged outside China."""
    lon, lat = np.asarray(lon_deg, dtype=np.float64), np.asarray(lat_deg, dtype=np.float64)
    east_deg, north_deg = _offset_deg(lon, lat)
    abroad = outside_china(lon, lat)
    return np.where(abroad, lon, lon + east_deg), np.where(abroad, lat, lat + north_deg)


def gcj02_to_wgs84(lon_deg: ArrayLike, lat_deg: ArrayLike) -> tuple[F8, F8]:
    """The inverse, by fixed-point iteration: the WGS-84 position that the transform carries here."""
    lon, lat = np.asarray(lon_deg, dtype=np.float64), np.asarray(lat_deg, dtype=np.float64)
    guess_lon, guess_lat = lon, lat
    for _ in range(INVERSE_ROUNDS):
        there_lon, there_lat = wgs84_to_gcj02(guess_lon, guess_lat)
        guess_lon, guess_lat = guess_lon + (lon - there_lon), guess_lat + (lat - there_lat)
    return guess_lon, guess_lat


def _offset_deg(lon: F8, lat: F8) -> tuple[F8, F8]:
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    # Both polynomials share this ripple along the longitude.
    ripple = (20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)) * 2.0 / 3.0
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + ripple
    north_m = north_m + (20.0 * np.sin(y * np.pi) + 40.0 * np.sin(y / 3.0 * np.pi)) * 2.0 / 3.0
    north_m = north_m + (160.0 * np.sin(y / 12.0 * np.pi) + 320.0 * np.sin(y * np.pi / 30.0)) * 2.0 / 3.0
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + ripple
    east_m = east_m + (20.0 * np.sin(x * np.pi) + 40.0 * np.sin(x / 3.0 * np.pi)) * 2.0 / 3.0
    east_m = east_m + (150.0 * np.sin(x / 12.0 * np.pi) + 300.0 * np.sin(x / 30.0 * np.pi)) * 2.0 / 3.0
    phi = np.radians(lat)
    flattening = 1.0 - ECCENTRICITY_2 * np.sin(phi) ** 2
    # Radii of curvature: along the meridian, and of the parallel.
    meridian_m = SEMI_MAJOR_M * (1.0 - ECCENTRICITY_2) / flattening**1.5
    parallel_m = SEMI_MAJOR_M / np.sqrt(flattening) * np.cos(phi)
    return np.degrees(east_m / parallel_m), np.degrees(north_m / meridian_m)
