"""Signatures of cloud calls: requests of the vendor's own SDKs are accepted, anything changed is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.openapi.cloud import Cloud
from jinqiao.gateway.openapi.errors import ApiError
from jinqiao.gateway.openapi.freshness import Freshness, NonceBounds, Stamp
from jinqiao.gateway.openapi.http import MAX_BODY, Request, Response
from jinqiao.gateway.openapi.percent import decoded, encoded
from jinqiao.gateway.openapi.signature import SIGNED, authorise, rpc_string_to_sign, v3_string_to_sign
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import AccessKey, Account
from jinqiao.gateway.platform.registry.registry import Registry

GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "openapi_requests.json").read_text())["requests"]
#: When the recorded requests were made: 2026-11-22T11:51:20Z.
RECORDED_MS = 1_795_348_280_000
KEYS = {"testid": AccessKey("testid", "testsecret")}


def request_of(row: dict[str, Any]) -> Request:
    path, _, query = row["target"].partition("?")
    return Request(row["method"], path, query, row["headers"], row["body"].encode())


def by_client() -> list[Any]:
    return [pytest.param(request_of(row), id=f"{row['client']} {index}") for index, row in enumerate(GOLDEN)]


def error_of(request: Request) -> ApiError:
    with pytest.raises(ApiError) as refused:
        authorise(request, request.parameters(), KEYS)
    return refused.value


@pytest.mark.parametrize("request_", by_client())
def test_requests_of_the_vendors_sdks_are_signed(request_: Request) -> None:
    assert authorise(request_, request_.parameters(), KEYS) == Account("testid")


@pytest.mark.parametrize("request_", by_client())
def test_another_value_is_not(request_: Request) -> None:
    for changed in (
        replace(request_, query=request_.query.replace("a1carPK0001", "a1carPK0002")),
        replace(request_, method="PUT"),
    ):
        assert error_of(changed).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("request_", by_client())
def test_a_wrong_secret_is_refused_with_the_string_that_was_signed(request_: Request) -> None:
    with pytest.raises(ApiError) as refused:
        authorise(request_, request_.parameters(), {"testid": AccessKey("testid", "another")})
    error = refused.value
    assert (error.code, error.status) == ("SignatureDoesNotMatch", 400)
    told, signed = error.message.split(":", 1)
    assert told == "Specified signature is not matched with our calculation. server string to sign is"
    if "authorization" not in request_.headers:
        # What the older SDK compares with its own: the second part when the message is split at colons.
        assert signed == rpc_string_to_sign("POST", [*request_.query_pairs, *request_.form_pairs])
        assert ":" not in signed


@pytest.mark.parametrize("request_", by_client())
def test_an_unknown_key_is_named_so(request_: Request) -> None:
    with pytest.raises(ApiError) as refused:
        authorise(request_, request_.parameters(), {})
    assert (refused.value.code, refused.value.status) == ("InvalidAccessKeyId.NotFound", 404)


def test_another_body_is_refused() -> None:
    signed_forms = [request_of(row) for row in GOLDEN if row["body"]]
    assert len(signed_forms) == 4
    for request in signed_forms:
        expected = "InvalidContentSha256" if "authorization" in request.headers else "SignatureDoesNotMatch"
        assert error_of(replace(request, body=request.body + b"&X=1")).code == expected


def test_a_signed_header_may_not_change() -> None:
    request = request_of(GOLDEN[0])
    headers = {**request.headers, "x-acs-action": "DeleteDevice"}
    assert error_of(replace(request, headers=headers)).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("Action=Pub", "MissingAccessKeyId"),
        ("Action=Pub&AccessKeyId=testid&SignatureMethod=HMAC-MD5", "InvalidSignatureMethod"),
        ("Action=Pub&AccessKeyId=testid", "SignatureDoesNotMatch"),
    ],
)
def test_unsigned_calls(query: str, code: str) -> None:
    assert error_of(Request("POST", "/", query)).code == code


@pytest.mark.parametrize(
    "value", ["ACS3-HMAC-SHA256", "ACS3-HMAC-SHA256 Credential=testid", "ACS3-HMAC-SHA256 nonsense"]
)
def test_half_an_authorization_is_told(value: str) -> None:
    assert error_of(Request("POST", "/", headers={"authorization": value})).code == "IncompleteSignature"


def v3(names: str, **headers: str) -> Request:
    """A request signed as ACS3 over these headers."""
    body = b""
    sent = {"host": "h", "x-acs-action": "GetDeviceStatus", "x-acs-version": "2018-01-20"}
    sent |= {"x-acs-content-sha256": hashlib.sha256(body).hexdigest()}
    sent |= {"x-acs-date": "2026-11-22T11:51:20Z", "x-acs-signature-nonce": "1"}
    request = Request("POST", "/", "", {**sent, **{name.replace("_", "-"): value for name, value in headers.items()}})
    text = v3_string_to_sign(request, names.split(";"))
    signature = hmac.new(b"testsecret", text.encode(), hashlib.sha256).hexdigest()
    authorization = f"ACS3-HMAC-SHA256 Credential=testid,SignedHeaders={names},Signature={signature}"
    return replace(request, headers={**request.headers, "authorization": authorization})


ALL_SIGNED = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"


@pytest.mark.parametrize("left_out", sorted(SIGNED))
def test_what_makes_the_call_has_to_be_signed(left_out: str) -> None:
    request = v3(ALL_SIGNED)
    assert authorise(request, {}, KEYS) == Account("testid")
    error = error_of(v3(";".join(name for name in ALL_SIGNED.split(";") if name != left_out)))
    assert error.code == "IncompleteSignature"
    assert left_out in error.message


def test_a_header_does_not_make_another_call_of_a_signed_url() -> None:
    [index] = [n for n, row in enumerate(GOLDEN) if "Action=SetDeviceProperty" in row["target"]][:1]
    request = request_of(GOLDEN[index])
    headers = {**request.headers, "x-acs-action": "NoSuchAction", "x-acs-version": "1999-01-01"}
    body = json.loads(answer(replace(request, headers=headers)).body)
    assert body["Code"] == "iot.prod.NotExistedProduct"  # of the call that was signed


def test_a_large_call_without_a_right_signature_costs_little_and_is_not_sent_back() -> None:
    """0.7 s and 1.8 MB in the past, for anyone who knows a key's name."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    value = "%FF" * (MAX_BODY // 3 - 10)
    for signature in ("", "x" * 28):
        query = f"Action=Pub&Format=JSON&AccessKeyId=testid&Signature={signature}"
        response = answer(Request("POST", "/", query, form, f"MessageContent={value}".encode()))
        body = json.loads(response.body)
        assert body["Code"] == "SignatureDoesNotMatch"
        assert ":" in body["Message"]  # one SDK fails without a colon
        assert len(response.body) < 8_192
        beyond = answer(Request("POST", "/", query, form, f"MessageContent={value}{'a' * 60}".encode()))
        assert (beyond.status, json.loads(beyond.body)["Code"]) == (413, "RequestTooLarge")


