"""What the battery management of a damaged car still allows, and when it lets no charge begin or go on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import F4s
from ..modes import Plug
from .state import Cause, Damage, Quantity

__all__ = [
    "APART_K",
    "AUX_FLAT_V",
    "CONTACT_DEGC",
    "HOT_DEGC",
    "INVERTER_DEGC",
    "LEAST_OHM_PER_V",
    "LEAST_TYRE_KPA",
    "MOTOR_DEGC",
    "charge_share",
    "contact_share",
    "discharge_share",
    "motor_share",
    "unfit",
    "weak_cell_limit_w",
    "why_no_charge",
]

#: Cells apart, K: full power up to the first, no charge from the second on. Packs are cooled to within 5 K (common
#: design figure), warnings come over 8 to 10 K; GB/T 32960.3 leaves the threshold to the maker: estimate.
APART_K = (10.0, 15.0)
#: Hottest cell, degC: full charging power up to the first, none from the second on (as `battery.warm_charge_share`;
#: makers of NMC and LFP cells allow charging up to 55 or 60 degC).
HOT_DEGC = (48.0, 60.0)
#: The same on the road, with what is left to drive away with (limp home: estimate).
HOT_DISCHARGE_DEGC, LIMP_SHARE, LIMP_W = (54.0, 65.0), 0.3, 5000.0
#: Insulation at which a charger lets no charge begin (GB/T 18487.1-2015, annex B: above 500 Ohm/V safe, 100 to 500 with
#: a warning, 100 or less a fault).
LEAST_OHM_PER_V = 100.0
#: Contacts of the DC connector, degC: full current up to the first, a third at the second, stopped above the third.
#: Contacts may reach 90 degC (IEC 62196-3-1, and GB/T 20234.1-2023 for monitored connectors); the way there: estimate.
CONTACT_DEGC = (75.0, 90.0, 95.0)
CONTACT_LEAST = 1.0 / 3.0
#: Motor or inverter, degC: the power begins to be cut, and what is left is reached (insulation class H is 180 degC;
#: power modules are rated to 150 to 175 degC at the junction, the measured node lies below: estimates).
MOTOR_DEGC, INVERTER_DEGC = (150.0, 170.0), (95.0, 115.0)


#: A 12 V battery below this closes no contactor, V: control units are specified from 9 V on (ISO 16750-2), and the
#: first load takes a weak battery there (estimate). One that has a running car on it, after the converter has failed,
#: holds out longer.
AUX_FLAT_V, AUX_RUNNING_FLAT_V = 11.5, 10.8
#: Nobody drives on a tyre below this, kPa gauge (estimate: a third of its filling, where it comes off the rim).
LEAST_TYRE_KPA = 80.0


def _between(value: F4s, full: float, none: float) -> F4s:
    """1 up to `full`, 0 from `none` on."""
    share: F4s = np.clip((np.float32(none) - value) * np.float32(1.0 / (none - full)), 0.0, 1.0)
    return share


def charge_share(damage: Damage, rows: NDArray[np.intp], hottest: F4s, coldest: F4s) -> F4s:
    """Share of its charging power that heat and unequal cells leave the pack."""
    share = np.minimum(_between(hottest, *HOT_DEGC), _between(hottest - coldest, *APART_K))
    share *= damage.of(Quantity.RUNAWAY, rows) == 0.0
    return share


def discharge_share(hottest: F4s, coldest: F4s) -> F4s:
    """The same of its discharging power: always enough to leave the road."""
    share = np.minimum(_between(hottest, *HOT_DISCHARGE_DEGC), _between(hottest - coldest, *APART_K))
    return np.maximum(share, np.float32(LIMP_SHARE))


def weak_cell_limit_w(damage: Damage, rows: NDArray[np.intp], emf_v: F4s, ohm: F4s, least_v: F4s, series: F4s) -> F4s:
    """The most that the pack may give before its damaged cell falls to its least voltage, W.

    `emf_v` and `ohm` are the pack's with that cell in it, `least_v` the least voltage of all `series` cells.
    """
    more, low_v = damage.of(Quantity.OHM, rows), damage.of(Quantity.LOW_V, rows)
    own_ohm = ohm / (series + more) * (1.0 + more)
    own_emf = (emf_v + low_v) / series - low_v
    most_a = np.maximum(own_emf - least_v / series, 0.0) / own_ohm
    most_w: F4s = np.maximum(most_a * (emf_v - ohm * most_a), LIMP_W)
    # Beyond the pack's own best current more would give less: then its own limits count.
    past = most_a > emf_v / (2.0 * ohm)
    return np.where((more > 0.0) | (low_v > 0.0), np.where(past, np.inf, most_w), np.inf).astype(np.float32)


def contact_share(damage: Damage, rows: NDArray[np.intp], ambient_degc: F4s) -> F4s:
    """Share of the DC current that the connector's temperature leaves."""
    full, least, _ = CONTACT_DEGC
    degc = damage.of(Quantity.CONTACT_K, rows) + ambient_degc
    share: F4s = np.float32(CONTACT_LEAST) + np.float32(1.0 - CONTACT_LEAST) * _between(degc, full, least)
    return share


