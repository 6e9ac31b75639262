"""Laws, worked examples and engines of the pricing functions."""

import datetime as dt
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

mpl.use("Agg")
import matplotlib.pyplot as plt

from opskit.errors import MissingTableError, OpskitError
from opskit.monetization import pricing
from opskit.monetization.pricing.van_westendorp import QUESTIONS

LAST = dt.date(2025, 6, 30)
DAY = pd.Timestamp("2025-03-03 10:00")
ASKED = (50, 100, 150, 200)


def survey(prices: list[tuple[Any, ...]], *, questions: tuple[str, ...] = QUESTIONS) -> pd.DataFrame:
    rows = [
        (f"R{person}", "book", question, price if price is None else str(price))
        for person, four in enumerate(prices)
        for question, price in zip(questions, four, strict=True)
    ]
    return pd.DataFrame(rows, columns=["respondent_id", "survey", "question", "answer"])


def said(answers: list[str], *, asked: tuple[Any, ...] = ASKED) -> pd.DataFrame:
    """A respondent per text of y and n, one letter per price; a dot is no answer."""
    words = {"y": "yes", "n": "no", ".": None, "?": "perhaps"}
    rows = [
        (f"R{person}", "book", "would_buy", str(price), words[letter])
        for person, text in enumerate(answers)
        for price, letter in zip(asked, text, strict=True)
    ]
    return pd.DataFrame(rows, columns=["respondent_id", "survey", "question", "item", "answer"])


LADDER = said(["nnnn"] * 6 + ["ynnn"] * 14 + ["yynn"] * 10 + ["yyyn"] * 8 + ["yyyy"] * 4)
A, B = (20, 40, 60, 80), (30, 50, 70, 90)


def points(surveys: Any, **options: Any) -> dict[str, float]:
    return pricing.van_westendorp(surveys, **options).points.set_index("point")["estimate"].to_dict()


def test_the_four_points_by_hand(engine) -> None:
    # too cheap: all at 20, half at 30, none from 40; not cheap: none up to 40, half at 50: they meet at 40.
    # nobody finds 40 to 70 too cheap or too expensive: the middle, 55. cheap falls and expensive rises through half at 55.
    assert points(engine(survey([A, B] * 10))) == {"PMC": 40, "OPP": 55, "IDP": 55, "PME": 70}


def test_curves_by_hand() -> None:
    curves = pricing.van_westendorp(survey([A, B] * 10)).curves.set_index("price")
    assert curves["too_cheap"].tolist() == [1, 0.5, 0, 0, 0, 0, 0, 0]
    assert curves["cheap"].tolist() == [1, 1, 1, 0.5, 0, 0, 0, 0]
    assert curves["expensive"].tolist() == [0, 0, 0, 0, 0.5, 1, 1, 1]
    assert curves["too_expensive"].tolist() == [0, 0, 0, 0, 0, 0, 0.5, 1]


def test_invalid_answers_are_counted_and_change_nothing(engine) -> None:
    bad = [(20, 60, 40, 80), (20, 40, 60, "不知道"), (None, None, None, None), (20, 40, 40, 80), (0, 40, 60, 80)]
    found = pricing.van_westendorp(engine(pd.concat([survey([A, B] * 10 + bad), survey([A]).tail(1)])))
    counted = found.respondents.set_index("status")["respondents"].to_dict()
    expected = {"used": 19, "no response": 1, "answered twice": 1, "a price missing or unreadable": 2}
    assert counted == {**expected, "prices out of order": 2}
    assert found.points["n"].eq(19).all()


def test_chinese_questions_and_typed_amounts(engine) -> None:
    chinese = ("太便宜", "便宜/划算", "贵", "太贵")
    typed = [tuple(f"￥{price:,}.0" if person % 2 else f"{price}元" for price in A) for person in range(10)]
    other = [tuple(f" ¥ {price}" for price in B)] * 10
    assert points(engine(survey(typed + other, questions=chinese))) == points(survey([A, B] * 10))
    own = ("q1", "q2", "q3", "q4")
    assert points(engine(survey([A, B] * 10, questions=own)), questions=own) == points(survey([A, B] * 10))


