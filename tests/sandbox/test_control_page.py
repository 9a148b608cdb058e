"""docs/control.md and the description are made from the table of calls, and the table has what is promised."""

from __future__ import annotations

import re
from pathlib import Path

from jinqiao.sandbox.control.openapi import document
from jinqiao.sandbox.control.page import control_page
from jinqiao.sandbox.control.table import CALLS

PAGE = Path(__file__).parents[2] / "docs" / "control.md"

#: The public interface.
PROMISED = """\
GET /control/openapi.json
GET /control/state
POST /control/pause
POST /control/resume
POST /control/speed
POST /control/advance
POST /control/stop
GET /control/vehicles
GET /control/vehicles/{vin}
GET /control/stations
POST /control/faults
GET /control/faults
DELETE /control/faults/{id}
POST /control/commands
GET /control/labels
POST /control/detections
GET /control/expectations
POST /control/expectations
"""


def test_the_page_is_written_from_the_table() -> None:
    """After a change of a call: python -m jinqiao.sandbox.control.page > docs/control.md"""
    assert PAGE.read_text() == control_page()


def test_every_call_that_is_promised_is_there_once() -> None:
    assert [f"{call.method} {call.path}" for call in CALLS] == PROMISED.splitlines()
    assert len({call.name for call in CALLS}) == len(CALLS)


def test_the_description_has_every_call_with_its_body_and_its_refusals() -> None:
    found = document(CALLS)
    assert found["openapi"] == "3.1.0"
    for call in CALLS:
        operation = found["paths"][call.path][call.method.lower()]
        assert operation["operationId"] == call.name
        assert str(call.status) in operation["responses"]
        assert ("401" in operation["responses"]) != call.is_open
        assert ("requestBody" in operation) == (call.body is not None)
        named = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", call.path))


def test_every_reference_of_the_description_leads_somewhere() -> None:
    found = document(CALLS)
    references = set(re.findall(r"'#/components/schemas/(\w+)'", str(found)))
    assert references
    assert references <= set(found["components"]["schemas"])
    assert "$defs" not in str(found)
