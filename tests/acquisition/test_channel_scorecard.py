import datetime as dt
import math
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

mpl.use("Agg")
import matplotlib.pyplot as plt

from opskit.acquisition import channel_scorecard as scores
from opskit.acquisition.channel_scorecard.costs import tilt
from opskit.errors import OpskitError, TooLittleDataError

JANUARY = pd.Timestamp("2024-01-01")  # a Monday
LAST = dt.date(2024, 12, 31)


def days(numbers: Any) -> pd.Series:
    return JANUARY + pd.to_timedelta(pd.Series(numbers, dtype=float), unit="D")


# Ten customers: five by ads, three by mail, two by friends, one of whom ordered before signing up.
ACCOUNTS = pd.DataFrame(
    {
        "customer_id": ["A1", "A2", "A3", "A4", "A5", "M1", "M2", "M3", "F1", "F2"],
        "channel": ["ads"] * 5 + ["mail"] * 3 + ["friends"] * 2,
        "signed_up_at": days([0, 0, 0, 0, 0, 7, 7, 7, 14, 14]),
    }
)
ORDERS = pd.DataFrame(
    [
        ("A1", 0, 30.0, 0.0),
        ("A1", 20, 30.0, 0.0),
        ("A2", 10, 40.0, 0.0),
        ("A3", 40, 50.0, 0.0),  # a first order, but not within 30 days
        ("A3", 200, 99.0, 0.0),  # after day 90
        ("M1", 7, 10.0, 50.0),  # half of it paid back
        ("F1", 9, 20.0, 0.0),
    ],
    columns=["customer_id", "day", "margin", "refund"],
)
ORDERS["ordered_at"] = days(ORDERS.pop("day"))
ORDERS["revenue"] = 100.0
MONTH = pd.DataFrame({"date": days(range(31)), "channel": "ads", "spend": 0.0, "purpose": "acquire"})
SPEND = pd.concat(
    [
        MONTH,
        pd.DataFrame(
            {
                "date": days([0, 7, 2]),
                "channel": ["ads", "mail", "ads"],
                "spend": [60.0, 40.0, 15.0],
                "purpose": ["acquire", "acquire", "retain"],
            }
        ),
    ],
    ignore_index=True,
)


def hand(engine: Any = lambda frame: frame, **options: Any) -> scores.Cohorts:
    return scores.cohorts(engine(ORDERS), engine(ACCOUNTS), engine(SPEND), **{"as_of": LAST, **options})


def row(table: pd.DataFrame, channel: str) -> pd.Series:
    (found,) = [one for _, one in table[table["channel"] == channel].iterrows()]
    return found


def random_shop(seed: int = 1, accounts: int = 400) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    joined = rng.integers(0, 300, accounts)
    table = pd.DataFrame({"customer_id": [f"C{i:04d}" for i in range(accounts)], "signed_up_at": days(joined)})
    table["channel"] = rng.choice(["ads", "mail", "friends"], accounts, p=[0.5, 0.3, 0.2])
    who = rng.integers(0, accounts, 900)
    orders = pd.DataFrame({"customer_id": table["customer_id"].to_numpy()[who]})
    orders["ordered_at"] = days(joined[who] + np.floor(rng.exponential(40, len(who))) + 0.4)
    orders = orders.assign(revenue=rng.gamma(3, 30, len(who)).round(2), margin=rng.normal(20, 10, len(who)).round(2))
    orders = orders[orders["ordered_at"] < pd.Timestamp("2025-01-01")].reset_index(drop=True)
    spend = pd.DataFrame({"date": days(np.arange(300)), "channel": "ads", "spend": rng.gamma(2, 5, 300).round(2)})
    mail = spend.assign(channel="mail", spend=rng.gamma(2, 2, 300).round(2))
    return orders, table, pd.concat([spend, mail], ignore_index=True).assign(purpose="acquire")


@pytest.fixture(scope="module")
def shop() -> scores.Cohorts:
    return scores.cohorts(*random_shop(), as_of=LAST)


@pytest.fixture(scope="module")
def card(shop: scores.Cohorts) -> pd.DataFrame:
    return scores.scorecard(shop)


