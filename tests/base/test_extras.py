"""How an optional part is installed: into this interpreter, from the checkout or as a package."""

from __future__ import annotations

import shlex
import sys
from types import SimpleNamespace

import pytest

from jinqiao.base import extras


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ('{"dir_info": {"editable": true}, "url": "file:///a%20b/jinqiao"}', ["-e", "/a b/jinqiao[store]"]),
        ('{"dir_info": {}, "url": "file:///tmp/jinqiao"}', ["jinqiao[store]"]),
        (None, ["jinqiao[store]"]),
    ],
)
def test_an_extra_is_installed_from_where_the_package_came_from(
    monkeypatch: pytest.MonkeyPatch, told: str | None, what: list[str]
) -> None:
    monkeypatch.setattr(extras, "distribution", lambda _: SimpleNamespace(read_text=lambda _: told))
    assert shlex.split(extras.how_to_install("store")) == [sys.executable, "-m", "pip", "install", *what]
