"""Texts with places for members of a rule's output: `/${productKey()}/${deviceName()}/user/get`."""

from __future__ import annotations

from .output import Output

__all__ = ["filled", "placed"]


def placed(template: str) -> list[str]:
    """The names in a template's places; raises ValueError for a place that does not end."""
    return _split(template)[1::2]


def filled(template: str, output: Output) -> str:
    """The template with the output's values; raises ValueError where one is missing.

    What a value says is text, whatever it looks like: it has no places of its own.
    """
    parts = _split(template)
    parts[1::2] = [_shown(name, output) for name in parts[1::2]]
    return "".join(parts)


def _shown(name: str, output: Output) -> str:
    try:
        value = output.value(name)
    except KeyError:
        raise ValueError(f"the output has no {name!r:.60}") from None
    if value is None or isinstance(value, (dict, list)):
        raise ValueError(f"{name!r:.60} is no text and no number")
    return str(value)


def _split(template: str) -> list[str]:
    """Text and names of places in turn, beginning and ending with text."""
    parts = []
    at = 0
    while (begin := template.find("${", at)) >= 0:
        end = template.find("}", begin)
        if end < 0:
            raise ValueError(f"{template[begin:]!r:.40} does not end with '}}'")
        parts += [template[at:begin], template[begin + 2 : end]]
        at = end + 1
    return [*parts, template[at:]]