def test_ten_customers_by_hand(engine) -> None:
    found = hand(engine)
    card = scores.scorecard(found, min_customers=2)
    ads, mail, friends = (row(card, name) for name in ("ads", "mail", "friends"))
    every, paid = row(card, scores.ALL), row(card, scores.PAID)
    assert card["channel"].tolist() == ["ads", "mail", "friends", scores.ALL, scores.PAID]
    assert card["signups"].tolist() == [5, 3, 2, 10, 8]
    assert card["customers"].tolist() == [2, 1, 1, 4, 3]  # A3 came too late to count
    assert card["small"].tolist() == [False, True, True, False, False]
    assert card["first_order_rate"].tolist() == pytest.approx([0.4, 1 / 3, 0.5, 0.4, 0.375])
    assert (ads["cost_per_signup"], ads["cac"], ads["cac_all_spend"]) == pytest.approx((12, 30, 37.5))
    assert (mail["cost_per_signup"], mail["cac"]) == pytest.approx((40 / 3, 40))
    assert friends[["cost_per_signup", "cac", "recovered"]].isna().all()
    assert (every["cac"], paid["cac"], every["cac_all_spend"]) == pytest.approx((25, 100 / 3, 28.75))
    # 30 + 30 + 40 + 50 of the ads' cohort by day 90, whoever earned it; half of mail's 10 was refunded.
    assert (ads["margin"], mail["margin"], friends["margin"]) == pytest.approx((75, 5, 20))
    assert (ads["recovered"], mail["recovered"], every["recovered"]) == pytest.approx((2.5, 0.125, 1.75))
    assert ads[["back_30", "back_30_n"]].tolist() == pytest.approx([1 / 3, 3])
    assert mail[["back_90", "back_90_n"]].tolist() == [0, 1]


def test_payback_by_hand(engine) -> None:
    found = scores.payback(hand(engine), max_days=90, min_signups=1, min_blocks=1)
    ads, mail = row(found.days, "ads"), row(found.days, "mail")
    assert ads[["n", "payback_day", "observed_days", "still_missing"]].tolist() == [5, 10, 90, 0]  # 30 + 40 > 60
    assert mail["payback_day"] != mail["payback_day"]
    assert mail[["recovered", "still_missing"]].tolist() == pytest.approx([0.125, 0.875])
    assert row(found.days, scores.ALL)["payback_day"] == 20  # 55 on day 0, 95 on day 10, 125 on day 20
    assert set(found.days["channel"]) == {"ads", "mail", scores.ALL, scores.PAID}
    assert found.curve[(found.curve["channel"] == "ads") & (found.curve["day"] == 9)]["recovered"].tolist() == [0.5]
    shape = found.shape.set_index("day")["margin"]
    assert shape[[0, 20, 90]].tolist() == pytest.approx([5.5, 12.5, 17.5])  # 55, 125, 175 over ten sign-ups


def test_by_month_by_hand(engine) -> None:
    table = scores.scorecard(hand(engine), by_month=True)
    assert set(table["month"]) == {JANUARY}
    assert row(table, "ads")[["cac", "margin"]].tolist() == pytest.approx([30, 75])


def test_what_is_not_old_enough_is_missing() -> None:
    # The ads' cohort ends on Sunday 7 January: day 30 is reached on 6 February, day 90 on 6 April.
    for as_of, rate, margin in (
        (dt.date(2024, 2, 5), math.nan, math.nan),
        (dt.date(2024, 2, 6), 0.4, math.nan),
        (dt.date(2024, 4, 5), 0.4, math.nan),
        (dt.date(2024, 4, 6), 0.4, 75.0),
    ):
        card = scores.scorecard(hand(as_of=as_of))
        found = row(card, "ads")[["first_order_rate", "margin"]].tolist()
        assert found == pytest.approx([rate, margin], nan_ok=True), as_of
        assert row(card, "ads")["cost_per_signup"] == pytest.approx(12)
    # By month nothing counts before the whole month is old enough: 31 January + 30 days.
    early, late = (scores.scorecard(hand(as_of=dt.date(2024, *day)), by_month=True) for day in ((2, 29), (3, 1)))
    assert math.isnan(row(early, "ads")["cac"])
    assert row(late, "ads")["cac"] == pytest.approx(30)


