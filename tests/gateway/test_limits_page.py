"""The page of limits is written from the tables."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from jinqiao.gateway.broker.limits import Limits
from jinqiao.gateway.forwarding.bounds import Bounds as GroupBounds
from jinqiao.gateway.gbt32960.listener import Bounds
from jinqiao.gateway.limits_page import limits_page
from jinqiao.gateway.web.bounds import HttpBounds

PAGE = Path(__file__).parents[2] / "docs" / "limits.md"


def test_the_checked_in_page_is_current() -> None:
    """After a change of a table: python -m jinqiao.gateway.limits_page > docs/limits.md"""
    assert PAGE.read_text(encoding="utf-8") == limits_page()


@pytest.mark.parametrize("table", [Limits, HttpBounds, Bounds, GroupBounds])
def test_every_limit_says_what_it_is_for_and_stands_there(table: type) -> None:
    page = limits_page()
    for each in fields(table):
        assert f"| {each.metadata['what']} |" in page, each.name
