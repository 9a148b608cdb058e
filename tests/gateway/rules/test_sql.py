"""The text of a statement: what is one, where an error is, and that no text does harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.errors import InputError, RuleError
from jinqiao.gateway.rules.language.functions.table import FUNCTIONS
from jinqiao.gateway.rules.language.limits import MAX_DEPTH, MAX_FIELDS, MAX_SQL
from jinqiao.gateway.rules.language.statement import parse
from jinqiao.gateway.rules.language.tree import KEYWORDS
from support.rules import conditions, expressions

WORDS = [
    *sorted(KEYWORDS),
    *(function.name for function in FUNCTIONS.values()),
    *("*", "+", "-", "/", "%", "(", ")", ",", "=", "<>", "!=", "<", ">=", ".", "[0]", "[", "$", "#", ";", "\\", "--"),
    *("a", "items.speed.value", "m:A", '"a[0]"', '".a[0]"', '"$.a"', '""', '"', "'", "''", "'x'", "'%a%'", "é", "\n"),
    *("0", "1.5", "1e9", "1e999", "9" * 400, "/pk/+/thing/event/property/post", '"/pk/+/user/#"', "/", "/a/#/b"),
]


def refusal(sql: str) -> RuleError | None:
    """Why it is no statement; any other exception is a failure."""
    try:
        parse(sql)
    except RuleError as error:
        return error
    return None


@given(st.lists(st.sampled_from(WORDS), max_size=25), st.booleans())
def test_no_sequence_of_words_raises_anything_else(words: list[str], complete: bool) -> None:
    text = " ".join(words)
    error = refusal(f'SELECT {text} FROM "/pk/+/user/a"' if complete else text)
    assert error is None or (error.line >= 1 and error.column >= 1 and error.found and error.expected)


@given(st.text(max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    for sql in (text, f"SELECT {text}", f'SELECT a FROM "/x" WHERE {text}', f"SELECT '{text}' FROM \"{text}\""):
        refusal(sql)


@given(
    fields=st.lists(
        st.tuples(
            st.one_of(expressions(), conditions(), st.just("*")), st.sampled_from(["", "a", '"b c"', "'d'", '"in"'])
        ),
        min_size=1,
        max_size=4,
    ),
    topic=st.sampled_from(
        ["/pk/+/thing/event/property/post", '"/pk/+/user/#"', "'/as/mqtt/status/+/+'", '"/sys/pk/d/x"']
    ),
    where=st.none() | conditions(),
)
def test_a_printed_statement_parses_to_the_same(fields: list[tuple[str, str]], topic: str, where: str | None) -> None:
    selected = ", ".join(text if text == "*" or not alias else f"{text} as {alias}" for text, alias in fields)
    statement = parse(f"SELECT {selected} FROM {topic}" + ("" if where is None else f" WHERE {where}"))
    again = parse(str(statement))
    assert again == statement
    assert str(again) == str(statement)


@pytest.mark.parametrize("text", ["it's", "a\\b", "\\'", "''", 'say "x"', "%", "\n", "é", "\\\\'"])
def test_a_printed_constant_is_the_same_text(text: str) -> None:
    written = text.replace("\\", "\\\\").replace("'", "''")
    statement = parse(f"SELECT '{written}' as x FROM \"/a\"")
    assert parse(str(statement)) == statement
    assert statement.fields[0].node.value == text  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("sql", "line", "column", "found", "expected"),
    [
        ("", 1, 1, "the end", "SELECT"),
        ("SELECT", 1, 7, "the end", "a value or '*'"),
        ("SELECT a", 1, 9, "the end", "an operator, ',', AS or FROM"),
        ("SELECT a b FROM /x", 1, 10, "b", "an operator, ',', AS or FROM"),
        ("SELECT a,\n  FROM /x", 2, 3, "FROM", "a value"),
        ("SELECT a FROM x", 1, 15, "x", 'a topic such as "/pk/+/thing/event/property/post"'),
        ("SELECT a FROM 'x'", 1, 15, "'x'", "a topic, which begins with /"),
        ("SELECT a FROM /a/b#", 1, 15, "/a/b#", "a topic"),
        ("SELECT a FROM /x WHERE", 1, 23, "the end", "a value"),
        ("SELECT a FROM /x WHERE a = ‘b’", 1, 28, "‘b’", "a value"),
        ("SELECT a FROM /x WHERE a = 'b", 1, 28, "'b", "a value"),
        ("SELECT a FROM /x WHERE a in (select b)", 1, 30, "select", "a constant"),
        ("SELECT a FROM /x WHERE a like b", 1, 31, "b", "a text in single quotes"),
        ("SELECT a FROM /x WHERE a < b < c", 1, 30, "<", "an operator or the end"),
        ("SELECT nofunction(a) FROM /x", 1, 8, "function nofunction", "a function"),
        ("SELECT a, flor(a) FROM /x", 1, 11, "function flor", "a function (did you mean 'floor'?)"),
        ("SELECT abs() FROM /x", 1, 8, "0 arguments", "abs(number)"),
        ("SELECT power(1) FROM /x", 1, 8, "1 argument", "power(n, m)"),
        ("SELECT abs('a') FROM /x", 1, 12, "'a'", "a number"),
        ("SELECT lower(5) FROM /x", 1, 14, "5", "a text"),
        ("SELECT abs(*) FROM /x", 1, 12, "*", "a value"),
        ("SELECT to_base64(a) FROM /x", 1, 18, "a", "*"),
        (
            "SELECT payload('utf-99') FROM /x",
            1,
            16,
            "'utf-99'",
            "'utf-8', 'ascii', 'iso-8859-1', 'gbk', 'utf-16' or 'base64'",
        ),
        ("SELECT crypto(a, b) FROM /x", 1, 18, "b", "a text in single quotes"),
        ("SELECT crypto(a, 'MD2') FROM /x", 1, 18, "'MD2'", "'MD5', 'SHA1', 'SHA-256', 'SHA-384' or 'SHA-512'"),
        ('SELECT "a..b" FROM /x', 1, 8, '"a..b"', "a name between the dots"),
        ('SELECT "a[x]" FROM /x', 1, 8, '"a[x]"', "an index such as [0], of at most 6 digits"),
        ('SELECT "a]" FROM /x', 1, 8, '"a]"', "an index such as [0]"),
        ("SELECT 1e999 FROM /x", 1, 8, "1e999", "a number that a double can hold"),
    ],
)
def test_an_error_says_where_what_and_what_instead(sql: str, line: int, column: int, found: str, expected: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse(sql)
    error = caught.value
    assert (error.line, error.column, error.found, error.expected) == (line, column, found, expected)
    assert isinstance(error, InputError)


def test_a_case_within_a_case_is_refused_as_on_the_platform() -> None:
    with pytest.raises(RuleError, match="a CASE within a CASE"):
        parse("SELECT CASE WHEN a THEN abs(CASE WHEN b THEN 1 END) END FROM /x")
    parse("SELECT CASE WHEN a THEN 1 END + CASE WHEN b THEN 1 END FROM /x")


def test_a_select_has_at_most_fifty_fields() -> None:
    fields = [f"f{number}" for number in range(MAX_FIELDS)]
    assert len(parse(f"SELECT {', '.join(fields)} FROM /x").fields) == MAX_FIELDS
    with pytest.raises(RuleError, match="at most 50 fields") as caught:
        parse(f"SELECT {', '.join([*fields, 'more'])} FROM /x")
    assert caught.value.column == len("SELECT ") + len(", ".join(fields)) + 3


def test_length_and_depth_are_bounded() -> None:
    with pytest.raises(RuleError, match="at most 8,192"):
        parse("SELECT a FROM /x" + " " * MAX_SQL)
    for opening, closing in (("abs(", ")"), ("1 + (", ")"), ("not (", ")"), ("- ", "")):
        parse(f"SELECT {opening * (MAX_DEPTH - 2)}a{closing * (MAX_DEPTH - 2)} FROM /x")
        with pytest.raises(RuleError, match="nested more than 32 deep"):
            parse(f"SELECT {opening * 1000}a{closing * 1000} FROM /x")
    parse(f"SELECT {'(' * 4000}a{')' * 4000} FROM /x")  # which group nothing
    parse(f"SELECT {' + '.join(['a'] * 2000)} FROM /x")  # one sum


def test_half_a_character_is_refused_where_it_is() -> None:
    with pytest.raises(RuleError, match="half a character") as caught:
        parse("SELECT\n 'a\udc80' FROM /x")
    assert (caught.value.line, caught.value.column) == (2, 4)


def test_words_of_sql_are_names_in_quotes_only() -> None:
    assert parse('SELECT "from" as "where" FROM /x').fields[0].alias == "where"
    with pytest.raises(RuleError, match="in quotes"):
        parse("SELECT a + from FROM /x")


def test_the_case_of_words_does_not_matter_and_that_of_names_does() -> None:
    statement = parse("select A As b From \"/x\" wHERE DeviceName() LIKE 'x'")
    assert str(statement) == "SELECT A AS b FROM \"/x\" WHERE deviceName() LIKE 'x'"


def test_older_topics_with_sys_are_those_of_today() -> None:
    assert parse('SELECT * FROM "/sys/pk/+/thing/event/property/post"').topic == "/pk/+/thing/event/property/post"
