"""How to install an optional part of Jinqiao into this very interpreter."""

from __future__ import annotations

import json
import shlex
import sys
from importlib.metadata import PackageNotFoundError, distribution
from urllib.parse import unquote, urlparse

__all__ = ["how_to_install"]


def how_to_install(extra: str) -> str:
    """The command: of the checkout that this is installed from, or of the package."""
    folder = _checkout()
    what = f"'jinqiao[{extra}]'" if folder is None else f"-e {shlex.quote(f'{folder}[{extra}]')}"
    return f"{shlex.quote(sys.executable)} -m pip install {what}"


def _checkout() -> str | None:
    """The folder of an editable install, or None."""
    try:
        text = distribution("jinqiao").read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    found = json.loads(text) if text else {}
    if not found.get("dir_info", {}).get("editable"):
        return None
    return unquote(urlparse(found["url"]).path)
