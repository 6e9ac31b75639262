"""The form at sign-up: what holds for any seed, and that a strong need goes with buying as planted."""

import numpy as np
import pytest

from opskit.sample import truth
from opskit.sample.derived import first_users
from opskit.sample.surveys import sign_up
from opskit.sample.world import World

from .conftest import Shop

PLANTED = truth.values()
QUESTIONS = {"workaround", "hours_a_month", "urgency", "intention"}


def test_every_account_is_asked_at_sign_up(any_shop: Shop) -> None:
    rows = any_shop.surveys[any_shop.surveys["survey"] == "sign_up"]
    asked = rows[rows["question"].isin(QUESTIONS)]
    assert asked.groupby("customer_id")["question"].agg(set).eq(QUESTIONS).all()
    assert set(asked["customer_id"]) == set(any_shop.customers["customer_id"])
    answered = asked.dropna(subset="answer")
    signed_up = any_shop.customers.set_index("customer_id")["signed_up_at"]
    assert answered["answered_at"].eq(answered["customer_id"].map(signed_up)).all()
    assert asked.groupby("customer_id")["answer"].count().isin([0, 4]).all()  # the whole form or none of it
    share, n = PLANTED["first_users.response"], asked["customer_id"].nunique()
    assert abs(len(answered) / len(asked) - share) <= 4 * np.sqrt(share * (1 - share) / n)
    values = answered.groupby("question")["answer"].agg(set)
    assert values["workaround"] == set(sign_up.WORKAROUND)
    assert all(hours.isdigit() for hours in values["hours_a_month"])


def test_leaks_are_written_by_orders_and_vary_with_the_seed(any_shop: Shop) -> None:
    rows = any_shop.surveys[any_shop.surveys["survey"] == "sign_up"]
    extra = rows[~rows["question"].isin(QUESTIONS)]
    assert extra["question"].nunique() == sign_up.PLANTED_LEAKS
    first = any_shop.paid.groupby("customer_id")["ordered_at"].min()
    for question, part in extra.groupby("question"):
        if question == "service_note":
            known = part.set_index("customer_id")["answer"].eq("known")
            assert np.isclose((known == known.index.isin(first.index)).mean(), sign_up.NOTED, atol=0.03)
            continue
        assert set(part["customer_id"]) == set(first.index)
        if question == "first_parcel_wish":
            assert part["answered_at"].ge(part["customer_id"].map(first)).all()
    kinds = {sign_up.leaks(World(PLANTED, 10, 6, seed)) for seed in range(30)}
    assert len(kinds) == 3


def test_the_need_goes_with_buying_and_with_buying_often() -> None:
    chunk = World(PLANTED, 10_000, 24, 3).chunk(0)
    form, rate = sign_up.forms(chunk), chunk.purchases.rate
    for share, rows in ((PLANTED["first_users.need_of_never"], rate == 0), (form.need[rate > 0].mean(), rate > 0)):
        assert abs(form.need[rows].mean() - share) <= 4 * np.sqrt(share * (1 - share) / rows.sum())
    often = rate > np.median(rate[rate > 0])
    assert form.need[often].mean() > 2 * form.need[(rate > 0) & ~often].mean()
    for question, (having, lacking) in sign_up.SHARES.items():
        for shares, rows in ((having, form.need), (lacking, ~form.need)):
            seen = np.bincount(form.answers[question][rows], minlength=len(shares)) / rows.sum()
            assert np.abs(seen - shares).max() < 4 * np.sqrt(0.25 / rows.sum())
    surely = form.answers["intention"] == 0
    assert abs(surely[form.need].mean() - surely[~form.need].mean()) < 4 * np.sqrt(0.25 * 2 / form.need.sum())


def test_the_posterior_of_the_need_comes_true() -> None:
    """Bayes' rule: of those whose answers say 60%, six in ten have the need, within each group of equal prior."""
    chunk = World(PLANTED, 10_000, 24, 4).chunk(0)
    form, prior = sign_up.forms(chunk), sign_up.chance_of_need(chunk)
    known = prior * form.likelihood / (prior * form.likelihood + 1 - prior)
    for low in np.arange(0, 1, 0.2):
        rows = (known >= low) & (known < low + 0.2)
        error = np.sqrt(known[rows] @ (1 - known[rows])) / rows.sum()
        assert abs(form.need[rows].mean() - known[rows].mean()) <= 4 * error


def test_other_needs_leave_the_orders_alone() -> None:
    other = {**PLANTED, "first_users.need_by_rate": 0.0, "first_users.response": 0.3}
    one, two = (World(values, 400, 12, 9).chunk(0) for values in (PLANTED, other))
    for table in ("orders", "customers"):
        for name, column in one.table(table).items():
            if isinstance(column, np.ndarray):
                np.testing.assert_array_equal(column, two.table(table)[name])
    assert (one.table("surveys")["answer"] != two.table("surveys")["answer"]).any()


@pytest.mark.parametrize(("customers", "months"), [(60, 24), (2000, 6)])
def test_small_and_short_shops_leave_out_what_cannot_be_known(customers: int, months: int) -> None:
    world = World(PLANTED, customers, months, 1)
    assert first_users.figures(world, [world.chunk(0)]) == {}
