"""docs/agendas.md, written from the agendas: `python -m jinqiao.simulator.agendas_page > docs/agendas.md`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .agendas import AGENDAS, AgendaSpec
from .car import ENOUGH, VAN_HELPS_TO, VAN_KW, WANTED_ON_ARRIVAL

__all__ = ["agendas_page"]

_HEAD = f"""# Agendas

What the vehicles of a fleet do all day. Written from the agendas by `python -m jinqiao.simulator.agendas_page`.

```yaml
agenda: commuter                                          # a name, or a name with options
agenda: {{ride_hailing: {{shift: 10 h, charge_below: 25 %}}}}
```

Every day is a working day. Inside `{{ }}` quote what has a comma: `leaves_home: "normal(07:30, 30 min)"`.

## Whatever the agenda

- A driver who would not reach the destination with {WANTED_ON_ARRIVAL * 100:g} % left drives to a public station first
  and charges to {ENOUGH * 100:g} %. It is the station where charging begins soonest, by the way there and the expected
  wait; where any station has DC, nobody looks for AC.
- Where no station is in reach, a rescue van comes: {VAN_KW:g} kW DC on the spot, to {VAN_HELPS_TO * 100:g} % (as far as
  the driver wanted, where the scenario has no station at all). The summary counts its visits as `rescues`.
- A charge limit that the cloud has set ([commands.md](commands.md)) outlives the agenda's `charge_to`.
- Charging power is the smallest of what the car takes, what the connector gives and what is left of the `site_limit`.
"""


def agendas_page() -> str:
    """The whole page."""
    return _HEAD + "".join("".join(_section(kind.language)) for _, kind in sorted(AGENDAS.items()))


def _section(spec: type[AgendaSpec]) -> Iterator[str]:
    yield f"\n## `{spec.kind}`\n\n{' '.join((spec.__doc__ or '').split())} {spec.story}\n\n"
    yield "| option | default | meaning |\n|---|---|---|\n"
    for name, field in spec.model_fields.items():
        default = "" if field.is_required() else f"`{_written(field.default)}`"
        yield f"| `{field.alias or name}` | {default} | {field.description} |\n"


def _written(default: Any) -> str:
    """As a scenario writes it."""
    return f"{default:.0%}".replace("%", " %") if isinstance(default, float) else str(default)


if __name__ == "__main__":
    print(agendas_page(), end="")
