"""The platform's limits of one device, and whose they are."""

from __future__ import annotations

import numpy as np
import pytest

from jinqiao.gateway.broker.policy import Login, Principal, Refused
from jinqiao.gateway.platform.auth.identity import TooOften
from jinqiao.gateway.platform.auth.quotas import Logins
from jinqiao.gateway.platform.platform import Platform, RatesOf
from jinqiao.gateway.platform.registry.devices import ListedDevices
from jinqiao.gateway.platform.registry.fleet_devices import simulated_product
from jinqiao.gateway.platform.registry.registry import Application, Product, Registry
from jinqiao.wire.alink.ev_thing_model import ev_thing_model
from jinqiao.wire.alink.limits import DEVICE_RATES
from jinqiao.wire.alink.signature import client_content, sign

PK, DN, VIN = "a1carPK0001", "tbox001", "LBV00000000000001"
NAMES = np.array([VIN.encode()], "S17")


class Clock:
    def __init__(self) -> None:
        self.ms = 1_000_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


def platform(clock: Clock, rates: RatesOf = "all", *, cut_off: bool = False) -> Platform:
    products = [Product(PK, "T-Box", ev_thing_model(PK), ListedDevices({DN: "s1", "tbox002": "s2"}))]
    products.append(simulated_product("ev", NAMES, fleet_secret="fleet"))
    registry = Registry(products, [Application("app", "pw", frozenset({PK}))])
    return Platform(registry, clock_ms=clock, rates=rates, cut_off=cut_off)


def connect(house: Platform, product_key: str = PK, device_name: str = DN, password: str = "") -> Principal:
    device = house.registry.device(product_key, device_name)
    assert device is not None
    password = password or sign("hmacmd5", device.secret, client_content("c", device_name, product_key))
    return house.authenticate(Login("c||", f"{device_name}&{product_key}", password.encode(), 4, True, 60))


@pytest.mark.parametrize(
    ("rates", "real", "simulated"), [("all", True, True), ("real", True, False), ("none", False, False)]
)
def test_whose_rates_are_kept(clock: Clock, rates: RatesOf, real: bool, simulated: bool) -> None:
    house = platform(clock, rates)
    assert connect(house).rates == (DEVICE_RATES if real else None)
    assert connect(house, "ev", VIN).rates == (DEVICE_RATES if simulated else None)
    for _ in range(10 if not simulated else 0):
        connect(house, "ev", VIN)


def test_an_application_has_no_rates(clock: Clock) -> None:
    house = platform(clock)
    for _ in range(10):
        assert house.authenticate(Login("c", "app", b"pw", 4, True, 60)).rates is None


def test_the_sixth_login_in_a_minute_is_ignored_and_logged(clock: Clock) -> None:
    house = platform(clock)
    for _ in range(5):
        connect(house)
        clock.ms += 1_000
    with pytest.raises(TooOften):
        connect(house)
    entry = house.log.of(PK, DN)[-1]
    assert (entry.code, entry.topic) == (9324, "CONNECT")
    connect(house, PK, "tbox002")  # others are not concerned
    clock.ms += 55_001
    connect(house)


def test_wrong_passwords_do_not_lock_a_device_out(clock: Clock) -> None:
    house = platform(clock)
    for _ in range(20):
        with pytest.raises(Refused, match="wrong password"):
            connect(house, password="no")
    connect(house)


def test_a_clock_set_back_locks_nobody_out() -> None:
    logins = Logins()
    assert all(logins.admit("d", 10_000_000) for _ in range(5))
    assert not logins.admit("d", 10_000_000)
    assert logins.admit("d", 5_000_000)


def test_throttling_is_logged_as_9324(clock: Clock) -> None:
    house = platform(clock)
    house.throttled(connect(house), "t")
    assert [(entry.topic, entry.code) for entry in house.log.of(PK, DN)] == [("t", 9324)]


def test_the_switch_for_a_publish_without_permission(clock: Clock) -> None:
    assert not connect(platform(clock)).cut_off
    assert connect(platform(clock, cut_off=True)).cut_off


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        (f"/ext/rrpc/{'9' * 120}/sys/{PK}/{DN}/thing/service/property/set", True),
        (f"/{PK}/{DN}/user/{'x' * 128}", False),
        (f"/{PK}/{DN}/user/1/2/3/4", True),
        (f"/{PK}/{DN}/user/1/2/3/4/5", False),
    ],
)
def test_length_and_depth_are_not_applied_to_system_topics(clock: Clock, topic: str, allowed: bool) -> None:
    house = platform(clock)
    assert house.may_publish(connect(house), topic) is allowed