def test_the_future_plays_no_part(shop: scores.Cohorts) -> None:
    orders, accounts, spend = random_shop()
    day = dt.date(2024, 9, 1)
    bound = pd.Timestamp("2024-09-02")
    cut = (
        orders[orders["ordered_at"] < bound],
        accounts[accounts["signed_up_at"] < bound],
        spend[spend["date"] < bound],
    )
    seen, known = (scores.cohorts(*tables, as_of=day) for tables in ((orders, accounts, spend), cut))
    pd.testing.assert_frame_equal(scores.scorecard(seen), scores.scorecard(known))


def test_totals_are_the_sum_of_the_channels(card: pd.DataFrame) -> None:
    parts, every, paid = card.iloc[:3], row(card, scores.ALL), row(card, scores.PAID)
    for column in ("signups", "spend", "customers", "back_90_n", "cac_n"):
        assert parts[column].sum() == pytest.approx(every[column])
    with_spend = parts[parts["spend"] > 0]
    assert with_spend["signups"].sum() == paid["signups"]
    assert every["cac"] == pytest.approx(every["spend"] / every["cac_n"])


def test_money_scales_and_copies_change_nothing_but_certainty(card: pd.DataFrame) -> None:
    orders, accounts, spend = random_shop()
    dear = scores.scorecard(scores.cohorts(orders, accounts, spend.assign(spend=3 * spend["spend"]), as_of=LAST))
    for name in ("cost_per_signup", "cac"):
        for end in ("", "_low", "_high"):
            assert dear[name + end].to_numpy() == pytest.approx(3 * card[name + end].to_numpy(), nan_ok=True)
    assert dear["recovered"].to_numpy() == pytest.approx(card["recovered"].to_numpy() / 3, nan_ok=True)
    assert dear["margin_low"].to_numpy() == pytest.approx(card["margin_low"].to_numpy(), nan_ok=True)
    twins = [pd.concat([one, one.assign(customer_id=one["customer_id"] + "x")]) for one in (orders, accounts)]
    double = scores.scorecard(scores.cohorts(*twins, pd.concat([spend, spend]), as_of=LAST))
    for name in ("first_order_rate", "cac", "margin", "recovered", "back_60"):
        assert double[name].to_numpy() == pytest.approx(card[name].to_numpy(), nan_ok=True)
    assert (double["back_60_high"] - double["back_60_low"] < card["back_60_high"] - card["back_60_low"]).all()


def test_engines_agree_and_nothing_is_changed(engine) -> None:
    tables = random_shop()
    before = [table.copy() for table in tables]
    found = scores.cohorts(*map(engine, tables), as_of=LAST)
    reference = scores.cohorts(*tables, as_of=LAST)
    keys = ["channel", "week", "month", "costed", "age"]
    ours, theirs = (one.cells.sort_values(keys, ignore_index=True) for one in (found, reference))
    pd.testing.assert_frame_equal(ours.drop(columns="margin"), theirs.drop(columns="margin"))
    assert ours["margin"].to_numpy() == pytest.approx(theirs["margin"].to_numpy(), rel=1e-9)
    for table, copy in zip(tables, before, strict=True):
        pd.testing.assert_frame_equal(table, copy)


def test_a_lag_moves_spend_to_later_sign_ups() -> None:
    orders, accounts, spend = random_shop()
    moved = spend.assign(date=spend["date"] - pd.Timedelta(days=9))
    plain = scores.cohorts(orders, accounts, spend, as_of=LAST)
    lagged = scores.cohorts(orders, accounts, moved, as_of=LAST, spend_lag_days=9)
    pd.testing.assert_frame_equal(scores.scorecard(plain), scores.scorecard(lagged))


def test_monthly_totals_are_spread_over_their_days() -> None:
    months = pd.DataFrame({"date": pd.date_range("2024-01-01", periods=4, freq="MS"), "channel": "ads", "spend": 310.0})
    found = scores.spending(months, as_of=LAST)
    daily = found.daily.set_index("day")["acquire"]
    first = (JANUARY - pd.Timestamp("1970-01-01")).days
    assert daily[first] == pytest.approx(10)
    assert daily[first + 31] == pytest.approx(310 / 29)
    assert daily.sum() == pytest.approx(4 * 310)
    assert found.last_day == first + 31 + 29 + 31 + 31 - 1  # April counts as long as a usual month
    assert any("spread evenly" in note for note in found.notes)
    assert any("no column purpose" in note for note in found.notes)


