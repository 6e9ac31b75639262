import datetime as dt
from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

mpl.use("Agg")
import matplotlib.pyplot as plt

import opskit
from opskit import MissingTableError, OpskitError, contract, data_health, reports
from opskit.dataset import Dataset


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    with mpl.rc_context():
        yield
    plt.close("all")


@pytest.fixture(scope="module")
def shop() -> Dataset:
    return opskit.open("shop")


def orders(days: pd.DatetimeIndex, **columns: object) -> pd.DataFrame:
    frame = pd.DataFrame({"ordered_at": days, "customer_id": [f"c{i}" for i in range(len(days))], "revenue": 10.0})
    return frame.assign(**columns)


def findings(ds: Dataset) -> pd.DataFrame:
    filled, daily = data_health.completeness(ds), data_health.daily_rows(ds)
    return data_health.priorities(
        ds.check(),
        data_health.gaps(daily),
        data_health.stopped(filled),
        data_health.by_column(filled),
        data_health.repeated(ds),
        most=99,
    )


# --- completeness


def test_cells_are_counted_by_hand() -> None:
    days = pd.to_datetime(["2025-01-05", "2025-01-06", "2025-02-01", "2025-02-02"])
    ds = opskit.open(orders(days, region=["N", " ", None, "S"], items=[1, None, 3, 4]), as_of="2025-02-28")
    filled = data_health.completeness(ds).set_index(["column", "month"])
    assert filled.loc[("region", pd.Timestamp(2025, 1, 1)), ["rows", "present"]].tolist() == [2, 1]
    assert filled.loc[("region", pd.Timestamp(2025, 2, 1)), ["rows", "present"]].tolist() == [2, 1]
    columns = data_health.by_column(filled.reset_index()).set_index("column")
    assert columns["share"].to_dict() == {"customer_id": 1, "ordered_at": 1, "revenue": 1, "region": 0.5, "items": 0.75}
    assert columns["required"].sum() == 3


@pytest.mark.parametrize("engine", ["pandas", "polars", "pyarrow", pytest.param("spark", marks=pytest.mark.slow)])
def test_engines_agree(shop: Dataset, engine: str, request: pytest.FixtureRequest) -> None:
    if engine == "spark":
        request.getfixturevalue("spark_frame")  # opens the session of the tests
    other = opskit.open("shop", engine=engine)
    pd.testing.assert_frame_equal(data_health.completeness(other), data_health.completeness(shop))
    pd.testing.assert_frame_equal(data_health.daily_rows(other), data_health.daily_rows(shop))
    pd.testing.assert_frame_equal(data_health.repeated(other), data_health.repeated(shop))
    pd.testing.assert_frame_equal(data_health.customer_files(other), data_health.customer_files(shop))


def test_rows_of_a_table_are_those_used(shop: Dataset) -> None:
    used = shop.used().set_index("table")["rows_used"]
    rows = data_health.by_column(data_health.completeness(shop)).groupby("table")["rows"].agg(["min", "max"])
    assert (rows["min"] == rows["max"]).all()
    assert rows["max"].to_dict() == used.to_dict()


def test_planted_holes_are_recovered(shop: Dataset) -> None:
    """Wilson's interval at four standard errors around the share of empty cells holds what was planted."""
    columns = data_health.by_column(data_health.completeness(shop)).set_index("column")
    for name in ("phone", "child_born_on"):
        truth = shop.truth["planted"][f"missing.{name}"]["value"]
        rows = columns.loc[name, "rows"]
        assert 1 - columns.loc[name, "share"] == pytest.approx(truth, abs=4 * np.sqrt(truth * (1 - truth) / rows))


def test_a_column_that_stops_is_found_and_a_steady_one_is_not() -> None:
    days = pd.date_range("2025-01-01", "2025-06-30", freq="12h")
    rng = np.random.default_rng(3)
    stops = np.where(days < "2025-06-01", "x", None)
    sparse = np.where(rng.random(len(days)) < 0.4, "x", None)
    ds = opskit.open(orders(days, channel_code=stops, campaign=sparse))
    found = data_health.stopped(data_health.completeness(ds))
    assert found[["column", "before", "after"]].to_numpy().tolist() == [["channel_code", 1.0, 0.0]]
    assert found["since"].tolist() == [pd.Timestamp(2025, 6, 1)]
    assert "channel_code filled in 0% of rows since 2025-06, 100% before" in set(findings(ds)["what"])


