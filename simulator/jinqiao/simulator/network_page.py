"""docs/network.md, written from keys and profiles: `python -m jinqiao.simulator.network_page > docs/network.md`."""

from __future__ import annotations

from collections.abc import Iterator

from .scenario.network import NetworkSpec
from .scenario.outage import OutageSpec
from .scenario.profiles import PROFILES, Profile

__all__ = ["network_page"]

_HEAD = """# Networks

What lies between vehicles and the platform. Written from the scenario language by
`python -m jinqiao.simulator.network_page`.

```yaml
network:
  - {on: all, profile: 4g-city}
  - {on: taxis, latency: lognormal(80 ms, 40 ms), loss: 0.5 %, bandwidth: 2 Mbit/s}
  - {on: 30 % of commuters, outage: {at: 20 min, for: 5 min}, backlog: history}
  - {on: all, outage: {inside: {center: [31.2497, 121.5957], radius: 400 m}}}
```

An entry names vehicles with `on`, as faults do. Where several entries name a vehicle, each key counts as it was written
last; a profile sets `latency`, `jitter`, `loss` and `bandwidth`, and those keys beside it replace one of them. Who fits
is decided once, at the start; of an outage with a time, when it begins. What vehicles say that no entry names arrives
at once.

## Keys

| key | what it says |
|---|---|
"""
_OUTAGE = """
## Outages

| key of `outage` | what it says |
|---|---|
"""
_PROFILES = """
## Profiles

Latency is one way and drawn for each message; a lognormal has the mean and standard deviation of the values themselves.
Beyond the 4096th part a distribution is cut off.

| profile | latency | loss | bandwidth | what it is | source |
|---|---|---|---|---|---|
"""
_TAIL = """
## What a network does

- **MQTT runs over TCP.** A lost packet is sent again when the sender's retransmission timer has run out, twice as
  late after each further loss (RFC 6298; the timer is the round trip plus four deviations, 200 ms at least as in
  Linux). Telemetry is too thin for three duplicate acknowledgements and a fast retransmit (RFC 5681). What comes
  behind waits: the messages of a vehicle never overtake each other. So `loss` makes messages late, and QoS 0 loses
  nothing as long as the connection holds; an outage, or the fault `lost`, does.
- **Bandwidth** is that of one vehicle's uplink: a message waits until the one before has been sent.
- **Order and time.** At a finite `--speed` a latency is really waited for. At `--speed max` messages go out in the
  order of the seconds in which they arrive, within a second in the order in which they were made. Both send the
  same messages with the same digest (`sha256`), on the shared connection and on own ones.
- **An outage** begins at the edge of a second. What arrives within that second was beyond the radio already;
  everything later that is on its way is lost with its connection. From then on a vehicle keeps its messages
  (`keep`, the oldest go first; CAN is not kept), and tries to come back: at once, then after pauses that double
  from 1 s to 60 s, each shortened at random by up to a half. So after the outage of an area its cars come back
  within a minute, not all at once. Logging in takes three round trips.
- **The backlog** is sent before anything new. `history`: as `thing/event/property/history/post`, 50 records a
  message; `late`: as the posts they would have been, with their old times; `none`: nothing is kept. Samples in
  protobuf, which have no history, are late. All vehicles of a run keep 1 GB at most, less each where there are
  many.
- **The platform** ends the connection of a vehicle that it does not hear for one and a half keep-alives, and tells
  so (status, last will); a vehicle that is back sooner was never gone for it. A vehicle with a connection of its
  own really loses it: its TCP connection is cut at once, without DISCONNECT. Downlinks to an offline vehicle are
  lost before the platform notices (`unreached` in the summary), and refused or kept afterwards as for any device.
- **Answers** to commands take the way down and up again. They are no part of the digest.
- **Labels** are the truth and never impaired; begin and end of an outage have theirs (`fault: outage`).

The summary (`network` in `--summary`): `messages` that were sent, `delayed` those that arrived in a later second
than the one they were made in, `delay_ms`, `lost`, `duplicated`, `history_posts`, `buffered`, `dropped` (not kept,
or too old), `kept` and `on_the_way` at the end, `reconnects`, `unreached`, `offline` and `offline_vehicle_s`.

A scenario with places (`inside`, `polygon`, `geojson`, `tunnel`) is simulated second by second, which makes
`--speed max` slower. Late, double, disordered and lost messages are faults: see [faults.md](faults.md).
"""


def network_page() -> str:
    """The whole page."""
    return "".join(
        [_HEAD, *_keys(NetworkSpec), _OUTAGE, *_keys(OutageSpec), _PROFILES, *map(_row, PROFILES.values()), _TAIL]
    )


def _keys(model: type[NetworkSpec | OutageSpec]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        about = (field.description or "").replace("|", "\\|")
        yield f"| `{field.alias or name}` | {about} |\n"


def _row(profile: Profile) -> str:
    bandwidth = "no limit" if profile.bandwidth_bps is None else f"{profile.bandwidth_bps / 1e6:g} Mbit/s"
    return (
        f"| `{profile.name}` | {profile.latency} | {profile.loss * 100:g} % | {bandwidth} | {profile.about} |"
        f" {profile.source} |\n"
    )


if __name__ == "__main__":
    print(network_page(), end="")
