"""Truth of audiences and of the test of message frequency: it is what the generator's tables show."""

import json

import numpy as np
import pandas as pd
import pytest

from opskit.sample import derived, messages, truth
from opskit.sample.derived import message_frequency
from opskit.sample.derived import reach as audiences
from opskit.sample.world import World

from .conftest import Shop

DAY = pd.Timedelta(days=1)


def figures(shop: Shop) -> dict[str, float]:
    written = json.loads((shop.folder / "truth.json").read_text(encoding="utf-8"))["derived"]
    return {name: entry["value"] for name, entry in written.items()}


def test_audiences_are_those_of_the_tables(shop: Shop) -> None:
    known, n = figures(shop), len(shop.customers)
    late = shop.touchpoints[shop.touchpoints["touched_at"] >= pd.Timestamp("2026-01-01") - audiences.WINDOW_DAYS * DAY]
    pairs = late[["customer_id", "channel"]].drop_duplicates()
    for channel, own in pairs.groupby("channel"):
        share = known[f"reach.share.{channel}"]
        assert abs(len(own) / n - share) < 4 * np.sqrt(share * (1 - share) / n), channel
    again = 1 - pairs["customer_id"].nunique() / len(pairs)
    assert abs(again - known["reach.counted_again"]) < 0.04


def test_the_expected_answers_are_those_the_generator_draws() -> None:
    """A shop in which everybody is in the test, drawn once, against its expectation by arm."""
    world = World(truth.values(), 10_000, 24, 21)
    chunk = world.chunk(0)
    begins = world.days - messages.TEST_BEGINS
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(messages, "TEST_SHARE", 1.0)
        sent = messages.messages(chunk, np.full(chunk.size, np.inf))
    inside = (sent.at >= begins) & (sent.at < begins + message_frequency.DAYS)
    expected = message_frequency._arms(world, [chunk])
    for a_week, arm in expected.items():
        rows = inside & (sent.a_week == a_week)
        people = np.unique(sent.customer[rows])
        answered = np.bincount(sent.customer[rows], sent.responded[rows], minlength=chunk.size)[people]
        got = np.bincount(sent.customer[rows], minlength=chunk.size)[people]
        ratio = arm.answered.sum() / arm.sent.sum()
        error = np.sqrt(((answered - ratio * got) ** 2).sum()) / got.sum()
        assert abs(answered.sum() / got.sum() - ratio) < 4 * error
        assert abs(got.mean() - arm.sent.mean()) < 4 * got.std() / np.sqrt(len(got))
        out = np.bincount(sent.customer[rows], sent.opted_out[rows], minlength=chunk.size)[people].mean()
        assert abs(out - arm.out.mean()) < 4 * np.sqrt(out * (1 - out) / len(people)) + 0.002
        spread = np.sqrt((arm.spread + (arm.answered - ratio * arm.sent) ** 2).mean())
        assert spread == pytest.approx((answered - ratio * got).std(), rel=0.1)


def test_what_is_planted_moves_the_truth() -> None:
    chunk_of = {"message.response_kept": (0.5, 1.0), "message.opt_out": (0.0005, 0.01)}
    for name, (low, high) in chunk_of.items():
        found = []
        for value in (low, high):
            world = World({**truth.values(), name: value}, 2000, 24, 3)
            found.append(message_frequency.figures(world, [world.chunk(0)]))
        measure = "responses_per_message" if name == "message.response_kept" else "opted_out"
        values = [one[f"frequency.{measure}.frequency_4"].value for one in found]
        assert values[0] < 0.6 * values[1]
    kept = 1.0  # without fatigue every arm answers alike, but for the weeks in which interest wanes
    world = World({**truth.values(), "message.response_kept": kept}, 2000, 24, 3)
    rates = [
        message_frequency.figures(world, [world.chunk(0)])[f"frequency.responses_per_message.frequency_{k}"].value
        for k in messages.A_WEEK
    ]
    assert max(rates) / min(rates) < 1.03


def test_a_young_or_empty_shop_has_no_such_truth() -> None:
    world = World(truth.values(), 300, 2, 7)  # the test would begin before the shop
    assert message_frequency.figures(world, [world.chunk(0)]) == {}
    assert message_frequency.spreads(world, [world.chunk(0)]) == {}
    names = derived.figures(truth.values(), 2, ("contacts",))
    assert not [name for name in names if name.startswith("frequency.")]
