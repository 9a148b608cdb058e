"""Draws per vehicle: dice that agree with arrays, counters of outings, and purposes that nobody shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from jinqiao.base.keyed import Draws, fleet_key, fold
from jinqiao.simulator.draws import Dice, VehicleDraws, event_dice
from jinqiao.simulator.world import World

N = 50_000
FLEETS = [("cars", 300), ("vans", 200)]


def test_dice_draw_what_arrays_draw() -> None:
    draws = Draws.of(3, [("cars", N)])
    dice = [Dice(key, "purpose") for key in draws.keys.tolist()]
    assert draws.shares("purpose").tolist() == [one.share() for one in dice]
    assert draws.shares("purpose", 1).tolist() == [one.share() for one in dice]

    def fresh() -> list[Dice]:
        return [Dice(key, "purpose") for key in draws.keys.tolist()]

    assert draws.uniform("purpose", 20, 60).tolist() == [one.uniform(20, 60) for one in fresh()]
    assert draws.integers("purpose", 3, 17).tolist() == [one.integer(3, 17) for one in fresh()]
    assert draws.choice("purpose", [5, 8, 9]).tolist() == [one.choice([5, 8, 9]) for one in fresh()]
    assert draws.exponential("purpose", 150.0).tolist() == [one.exponential(150.0) for one in fresh()]
    assert [one.alone().normal("x")[0] for one in fresh()[:50]] == Draws(draws.keys).normal("x")[:50].tolist()


def test_a_vehicles_draws_know_nothing_of_other_fleets() -> None:
    alone, many = VehicleDraws(9, [("vans", 200)]), VehicleDraws(9, FLEETS)
    assert (alone.of(slice(None)).keys == many.of(slice(300, 500)).keys).all()
    assert (many.of(np.array([7, 301])).keys == many.of(slice(None)).keys[[7, 301]]).all()
    assert many.of(np.array([301])).keys.tolist() == [fold(fleet_key(9, "vans"), 1)]
    assert alone.of_fleet(0, "depot").share() == many.of_fleet(1, "depot").share()
    assert many.of_fleet(0, "depot").share() != many.of_fleet(1, "depot").share()


def test_every_outing_has_dice_of_its_own() -> None:
    draws, others = VehicleDraws(9, FLEETS), VehicleDraws(9, FLEETS)
    rows = np.array([3, 4, 310])
    first = [one.share() for one in draws.begin_outings(rows)]
    second = [one.share() for one in draws.begin_outings(rows)]
    assert len({*first, *second}) == 6
    assert draws.outings[rows].tolist() == [2, 2, 2]
    assert draws.outings.sum() == 6
    # One by one, in another order: the same.
    assert [others.begin_outings(rows[[i]])[0].share() for i in (2, 0, 1)] == [first[i] for i in (2, 0, 1)]
    assert others.begin_outings(rows)[1].share() == second[1]


def test_the_state_of_a_vehicles_draws_is_four_bytes() -> None:
    draws = VehicleDraws(9, FLEETS)
    draws.of(slice(None)).normal("x")
    kept = [value for value in vars(draws).values() if isinstance(value, np.ndarray) and len(value) == 500]
    assert [value.nbytes for value in kept] == [4 * 500]


def test_events_of_a_scenario_have_dice_by_their_kind_and_place() -> None:
    shares = {event_dice(seed, kind, n).share() for seed in (1, 2) for kind in ("fault", "command") for n in range(5)}
    assert len(shares) == 20
    assert event_dice(1, "fault", 3).share() in shares


@pytest.mark.long
def test_no_two_things_are_drawn_with_one_purpose(
    make_world: Callable[..., World], fleet_text: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal purposes draw equal numbers: what two of them decide would go together."""
    drawn: Counter[tuple[int, str, int]] = Counter()
    words = Draws.words

    def noted(self: Draws, purpose: str, number: int = 0) -> Any:
        for key in self.keys.tolist():
            drawn[key, purpose, number] += 1
        return words(self, purpose, number)

    monkeypatch.setattr(Draws, "words", noted)
    agendas = ("commuter", "ride_hailing", "delivery", "{cycle: WLTC}")
    world = make_world(*(fleet_text(3, agenda, "normal(0.5, 0.2)") for agenda in agendas))
    while world.elapsed_s < 1800:
        world.advance()
    assert len({purpose for _, purpose, _ in drawn}) > 30
    assert set(drawn.values()) == {1}


def test_more_vehicles_are_those_there_were_and_others(
    make_world: Callable[..., World], fleet_text: Callable[..., str]
) -> None:
    one_model = "{bmw-ix3-2021: 1}"
    fleets = [fleet_text(6, agenda, "uniform(0.3, 0.9)", models=one_model) for agenda in ("commuter", "ride_hailing")]
    few, many = make_world(*fleets), make_world(*fleets, vehicles=40)
    for name in ("soc", "odometer_m", "state_of_health", "tyre_fl_kpa"):
        column = getattr(many.fleet, name)
        assert getattr(few.fleet, name).tolist() == [*column[:6], *column[20:26]]
    assert few.fleet.vins.tolist() == [*many.fleet.vins[:6], *many.fleet.vins[20:26]]
