"""Strategies for the SQL of rules: texts of expressions and conditions over a fleet's posts."""

from __future__ import annotations

from hypothesis import strategies as st

from .telemetry import names

__all__ = ["conditions", "expressions"]

NUMBERS = st.one_of(
    st.integers(-500, 500).map(str),
    st.floats(-500, 500).map(lambda number: f"{number:.3f}"),
    st.sampled_from(["0", "1e300", "0.1", "42.0", "9007199254740993"]),
)

PATHS = st.sampled_from(
    [
        "items.VehicleSpeed.value",
        "items.Odometer.value",
        "items.GearPosition.value",
        "items.StateOfCharge.value",
        "items.GeoLocation.value.Longitude",
        "items.GeoLocation.value",
        "items.battery:PackCurrent.value",
        '"items.charging:ChargePower.value"',
        "items.powertrain:MotorSpeed.value",
        "items.battery:StateOfHealth.value",
        "items.VehicleSpeed.time",
        "items.VehicleSpeed",
        "items.Nothing.value",
        "gmtCreate",
        "deviceName",
        "deviceType",
        "productKey",
        "requestId",
        "iotId",
        '".items.VehicleSpeed.value"',
        "checkFailedData",
    ]
)

TEXTS = st.sampled_from(["'a'", "''", "'CustomCategory'", "'a1JinqiaoEV'", "'é'", *(f"'{name}'" for name in names(4))])

CONSTANTS = st.one_of(NUMBERS, TEXTS, st.sampled_from(["true", "false", "null"]))

LEAVES = st.one_of(
    PATHS,
    PATHS,
    CONSTANTS,
    st.sampled_from(["deviceName()", "productKey()", "timestamp()", "messageId()", "topic(1)", "attribute('last')"]),
)


def _list(of: st.SearchStrategy[str], most: int) -> st.SearchStrategy[str]:
    return st.lists(of, min_size=1, max_size=most).map(", ".join)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    whole = inner.map(lambda text: f"({text})")
    return st.one_of(
        st.tuples(whole, st.sampled_from("+-*/%"), whole).map(" ".join),
        st.tuples(whole, st.sampled_from("*/%"), whole, st.sampled_from("+-"), whole).map(" ".join),
        whole.map(lambda text: f"- {text}"),
        st.tuples(
            st.sampled_from(["abs", "sin", "exp", "floor", "log", "tanh", "cosh", "asin", "lower", "upper"]), PATHS
        ).map(lambda pair: f"{pair[0]}({pair[1]})"),
        st.tuples(st.sampled_from(["power", "mod", "log"]), PATHS, NUMBERS).map(
            lambda three: f"{three[0]}({three[1]}, {three[2]})"
        ),
        st.tuples(st.sampled_from(["nanvl", "concat"]), inner, inner).map(
            lambda three: f"{three[0]}({three[1]}, {three[2]})"
        ),
        PATHS.map(lambda text: f"substring({text}, 1)"),
        st.tuples(_conditions(PATHS | CONSTANTS), PATHS | CONSTANTS, PATHS | CONSTANTS).map(
            lambda three: f"CASE WHEN {three[0]} THEN {three[1]} ELSE {three[2]} END"
        ),
        st.tuples(PATHS, NUMBERS | TEXTS, NUMBERS, NUMBERS).map(
            lambda four: f"CASE {four[0]} WHEN {four[1]} THEN {four[2]} WHEN 2 THEN {four[3]} END"
        ),
    )


def _conditions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    whole = inner.map(lambda text: f"({text})")
    simple = st.one_of(
        st.tuples(whole, st.sampled_from(["=", "<>", "!=", "<", "<=", ">", ">="]), whole).map(" ".join),
        st.tuples(whole, st.sampled_from(["", "not "]), _list(CONSTANTS, 4)).map(
            lambda three: f"{three[0]} {three[1]}in ({three[2]})"
        ),
        st.tuples(whole, st.sampled_from(["", "not "]), st.sampled_from(["'%'", "'LBV%'", "'%0%2'", "'a'"])).map(
            lambda three: f"{three[0]} {three[1]}like {three[2]}"
        ),
        st.tuples(whole, st.sampled_from(["", "not "])).map(lambda pair: f"{pair[0]} is {pair[1]}null"),
        whole,
    )
    return st.recursive(
        simple,
        lambda part: st.one_of(
            st.lists(part.map(lambda text: f"({text})"), min_size=2, max_size=3).map(" AND ".join),
            st.lists(part.map(lambda text: f"({text})"), min_size=2, max_size=3).map(" OR ".join),
            part.map(lambda text: f"not ({text})"),
        ),
        max_leaves=4,
    )


def expressions() -> st.SearchStrategy[str]:
    """Values that are never random: paths, constants, arithmetic, functions, CASE."""
    return st.recursive(LEAVES, _grown, max_leaves=5)


def conditions() -> st.SearchStrategy[str]:
    """Conditions of all kinds over such values."""
    return _conditions(expressions())
