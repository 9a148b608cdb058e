"""What a run has done, as one JSON object (`--summary`) and as a few lines for a person."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from jinqiao.device.outbound import Sent

from ..shown import short

__all__ = ["Summary", "percentiles"]

#: Latency samples kept: the last hour of a run that measures once a second.
_SAMPLES = 3600
#: Towns that are listed for a person.
_TOWN_LINES = 5
#: The code of a command that was executed.
_OK = 200


def percentiles(samples_ms: list[float]) -> dict[str, float]:
    """Median, 99th percentile and largest of the samples, ms; empty when there are none."""
    if not samples_ms:
        return {}
    ordered = sorted(samples_ms)
    last = len(ordered) - 1
    picked = {"p50": ordered[last // 2], "p99": ordered[round(last * 0.99)], "max": ordered[-1]}
    return {name: round(value, 3) for name, value in picked.items()}


def _counts(report: dict[str, Any]) -> str:
    """A sink's report: counts, then what is no number."""
    counts = [f"{value:,} {what}" for what, value in report.items() if isinstance(value, int)]
    return ", ".join([*counts, *(f"{what}: {value}" for what, value in report.items() if not isinstance(value, int))])


@dataclass(slots=True)
class Summary:
    """Counts of one run, kept by the simulator process; the gateway's own counters are added at the end.

    `sha256` is the digest of `sent`: of everything published but answers. `began` is when the process began, on the
    clock of `time.perf_counter`.
    """

    scenario: str
    seed: int
    began: float
    #: Versions, machine and scenario, see `about_run`.
    about: dict[str, Any] = field(default_factory=dict)
    vehicles: int = 0
    sent: Sent = field(default_factory=Sent)
    simulated_s: float = 0.0
    wall_s: float = 0.0
    behind_s: float = 0.0
    #: How long listeners have held the clock, if any could.
    held_s: float | None = None
    first_telemetry_s: float | None = None
    states: dict[str, int] = field(default_factory=dict)
    #: What came of the scenario's commands: name → code → vehicles.
    commands: dict[str, dict[int, int]] = field(default_factory=dict)
    #: What became of each command and each fault of the scenario, in its order.
    given: list[dict[str, Any]] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)
    #: What each fleet has done: distance, energy, charging, waiting.
    fleets: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: The same for each town, where there is more than one.
    towns: dict[str, dict[str, Any]] = field(default_factory=dict)
    ended: str = "finished"
    #: Why it ended before its time: what broke, or the signal's name.
    reason: str = ""
    check: dict[str, Any] | None = None
    #: What came of each expectation, and how detections scored; see `Judgement.as_json`.
    expectations: dict[str, Any] = field(default_factory=dict)
    gateway: dict[str, Any] = field(default_factory=dict)
    #: What became of the telemetry in each sink, by its name.
    sinks: dict[str, dict[str, Any]] = field(default_factory=dict)
    downlinks: dict[str, int] = field(default_factory=dict)
    #: What the network did to messages, if there was one.
    network: dict[str, Any] = field(default_factory=dict)
    latencies_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_SAMPLES))

    @property
    def published(self) -> Counter[str]:
        """Packets by kind of topic."""
        return self.sent.published

    @property
    def messages(self) -> int:
        return self.sent.messages

    def add_report(self, name: str, report: dict[str, Any]) -> None:
        """What a sink says at its end; one more of a name is numbered."""
        same = sum(known.partition(" ")[0] == name for known in self.sinks)
        self.sinks[f"{name} {same + 1}" if same else name] = report

    def telemetry_began(self, now: float) -> None:
        """Note when the first telemetry was published."""
        if self.first_telemetry_s is None and self.messages:
            self.first_telemetry_s = now - self.began

    def as_json(self) -> dict[str, Any]:
        """The object that `--summary` writes."""
        return {
            "scenario": self.scenario,
            "seed": self.seed,
            **self.about,
            "vehicles": self.vehicles,
            "ended": self.ended,
            **({"reason": self.reason} if self.reason else {}),
            "simulated_s": round(self.simulated_s, 3),
            "wall_s": round(self.wall_s, 3),
            "behind_s": round(self.behind_s, 3),
            **({} if self.held_s is None else {"held_s": round(self.held_s, 3)}),
            "first_telemetry_s": None if self.first_telemetry_s is None else round(self.first_telemetry_s, 3),
            "messages": self.messages,
            "messages_per_s": round(self.messages / self.wall_s, 1) if self.wall_s else 0.0,
            "published": dict(sorted(self.published.items())),
            "published_bytes": self.sent.published_bytes,
            "not_sent": self.sent.not_sent,
            "latency_ms": percentiles(list(self.latencies_ms)),
            "delivered": self.gateway.get("delivered", 0),
            "dropped": self.gateway.get("dropped", 0),
            "refused": self.gateway.get("refused", {}),
            "states": self.states,
            "fleets": self.fleets,
            **({"towns": self.towns} if self.towns else {}),
            "gateway": self.gateway,
            **({"commands": _keys_as_text(self.commands)} if self.commands else {}),
            **({"commands_given": self.given} if self.given else {}),
            **({"faults": self.faults} if self.faults else {}),
            **({"outlets": self.sinks} if self.sinks else {}),
            "downlinks": self.downlinks,
            **({"network": self.network} if self.network else {}),
            **({} if self.check is None else {"check": self.check}),
            **self.expectations,
            "sha256": self.sent.digest.hexdigest(),
        }

    def lines(self) -> list[str]:
        """The same for a person."""
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.published.items())) or "none"
        states = ", ".join(f"{count} {state}" for state, count in self.states.items())
        latency = percentiles(list(self.latencies_ms))
        rate = self.messages / self.wall_s if self.wall_s else 0.0
        found = self.as_json()
        lines = [
            f"{short(self.scenario)}: {self.ended} after {self.simulated_s:,.0f} s simulated "
            f"in {self.wall_s:,.1f} s (seed {self.seed})",
            f"  published  {kinds}  ({rate:,.0f} messages/s, {self.sent.published_bytes / 1e6:,.1f} MB)",
        ]
        if self.gateway:
            lines.append(
                f"  delivered  {found['delivered']:,} to subscribers, {found['dropped']:,} dropped for slow ones"
            )
        if states:
            lines.append(f"  vehicles   {states}")
        for name, codes in self.commands.items():
            refused = ", ".join(f"{count:,} refused with {code}" for code, count in codes.items() if code != _OK)
            lines.append(f"  command    {name}: {codes.get(_OK, 0):,} done" + (f", {refused}" if refused else ""))
        lines += [f"  command    {_command(one)}" for one in self.given if not one["matched"]]
        lines += [f"  fault      {_fault(one)}" for one in self.faults]
        lines += [f"  fleet      {short(name)}: {_fleet(figures)}" for name, figures in self.fleets.items()]
        lines += [
            f"  town       {short(name)}: {_fleet(figures)}" for name, figures in list(self.towns.items())[:_TOWN_LINES]
        ]
        if len(self.towns) > _TOWN_LINES:
            lines.append(f"  town       … and {len(self.towns) - _TOWN_LINES:,} more, in --summary")
        if latency:
            lines.append(
                f"  latency    for the broker to route what was sent: median {latency['p50']}, p99 {latency['p99']} ms"
            )
        if self.network:
            lines.append(f"  network    {_network(self.network)}")
        if self.held_s is not None:
            lines.append(f"  held       {self.held_s:,.1f} s by listeners in lock-step")
        if self.behind_s > 1.0:
            lines.append(
                f"  behind     up to {self.behind_s:.1f} s: this machine stood still, or is too slow for this speed"
            )
        if self.check is not None:
            found_wrong = ", ".join(f"{count:,} {rule}" for rule, count in self.check["by_rule"].items())
            lines.append(
                f"  check      {self.check['violations']:,} violations in {self.check['checked']:,} checked values"
                + (f": {found_wrong}" if found_wrong else "")
            )
        for name, report in self.sinks.items():
            lines.append(f"  {name:<10} " + _counts(report))
        if self.sent.not_sent:
            lines.append(f"  not sent   {self.sent.not_sent:,} (vehicle offline)")
        return [*lines, f"  sha256     {found['sha256']} of what was published; the same seed gives the same"]


