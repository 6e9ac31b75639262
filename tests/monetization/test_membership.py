import datetime as dt
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")
import matplotlib.pyplot as plt

from opskit.errors import OpskitError, TooLittleDataError
from opskit.monetization import membership

LAST = dt.date(2024, 12, 31)


def orders_of(rows: list[tuple[str, str, float]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "revenue"])
    return table.assign(ordered_at=pd.to_datetime(table["ordered_at"]), margin=table["revenue"] / 4)


def spells_of(rows: list[tuple[str, str, str | None]], level: str = "plus") -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "started_at", "ended_at"]).assign(level=level)
    return table.assign(**{name: pd.to_datetime(table[name]) for name in ("started_at", "ended_at")})


HAND = orders_of(
    [
        *(("A", f"2024-0{month}-10", value) for month, value in ((1, 100.0), (2, 150.0), (3, 150.0))),
        *(("B", f"2024-0{month}-12", 100.0) for month in (1, 2, 3)),
        ("C", "2024-01-20", 100.0),
        ("C", "2024-03-20", 100.0),
        ("D", "2024-02-20", 100.0),
    ]
)
JOINED = spells_of([("A", "2024-01-10", None)])
MARCH = dt.date(2024, 3, 31)


def simulated(customers: int = 1500, *, seed: int = 1, uplift: float = 0.0, select: bool = False) -> tuple[Any, Any]:
    """A year of Poisson orders; spells begin on random days, or (select) at an order, the sooner the more one has bought."""
    rng = np.random.default_rng(seed)
    rate, level = rng.gamma(1.5, 0.5, customers), rng.lognormal(4, 0.4, customers)
    who = np.repeat(np.arange(customers), 1 + rng.poisson(11 * rate))
    start = pd.Timestamp("2024-01-01")
    table = pd.DataFrame({"customer_id": who, "day": rng.integers(0, 366, len(who))})
    table = table.sort_values(["customer_id", "day"], ignore_index=True)
    table["revenue"] = level[table["customer_id"]] * rng.lognormal(0, 0.3, len(who))
    begins = pd.Series(rng.integers(0, 500, customers))
    if select:
        so_far = table.groupby("customer_id").cumcount() + 1
        joins = table[rng.random(len(table)) < 0.02 * so_far]
        begins = joins.groupby("customer_id")["day"].min().reindex(range(customers), fill_value=900)
    table.loc[table["day"] > table["customer_id"].map(begins), "revenue"] *= 1 + uplift
    orders = table.assign(ordered_at=start + pd.to_timedelta(table.pop("day"), unit="D"))
    begins = begins[begins < 366]
    spells = pd.DataFrame(
        {"customer_id": begins.index, "started_at": start + pd.to_timedelta(begins.to_numpy(), unit="D")}
    )
    return orders, spells.assign(level="plus")


def found(orders: Any, spells: Any, *, as_of: dt.date = LAST, **options: Any) -> pd.DataFrame:
    panel = membership.panel(orders, spells, as_of=as_of)
    return membership.effects(membership.match(panel, **options)).set_index("effect")


def test_effects_by_hand(engine) -> None:
    table = found(engine(HAND), engine(JOINED), as_of=MARCH, window_months=2, bins=1)
    # one order on either side by the end of January; then 300 against (200 + 100) / 2; 29 + 31 days of membership
    months = 60 / (365.25 / 12)
    assert table["n"].eq(1).all()
    expected = {"spend": 150 / months, "orders": (2 - 1.5) / months, "order value": 150 / 3, "spend, total": 150}
    expected |= {
        "spend, relative": 1.0,
        "orders, relative": 1 / 3,
        "order value, relative": 0.5,
        "margin": 37.5 / months,
    }
    expected |= {"spend from more orders": 50 / months, "spend from dearer orders": 100 / months}
    for name, value in expected.items():
        assert table["estimate"][name] == pytest.approx(value, rel=1e-9), name


