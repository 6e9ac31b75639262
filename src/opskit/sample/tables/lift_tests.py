"""Lift tests of some channels: what each caused in its days, as a hold-out of half the audience estimates it."""

from typing import Any

import numpy as np

from opskit.sample import lift_testing
from opskit.sample.world import Chunk, Column

ROW = "test of a channel"
COLUMNS = {
    "channel": Column("category", "the channel, kept from half of those it would have reached, by lot"),
    "started_at": Column("timestamp", "first day"),
    "ended_at": Column("timestamp", "last day"),
    "incremental": Column(
        "number", "conversions caused in these days, for the whole audience; may be below 0 by chance"
    ),
    "standard_error": Column("number", "its standard error"),
    "spend": Column("money", "what the channel costs in these days, for the whole audience"),
}


def build(chunk: Chunk) -> dict[str, Any]:
    """All tests, with the first chunk."""
    world = chunk.world
    tests = lift_testing.within(world) if chunk.index == 0 else ()
    chance = dict(
        zip(lift_testing.TESTS, chunk.rng("lift_tests").standard_normal(len(lift_testing.TESTS)), strict=True)
    )
    others = [world.chunk(index) for index in range(1, world.chunks)] if tests else []
    rows: list[tuple[float, float]] = []
    for test in tests:
        seen = lift_testing.reach(world, test, [chunk, *others])
        share = lift_testing.incremental_share(world, test.channel)
        caused = share * seen.reached + chance[test] * seen.left_to_chance(share)
        rows.append((caused, seen.standard_error(share)))
    incremental, error = np.array(rows, dtype=float).reshape(-1, 2).T
    known = error > 0  # where nobody was reached there is nothing to report
    return {
        "channel": np.array([test.channel for test in tests], dtype=object)[known],
        "started_at": _days([test.first_day for test in tests])[known],
        "ended_at": _days([test.last_day for test in tests])[known],
        "incremental": np.round(incremental[known], 1),
        "standard_error": np.round(error[known], 1),
        "spend": np.array([_spend(chunk, test) for test in tests], dtype=float)[known],
    }


def _days(days: list[Any]) -> Any:
    return np.array(days, dtype="datetime64[us]")


def _spend(chunk: Chunk, test: lift_testing.LiftTest) -> float:
    spend = chunk.table("spend")
    day = spend["date"].astype("datetime64[D]")
    there = (spend["channel"] == test.channel) & (day >= np.datetime64(test.first_day))
    return round(float(spend["spend"][there & (day <= np.datetime64(test.last_day))].sum()), 2)
