"""Texts with places for members of an output."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.rules.output import Output
from jinqiao.gateway.rules.templates import filled, placed


def output(**result: Any) -> Output:
    return Output(1, "r", result, "/pk/dn/thing/event/property/post", "pk", "dn", "1" * 19, 0)


def test_places_are_filled_with_members_and_with_who_said_it() -> None:
    template = "/${productKey()}/${deviceName()}/user/${kind}/${kind}"
    assert placed(template) == ["productKey()", "deviceName()", "kind", "kind"]
    assert filled(template, output(kind=7)) == "/pk/dn/user/7/7"


@given(st.text(), st.text())
def test_what_a_value_says_is_never_a_place(one: str, other: str) -> None:
    assert filled("${a}|${b}", output(a=one + "${b}", b=other)) == f"{one}${{b}}|{other}"


@pytest.mark.parametrize(
    ("template", "why"), [("/x/${a", "does not end"), ("${b}", "has no 'b'"), ("${o}", "no text"), ("${n}", "no text")]
)
def test_what_cannot_be_filled_is_refused(template: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        filled(template, output(a=1, o={}, n=None))
