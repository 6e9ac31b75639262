"""Messages: laws of the tables, that the waves are a truly randomized experiment, and what is planted in them."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from opskit.sample import truth, win_back
from opskit.sample.world import World

from .conftest import Shop

DAY = pd.Timedelta(days=1)
FREQUENCY = {"frequency_1": 1, "frequency_2": 2, "frequency_4": 4}


def planted(shop: Shop) -> dict[str, float]:
    written = json.loads((shop.folder / "truth.json").read_text(encoding="utf-8"))["planted"]
    return {name: entry["value"] for name, entry in written.items()}


def waves(shop: Shop) -> pd.DataFrame:
    """Rows of the programme with the last and the next paid order."""
    rows = shop.contacts[shop.contacts["campaign"] == "win_back"].sort_values("sent_at", kind="stable")
    orders = shop.paid[["customer_id", "ordered_at"]].sort_values("ordered_at")
    for column, direction in (("last", "backward"), ("next", "forward")):
        orders[column] = orders["ordered_at"]
        rows = pd.merge_asof(
            rows,
            orders[["customer_id", "ordered_at", column]].rename(columns={"ordered_at": "sent_at"}),
            on="sent_at",
            by="customer_id",
            direction=direction,
        )
    return rows.assign(came=rows["next"] <= rows["sent_at"] + 30 * DAY)


def test_the_programme_reaches_the_silent_only(any_shop: Shop) -> None:
    rows = waves(any_shop)
    silence = rows["sent_at"] - rows["last"]
    assert len(rows) > 1000
    assert silence.between(60 * DAY, 300 * DAY).all()
    assert not rows.duplicated(["customer_id", "sent_at"]).any()


def test_who_is_held_out_gets_no_message(any_shop: Shop) -> None:
    held_out = any_shop.contacts[any_shop.contacts["holdout"]]
    assert (held_out["campaign"] == "win_back").all()
    assert (held_out["cost"] == 0).all()
    assert held_out[["responded", "opted_out"]].isna().all(axis=None)
    sent = any_shop.contacts[~any_shop.contacts["holdout"]]
    assert sent[["responded", "opted_out"]].notna().all(axis=None)
    assert (sent["cost"] > 0).all()


def test_nobody_is_written_to_after_unsubscribing(any_shop: Shop) -> None:
    blocked = any_shop.suppressions
    assert len(blocked) > 50
    for reason in ("opted out", "asked for it"):
        met = any_shop.contacts.merge(blocked[blocked["reason"] == reason], on=["customer_id", "medium"])
        assert len(met)
        assert (met["sent_at"] <= met["since"]).all()
    out = any_shop.contacts[any_shop.contacts["opted_out"] == True]  # noqa: E712 - empty cells
    listed = blocked[blocked["reason"] == "opted out"]
    pairs = [sorted(zip(t["customer_id"], t["medium"], strict=True)) for t in (out, listed)]
    assert pairs[0] == pairs[1]


def test_the_arms_are_drawn_at_random_given_everything_known_before() -> None:
    """Hidden rate and state, silence, orders, sign-up: no difference between the arms beyond chance."""
    world = World(truth.values(), 10_000, 24, 11)
    chunk = world.chunk(0)
    sent = win_back.programme(chunk, np.full(chunk.size, np.inf))
    bought = chunk.purchases
    line = bought.customer * 1e6 + bought.at
    last = np.searchsorted(line, sent.customer * 1e6 + sent.at) - 1
    first = np.searchsorted(bought.customer, sent.customer)
    known = {
        "rate": bought.rate[sent.customer],
        "gone": sent.natural == 0,
        "silence": sent.at - bought.at[last],
        "orders": last - first + 1.0,
        "signed_up": chunk.signed_up[sent.customer],
        "channel": chunk.channel[sent.customer],
        "day": sent.at,
        "chance of an order": sent.natural,
    }
    assert 0.2 < known["gone"].mean() < 0.8
    n1, n0 = (~sent.held_out).sum(), sent.held_out.sum()
    for name, value in known.items():
        apart = value[~sent.held_out].mean() - value[sent.held_out].mean()
        assert abs(apart) < 4 * np.std(value) * np.sqrt(1 / n1 + 1 / n0), name
    share = world.truth["win_back.holdout_share"]
    for group in (known["gone"], ~known["gone"], known["rate"] > np.median(known["rate"]), known["orders"] > 2):
        error = np.sqrt(share * (1 - share) / group.sum())
        assert abs(sent.held_out[group].mean() - share) < 4 * error


def test_the_outcome_is_that_of_the_arm(monkeypatch: pytest.MonkeyPatch) -> None:
    """In each arm as many come back as the arm's own probability says, where it is small and where it is large."""
    world = World(truth.values(), 10_000, 24, 12)
    sent = win_back.programme(world.chunk(0), np.full(10_000, np.inf))
    for held_out, probability in ((True, sent.natural), (False, sent.woken)):
        arm = sent.held_out == held_out
        for low, high in ((1e-9, 0.05), (0.05, 0.15), (0.15, 1)):
            rows = arm & (probability > low) & (probability <= high)
            error = np.sqrt(np.sum(probability[rows] * (1 - probability[rows]))) / rows.sum()
            assert abs(sent.came_back[rows].mean() - probability[rows].mean()) < 4 * error
    assert not sent.came_back[sent.natural == 0].any()