def test_the_largest_message_there_may_be_fits_into_a_call() -> None:
    content = base64.b64encode(os.urandom(262_144)).decode()
    form = {"content-type": "application/x-www-form-urlencoded"}
    names = {"Action": "Pub", "Version": "2018-01-20", "Format": "JSON", "AccessKeyId": "testid", "ProductKey": "none"}
    names |= {"Timestamp": "2026-11-22T11:51:20Z", "SignatureNonce": "1"}
    text = rpc_string_to_sign("POST", [*names.items(), ("MessageContent", content)])
    mac = base64.b64encode(hmac.new(b"testsecret&", text.encode(), hashlib.sha1).digest()).decode()
    response = answer(
        Request(
            "POST", "/", urlencode({**names, "Signature": mac}), form, urlencode({"MessageContent": content}).encode()
        )
    )
    assert json.loads(response.body)["Code"] == "iot.prod.NotExistedProduct"


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
ESCAPES = st.sampled_from(["%41", "%e9%87%91", "%FF", "%", "%4", "%zz", "%%41", "+", "a+b", "%2B", "%00"])


@given(st.lists(TEXTS | ESCAPES, max_size=8).map("".join), st.sampled_from([0, 300]))
def test_long_texts_are_escaped_and_read_as_the_library_does(text: str, filled_up_by: int) -> None:
    for whole in (text + "x" * filled_up_by, "x" * filled_up_by + text):
        assert encoded(whole) == quote(whole, safe="~")
        assert decoded(whole) == unquote_plus(whole, errors="replace")