@pytest.mark.slow
def test_steady_columns_are_rarely_said_to_have_stopped() -> None:
    days = pd.date_range("2025-01-01", "2025-12-31", freq="6h")
    rng = np.random.default_rng(5)
    steady = {f"column_{i}": np.where(rng.random(len(days)) < rng.random(), 1.0, np.nan) for i in range(300)}
    ds = opskit.open(pd.concat([orders(days), pd.DataFrame(steady)], axis=1), engine="pandas")
    assert len(data_health.stopped(data_health.completeness(ds))) <= 3


# --- freshness


def test_days_by_hand() -> None:
    days = pd.to_datetime(["2025-01-01", "2025-01-01", "2025-01-03"])
    ds = opskit.open(orders(days), as_of="2025-01-05")
    daily = data_health.daily_rows(ds)
    assert daily["rows"].tolist() == [2, 0, 1, 0, 0]
    row = data_health.freshness(daily).iloc[0]
    assert (row["first_day"], row["last_day"]) == (dt.date(2025, 1, 1), dt.date(2025, 1, 3))
    assert (row["lag_days"], row["days"], row["days_without_rows"]) == (2, 5, 3)


def test_a_shop_closed_on_sundays_has_no_gap_but_a_lost_week_is_one() -> None:
    days = pd.date_range("2025-01-01", "2025-06-30", freq="2h")
    open_days = days[(days.day_of_week != 6) & ~((days >= "2025-04-07") & (days < "2025-04-12"))]
    found = data_health.gaps(data_health.daily_rows(opskit.open(orders(open_days))))
    odd = found[found["unexpected"]]
    assert len(found) == 26  # Sundays
    # Saturday the 12th is there, so the run is Monday to Friday, with the Sunday before it.
    assert odd[["first_day", "last_day"]].to_numpy().tolist() == [[dt.date(2025, 4, 6), dt.date(2025, 4, 11)]]
    assert odd["expected_rows"].iloc[0] == pytest.approx(60)


def test_a_table_that_stopped_arriving_is_found() -> None:
    ds = opskit.open(orders(pd.date_range("2025-01-01", "2025-05-31 23:00", freq="4h")), as_of="2025-06-07")
    first = findings(ds).iloc[0]
    assert first["kind"] == "rows stopped arriving"
    assert first["what"] == "no rows from 2025-06-01 to 2025-06-07, about 42 expected"


@pytest.mark.slow
def test_chance_alone_seldom_makes_a_gap() -> None:
    """At the 5% level, at most about 5% of quiet shops show an unexpected gap."""
    rng, days, shops = np.random.default_rng(11), pd.date_range("2025-01-01", periods=365), 400
    flagged = 0
    for _ in range(shops):
        week = rng.gamma(4, 0.7, 7)
        rows = rng.negative_binomial(4, 4 / (4 + week[np.arange(365) % 7]))  # busier than Poisson
        daily = pd.DataFrame({"table": "orders", "clock": "ordered_at", "day": days, "rows": rows})
        flagged += data_health.gaps(daily)["unexpected"].any()
    assert flagged <= 0.08 * shops


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=60))
def test_gaps_hold_exactly_the_days_without_rows(rows: list[int]) -> None:
    days = pd.date_range("2025-01-01", periods=len(rows))
    daily = pd.DataFrame({"table": "orders", "clock": "ordered_at", "day": days, "rows": rows})
    found = data_health.gaps(daily)
    assert found["days"].sum() == rows.count(0)
    assert found["probability"].between(0, 1).all()


# --- records


def test_cdnow_repeats_are_those_its_readme_names() -> None:
    table = data_health.repeated(opskit.open("cdnow")).set_index("same")
    assert table.loc["every column", ["rows", "repeated"]].tolist() == [6919, 21]


def customers(**columns: object) -> Dataset:
    files = pd.DataFrame({"customer_id": ["a", "b", "c", "c"], **columns})
    return opskit.open({"orders": orders(pd.to_datetime(["2025-01-01"])).assign(customer_id="a"), "customers": files})


