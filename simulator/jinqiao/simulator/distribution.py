"""Distributions as people write them: `normal(0.55, 0.15)`, `normal(07:45, 40 min)`, `choice(0.2, 0.9)`, or a constant.

The mean and standard deviation of a lognormal are those of the values themselves, not of their logarithms, so that they
carry the same unit. Draws are clipped to the range of what they stand for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.keyed import Draws
from jinqiao.base.quantity import (
    DIMENSIONS,
    SHARE_PATTERN,
    TIME_OF_DAY_PATTERN,
    QuantityError,
    parse_delay_s,
    parse_duration_s,
    parse_share,
    parse_time_of_day_s,
)
from jinqiao.base.words import did_you_mean, one_of, show

__all__ = [
    "DELAY",
    "INITIAL_SHARE",
    "TIME_OF_DAY",
    "Distribution",
    "Domain",
    "distribution_pattern",
    "parse_distribution",
]

F8s = NDArray[np.float64]
Draw = Callable[[Draws, str, tuple[float, ...]], F8s]
Quantile = Callable[[F8s, tuple[float, ...]], F8s]
Check = Callable[[tuple[float, ...]], str]


@dataclass(frozen=True, slots=True)
class Domain:
    """What is drawn: how a value and a spread are written, and the range a draw is clipped to."""

    value: Callable[[object], float]
    spread: Callable[[object], float]
    low: float
    high: float
    example: str
    constant_pattern: str


#: A share of a whole that is drawn for each vehicle; nobody leaves a car at less than 5 % or above full.
INITIAL_SHARE = Domain(parse_share, parse_share, 0.05, 1.0, "normal(0.55, 0.15)", SHARE_PATTERN)
#: A local time of day, s since midnight; its spread is a duration.
TIME_OF_DAY = Domain(parse_time_of_day_s, parse_duration_s, 0.0, 86399.0, "normal(07:45, 40 min)", TIME_OF_DAY_PATTERN)
#: How long a message is on its way, s; a minute is longer than any connection waits.
DELAY = Domain(parse_delay_s, parse_delay_s, 0.0, 60.0, "lognormal(80 ms, 40 ms)", DIMENSIONS["delay"].pattern)


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution with its arguments, in the unit of its domain."""

    family: str
    arguments: tuple[float, ...]
    low: float
    high: float

    def draw(self, draws: Draws, purpose: str) -> F8s:
        """One value for each vehicle of `draws`, shape (n,), clipped to `low` … `high`."""
        return np.clip(_FAMILIES[self.family].draw(draws, purpose, self.arguments), self.low, self.high)

    def quantiles(self, shares: F8s) -> F8s:
        """The values that these shares of all draws do not exceed, shape (n,); shares are above 0 and below 1."""
        return np.clip(_FAMILIES[self.family].quantile(shares, self.arguments), self.low, self.high)


@dataclass(frozen=True, slots=True)
class _Family:
    form: str
    spreads: tuple[int, ...]  # which arguments are a spread, not a value
    count: int | None  # None: one or more
    draw: Draw
    quantile: Quantile  # the inverse of its distribution
    wrong: Check  # what the arguments should be, when they are not


def _of_logarithm(arguments: tuple[float, ...]) -> tuple[float, float]:
    """Mean and standard deviation of the logarithm."""
    mean, sd = arguments
    variance = math.log1p((sd / mean) ** 2)
    return math.log(mean) - variance / 2, math.sqrt(variance)


def _normal_at(shares: F8s, arguments: tuple[float, ...]) -> F8s:
    mean, sd = arguments
    standard = NormalDist()
    return mean + sd * np.array([standard.inv_cdf(share) for share in shares.tolist()])


def _choice_at(shares: F8s, arguments: tuple[float, ...]) -> F8s:
    among = np.sort(np.array(arguments))
    return among[(shares * len(among)).astype(np.intp)]


def _triangular_at(shares: F8s, arguments: tuple[float, ...]) -> F8s:
    low, mode, high = arguments
    rising = np.sqrt(shares * ((high - low) * (mode - low)))
    falling = np.sqrt((1.0 - shares) * ((high - low) * (high - mode)))
    return np.where(shares * (high - low) < mode - low, low + rising, high - falling)


def _non_negative(arguments: tuple[float, ...]) -> str:
    return "a standard deviation of at least 0" if arguments[1] < 0 else ""


