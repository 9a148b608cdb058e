"""Calls by one of the vendor's OpenAPI SDKs, run by that SDK's own interpreter: rows in, answers out.

    python sdk_calls.py acs3|v2|old HTTP_PORT

Reads `{"key": [id, secret], "names": {…}, "calls": [[action, parameters, keeps, awaited], …]}` and prints one answer a
line, then the names. A text among the parameters may hold `$name`: a name that was given, or one that an earlier call
keeps (`{"name": "path.in.its.answer"}`). A call is repeated, for a while, until its answer is as `awaited` says (path
to value). Actions and parameters have the platform's names; the SDK's own are found from them. An exception of the SDK
is an answer too: `{"Refused": code, "Message": …}`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from string import Template
from typing import Any

__all__ = ["found", "named"]

PATIENCE_S = 10.0

Ask = Callable[[str, dict[str, Any]], dict[str, Any]]


def found(answer: Any, path: str) -> Any:
    """What is at `Data.List.0.Name`, None if there is nothing."""
    for step in path.split("."):
        if isinstance(answer, list):
            answer = answer[int(step)] if step.isdigit() and int(step) < len(answer) else None
        else:
            answer = answer.get(step) if isinstance(answer, Mapping) else None
    return answer


def named(value: Any, names: Mapping[str, str]) -> Any:
    """The value with names in place of `$name`, in texts, lists and objects alike."""
    if isinstance(value, str):
        return Template(value).safe_substitute(names)
    if isinstance(value, list):
        return [named(item, names) for item in value]
    if isinstance(value, dict):
        return {key: named(item, names) for key, item in value.items()}
    return value


def new_sdk(endpoint: str, key: tuple[str, str], **config: str) -> Ask:
    from alibabacloud_iot20180120 import models
    from alibabacloud_iot20180120.client import Client
    from alibabacloud_tea_openapi.models import Config

    client = Client(
        Config(access_key_id=key[0], access_key_secret=key[1], endpoint=endpoint, protocol="HTTP", **config)
    )
    methods = {name.replace("_", "").lower(): name for name in dir(client)}

    def ask(action: str, parameters: dict[str, Any]) -> dict[str, Any]:
        request = getattr(models, f"{action}Request")().from_map(parameters)
        unknown = parameters.keys() - {field.split(".")[0] for field in request.to_map()}
        if unknown:
            raise AttributeError(f"the SDK has no {', '.join(sorted(unknown))} in {action}")
        answer: dict[str, Any] = getattr(client, methods[action.lower()])(request).body.to_map()
        return answer

    return ask


def old_sdk(endpoint: str, key: tuple[str, str]) -> Ask:
    from importlib import import_module

    from aliyunsdkcore.client import AcsClient

    client = AcsClient(key[0], key[1], "cn-shanghai")

    def ask(action: str, parameters: dict[str, Any]) -> dict[str, Any]:
        request = getattr(import_module(f"aliyunsdkiot.request.v20180120.{action}Request"), f"{action}Request")()
        request.set_endpoint(endpoint)
        request.set_protocol_type("http")
        for name, value in parameters.items():
            setter = f"set_{name}s" if hasattr(request, f"set_{name}s") else f"set_{name}"
            getattr(request, setter)(value)
        answer: dict[str, Any] = json.loads(client.do_action_with_exception(request))
        return answer

    return ask


def main() -> None:
    client, port = sys.argv[1:]
    given = json.load(sys.stdin)
    endpoint, key = f"127.0.0.1:{port}", tuple(given["key"])
    config = {"signature_algorithm": "v2"} if client == "v2" else {}
    ask = old_sdk(endpoint, key) if client == "old" else new_sdk(endpoint, key, **config)
    names = given["names"]
    for action, parameters, keeps, awaited in given["calls"]:
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = ask(action, named(parameters, names))
            except Exception as error:
                code = getattr(error, "error_code", None) or getattr(error, "code", None) or type(error).__name__
                answer = {"Refused": code, "Message": str(getattr(error, "message", error))}
            if all(found(answer, path) == value for path, value in awaited.items()) or time.monotonic() > end:
                break
            time.sleep(0.1)
        for name, path in keeps.items():
            names[name] = str(found(answer, path))
        print(json.dumps(answer))
    print(json.dumps(names))


if __name__ == "__main__":
    main()