def test_controls_who_join_later_are_brought_back(engine) -> None:
    later = orders_of([*HAND[["customer_id", "ordered_at", "revenue"]].itertuples(index=False, name=None)])
    later.loc[later["customer_id"].isin(["B", "C"]) & (later["ordered_at"] >= "2024-03-01"), "revenue"] = 150.0
    spells = spells_of([("A", "2024-01-10", None), ("B", "2024-03-01", None), ("C", "2024-03-01", None)])
    table = found(engine(later), engine(spells), as_of=MARCH, window_months=2, bins=1)
    # controls: 100 outside and 300 inside by two; members 300 inside: (300 - 150) / 50
    assert table["estimate"]["spend, relative"] == pytest.approx(2.0)
    assert table["estimate"]["orders, relative"] == pytest.approx((2 - 1) / 0.5 - 1)


def test_time_inside_follows_the_spells(engine) -> None:
    spells = spells_of(
        [
            ("A", "2024-01-10", "2024-02-10"),  # its last day is inside
            ("B", "2024-01-12", "2024-02-01"),  # an order on the first day is outside
            ("B", "2024-02-02", "2024-03-01"),  # touches the one before
            ("B", "2024-01-15", "2024-01-20"),  # lies within it
        ]
    )
    panel = membership.panel(engine(HAND), engine(spells), as_of=MARCH)
    months = panel.months.to_pandas().set_index(["customer_id", "month"])
    assert months["orders_in"].loc["A"].tolist() == [0, 1, 0]
    assert months["orders_in"].loc["B"].tolist() == [0, 1, 0]
    held = panel.spells.to_pandas().groupby("customer_id").agg({"start_day": ["size", "min"], "end_day": "max"})
    assert held["start_day", "size"].tolist() == [1, 1]
    assert (held["end_day", "max"] - held["start_day", "min"]).tolist() == [31, 49]


def test_engines_agree(engine) -> None:
    orders, spells = simulated(300, uplift=0.3, select=True)
    given = engine(orders), engine(spells)
    panel = membership.panel(*given, as_of=LAST)
    reference = membership.panel(orders, spells, as_of=LAST)
    one, other = (membership.match(data, window_months=3) for data in (panel, reference))
    pd.testing.assert_frame_equal(one.counts, other.counts)
    pd.testing.assert_frame_equal(one.balance, other.balance, rtol=1e-9)
    for function in (membership.naive_gap, lambda data: membership.staggered(data, window_months=3).by_month):
        pd.testing.assert_frame_equal(function(panel), function(reference), rtol=1e-7, check_dtype=False)
    pd.testing.assert_frame_equal(membership.effects(one), membership.effects(other), rtol=1e-7)


def test_naive_gap_by_hand(engine) -> None:
    table = membership.naive_gap(membership.panel(engine(HAND), engine(JOINED), as_of=MARCH)).set_index("measure")
    # A: 400 in 3 months; B, C, D: 600 in 3 + 3 + 2 months
    assert table.loc["spend per customer-month", ["members", "others"]].tolist() == pytest.approx([400 / 3, 75])
    assert table["estimate"]["order value"] == pytest.approx(400 / 3 - 100)


def test_before_and_after_by_hand(engine) -> None:
    rows = [("A", f"2024-0{m}-05", v) for m, v in ((1, 10.0), (2, 10.0), (3, 10.0), (4, 25.0))]
    rows += [("B", f"2024-0{m}-05", v) for m, v in ((1, 8.0), (2, 8.0), (3, 8.0), (4, 9.0))]
    spells = spells_of([("A", "2024-03-05", None)])
    panel = membership.panel(engine(orders_of(rows)), engine(spells), as_of=dt.date(2024, 4, 30))
    table = membership.staggered(panel, window_months=1, lead_months=2).by_month.set_index("k")
    assert table["estimate"].tolist() == [0, 0, 0, 14]  # 25 - 10 less 9 - 8