def test_sign_ups_that_spend_does_not_cover_stay_out_of_cac() -> None:
    orders, accounts, spend = random_shop()
    part = spend[spend["date"] < "2024-04-01"]
    found = scores.cohorts(orders, accounts, part, as_of=LAST)
    card = scores.scorecard(found)
    early = accounts[(accounts["channel"] == "ads") & (accounts["signed_up_at"] < "2024-04-01")]
    ads = row(card, "ads")
    assert ads["cost_per_signup"] == pytest.approx(part[part["channel"] == "ads"]["spend"].sum() / len(early))
    assert ads["signups"] == (accounts["channel"] == "ads").sum()
    assert any("spend ends early: sign-ups after 2024-03-31" in note for note in found.notes)


def test_without_a_date_of_sign_up_accounts_begin_with_their_first_order() -> None:
    orders, accounts, spend = random_shop()
    found = scores.cohorts(orders, accounts.drop(columns="signed_up_at"), spend, as_of=LAST)
    card = scores.scorecard(found)
    assert "first_order_rate" not in card
    assert row(card, scores.ALL)["signups"] == orders["customer_id"].nunique()
    assert found.cells["age"].min() == 0
    assert any("no column signed_up_at" in note for note in found.notes)


def test_what_belongs_to_nobody_is_counted() -> None:
    orders, accounts, spend = random_shop()
    gone = accounts["customer_id"].iloc[:3].tolist()
    undated = accounts.assign(signed_up_at=accounts["signed_up_at"].where(~accounts["customer_id"].isin(gone)))
    stranger = spend.assign(channel=spend["channel"].replace("mail", "e-mail"))
    found = scores.cohorts(orders, undated, stranger, as_of=LAST)
    lost = orders["customer_id"].isin(gone).sum()
    assert any(note.startswith(f"{lost} orders are of nobody in customers") for note in found.notes)
    assert any(note.startswith("3 accounts have no date") for note in found.notes)
    assert any("No account came by e-mail" in note for note in found.notes)


def test_no_division_by_nothing_is_shown_as_a_number() -> None:
    """A channel with spend and no sign-ups, one with sign-ups and no spend, one without customers, one too young."""
    accounts = pd.concat(
        [
            ACCOUNTS,
            pd.DataFrame(
                {"customer_id": ["S1", "Y1"], "channel": ["search", "young"], "signed_up_at": days([20, 300])}
            ),
        ]
    )
    nobody = MONTH.assign(channel="billboard", spend=5.0)
    search = MONTH.assign(channel="search", spend=2.0)
    late = MONTH.assign(channel="young", spend=3.0, date=days(np.arange(280, 311)))
    spend = pd.concat([SPEND, nobody, search, late])
    found = scores.cohorts(ORDERS, accounts, spend, as_of=dt.date(2024, 11, 5))
    card = scores.scorecard(found)
    numbers = card.select_dtypes("number").to_numpy(dtype=float)
    assert not np.isinf(numbers).any()
    paid = scores.payback(found, min_signups=1, min_blocks=1)
    sheet = scores.sheet(card, paid.days)
    assert sheet.loc["CAC"].to_dict() | {} == {
        **sheet.loc["CAC"].to_dict(),
        "billboard": "no sign-ups",
        "friends": "no spend booked",
        "search": "no new customers",
        "young": "not old enough",
    }
    assert sheet["billboard"].tolist()[2:] == ["no sign-ups"] * (len(sheet) - 2)
    assert sheet.loc["acquisition spend", "friends"] == "no spend booked"
    assert sheet.loc["payback day", "search"].endswith("100% still missing")
    for text in sheet.to_numpy().ravel():
        assert not any(word in text.lower() for word in ("nan", "inf", "–")), text
    for text in (*scores.decisions(card, paid, scores.cost_trend(found), scores.marginal_cost(found), EMPTY),):
        assert "nan" not in text


EMPTY = scores.break_even(None, hand(), fixed_cost_per_month=1)


