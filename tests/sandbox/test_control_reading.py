"""Bodies and queries of `/control`: what does not fit is a BodyError, whatever it is."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from jinqiao.base.errors import BodyError
from jinqiao.sandbox.control.call import Request
from jinqiao.sandbox.control.dispatch import match
from jinqiao.sandbox.control.reading import json_of, pointer_of, query_of, read
from jinqiao.simulator.language.fields import Span


class Wanted(Request):
    """A body."""

    lasts_s: Span = Field(alias="for", description="how long")
    names: list[str] = Field(default_factory=list)


def refused(value: dict[str, Any]) -> BodyError:
    with pytest.raises(BodyError) as found:
        read(Wanted, value)
    return found.value


def test_what_fits_is_read() -> None:
    assert read(Wanted, {"for": "2 min", "names": ["a"]}) == Wanted(**{"for": "2 min", "names": ["a"]})


def test_the_first_mistake_is_named_with_its_place() -> None:
    assert refused({"for": "2 min", "names": ["a", 5]}).as_json() == {
        "pointer": "/names/1",
        "found": 5,
        "expected": "text (in quotes)",
    }
    assert refused({}).as_json() == {"pointer": "/for", "found": None, "expected": "how long"}
    assert refused({"For": "2 min"}).as_json() == {
        "pointer": "/For",
        "found": "2 min",
        "expected": "for or names (did you mean 'for'?)",
    }


def test_a_pointer_escapes_what_would_be_read_otherwise() -> None:
    assert pointer_of(["a/b", 0, "~"]) == "/a~1b/0/~0"


@given(st.binary(max_size=200))
def test_a_body_is_an_object_or_a_body_error(body: bytes) -> None:
    with suppress(BodyError):
        assert isinstance(json_of(body), dict)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def refusal_of(value: dict[str, Any]) -> BodyError | None:
    try:
        read(Wanted, value)
    except BodyError as error:
        return error
    return None


@given(st.dictionaries(st.sampled_from(["for", "names", "x", ""]), JSON, max_size=3))
def test_any_object_is_the_model_or_a_body_error_about_one_of_its_places(value: dict[str, Any]) -> None:
    found = refusal_of(value)
    if found is not None:
        assert found.pointer.startswith("/")
        assert found.expected
        json.dumps(found.as_json(), default=str)


@given(st.text(max_size=80))
def test_any_query_is_read_or_refused(query: str) -> None:
    try:
        found = query_of(query)
    except BodyError:
        return
    assert all(isinstance(value, str) for value in found.values())


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/control/vehicles/LBV1", {"vin": "LBV1"}),
        ("/control/vehicles/", None),
        ("/control/vehicles", None),
        ("/control/vehicles/a/b", None),
        ("/control/vehiclesX/a", None),
    ],
)
def test_a_path_has_the_values_of_its_names(path: str, expected: dict[str, str] | None) -> None:
    assert match("/control/vehicles/{vin}", path) == expected