@pytest.mark.parametrize("select", [False, True])
def test_no_effect_is_found_where_there_is_none(select: bool) -> None:
    table = found(*simulated(select=select, seed=5), window_months=3)
    for name in ("spend", "orders", "order value, relative"):
        error = (table["high"][name] - table["low"][name]) / (2 * 1.98)
        assert abs(table["estimate"][name]) <= 4 * error, name
    assert table["high"]["spend, relative"] - table["low"]["spend, relative"] < 0.5


def test_a_planted_effect_is_found_under_selection() -> None:
    table = found(*simulated(4000, seed=6, uplift=0.5, select=True), window_months=3)
    for name, truth in (("spend, relative", 0.5), ("orders, relative", 0.0), ("order value, relative", 0.5)):
        error = (table["high"][name] - table["low"][name]) / (2 * 1.98)
        assert abs(table["estimate"][name] - truth) <= 4 * error, name
    assert table["low"]["spend"] > 0


def test_relabelling_customers_changes_nothing_but_the_groups() -> None:
    orders, spells = simulated(400, uplift=0.3, select=True)
    other = [table.assign(customer_id=(table["customer_id"] * 7919 + 13) % 100_003) for table in (orders, spells)]
    one, two = found(orders, spells, window_months=3), found(*other, window_months=3)
    pd.testing.assert_series_equal(one["estimate"], two["estimate"], rtol=1e-9)


def test_doubling_money_doubles_money_effects() -> None:
    orders, spells = simulated(400, uplift=0.3, select=True)
    one = found(orders, spells, window_months=3)
    two = found(orders.assign(revenue=orders["revenue"] * 2), spells, window_months=3)
    factor = one["unit"].map({"money": 2.0, "orders": 1.0, "share": 1.0})
    for column in ("estimate", "low", "high"):
        np.testing.assert_allclose(two[column], one[column] * factor, rtol=1e-7)


def test_the_joint_test_of_the_months_before_can_fail_and_pass() -> None:
    panel = membership.panel(*simulated(3000, select=True), as_of=LAST)
    assert membership.aligned(panel, window_months=3, lead_months=4).lead_p > 0.001  # Poisson: no path of their own
    orders, spells = simulated(3000, select=True)
    joined = orders["customer_id"].map(spells.set_index("customer_id")["started_at"])
    before = (joined - orders["ordered_at"]).dt.days
    climbing = orders.assign(revenue=orders["revenue"] * np.where(before.between(30, 400), 0.3, 1.0))
    assert (
        membership.aligned(membership.panel(climbing, spells, as_of=LAST), window_months=3, lead_months=4).lead_p < 0.01
    )


def test_counts_add_up_and_members_without_a_match_are_told() -> None:
    orders, spells = simulated(500, select=True)
    spells = pd.concat(
        [spells, pd.DataFrame({"customer_id": [10**6], "started_at": spells["started_at"].min(), "level": "plus"})]
    )
    matched = membership.match(membership.panel(orders, spells, as_of=LAST), window_months=3, bins=6)
    counts = matched.counts["customers"].tolist()
    assert counts[0] == sum(counts[1:5]) == spells["customer_id"].nunique()
    assert counts[2] >= 1
    assert membership.comparable(matched)["n"].item() == counts[3] + counts[4]


def test_money_adds_up(engine) -> None:
    orders, spells = simulated(600, uplift=0.5, select=True)
    orders = orders.assign(margin=orders["revenue"] * 0.3)
    panel = membership.panel(engine(orders), engine(spells), as_of=LAST)
    matched = membership.match(panel, window_months=3)
    fees = spells.rename(columns={"started_at": "booked_at"}).assign(stream="fee", amount=60.0)
    uses = spells.rename(columns={"started_at": "used_at"}).assign(benefit="gift", cost=5.0)
    found = membership.money(
        panel, matched, as_of=LAST, bookings=engine(fees), fee_stream="fee", fee_months=12, benefit_uses=engine(uses)
    )
    lines = found.lines.set_index("item")["estimate"]
    days = (pd.Timestamp(LAST) - spells["started_at"]).dt.days + 1
    assert lines["fee"] == pytest.approx(5.0)
    assert lines["cost of benefits"] == pytest.approx(-5 * len(spells) / (days.sum() / (365.25 / 12)), rel=1e-9)
    assert lines["left"] == pytest.approx(lines.iloc[:3].sum())
    assert found.missing == []
    bare = membership.money(panel, matched, as_of=LAST)
    assert bare.lines["item"].tolist() == ["extra margin of orders", "left"]
    assert "benefit_uses" in bare.missing[0]
    with pytest.raises(OpskitError, match="Did you mean 'fee'"):
        membership.money(panel, matched, as_of=LAST, bookings=fees, fee_stream="fees")


