"""YAML from a stranger: plain data or a list of faults with places, in bounded time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.yaml_tree import MAX_DEPTH, YamlFault, YamlTree

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
)
MERGE_BOMB = "a0: &a0 {x: 1}\n" + "".join(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}\n" for i in range(1, 40))


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", None),
        ("# only a comment\n", None),
        ("a: 1\nb: 1.5\nc: true\nd: ~\ne: x\nf: '7'", {"a": 1, "b": 1.5, "c": True, "d": None, "e": "x", "f": "7"}),
        ("at: 2026-11-23T07:00+08:00", {"at": "2026-11-23T07:00+08:00"}),
        ("at: 2026-11-23T07:00:00+08:00", {"at": "2026-11-23T07:00:00+08:00"}),
        ("at: 2026-11-23", {"at": "2026-11-23"}),
        ("at: 07:45\nno: on", {"at": "07:45", "no": "on"}),
        ("1: a\ntrue: b\n~: c", {"1": "a", "true": "b", "~": "c"}),
        ("a: &x true\nb: *x", {"a": True, "b": True}),
        ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
        ("base: &b {x: 1, y: 1}\nown: {<<: *b, y: 2}", {"base": {"x": 1, "y": 1}, "own": {"x": 1, "y": 2}}),
        ("\ufeffa: 1", {"a": 1}),
    ],
)
def test_yaml_becomes_builtins(text: str, data: object) -> None:
    assert YamlTree(text).data == data


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("a: 5:", [(1, 5, "not YAML: mapping values are not allowed here")]),
        ("a: 1\n---\nb: 2", [(2, 1, "not YAML: expected a single document in the stream but found another document")]),
        ("a: 1\nb: x\x00", [(2, 5, "the character U+0000 may not stand in YAML")]),
        (
            "a: 1\na: 2\nb: {c: 1,\n    c: 2}",
            [
                (2, 1, "the key 'a' appears twice, first on line 1; keys must be unique"),
                (4, 5, "the key 'c' appears twice, first on line 3; keys must be unique"),
            ],
        ),
        ("a: !foo 1\nb: !!set {x}", [(1, 4, "the tag !foo is not used in these files"),
                                     (2, 4, "the tag !!set is not used in these files")]),
        ("? [a, b]\n: 1", [(1, 3, "a key is a word or a text, not a list or a mapping")]),
        ("<<: 3", [(1, 5, "`<<` merges a mapping, or a list of mappings")]),
        ("a: " + "9" * 5000, [(1, 4, "no int that can be read")]),
        ('a: "\\ud800"', [(1, 4, "half a surrogate pair is not text")]),
        ("a: *b", [(1, 4, "not YAML: found undefined alias 'b'")]),
        ("a: &a [*a]", [(1, 4, f"nested deeper than {MAX_DEPTH} levels")]),
        ("[" * 5000, [(1, MAX_DEPTH + 1, f"nested deeper than {MAX_DEPTH} levels")]),
        ("- " * 5000, [(1, 2 * MAX_DEPTH + 1, f"nested deeper than {MAX_DEPTH} levels")]),
    ],
)  # fmt: skip
def test_a_fault_says_what_and_where(text: str, faults: list[tuple[int, int, str]]) -> None:
    with pytest.raises(YamlFault) as caught:
        YamlTree(text)
    assert caught.value.faults == faults


@pytest.mark.parametrize("text", [BOMB, MERGE_BOMB], ids=["aliases", "merge keys"])
@pytest.mark.timeout(30)
def test_a_small_file_cannot_grow_in_memory(text: str) -> None:
    with pytest.raises(YamlFault, match="values when its aliases are written out"):
        YamlTree(text)


def test_places_of_keys_and_values() -> None:
    tree = YamlTree("base: &b {x: 1}\nlist:\n  - one: 1\n    two: [a, b]\n  - <<: *b\nempty:\n")
    assert tree.position(["list", 0, "two"]) == (4, 10)
    assert tree.position(["list", 0, "two"], key=True) == (4, 5)
    assert tree.position(["list", 0, "two", 1]) == (4, 14)
    assert tree.position(["list", 0, "three"]) == (3, 5)  # absent: where its parent stands
    assert tree.position(["list", 1, "x"]) == (1, 14)  # merged: where it was written
    assert tree.position(["empty"]) == (6, 1)  # nothing behind the key
    assert tree.position([]) == (1, 1)
    assert tree.has(["list", 1, "x"])
    assert not tree.has(["list", 2])
    assert not tree.has(["list", "one"])
    assert not tree.has(["base", "x", "y"])


@given(st.text(max_size=60) | st.text(alphabet="ab:-[]{},&*!<#|>'\"\n ?0.~", max_size=60))
def test_any_text_is_data_or_a_fault(text: str) -> None:
    tree, faults = None, [(1, 1, "")]
    try:
        tree = YamlTree(text)
    except YamlFault as fault:
        faults = fault.faults
    assert faults
    assert all(line >= 1 and column >= 1 for line, column, _ in faults)
    assert tree is None or tree.position(["a", 0]) >= (1, 1)


@pytest.mark.parametrize(
    "text",
    [
        "a: one < 20 kX",
        'a: "one < 20 kX"',
        "a: 'one < 20 kX'",
        "a: one\n  < 20 kX",
        "a: >\n  one\n  < 20 kX\n",
        "a: |\n  one\n  < 20 kX\n",
        "a: one   <\n\n     20 kX",
    ],
)
def test_a_place_inside_a_text_is_found_in_the_file(text):
    tree = YamlTree(text)
    line, column = tree.position(("a",), at=tree.data["a"].index("20"))
    assert text.split("\n")[line - 1][column - 1 :].startswith("20")


def test_a_place_behind_an_escape_is_where_the_text_begins():
    assert YamlTree('a: "on\\u0065 < 20 kX"').position(("a",), at=6) == (1, 4)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("{a: f(1 ms, 2 ms), b: 3}", {"a": "f(1 ms, 2 ms)", "b": 3}),
        ("[f(1, g(2, 3)), 4]", ["f(1, g(2, 3))", 4]),
        ("{a: f(1, b: 2}", {"a": "f(1", "b": 2}),
        ("{a: f(1, b, c: 2}", {"a": "f(1", "b": None, "c": 2}),
        ("{a: 'f(1', b)}", {"a": "f(1", "b)": None}),
        ("[f(1, 'x)', y)]", ["f(1", "x)", "y)"]),
        ("a: f(1, 2)", {"a": "f(1, 2)"}),
    ],
)
def test_a_comma_within_parentheses_does_not_end_a_value(text: str, data: object) -> None:
    assert YamlTree(text).data == data


def test_parentheses_that_never_close_cost_no_square_of_their_length() -> None:
    tree = YamlTree("[" + "f(1, " * 40_000 + "x]")
    assert len(tree.data) == 40_001
