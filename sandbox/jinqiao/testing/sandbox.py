"""A run for one test: started paused, told to go, asked, judged and ended."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Literal, Self

from .client import ControlClient
from .errors import ControlError, SandboxFailed
from .process import RunProcess
from .records import Address, Fault, Key, Label, Outcome, State, Station, Vehicle, Verdict, each

__all__ = ["Sandbox"]

#: Which vehicles: a selection of the scenario language, a VIN, a vehicle, or several of these.
On = str | Vehicle | Iterable[str | Vehicle]


class Sandbox:
    """A context manager: a run of `scenario` (a file, or a bundled one by its name), which begins paused.

    `vehicles` scales the fleets to so many in all, `seed` and `towns` override the scenario's, `registry` and `data`
    are a start-up's own devices and the folder that keeps them, `speed` is that of `resume` ("max" or a number). With
    `lock_step` no simulated second begins before this MQTT client has acknowledged what the last one published: what
    the product under test does then falls into the same second in each run. A run that is over can still be asked.

    Methods raise ControlError for what the run refuses, with the place in the request, and SandboxFailed when there is
    no run any more, with its last words.
    """

    def __init__(
        self,
        scenario: str | os.PathLike[str],
        *,
        vehicles: int | None = None,
        seed: int | None = None,
        towns: int | None = None,
        registry: str | os.PathLike[str] | None = None,
        data: str | os.PathLike[str] | None = None,
        speed: float | Literal["max"] | None = None,
        lock_step: str | None = None,
    ) -> None:
        options = {
            "vehicles": vehicles,
            "seed": seed,
            "towns": towns,
            "registry": registry,
            "data": data,
            "speed": speed,
            "lock-step": lock_step,
        }
        given = {name: value for name, value in options.items() if value is not None}
        self._arguments = [os.fspath(scenario), *(f"--{name}={value}" for name, value in given.items())]
        self._run: RunProcess | None = None
        self._client: ControlClient | None = None

    def __enter__(self) -> Self:
        self._run = RunProcess(self._arguments)
        ready = self._run.ready
        self._client = ControlClient(ready["control_url"], ready["control_token"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the run and wait until it is gone."""
        if self._client is not None:
            self._client.close()
        if self._run is not None:
            self._run.end()

    # How to reach it.

    @property
    def ready(self) -> dict[str, Any]:
        """The run's `ready` line: every port, user and password."""
        return self._running.ready

    @property
    def mqtt(self) -> Address:
        """Where an application connects over MQTT: `host`, `port`, `username`, `password`."""
        ready = self.ready
        names = {"username": ready["app_user"], "password": ready["app_password"]}
        return Address({"host": ready["mqtt_host"], "port": ready["mqtt_port"], **names})

    @property
    def amqp(self) -> Address:
        """Where a consumer of server-side subscriptions connects: `host`, `port`."""
        return Address({"host": self.ready["mqtt_host"], "port": self.ready["amqp_port"]})

    @property
    def http_url(self) -> str:
        """Where cloud calls go; `/control` is below it."""
        url: str = self.ready["control_url"]
        return url.rstrip("/").removesuffix("/control")

    @property
    def access_key(self) -> Key:
        """What signs cloud calls: `id`, `secret`."""
        return Key({"id": self.ready["app_user"], "secret": self.ready["app_password"]})

    @property
    def product_key(self) -> str:
        """The product of the simulated vehicles."""
        key: str = self.ready["product_key"]
        return key

    @property
    def control_url(self) -> str:
        """For another client of the control API, with `control_token`."""
        url: str = self.ready["control_url"]
        return url

    @property
    def control_token(self) -> str:
        """Lets in who has it."""
        token: str = self.ready["control_token"]
        return token

    @property
    def said(self) -> str:
        """What the run said on standard error, the last of it."""
        return self._running.said

    # Time.

    def state(self) -> State:
        """Simulated time, how many vehicles do what, what was published."""
        return State(self._ask("get", "state"))

    def pause(self) -> State:
        """Stand still after this second."""
        return State(self._ask("post", "pause"))

    def resume(self) -> State:
        """Go on, at the speed that was set."""
        return State(self._ask("post", "resume"))

    def speed(self, speed: float | Literal["max"]) -> State:
        """Simulated seconds per second, or "max"."""
        return State(self._ask("post", "speed", body={"speed": speed}))

    def advance(self, time: str) -> State:
        """Run for so much simulated time (`"30 s"`) as fast as possible, then stand still.

        When this returns, everything published meanwhile has been forwarded.
        """
        return State(self._ask("post", "advance", body={"for": time}, patient=True))

    # The fleet.

    def vehicles(
        self,
        *,
        fleet: str | None = None,
        state: str | None = None,
        town: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> list[Vehicle]:
        """The vehicles of this fleet, state and town, at most `limit` of those behind the VIN `after`."""
        found: list[dict[str, Any]] = []
        while limit is None or len(found) < limit:
            left = None if limit is None else limit - len(found)
            page = self._ask("get", "vehicles", fleet=fleet, state=state, town=town, limit=left, after=after)
            found += page["vehicles"]
            after = page["next"]
            if after is None:
                break
        return each(Vehicle, found)

    def vehicle(self, vin: str | Vehicle) -> Vehicle:
        """One vehicle with all its signals."""
        return Vehicle(self._ask("get", "vehicles", _vin(vin)))

    def stations(self) -> list[Station]:
        """The charging stations with their queues and what they deliver."""
        return each(Station, self._ask("get", "stations")["stations"])

    # What happens to it.

    def fault(self, fault: str, *, on: On, **parameters: Any) -> Fault:
        """Inject a fault of the scenario language, with its parameters (`for` is `for_` here); it begins at once."""
        body = {"fault": fault, "on": _on(on), **{name.removesuffix("_"): value for name, value in parameters.items()}}
        return Fault(self._ask("post", "faults", body=body), self._end_fault)

    def command(
        self,
        *,
        on: On,
        service: str | None = None,
        args: Mapping[str, Any] | None = None,
        set: Mapping[str, Any] | None = None,  # noqa: A002 - the reference's name
    ) -> list[Outcome]:
        """Call a service of vehicles with `args`, or `set` properties; what became of it in each."""
        given = {"service": service, "args": args, "set": set}
        body = {"on": _on(on), **{name: value for name, value in given.items() if value is not None}}
        return each(Outcome, self._ask("post", "commands", body=body)["outcomes"])

    def labels(self, since: int = 0) -> list[Label]:
        """The ground truth: faults that began or ended, those with a number above `since`."""
        return each(Label, self._ask("get", "labels", since=since)["labels"])

    # Verdicts.

    def detect(self, vin: str | Vehicle, fault: str, time: int | None = None) -> None:
        """Report, for the product under test, that it detected a fault; at `time` (simulated UTC, ms), or now."""
        body = {"vehicle": _vin(vin), "fault": fault, **({} if time is None else {"time": time})}
        self._ask("post", "detections", body=body)

    def expect(self, text: str) -> Verdict:
        """Judge an expectation over the run so far.

        Raises AssertionError that says what was measured when it does not hold, or was never exercised.
        """
        __tracebackhide__ = True  # pytest then shows the line of the test
        verdict = Verdict(self._ask("post", "expectations", body={"expect": text}))
        if verdict.verdict != "passed":
            state = self.state()
            raise AssertionError(_against(verdict, state.time_ms - round(state.elapsed_s * 1000)))
        return verdict

    def verdicts(self) -> list[Verdict]:
        """What came of the scenario's expectations so far."""
        return each(Verdict, self._ask("get", "expectations")["expectations"])

    @property
    def _running(self) -> RunProcess:
        if self._run is None:
            raise SandboxFailed("the sandbox has not begun: use it in a block, with Sandbox(…) as sandbox:")
        return self._run

    def _ask(self, method: str, *path: str, **more: Any) -> Any:
        run = self._running
        assert self._client is not None
        try:
            return getattr(self._client, method)(*path, **more)
        except SandboxFailed as failure:
            code = run.has_ended()
            if code is None:
                raise
            raise SandboxFailed(f"the run has ended with {code}; its last words:\n{run.said}") from failure

    def _end_fault(self, number: str) -> None:
        try:
            self._ask("delete", "faults", number)
        except ControlError as error:
            if error.status != 409:  # over already
                raise


def _vin(vehicle: str | Vehicle) -> str:
    return vehicle if isinstance(vehicle, str) else vehicle.vin


def _on(on: On) -> str | list[str]:
    return _vin(on) if isinstance(on, (str, Vehicle)) else [_vin(one) for one in on]


def _against(verdict: Verdict, start_ms: int) -> str:
    """Why a test fails: the expectation, what was measured, and the first moments at which it did not hold."""
    lines = [f"{verdict.expect}: {verdict.verdict}: {verdict.measured}"]
    for one in verdict.get("failures", ()):
        who = f" {one['vehicle']}" if one.get("vehicle") else ""
        after = timedelta(seconds=(one["time_ms"] - start_ms) // 1000)
        lines.append(f"  at {after}{who}: {one['text']}")
    return "\n".join(lines)
