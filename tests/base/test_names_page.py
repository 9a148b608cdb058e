"""The page of names is written from the signal table."""

from __future__ import annotations

from pathlib import Path

from jinqiao.base.names_page import names_page

PAGE = Path(__file__).parents[2] / "docs" / "names.md"


def test_the_checked_in_page_is_current() -> None:
    """After a change: python -m jinqiao.base.names_page > docs/names.md"""
    assert PAGE.read_text(encoding="utf-8") == names_page()
