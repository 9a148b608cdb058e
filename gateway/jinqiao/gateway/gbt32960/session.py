"""The platform's GB/T 32960 cloud gateway without its sockets: frames in, answers and forwarded messages out.

A connection is a vehicle's, which logs in with its VIN: the name of a device of this registry. Or it is another
platform's, which first logs in with user name and password (an application's), and then speaks for vehicles of that
application's products.

The standard has no other proof than the VIN. So a VIN with an MQTT connection of its own is refused, who tries many
VINs is not looked at for a while, whichever he has come to, and `allowed` says which addresses and SIM cards (ICCID)
may log in at all, where that is known.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hmac import compare_digest

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.registry import Application, Device
from jinqiao.wire.gbt32960.cursor import Fault
from jinqiao.wire.gbt32960.forms import BEIJING
from jinqiao.wire.gbt32960.frame import Frame
from jinqiao.wire.gbt32960.reader import Found

from ..doors import is_local
from .uplink import status_message, uplink_message
from .wrong_logins import MOST_WRONG, PAUSE_S, WrongLogins

__all__ = ["Gbt32960Sessions", "Peer"]

_logger = logging.getLogger(__name__)

#: A second connection with a VIN is refused while the first has spoken within this time, s; later it takes over.
BUSY_S = 30.0
#: What one connection may get wrong before it is closed, and the vehicles one platform's connection may speak for.
MOST_FAULTS, MOST_VEHICLES = 20, 10_000
#: Words for wrong in editions that have no code for it (REPLIES, 05 to 07 and 04 are of 2025).
_ONLY_2025 = frozenset({"vin_unknown", "signature", "structure", "decryption"})
#: Code of the device log: request parameter error.
_WRONG = 460
#: … and sign check failed.
_WRONG_LOGIN = 401
_TOPIC = "gb32960"


@dataclass(slots=True, eq=False)
class Peer:
    """One connection: which vehicles it speaks for, and whether it is another platform."""

    address: str
    vehicles: dict[str, Device] = field(default_factory=dict)
    application: Application | None = None  # that a platform logged in as
    faults: int = 0
    spoke_s: float = 0.0
    #: When it logged out last.
    left_s: float = 0.0

    @property
    def welcome(self) -> bool:
        """Whether it has proved who it is."""
        return bool(self.vehicles) or self.application is not None

    @property
    def too_many_faults(self) -> bool:
        return self.faults > MOST_FAULTS


class Gbt32960Sessions:
    """Everybody who is connected. `take` answers what one connection sent; figures are in `counts`."""

    def __init__(self, platform: Platform, clock: Callable[[], float], allowed: Iterable[str] = ()) -> None:
        self._platform = platform
        self._clock = clock
        self._allowed = frozenset(allowed)
        self._wrong, self._guessed = WrongLogins(clock), WrongLogins(clock)
        self._of_vin: dict[str, Peer] = {}
        self.counts: Counter[str] = Counter()

    def take(self, peer: Peer, found: Found) -> Frame | None:
        """Act on one frame, or note the fault in its place; what to answer."""
        peer.spoke_s = self._clock()
        frame, fault = found.frame, found.fault
        if frame is None or fault is not None:
            self._note(peer, frame, fault)
        if frame is None:
            return None
        if not frame.is_command:
            self.counts["answers"] += 1
            return None
        self.counts[frame.command] += 1
        reply = self._reply(peer, frame) if fault is None else "structure"
        if reply != "ok":
            self.counts["refused"] += 1
            peer.faults += peer.application is None  # a platform may bring vehicles that are not known here
        if frame.edition == "2016" and reply in _ONLY_2025:
            reply = "error"
        answer = frame.answer(reply)
        if isinstance(frame.data, bytes):
            return replace(answer, data={})
        if frame.command == "time_sync":
            return replace(answer, data={"time": datetime.now(BEIJING)})
        return answer

    def leave(self, peer: Peer) -> None:
        """The connection has ended: its vehicles are offline."""
        for vin in list(peer.vehicles):
            self._out(peer, vin)

    def _reply(self, peer: Peer, frame: Frame) -> str:
        if frame.encryption != "none":
            return "decryption"
        act = _ACTS.get(frame.command)
        if act is None:
            return "error"
        return act(self, peer, frame)

    # What each command does; the reply's name.

    def _platform_login(self, peer: Peer, frame: Frame) -> str:
        data = _data(frame)
        application = self._platform.registry.application(str(data["username"]))
        given = str(data["password"]).encode()
        if self._wrong.pausing(peer.address):
            self.counts["paused"] += 1
            return "error"
        if application is None or not compare_digest(application.password.encode(), given):
            self.counts["bad_credentials"] += 1
            if self._wrong.note(peer.address):
                self._warn(peer, f"{MOST_WRONG} wrong platform logins: none is looked at for {PAUSE_S:g} s")
            return "error"
        peer.application = application
        return "ok"

    def _platform_logout(self, peer: Peer, _: Frame) -> str:
        if peer.application is None:
            return "error"
        self.leave(peer)
        peer.application = None
        return "ok"

    def _login(self, peer: Peer, frame: Frame) -> str:
        device = self._device(frame.vin, peer.application)
        if device is None and self._platform.parts.elsewhere.look():
            device = self._device(frame.vin, peer.application)
        if not self._may_log_in(peer, frame):
            self.counts["not_allowed"] += 1
            return "vin_unknown"
        if self._guesses(peer) and self._guessed.pausing(peer.address):
            self.counts["paused"] += 1
            return "vin_unknown"
        if device is None or self._platform.parts.records.is_disabled(device.identity):
            self.counts["vin_unknown"] += 1
            if self._guesses(peer) and self._guessed.note(peer.address):
                self._warn(peer, f"{MOST_WRONG} unknown VINs: no vehicle may log in for {PAUSE_S:g} s")
            return "vin_unknown"
        if self._platform.parts.presence.peer_of(device) is not None:
            self.counts["busy_by_mqtt"] += 1
            return "vin_double"
        other = self._of_vin.get(frame.vin)
        if other is not None and other is not peer:
            if self._clock() - other.spoke_s < BUSY_S:
                return "vin_double"
            self._out(other, frame.vin)
        if (peer.application is None and peer.vehicles.keys() - {frame.vin}) or len(peer.vehicles) >= MOST_VEHICLES:
            return "error"  # a vehicle's own connection is that vehicle's
        if frame.vin not in peer.vehicles:
            peer.vehicles[frame.vin] = device
            self._of_vin[frame.vin] = peer
            self._platform.parts.presence.terminal_connected(device, peer.address)
            self._send(device, "device/status/notify", status_message("online"))
        return self._forward(peer, frame)

    def _forward(self, peer: Peer, frame: Frame) -> str:
        device = peer.vehicles.get(frame.vin)
        if device is None:
            self.counts["not_logged_in"] += 1
            return "error"
        if self._platform.parts.records.is_disabled(device.identity):
            self._out(peer, frame.vin)
            return "error"
        self.counts["forwarded"] += 1
        self._send(device, "device/message/uplink", uplink_message(frame))
        return "ok"

    def _logout(self, peer: Peer, frame: Frame) -> str:
        reply = self._forward(peer, frame)
        if reply == "ok":
            self._out(peer, frame.vin)
        return reply

    def _here(self, peer: Peer, _: Frame) -> str:
        return "ok" if peer.welcome else "error"

    # Helpers.

    def _guesses(self, peer: Peer) -> bool:
        """Whether a VIN that is not known may be a stranger's try: nothing else tells this address from one."""
        return peer.application is None and peer.address not in self._allowed and not is_local(peer.address)

    def _warn(self, peer: Peer, why: str) -> None:
        _logger.warning("gb32960 %s: %s", peer.address, why)
        self._platform.log.record("", "", f"{_TOPIC} {peer.address}", _WRONG_LOGIN, why, stranger=True)

    def _may_log_in(self, peer: Peer, frame: Frame) -> bool:
        """Whether the list of addresses and SIM cards lets this vehicle in; a platform has proved who it is."""
        if not self._allowed or peer.application is not None or peer.address in self._allowed:
            return True
        return str(_data(frame).get("iccid", "")) in self._allowed

    def _device(self, vin: str, application: Application | None) -> Device | None:
        registry = self._platform.registry
        keys = [key for key in registry.products if application is None or application.sees(key)]
        return next((device for key in keys if (device := registry.device(key, vin)) is not None), None)

    def _out(self, peer: Peer, vin: str) -> None:
        device = peer.vehicles.pop(vin)
        peer.left_s = self._clock()
        if self._of_vin.get(vin) is peer:
            del self._of_vin[vin]
        self._platform.parts.presence.terminal_disconnected(device)
        self._send(device, "device/status/notify", status_message("offline"))

    def _send(self, device: Device, suffix: str, payload: bytes) -> None:
        self._platform.parts.out.send(Downlink(f"/sys/{device.identity}/{suffix}", payload))

    def _note(self, peer: Peer, frame: Frame | None, fault: Fault | None) -> None:
        """Count a fault, and write it into the log of the device it belongs to."""
        self.counts["malformed"] += 1
        peer.faults += 1
        vin = frame.vin if frame is not None else next(iter(peer.vehicles), "")
        device = peer.vehicles.get(vin)
        if device is not None and fault is not None:
            self._platform.log.record(device.product.key, device.name, _TOPIC, _WRONG, str(fault))


def _data(frame: Frame) -> Mapping[str, object]:
    assert not isinstance(frame.data, bytes)
    return frame.data


_ACTS: Mapping[str, Callable[[Gbt32960Sessions, Peer, Frame], str]] = {
    "login": Gbt32960Sessions._login,
    "real_time": Gbt32960Sessions._forward,
    "reissue": Gbt32960Sessions._forward,
    "logout": Gbt32960Sessions._logout,
    "platform_login": Gbt32960Sessions._platform_login,
    "platform_logout": Gbt32960Sessions._platform_logout,
    "heartbeat": Gbt32960Sessions._here,
    "time_sync": Gbt32960Sessions._here,
}
