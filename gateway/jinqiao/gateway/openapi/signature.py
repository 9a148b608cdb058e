"""Who calls: RPC v1 (HMAC-SHA1 over the parameters) and ACS3-HMAC-SHA256 (over request and headers).

Both are recomputed from the request as it came. A refusal's message carries the string that we signed after a colon,
because the older SDK splits the message there: it reports `InvalidAccessKeySecret` when that string is its own, and
fails with an IndexError when there is no colon. Whether a request is new is judged afterwards (`freshness`).

What was signed is what runs: an action in a header counts for ACS3 alone, which has to sign it (`SIGNED`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping

from jinqiao.gateway.platform.registry.accounts import AccessKey, Account

from .errors import ApiError
from .http import UNSIGNED_BYTES, Request
from .percent import encoded

__all__ = ["SIGNED", "authorise", "claimed_key", "is_v3", "look_first", "rpc_string_to_sign", "v3_string_to_sign"]

_V3 = "ACS3-HMAC-SHA256"
#: Headers without whose signature one request could be made another, or made again.
SIGNED = frozenset(
    {"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"}
)
#: Characters of a signature: base64 of a SHA-1, hex of a SHA-256.
_RPC_LENGTH, _V3_LENGTH = 28, 64
#: Characters of the string to sign that a refusal repeats: more than any SDK's call without a large body has.
_ECHOED = 4_096
_V3_AUTHORIZATION = re.compile(
    rf"{_V3}\s+Credential=(?P<key>[^,]+),\s*SignedHeaders=(?P<names>[^,]*),\s*Signature=(?P<signature>[0-9A-Fa-f]+)"
)


def authorise(request: Request, parameters: Mapping[str, str], access_keys: Mapping[str, AccessKey]) -> Account:
    """Whose key signed the request; raises ApiError where the signature is not right."""
    if is_v3(request):
        return _authorise_v3(request, access_keys)
    return _authorise_rpc(request, parameters, access_keys)


def is_v3(request: Request) -> bool:
    """Whether the request says that it is signed as ACS3, with its action in a header."""
    return request.headers.get("authorization", "").startswith(_V3)


def claimed_key(request: Request, parameters: Mapping[str, str], access_keys: Mapping[str, AccessKey]) -> str | None:
    """The access key that the request says is its own, None if there is none of that name."""
    found = _V3_AUTHORIZATION.fullmatch(request.headers.get("authorization", "").strip())
    key = found["key"] if found is not None else parameters.get("AccessKeyId", "")
    return key if key in access_keys else None


def look_first(request: Request, access_keys: Mapping[str, AccessKey]) -> None:
    """Of a call with a large body key and signature have to stand in the query, where official SDKs put them.

    So a stranger's form is not read only to find that nothing in it is signed. Raises ApiError.
    """
    if len(request.body) <= UNSIGNED_BYTES or is_v3(request):
        return
    query = dict(request.query_pairs)
    _known(access_keys, query.get("AccessKeyId", ""))
    if len(query.get("Signature", "")) != _RPC_LENGTH:
        raise ApiError("SignatureDoesNotMatch", "Specified signature is not matched with our calculation. found:none")


def _known(access_keys: Mapping[str, AccessKey], key: str) -> AccessKey:
    if not key:
        raise ApiError("MissingAccessKeyId")
    if (known := access_keys.get(key)) is None:
        raise ApiError("InvalidAccessKeyId.NotFound")
    return known


# RPC v1: everything in query and form.


def _authorise_rpc(request: Request, parameters: Mapping[str, str], access_keys: Mapping[str, AccessKey]) -> Account:
    key = parameters.get("AccessKeyId", "")
    known = _known(access_keys, key)
    method = parameters.get("SignatureMethod", "HMAC-SHA1")
    if method.upper() != "HMAC-SHA1":
        raise ApiError("InvalidSignatureMethod", f"Specified signature method is not supported: {method}")
    given = parameters.get("Signature", "")
    string_to_sign = rpc_string_to_sign(request.method, [*request.query_pairs, *request.form_pairs])
    mac = hmac.new(f"{known.secret}&".encode(), string_to_sign.encode(), hashlib.sha1).digest()
    _compare(base64.b64encode(mac), given.encode(), string_to_sign)
    return known.account


def rpc_string_to_sign(method: str, pairs: Iterable[tuple[str, str]]) -> str:
    """METHOD&%2F&pct(sorted k=v joined by &), over everything but the signature itself."""
    signed = sorted((encoded(name), encoded(value)) for name, value in pairs if name != "Signature")
    # What is left of escaped text to escape again are three characters.
    text = "&".join(f"{name}={value}" for name, value in signed)
    return f"{method}&%2F&{text.replace('%', '%25').replace('=', '%3D').replace('&', '%26')}"


# ACS3: the request itself.


def _authorise_v3(request: Request, access_keys: Mapping[str, AccessKey]) -> Account:
    found = _V3_AUTHORIZATION.fullmatch(request.headers["authorization"].strip())
    if found is None:
        raise ApiError("IncompleteSignature")
    known = _known(access_keys, found["key"])
    names = [name for name in found["names"].lower().split(";") if name]
    if missing := SIGNED - set(names):
        raise ApiError("IncompleteSignature", f"SignedHeaders must name {', '.join(sorted(missing))}.")
    if len(found["signature"]) != _V3_LENGTH:
        raise ApiError("IncompleteSignature", f"Signature must have {_V3_LENGTH} hex digits.")
    if request.headers.get("x-acs-content-sha256", "").lower() != hashlib.sha256(request.body).hexdigest():
        raise ApiError("InvalidContentSha256", "x-acs-content-sha256 is not the SHA-256 of the body")
    string_to_sign = v3_string_to_sign(request, names)
    mac = hmac.new(known.secret.encode(), string_to_sign.encode(), hashlib.sha256).hexdigest()
    _compare(mac.encode(), found["signature"].lower().encode(), string_to_sign)
    return known.account


def v3_string_to_sign(request: Request, signed_headers: Iterable[str]) -> str:
    """The algorithm's name and the SHA-256 of the canonical request."""
    names = sorted(signed_headers)
    query = "&".join(
        f"{name}={value}" for name, value in sorted((encoded(k), encoded(v)) for k, v in request.query_pairs)
    )
    canonical = "\n".join(
        (
            request.method,
            request.path or "/",
            query,
            "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in names),
            ";".join(names),
            hashlib.sha256(request.body).hexdigest(),
        )
    )
    return f"{_V3}\n{hashlib.sha256(canonical.encode()).hexdigest()}"


def _compare(expected: bytes, given: bytes, string_to_sign: str) -> None:
    if not hmac.compare_digest(expected, given):
        raise ApiError(
            "SignatureDoesNotMatch",
            "Specified signature is not matched with our calculation. server string to sign is:"
            + string_to_sign[:_ECHOED],
        )
