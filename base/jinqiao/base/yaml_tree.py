"""YAML 1.2 text as plain data that remembers where everything stood; safe to point at a stranger's file.

Only what JSON also has: mappings with text keys, lists, text, numbers, true/false, null (dates stay text). Aliases and
merge keys (`<<`) work, but nothing may grow: nesting, and the size after aliases are written out, are limited.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeGuard

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

__all__ = ["MAX_DEPTH", "MAX_VALUES", "YamlFault", "YamlTree"]

#: Files of this project nest about ten deep.
MAX_DEPTH = 64
#: Values after aliases are written out: at most this, and at most what the text could hold without them (one value
#: needs one character) and some room for honest aliases. A registry of 100,000 devices has some 300,000.
MAX_VALUES = 2_000_000
ALIAS_ROOM = 10_000
#: Commas within one pair of parentheses.
_LONGEST_CALL = 64

_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"
#: What stays the text it is; a date is given its meaning (and its zone) by the field it stands in.
_TEXT = frozenset({_TAG + "str", _TAG + "timestamp", _TAG + "value"})

Faults = list[tuple[int, int, str]]


class YamlFault(Exception):
    """Text that is no acceptable YAML: `faults` holds (line, column, what), counted from 1."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{line}:{column}: {what}" for line, column, what in faults))


class YamlTree:
    """One parsed text: `data` in builtins, and the position of each key and value. Raises YamlFault."""

    def __init__(self, text: str) -> None:
        yaml = YAML(typ="safe", pure=True)
        yaml.max_depth = MAX_DEPTH
        yaml.composer.warn_double_anchors = False  # the later anchor wins, as YAML says
        try:
            self._root: Node | None = yaml.compose(text)
        except MarkedYAMLError as problem:
            raise YamlFault([_marked(problem)]) from problem
        except ReaderError as problem:
            before = text[: problem.position]
            line, column = before.count("\n") + 1, problem.position - before.rfind("\n")
            code = problem.character if isinstance(problem.character, int) else ord(problem.character)
            raise YamlFault([(line, column, f"the character U+{code:04X} may not stand in YAML")]) from problem
        except RecursionError as problem:
            raise YamlFault([(1, 1, f"nested deeper than {MAX_DEPTH} levels")]) from problem
        except (YAMLError, ValueError) as problem:
            raise YamlFault([(1, 1, f"not YAML: {problem}")]) from problem
        self._text = text
        self._scalars = yaml.constructor
        self._values = 0
        self._most = min(MAX_VALUES, len(text) + ALIAS_ROOM)
        self._faults: Faults = []
        self.data: Any = self._build(self._root, 0) if self._root is not None else None
        if self._faults:
            raise YamlFault(sorted(self._faults))

    def position(self, location: Sequence[str | int], *, key: bool = False, at: int | None = None) -> tuple[int, int]:
        """Line and column of the value at `location` (of its key if `key`); of its nearest parent if absent.

        With `at`, of that character of the value or key, as far as it stands in the file as it is read; a mapping of
        one key is read as the text `key: value`.
        """
        node, place = self._root, self._root
        for depth, step in enumerate(location):
            found = _child(node, step)
            if found is not None:
                key_node, node = found
                nowhere = node.start_mark.index == node.end_mark.index  # `key:` and nothing behind it
                place = key_node if key_node and (nowhere or (key and depth == len(location) - 1)) else node
        if place is None:
            return 1, 1
        place, at = _part(place, at)
        inside = self._inside(place, at) if at and isinstance(place, ScalarNode) else None
        if inside is not None:
            return self._text.count("\n", 0, inside) + 1, inside - self._text.rfind("\n", 0, inside)
        return place.start_mark.line + 1, place.start_mark.column + 1

    def _inside(self, node: ScalarNode, at: int) -> int | None:
        """Where in the text the character `at` of a scalar is; None where it is written in another way.

        Lines that are folded into one are followed, escapes are not.
        """
        place, end = int(node.start_mark.index), int(node.end_mark.index)
        if node.style in ("|", ">"):
            place = self._text.find("\n", place, end)
        elif node.style:
            place += 1  # the quote
        for number, wanted in enumerate(f"{node.value} "):
            if wanted != " " or node.style in ("|", ">"):
                while place < end and self._text[place].isspace() and self._text[place] != wanted:
                    place += 1
            if number == at:
                return min(place, end)
            if place < end and self._text[place] != wanted and not (wanted == " " and self._text[place].isspace()):
                return None
            place += 1
        return None

    def has(self, location: Sequence[str | int]) -> bool:
        """Whether the text holds a value at exactly this location."""
        node = self._root
        for step in location:
            found = _child(node, step)
            if found is None:
                return False
            node = found[1]
        return node is not None

    def _fault(self, node: Node, what: str) -> None:
        self._faults.append((node.start_mark.line + 1, node.start_mark.column + 1, what))

    def _build(self, node: Node, depth: int) -> Any:
        self._values += 1
        if self._values > self._most:
            self._fault(node, f"more than {self._most} values when its aliases are written out")
            raise YamlFault(sorted(self._faults))
        if depth > MAX_DEPTH:  # only an alias that contains itself comes here, the composer counts the rest
            self._fault(node, f"nested deeper than {MAX_DEPTH} levels")
            raise YamlFault(sorted(self._faults))
        if isinstance(node, MappingNode) and node.tag == _TAG + "map":
            return self._mapping(node, depth)
        if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
            if node.flow_style:
                node.value = [item for item, _ in self._in_one([(item, item) for item in node.value])]
            return [self._build(item, depth + 1) for item in node.value]
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        self._fault(node, f"the tag {_tag(node)} is not used in these files")
        return None

    def _mapping(self, node: MappingNode, depth: int) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        first: dict[str, Node] = {}
        if node.flow_style:
            node.value = [(pair[0], pair[1]) for pair in self._in_one(node.value)]
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merged = {**self._merge(value_node, depth), **merged}
            elif not isinstance(key_node, ScalarNode):
                self._fault(key_node, "a key is a word or a text, not a list or a mapping")
            elif not _is_text(key_node.value):
                self._fault(key_node, "half a surrogate pair is not text")
            elif key_node.value in first:
                line = first[key_node.value].start_mark.line + 1
                self._fault(
                    key_node, f"the key {key_node.value!r} appears twice, first on line {line}; keys must be unique"
                )
            else:
                first[key_node.value] = key_node
                own[key_node.value] = self._build(value_node, depth + 1)
        return {**merged, **own}

    def _in_one(self, pairs: list[tuple[Node, Node]]) -> list[tuple[Node, Node]]:
        """Entries of `{…}` or `[…]` (an entry twice), those joined again that a comma within parentheses has cut.

        To YAML the comma of `{latency: normal(80 ms, 5 ms)}` ends the value; to a reader it does not.
        """
        joined: list[tuple[Node, Node]] = []
        number = 0
        while number < len(pairs):
            key_node, value_node = pairs[number]
            joined.append((key_node, value_node))
            number += 1
            if not _is_plain(value_node) or not (opened := _opened(value_node)) > 0:
                continue
            for behind in range(number, min(number + _LONGEST_CALL, len(pairs))):
                word, nothing = pairs[behind]
                if not _is_plain(word) or not (nothing is word or _is_nothing(nothing)):
                    break
                opened += _opened(word)
                if opened <= 0:
                    value_node.end_mark = word.end_mark
                    value_node.value = self._text[value_node.start_mark.index : word.end_mark.index]
                    value_node.tag = _TAG + "str"
                    number = behind + 1
                    break
        return joined

    def _merge(self, node: Node, depth: int) -> dict[str, Any]:
        """The keys that `<<: *alias` or `<<: [*one, *two]` brings; an earlier one of a list wins."""
        merged: dict[str, Any] = {}
        for source in _merge_sources(node):
            value = self._build(source, depth + 1)
            if isinstance(value, dict):
                merged = {**value, **merged}
            else:
                self._fault(source, "`<<` merges a mapping, or a list of mappings")
        return merged

    def _scalar(self, node: ScalarNode) -> Any:
        if node.tag in _TEXT:
            if not _is_text(node.value):
                self._fault(node, "half a surrogate pair is not text")
            return str(node.value)
        kind = str(node.tag).removeprefix(_TAG)
        if kind not in ("null", "bool", "int", "float"):
            self._fault(node, f"the tag {_tag(node)} is not used in these files")
            return None
        try:
            return getattr(self._scalars, f"construct_yaml_{kind}")(node)
        except (ValueError, KeyError):  # `!!int x`, or more digits than Python turns into a number
            self._fault(node, f"no {kind} that can be read")
            return None


