"""Pricing finds what the sample shop plants: once on the committed shop, and 400 times for the intervals' coverage."""

import datetime as dt
from collections.abc import Callable, Iterator

import pandas as pd
import pytest

import opskit
from opskit.monetization import pricing
from opskit.sample.streams import photo_book
from opskit.sample.truth import values
from opskit.sample.world import Chunk, World

LAST_DAY = dt.date(2025, 12, 31)
TRUTH = {
    name: figure for name, figure in opskit.open("shop").truth["derived"].items() if name.startswith("photo_book.")
}
PANEL = {"as_of": LAST_DAY, "unit": "city", "period": "quarter"}
Row = tuple[float, float, float]


@pytest.fixture(scope="module")
def found() -> dict[str, Row]:
    """estimate, low and high on the committed shop, by name of the truth."""
    ds = opskit.open("shop", engine="pandas")
    bought = pricing.booked_stream(ds.bookings, "photo_book")
    test = pricing.price_test(ds.experiments, ds.assignments, bought, as_of=LAST_DAY)
    sales = pricing.booked_sales(
        ds.bookings,
        ds.customers,
        stream="photo_book",
        unit="city",
        assignments=ds.assignments,
        experiment=test.experiment,
    )
    panel = pricing.price_panel(sales, **PANEL).elasticity[["estimate", "low", "high"]]
    stated = pricing.gabor_granger(ds.surveys, unit_cost=test.unit_cost).optimum.set_index("goal")
    points = pricing.van_westendorp(ds.surveys).points.set_index("point")
    rows = {
        "elasticity.price_test": test.elasticity[["estimate", "low", "high"]].iloc[0],
        "elasticity.price_panel": panel.iloc[0],
        "naive": panel.iloc[1],
        "profit_price": test.optimum.set_index("goal").loc["profit", ["price", "low", "high"]],
        **{f"stated_{goal}_price": stated.loc[goal, ["price", "low", "high"]] for goal in stated.index},
        **{name.lower(): points.loc[name, ["estimate", "low", "high"]] for name in points.index},
    }
    return {name: tuple(map(float, row)) for name, row in rows.items()}


@pytest.mark.parametrize("name", [name.removeprefix("photo_book.") for name in TRUTH])
def test_the_committed_shop_tells_its_truth(name: str, found: dict[str, Row]) -> None:
    truth, (estimate, low, high) = TRUTH[f"photo_book.{name}"], found[name]
    assert abs(estimate - truth["value"]) <= 4 * (high - low) / (2 * 1.96)
    assert truth["max_interval_width"] is None or high - low <= truth["max_interval_width"]


def test_every_estimate_but_the_price_of_a_formula_has_a_widest_interval() -> None:
    assert [name for name, figure in TRUTH.items() if figure["max_interval_width"] is None] == [
        "photo_book.profit_price"
    ]


def test_pooling_misses_the_truth_and_fixed_effects_do_not(found: dict[str, Row]) -> None:
    truth = TRUTH["photo_book.elasticity.price_panel"]["value"]
    assert found["naive"][1] > truth
    assert found["elasticity.price_panel"][1] <= truth <= found["elasticity.price_panel"][2]


def shops(customers: int) -> Iterator[Chunk]:
    for seed in range(1000, 1400):
        yield World(values(), customers, 24, seed).chunk(0)


def booked(chunk: Chunk) -> pd.DataFrame:
    sold = photo_book.build(chunk)
    moments = {"booked_at": chunk.world.moment(sold["at"]), "amount": sold["amount"], "stream": "photo_book"}
    return pd.DataFrame({**moments, "customer_id": chunk.customer_ids[sold["customer"]]})


def elasticity_of_test(chunk: Chunk) -> Row:
    design = pd.DataFrame({name: chunk.table("experiments")[name] for name in ("experiment", "variant", "price")})
    design = design[design["experiment"] == "photo_book_price"].astype({"price": float})
    assigned = pd.DataFrame(chunk.table("assignments"))
    found = pricing.price_test(design, assigned, booked(chunk), as_of=LAST_DAY).elasticity
    return tuple(found[["estimate", "low", "high"]].iloc[0])


def panel_elasticity(chunk: Chunk) -> Row:
    people = pd.DataFrame({name: chunk.table("customers")[name] for name in ("customer_id", "city")})
    assigned = pd.DataFrame(chunk.table("assignments"))
    sales = pricing.booked_sales(booked(chunk), people, stream="photo_book", unit="city", assignments=assigned)
    return tuple(pricing.price_panel(sales, **PANEL).elasticity[["estimate", "low", "high"]].iloc[0])


def stated_price(chunk: Chunk) -> Row:
    columns = ("respondent_id", "survey", "question", "item", "answer")
    answers = pd.DataFrame({name: chunk.table("surveys")[name] for name in columns})
    found = pricing.gabor_granger(answers[answers["survey"] == "photo_book"], draws=200)
    return tuple(found.optimum[["price", "low", "high"]].iloc[0])


CALIBRATED: dict[str, tuple[Callable[[Chunk], Row], int]] = {
    "elasticity.price_test": (elasticity_of_test, 2000),
    "elasticity.price_panel": (panel_elasticity, 4000),
    "stated_revenue_price": (stated_price, 2000),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CALIBRATED)
def test_intervals_cover_the_truth(name: str) -> None:
    """400 shops: a 95% interval covers 364 to 393 times, the middle 99.9% of that binomial count."""
    estimate, customers = CALIBRATED[name]
    truth = TRUTH[f"photo_book.{name}"]["value"]
    covered = sum(low <= truth <= high for _, low, high in map(estimate, shops(customers)))
    assert 364 <= covered <= 393
