"""What is broken in cars, and what follows from it.

`state.py` holds the damage of a fleet as columns, one row per vehicle; a fleet without any has none (`Columns.damage`
is None), and nothing here is asked. `cells.py` is what a damaged cell does to the pack's extremes, `limits.py` what the
battery management still allows, `alarms.py` from where on it raises an alarm.

A patch of a step touches only the rows that are damaged, so that all others stay as they are, bit for bit.
"""