def test_without_spend_there_is_everything_but_cost() -> None:
    orders, accounts, _ = random_shop()
    found = scores.cohorts(orders, accounts, as_of=LAST)
    card = scores.scorecard(found)
    assert "cac" not in card
    assert card["margin"].notna().any()
    assert (scores.sheet(card).loc["acquisition spend"] == "no spend table").all()
    assert scores.payback(found).days.empty
    assert scores.cost_trend(found).empty
    assert scores.marginal_cost(found).empty
    lines = scores.decisions(card, scores.payback(found), scores.cost_trend(found), scores.marginal_cost(found), EMPTY)
    assert "not known here" in lines[0]


def test_the_forecast_makes_ltv_over_cac() -> None:
    values = pd.DataFrame({"customer_id": ["A1", "A4", "M1"], "lifetime_value": [100.0, 10.0, 35.0]})
    card = scores.scorecard(hand(values=values))
    assert row(card, "ads")["ltv_to_cac"] == pytest.approx((30 + 30 + 40 + 50 + 99 + 110) / 60)
    assert row(card, "mail")["ltv_to_cac"] == pytest.approx(1)
    assert "ltv_to_cac" not in scores.scorecard(hand())
    assert "lifetime value over CAC" in scores.sheet(card).index


def test_values_are_read_from_a_file(tmp_path) -> None:
    table = pd.DataFrame({"rank": [1], "customer_id": ["007"], "lifetime_value": [5.0]})
    table.to_csv(tmp_path / "list.csv", index=False, encoding="utf-8-sig")
    table.to_parquet(tmp_path / "list.parquet")
    for name in ("list.csv", "list.parquet"):
        assert scores.read_values(tmp_path / name).to_numpy().tolist() == [["007", 5.0]]
    assert scores.read_values("") is None
    with pytest.raises(OpskitError, match=r"values_from == 'none\.csv', must be"):
        scores.read_values("none.csv")
    (tmp_path / "bad.csv").write_text("customer_id,value\n1,2\n")
    with pytest.raises(OpskitError, match=r"bad\.csv lacks 'lifetime_value'"):
        scores.read_values(tmp_path / "bad.csv")


def test_growth_of_cost_is_found() -> None:
    rng = np.random.default_rng(5)
    day = np.arange(700)
    spent = np.exp(rng.normal(3.5, 0.3, len(day)))
    signups = rng.poisson(spent / (10 * 1.02 ** (day / 30.4375)))
    joined = np.repeat(day, signups)
    accounts = pd.DataFrame({"customer_id": np.arange(len(joined)), "channel": "ads", "signed_up_at": days(joined)})
    orders = pd.DataFrame({"customer_id": [0], "ordered_at": days([joined[0]]), "revenue": 1.0})
    spend = pd.DataFrame({"date": days(day), "channel": "ads", "spend": spent, "purpose": "acquire"})
    found = scores.cohorts(orders, accounts, spend, as_of=dt.date(2025, 11, 30))
    (ads, *_), trend = scores.cost_trend(found).itertuples(), scores.cost_trend(found, confidence=0.5)
    assert ads.low < 0.02 < ads.high
    assert ads.verdict == "rises"
    assert trend["high"].iloc[0] - trend["low"].iloc[0] < ads.high - ads.low


def test_the_trend_is_the_poisson_regression_of_the_textbook() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(2)
    time, spend = np.linspace(-1, 1, 60), rng.gamma(3, 10, 60)
    signups = rng.poisson(spend * np.exp(-1 - 0.4 * time))
    fitted = sm.GLM(signups, sm.add_constant(time), family=sm.families.Poisson(), offset=np.log(spend)).fit()
    assert tilt(time, signups, spend) == pytest.approx(-fitted.params[1], abs=1e-7)


def test_extra_sign_ups_of_dear_weeks_cost_what_was_planted() -> None:
    """Weeks alternate between spend 70 with 10 sign-ups and spend 210 with 20: the ten more cost 14 each, the average 28/3."""
    weeks = np.arange(40)
    signups = np.where(weeks % 2, 20, 10)
    joined = np.repeat(7 * weeks, signups)
    accounts = pd.DataFrame({"customer_id": np.arange(len(joined)), "channel": "ads", "signed_up_at": days(joined)})
    orders = pd.DataFrame({"customer_id": [0], "ordered_at": days([0]), "revenue": 1.0})
    spend = pd.DataFrame(
        {"date": days(np.arange(280)), "channel": "ads", "spend": np.repeat(np.where(weeks % 2, 30.0, 10.0), 7)}
    )
    table = scores.marginal_cost(scores.cohorts(orders, accounts, spend.assign(purpose="acquire"), as_of=LAST))
    assert table[["average", "in_cheap_weeks", "in_dear_weeks", "extra", "times"]].iloc[0].tolist() == pytest.approx(
        [28 / 3, 7, 10.5, 14, 1.5]
    )


