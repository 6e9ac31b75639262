"""Reach and fatigue on the sample shop: what is planted is found by lot, and the naive curve misleads."""

from types import ModuleType

import numpy as np
import pandas as pd
import polars as pl
import pytest

import opskit
from opskit.acquisition import reach
from opskit.sample import messages, truth
from opskit.sample.tables import contacts, touchpoints
from opskit.sample.world import LAST_DAY, Chunk, World

ARMS = "frequency_1,frequency_2,frequency_4"
TRUTH = opskit.open("shop").truth
FIGURES = TRUTH["derived"] | TRUTH["planted"]
# Of a wide and of a thin arm each measure; opt-outs where the arm has enough for an interval to settle.
CALIBRATED = [
    "message.response_kept",
    *(f"frequency.responses_per_message.frequency_{k}" for k in (1, 2, 4)),
    *(f"frequency.responses_per_week.frequency_{k}" for k in (1, 4)),
    "frequency.opted_out.frequency_4",
]


def recovered(frequency: reach.Frequency) -> pd.DataFrame:
    """Estimates beside their truth, with the naive ones, by name and how."""
    none = pd.DataFrame(columns=["channel", "share", "low", "high"])
    nothing = pd.DataFrame(columns=["measure", "estimate", "low", "high"])
    rates, factors = reach.rates_by_arm(frequency.trial), reach.factors(frequency.trial, frequency.observed)
    return reach.recovery(TRUTH, none, nothing, rates, factors).set_index(["how", "name"])


def table(chunk: Chunk, module: ModuleType) -> pl.DataFrame:
    columns = chunk.table(module.__name__.split(".")[-1])
    flags = {name for name, column in module.COLUMNS.items() if column.kind == "bool"}
    return pl.DataFrame({name: columns[name].tolist() if name in flags else columns[name] for name in module.COLUMNS})


def wechat(chunk: Chunk) -> pl.DataFrame:
    """The test's messages alone, without the time it takes to make the other columns of contacts."""
    sent = messages.messages(chunk, contacts.refusals(chunk))
    tested = sent.a_week > 0
    columns = {
        "customer_id": sent.customer[tested],
        "sent_at": chunk.world.moment(sent.at[tested]),
        "campaign": [f"frequency_{a_week}" for a_week in sent.a_week[tested]],
        "responded": sent.responded[tested],
        "opted_out": sent.opted_out[tested],
    }
    return pl.DataFrame(columns).with_columns(medium=pl.lit("wechat"))


@pytest.fixture(scope="module")
def shop() -> pd.DataFrame:
    ds = opskit.open("shop", engine="polars")
    tables = {"contacts": ds.contacts, "orders": ds.orders}
    return recovered(reach.frequency(tables, as_of=ds.as_of, arms=ARMS))


def test_the_naive_curve_misleads_and_the_lot_does_not(shop: pd.DataFrame) -> None:
    """Messages tire by a fifth each; who looks at those who happened to get more sees no fatigue at all."""
    kept = shop.xs("message.response_kept", level="name")
    assert kept.loc["observed", "truth"] == 0.8
    assert kept.loc["observed", "low"] > 0.8
    assert kept.loc["observed", "estimate"] > 1
    assert kept.loc["tested", "low"] < 0.8 < kept.loc["tested", "high"] < 1
    growth = shop.xs("message.opt_out_growth", level="name")
    assert growth.loc["observed", "high"] < 1 < growth.loc["observed", "truth"] < growth.loc["tested", "high"]


def test_the_committed_shop_tells_its_truth(shop: pd.DataFrame) -> None:
    found = shop.loc["tested"]
    assert len(found) == 11
    for name, row in found.iterrows():
        figure = FIGURES[name]
        if name.startswith("message."):  # a factor: its error is one of the log
            error = np.log(row["high"] / row["low"]) / (2 * 1.96)
            assert abs(np.log(row["estimate"] / figure["value"])) <= 4 * error, name
        else:
            assert abs(row["estimate"] - figure["value"]) <= 4 * (row["high"] - row["low"]) / (2 * 1.96), name
        if figure["max_interval_width"] is not None:
            assert row["high"] - row["low"] <= figure["max_interval_width"], name
    assert FIGURES["message.response_kept"]["max_interval_width"] < 0.5


