"""The page of cloud calls is written from the tables."""

from __future__ import annotations

from pathlib import Path

from jinqiao.gateway.openapi.actions_page import actions_page

PAGE = Path(__file__).parents[2] / "docs" / "cloud-calls.md"


def test_the_checked_in_page_is_current() -> None:
    """After a change: python -m jinqiao.gateway.openapi.actions_page > docs/cloud-calls.md"""
    assert PAGE.read_text(encoding="utf-8") == actions_page()
