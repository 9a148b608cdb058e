"""docs/names.md, from the signal table: `python -m jinqiao.base.names_page > docs/names.md`."""

from __future__ import annotations

from collections.abc import Iterator

from .signals import SIGNALS

__all__ = ["names_page"]

_HEAD = """\
# One value, several names

Every signal has one name in this project and one on the wire, which is the thing model's. This page is generated from
the signal table; a test keeps it current.

| where | a signal is called | the car is called |
|---|---|---|
| Alink posts, cloud calls, shadow | by its property: `StateOfCharge`, `battery:PackVoltage` | `deviceName` |
| Parquet and CSV of a run (`--sink parquet:DIR`) | by its name: `soc_displayed`, `pack_voltage` | `vehicle` |
| recordings (`--record`, `jinqiao record`): MCAP, Parquet, CSV | by its name | `device_name` |
| InfluxDB, VictoriaMetrics | field `soc_displayed`, metric `telemetry_soc_displayed` | tag `vehicle` |
| history of your devices (`serve --data`) | by its property, in the column `identifier` | `device_name` |

In a run, the device name is always the VIN. Several signals can form one property: members of a struct
(`GeoLocation`) or of an array.

| name | on the wire | unit | decimals | group | meaning |
|---|---|---|---|---|---|
"""


def names_page() -> str:
    """The page as Markdown."""
    return _HEAD + "".join(_rows())


def _rows() -> Iterator[str]:
    for signal in SIGNALS.values():
        wire = f"`{signal.identifier}`" if signal.identifier else "–"
        cells = (f"`{signal.name}`", wire, signal.unit, str(signal.decimals), signal.group, signal.meaning)
        yield f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    print(names_page(), end="")
