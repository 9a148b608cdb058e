"""Texts with places for members of a rule's output: `/${productKey()}/${deviceName()}/user/get`."""

from __future__ import annotations

from .output import Output

__all__ = ["filled", "placed"]


def placed(template: str) -> list[str]:
    """The names in a template's places; raises ValueError for a place that does not end."""
    names = []
    at = 0
    while (begin := template.find("${", at)) >= 0:
        end = template.find("}", begin)
        if end < 0:
            raise ValueError(f"{template[begin:]!r:.40} does not end with '}}'")
        names.append(template[begin + 2 : end])
        at = end + 1
    return names


def filled(template: str, output: Output) -> str:
    """The template with the output's values; raises ValueError where one is missing."""
    text = template
    for name in placed(template):
        try:
            value = output.value(name)
        except KeyError:
            raise ValueError(f"the output has no {name!r:.60}") from None
        if value is None or isinstance(value, (dict, list)):
            raise ValueError(f"{name!r:.60} is no text and no number")
        text = text.replace("${" + name + "}", str(value))
    return text
