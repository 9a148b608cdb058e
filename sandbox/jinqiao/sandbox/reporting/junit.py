"""Verdicts as JUnit XML (`--junit`), in the form that GitHub, GitLab, Jenkins and Azure read.

A test suite is the run, a test case an expectation. One that was never exercised is a failure of a type of its own:
a CI that shows it as skipped would be green. The elements and attributes are those of the Jenkins xUnit schema
(https://github.com/jenkinsci/xunit-plugin, junit-10.xsd).
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from jinqiao.simulator.expectations import Verdict

from .facts import Facts, clock

__all__ = ["document", "printable"]

#: What XML 1.0 has no form for, not even as a reference (production 2, Char).
_NO_CHARACTER = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST_NAME = 300


def document(facts: Facts) -> str:
    """The file's text."""
    cases = [_case(facts, verdict) for verdict in facts.verdicts]
    if facts.broke:
        cases.append(_broken(facts))
    totals = {
        "tests": str(len(cases)),
        "failures": str(len(facts.bad)),
        "errors": str(int(facts.broke)),
        "skipped": str(facts.count("pending")),
        "time": f"{facts.wall_s:.3f}",
    }
    suites = ET.Element("testsuites", {"name": "jinqiao", **totals})
    suite = ET.SubElement(
        suites, "testsuite", {"name": printable(facts.scenario), **totals, "timestamp": facts.start[:19]}
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in (
        ("version", facts.version),
        ("seed", facts.seed),
        ("vehicles", facts.vehicles),
        ("simulated_s", f"{facts.simulated_s:g}"),
        ("ended", facts.ended),
        ("sha256", facts.sha256),
    ):
        ET.SubElement(properties, "property", {"name": name, "value": printable(str(value))})
    suite.extend(cases)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def printable(text: str) -> str:
    """The text with what XML cannot carry written out: `\\x1b`."""
    return _NO_CHARACTER.sub(lambda found: ascii(found[0])[1:-1], text)


def _case(facts: Facts, verdict: Verdict) -> ET.Element:
    place = {"file": printable(facts.file)}
    if verdict.line is not None:
        place["line"] = str(verdict.line)
    case = ET.Element(
        "testcase",
        {
            "name": printable(verdict.expect)[:_LONGEST_NAME],
            "classname": printable(facts.scenario.replace(".", " ")),  # a dot would make packages of it
            "time": "0",
            **place,
        },
    )
    if verdict.verdict in ("failed", "not exercised"):
        message = verdict.measured if verdict.verdict == "failed" else f"never exercised: {verdict.measured}"
        failure = ET.SubElement(case, "failure", {"message": printable(message), "type": verdict.verdict})
        failure.text = printable(_told(facts, verdict))
    elif verdict.verdict == "pending":
        ET.SubElement(case, "skipped", {"message": printable(verdict.measured or "not decided")})
    else:
        ET.SubElement(case, "system-out").text = printable(f"{verdict.measured} ({verdict.exercised:,} looked at)")
    return case


def _told(facts: Facts, verdict: Verdict) -> str:
    place = facts.file if verdict.line is None else f"{facts.file}:{verdict.line}"
    lines = [f"{place}: {verdict.expect}", f"{verdict.verdict}: {verdict.measured}"]
    for one in verdict.failures:
        who = f"{one.vin}: " if one.vin else ""
        lines.append(f"  at {clock(facts.seconds_of(one.time_ms))}  {who}{one.text}")
    return "\n".join(lines)


def _broken(facts: Facts) -> ET.Element:
    """The run did not come to its end: a case of its own, so that no CI is green for want of verdicts."""
    case = ET.Element(
        "testcase", {"name": "the run", "classname": printable(facts.scenario.replace(".", " ")), "time": "0"}
    )
    ET.SubElement(case, "error", {"message": printable(facts.reason), "type": facts.ended})
    return case
