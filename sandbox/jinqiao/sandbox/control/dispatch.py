"""A request to its row of the table, and the row's answer back as JSON. Whatever comes, the run goes on."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from jinqiao.base.errors import BodyError, EnvironmentFault
from jinqiao.base.words import did_you_mean, one_of, show
from jinqiao.gateway.controlled import ControlAnswer, ControlRequest, refusal

from ..run.control import NotNow
from ..run.running import Running
from ..run.ticker import catch_up
from .call import Asked, Call, NotFound, Request
from .reading import json_of, query_of, read
from .table import CALLS

__all__ = ["Dispatcher", "match"]

_logger = logging.getLogger(__name__)

#: A value that an error shows is at most so long, as JSON; a longer one is described.
_SHOWN_BYTES = 200


class Dispatcher:
    """Answers requests to a run; `carry` never raises but when it is cancelled."""

    def __init__(self, run: Running, calls: Sequence[Call] = CALLS) -> None:
        self._run, self._calls = run, calls

    async def carry(self, request: ControlRequest) -> ControlAnswer:
        """The answer to a request that has shown the token, or needs none."""
        here = {
            call.method: (call, path) for call in self._calls if (path := match(call.path, request.path)) is not None
        }
        if not here:
            known = list(dict.fromkeys(call.path for call in self._calls))
            near = did_you_mean(request.path[:100], known)
            return refusal(404, "", request.path[:100], f"a path of /control/openapi.json{near}")
        if request.method not in here:
            methods = sorted(here)
            return refusal(405, "", request.method[:20], one_of(methods), ", ".join(methods))
        call, path = here[request.method]
        try:
            asked = _asked(call, path, request)
            catch_up(self._run.world, self._run.pace)
            found = await call.handler(self._run, asked)
            return ControlAnswer(call.status, orjson.dumps(found, option=orjson.OPT_SERIALIZE_NUMPY))
        except BodyError as error:
            return refusal(400, error.pointer, _bounded(error.found), error.expected)
        except NotFound as error:
            return refusal(404, error.pointer, _bounded(error.found), error.expected)
        except NotNow as error:
            return refusal(409, "", error.found, error.expected)
        except EnvironmentFault as fault:
            return refusal(503, "", str(fault), "a run that goes on")
        except Exception:
            _logger.exception("%s %s failed", request.method, request.path)
            return refusal(500, "", f"a fault of Jinqiao in {call.name}", "the run goes on; its log says more")


def match(pattern: str, path: str) -> Mapping[str, str] | None:
    """The values of the names in a pattern like `/vehicles/{vin}`, or None if the path is another one."""
    wanted, given = pattern.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    found = {}
    for each, value in zip(wanted, given, strict=True):
        if each.startswith("{") and value:
            found[each[1:-1]] = value
        elif each != value:
            return None
    return found


def _asked(call: Call, path: Mapping[str, str], request: ControlRequest) -> Asked:
    query = query_of(request.query)
    if call.query is None and query:
        name, value = next(iter(query.items()))
        raise BodyError(f"/{name}", value, "no parameters")
    body = json_of(request.body)
    if call.body is None and body:
        name, value = next(iter(body.items()))
        raise BodyError(f"/{name}", value, "no body")
    return Asked(
        path,
        None if call.query is None else read(call.query, query),
        read(call.body, body) if isinstance(call.body, type) and issubclass(call.body, Request) else body,
    )


def _bounded(found: Any) -> Any:
    """What an error shows of a value."""
    try:
        return found if len(orjson.dumps(found)) <= _SHOWN_BYTES else show(found)
    except (TypeError, ValueError):
        return show(found)
