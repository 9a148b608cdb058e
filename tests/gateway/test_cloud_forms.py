"""How a call comes and how it is answered: GET and POST, query and form, JSON and XML."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import xml.etree.ElementTree as ElementTree
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.openapi.forms import response
from jinqiao.gateway.openapi.http import Request, Response
from jinqiao.gateway.openapi.signature import rpc_string_to_sign
from support.cloud_world import DN, PK, CloudWorld
from support.openapi import ACCESS_KEY, signed_query

FORM = {"content-type": "application/x-www-form-urlencoded"}
WHO = {"ProductKey": PK, "DeviceName": DN}
Pairs = list[tuple[str, str]]


def called(world: CloudWorld, request: Request) -> Response:
    answer = world.cloud.dispatch(request)
    assert isinstance(answer, Response)
    return answer


def signed(method: str, pairs: Pairs) -> Pairs:
    text = rpc_string_to_sign(method, pairs)
    mac = hmac.new(f"{ACCESS_KEY[1]}&".encode(), text.encode(), hashlib.sha1).digest()
    return [*pairs, ("Signature", base64.b64encode(mac).decode())]


def pairs_of(action: str, more: Pairs) -> Pairs:
    """A call's own pairs and those of every call, without a signature."""
    query = signed_query(action, {})
    names = [pair.partition("=")[::2] for pair in query.split("&")]
    world = [(name, value.replace("%3A", ":")) for name, value in names if name != "Signature"]
    return [*world, *more]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("in_form", [False, True])
def test_a_call_comes_in_the_query_or_in_a_form(method: str, in_form: bool) -> None:
    text = urlencode(signed(method, pairs_of("GetDeviceStatus", list(WHO.items()))))
    request = Request(method, "/", "", FORM, text.encode()) if in_form else Request(method, "/", text)
    assert json.loads(called(CloudWorld(), request).body)["Data"]["Status"] == "UNACTIVE"


def test_of_a_duplicate_parameter_the_last_counts_and_all_are_signed() -> None:
    pairs = signed("POST", pairs_of("GetDeviceStatus", [("DeviceName", "none"), *WHO.items()]))
    world = CloudWorld()
    assert json.loads(called(world, Request("POST", "/", urlencode(pairs))).body)["Success"] is True
    without = [pair for pair in pairs if pair != ("DeviceName", "none")]
    assert json.loads(called(world, Request("POST", "/", urlencode(without))).body)["Code"] == "SignatureDoesNotMatch"


@pytest.mark.parametrize("named", ["JSON", "json", "XML", "xml"])
def test_the_format_is_the_one_that_is_asked_for(named: str) -> None:
    answer = called(CloudWorld(), Request("POST", "/", signed_query("GetDeviceStatus", {**WHO, "Format": named})))
    assert answer.content_type.startswith(f"application/{named.lower()}")
    assert b"UNACTIVE" in answer.body


TEXTS = st.text(max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Data", "List", "Name"]), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["Data", "Code", "Message"]), VALUES))
def test_any_answer_is_xml_that_can_be_read(body: dict[str, Any]) -> None:
    assert ElementTree.fromstring(response(200, "PubResponse", body, xml=True).body).tag == "PubResponse"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")) | st.just("a\r\n\tb"))
def test_a_text_is_in_the_xml_as_it_is(text: str) -> None:
    root = ElementTree.fromstring(response(200, "PubResponse", {"Data": {"Value": text}}, xml=True).body)
    assert (root.findtext("Data/Value") or "") == text
