"""The wire schemas: what is checked in is what the generator writes, and every signal has its field."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor import FieldDescriptor

from jinqiao.base.signals import GROUPS, SIGNALS
from jinqiao.telemetry.v1 import telemetry_pb2

ROOT = Path(__file__).parent.parent.parent
#: Fields that are no signals stand below this number.
FIRST_SIGNAL = 16
TYPES = {
    "f4": FieldDescriptor.TYPE_FLOAT,
    "f8": FieldDescriptor.TYPE_DOUBLE,
    "i4": FieldDescriptor.TYPE_SFIXED32,
    "u1": FieldDescriptor.TYPE_FIXED32,
}


@pytest.mark.program
def test_what_is_checked_in_is_what_the_generator_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(ROOT / "tools" / "compile_proto.py"), str(tmp_path)], check=True)
    written = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*_pb2.py*")}
    kept = (ROOT / "proto").rglob("*_pb2.py*")
    assert written == {p.relative_to(ROOT / "proto"): p.read_text() for p in kept if "__pycache__" not in p.parts}


def test_each_signal_has_its_field_and_no_field_is_without_signal() -> None:
    fields = telemetry_pb2.VehicleSample.DESCRIPTOR.fields
    signals = {field.name: (field.type, field.has_presence) for field in fields if field.number >= FIRST_SIGNAL}
    assert signals == {name: (TYPES[signal.dtype], True) for name, signal in SIGNALS.items()}


def test_each_group_of_the_table_is_named() -> None:
    assert telemetry_pb2.Group.keys() == ["GROUP_UNSPECIFIED", *(f"GROUP_{name.upper()}" for name in GROUPS)]


def test_no_published_number_was_given_away() -> None:
    """The list grows by a row when a field comes; a row never changes, for recordings and receivers know it."""
    messages = telemetry_pb2.DESCRIPTOR.message_types_by_name
    now = {(name, field.name): field.number for name, message in messages.items() for field in message.fields}
    with (ROOT / "tests" / "golden" / "telemetry_fields.csv").open() as file:
        published = {(row["message"], row["field"]): int(row["number"]) for row in csv.DictReader(file)}
    assert now == published
