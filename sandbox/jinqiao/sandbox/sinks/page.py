"""The kinds of sink as a table, for docs/stores.md: `python -m jinqiao.sandbox.sinks.page`."""

from __future__ import annotations

from .kinds import SINKS

__all__ = ["table"]


def table() -> str:
    """All kinds: address, entry of a scenario with the keys it cannot do without, and what they say of themselves."""
    rows = ["| `--sink` | in a scenario | what |", "|---|---|---|"]
    for kind, spec in sorted(SINKS.items()):
        needed = ", ".join(f"{name}: …" for name, field in spec.model_fields.items() if field.is_required())
        about = " ".join((spec.__doc__ or "").split())
        rows.append(f"| `{kind}{spec.where and ':' + spec.where}` | `{kind}: {{{needed}}}` | {about} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
