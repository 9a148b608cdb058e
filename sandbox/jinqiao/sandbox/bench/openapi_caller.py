"""The back end of the cloud calls' benchmark: signed SetDeviceProperty over raw sockets, in a process of its own.

    python -m jinqiao.sandbox.bench.openapi_caller

Reads `{"http_port", "user", "password", "product_key", "devices", "calls", "signature", "connections", "per_s"}` from
its standard input. All calls are signed before the first one goes: signing costs more than sending. `signature` is
`rpc` or `acs3`; with 0 `connections` each call has one for itself; with `per_s` 0 each connection calls again once it
is answered, otherwise calls go at that rate, and what they take counts from the moment when they were due. Prints
`{"took_s", "cpu_s", "ms": […]}`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

from jinqiao.gateway.openapi.http import Request
from jinqiao.gateway.openapi.percent import encoded
from jinqiao.gateway.openapi.signature import rpc_string_to_sign, v3_string_to_sign

__all__ = ["main", "signed"]

_TIMEOUT_S = 20.0
_OK = b'"Success":true'
_EMPTY = hashlib.sha256(b"").hexdigest()


def signed(asked: dict[str, Any], number: int) -> bytes:
    """One call as it goes over the wire: a charge limit for the next of the devices in turn."""
    devices = asked["devices"]
    fields = {
        "ProductKey": asked["product_key"],
        "DeviceName": devices[number % len(devices)],
        "Items": json.dumps({"charging:ChargeLimit": 50 + number % 50}),
    }
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    host = f"127.0.0.1:{asked['http_port']}"
    sign = {"rpc": _rpc, "acs3": _acs3}[asked["signature"]]
    query, headers = sign(fields, now, host, asked["user"], asked["password"])
    headers |= {"host": host, "user-agent": "bench", "accept": "application/json", "content-length": "0"}
    if not asked["connections"]:
        headers["connection"] = "close"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /?{query} HTTP/1.1\r\n{lines}\r\n".encode()


def _query(fields: dict[str, str]) -> str:
    return "&".join(f"{encoded(name)}={encoded(value)}" for name, value in fields.items())


def _rpc(fields: dict[str, str], now: str, _host: str, key: str, secret: str) -> tuple[str, dict[str, str]]:
    fields = {
        "Action": "SetDeviceProperty",
        "Format": "json",
        "Version": "2018-01-20",
        "Timestamp": now,
        "SignatureNonce": secrets.token_hex(16),
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "AccessKeyId": key,
        **fields,
    }
    text = rpc_string_to_sign("POST", fields.items())
    mac = hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1).digest()
    return _query(fields | {"Signature": base64.b64encode(mac).decode()}), {}


def _acs3(fields: dict[str, str], now: str, host: str, key: str, secret: str) -> tuple[str, dict[str, str]]:
    headers = {
        "host": host,
        "x-acs-version": "2018-01-20",
        "x-acs-action": "SetDeviceProperty",
        "x-acs-date": now,
        "x-acs-signature-nonce": secrets.token_hex(16),
        "x-acs-content-sha256": _EMPTY,
    }
    query, names = _query(fields), sorted(headers)
    text = v3_string_to_sign(Request("POST", "/", query, headers), names)
    mac = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    authorization = f"ACS3-HMAC-SHA256 Credential={key},SignedHeaders={';'.join(names)},Signature={mac}"
    return query, headers | {"authorization": authorization}


def _connect(port: int) -> socket.socket:
    found = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


def _answered(connection: socket.socket) -> float:
    """When the answer was there. An answer is one short JSON object, which ends the response."""
    answer = b""
    while not answer.endswith(b"}"):
        if not (more := connection.recv(65536)):
            break
        answer += more
    if _OK not in answer:
        sys.exit(f"a cloud call failed: {answer[-400:].decode(errors='replace') or 'no answer'}")
    return time.perf_counter()


def _flat_out(calls: list[bytes], port: int, connections: int) -> Iterator[float]:
    taken = [_connect(port) for _ in range(connections)]
    for first in range(0, len(calls), connections):
        began = []
        for connection, call in zip(taken, calls[first : first + connections], strict=False):
            began.append(time.perf_counter())
            connection.sendall(call)
        for connection, at in zip(taken, began, strict=False):
            yield _answered(connection) - at


def _each_anew(calls: list[bytes], port: int) -> Iterator[float]:
    for call in calls:
        began = time.perf_counter()
        with _connect(port) as connection:
            connection.sendall(call)
            yield _answered(connection) - began


def _paced(calls: list[bytes], port: int, per_s: float) -> Iterator[float]:
    with _connect(port) as connection:
        due = time.perf_counter()
        for call in calls:
            due += 1 / per_s
            if (pause_s := due - time.perf_counter()) > 0:
                time.sleep(pause_s)
            connection.sendall(call)
            yield _answered(connection) - due


def main() -> None:
    """Call as often as asked, and print how long it took."""
    asked = json.loads(sys.stdin.readline())
    port = asked["http_port"]
    calls = [signed(asked, number) for number in range(asked["calls"])]
    if asked["per_s"]:
        going = _paced(calls, port, asked["per_s"])
    elif asked["connections"]:
        going = _flat_out(calls, port, asked["connections"])
    else:
        going = _each_anew(calls, port)
    began, cpu_s = time.perf_counter(), time.process_time()
    took = list(going)
    print(
        json.dumps(
            {
                "took_s": time.perf_counter() - began,
                "cpu_s": time.process_time() - cpu_s,
                "ms": [round(each * 1e3, 3) for each in took],
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
