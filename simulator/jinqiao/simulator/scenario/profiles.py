"""The networks that a scenario can name: how long a message takes to the platform, what is lost, how much fits.

A latency is one way, from the car to the platform. What is published are round trips mostly: half of one is meant
here, and in the uplink of a mobile network the larger half (a car asks for its turn before it sends). A row is what the
named source measured or says, rounded; where a source gives a range, a value within it. `loss` is of IP packets below
TCP, as mobile networks hide most of theirs by retransmission of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..distribution import DELAY, Distribution, parse_distribution

__all__ = ["PROFILES", "Profile"]


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of network: `latency` as a scenario writes it, `loss` 0 … 1, `bandwidth_bps` of the uplink (None: no end
    to it), what it is, and where its figures are from.
    """

    name: str
    latency: str
    loss: float
    bandwidth_bps: float | None
    about: str
    source: str

    @property
    def delay(self) -> Distribution:
        """The distribution that `latency` writes."""
        return parse_distribution(self.latency, DELAY)


_LAURIDSEN = "Lauridsen et al., IEEE Communications Magazine 55(3), 2017: 19,000 km of LTE drive tests"
_GRIGORIK = "Grigorik, High Performance Browser Networking, 2013, table 7-2"
_ROAMING = "Mandalari et al., Experience: Implications of Roaming in Europe, MobiCom 2018"
_RURAL = "Opensignal, Mobile Experience in Rural USA: uplinks of 3.7 to 5.4 Mbit/s"

#: The table, best first.
PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("ideal", "0 ms", 0.0, None, "No network at all: everything arrives at once.", "by definition"),
        Profile(
            "4g-city",
            "lognormal(45 ms, 20 ms)",
            0.001,
            10e6,
            "LTE in a town.",
            f"{_GRIGORIK}: round trips below 100 ms, 30 to 100 ms of them in the core network; {_LAURIDSEN}: a handover"
            " interrupts for 40 ms (median)",
        ),
        Profile(
            "4g-rural",
            "lognormal(70 ms, 50 ms)",
            0.005,
            3.7e6,
            "LTE far from a mast.",
            f"{_RURAL}; {_LAURIDSEN}: 99 % of the roads are covered",
        ),
        Profile(
            "3g",
            "lognormal(150 ms, 80 ms)",
            0.005,
            500e3,
            "UMTS and HSPA.",
            f"{_GRIGORIK}: round trips of 100 to 500 ms, 0.5 to 5 Mbit/s",
        ),
        Profile(
            "roaming",
            "lognormal(110 ms, 40 ms)",
            0.002,
            5e6,
            "LTE abroad, routed through the home network.",
            f"{_ROAMING}: 60 ms or more on top, by distance",
        ),
        Profile(
            "garage",
            "lognormal(400 ms, 400 ms)",
            0.08,
            100e3,
            "Below ground, at the edge of coverage.",
            "3GPP TR 45.820: 20 dB more loss than outdoors, which repetition must make up for; the figures are chosen",
        ),
        Profile(
            "flaky",
            "lognormal(250 ms, 500 ms)",
            0.05,
            500e3,
            "A network that nobody can rely on.",
            "chosen, as a test of what must not be relied on",
        ),
    )
}
