"""Devices are counted as they change: whatever happens to them, a count over all of them says the same."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.broker.policy import Login, Principal
from jinqiao.gateway.platform.auth.identity import TooOften
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import OPERATOR
from jinqiao.gateway.platform.registry.registry import Product
from jinqiao.wire.alink.signature import client_content, sign
from support.cloud_world import CloudWorld
from support.fleet_world import FLEET, NAMES, Fleet
from support.products import ask, made

STATES = ("inactive", "online", "offline", "disabled")
LISTED = ("a", "b", "c", "d")
SIMULATED = tuple(sorted(name.decode() for name in NAMES[:4]))

deeds = st.lists(
    st.tuples(
        st.sampled_from(["login", "leave", "disable", "enable", "terminal", "terminal leaves", "delete", "register"])
        | st.sampled_from(["reset", "simulator", "simulator leaves", "network lost", "network back"]),
        st.integers(0, 3),
    ),
    min_size=10,
    max_size=40,
)


class World:
    """Things that happen to devices of one product."""

    def __init__(self, platform: Platform, product: Product, names: tuple[str, ...]) -> None:
        self.platform, self.product, self.names = platform, product, names
        self.connections: dict[str, Principal] = {}
        self.simulator: Principal | None = None

    def do(self, deed: str, name: str) -> None:
        device = self.platform.registry.device(self.product.key, name)
        simulated = self.product.devices.simulated
        if deed == "register" and device is None:
            self.platform.operations.devices.register(OPERATOR, self.product, name)
        elif deed.startswith("simulator") and simulated:
            self._simulator(here=deed == "simulator")
        elif device is None:
            return
        elif deed == "login" and not self.platform.parts.records.is_disabled(device.identity):
            self._leave(name)
            password = sign("hmacmd5", device.secret, client_content("c", name, self.product.key)).encode()
            login = Login("c|_ss=1|", f"{name}&{self.product.key}", password, 4, True, 60)
            with suppress(TooOften):
                self.connections[name] = principal = self.platform.authenticate(login)
                self.platform.connected(principal)
        elif deed == "leave":
            self._leave(name)
        elif deed.startswith("network"):
            if simulated and self.simulator is not None:
                row = self.product.devices.row(name)  # type: ignore[attr-defined]
                rows, here = np.array([row], np.int32), deed == "network back"
                self.platform.parts.presence.vehicles_changed(self.product.key, rows, 5, online=here)
        elif deed in {"disable", "enable"}:
            self.platform.operations.devices.set_disabled(OPERATOR, device, deed == "disable")
            self._ended(name)
        elif deed == "terminal" and not self.platform.parts.records.is_disabled(device.identity):
            self.platform.parts.presence.terminal_connected(device, "")
        elif deed == "terminal leaves":
            self.platform.parts.presence.terminal_disconnected(device)
        elif deed in {"delete", "reset"} and not simulated:
            act = self.platform.operations.devices
            (act.delete if deed == "delete" else act.reset)(OPERATOR, device)
            self._ended(name)

    def _ended(self, name: str) -> None:
        """The platform may have ended a connection; the broker says so afterwards."""
        device = self.platform.registry.device(self.product.key, name)
        if device is None or self.platform.parts.records.of(device).disabled or not self._is_known(name):
            self._leave(name)

    def _is_known(self, name: str) -> bool:
        device = self.platform.registry.device(self.product.key, name)
        return device is not None and self.platform.parts.presence.peer_of(device) is not None

    def _leave(self, name: str) -> None:
        principal = self.connections.pop(name, None)
        if principal is not None:
            self.platform.disconnected(principal)

    def _simulator(self, *, here: bool) -> None:
        if self.simulator is not None:
            self.platform.disconnected(self.simulator)
            self.simulator = None
        if here:
            self.simulator = self.platform.authenticate(Login("house|_ss=1|", "house", b"pw", 4, True, 60))
            self.platform.connected(self.simulator)

    def check(self) -> None:
        census, presence = self.platform.parts.census, self.platform.parts.presence
        devices = [self.platform.registry.device(self.product.key, name) for name in self.product.devices]
        status = {device.name: presence.status_of(device).state for device in devices if device is not None}
        for state in STATES:
            expected = [name for name, found in status.items() if found == state]
            assert census.in_state(self.product, state, 0, 1_000) == (len(expected), expected), state
            assert census.in_state(self.product, state, 1, 1)[1] == expected[1:2]
        counted = census.count(self.product)
        assert counted.devices == len(status)
        assert counted.online == list(status.values()).count("online")


def happen(world: World, done: list[tuple[str, int]]) -> None:
    for deed, which in done:
        world.do(deed, world.names[which])
        world.check()


@given(deeds)
def test_listed_devices(done: list[tuple[str, int]]) -> None:
    world = CloudWorld()
    key = made(world)
    for name in LISTED:
        ask(world, "RegisterDevice", ProductKey=key, DeviceName=name)
    happen(World(world.platform, world.platform.registry.products[key], LISTED), done)


@given(deeds)
def test_simulated_cars(done: list[tuple[str, int]]) -> None:
    fleet = Fleet()
    happen(World(fleet.platform, fleet.platform.registry.products[FLEET], SIMULATED), done)
