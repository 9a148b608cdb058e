"""A wrong file is told everything at once, in words, with places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from jinqiao.base.document import Document, Finding, Refused, did_you_mean
from jinqiao.base.errors import CatalogError, InputError, Problem, ScenarioError


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Circle(Strict):
    radius: float


class Box(Strict):
    width: float
    height: float


def _even(value: int) -> int:
    if value % 2:
        raise Refused(f"found {value}, expected an even number", "add one")
    return value


Name = Annotated[str, Field(min_length=2)]


class Drawing(Strict):
    later_keys: ClassVar[dict[str, str]] = {"sound": "music to look at it by"}

    title: str
    pages: Annotated[int, Field(ge=1)] = 1
    even: Annotated[int, AfterValidator(_even)] = 2
    colour: Literal["red", "green"] = "red"
    shape: Circle | Box | None = None
    size: int | str = 1
    labels: dict[Name, float] = {}
    corners: list[Circle] = Field([], min_length=1)
    ratio: Annotated[float, Field(gt=0, lt=60, allow_inf_nan=False)] = 1.0


def _problems(text: str, **more: Any) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        Document(text, name="d.yaml", error=ScenarioError).check(Drawing, **more)
    return [str(problem) for problem in caught.value.problems]


def test_a_right_document_is_the_model() -> None:
    drawing = Document("title: x\nshape: {radius: 2.0}", name="d.yaml").check(Drawing)
    assert drawing.shape == Circle(radius=2.0)


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("titel: x", ["d.yaml:1:1: title: key 'title' is missing",
                      "d.yaml:1:1: titel: unknown key 'titel' (did you mean 'title'?)"]),
        ("title: x\nqqq: 1", ["d.yaml:2:1: qqq: unknown key 'qqq', expected one of: title, pages, even, colour, shape,"
                              " size, labels, corners, ratio"]),
        ("title: x\nsound: 1", ["d.yaml:2:1: sound: found 'sound', which a later version will know"
                                " (music to look at it by); leave it out"]),
        ("title: 7", ["d.yaml:1:8: title: found 7, expected text (in quotes)"]),
        ("title: [x]", ["d.yaml:1:8: title: found a list of 1, expected text"]),
        ("title: x\npages: 0", ["d.yaml:2:8: pages: found 0, expected at least 1"]),
        ("title: x\npages: '3'", ["d.yaml:2:8: pages: found '3', expected a number without quotes"]),
        ("title: x\npages: true", ["d.yaml:2:8: pages: found true, expected a whole number"]),
        ("title: x\neven: 3", ["d.yaml:2:7: even: found 3, expected an even number\n  add one"]),
        ("title: x\ncolour: Red",
         ["d.yaml:2:9: colour: found 'Red', expected 'red' or 'green' (did you mean 'red'?)"]),
        ("title: x\nratio: 60", ["d.yaml:2:8: ratio: found 60, expected less than 60"]),
        ("title: x\nratio: .nan", ["d.yaml:2:8: ratio: found nan, expected a finite number"]),
        ("title: x\nlabels: {a: 1, bb: x}",
         ["d.yaml:2:10: labels.a: found 'a', expected at least 2 characters",
          "d.yaml:2:20: labels.bb: found 'x', expected a number"]),
        ("title: x\ncorners: []", ["d.yaml:2:10: corners: found an empty list, expected at least one entry"]),
        ("title: x\ncorners: [{radius: x}]", ["d.yaml:2:20: corners.0.radius: found 'x', expected a number"]),
        ("", ["d.yaml:1:1: found nothing, expected a mapping (key: value)"]),
        ("- 1", ["d.yaml:1:1: found a list of 1, expected a mapping (key: value)"]),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_with_its_place(text: str, problems: list[str]) -> None:
    assert _problems(text) == problems


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("size: [1]", ["d.yaml:2:7: size: found a list of 1, expected a whole number or text"]),
        ("shape: 3", ["d.yaml:2:8: shape: found 3, expected a mapping (key: value)"]),
        ("shape: {width: 1.0, hight: 2.0}",
         ["d.yaml:2:8: shape.height: key 'height' is missing",
          "d.yaml:2:21: shape.hight: unknown key 'hight' (did you mean 'height'?)"]),
        ("shape: {radius: x}", ["d.yaml:2:17: shape.radius: found 'x', expected a number"]),
    ],
)  # fmt: skip
def test_of_a_union_only_the_branch_that_was_meant_is_reported(text: str, problems: list[str]) -> None:
    assert _problems("title: x\n" + text) == problems


def test_all_problems_come_together_in_the_order_of_the_file() -> None:
    def also(data: Any) -> Iterator[Finding]:
        if data["even"] == 3:
            yield Finding(("even",), "three is never right", key=True)

    text = "pages: 0\neven: 3\ntitle: 1\nnope: 1\n"
    places = [problem.split(" ")[0] for problem in _problems(text, also=also)]
    assert places == ["d.yaml:1:8:", "d.yaml:2:1:", "d.yaml:2:7:", "d.yaml:3:8:", "d.yaml:4:1:"]
    with pytest.raises(ScenarioError, match="never right"):
        Document("title: x\neven: 4", name="d.yaml", error=ScenarioError).check(
            Drawing, also=lambda _: [Finding(("even",), "never right")]
        )


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"a: 1\nb: \xe4\n")
    large = tmp_path / "large.yaml"
    large.write_text("a: 1\n" * 10)
    for path, said in (
        (tmp_path / "absent.yaml", f"{tmp_path}/absent.yaml: no such file"),
        (tmp_path, f"{tmp_path}: cannot be read: Is a directory"),
        (latin, f"{latin}:2:1: not UTF-8 text"),
        (large, f"{large}: found a larger file, expected at most 40 bytes"),
    ):
        with pytest.raises(CatalogError) as caught:
            Document.load(path, error=CatalogError, max_bytes=40)
        assert str(caught.value) == said


def test_a_refusal_is_sorted_and_without_repeats() -> None:
    document = Document("a: 1\nb: 2", name="d.yaml")
    later, sooner = document.problem(["b"], "late"), document.problem(["a"], "early", hint="try c")
    error = document.refusal([later, sooner, later])
    assert isinstance(error, InputError)
    assert error.problems == (Problem("d.yaml", 1, 4, "a", "early", "try c"), Problem("d.yaml", 2, 4, "b", "late"))


def test_the_nearest_name_is_suggested() -> None:
    assert did_you_mean("comuter", ["delivery", "commuter"]) == " (did you mean 'commuter'?)"
    assert did_you_mean("AC", ["ac", "dc"]) == " (did you mean 'ac'?)"
    assert did_you_mean("zebra", ["ac", "dc"]) == ""
