"""How a detector scores, worked out from labels and detections alone, after docs/expectations.md.

It imports nothing of the project: whoever doubts a score can run it over `GET /control/labels` and what a product told.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any

__all__ = ["latency_s", "scored"]

GRACE_MS = 60_000


def scored(fault: str, labels: list[dict[str, Any]], detections: list[dict[str, Any]]) -> dict[str, Any]:
    """Precision, recall (None where there is none), and the latencies, ms, in the order of the detections' times."""
    faults: list[dict[str, Any]] = []
    for label in labels:
        if label["fault"] != fault:
            continue
        if label["phase"] == "begin":
            faults.append({**label, "begin": label["time"], "end": math.inf, "open": True, "found": None})
        elif label["phase"] == "once":
            faults.append({**label, "begin": label["time"], "end": label["time"], "open": False, "found": None})
        else:
            for one in faults:
                same = one["vehicle"] == label["vehicle"] and one["parameters"] == label["parameters"]
                if one["open"] and same:
                    one["open"], one["end"] = False, label["time"]
                    break
    true = false = repeats = 0
    latencies = []
    told = [(one["time"], number) for number, one in enumerate(detections) if one["fault"] == fault]
    for time_ms, number in sorted(told):
        there = [
            one
            for one in faults
            if one["vehicle"] == detections[number]["vehicle"]
            and one["begin"] <= time_ms
            and time_ms <= one["end"] + GRACE_MS
        ]
        new = [one for one in there if one["found"] is None]
        if new:
            first = min(new, key=lambda one: one["begin"])
            first["found"] = time_ms
            latencies.append(time_ms - first["begin"])
            true += 1
        elif there:
            repeats += 1
        else:
            false += 1
    return {
        "true": true,
        "false": false,
        "repeats": repeats,
        "labels": len(faults),
        "precision": true / (true + false) if true + false else None,
        "recall": true / len(faults) if faults else None,
        "latencies_ms": latencies,
    }


def latency_s(latencies_ms: list[int], percent: float) -> float | None:
    """The smallest latency that so many percent of all do not exceed."""
    ordered = sorted(latencies_ms)
    for place, latency in enumerate(ordered, 1):
        if place * 100 >= percent * len(ordered):
            return latency / 1000
    return None


if __name__ == "__main__":
    with open(sys.argv[2]) as labels_file, open(sys.argv[3]) as detections_file:
        print(json.dumps(scored(sys.argv[1], json.load(labels_file), json.load(detections_file)), indent=2))