def test_audiences_of_the_committed_shop() -> None:
    ds = opskit.open("shop", engine="polars")
    found = reach.audiences(ds.touchpoints, ds.customers, as_of=ds.as_of, window_days=90)
    alone, together = reach.by_channel(found), reach.together(found)
    rates = pd.DataFrame(columns=["measure", "arm", "estimate", "low", "high"])
    factors = pd.DataFrame(columns=["measure", "how", "factor", "low", "high"])
    table = reach.recovery(TRUTH, alone, together, rates, factors)
    assert len(table) == 8
    for row in table.itertuples():
        error = (row.high - row.low) / (2 * 1.96)
        assert abs(row.estimate - row.truth) <= 4 * error, row.name
        assert row.high - row.low <= FIGURES[row.name]["max_interval_width"], row.name
    assert reach.recovery(TRUTH, alone, together, rates, factors, window_days=30).empty
    assert reach.recovery({}, alone, together, rates, factors).empty


def test_the_best_tested_frequency_is_that_of_the_truth() -> None:
    """With an answer worth 1, a message 0.02 and a year of answers lost with an opt-out."""
    net: dict[int, float] = {}
    for k in (1, 2, 4):
        answers = FIGURES[f"frequency.responses_per_week.frequency_{k}"]["value"] - 0.02 * k
        out = FIGURES[f"frequency.opted_out.frequency_{k}"]["value"] / 4
        first = net.get(0, answers)
        net[0] = first
        net[k] = answers - 52 * first * out
    best = max((1, 2, 4), key=lambda k: net[k])
    ds = opskit.open("shop", engine="polars")
    found = reach.cap(reach.frequency({"contacts": ds.contacts}, as_of=ds.as_of, arms=ARMS).trial)
    assert best == 2
    assert found.low <= best <= found.high < 4
    assert found.best == best


def test_stronger_fatigue_is_found_to_be_stronger() -> None:
    found = []
    for kept in (1.0, 0.5):
        chunk = World({**truth.values(), "message.response_kept": kept}, 6000, 24, 5).chunk(0)
        frequency = reach.frequency({"contacts": table(chunk, contacts)}, as_of=LAST_DAY, arms=ARMS)
        factors = reach.factors(frequency.trial, frequency.observed).set_index(["how", "measure"])
        found.append(factors.loc[("tested", "responses_per_message")])
    assert found[0]["low"] < 1 < found[0]["high"]
    assert found[1]["low"] < 0.5 < found[1]["high"] < found[0]["low"]


@pytest.mark.slow
def test_intervals_of_the_test_cover_the_truth() -> None:
    """400 shops: a 95% interval covers 364 to 393 times, the middle 99.9% of that binomial count."""
    covered = pd.Series(0, index=CALIBRATED)
    for seed in range(400):
        chunk = World(truth.values(), 4000, 24, 1000 + seed).chunk(0)
        frequency = reach.frequency({"contacts": wechat(chunk)}, as_of=LAST_DAY, arms=ARMS)
        rates = reach.rates_by_arm(frequency.trial)
        factors = reach.factors(frequency.trial, frequency.observed.head(0))
        found = reach.recovery(TRUTH, *NOTHING, rates, factors).set_index("name")
        covered += found.loc[CALIBRATED, "inside"].astype(int)
    assert covered.between(364, 393).all(), covered.to_dict()


NOTHING = (
    pd.DataFrame(columns=["channel", "share", "low", "high"]),
    pd.DataFrame(columns=["measure", "estimate", "low", "high"]),
)


@pytest.mark.slow
def test_intervals_of_audiences_cover_the_truth() -> None:
    """As above, of small shops."""
    names = ["reach.counted_again", *(f"reach.share.{channel}" for channel in ("wechat", "retargeting", "influencer"))]
    covered = pd.Series(0, index=names)
    empty = (
        pd.DataFrame(columns=["measure", "arm", "estimate", "low", "high"]),
        pd.DataFrame(columns=["measure", "how", "factor", "low", "high"]),
    )
    for seed in range(400):
        chunk = World(truth.values(), 1000, 24, 1000 + seed).chunk(0)
        touches = table(chunk, touchpoints)
        people = pl.DataFrame({"customer_id": chunk.customer_ids})
        audiences = reach.audiences(touches, people, as_of=LAST_DAY, window_days=90)
        found = reach.recovery(TRUTH, reach.by_channel(audiences), reach.together(audiences), *empty).set_index("name")
        covered += found.loc[names, "inside"].astype(int)
    assert covered.between(364, 393).all(), covered.to_dict()
