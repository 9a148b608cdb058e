"""Names of parameters and of answers' members in the vendor's newer SDK; run by that SDK's own interpreter.

    python sdk_names.py < ["QueryDevice", …]

Prints one JSON object: for each action `[parameters, members]` as paths, `Device.N.DeviceName` and
`Data.DeviceInfo.DeviceName`, or null if the SDK has no such action. A model knows its names only when it writes itself
down; so every model is filled, whatever is in it, and writes itself down.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator
from typing import Any, get_args, get_origin, get_type_hints

__all__ = ["main"]


def filled(kind: Any) -> Any:
    """Something of this type in which everything is set."""
    if get_origin(kind) in (list, tuple):
        return [filled(get_args(kind)[0])]
    if inspect.isclass(kind) and hasattr(kind, "to_map"):
        hints = get_type_hints(kind.__init__)
        return kind(**{name: filled(hint) for name, hint in hints.items() if name != "return"})
    return {} if get_origin(kind) is dict else "x"


def paths(value: Any, prefix: str, listed: str) -> Iterator[str]:
    """Every name in it, from the root; `listed` stands for the place in a list."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{prefix}{name}"
            yield from paths(inner, f"{prefix}{name}.", listed)
    elif isinstance(value, list):
        if listed:
            yield f"{prefix}{listed}"
        for inner in value:
            yield from paths(inner, f"{prefix}{listed}." if listed else prefix, listed)


def main() -> None:
    from alibabacloud_iot20180120 import models

    found: dict[str, Any] = {}
    for action in json.load(sys.stdin):
        request = getattr(models, f"{action}Request", None)
        if request is None:
            found[action] = None
            continue
        body = getattr(models, f"{action}ResponseBody")
        members = sorted(set(paths(filled(body).to_map(), "", "")))
        found[action] = [sorted(set(paths(filled(request).to_map(), "", "N"))), members]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
