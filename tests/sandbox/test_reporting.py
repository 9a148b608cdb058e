"""Reports of a run's verdicts: text, JSON, JUnit XML, a page; and the exit code of a run that is judged."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.sandbox.reporting import junit, verdicts_json
from jinqiao.sandbox.reporting.facts import Facts, Phase, Spell, clock
from jinqiao.sandbox.reporting.page import page
from jinqiao.sandbox.reporting.plot import plot
from jinqiao.sandbox.reporting.text import lines
from jinqiao.sandbox.reporting.write import Reports
from jinqiao.simulator.expectations import Failure, Series, Verdict
from support.programs import Program

START_MS = 1_795_392_000_000
PASSED = Verdict("physics", "passed", "0 violations in 329,530 checked values", 20, 329_530)
FAILED = Verdict(
    "never(battery:CellTemperatureMax > 60 degC)",
    "failed",
    "71.5 degC",
    17,
    9315,
    (Failure(START_MS + 61_000, "WBY00RD80M1100800", "60.3 degC"), Failure(START_MS + 90_000, None, "a < b & c")),
    Series("CellTemperatureMax", "degC", (START_MS, START_MS + 60_000, START_MS + 120_000), (20.0, 59.5, 71.5)),
)
NEVER = Verdict("reply(StartClimate) within 2 s for 99 %", "not exercised", "StartClimate was never called", 21)
PENDING = Verdict("eventually(count(charging) > 20)", "pending", "at most 3", None, 7)
FACTS = Facts(
    scenario="Morning.of <two> & more",
    file="morning.yaml",
    start="2026-11-23T08:00:00+08:00",
    start_ms=START_MS,
    simulated_s=1200.0,
    wall_s=1.25,
    seed=3,
    vehicles=35,
    towns=1,
    ended="finished",
    reason="",
    broke=False,
    sha256="ab" * 32,
    version="0.1.0",
    verdicts=(PASSED, FAILED, NEVER),
    published={"property_post": 9669},
    fleets={
        "taxis <1>": {
            "vehicles": 5,
            "distance_km": 80.945,
            "energy_kwh": 14.0,
            "charged_kwh": 0.0,
            "sessions": 0,
            "queued_s": 90,
            "rescues": 0,
        }
    },
    phases=(Phase("warm-up", 0, 600), Phase("rush", 600, 1200)),
    spells=(Spell("cell_overheat", "WBY00RD80M1100800", 30.0, 100.0), Spell("lost", "WBY00RD80M1100801", 40.0, None)),
)


def test_the_text_has_a_line_a_verdict_and_the_moments_of_those_that_failed() -> None:
    assert lines(FACTS) == [
        "  expected   1 passed, 1 failed, 1 not exercised",
        "    passed         physics                                      0 violations in 329,530 checked values",
        "    FAILED         never(battery:CellTemperatureMax > 60 degC)  71.5 degC",
        "                     at 0:01:01  WBY00RD80M1100800: 60.3 degC",
        "                     at 0:01:30  a < b & c",
        "    NOT EXERCISED  reply(StartClimate) within 2 s for 99 %      StartClimate was never called",
    ]
    assert lines(replace(FACTS, verdicts=())) == []


def test_the_json_says_whether_all_is_well_and_what_was_measured() -> None:
    found = json.loads(verdicts_json.document(FACTS))
    assert (found["ok"], found["counts"]) == (False, {"passed": 1, "failed": 1, "not exercised": 1})
    assert found["expectations"][0] == {
        "expect": "physics",
        "verdict": "passed",
        "measured": "0 violations in 329,530 checked values",
        "line": 20,
        "exercised": 329_530,
        "failures": [],
    }
    assert json.loads(verdicts_json.document(replace(FACTS, verdicts=(PASSED,))))["ok"]
    assert not json.loads(verdicts_json.document(replace(FACTS, verdicts=(PASSED,), broke=True)))["ok"]


def test_a_ci_counts_what_failed_and_finds_its_place() -> None:
    suites = ET.fromstring(junit.document(replace(FACTS, verdicts=(*FACTS.verdicts, PENDING))))
    (suite,) = suites
    counts = {"tests": "4", "failures": "2", "errors": "0", "skipped": "1"}
    for element in (suites, suite):
        assert {name: element.get(name) for name in counts} == counts
    assert (suite.get("name"), suite.get("timestamp")) == (FACTS.scenario, "2026-11-23T08:00:00")
    passed, failed, never, pending = suite.findall("testcase")
    assert [child.tag for child in passed] == ["system-out"]
    assert (failed.get("name"), failed.get("file"), failed.get("line")) == (FAILED.expect, "morning.yaml", "17")
    failure = failed.find("failure")
    assert failure is not None
    assert (failure.get("type"), failure.get("message")) == ("failed", "71.5 degC")
    assert failure.text is not None
    assert "at 0:01:01  WBY00RD80M1100800: 60.3 degC" in failure.text
    failure = never.find("failure")
    assert failure is not None
    assert failure.get("type") == "not exercised"
    assert [child.tag for child in pending] == ["skipped"]
    assert {case.get("classname") for case in suite.findall("testcase")} == {"Morning of <two> & more"}


def test_a_run_that_broke_is_an_error_even_where_nothing_is_expected() -> None:
    broken = replace(FACTS, verdicts=(), ended="failed", reason="the gateway process ended", broke=True)
    (suite,) = ET.fromstring(junit.document(broken))
    assert (suite.get("tests"), suite.get("errors")) == ("1", "1")
    error = suite.find("testcase/error")
    assert error is not None
    assert error.get("message") == "the gateway process ended"


@given(st.text(), st.text(), st.text())
def test_any_text_makes_xml_that_can_be_read(expect: str, measured: str, name: str) -> None:
    verdict = Verdict(expect, "failed", measured, 1, 1, (Failure(START_MS, name, measured),))
    document = junit.document(replace(FACTS, scenario=name, verdicts=(verdict,))).encode()
    case = ET.fromstring(document).find("testsuite/testcase")
    assert case is not None


def test_what_xml_cannot_carry_is_written_out() -> None:
    assert junit.printable("a\x00b\x1b[31m\tü金\ufffe\U0001f697\ud800") == "a\\x00b\\x1b[31m\tü金\\ufffe🚗\\ud800"


class Elements(HTMLParser):
    """The page's elements, each closed, and what it loads from elsewhere."""

    VOID = frozenset({"meta", "line", "rect", "circle", "polyline"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.outside: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.outside += [value or "" for name, value in attrs if name in {"src", "href", "action"}]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def elements(text: str) -> Elements:
    found = Elements()
    found.feed(text)
    found.close()
    assert [tag for tag in found.open if tag not in {"html", "body", "p"}] == []
    return found


def test_the_page_needs_nothing_else_and_shows_what_failed_first() -> None:
    text = page(FACTS)
    found = elements(text)
    assert found.outside == []
    assert "script" not in found.tags
    assert found.tags.count("article") == 3
    assert found.tags.count("svg") == 1 + 2, "a plot, and the marks of its legend"
    words = " ".join(found.words)
    places = [words.index(verdict.expect) for verdict in (FAILED, NEVER, PASSED)]
    assert places == sorted(places)
    for shown in ("warm-up", "rush", "taxis <1>", "80.9", "1.5", "cell_overheat", "9,669", "Morning.of <two> & more"):
        assert shown in words


@given(st.text(), st.text(), st.text())
def test_any_text_is_shown_as_text(expect: str, measured: str, name: str) -> None:
    series = Series(name, measured, (START_MS, START_MS + 1000), (1.0, 2.0))
    verdict = Verdict(expect, "failed", measured, 1, 1, (Failure(START_MS, name, measured),), series)
    facts = replace(
        FACTS, scenario=name, verdicts=(verdict,), phases=(Phase(name, 0, 10),), spells=(Spell(name, name, 0, 1),)
    )
    plain = elements(page(replace(facts, scenario="", verdicts=(replace(verdict, expect="", measured=""),))))
    assert elements(page(facts)).tags == plain.tags


@given(
    st.lists(st.tuples(st.integers(0, 10**7), st.floats(allow_nan=True, allow_infinity=True)), max_size=30),
    st.floats(0, 1e6),
)
def test_any_series_is_drawn_within_its_picture(points: list[tuple[int, float]], simulated_s: float) -> None:
    points = sorted(points)
    series = Series("x", "", tuple(START_MS + at for at, _ in points), tuple(value for _, value in points))
    drawn = plot(replace(FACTS, simulated_s=simulated_s), series, [0.0, 1e9])
    finite = [value for _, value in points if abs(value) < 1e15]
    assert bool(drawn) == bool(finite)
    assert "nan" not in drawn
    assert "inf" not in drawn
    if drawn:
        svg = ET.fromstring(drawn)
        places = [float(element.get("cy", "50")) for element in svg.iter("circle")]
        for line in svg.iter("polyline"):
            places += [float(point.split(",")[1]) for point in (line.get("points") or "").split()]
        assert all(0 <= place <= 200 for place in places)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00:00"), (59.6, "0:01:00"), (3725, "1:02:05"), (90_000, "25:00:00")]
)
def test_a_moment_is_shown_as_time_since_the_start(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_a_file_that_cannot_be_is_refused_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--junit: no folder '.*none' to write 'v.xml' into"):
        Reports(junit=tmp_path / "none" / "v.xml")
    with pytest.raises(InputError, match=r"--report: .* is a folder, expected a file"):
        Reports(report=tmp_path)


def test_a_file_that_cannot_be_written_keeps_no_other_from_it(tmp_path: Path) -> None:
    reports = Reports(tmp_path / "v.json", Path("/dev/full"), tmp_path / "v.html")
    with pytest.raises(EnvironmentFault, match="--junit: /dev/full cannot be written: No space left on device"):
        reports.write(FACTS)
    assert {file.name for file in tmp_path.iterdir()} == {"v.json", "v.html"}


PLAN = """\
name: Judged
seed: 3
start: 2026-11-23T08:00+08:00
duration: 2 min
fleets:
  - {name: runners, count: 2, models: {bmw-ix3-2021: 1}, agenda: {cycle: WLTC}, initial_soc: 0.9}
expect:
  - always(StateOfCharge of runners > 5 %)
"""


def run(start: Callable[..., Program], tmp_path: Path, more: str = "") -> tuple[int, str, dict[str, object]]:
    scenario = tmp_path / "judged.yaml"
    scenario.write_text(PLAN + more)
    files = [f"--{name}={tmp_path / name}" for name in ("verdicts", "junit", "report")]
    ports = ("--mqtt-port", "0", "--amqp-port", "0")
    code, out, errors = start("run", str(scenario), "--speed", "max", "-q", *ports, *files).finish()
    return code, errors, out[-1]["summary"]


def test_a_run_whose_expectations_hold_ends_with_0(start: Callable[..., Program], tmp_path: Path) -> None:
    code, errors, summary = run(start, tmp_path)
    assert code == 0, errors
    assert "  expected   1 passed\n" in errors
    verdicts = json.loads((tmp_path / "verdicts").read_text())
    assert verdicts["expectations"] == summary["expectations"]
    assert ET.parse(tmp_path / "junit").getroot().get("failures") == "0"
    assert "always(StateOfCharge of runners &gt; 5 %)" in (tmp_path / "report").read_text()


@pytest.mark.parametrize(
    ("expectation", "word"),
    [("never(StateOfCharge > 50 %)", "failed"), ("reply(StartClimate) within 2 s for 99 %", "not exercised")],
)
def test_a_run_whose_expectations_do_not_ends_with_1(
    start: Callable[..., Program], tmp_path: Path, expectation: str, word: str
) -> None:
    code, errors, summary = run(start, tmp_path, f"  - {expectation}\n")
    assert code == 1
    assert f"jinqiao: 1 of 2 expectations do not hold: 1 passed, 1 {word}" in errors
    found = summary["expectations"]
    assert isinstance(found, list)
    assert [one["verdict"] for one in found] == ["passed", word]
    assert ET.parse(tmp_path / "junit").getroot().get("failures") == "1"