def _command(one: dict[str, Any]) -> str:
    """A command that nobody got."""
    became = "matched nobody" if one["given"] else f"was never given: {_missed(one)}"
    at = "" if one["at_s"] is None else f" at {one['at_s']:g} s"
    return f"{one['command']}{at} (on {one['on']}) {became}"


def _missed(one: dict[str, Any]) -> str:
    """Why a step of the scenario did not come."""
    return f"{one['when']!r} became true of nobody" if one.get("when") else "the run ended before"


def _fault(one: dict[str, Any]) -> str:
    where = f"on {one['on']}" if one["on"] is not None else f"at {one['station']}"
    if not one["began"]:
        return f"{one['fault']} ({where}) never began: {_missed(one)}"
    struck = f"struck {one['struck']:,} of {one['asked']:,} asked" if one["asked"] else f"struck {one['struck']:,}"
    return f"{one['fault']} at {one['at_s']} s ({where}) {struck if one['struck'] else 'struck nobody'}"


def _network(figures: dict[str, Any]) -> str:
    delay = figures["delay_ms"]
    return f"{figures['messages']:,} messages, {delay['mean']:,.0f} ms late on average, {delay['max']:,.0f} ms at most"


def _fleet(figures: dict[str, Any]) -> str:
    parts = [
        _many(figures["vehicles"], "vehicle"),
        f"{figures['distance_km']:,.1f} km",
        f"{figures['energy_kwh']:,.1f} kWh used",
        f"{figures['charged_kwh']:,.1f} kWh charged in {_many(figures['sessions'], 'session')}",
        f"{figures['queued_s'] / 60:,.0f} min queued" if figures["queued_s"] else "",
        f"{figures['rescues']:,} charged by the rescue van" if figures["rescues"] else "",
    ]
    return ", ".join(part for part in parts if part)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _keys_as_text(commands: dict[str, dict[int, int]]) -> dict[str, dict[str, int]]:
    return {name: {str(code): count for code, count in codes.items()} for name, codes in commands.items()}