def test_only_one_side_is_told() -> None:
    nobody = JOINED.iloc[:0]
    everybody = spells_of([(name, "2024-01-01", None) for name in "ABCD"])
    strangers = spells_of([("Z", "2024-01-01", None)])
    for spells, message in (
        (nobody, "no members"),
        (everybody, "nobody is left"),
        (strangers, "No member has an order"),
    ):
        with pytest.raises(TooLittleDataError, match=message):
            membership.panel(HAND, spells, as_of=MARCH)
    panel = membership.panel(HAND, JOINED, as_of=MARCH)
    with pytest.raises(TooLittleDataError, match="Use a shorter window"):
        membership.match(panel, window_months=6)
    with pytest.raises(TooLittleDataError, match="Use fewer bins"):
        membership.match(
            membership.panel(HAND[HAND["customer_id"].isin(["A", "D"])], JOINED, as_of=MARCH), window_months=1
        )


def test_options_out_of_range_are_refused() -> None:
    panel = membership.panel(HAND, JOINED, as_of=MARCH)
    for options, message in (({"bins": 0}, "bins == 0"), ({"window_months": 0}, "window_months == 0")):
        with pytest.raises(OpskitError, match=message):
            membership.match(panel, **options)
    with pytest.raises(OpskitError, match="Did you mean 'plus'"):
        membership.panel(HAND, JOINED, as_of=MARCH, level="pluss")
    with pytest.raises(OpskitError, match="measure == 'margin'"):
        membership.event_study(membership.match(panel, window_months=2, bins=1), measure="margin")


def test_the_level_decides_who_is_a_member() -> None:
    both = pd.concat([JOINED, spells_of([("B", "2024-02-12", None)], level="gold")])
    for level, members in (("", 2), ("plus", 1), ("gold", 1)):
        panel = membership.panel(HAND, both, as_of=MARCH, level=level)
        assert panel.spells.num_rows == members


def test_an_e_value_by_hand() -> None:
    table = pd.DataFrame({"effect": ["spend, relative"], "estimate": [2.9], "low": [0.8], "high": [7.7]})
    # VanderWeele & Ding (2017), breastfeeding and infant death: risk ratio 3.9 (1.8 to 8.7), E-values 7.2 and 3.0
    assert membership.unseen(table)["e_value"].round(1).tolist() == [7.3, 3.0]


def test_figures_draw_or_say_why_not() -> None:
    panel = membership.panel(*simulated(400, uplift=0.3, select=True), as_of=LAST)
    matched = membership.match(panel, window_months=3)
    study = membership.event_study(matched)
    rows = membership.effects(matched).head(1).assign(answer="Matched", believed=True)
    empty = rows.assign(estimate=np.nan)
    drawn = [
        membership.plot_balance(matched.balance),
        membership.plot_balance(matched.balance.assign(before=np.nan, after=np.nan)),
        membership.plot_event_study({"matched": study.by_month}),
        membership.plot_event_study({"matched": study.by_month.assign(estimate=np.nan)}),
        membership.plot_answers(rows, truth=3.0, currency="CNY"),
        membership.plot_answers(empty),
    ]
    for ax in drawn:
        assert ax.get_title(loc="left") or ax.texts
    plt.close("all")
