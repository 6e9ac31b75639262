"""The photo book in the sample shop: who was asked, who was shown which price, what they paid."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from opskit import sample
from opskit.sample import photo_book
from opskit.sample.truth import values

from .conftest import Shop

TEST, WINDOW = "photo_book_price", pd.Timedelta(days=14)


def price_tested(shop: Shop) -> pd.DataFrame:
    assigned = shop.assignments[shop.assignments["experiment"] == TEST]
    return assigned.merge(shop.experiments, on=["experiment", "variant"])


def books(shop: Shop) -> pd.DataFrame:
    return shop.bookings[shop.bookings["stream"] == "photo_book"]


def test_nobody_is_asked_or_tested_before_signing_up(any_shop: Shop) -> None:
    signed_up = any_shop.customers.set_index("customer_id")["signed_up_at"]
    for frame, clock in ((price_tested(any_shop), "assigned_at"), (books(any_shop), "booked_at")):
        assert len(frame) > 500
        assert (frame[clock] >= frame["customer_id"].map(signed_up)).all()


def test_variants_are_as_frequent_as_planned(any_shop: Shop) -> None:
    assigned = price_tested(any_shop)
    share = assigned["variant"].value_counts(normalize=True)
    assert sorted(share.index) == sorted(photo_book.TEST_PRICES)
    assert (abs(share - 0.25) <= 4 * np.sqrt(0.25 * 0.75 / len(assigned))).all()


def test_in_the_test_everybody_pays_the_price_shown(any_shop: Shop) -> None:
    sold = books(any_shop).merge(price_tested(any_shop), on="customer_id")
    inside = (sold["booked_at"] >= sold["assigned_at"]) & (sold["booked_at"] < sold["assigned_at"] + WINDOW)
    assert inside.sum() > 50
    assert (sold["amount"] == sold["price"])[inside].all()
    assert not sold[inside].duplicated("customer_id").any()


def test_outside_the_test_a_city_has_one_price_a_quarter(any_shop: Shop) -> None:
    sold = books(any_shop).merge(any_shop.customers[["customer_id", "city"]], on="customer_id")
    sold = sold.merge(price_tested(any_shop)[["customer_id", "assigned_at"]], on="customer_id", how="left")
    inside = (sold["booked_at"] >= sold["assigned_at"]) & (sold["booked_at"] < sold["assigned_at"] + WINDOW)
    listed = sold[~inside]
    prices = listed.groupby(["city", listed["booked_at"].dt.to_period("Q")])["amount"].nunique()
    assert prices.eq(1).all()
    assert len(prices) > 100


def test_who_answers_answers_everything_and_as_often_as_planted(any_shop: Shop) -> None:
    answers = any_shop.surveys[any_shop.surveys["survey"] == "photo_book"]
    given = answers.groupby("respondent_id")["answer"].agg(["size", "count"])
    assert given["size"].eq(10).all()
    assert set(given["count"]) == {0, 10}
    planted = values()["photo_book.survey_response"]
    assert abs((given["count"] > 0).mean() - planted) <= 4 * np.sqrt(planted * (1 - planted) / len(given))
    assert (answers["answer"].notna() == answers["answered_at"].notna()).all()


def test_contradictions_are_as_frequent_as_planted(any_shop: Shop) -> None:
    answers = any_shop.surveys[(any_shop.surveys["survey"] == "photo_book") & any_shop.surveys["answer"].notna()]
    prices = answers[answers["question"] != "would_buy"].pivot(
        index="respondent_id", columns="question", values="answer"
    )
    prices = prices.apply(lambda column: column.str.lstrip("¥").astype(float))
    wrong = prices["cheap"] >= prices["expensive"]
    bought = answers[answers["question"] == "would_buy"].pivot(index="respondent_id", columns="item", values="answer")
    yes = (bought == "yes")[sorted(bought.columns, key=float)].astype(int)
    torn = (np.diff(yes.to_numpy(), axis=1) > 0).any(axis=1)
    for share, name in ((wrong.mean(), "survey_invalid"), (torn.mean(), "survey_inconsistent")):
        planted = values()[f"photo_book.{name}"]
        assert abs(share - planted) <= 4 * np.sqrt(planted * (1 - planted) / len(yes)), name


def test_without_price_noise_every_price_follows_city_and_quarter(tmp_path: Path) -> None:
    off = tmp_path / "off.json"
    off.write_text(json.dumps({"photo_book.price_noise": 0}), encoding="utf-8")
    shop = Shop(sample.write(tmp_path / "shop", customers=1500, truth=off, tables=("bookings", "customers", "orders")))
    sold = books(shop).merge(shop.customers[["customer_id", "city"]], on="customer_id")
    quarter = sold["booked_at"].dt.to_period("Q")
    cells = np.log(
        sold[~sold["amount"].isin(photo_book.TEST_PRICES.values())].groupby(["city", quarter])["amount"].first()
    )
    table = cells.unstack()
    apart = (table - table.loc["上海"]).sub((table - table.loc["上海"]).mean(axis=1), axis=0)
    assert apart.abs().max(axis=None) < 0.02  # whole yuan


@pytest.mark.parametrize("months", [1, 5])
def test_short_shops_hold_the_test_too(months: int, tmp_path: Path) -> None:
    shop = Shop(sample.write(tmp_path, customers=400, months=months, tables=("assignments", "experiments", "surveys")))
    assert len(shop.experiments[shop.experiments["experiment"] == TEST]) == 4
    assert len(price_tested(shop)) > 20