fours = st.lists(st.integers(1, 60), min_size=4, max_size=4, unique=True).map(lambda prices: tuple(sorted(prices)))


@settings(max_examples=15, deadline=None)
@given(st.lists(fours, min_size=10, max_size=30))
def test_curves_are_monotone_and_points_in_order(prices: list[tuple[int, ...]]) -> None:
    found = pricing.van_westendorp(survey(prices), draws=100)
    at = found.points.set_index("point")["estimate"]
    assert at["PMC"] <= min(at["OPP"], at["IDP"]) + 1e-9
    assert max(at["OPP"], at["IDP"]) <= at["PME"] + 1e-9
    for curve, rises in (("too_cheap", -1), ("cheap", -1), ("expensive", 1), ("too_expensive", 1)):
        assert (np.diff(found.curves[curve]) * rises >= 0).all()
    assert (found.points["low"] <= found.points["estimate"]).all()
    assert (found.points["estimate"] <= found.points["high"]).all()


def test_stated_demand_by_hand(engine) -> None:
    found = pricing.gabor_granger(engine(LADDER))
    assert found.demand["yes"].tolist() == [36, 22, 12, 4]
    assert found.demand["asked"].eq(42).all()


def test_the_probit_is_that_of_statsmodels() -> None:
    found = pricing.gabor_granger(LADDER).demand
    x = sm.add_constant(np.log(found["price"]))
    family = sm.families.Binomial(link=sm.families.links.Probit())
    fit = sm.GLM(np.column_stack([found["yes"], found["asked"] - found["yes"]]), x, family=family).fit()
    np.testing.assert_allclose(found["fitted"], fit.fittedvalues, rtol=1e-6)


def test_inconsistent_and_silent_respondents_are_left_out(engine) -> None:
    extra = said(["nynn", "....", "????", "yn.n", "n.y."])
    extra["respondent_id"] = "X" + extra["respondent_id"]
    found = pricing.gabor_granger(engine(pd.concat([LADDER, extra])))
    counted = found.respondents.set_index("status")["respondents"].to_dict()
    assert counted == {"used": 43, "no response": 1, "neither yes nor no": 1, "yes above a price refused": 2}
    assert found.demand["asked"].tolist() == [43, 43, 43, 43]  # a no at 100 implies one at 150


def test_stated_demand_falls_and_revenue_at_price_zero_is_zero() -> None:
    found = pricing.gabor_granger(LADDER, unit_cost=30)
    assert (np.diff(found.curve["demand"]) < 0).all()
    assert (np.diff(found.demand["share"]) <= 0).all()
    zero = pd.DataFrame({"price": [0.0], "demand": 1.0, "demand_low": 1.0, "demand_high": 1.0})
    assert pricing.curves.earnings(zero, 30)[["revenue", "profit"]].to_numpy().tolist() == [[0, -30]]
    best = found.optimum.set_index("goal")
    assert best.loc["profit", "price"] > best.loc["revenue", "price"]
    for goal in ("revenue", "profit"):
        row, curve = best.loc[goal], found.curve
        near = curve[curve["price"].between(row["flat_low"], row["flat_high"])]
        assert (near[goal] >= 0.949 * curve[goal].max()).all()
        assert row["low"] <= row["price"] <= row["high"]


def test_other_money_other_prices_same_elasticity() -> None:
    yen = LADDER.assign(item=(LADDER["item"].astype(float) * 20).astype(str))
    one, other = pricing.gabor_granger(LADDER), pricing.gabor_granger(yen)
    assert other.elasticity["estimate"].item() == pytest.approx(one.elasticity["estimate"].item(), rel=1e-9)
    assert other.optimum["price"].tolist() == pytest.approx((20 * one.optimum["price"]).tolist(), rel=1e-9)


