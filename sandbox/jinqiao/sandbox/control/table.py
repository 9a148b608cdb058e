"""All calls of `/control`. A new one is a row here and its handler in `calls/`.

The description, the page and the routing are made from this table, and tests walk it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from ..run.running import Running
from .call import Asked, Call
from .calls import commands, faults, judging, state, stations, vehicles
from .openapi import document

__all__ = ["CALLS"]

_FINISHED = "the run has finished"
_ADVANCING = "another advance is under way, or the run has finished"


@cache
def _document() -> dict[str, Any]:
    return document(CALLS)


async def _describe(_: Running, __: Asked) -> dict[str, Any]:
    return _document()


CALLS: tuple[Call, ...] = (
    Call(
        "GET",
        "/control/openapi.json",
        "describe",
        _describe,
        "This description, OpenAPI 3.1.",
        dict[str, Any],
        is_open=True,
    ),
    Call("GET", "/control/state", "state", state.state, "How the run is at this moment.", state.State),
    Call(
        "POST",
        "/control/pause",
        "pause",
        state.pause,
        "Let simulated time stand.\n\nVehicles still execute commands, and reply. An advance ends where it is.",
        state.State,
        refuses={409: _FINISHED},
    ),
    Call(
        "POST",
        "/control/resume",
        "resume",
        state.resume,
        "Go on at the run's speed.",
        state.State,
        refuses={409: _ADVANCING},
    ),
    Call(
        "POST",
        "/control/speed",
        "speed",
        state.set_speed,
        "Set the run's speed.\n\nA paused run has it when it goes on.",
        state.State,
        body=state.Speed,
        example={"speed": 10},
        refuses={409: _FINISHED},
    ),
    Call(
        "POST",
        "/control/advance",
        "advance",
        state.advance,
        "Run so much simulated time as fast as possible, then pause.\n\n"
        "The answer comes when everything published in that time has been forwarded. An advance to the scenario's end "
        "or beyond it ends the run: the answer says `finished`, and the program ends as it would have without a pause. "
        "If the client goes away, the run pauses where it is.",
        state.State,
        body=state.Advance,
        example={"for": "30 s"},
        refuses={409: _ADVANCING},
    ),
    Call(
        "POST",
        "/control/stop",
        "stop",
        state.stop,
        "End the run as Ctrl-C does.",
        state.State,
        refuses={409: _FINISHED},
    ),
    Call(
        "GET",
        "/control/vehicles",
        "vehicles",
        vehicles.vehicles,
        "Vehicles in the order of the scenario, page by page.",
        vehicles.VehiclePage,
        query=vehicles.VehicleQuery,
    ),
    Call(
        "GET",
        "/control/vehicles/{vin}",
        "vehicle",
        vehicles.vehicle,
        "One vehicle with all signals.\n\n"
        "The values are those that it would report at this moment, by the identifiers of the thing model.",
        vehicles.VehicleNow,
        refuses={404: "no such vehicle"},
    ),
    Call(
        "GET",
        "/control/stations",
        "stations",
        stations.stations,
        "The public charging stations at this moment: who waits, and what each connector delivers.",
        stations.Stations,
    ),
    Call(
        "POST",
        "/control/faults",
        "inject",
        faults.inject,
        "Begin a fault now.\n\nThe body is a fault of the scenario language (docs/faults.md) without its time.",
        faults.Injected,
        body=dict,
        schema=faults.fault_schema,
        example={"fault": "dtc", "on": "any of commuters", "code": "P0A80"},
        refuses={409: _FINISHED},
    ),
    Call(
        "GET",
        "/control/faults",
        "faults",
        faults.faults,
        "The faults that are active, and those that are past.",
        faults.Faults,
    ),
    Call(
        "DELETE",
        "/control/faults/{id}",
        "end_fault",
        faults.end_fault,
        "End a fault now.",
        faults.FaultNow,
        refuses={404: "no such fault", 409: "it has ended already"},
    ),
    Call(
        "POST",
        "/control/commands",
        "command",
        commands.command,
        "Give a command now: call a service, or set properties.\n\n"
        "The body is a command of the scenario language without its time.",
        commands.Outcomes,
        body=dict,
        schema=commands.command_schema,
        example={"on": "parked commuters", "service": "StartClimate", "args": {"Target": 22}},
        refuses={409: _FINISHED},
    ),
    Call(
        "GET",
        "/control/labels",
        "labels",
        faults.labels,
        "The ground truth, from the label after `since` on.",
        faults.Labels,
        query=faults.LabelsQuery,
    ),
    Call(
        "POST",
        "/control/detections",
        "detect",
        judging.detect,
        "Tell the run what the product has found.\n\nA wrong detection is scored, not refused.",
        dict[str, Any],
        body=judging.Detection,
        example={"vehicle": "LBV00000000000000", "fault": "cell_overheat"},
        status=202,
    ),
    Call(
        "GET",
        "/control/expectations",
        "expectations",
        judging.expectations,
        "The expectations with their verdicts so far.",
        judging.Expectations,
    ),
    Call(
        "POST",
        "/control/expectations",
        "expect",
        judging.ask,
        "Judge an expectation over what has happened so far.",
        judging.ExpectationNow,
        body=judging.Expectation,
        example={"expect": "never(battery:CellTemperatureMax > 60 degC)"},
    ),
)
