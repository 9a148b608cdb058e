"""The page about the SQL of rules is written from the tables, and its statements are statements."""

from __future__ import annotations

from pathlib import Path

from jinqiao.gateway.rules.language.page import rules_page
from jinqiao.gateway.rules.language.statement import parse

PAGE = Path(__file__).parents[3] / "docs" / "rules.md"


def test_the_checked_in_page_is_current() -> None:
    """After a change: python -m jinqiao.gateway.rules.language.page > docs/rules.md"""
    assert PAGE.read_text(encoding="utf-8") == rules_page()


def test_the_example_is_a_statement() -> None:
    _, _, command = rules_page().partition("jinqiao rule try '")
    sql, _, _ = command.partition("'")
    assert parse(sql).where is not None
