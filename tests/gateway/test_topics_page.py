"""The page of topics is written from the table."""

from __future__ import annotations

from pathlib import Path

from jinqiao.gateway.platform.topics_page import topics_page
from jinqiao.gateway.platform.uplinks.table import HANDLERS
from jinqiao.wire.alink.topics import TOPICS, Direction

PAGE = Path(__file__).parents[2] / "docs" / "topics.md"


def test_the_checked_in_page_is_current() -> None:
    """After a change of the table: python -m jinqiao.gateway.platform.topics_page > docs/topics.md"""
    assert PAGE.read_text(encoding="utf-8") == topics_page()


def test_every_row_stands_there_and_every_handler_says_what_it_does() -> None:
    page = topics_page()
    for row in TOPICS:
        assert f"`{row.pattern}`" in page or f"`{row.pattern.removesuffix('_reply')}`" in page
    assert all(handler.__doc__ for handler in HANDLERS.values())
    assert set(HANDLERS) <= {row.pattern for row in TOPICS if Direction.UP in row.direction}
