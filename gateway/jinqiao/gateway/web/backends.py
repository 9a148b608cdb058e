"""HTTP endpoints by which other brokers ask our registry, each in the format its documentation gives.

EMQX 5 (authentication with `acl`, authorisation), mosquitto-go-auth, NanoMQ (which counts only the status), VerneMQ's
webhooks. Whatever comes in, what goes out is one of the answers of the format: a request that makes no sense is
refused.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from jinqiao.gateway.platform.auth.acl import device_rules
from jinqiao.gateway.platform.auth.identity import DeviceLogin
from jinqiao.gateway.platform.platform import Platform

from .questions import Action, Questions

__all__ = ["backend_routes"]

Fields = dict[str, Any]
Answer = Callable[[Questions, Fields, Request], Response]

#: Longest request: an MQTT topic has 64 KiB at most, and VerneMQ sends the payload along (256 KiB, in base64).
_LONGEST = 1 << 20
#: VerneMQ may keep a yes for so many seconds.
_KEEP_S = 60


def backend_routes(platform: Platform) -> list[Route]:
    """The routes, for POST only."""
    questions = Questions(platform)
    return [Route(path, _endpoint(questions, answer), methods=["POST"]) for path, answer in _ANSWERS.items()]


def _endpoint(questions: Questions, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        return answer(questions, await _fields(request), request)

    return respond


async def _fields(request: Request) -> Fields:
    """The body's fields: JSON or a form; none of a body that is neither."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST:
            return {}
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    try:
        fields = json.loads(body)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


# EMQX 5. A status of 4xx or 5xx means "ignore", so a refusal is a 200.


def _emqx_login(questions: Questions, fields: Fields, _: Request) -> Response:
    principal = questions.login(
        _text(fields, "clientid"), _text(fields, "username"), _text(fields, "password"), _text(fields, "peerhost")
    )
    if principal is None:
        return JSONResponse({"result": "deny"})
    told: Fields = {"result": "allow", "is_superuser": False}
    if isinstance(principal.subject, DeviceLogin):
        told["acl"] = [
            {"permission": "allow", "action": rule.action, "topic": rule.topic_filter, "qos": [0, 1], "retain": False}
            if rule.action == "publish"
            else {"permission": "allow", "action": rule.action, "topic": rule.topic_filter}
            for rule in device_rules(principal.subject.device)
        ]
    return JSONResponse(told)


def _emqx_permission(questions: Questions, fields: Fields, _: Request) -> Response:
    action = fields.get("action")
    if action not in {"publish", "subscribe"}:
        return JSONResponse({"result": "deny"})
    allowed = questions.may(action, _text(fields, "clientid"), _text(fields, "username"), _text(fields, "topic"))
    return JSONResponse({"result": "allow" if allowed else "deny"})


# mosquitto-go-auth: one answer that suits its modes `status` and `json`. NanoMQ looks at the status alone.

#: What `acc` asks: read, write, both, subscribe.
_ACCESS: dict[str, tuple[Action, ...]] = {
    "1": ("subscribe",),
    "2": ("publish",),
    "3": ("subscribe", "publish"),
    "4": ("subscribe",),
}
#: What NanoMQ's `%A` asks.
_NANOMQ_ACCESS: dict[str, tuple[Action, ...]] = {"1": ("subscribe",), "2": ("publish",)}


def _yes_or_no(allowed: bool, why: str) -> Response:
    return JSONResponse({"ok": allowed, "error": "" if allowed else why}, 200 if allowed else 403)


def _goauth_login(questions: Questions, fields: Fields, _: Request) -> Response:
    principal = questions.login(_text(fields, "clientid"), _text(fields, "username"), _text(fields, "password"))
    return _yes_or_no(principal is not None, "login refused")


def _goauth_superuser(*_: object) -> Response:
    return _yes_or_no(False, "nobody is above the permissions")


def _goauth_permission(questions: Questions, fields: Fields, _: Request) -> Response:
    if "acc" in fields:
        actions = _ACCESS.get(str(fields["acc"]), ())
    else:
        actions = _NANOMQ_ACCESS.get(str(fields.get("access")), ())
    names = _text(fields, "clientid"), _text(fields, "username"), _text(fields, "topic")
    # The plug-in of mosquitto asks about each topic that it is about to deliver, with `acc` 1.
    again = "acc" in fields
    allowed = bool(actions) and all(questions.may(action, *names, asks_again=again) for action in actions)
    return _yes_or_no(allowed, "not allowed")


# VerneMQ: one URL for all hooks, told apart by a header; always status 200.


def _vernemq(questions: Questions, fields: Fields, request: Request) -> Response:
    hook = _HOOKS.get(request.headers.get("vernemq-hook", "").removesuffix("_m5"))
    if hook is None or not hook(questions, fields):
        return JSONResponse({"result": {"error": "not_allowed"}})
    keep = {"cache-control": f"max-age={_KEEP_S}"} if hook is not _register else {}
    return JSONResponse({"result": "ok"}, headers=keep)


def _register(questions: Questions, fields: Fields) -> bool:
    names = _text(fields, "client_id"), _text(fields, "username"), _text(fields, "password")
    return questions.login(*names, _text(fields, "peer_addr")) is not None


def _publish(questions: Questions, fields: Fields) -> bool:
    return questions.may("publish", _text(fields, "client_id"), _text(fields, "username"), _text(fields, "topic"))


def _subscribe(questions: Questions, fields: Fields) -> bool:
    topics = fields.get("topics")
    if not isinstance(topics, list) or not topics:
        return False
    filters = [topic.get("topic") if isinstance(topic, dict) else None for topic in topics]
    names = _text(fields, "client_id"), _text(fields, "username")
    return all(isinstance(name, str) and questions.may("subscribe", *names, name) for name in filters)


_HOOKS: dict[str, Callable[[Questions, Fields], bool]] = {
    "auth_on_register": _register,
    "auth_on_publish": _publish,
    "auth_on_subscribe": _subscribe,
}

_ANSWERS: dict[str, Answer] = {
    "/mqtt/emqx/auth": _emqx_login,
    "/mqtt/emqx/acl": _emqx_permission,
    "/mqtt/goauth/user": _goauth_login,
    "/mqtt/goauth/superuser": _goauth_superuser,
    "/mqtt/goauth/acl": _goauth_permission,
    "/mqtt/nanomq/auth": _goauth_login,
    "/mqtt/nanomq/super": _goauth_superuser,
    "/mqtt/nanomq/acl": _goauth_permission,
    "/mqtt/vernemq": _vernemq,
}