intervals = st.lists(st.tuples(st.floats(1, 100), st.floats(0, 30), st.floats(0, 30)), min_size=1, max_size=7)


@given(intervals)
@settings(max_examples=60, deadline=None)
def test_ranks_never_part_what_overlaps(triples: list[tuple[float, float, float]]) -> None:
    value, below, above = (np.array(column) for column in zip(*triples, strict=True))
    card = pd.DataFrame({"channel": [f"c{i}" for i in range(len(value))], "cac": value, "small": False, "cac_n": 9})
    table = scores.ranking(card.assign(cac_low=value - below, cac_high=value + above), by="cac")
    assert table["value"].is_monotonic_increasing
    assert (table["best_rank"] <= table["worst_rank"]).all()
    for a in table.itertuples():
        for b in table.itertuples():
            if a.worst_rank < b.best_rank:
                assert a.high < b.low
            if a.high < b.low:
                assert a.best_rank < b.best_rank
                assert a.worst_rank < b.worst_rank


def test_ranking_leaves_out_what_has_no_interval(card: pd.DataFrame) -> None:
    table = scores.ranking(card)
    assert set(table["channel"]) == {"ads", "mail"}
    with pytest.raises(OpskitError, match=r"by == 'cak', must be one of .* Did you mean 'cac'"):
        scores.ranking(card, by="cak")


def test_media_by_touches_and_by_word(engine) -> None:
    touches = pd.DataFrame({"channel": ["a", "a", "a", "b"], "media": ["paid", "paid", "owned", None]})
    assert scores.media_of(engine(touches)) == {"a": "paid"}
    assert scores.media_of(engine(touches), stated="b=earned, a = owned") == {"a": "owned", "b": "earned"}
    assert scores.media_of(engine(touches.drop(columns="media"))) == {}
    with pytest.raises(OpskitError, match="media has 'a=ours', must be channel=media"):
        scores.media_of(stated="a=ours")


def test_owned_traffic_by_hand(engine) -> None:
    """Paid: 100 a block for 10 orders; owned: 10 a block for 5. Moving an order saves 10 - 2."""
    start = np.repeat(np.arange(13) * 28, 15)
    touch = pd.DataFrame({"touched_at": days(start + 2), "channel": (["re"] * 10 + ["wx"] * 5) * 13, "converted": True})
    touch = touch.assign(customer_id="x", media=touch["channel"].map({"re": "paid", "wx": "owned"}))
    spend = pd.DataFrame({"date": days(np.arange(364)), "spend": 100 / 28, "channel": "re", "purpose": "retain"})
    spend = pd.concat([spend, spend.assign(channel="wx", spend=10 / 28), spend.assign(purpose="acquire", spend=999.0)])
    media = scores.media_of(engine(touch))
    found = scores.touches(engine(touch), engine(spend), media, as_of=dt.date(2024, 12, 29), days=364)
    by_media = found.by_media.set_index("media")
    assert by_media.loc["paid", ["touches", "credited", "repeat_spend", "cost_per_credited"]].tolist() == pytest.approx(
        [130, 130, 1300, 10]
    )
    assert by_media.loc["owned", "cost_per_credited"] == pytest.approx(2)
    # 130 orders x 8 over the 5 customers who ordered, times 365 / 364.
    table = scores.break_even(found, hand(), costs_to_move=[0, 50, 100, 200], fixed_cost_per_month=50)
    saved = 130 * 8 / 5 * 365 / 364
    assert table["saved"].tolist() == pytest.approx([saved] * 4)
    assert table["cost_to_move"].tolist() == [0, 50, 100, 200]
    assert table["customers_needed"].tolist() == [math.ceil(600 / (saved - cost)) for cost in (0, 50, 100, 200)]
    assert table["pays"].tolist()[0] == "yes"
    assert table["pays"].tolist()[-1] == "no"