# At the door.


def door(now_ms: int = RECORDED_MS, *, lenient: bool = False) -> Cloud:
    """A platform that knows the key, at the time of the recorded requests."""
    platform = Platform(Registry(access_keys=KEYS.values()))
    return Cloud(platform, clock_ms=lambda: now_ms, lenient_clock=lenient)


def answer(request: Request) -> Response:
    response = door().dispatch(request)
    assert isinstance(response, Response)
    return response


@pytest.mark.parametrize("request_", by_client())
def test_a_signed_call_reaches_the_product(request_: Request) -> None:
    response = answer(request_)
    assert response.status == 200
    body = json.loads(response.body)
    assert (body["Success"], body["Code"]) == (False, "iot.prod.NotExistedProduct")
    assert body["RequestId"]


def test_refusals_have_the_gateways_form() -> None:
    response = answer(Request("POST", "/", "Action=Pub&Format=JSON", {"host": "iot.example"}))
    assert response.status == 400
    body = json.loads(response.body)
    assert set(body) == {"RequestId", "HostId", "Code", "Message"}
    assert body["HostId"] == "iot.example"


def test_without_a_format_the_answer_is_xml() -> None:
    response = answer(Request("POST", "/", "Action=%3CPub%3E"))
    assert response.content_type.startswith("application/xml")
    text = response.body.decode()
    assert text.startswith("<?xml version='1.0' encoding='UTF-8'?><Error><RequestId>")
    assert "<Code>MissingAccessKeyId</Code>" in text


def test_other_methods_and_too_much_are_refused() -> None:
    assert answer(Request("PUT", "/", "Format=JSON")).status == 405
    many = "&".join(f"Name.{n}=x" for n in range(3_000))
    assert answer(Request("POST", "/", many)).status == 413
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert answer(Request("POST", "/", "", form, b"a" * (3 << 20))).status == 413


def test_hostile_text_stays_text() -> None:
    response = answer(Request("POST", "/", "Action=x&AccessKeyId=" + quote("<a>&\x00\ud7ff")))
    assert response.status == 404
    assert b"<a>" not in response.body


# Whether it is new.


def code_of(cloud: Cloud, request: Request) -> str:
    response = cloud.dispatch(request)
    assert isinstance(response, Response)
    code: str = json.loads(response.body)["Code"]
    return code


#: What every signed call of a recording is answered: it is about a product that is not here.
REACHED = "iot.prod.NotExistedProduct"


@pytest.mark.parametrize("request_", by_client())
@pytest.mark.parametrize(
    ("late_s", "code"),
    [
        (0, REACHED),
        (895, REACHED),
        (-895, REACHED),
        (905, "InvalidTimeStamp.Expired"),
        (-905, "InvalidTimeStamp.Expired"),
    ],
)
def test_a_call_is_good_for_a_quarter_of_an_hour(request_: Request, late_s: int, code: str) -> None:
    assert code_of(door(RECORDED_MS + late_s * 1000), request_) == code
    assert code_of(door(RECORDED_MS + late_s * 1000, lenient=True), request_) == REACHED


@pytest.mark.parametrize("request_", by_client())
def test_a_call_is_made_once(request_: Request) -> None:
    for cloud in (door(), door(RECORDED_MS + 10**9, lenient=True)):
        assert [code_of(cloud, request_) for _ in range(3)] == [REACHED, "SignatureNonceUsed", "SignatureNonceUsed"]


