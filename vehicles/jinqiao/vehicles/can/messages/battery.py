"""Battery bus: pack, limits, every cell, charging. Synthetic."""

from __future__ import annotations

from typing import Literal

from jinqiao.base.signals import SIGNALS

from ..message import CanMessage, Multiplex, be, le

__all__ = ["ABSENT_CELL_DEGC", "ABSENT_CELL_V", "MESSAGES", "MOST_CELLS"]

_BUS: Literal["battery"] = "battery"
_ONE = (1.0, 0.0)
_TENTH = (0.1, 0.0)
_YES = {0: "no", 1: "yes"}
#: The longest pack of the catalogue has 217 cells in series; both messages below divide into it or just above.
MOST_CELLS = 219
#: Raw value all ones: a place in the last turn without a cell.
ABSENT_CELL_V, ABSENT_CELL_DEGC = 6.5535, 195.0

# fmt: off
MESSAGES = (
    CanMessage(0x1A0, "BatteryPack", _BUS, "BMS", 100, (
        be("PackVoltage",    (7, 16),  _TENTH,      (0, 1200),     "V",  "pack_voltage", "linear", "At the pack's terminals"),
        be("PackCurrent",    (23, 16), _TENTH,      (-2000, 2000), "A",  "pack_current", "ripple", "Positive when discharging"),
        be("PackPower",      (39, 16), (0.05, 0.0), (-1000, 1000), "kW", "pack_power", "mean", "Positive when discharging"),
        le("ContactorState", (52, 2),  _ONE,        (0, 3),        "",   "contactor_state", "hold", "Main contactors", {0: "open", 1: "closed", 2: "pre-charging", 3: "fault"}),
    ), "Voltage, current and power of the pack", protected=True),
    CanMessage(0x1A2, "BatteryCharge", _BUS, "BMS", 100, (
        le("StateOfCharge",   (0, 10),  _TENTH,      (0, 100), "%",   "soc_displayed", "linear", "As the display shows it"),
        le("StateOfHealth",   (10, 11), _TENTH,      (0, 110), "%",   "state_of_health", "linear", "Capacity left of the capacity when new"),
        le("EnergyRemaining", (21, 16), (0.01, 0.0), (0, 500), "kWh", "energy_remaining", "linear", "Energy left in the cells"),
    ), "State of charge and of health", protected=True),
    CanMessage(0x1A4, "BatteryLimits", _BUS, "BMS", 100, (
        le("DischargePowerLimit", (0, 14),  _TENTH, (0, 1000), "kW", "discharge_power_limit", "linear", "Allowed out of the pack"),
        le("ChargePowerLimit",    (14, 14), _TENTH, (0, 1000), "kW", "charge_power_limit", "linear", "Allowed into the pack"),
    ), "What the pack allows", protected=True),
    CanMessage(0x1B0, "CellVoltageExtremes", _BUS, "BMS", 1000, (
        be("CellVoltageMax",      (7, 16),  (0.001, 0.0), (0, 6),    "V", "cell_voltage_max", "linear", "Highest cell"),
        be("CellVoltageMin",      (23, 16), (0.001, 0.0), (0, 6),    "V", "cell_voltage_min", "linear", "Lowest cell"),
        le("CellVoltageMaxIndex", (32, 11), _ONE,         (0, 2000), "",  "cell_voltage_max_index", "hold", "Number of the highest cell, from 1"),
        le("CellVoltageMinIndex", (43, 11), _ONE,         (0, 2000), "",  "cell_voltage_min_index", "hold", "Number of the lowest cell, from 1"),
    ), "Extreme cells", length=7),
    CanMessage(0x1B2, "CellTemperatureExtremes", _BUS, "BMS", 1000, (
        le("CellTemperatureMax", (0, 12),  (0.1, -60.0), (-60, 200), "degC", "cell_temperature_max", "linear", "Hottest probe"),
        le("CellTemperatureMin", (12, 12), (0.1, -60.0), (-60, 200), "degC", "cell_temperature_min", "linear", "Coldest probe"),
        le("PackTemperature",    (24, 12), (0.1, -60.0), (-60, 200), "degC", "pack_temperature", "linear", "Mean of the probes"),
        le("CoolantTemperature", (36, 12), (0.1, -60.0), (-60, 150), "degC", "coolant_temperature", "linear", "At the pack's inlet"),
    ), "Temperatures of the pack", length=6),
    CanMessage(0x1B4, "CellVoltages", _BUS, "BMS", 100, (), "Every cell, three in a turn", length=7, multiplex=Multiplex("CellVoltageTurn", "CellVoltage{:03d}", tuple(
        be("", (15 + 16 * slot, 16), (0.0001, 0.0), (0, ABSENT_CELL_V), "V", "cell_voltages", "hold", "Voltage of one cell; 6.5535: no such cell")
        for slot in range(3)), MOST_CELLS)),
    CanMessage(0x1B6, "CellTemperatures", _BUS, "BMS", 200, (), "Temperature at every cell, seven in a turn", multiplex=Multiplex("CellTemperatureTurn", "CellTemperature{:03d}", tuple(
        le("", (8 + 8 * slot, 8), (1.0, -60.0), (-60, ABSENT_CELL_DEGC), "degC", "cell_temperatures", "hold", "Temperature at one cell; 195: no such cell")
        for slot in range(7)), 217)),
    CanMessage(0x1B8, "InsulationMonitor", _BUS, "BMS", 1000, (
        be("InsulationResistance", (7, 16), _ONE, (0, 60000), "kOhm", "insulation_resistance", "linear", "High-voltage system against the body"),
    ), "Insulation", length=2),
    CanMessage(0x1BA, "EnergyCounters", _BUS, "BMS", 1000, (
        le("EnergyDischarged",  (0, 32),  (0.01, 0.0), (0, 9999999), "kWh", "energy_discharged", "linear", "Out of the pack in the vehicle's life"),
        le("EnergyRegenerated", (32, 32), (0.01, 0.0), (0, 9999999), "kWh", "energy_regenerated", "linear", "Back by braking in the vehicle's life"),
    ), "Energies of the vehicle's life"),
    CanMessage(0x1BC, "BatteryType", _BUS, "BMS", 1000, (
        le("CellsInSeries", (0, 11),  _ONE, (0, 2000), "", "series_cells", "hold", "How many cells CellVoltages tells of"),
        le("CellChemistry", (11, 3), _ONE, (0, 7),    "", "chemistry", "hold", "Of the cells", {0: "NMC", 1: "LFP"}),
    ), "What the pack is", length=2),
    CanMessage(0x1C0, "ChargingStatus", _BUS, "OBC", 100, (
        le("ChargingState", (0, 3),  _ONE,        (0, 7),    "",   "charging_state", "hold", "Where the session stands", SIGNALS["charging_state"].values),
        le("PlugState",     (3, 2),  _ONE,        (0, 3),    "",   "plug_state", "hold", "What is in the inlet", SIGNALS["plug_state"].values),
        le("ChargeLimit",   (5, 7),  _ONE,        (0, 100),  "%",  "charge_limit", "hold", "State of charge at which charging stops"),
        le("ChargePower",   (16, 17), (0.01, 0.0), (0, 1000), "kW", "charge_power", "linear", "At the inlet"),
    ), "Charging", length=5),
    CanMessage(0x1C2, "ChargingSession", _BUS, "OBC", 1000, (
        le("EnergyCharged",      (0, 24),  (0.001, 0.0), (0, 10000), "kWh", "energy_charged", "linear", "Into the vehicle in this session"),
        le("MinutesToLimit",     (24, 14), _ONE,         (0, 9999),  "min", "minutes_to_limit", "hold", "9999: not charging"),
        le("ChargeCurrentLimit", (38, 15), _TENTH,       (0, 2000),  "A",   "charge_current_limit", "hold", "What the station offers"),
    ), "The charging session", length=7),
    CanMessage(0x1C6, "BatteryAlarms", _BUS, "BMS", 100, (
        le("AlarmLevel", (0, 2), _ONE, (0, 3), "", "alarm_level", "hold", "Highest active alarm, graded as GB/T 32960 does", SIGNALS["alarm_level"].values),
        le("HighVoltageOn", (2, 1), _ONE, (0, 1), "", "high_voltage", "hold", "High voltage outside the pack", _YES),
    ), "Alarms of the battery", length=1),
)
# fmt: on
