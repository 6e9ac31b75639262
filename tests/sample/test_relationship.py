"""The quarterly survey of the sample shop: what holds for any seed, and that promoters answer more often."""

import numpy as np
import pandas as pd

from opskit.sample import truth
from opskit.sample.surveys import relationship
from opskit.sample.world import World

from .conftest import Shop

PLANTED = truth.values()


def test_buyers_are_asked_once_a_quarter_after_their_first_parcel(any_shop: Shop) -> None:
    asked = any_shop.surveys[any_shop.surveys["survey"] == "relationship"]
    assert asked.groupby("respondent_id").size().eq(5).all()
    assert asked.groupby("respondent_id")["customer_id"].nunique().eq(1).all()
    assert asked["customer_id"].isin(any_shop.paid["customer_id"]).all()
    answered = asked.dropna(subset="answer")
    received = any_shop.events[any_shop.events["event"] == "receive"].groupby("customer_id")["occurred_at"].min()
    assert (answered["answered_at"] > answered["customer_id"].map(received)).all()
    quarter = answered["answered_at"].dt.to_period("Q").astype(str)
    assert (quarter == answered["respondent_id"].str[-6:]).all()
    value = answered["answer"].astype(int)
    assert value[answered["question"] == "csat"].between(1, 5).all()
    assert value[answered["question"] == "nps"].between(0, 10).all()


def test_who_answers_is_as_planted() -> None:
    asked = relationship.build(World(PLANTED, 8000, 24, 3).chunk(0))["asked"]
    for name, rows in (("promoters", asked["would_say"] == 1), ("others", asked["would_say"] < 1)):
        share, n = PLANTED[f"relationship.response_{name}"], rows.sum()
        assert n > 500
        assert abs(asked["said"][rows].mean() - share) <= 4 * np.sqrt(share * (1 - share) / n)
    for place, name in enumerate(relationship.TOUCHPOINTS[1:], start=1):
        by_buyer = pd.Series(asked["stars"][:, place] >= 4).groupby(asked["customer"]).mean()
        error = by_buyer.std() / np.sqrt(len(by_buyer))
        assert abs(by_buyer.mean() - PLANTED[f"relationship.satisfied.{name}"]) <= 4 * error