def trial(
    bought: dict[float, int], *, n: int = 100, pieces: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """A price test: of n customers at each price so many buy."""
    design = pd.DataFrame({"experiment": "p", "variant": [f"v{p:g}" for p in bought], "price": list(bought)})
    people, sold = [], []
    for price, buyers in bought.items():
        for person in range(n):
            name = f"{price:g}-{person}"
            people.append(("p", name, f"v{price:g}", DAY))
            sold += [(name, DAY + pd.Timedelta(days=person % 14), float(price))] * (pieces if person < buyers else 0)
    assigned = pd.DataFrame(people, columns=["experiment", "customer_id", "variant", "assigned_at"])
    return design, assigned, pd.DataFrame(sold, columns=["customer_id", "booked_at", "amount"])


def test_price_test_by_hand(engine) -> None:
    found = pricing.price_test(*map(engine, trial({10: 40, 20: 20, 40: 10})), as_of=LAST, unit_cost=5)
    assert found.arms["conversion"].tolist() == [0.4, 0.2, 0.1]
    assert found.arms["revenue"].tolist() == [4, 4, 4]
    assert found.arms["profit"].tolist() == pytest.approx([2, 3, 3.5])
    assert found.elasticity["estimate"].item() == pytest.approx(-1)
    assert found.against_current["difference"].tolist() == pytest.approx([0, 1, 0, 1.5])
    assert found.customers.to_numpy().tolist() == [["used", 300]]


def test_the_elasticity_and_its_error_are_those_of_the_rows() -> None:
    design, assigned, sold = trial({10: 37, 15: 26, 30: 9}, pieces=2)
    found = pricing.price_test(design, assigned, sold, as_of=LAST).elasticity.iloc[0]
    rows = assigned.merge(design, on=["experiment", "variant"])
    rows["pieces"] = rows["customer_id"].map(sold.groupby("customer_id").size()).fillna(0)
    x = sm.add_constant(np.log(rows["price"]))
    fit = sm.GLM(rows["pieces"], x, family=sm.families.Poisson()).fit(cov_type="HC0")
    assert found["estimate"] == pytest.approx(fit.params["price"], rel=1e-6)
    assert found["high"] - found["low"] == pytest.approx(2 * 1.959964 * fit.bse["price"], rel=1e-5)


def test_only_purchases_in_the_window_of_customers_whose_window_is_over(engine) -> None:
    design, assigned, sold = trial({10: 50, 20: 50})
    late = assigned["customer_id"].isin(["10-99", "20-99"])
    assigned.loc[late, "assigned_at"] = pd.Timestamp("2025-06-20")
    again = assigned.iloc[[0]].assign(variant="v20")
    outside = pd.DataFrame({"customer_id": ["10-60", "10-61"], "amount": 10.0})
    outside["booked_at"] = [DAY - pd.Timedelta(hours=1), DAY + pd.Timedelta(days=14)]
    found = pricing.price_test(
        engine(design), engine(pd.concat([assigned, again])), engine(pd.concat([sold, outside])), as_of=LAST
    )
    statuses = found.customers.set_index("status")["customers"].to_dict()
    assert statuses == {"used": 197, "window not over": 2, "in several variants": 1}
    assert found.arms["buyers"].tolist() == [49, 50]  # one of them was shown both prices


def test_an_uneven_lot_is_found_and_forbids_reading() -> None:
    design, assigned, sold = trial({10: 40, 20: 20})
    few = assigned.drop(assigned[(assigned["variant"] == "v20")].index[40:])
    found = pricing.price_test(design, few, sold, as_of=LAST)
    assert found.lot["p_value"].min() < 1e-3
    assert "Do not read the price test" in pricing.decisions(pricing.Found(test=found))[0]
    even = pricing.price_test(design, assigned, sold, as_of=LAST)
    assert even.lot["p_value"].min() > 0.9
    as_planned = design.assign(planned_share=[100 / 140, 40 / 140])
    assert pricing.price_test(as_planned, few, sold, as_of=LAST).lot["p_value"].min() > 0.9


def test_the_best_price_at_the_edge_says_test_further() -> None:
    found = pricing.price_test(*trial({10: 40, 20: 30, 40: 22}, n=1000), as_of=LAST, unit_cost=5)
    assert found.optimum["at_edge"].all()
    assert found.optimum["price"].tolist() == [40, 40]
    assert any("test further" in line for line in pricing.decisions(pricing.Found(test=found)))


def test_a_better_price_is_charged() -> None:
    found = pricing.price_test(*trial({10: 100, 20: 90}, n=1000), as_of=LAST, current_price=10.0)
    assert pricing.decisions(found=pricing.Found(test=found))[0].startswith("**Charge 20**")


def panel_sales(elasticity: float = -1.5, *, cities: int = 8, quarters: int = 6, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for city in range(cities):
        for quarter in range(quarters):
            wanted = 0.8 * city + 0.2 * quarter
            price = 100 * np.exp(0.3 * city - 0.1 * quarter + 0.2 * rng.normal())
            units = 50 * np.exp(wanted) * (price / 100) ** elasticity
            rows.append((f"c{city}", pd.Timestamp("2024-01-15") + pd.DateOffset(months=3 * quarter), price, units))
    return pd.DataFrame(rows, columns=["city", "sold_at", "price", "quantity"])


OPTIONS = {"as_of": dt.date(2025, 12, 31), "unit": "city", "period": "quarter"}


def test_fixed_effects_find_what_pooling_hides(engine) -> None:
    found = pricing.price_panel(engine(panel_sales()), **OPTIONS).elasticity
    assert found["estimate"].iloc[0] == pytest.approx(-1.5, abs=1e-6)
    assert found["low"].iloc[1] > 0  # pooled, dearer seems to sell more


def test_other_money_same_elasticity_in_test_and_panel() -> None:
    sales = panel_sales()
    sales["quantity"] *= np.exp(0.1 * np.random.default_rng(2).normal(size=len(sales)))
    one, other = (pricing.price_panel(sales.assign(price=sales["price"] * k), **OPTIONS) for k in (1, 7))
    pd.testing.assert_frame_equal(one.elasticity, other.elasticity, rtol=1e-6)
    design, assigned, sold = trial({10: 37, 15: 26, 30: 9})
    yen = pricing.price_test(design.assign(price=design["price"] * 20), assigned, sold, as_of=LAST).elasticity
    pd.testing.assert_frame_equal(yen, pricing.price_test(design, assigned, sold, as_of=LAST).elasticity, rtol=1e-6)


def test_the_panel_against_a_regression_written_out() -> None:
    sales = panel_sales().assign(quantity=lambda frame: np.random.default_rng(5).poisson(frame["quantity"] / 20) + 3)
    found = pricing.price_panel(sales, **OPTIONS).elasticity.iloc[0]
    quarter = sales["sold_at"].dt.to_period("Q").astype(str)
    x = pd.concat([np.log(sales["price"]), pd.get_dummies(sales["city"]), pd.get_dummies(quarter).iloc[:, 1:]], axis=1)
    groups = sales["city"].str[1:].astype(int)
    fit = sm.GLM(sales["quantity"], x.astype(float), family=sm.families.Poisson()).fit(
        cov_type="cluster", cov_kwds={"groups": groups}, use_t=True
    )
    assert found["estimate"] == pytest.approx(fit.params["price"], rel=1e-6)
    assert found["high"] - found["low"] == pytest.approx(2 * 2.364624 * fit.bse["price"], rel=1e-5)  # t of 7 degrees


def test_thin_units_and_cells_without_sales_are_counted() -> None:
    sales = panel_sales()
    thin = sales[sales["city"] == "c0"].assign(city="tiny", quantity=0.5)
    found = pricing.price_panel(pd.concat([sales.drop(index=9), thin]), **OPTIONS)
    assert found.coverage["cells"].tolist() == [47, 1, 6, 0]
    assert found.elasticity["estimate"].iloc[0] == pytest.approx(-1.5, abs=1e-6)
    few = pricing.price_panel(sales, **OPTIONS, max_units=5)
    assert few.coverage["cells"].tolist() == [30, 0, 0, 18]


def test_lines_and_bookings_become_sales(engine) -> None:
    orders = pd.DataFrame({"order_id": ["1", "2"], "ordered_at": [DAY, DAY + pd.Timedelta(days=9)]})
    lines = pd.DataFrame({"order_id": ["1", "2", "3"], "product_id": "A", "quantity": 2, "unit_price": [5.0, 6.0, 7.0]})
    sold = pricing.panel.frames.collect(
        pricing.panel.frames.lazy(pricing.line_sales(engine(lines), engine(orders)), table="sales")
    )
    assert sorted(sold["price"]) == [5, 6]
    bookings = pd.DataFrame({"stream": "book", "customer_id": ["a", "a", "b", None], "amount": [9.0, 8.0, 7.0, 6.0]})
    bookings["booked_at"] = [DAY, DAY + pd.Timedelta(days=20), DAY, DAY]
    tested = pd.DataFrame({"experiment": "p", "customer_id": ["a"], "assigned_at": [DAY - pd.Timedelta(days=1)]})
    people = pd.DataFrame({"customer_id": ["a", "b"], "city": ["x", "y"]})
    given_ = {"stream": "book", "unit": "city", "assignments": engine(tested)}
    found = pricing.booked_sales(engine(bookings), engine(people), **given_)
    assert sorted(pricing.panel.frames.collect(pricing.panel.frames.lazy(found, table="sales"))["price"]) == [7, 8]
    with pytest.raises(OpskitError, match=r"stream == 'ads', must be one of 'book'"):
        pricing.booked_stream(engine(bookings), "ads")


DEGENERATE = {
    "all invalid": (
        lambda: pricing.van_westendorp(survey([(4, 3, 2, 1)] * 30)),
        "0 usable answers.*30 prices out of order",
    ),
    "one respondent": (lambda: pricing.van_westendorp(survey([A])), "1 usable answers"),
    "no such question": (lambda: pricing.van_westendorp(LADDER), "no survey asks too_cheap"),
    "three questions": (lambda: pricing.van_westendorp(LADDER, questions=("a", "b", "c")), "must be four"),
    "two surveys": (
        lambda: points(pd.concat([survey([A]), survey([B]).assign(survey="other")])),
        "several surveys ask .*: book, other",
    ),
    "all yes": (lambda: pricing.gabor_granger(said(["yyyy"] * 20)), "everybody says yes .* ask higher prices"),
    "all no": (lambda: pricing.gabor_granger(said(["nnnn"] * 20)), "everybody says no .* ask lower prices"),
    "one price asked": (lambda: pricing.gabor_granger(said(["y", "n"] * 9, asked=(5,))), "asked at 1 price"),
    "nobody answers": (lambda: pricing.gabor_granger(said(["...."] * 20)), r"0 usable answers.*20 no response"),
    "no price in item": (lambda: pricing.gabor_granger(LADDER.drop(columns="item")), "surveys lacks 'item'"),
    "one price tested": (lambda: pricing.price_test(*trial({10: 5}), as_of=LAST), "no experiment has two prices"),
    "no purchases": (
        lambda: pricing.price_test(*trial({10: 0, 20: 0})[:2], trial({10: 5})[2].iloc[:0], as_of=LAST),
        "0 of the tested prices sold anything",
    ),
    "one price sells": (lambda: pricing.price_test(*trial({10: 9, 20: 0}), as_of=LAST), "1 of the tested prices sold"),
    "windows not over": (
        lambda: pricing.price_test(*trial({10: 9, 20: 5}), as_of=dt.date(2025, 3, 5)),
        "fewer than two variants have customers whose 14 days are over",
    ),
    "prices that never change": (
        lambda: pricing.price_panel(panel_sales().assign(price=100.0), **OPTIONS),
        "prices of citys do not move apart|do not move apart",
    ),
    "prices that move alike": (
        lambda: pricing.price_panel(panel_sales().assign(price=lambda f: 50 + f["sold_at"].dt.month * 10.0), **OPTIONS),
        "do not move apart",
    ),
    "one city": (lambda: pricing.price_panel(panel_sales(cities=1), **OPTIONS), "1 values of city and 6 quarters"),
    "no rows": (lambda: pricing.price_panel(panel_sales().iloc[:0], **OPTIONS), "sales has no row"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_data_give_a_sentence(case: str) -> None:
    compute, message = DEGENERATE[case]
    with pytest.raises(OpskitError, match=message):
        compute()


@pytest.mark.filterwarnings("error")
def test_two_prices_and_few_buyers_warn_of_nothing() -> None:
    found = pricing.price_test(*trial({10: 1, 20: 100}), as_of=LAST)
    assert found.elasticity["estimate"].item() > 0
    assert found.optimum["price"].tolist() == [20, 20]


def test_evidence_keeps_the_reasons() -> None:
    def fail(error: OpskitError) -> Any:
        raise error

    found = pricing.Evidence()
    assert found.of("price_test", lambda: fail(MissingTableError("no table"))) is None
    with pytest.raises(MissingTableError, match="nothing here tells about prices"):
        found.require()
    found.of("van_westendorp", lambda: fail(OpskitError("too few")))
    with pytest.raises(OpskitError, match="van_westendorp: too few"):
        found.require()
    assert found.of("gabor_granger", lambda: 5) == 5
    found.require()
    assert found.table["there"].tolist() == ["no", "no", "yes"]


def test_figures_say_something_with_and_without_data() -> None:
    stated, test = pricing.gabor_granger(LADDER, unit_cost=5), pricing.price_test(*trial({50: 40, 150: 9}), as_of=LAST)
    sales = pricing.price_panel(panel_sales(), **OPTIONS)
    drawn = [
        *(plot(None) for plot in (pricing.plot_van_westendorp, pricing.plot_gabor_granger, pricing.plot_price_test)),
        pricing.plot_van_westendorp(pricing.van_westendorp(survey([A, B] * 10))),
        pricing.plot_gabor_granger(stated),
        pricing.plot_price_test(test),
        pricing.plot_elasticities(pricing.elasticities()),
        pricing.plot_elasticities(pricing.elasticities(stated, test, sales), truth=-1.5),
    ]
    assert all(ax.get_title(loc="left") or ax.texts for ax in drawn)
    plt.close("all")


def test_every_combination_of_sources_has_figures_or_advice() -> None:
    whole = pricing.Found(
        pricing.van_westendorp(survey([A, B] * 10)),
        pricing.gabor_granger(LADDER, unit_cost=5),
        pricing.price_test(*trial({50: 40, 150: 9}), as_of=LAST, unit_cost=5),
        pricing.price_panel(panel_sales(), **OPTIONS),
    )
    for mask in range(1, 16):
        found = pricing.Found(*(one if mask >> place & 1 else None for place, one in enumerate(whole)))
        figures, lines = pricing.key_figures(found), pricing.decisions(found)
        assert lines
        assert not [line for line in lines if "nan" in line]
        assert figures["name"].is_unique
        assert (figures["low"] <= figures["value"]).all()
        assert (figures["value"] <= figures["high"]).all()


def test_stated_against_actual() -> None:
    stated, test = pricing.gabor_granger(LADDER), pricing.price_test(*trial({50: 40, 150: 9, 900: 2}), as_of=LAST)
    table = pricing.stated_and_actual(stated, test)
    assert table["price"].tolist() == [50, 150]
    assert table["bought_per_stated"].tolist() == pytest.approx((table["actual"] / table["stated"]).tolist())
    assert (table["low"] < table["bought_per_stated"]).all()
    assert (table["bought_per_stated"] < table["high"]).all()


def test_expected_follows_the_curve() -> None:
    curve = pricing.price_test(*trial({50: 40, 150: 9}), as_of=LAST).curve
    at = [pricing.expected(curve, price=price).set_index("name")["estimate"] for price in (50, 80, 150)]
    assert all(one["demand"] > two["demand"] for one, two in pairwise(at))
    assert at[0]["demand"] == pytest.approx(40)
    assert pricing.expected(curve, price=500)["estimate"].isna().all()
