"""Where towns are: the first is Jinqiao itself, others stand in the middle of real cities, then in rings around them.

All of them have the road graph of Jinqiao, so a position in a town is one of the graph, carried to the town's place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .roads import CENTRE_LAT_DEG, CENTRE_LON_DEG, EARTH_RADIUS_M

__all__ = ["CITIES", "Carrier", "Place", "place_of"]

F8 = NDArray[np.float64]

#: From ring to ring and, nearly, from place to place on it, m: a town is 12 km wide.
RING_M = 15_000.0
METRES_A_DEGREE = np.pi / 180.0 * EARTH_RADIUS_M


class Place(NamedTuple):
    """The middle of a town, WGS-84."""

    name: str
    latitude_deg: float
    longitude_deg: float


#: City centres, to about a kilometre: Jinqiao, large cities of China, then of the world. Numbers of towns are places in
#: this table, so a new city goes to its end, and moves all rings.
# fmt: off
CITIES: tuple[Place, ...] = tuple(Place(*city) for city in (
    ("Jinqiao", CENTRE_LAT_DEG, CENTRE_LON_DEG),
    ("Beijing", 39.904, 116.407), ("Guangzhou", 23.129, 113.264), ("Shenzhen", 22.543, 114.058),
    ("Chongqing", 29.563, 106.552), ("Tianjin", 39.126, 117.191), ("Chengdu", 30.573, 104.067),
    ("Wuhan", 30.593, 114.306), ("Hangzhou", 30.274, 120.155), ("Nanjing", 32.060, 118.797),
    ("Xi'an", 34.342, 108.940), ("Suzhou", 31.299, 120.585), ("Zhengzhou", 34.747, 113.625),
    ("Dongguan", 23.021, 113.752), ("Shenyang", 41.806, 123.432), ("Qingdao", 36.067, 120.383),
    ("Changsha", 28.228, 112.939), ("Foshan", 23.022, 113.121), ("Jinan", 36.651, 117.120),
    ("Harbin", 45.804, 126.535), ("Hefei", 31.821, 117.227), ("Kunming", 25.039, 102.718),
    ("Ningbo", 29.868, 121.544), ("Dalian", 38.914, 121.615), ("Xiamen", 24.480, 118.089),
    ("Changchun", 43.817, 125.324), ("Shijiazhuang", 38.043, 114.515), ("Taiyuan", 37.871, 112.549),
    ("Nanning", 22.817, 108.367), ("Guiyang", 26.647, 106.630), ("Fuzhou", 26.075, 119.297),
    ("Wuxi", 31.491, 120.312), ("Wenzhou", 27.994, 120.699), ("Nanchang", 28.682, 115.858),
    ("Urumqi", 43.826, 87.617), ("Lanzhou", 36.061, 103.834), ("Changzhou", 31.811, 119.974),
    ("Xuzhou", 34.261, 117.186), ("Tangshan", 39.631, 118.180), ("Hohhot", 40.843, 111.749),
    ("Haikou", 20.044, 110.200), ("Yinchuan", 38.487, 106.231), ("Xining", 36.617, 101.778),
    ("Luoyang", 34.620, 112.454), ("Yantai", 37.464, 121.448), ("Zibo", 36.813, 118.055),
    ("Weifang", 36.707, 119.162), ("Linyi", 35.104, 118.356), ("Nantong", 31.980, 120.894),
    ("Shantou", 23.354, 116.682), ("Zhuhai", 22.271, 113.577), ("Huizhou", 23.112, 114.415),
    ("Baotou", 40.657, 109.840), ("Handan", 36.626, 114.539), ("Baoding", 38.874, 115.465),
    ("Quanzhou", 24.874, 118.676), ("Jinhua", 29.079, 119.647), ("Shaoxing", 30.030, 120.580),
    ("Jiaxing", 30.746, 120.756), ("Hong Kong", 22.319, 114.169),
    ("Tokyo", 35.676, 139.650), ("Delhi", 28.614, 77.209), ("Sao Paulo", -23.551, -46.633),
    ("Mexico City", 19.433, -99.133), ("Cairo", 30.044, 31.236), ("Mumbai", 19.076, 72.878),
    ("Dhaka", 23.810, 90.413), ("Osaka", 34.694, 135.502), ("New York", 40.713, -74.006),
    ("Karachi", 24.861, 67.001), ("Buenos Aires", -34.604, -58.382), ("Istanbul", 41.008, 28.978),
    ("Kolkata", 22.573, 88.364), ("Lagos", 6.524, 3.379), ("Manila", 14.600, 120.984),
    ("Rio de Janeiro", -22.907, -43.173), ("Lahore", 31.520, 74.359), ("Bengaluru", 12.972, 77.595),
    ("Moscow", 55.756, 37.617), ("Bogota", 4.711, -74.072), ("Paris", 48.857, 2.352),
    ("Jakarta", -6.209, 106.846), ("Chennai", 13.083, 80.271), ("Lima", -12.046, -77.043),
    ("Bangkok", 13.756, 100.502), ("Seoul", 37.567, 126.978), ("London", 51.507, -0.128),
    ("Tehran", 35.689, 51.389), ("Chicago", 41.878, -87.630), ("Los Angeles", 34.052, -118.244),
    ("Ho Chi Minh City", 10.823, 106.630), ("Kuala Lumpur", 3.139, 101.687), ("Riyadh", 24.714, 46.675),
    ("Santiago", -33.449, -70.669), ("Madrid", 40.417, -3.704), ("Toronto", 43.653, -79.383),
    ("Singapore", 1.352, 103.820), ("Johannesburg", -26.204, 28.047), ("Barcelona", 41.387, 2.169),
    ("Saint Petersburg", 59.931, 30.361), ("Sydney", -33.869, 151.209), ("Berlin", 52.520, 13.405),
    ("Houston", 29.760, -95.370), ("Milan", 45.464, 9.190), ("Munich", 48.135, 11.582),
    ("Rome", 41.903, 12.496), ("Hamburg", 53.551, 9.994), ("Vienna", 48.208, 16.374),
    ("Warsaw", 52.230, 21.012), ("Stockholm", 59.329, 18.069), ("Oslo", 59.914, 10.752),
    ("Amsterdam", 52.368, 4.904), ("Melbourne", -37.814, 144.963), ("Nairobi", -1.292, 36.822),
    ("San Francisco", 37.775, -122.419), ("Dubai", 25.205, 55.271),
))
# fmt: on


def place_of(number: int) -> Place:
    """Where the town with this number is: a city, or the next free place in the rings around one (`Beijing 2`)."""
    turn, city = divmod(number, len(CITIES))
    centre = CITIES[city]
    if turn == 0:
        return centre
    ring, spot = 1, turn - 1
    while spot >= 6 * ring:
        spot -= 6 * ring
        ring += 1
    angle = 2.0 * np.pi * spot / (6 * ring)
    latitude = centre.latitude_deg + ring * RING_M * float(np.cos(angle)) / METRES_A_DEGREE
    east_deg = ring * RING_M * float(np.sin(angle)) / (METRES_A_DEGREE * float(np.cos(np.radians(latitude))))
    return Place(f"{centre.name} {turn + 1}", latitude, centre.longitude_deg + east_deg)


class Carrier:
    """Carries positions of the road graph to the towns that vehicles live in; what is in Jinqiao stays as it is.

    `places` are those of the towns, `town_of`, shape (n,), says which one each vehicle lives in.
    """

    def __init__(self, places: Sequence[Place], town_of: NDArray[np.intp]) -> None:
        self._town_of = town_of
        latitude = np.array([place.latitude_deg for place in places])
        self._north_deg = latitude - CENTRE_LAT_DEG
        self._east_deg = np.array([place.longitude_deg for place in places]) - CENTRE_LON_DEG
        # A way keeps its metres, so at another latitude it is another number of degrees wide: c times as many, where
        # c = cos(own latitude in the graph) / cos(latitude there). To first order in the former, which leaves out some
        # millionths; c - 1 and its slope are kept, because they are exactly 0 in Jinqiao.
        here, there = np.radians(CENTRE_LAT_DEG), np.radians(latitude)
        wider = np.cos(here) / np.cos(there)
        self._slope = wider * np.radians(np.tan(there) - np.tan(here))
        self._wider = wider - 1.0 - CENTRE_LAT_DEG * self._slope
        home = (self._north_deg == 0.0) & (self._east_deg == 0.0)
        self._wider[home] = self._slope[home] = 0.0

    def carry(self, where: Any, longitude: F8, latitude: F8) -> None:
        """Change positions of the vehicles `where`, degrees, shape (m,) each, in place."""
        town = self._town_of[where]
        east_deg = self._slope.take(town)
        east_deg *= latitude
        east_deg += self._wider.take(town)
        east_deg *= longitude - CENTRE_LON_DEG
        east_deg += self._east_deg.take(town)
        longitude += east_deg
        latitude += self._north_deg.take(town)