def test_customer_files_by_hand() -> None:
    ds = customers(
        region=["N", "", "S", "S"],
        updated_at=pd.to_datetime(["2025-01-01", "2023-01-01", "2024-01-02", "2024-01-01"]),
        owner=["li", "li", "li", "wu"],
    )
    table = data_health.customer_files(ds, updated_within_days=366).set_index("measure")
    assert table["n"].unique().tolist() == [3]
    assert table["customers"].to_dict() == {"complete": 2, "updated": 2, "one_owner": 2, "has_order": 1}
    assert data_health.customer_files(ds, updated_within_days=364).set_index("measure").loc["updated", "customers"] == 1
    assert data_health.customer_files(ds, fields=["owner"]).set_index("measure").loc["complete", "customers"] == 3


def test_a_missing_owner_is_not_one_owner() -> None:
    table = data_health.customer_files(customers(owner=["li", None, None, "wu"])).set_index("measure")
    assert table.loc["one_owner", "customers"] == 2
    assert "updated" not in table.index


def test_customers_is_required() -> None:
    with pytest.raises(MissingTableError, match="no table customers"):
        data_health.customer_files(opskit.open("cdnow"))
    with pytest.raises(OpskitError, match=r"customers lacks 'regoin'.*Did you mean 'region'"):
        data_health.customer_files(customers(region="N"), fields=["regoin"])


# --- priorities and figures


def test_the_graver_kind_comes_first_whatever_its_share() -> None:
    days = pd.date_range("2025-01-01", periods=200, freq="6h")
    frame = orders(
        days, refund=np.where(np.arange(200) < 3, -5.0, 0.0), note=np.where(np.arange(200) % 3 == 0, None, "x")
    )
    kinds = findings(opskit.open(frame))["kind"].tolist()
    assert kinds.index("contradiction" if "contradiction" in kinds else "rows left out") < kinds.index(
        "column with holes"
    )


def test_clean_data_has_nothing_to_fix_and_filters_are_no_defect(shop: Dataset) -> None:
    clean = opskit.open(orders(pd.date_range("2025-01-01", "2025-03-31", freq="3h")))
    assert findings(clean).empty
    assert "rows left out" not in set(findings(shop)["kind"])  # unpaid and closed orders are left out on purpose
    assert "filtered" in set(shop.check()["severity"])


def test_figures_of_any_dataset(shop: Dataset) -> None:
    one = opskit.open(orders(pd.to_datetime(["2025-01-01"])))
    for ds in (shop, opskit.open("cdnow"), one):
        filled, daily = data_health.completeness(ds), data_health.daily_rows(ds)
        data_health.plot_completeness(filled).figure.canvas.draw()
        data_health.plot_days(daily, data_health.gaps(daily)).figure.canvas.draw()
        data_health.plot_violations(ds.check()).figure.canvas.draw()
    dated = sum(len(getattr(shop, name).columns) for name in shop.tables if contract.table(name).clock)
    assert f"of {dated} columns have empty cells" in data_health.plot_completeness(
        data_health.completeness(shop)
    ).get_title("left").replace("\n", " ")


def test_key_figures_count_every_row(shop: Dataset) -> None:
    filled, daily = data_health.completeness(shop), data_health.daily_rows(shop)
    table = data_health.key_figures(
        shop.used(),
        shop.check(),
        data_health.by_column(filled),
        daily,
        data_health.gaps(daily),
        data_health.repeated(shop),
        data_health.customer_files(shop),
    ).set_index("name")
    assert table.loc["Rows used", ["value", "n"]].tolist() == shop.used()[["rows_used", "rows_read"]].sum().tolist()
    assert table.loc["Rows left out that nobody asked to leave out", "value"] == 0
    columns = sum(len(getattr(shop, name).columns) for name in shop.tables)
    assert table.loc["Columns with empty cells", "n"] == columns
    reports.headline(table.reset_index())


def test_decisions_name_what_to_mend() -> None:
    ds = opskit.open(orders(pd.date_range("2025-01-01", "2025-05-31 23:00", freq="4h")), as_of="2025-06-07")
    first, *_ = data_health.decisions(findings(ds))
    assert first.startswith("**orders: no rows from 2025-06-01 to 2025-06-07, about 42 expected** (42 rows, ")
    clean = opskit.open(orders(pd.date_range("2025-01-01", "2025-03-31", freq="3h")))
    assert data_health.decisions(findings(clean)) == [
        "Nothing to mend was found: the other pages can be read as they are."
    ]