def ratio(rows: pd.DataFrame) -> tuple[float, float]:
    share, n = rows.groupby("holdout")["came"].mean(), rows.groupby("holdout").size()
    error = np.sqrt(((1 - share) / share / n).sum())
    return float(np.log(share[False] / share[True])), float(error)


def test_the_planted_uplift_is_found_again(any_shop: Shop) -> None:
    rows = waves(any_shop)
    estimate, error = ratio(rows[rows["sent_at"] < pd.Timestamp("2025-12-02")])
    assert abs(estimate - np.log(1 + planted(any_shop)["win_back.uplift"])) < 4 * error
    assert estimate > 2 * error


def test_another_uplift_changes_the_arms_and_no_order() -> None:
    values = truth.values()
    one, other = (World(values | {"win_back.uplift": uplift}, 3000, 24, 5).chunk(0) for uplift in (0.0, 2.0))
    refused = np.full(3000, np.inf)
    assert (one.table("orders")["ordered_at"] == other.table("orders")["ordered_at"]).all()
    shares = []
    for chunk in (one, other):
        sent = win_back.programme(chunk, refused)
        shares.append(sent.came_back[~sent.held_out].mean() / sent.came_back[sent.held_out].mean())
    assert shares[0] < 1.3
    assert shares[1] > 2


def messages(shop: Shop) -> pd.DataFrame:
    """WeChat messages with those in the seven days before."""
    rows = shop.contacts[shop.contacts["medium"] == "wechat"].sort_values(["customer_id", "sent_at"])
    before = np.zeros(len(rows), dtype=int)
    at, who = rows["sent_at"].to_numpy(), rows["customer_id"].to_numpy()
    for back in range(1, 10):
        same = who[back:] == who[:-back]
        before[back:] += same & (at[back:] - at[:-back] < np.timedelta64(7, "D"))
    return rows.assign(before=before)


def test_a_test_of_frequency_sends_as_many_as_assigned(shop: Shop) -> None:
    rows = shop.contacts[shop.contacts["campaign"].isin(FREQUENCY)]
    assert (rows.groupby("customer_id")["campaign"].nunique() == 1).all()
    per_customer = rows.groupby(["campaign", "customer_id"]).size().groupby("campaign").median()
    assert per_customer.to_dict() == {name: 4.0 * weekly for name, weekly in FREQUENCY.items()}


def test_who_is_active_gets_and_answers_more_newsletters_so_that_more_messages_seem_to_help(shop: Shop) -> None:
    counts = shop.contacts[shop.contacts["campaign"] == "newsletter"].groupby("customer_id").size()
    orders = shop.paid.groupby("customer_id").size()
    joined = pd.DataFrame({"messages": counts, "orders": orders}).fillna(0)
    assert joined["messages"].corr(joined["orders"]) > 0.2
    rows = shop.contacts[shop.contacts["campaign"] == "newsletter"]
    of_many = rows["customer_id"].map(counts) >= 6
    answered = rows["responded"].astype(float)
    assert answered[of_many].mean() > answered[~of_many].mean() * 0.9


def test_fatigue_is_found_in_the_randomized_test(two_chunks: Shop, shop: Shop) -> None:
    """Answers fall by the planted factor for every message in the seven days before: a log-linear fit of two shops."""
    for one in (two_chunks, shop):
        rows: Any = messages(one)
        rows = rows[rows["campaign"].isin(FREQUENCY)]
        import statsmodels.api as sm

        x = sm.add_constant(rows["before"].astype(float))
        fit = sm.GLM(rows["responded"].astype(float), x, family=sm.families.Poisson()).fit(
            cov_type="cluster", cov_kwds={"groups": rows["customer_id"].astype("category").cat.codes.to_numpy()}
        )
        truth_log = np.log(planted(one)["message.response_kept"])
        assert abs(fit.params["before"] - truth_log) < 4 * fit.bse["before"]
        assert fit.bse["before"] < 0.2