def rpc(**changed: str) -> Request:
    """A call signed as RPC v1; a parameter of "" is left out."""
    names = {"Action": "GetDeviceStatus", "Version": "2018-01-20", "Format": "JSON", "AccessKeyId": "testid"}
    names |= {"Timestamp": "2026-11-22T11:51:20Z", "SignatureNonce": "1", "ProductKey": "none", **changed}
    names = {name: value for name, value in names.items() if value}
    text = rpc_string_to_sign("POST", names.items())
    secret = "testsecret" if names["AccessKeyId"] == "testid" else "othersecret"
    mac = base64.b64encode(hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1).digest()).decode()
    return Request("POST", "/", urlencode({**names, "Signature": mac}))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Timestamp": ""}, "MissingTimestamp"),
        ({"SignatureNonce": ""}, "MissingSignatureNonce"),
        *(
            ({"Timestamp": text}, "InvalidTimeStamp.Format")
            for text in (
                "now",
                "1795348280000",
                "2026-11-22T11:51:20",
                "2026-11-22T11:51:20.000Z",
                "2026-13-22T11:51:20Z",
            )
        ),
    ],
)
def test_a_call_says_when_it_is_and_which(changed: dict[str, str], code: str) -> None:
    assert code_of(door(), rpc(**changed)) == code


@pytest.mark.parametrize(
    ("left_out", "code"), [("x-acs-date", "MissingDate"), ("x-acs-signature-nonce", "MissingSignatureNonce")]
)
def test_empty_headers_say_nothing(left_out: str, code: str) -> None:
    assert code_of(door(), v3(ALL_SIGNED, **{left_out: "", "accept": "application/json"})) == code


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_is_refused(text: str) -> None:
    stamp = Stamp(text, "1", "MissingTimestamp")
    with pytest.raises(ApiError) as refused:
        Freshness(lambda: 0).check_time(stamp)
    assert refused.value.code in {"MissingTimestamp", "InvalidTimeStamp.Format", "InvalidTimeStamp.Expired"}


def test_an_unsigned_call_uses_up_no_nonce() -> None:
    cloud = door()
    forged = replace(rpc(), query=rpc().query[:-4] + "AAAA")
    assert code_of(cloud, forged) == "SignatureDoesNotMatch"
    assert code_of(cloud, rpc(Action="NoSuch")) == "InvalidAction.NotFound"
    assert code_of(cloud, rpc()) == REACHED


def test_one_account_uses_up_no_others_nonces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KEYS, "another", AccessKey("another", "othersecret"))
    cloud = door()
    assert code_of(cloud, rpc()) == REACHED
    assert code_of(cloud, rpc(AccessKeyId="another")) == REACHED
    assert code_of(cloud, rpc(AccessKeyId="another")) == "SignatureNonceUsed"


def test_nonces_are_remembered_for_half_an_hour_and_within_bounds() -> None:
    now_ms = 0
    freshness = Freshness(lambda: now_ms, bounds=NonceBounds(nonces=400))

    def is_new(number: int, account: str = "a") -> bool:
        try:
            freshness.take(account, Stamp("", str(number), ""))
        except ApiError:
            return False
        return True

    assert is_new(0)
    now_ms = 30 * 60_000 - 1
    assert not is_new(0)
    now_ms = 41 * 60_000
    assert is_new(0)
    assert is_new(0, "b")
    for number in range(1, 1_000):
        assert is_new(number)
        assert not is_new(max(number - 250, 0))  # so many at least are remembered
    assert is_new(0)  # forgotten
    assert not is_new(0, "b")  # by the flood of another account it is not


def test_a_refusal_is_logged_once_for_each_key(caplog: pytest.LogCaptureFixture) -> None:
    cloud = door()
    forged = replace(rpc(), query=rpc().query[:-4] + "AAAA")
    for number in range(5):
        code_of(cloud, forged)
        code_of(cloud, rpc(AccessKeyId=f"no{number}"))
        code_of(cloud, rpc())
    assert [record.getMessage() for record in caplog.records] == [
        "cloud calls with access key 'testid' are refused: SignatureDoesNotMatch",
        "cloud calls without a known access key are refused: InvalidAccessKeyId.NotFound",
        "cloud calls with access key 'testid' are refused: SignatureNonceUsed",
    ]
