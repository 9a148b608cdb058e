"""Verdicts as one JSON object (`--verdicts`)."""

from __future__ import annotations

import json
from typing import Any

from .facts import Facts

__all__ = ["as_json", "document"]


def as_json(facts: Facts) -> dict[str, Any]:
    """`ok` is whether every expectation passed; each is as `GET /control/expectations` lists it."""
    return {
        "scenario": facts.scenario,
        "file": facts.file,
        "seed": facts.seed,
        "start": facts.start,
        "simulated_s": facts.simulated_s,
        "ended": facts.ended,
        "reason": facts.reason,
        "sha256": facts.sha256,
        "ok": not facts.bad and not facts.broke,
        "counts": {word: facts.count(word) for word in ("passed", "failed", "not exercised")},
        "expectations": [verdict.as_json() for verdict in facts.verdicts],
    }


def document(facts: Facts) -> str:
    """The file's text."""
    return json.dumps(as_json(facts), indent=2, ensure_ascii=False) + "\n"