def _positive_mean(arguments: tuple[float, ...]) -> str:
    mean, sd = arguments
    return "a mean above 0, and no millionth of sd" if mean <= sd * 1e-6 else _non_negative(arguments)


def _rising(arguments: tuple[float, ...]) -> str:
    return "" if arguments[0] < arguments[1] else "the lower bound first"


def _peaked(arguments: tuple[float, ...]) -> str:
    low, mode, high = arguments
    return "" if low <= mode <= high and low < high else "low, then mode, then high"


def _anything(arguments: tuple[float, ...]) -> str:
    del arguments
    return ""


_FAMILIES = {
    "normal": _Family("normal(mean, sd)", (1,), 2, lambda d, p, a: d.normal(p, *a), _normal_at, _non_negative),
    "lognormal": _Family(
        "lognormal(mean, sd)",
        (1,),
        2,
        lambda d, p, a: d.lognormal(p, *_of_logarithm(a)),
        lambda s, a: np.exp(_normal_at(s, _of_logarithm(a))),
        _positive_mean,
    ),
    "uniform": _Family(
        "uniform(a, b)", (), 2, lambda d, p, a: d.uniform(p, *a), lambda s, a: a[0] + (a[1] - a[0]) * s, _rising
    ),
    "choice": _Family("choice(a, b, …)", (), None, lambda d, p, a: d.choice(p, a), _choice_at, _anything),
    "triangular": _Family(
        "triangular(low, mode, high)", (), 3, lambda d, p, a: d.triangular(p, *a), _triangular_at, _peaked
    ),
    "constant": _Family(
        "a constant", (), 1, lambda d, _, a: np.full(len(d), a[0]), lambda s, a: np.full(len(s), a[0]), _anything
    ),
}
_CALL = re.compile(r"([A-Za-z_]\w*) *\((.*)\)", re.DOTALL)
_OPENED = re.compile(r"[A-Za-z_]\w* *\(")


def parse_distribution(value: object, domain: Domain) -> Distribution:
    """The distribution that `value` writes, over `domain`. Raises QuantityError."""
    if isinstance(value, str) and (call := _CALL.fullmatch(value)):
        name, arguments = call[1], [part.strip(" ") for part in call[2].split(",")]
    elif isinstance(value, str) and _OPENED.match(value):
        hint = "a closing ')' (between { } or [ ] a comma ends the value: put it in quotes)"
        raise QuantityError(f"found {show(value)}, expected {hint}")
    else:
        return Distribution("constant", (_constant(value, domain),), domain.low, domain.high)
    family = _FAMILIES.get(name)
    if family is None or name == "constant":
        forms = one_of([family.form for family in _FAMILIES.values()])
        meant = did_you_mean(name, [known for known in _FAMILIES if known != "constant"])
        raise QuantityError(f"found {show(value)}, expected {forms}{meant}")
    if family.count not in (None, len(arguments)) or "" in arguments:
        raise QuantityError(f"found {show(value)}, expected {family.form}")
    numbers = tuple(_argument(text, index in family.spreads, domain, value) for index, text in enumerate(arguments))
    if wanted := family.wrong(numbers):
        raise QuantityError(f"found {show(value)}, expected {family.form} with {wanted}")
    return Distribution(name, numbers, domain.low, domain.high)


def _constant(value: object, domain: Domain) -> float:
    try:
        return domain.value(value)
    except QuantityError as error:
        raise QuantityError(f"{error}; or a distribution like {domain.example!r}") from error


def _argument(text: str, spread: bool, domain: Domain, whole: object) -> float:
    try:
        return domain.spread(text) if spread else domain.value(text)
    except QuantityError as error:
        raise QuantityError(f"in {show(whole)}: {error}") from error


def distribution_pattern(domain: Domain) -> str:
    """Regular expression of a distribution or a constant, for the JSON Schema."""
    constant = domain.constant_pattern.removeprefix("^").removesuffix("$")
    calls = "|".join(_call_pattern(name, family.count) for name, family in _FAMILIES.items() if name != "constant")
    return f"^(({constant})|{calls})$"


def _call_pattern(name: str, count: int | None) -> str:
    more = "*" if count is None else f"{{{count - 1}}}"
    return rf"{name} *\([^(),]+(,[^(),]+){more}\)"
