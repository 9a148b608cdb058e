"""Alink requests to a vehicle: the method says what is asked, the thing model what may be, the car whether it will.

What is not understood is answered with the platform's device-side codes: 6207 no JSON object, 6300 no such method, 5159
no such property, 5161 no such service, 460 everything else. Codes of a refusal are the car's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import orjson

from jinqiao.base.telemetry import Command, Outcome
from jinqiao.wire.alink.codes import OK, TEXT
from jinqiao.wire.alink.limits import MOST_PROPERTIES
from jinqiao.wire.alink.requests import described, parse_request
from jinqiao.wire.alink.thing_model import ThingModel, refused_parameters

from .car import VehicleControl
from .values import property_values

__all__ = ["Asking", "Watch", "answer", "wrong"]

#: Called with a vehicle's row, a request's method and parameters, and the outcome.
Watch = Callable[[int, str, Any, Outcome], object]

_SERVICE = "thing.service."
_SET, _GET = "thing.service.property.set", "thing.service.property.get"
#: Characters of a request's id; official SDKs put a topic into it.
_LONGEST_ID = 256


def answer(request_id: str, outcome: Outcome) -> bytes:
    """A device's reply."""
    body = {
        "code": outcome.code,
        "data": dict(outcome.output),
        "id": request_id,
        "message": outcome.message,
        "version": "1.0",
    }
    return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)


def wrong(code: int, more: str = "") -> Outcome:
    """What is not understood."""
    return Outcome(code, f"{TEXT[code]}: {more}" if more else TEXT[code])


class Asking:
    """Carries out requests. `touched` collects the rows of cars that executed one and should report."""

    def __init__(self, car: VehicleControl, model: ThingModel) -> None:
        self._car = car
        self._model = model
        self.settable = frozenset(address for address, known in model.properties.items() if known.access != "r")
        self.touched: set[int] = set()
        self._watch: Watch | None = None

    def watched_by(self, watch: Watch) -> None:
        """Call `watch` with each request and what came of it."""
        self._watch = watch

    def reply(self, row: int, method: str | None, payload: bytes) -> tuple[Outcome, bytes]:
        """Carry out a request and answer it; without a `method` the one in the request counts."""
        request = parse_request(payload)
        if request.code != OK or len(request.id) > _LONGEST_ID:
            outcome = wrong(request.code if request.code != OK else 460)
        else:
            if method is None:
                method = str(orjson.loads(payload).get("method", ""))
            outcome = self.carry_out(row, method, request.params, request.id)
        return outcome, answer(request.id[:_LONGEST_ID], outcome)

    def carry_out(self, row: int, method: str, params: Any, request_id: str = "") -> Outcome:
        """What comes of a request's method and parameters."""
        outcome = self._carry_out(row, method, params, request_id)
        if self._watch is not None:
            self._watch(row, method, params, outcome)
        return outcome

    def _carry_out(self, row: int, method: str, params: Any, request_id: str) -> Outcome:
        if method == _SET:
            return self.set_properties(row, params, request_id)
        if method == _GET:
            return self._get(row, params)
        if method.startswith(_SERVICE):
            return self._serve(row, method.removeprefix(_SERVICE), params, request_id)
        return wrong(6300, method[:64])

    def set_properties(self, row: int, params: Any, request_id: str = "") -> Outcome:
        """Set properties, all or none."""
        if type(params) is not dict or not params:
            return wrong(460)
        if len(params) > MOST_PROPERTIES:
            return wrong(460, TEXT[6104])
        refused = self._refused(params)
        if refused:
            return Outcome(5159 if 5159 in refused.values() else 460, described(refused))
        return self._obey(Command(row, "set", "", params, request_id))

    def fulfilled(self, row: int, desired: Mapping[str, Any]) -> set[str]:
        """Which of these properties have the desired values."""
        now = property_values(self._car.look(np.array([row])), row, desired)
        return {address for address, value in desired.items() if address in now and now[address] == value}

    def _refused(self, params: Mapping[str, Any]) -> dict[str, int]:
        """Code of each value that cannot be set: unknown 5159, read-only 460, of another form as the model says."""
        refused = {}
        for address, value in params.items():
            known = self._model.properties.get(address)
            code = 5159 if known is None else 460 if known.access == "r" else known.check(value)
            if code:
                refused[address[:64]] = code
        return refused

    def _get(self, row: int, params: Any) -> Outcome:
        if type(params) is not list or not params:
            return wrong(460, TEXT[6301])
        if len(params) > MOST_PROPERTIES:
            return wrong(460, TEXT[6104])
        unknown = [name for name in params if type(name) is not str or name not in self._model.properties]
        if unknown:
            return wrong(5159, str(unknown[0])[:64])
        return Outcome(output=property_values(self._car.look(np.array([row])), row, params))

    def _serve(self, row: int, identifier: str, params: Any, request_id: str) -> Outcome:
        service = self._model.services.get(identifier)
        if service is None:
            return wrong(5161, identifier[:64])
        values = {} if params is None else params
        if type(values) is not dict:
            return wrong(460)
        refused = refused_parameters(service.input, values)
        if refused:
            return wrong(460, described({name[:64]: code for name, code in refused.items()}))
        return self._obey(Command(row, "service", identifier, values, request_id))

    def _obey(self, command: Command) -> Outcome:
        outcome = self._car.execute(command)
        if outcome.code == OK:
            self.touched.add(command.vehicle)
        return outcome
