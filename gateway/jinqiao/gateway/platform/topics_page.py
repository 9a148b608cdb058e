"""The page of topics in the documentation, written from the table: `python -m jinqiao.gateway.platform.topics_page`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from jinqiao.wire.alink.routing import find
from jinqiao.wire.alink.topics import TOPICS, Direction, Topic

from .uplinks.table import HANDLERS

__all__ = ["topics_page"]

_HEAD = """\
# Topics

Every topic of the device side, as the platform's table has it. This page is written from that table; a test keeps
it so.

`{pk}` and `{dn}` are product key and device name, `{*}` is one level or more, any other name is one level. *up* is what
a device publishes, *down* what it subscribes; of a sub-device, its gateway does both while it is logged in over it.
A request in either direction has its reply on the same topic with `_reply`. *pushed* topics reach a device without
SUBSCRIBE when its client id says `_ss=1` (*ext*: and bit 0 of `ext` is set). QoS is what the platform publishes with.

Topics that the platform does not act upon are permitted, counted and forwarded to applications.

Two custom topics of simulated vehicles have a meaning in a run. On `/{pk}/{dn}/user/label` it publishes the ground
truth of faults. On `/{pk}/{dn}/user/detection` the product under test says what it has detected, with the application's
credentials or the vehicle's own: `{"fault": "cell_overheat", "time": 1795333508000}`, the time in simulated UTC
milliseconds; without one it is of now. What is no detection is in the device log with code 460.

| topic | kind | direction | reply | pushed | QoS | what the platform does |
|---|---|---|---|---|---|---|
"""

_DIRECTIONS = {Direction.UP: "up", Direction.DOWN: "down", Direction.BOTH: "both"}


def topics_page() -> str:
    """The whole page, Markdown."""
    return _HEAD + "".join(_rows())


def _rows() -> Iterator[str]:
    for row in TOPICS:
        if row.is_reply and find_request(row) is not None:
            continue
        cells = (
            f"`{row.pattern}`",
            row.kind,
            _DIRECTIONS[row.direction],
            _reply(row),
            _pushed(row),
            str(row.qos) if Direction.DOWN in row.direction else "",
            _what(row),
        )
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def find_request(row: Topic) -> Topic | None:
    """The request that a generated row of the table answers."""
    found = find(row.pattern.removesuffix("_reply")) if row.pattern.endswith("_reply") else None
    return found.row if found is not None and found.row.reply_pattern == row.pattern else None


def _reply(row: Topic) -> str:
    if not row.replies or (row.pattern not in HANDLERS and row.direction is Direction.UP):
        return ""
    by = "platform" if Direction.UP in row.direction else "device"
    return f"{by}, pushed" if row.direction is Direction.UP and row.reply_pushed else by


def _pushed(row: Topic) -> str:
    return "yes" if row.pushed else "ext" if row.pushed_to_ext else ""


def _what(row: Topic) -> str:
    """The first paragraph of the handler's docstring, or of what is done with a device's reply."""
    handler, when = HANDLERS.get(row.pattern), ""
    if handler is None:
        handler, when = HANDLERS.get(row.reply_pattern or ""), "On the reply: "
    if handler is None:
        return ""
    paragraph = (inspect.getdoc(handler) or "").split("\n\n")[0]
    return when + " ".join(paragraph.split())


if __name__ == "__main__":
    print(topics_page(), end="")
