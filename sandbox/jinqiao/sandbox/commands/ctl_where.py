"""`jinqiao ctl --url URL --token TOKEN …`: which run, said before the command as well as behind it."""

from __future__ import annotations

import os
from typing import Annotated

import typer

__all__ = ["where"]


def where(
    url: Annotated[
        str | None, typer.Option("--url", help="The run's control_url, or JINQIAO_CONTROL_URL.", show_default=False)
    ] = None,
    token: Annotated[
        str | None, typer.Option("--token", help="Its control_token, or JINQIAO_CONTROL_TOKEN.", show_default=False)
    ] = None,
) -> None:
    """The options of the word itself: the command that follows finds them in the environment."""
    for name, value in (("JINQIAO_CONTROL_URL", url), ("JINQIAO_CONTROL_TOKEN", token)):
        if value is not None:
            os.environ[name] = value
