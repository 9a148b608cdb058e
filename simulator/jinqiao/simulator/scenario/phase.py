"""Phases: stretches of a run that have a name, for reports and for what is expected of a part of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from jinqiao.base.explain import Finding
from jinqiao.base.quantity import QuantityError, parse_duration_s
from jinqiao.base.words import Refused, show

from ..language.fields import Model, Span

__all__ = ["PHASE", "PhaseSpec", "phase_mistakes"]

#: What a phase may be called: it stands in `during rush: …`.
PHASE = r"[^\W\d][\w-]*"


def _one_word(name: str) -> str:
    if len(name) > 60 or not re.fullmatch(PHASE, name):
        raise Refused(f"found {show(name)}, expected one word that begins with a letter, like warm-up")
    return name


class PhaseSpec(Model):
    """One phase: from the end of the one before, or from the start, until its own."""

    name: Annotated[
        str, AfterValidator(_one_word), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 60})
    ] = Field(description="What it is called: one word.")
    until_s: Span = Field(alias="until", description="Its end, from the scenario's start.")


def phase_mistakes(data: Any) -> Iterator[Finding]:
    """Names given twice, ends that do not rise, in the plain data of a scenario."""
    phases = data.get("phases") if isinstance(data, dict) else None
    names: dict[str, int] = {}
    before, written = 0.0, "the start"
    for index, phase in enumerate(phases if isinstance(phases, list) else []):
        name, until = (phase.get(key) if isinstance(phase, dict) else None for key in ("name", "until"))
        if isinstance(name, str):
            if name in names:
                message = f"found {name!r} a second time, phases.{names[name]} has it; expected a name of its own"
                yield Finding(("phases", index, "name"), message)
            names.setdefault(name, index)
        try:
            seconds = parse_duration_s(until)
        except QuantityError:
            continue  # its field reports it
        if seconds <= before:
            yield Finding(("phases", index, "until"), f"found {until!r}, expected a time after {written}")
        else:
            before, written = seconds, repr(until)