def _merge_sources(node: Node) -> list[Node]:
    return list(node.value) if isinstance(node, SequenceNode) else [node]


def _child(node: Node | None, step: str | int) -> tuple[Node | None, Node] | None:
    """The key's node, if there is one, and the value's node one step below."""
    if isinstance(node, SequenceNode):
        return (None, node.value[step]) if isinstance(step, int) and 0 <= step < len(node.value) else None
    if not isinstance(node, MappingNode):
        return None
    for key_node, value_node in node.value:
        if isinstance(key_node, ScalarNode) and key_node.tag != _MERGE and key_node.value == step:
            return key_node, value_node
    sources = [s for key_node, value in node.value if key_node.tag == _MERGE for s in _merge_sources(value)]
    return next((found for source in sources if (found := _child(source, step))), None)


def _is_plain(node: Node) -> TypeGuard[ScalarNode]:
    """Whether this is a word or a number without quotes."""
    return isinstance(node, ScalarNode) and node.style is None and node.start_mark.index < node.end_mark.index


def _is_nothing(node: Node) -> bool:
    """Whether this is what stands behind a key without a value."""
    return isinstance(node, ScalarNode) and node.start_mark.index == node.end_mark.index


def _opened(node: ScalarNode) -> int:
    """How many parentheses are opened here and not closed."""
    return str(node.value).count("(") - str(node.value).count(")")


def _is_text(value: str) -> bool:
    """Whether every character can be written as UTF-8; the escape `\\ud800` of a double-quoted scalar cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _tag(node: Node) -> str:
    return str(node.tag).replace(_TAG, "!!")


def _marked(problem: MarkedYAMLError) -> tuple[int, int, str]:
    mark = problem.problem_mark or problem.context_mark
    what = " ".join(str(part) for part in (problem.context, problem.problem) if part)
    what = f"nested deeper than {MAX_DEPTH} levels" if "maximum depth" in what else f"not YAML: {what}"
    return (mark.line + 1, mark.column + 1, what) if mark else (1, 1, what)


def _part(node: Node, at: int | None) -> tuple[Node, int | None]:
    """The scalar of a mapping of one key in which the character `at` of `key: value` is, and where in it."""
    if at is None or not isinstance(node, MappingNode) or len(node.value) != 1:
        return node, at
    key, value = node.value[0]
    if not isinstance(key, ScalarNode) or at < len(key.value) + 2:
        return key, at
    return value, at - len(key.value) - 2
