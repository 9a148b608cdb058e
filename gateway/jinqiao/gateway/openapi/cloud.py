"""The cloud side's door: a request in, a response out, or a device to wait for first (sans-I/O)."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jinqiao.gateway.platform.operations import OperationError
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import AccessKey, Account
from jinqiao.gateway.platform.registry.registry import Device

from .action import VERSION, Action
from .actions import ACTIONS
from .arguments import Arguments
from .errors import ApiError, is_unknown, of_operation
from .forms import response, wants_xml
from .freshness import Freshness, Stamp, stamp_of
from .http import MAX_BODY, Request, Response, Waiting
from .pending import Pending
from .refusals import Refusals
from .registration import PATHS, Registration
from .signature import authorise, claimed_key, is_v3, look_first

__all__ = ["Cloud", "Judged"]

_logger = logging.getLogger(__name__)
_NO_PARAMETERS: dict[str, str] = {}


class Judged(NamedTuple):
    """A call whose signature is right."""

    request: Request
    action: Action
    parameters: Mapping[str, str]
    account: Account
    stamp: Stamp
    xml: bool


class Refused(NamedTuple):
    """A call that is refused at the door; `key` is its access key, None for one that is not known."""

    response: Response
    error: ApiError
    key: str | None


class Cloud:
    """OpenAPI and HTTPS registration of one platform.

    `mqtt_address` is the host and port that pre-authentication directs devices to. The times of calls are judged by
    `clock_ms`, the platform's if it is None, unless the clock is `lenient`.
    """

    def __init__(
        self,
        platform: Platform,
        *,
        mqtt_address: tuple[str, int] = ("127.0.0.1", 1883),
        lenient_clock: bool = False,
        clock_ms: Callable[[], int] | None = None,
    ) -> None:
        self.platform = platform
        self.registration = Registration(platform, mqtt_address)
        self._freshness = Freshness(clock_ms or platform.parts.now_ms, lenient=lenient_clock)
        self._refusals = Refusals()

    def dispatch(self, request: Request) -> Response | Waiting:
        """Answer a request; total over what an HTTP server can read."""
        judged = self.judge(request)
        return self.act(self.judge(request) if self.may_have_changed(judged) else judged)

    def may_have_changed(self, judged: Response | Refused | Judged) -> bool:
        """Whether judging again may help: the key may be one that was given a moment ago. To be asked on the loop."""
        return isinstance(judged, Refused) and self.platform.parts.elsewhere.look()

    def act(self, judged: Response | Refused | Judged) -> Response | Waiting:
        """Do what was asked for, if it was."""
        if isinstance(judged, Judged):
            try:
                self._freshness.take(judged.account.name, judged.stamp)
            except ApiError as error:
                judged = Refused(_refused(judged.request, error, xml=judged.xml), error, judged.account.name)
        if isinstance(judged, Refused):
            self._refusals.note(judged.key, judged.error)
            return judged.response
        if isinstance(judged, Response):
            return judged
        return self._run(judged.request, judged.action, judged.parameters, judged.account, xml=judged.xml)

    def judge(self, request: Request) -> Response | Refused | Judged:
        """What is asked for by whom, or the refusal. Changes nothing, so that it may be asked beside the event loop:
        a signature over a large body takes a while, whether it is right or not."""
        if request.path in PATHS:
            return self.registration.dispatch(request)
        xml, parameters = False, _NO_PARAMETERS
        account: Account | None = None
        keys = self.platform.registry.all_keys
        try:
            parameters = _parameters(request, keys)
            xml = wants_xml(request, parameters)
            if request.method not in {"GET", "POST"}:
                raise ApiError("UnsupportedHTTPMethod")
            account = authorise(request, parameters, keys)
            action = _action(request, parameters)
            if account.read_only and not action.reads:
                raise ApiError("Forbidden.RAM")
            stamp = stamp_of(request, parameters, v3=is_v3(request))
            self._freshness.check_time(stamp)
        except ApiError as error:
            known = account.name if account is not None else claimed_key(request, parameters, keys)
            return Refused(_refused(request, error, xml=xml), error, known)
        return Judged(request, action, parameters, account, stamp, xml)

    def _run(
        self, request: Request, action: Action, parameters: Mapping[str, str], account: Account, *, xml: bool
    ) -> Response | Waiting:
        parts, operations = self.platform.parts, self.platform.operations
        named: list[Device] = []

        def answer(members: Mapping[str, Any]) -> Response:
            if named:
                parts.followed.called(action.name, named, reads=action.reads)
            return response(
                200, f"{action.name}Response", {"RequestId": _request_id(), "Success": True, **members}, xml=xml
            )

        def refusal(error: Exception) -> Response:
            if isinstance(error, OperationError):
                error = of_operation(error)
            if not isinstance(error, ApiError):
                _logger.error("%s failed", action.name, exc_info=error)
                error = ApiError("iot.system.SystemException")
            if error.status != 200:
                return _refused(request, error, xml=xml)
            body = {"RequestId": _request_id(), "Success": False, "Code": error.code, "ErrorMessage": error.message}
            return response(200, f"{action.name}Response", body, xml=xml)

        def run() -> Mapping[str, Any] | Pending:
            named.clear()
            return action.run(Arguments(action.known, parameters, operations, account, parts.now_ms, named))

        try:
            try:
                result = run()
            except (OperationError, ApiError) as error:
                if not is_unknown(error) or not self.platform.parts.elsewhere.look():
                    raise
                result = run()  # what it is about may have been registered a moment ago
        except Exception as error:
            return refusal(error)
        if not isinstance(result, Pending):
            return answer(result)
        pending = result

        def finish() -> Response:
            try:
                return answer(pending.finish())
            except Exception as error:
                return refusal(error)

        return Waiting(pending.call, pending.timeout_s, finish, pending.close)


def _parameters(request: Request, keys: Mapping[str, AccessKey]) -> dict[str, str]:
    if len(request.body) > MAX_BODY:
        raise ApiError("RequestTooLarge")
    try:
        look_first(request, keys)
        return request.parameters()
    except ValueError as error:
        raise ApiError("RequestTooLarge", f"The request has too many parameters: {error}") from None


def _action(request: Request, parameters: Mapping[str, str]) -> Action:
    """The action named in a header (ACS3) or parameter (RPC v1), which is signed; raises ApiError."""
    if is_v3(request):
        name, version = request.headers.get("x-acs-action", ""), request.headers.get("x-acs-version", "")
    else:
        name, version = parameters.get("Action", ""), parameters.get("Version", "")
    if not name:
        raise ApiError("MissingAction")
    if version != VERSION:
        raise ApiError("InvalidVersion", f"Version must be {VERSION}.")
    action = ACTIONS.get(name)
    if action is None:
        raise ApiError("InvalidAction.NotFound")
    return action


def _refused(request: Request, error: ApiError, *, xml: bool) -> Response:
    host = request.headers.get("host", "")
    body = {"RequestId": _request_id(), "HostId": host, "Code": error.code, "Message": error.message}
    return response(error.status, "Error", body, xml=xml)


def _request_id() -> str:
    return str(uuid.uuid4()).upper()