def test_break_even_needs_both_kinds() -> None:
    touch = pd.DataFrame({"touched_at": days(range(200)), "channel": "re", "media": "paid", "converted": True})
    found = scores.touches(touch.assign(customer_id="x"), None, {"re": "paid"}, as_of=dt.date(2024, 7, 1))
    assert found.by_media["cost_per_credited"].isna().all()
    assert scores.break_even(found, hand(), fixed_cost_per_month=1).empty


def test_everything_gathered_under_one_name_is_the_total(shop: scores.Cohorts, card: pd.DataFrame) -> None:
    gathered = scores.scorecard(scores.relabelled(shop, dict.fromkeys(["ads", "mail", "friends"], "any")))
    every, one = row(card, scores.ALL), row(gathered, "any")
    assert one.drop("channel").to_numpy(dtype=float) == pytest.approx(every.drop("channel").to_numpy(dtype=float))
    with pytest.raises(OpskitError, match=r"labels == \{\}"):
        scores.relabelled(shop, {})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"first_order_days": -1}, "first_order_days == -1, must be >= 0"),
        ({"margin_days": -1}, "margin_days == -1, must be >= 0"),
        ({"confidence": 1.0}, "confidence == 1.0, must be < 1"),
        ({"min_customers": 0}, "min_customers == 0, must be >= 1"),
    ],
)
def test_bad_options_are_refused(shop: scores.Cohorts, options: dict[str, Any], words: str) -> None:
    with pytest.raises(OpskitError, match=words):
        scores.scorecard(shop, **options)


def test_bad_data_is_refused_in_one_sentence() -> None:
    orders, accounts, spend = random_shop()
    with pytest.raises(OpskitError, match="customers lacks 'channel'"):
        scores.cohorts(orders, accounts.drop(columns="channel"), as_of=LAST)
    with pytest.raises(TooLittleDataError, match="no account with a channel"):
        scores.cohorts(orders, accounts.assign(channel=None), as_of=LAST)
    with pytest.raises(OpskitError, match="spend has no rows up to 2024-01-03"):
        scores.cohorts(orders, accounts, spend[spend["date"] > "2024-02-01"], as_of=dt.date(2024, 1, 3))
    with pytest.raises(OpskitError, match="spend_lag_days == 900, must leave"):
        scores.cohorts(orders, accounts, spend, as_of=LAST, spend_lag_days=900)
    with pytest.raises(OpskitError, match="spend_lag_days == -1"):
        scores.cohorts(orders, accounts, spend, as_of=LAST, spend_lag_days=-1)


def draw(found: scores.Cohorts) -> list[Any]:
    card, paid = scores.scorecard(found), scores.payback(found)
    monthly, trend = scores.scorecard(found, by_month=True), scores.cost_trend(found)
    return [
        scores.plot_quadrant(card, paid.shape),
        scores.plot_payback(paid, card),
        scores.plot_months(monthly, trend, card),
        scores.plot_returns(card),
        scores.plot_variants(scores.cost_variants(card)),
        scores.plot_marginal(scores.marginal_cost(found)),
        scores.plot_media(card),
        scores.plot_break_even(EMPTY),
    ]


@pytest.mark.parametrize("kind", ["all", "no spend", "ten", "one", "one day", "one channel"])
def test_figures_state_a_finding_or_say_why_there_is_none(kind: str) -> None:
    orders, accounts, spend = random_shop()
    one = accounts.head(1)
    found = {
        "all": lambda: scores.cohorts(orders, accounts, spend, as_of=LAST),
        "no spend": lambda: scores.cohorts(orders, accounts, as_of=LAST),
        "ten": hand,
        "one": lambda: scores.cohorts(ORDERS.head(1), ACCOUNTS.head(1), SPEND, as_of=LAST),
        "one day": lambda: scores.cohorts(
            orders.assign(ordered_at=JANUARY), accounts.assign(signed_up_at=JANUARY), as_of=JANUARY.date()
        ),
        "one channel": lambda: scores.cohorts(
            orders, accounts.assign(channel="渠道"), spend.assign(channel="渠道"), as_of=LAST
        ),
    }[kind]()
    assert len(one) == 1
    for ax in draw(found):
        words = ax.get_title(loc="left") or " ".join(text.get_text() for text in ax.texts)
        assert words
        assert not any(word in words.split() for word in ("nan", "inf", "–"))
        ax.figure.canvas.draw()
    plt.close("all")
