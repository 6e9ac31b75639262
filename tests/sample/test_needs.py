"""Needs in the sample shop: who was asked, what they said, and that nothing else has changed."""

import numpy as np
import pandas as pd
import pytest

from opskit.sample.surveys import kano, needs_ranking, non_customers
from opskit.sample.tables.scenarios import WAYS
from opskit.sample.truth import values
from opskit.sample.world import World

from .conftest import Shop

ROWS = {"needs_ranking": 2 * len(needs_ranking.NEEDS), "kano": 2 * len(kano.FEATURES), "non_customers": 3}


def survey(shop: Shop, name: str) -> pd.DataFrame:
    return shop.surveys[shop.surveys["survey"] == name]


@pytest.mark.parametrize("name", ROWS)
def test_everybody_is_asked_everything_after_signing_up(name: str, any_shop: Shop) -> None:
    rows = survey(any_shop, name)
    assert rows.groupby("respondent_id").size().eq(ROWS[name]).all()
    assert rows["respondent_id"].nunique() > 300
    signed_up = rows["customer_id"].map(any_shop.customers.set_index("customer_id")["signed_up_at"])
    answered = rows["answered_at"].notna()
    assert (rows.loc[answered, "answered_at"] > signed_up[answered]).all()


@pytest.mark.parametrize(
    ("name", "planted"),
    [
        ("needs_ranking", "needs.survey_response"),
        ("kano", "kano.survey_response"),
        ("non_customers", "non_customers.survey_response"),
    ],
)
def test_as_many_respond_as_planted(name: str, planted: str, any_shop: Shop) -> None:
    said = survey(any_shop, name).groupby("respondent_id")["answered_at"].count() > 0
    share = values()[planted]
    assert abs(said.mean() - share) <= 4 * np.sqrt(share * (1 - share) / len(said))


def test_ranks_are_an_order_and_some_stop_after_three(any_shop: Shop) -> None:
    rows = survey(any_shop, "needs_ranking")
    ranks = rows[(rows["question"] == "rank") & rows["answer"].notna()].astype({"answer": int})
    given = ranks.groupby("respondent_id")["answer"].agg(["nunique", "size", "max"])
    assert (given["nunique"] == given["size"]).all()
    assert (given["max"] == given["size"]).all()
    assert set(given["size"]) == {3, len(needs_ranking.NEEDS)}
    share = values()["needs.stop_after_three"]
    assert abs((given["size"] == 3).mean() - share) <= 4 * np.sqrt(share * (1 - share) / len(given))


def test_first_ranks_come_as_often_as_the_weights_say(two_chunks: Shop) -> None:
    rows = survey(two_chunks, "needs_ranking")
    first = rows.loc[(rows["question"] == "rank") & (rows["answer"] == "1"), "item"].value_counts(normalize=True)
    share = dict(zip(needs_ranking.NEEDS, needs_ranking.weights(World(values(), 10, 24, 1)), strict=True))
    n = (rows["answer"] == "1").sum()
    for need, planted in share.items():
        assert abs(first[need] - planted) <= 4 * np.sqrt(planted * (1 - planted) / n), need


def test_only_prospects_are_asked_why_they_do_not_buy(any_shop: Shop) -> None:
    rows = survey(any_shop, "non_customers")
    days = any_shop.spend["date"].nunique()
    sent = pd.Timestamp(any_shop.spend["date"].min()) + pd.Timedelta(
        days=needs_ranking.sent(World(values(), 10, round(days / 30.4), 1), non_customers.DAYS_BEFORE_END)
    )
    bought = any_shop.paid.groupby("customer_id")["ordered_at"].min().reindex(rows["customer_id"])
    assert not (bought < sent).any()


def test_the_map_is_written_once(any_shop: Shop) -> None:
    assert len(any_shop.scenarios) == len(WAYS)
    assert any_shop.scenarios[["reach", "precision", "cost", "team_fit"]].isin(range(1, 6)).all(axis=None)
