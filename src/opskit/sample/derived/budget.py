"""Response to spend: how well a shop could know what was planted, by the information that its counts carry.

The least variance an unbiased estimate can have is the inverse of the Fisher information (Cramér and Rao); sign-ups of
a day are counts around the plan's expectation.
"""

from collections.abc import Sequence

import numpy as np
from numpy.linalg import LinAlgError
from numpy.typing import NDArray

from opskit.sample import lift_testing
from opskit.sample.acquisition_plan import CHANNELS, PAID, response
from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure
from opskit.sample.seasons import Floats
from opskit.sample.world import Chunk, World

TABLES = ("customers", "spend", "touchpoints", "lift_tests")
_STEP = 1e-5


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Elasticity of each paid channel at its average spend: what the planted half-saturation comes to there."""
    del chunks
    errors = {channel: _curve(world, channel) for channel in PAID}
    return {
        f"elasticity.{channel}": Figure(
            _elasticity(world, channel),
            "per cent more sign-ups for a per cent more spend",
            "half / (1 + half), half being the planted half-saturation",
            "response curve of sign-ups on spend, at average spend",
            spread=errors[channel][2],
        )
        for channel in PAID
    }


def spreads(world: World, chunks: Sequence[Chunk]) -> dict[str, float]:
    """Of carry-over from the channel's own sign-ups; of the incremental share from all sign-ups and lift tests."""
    total = _shares_by_total(world)
    found: dict[str, float] = {}
    for place, channel in enumerate(PAID):
        tests = [test for test in lift_testing.within(world) if test.channel == channel]
        precision = total[place] ** -2 + sum(_by_test(world, test, chunks) ** -2 for test in tests)
        found[f"carry_over.{channel}"] = _curve(world, channel)[1]
        found[f"incremental_share.{channel}"] = float(precision**-0.5)
    return found


def _elasticity(world: World, channel: str) -> float:
    half = world.truth[f"half_saturation.{channel}"]
    return half / (1 + half)


def _curve(world: World, channel: str) -> NDArray[np.float64]:
    """Spread of level, carry-over and elasticity of the channel's response to its spend."""
    expected = world.plan.signups[:, CHANNELS.index(channel)]
    kept, bend = world.truth[f"carry_over.{channel}"], _elasticity(world, channel)

    def logarithm(carry_over: float, elasticity: float) -> Floats:
        shape = {f"carry_over.{channel}": carry_over, f"half_saturation.{channel}": elasticity / (1 - elasticity)}
        return np.log(response(world.plan.spend[channel], channel, shape))

    by_carry_over = logarithm(kept + _STEP, bend) - logarithm(kept - _STEP, bend)
    by_elasticity = logarithm(kept, bend + _STEP) - logarithm(kept, bend - _STEP)
    slope = np.column_stack([np.ones_like(expected), by_carry_over / (2 * _STEP), by_elasticity / (2 * _STEP)])
    return _spread(slope * expected[:, None], expected)


def _shares_by_total(world: World) -> NDArray[np.float64]:
    """Spread of the incremental shares where total sign-ups stand beside a level for each month and each weekday."""
    day = np.datetime64(world.first_day, "D") + np.arange(world.days)
    month, weekday = day.astype("datetime64[M]").astype(np.int64), (day.astype(np.int64) + 3) % 7
    levels = np.column_stack([month[:, None] == np.unique(month), weekday[:, None] == np.arange(6)])
    total = world.plan.signups.sum(axis=1)
    paid = world.plan.signups[:, [CHANNELS.index(channel) for channel in PAID]]
    unpaid = total - paid @ np.array([world.truth[f"incremental_share.{channel}"] for channel in PAID])
    return _spread(np.column_stack([paid, unpaid[:, None] * levels]), total)


def _by_test(world: World, test: lift_testing.LiftTest, chunks: Sequence[Chunk]) -> float:
    seen = lift_testing.reach(world, test, chunks)
    error = seen.standard_error(lift_testing.incremental_share(world, test.channel)) / max(seen.reached, 1)
    return error * REFERENCE_CUSTOMERS**0.5


def _spread(slope: Floats, expected: Floats) -> NDArray[np.float64]:
    """Standard errors times the root of the number of accounts; missing where the period is too short to tell."""
    try:
        least = np.linalg.inv(slope.T @ (slope / np.maximum(expected, 1e-12)[:, None]))
    except LinAlgError:
        return np.full(slope.shape[1], np.nan)
    return np.sqrt(np.where(np.diag(least) > 0, np.diag(least), np.nan))
