"""The `aksign` login: what the vendor's samples send, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.amqp.login import BadLogin, login_of, verified
from jinqiao.gateway.platform.registry.accounts import AccessKey
from jinqiao.wire.amqp.sasl import Plain
from support.amqp_peer import KEY, credentials

KEYS = {KEY.id: KEY, "other": AccessKey("other", "othersecret")}
#: As python-qpid-proton's sample sends it; the password is openssl's: printf 'authId=testid&timestamp=1795334016880' |
#: openssl dgst -sha1 -hmac testsecret -binary | base64.
SAMPLE = Plain(
    "client-1|authMode=aksign,signMethod=hmacsha1,timestamp=1795334016880,authId=testid,iotInstanceId=,"
    "consumerGroupId=DEFAULT_GROUP|",
    "NKpzLjyPXN+Kb6nQFDpYntKYYpY=",
)


def test_the_samples_login_is_read_and_verified() -> None:
    login = login_of(SAMPLE)
    assert (login.client_id, login.group_id, login.key_id, login.base64) == (
        "client-1",
        "DEFAULT_GROUP",
        "testid",
        False,
    )
    assert verified(login, SAMPLE, KEYS) is KEY


@pytest.mark.parametrize("method", ["md5", "sha1", "sha256"])
def test_every_sign_method_is_known(method: str) -> None:
    plain = credentials(method)
    assert verified(login_of(plain), plain, KEYS) is KEY


@given(st.permutations(["authMode=aksign", "signMethod=hmacsha1", "timestamp=1", "authId=testid", "consumerGroupId=g"]))
def test_keys_come_in_any_order(pairs: list[str]) -> None:
    login = login_of(Plain(f"c|{','.join(pairs)}|", "x"))
    assert (login.group_id, login.timestamp) == ("g", "1")


def test_bodies_may_be_asked_for_in_base64() -> None:
    assert login_of(credentials(more=",encode=base64")).base64


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "not clientId"),
        ("c", "not clientId"),
        ("c|authMode=aksign", "not clientId"),
        ("|authMode=aksign|", "no client id"),
        ("c" * 129 + "|authMode=aksign|", "no client id"),
        ("c|authMode=other|", "authMode 'other'"),
        ("c|authMode=aksign,signMethod=hmacsha512|", "signMethod 'hmacsha512'"),
        ("c|authMode=aksign,signMethod=hmacsha1,authId=testid|", "no timestamp, consumerGroupId"),
        ("c|" + "a" * 1_100 + "|", "not clientId"),
    ],
)
def test_a_user_name_that_is_none_is_refused(name: str, why: str) -> None:
    with pytest.raises(BadLogin, match=why):
        login_of(Plain(name, "x"))


@pytest.mark.parametrize("password", ["", "x", "ä", credentials(key=AccessKey("testid", "wrong")).password])
def test_a_wrong_password_is_refused(password: str) -> None:
    plain = Plain(credentials().user_name, password)
    with pytest.raises(BadLogin, match="wrong signature"):
        verified(login_of(plain), plain, KEYS)


def test_one_keys_signature_does_not_do_for_another() -> None:
    plain = Plain(credentials().user_name.replace("testid", "other"), credentials().password)
    with pytest.raises(BadLogin, match="wrong signature"):
        verified(login_of(plain), plain, KEYS)


def test_an_unknown_key_is_refused() -> None:
    plain = credentials(key=AccessKey("nobody", "x"))
    with pytest.raises(BadLogin, match="unknown access key"):
        verified(login_of(plain), plain, KEYS)


@given(st.text(max_size=80), st.text(max_size=40))
def test_whatever_the_user_name_is_it_is_a_login_or_refused(name: str, password: str) -> None:
    plain = Plain(name, password)
    with pytest.raises(BadLogin):
        verified(login_of(plain), plain, KEYS)