def motor_share(damage: Damage, rows: NDArray[np.intp], motor_degc: F4s, inverter_degc: F4s) -> F4s:
    """Share of its power that the motor gives, by its damage and, once its coolant is lost, its heat."""
    cool = np.minimum(_between(motor_degc, *MOTOR_DEGC), _between(inverter_degc, *INVERTER_DEGC))
    cool = np.where(damage.of(Quantity.MOTOR_FLOW, rows) > 0.0, np.maximum(cool, LIMP_SHARE), 1.0)
    share: F4s = np.minimum(1.0 - damage.of(Quantity.MOTOR, rows), cool).astype(np.float32)
    return share


def why_no_charge(
    damage: Damage,
    rows: NDArray[np.intp],
    plug: NDArray[np.uint8],
    hottest: F4s,
    coldest: F4s,
    ohm_per_v: F4s,
    ambient_degc: float,
    *,
    begins: bool,
) -> NDArray[np.uint8]:
    """`Cause` for which these cars take no charge now, 0 where they do; the last that holds counts.

    Contactors are tried and tested before a charge `begins`: one that sticks does no harm to a charge that runs.
    """
    on_dc = plug == Plug.DC
    hot = (hottest >= HOT_DEGC[1]) | (hottest - coldest >= APART_K[1]) | (damage.of(Quantity.RUNAWAY, rows) > 0.0)
    contacts = damage.of(Quantity.CONTACT_K, rows) + np.float32(ambient_degc) > CONTACT_DEGC[2]
    cause = np.zeros(len(rows), dtype=np.uint8)
    for holds, why in (
        ((damage.of(Quantity.CHARGER, rows) >= 1.0) & ~on_dc, Cause.OTHER),
        (contacts & on_dc & (damage.of(Quantity.CONTACT_MOHM, rows) > 0.0), Cause.CONNECTOR_HOT),
        (
            begins & ((damage.of(Quantity.STUCK_OPEN, rows) > 0.0) | (damage.of(Quantity.STUCK_CLOSED, rows) > 0.0)),
            Cause.RELAY,
        ),
        (ohm_per_v <= LEAST_OHM_PER_V, Cause.INSULATION),
        (hot, Cause.BATTERY_HOT),
    ):
        cause[holds] = why
    return cause


def unfit(
    damage: Damage, rows: NDArray[np.intp], own_aux_v: F4s, lowest_tyre_kpa: F4s, awake: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which of these cars cannot set out, or, where they are `awake`, not drive on.

    `own_aux_v` is the 12 V battery's own voltage.
    """
    on_its_own = damage.of(Quantity.CONVERTER, rows) > 0.0
    flat = np.where(awake, on_its_own & (own_aux_v < AUX_RUNNING_FLAT_V), own_aux_v < AUX_FLAT_V)
    stuck = (damage.of(Quantity.STUCK_OPEN, rows) > 0.0) & ~awake
    return flat | stuck | (damage.of(Quantity.RUNAWAY, rows) > 0.0) | (lowest_tyre_kpa < LEAST_TYRE_KPA)
