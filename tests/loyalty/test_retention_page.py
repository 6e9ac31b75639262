"""The retention chapter says what the stored notebook and the CDNOW customers say; the notebook reads foreign exports."""

import datetime as dt
import re
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import running
from stored import Stored

from opskit.loyalty import retention

PAGE = Stored("loyalty/retention")
CDNOW_END = dt.date(1998, 6, 30)

ran = partial(running.ran, "loyalty/retention")


def told(share: float) -> str:
    return f"{100 * share:.3g}%"


def test_the_verdicts_of_the_page_are_those_of_the_notebook() -> None:
    text = PAGE.shown("retention.first_month(")[-1]
    verdicts = re.findall(r"(does not hold|holds|not enough data)\s*$", text, flags=re.MULTILINE)
    assert verdicts == ["does not hold", "not enough data", "does not hold", "does not hold", "holds"]
    sentence = (
        "the first does not hold, the second cannot be told, both figures of the third do not hold, and the fourth does"
    )
    assert sentence in PAGE.words


def test_what_the_text_says_of_channels_regions_and_visits_is_in_the_notebook() -> None:
    groups, tests, _ = PAGE.shown("retention.staying(")[-4:-1]
    survival = dict(re.findall(r"channel\s+(\w+)\s+\d+\s+\d+\s+(?:True|False)\s+([\d.]+)", groups))
    assert f"{told(float(survival['referral']))} of the buyers who came by referral" in PAGE.words
    assert f"of those from short video {told(float(survival['short_video']))}" in PAGE.words
    assert re.search(r"channel .* True", tests)
    assert re.search(r"region .* False", tests)
    visits = PAGE.shown("retention.occasions(")[-1]
    (days,) = re.findall(r"natural_interval\s+(\d+).*visit", visits)
    assert f"The natural interval of visits is {days} days" in PAGE.words
    last = next(row for row in PAGE.headline if row[0].startswith("Active in the last natural interval"))
    assert f"within four intervals {round(float(last[1].rstrip('%')))}% were so in the last" in PAGE.words
    (lost,) = re.findall(r"silent for more than (\d+) days", PAGE.shown("decision", "text/markdown")[0])
    assert f"silent for more than {lost} days" in PAGE.words


def test_the_random_rhythm_of_the_text_is_the_functions() -> None:
    orders = pd.DataFrame({"customer_id": [1], "ordered_at": [pd.Timestamp("2024-01-01")]})
    found = retention.stickiness(orders, as_of=dt.date(2024, 1, 1), interval_days=1)
    assert f"half of the time, {found.random:.0%}." in PAGE.words


def test_the_figures_of_cdnow_in_the_text(cdnow: pd.DataFrame) -> None:
    repeat = retention.repeat_probability(cdnow, as_of=CDNOW_END)
    by_order = repeat.by_order.set_index("order_number")
    later = by_order.loc[6:10, ["returned", "customers"]].sum()
    first, fifth = (told(by_order.loc[k, "probability"]) for k in (1, 5))
    assert f"{first} order again within 90 days of the first order day, {fifth} of the fifth" in PAGE.words
    assert f"{100 * later['returned'] / later['customers']:.1f}% of the sixth to tenth" in PAGE.words
    rise, low, high = 100 * repeat.claims.loc[0, ["estimate", "low", "high"]].astype(float)
    assert f"{rise:.1f} points more ({low:.1f} to {high:.1f})" in PAGE.words
    hazard = retention.hazard(cdnow, as_of=CDNOW_END)
    shares = [told(share) for share in hazard.by_age["hazard"].iloc[:3]]
    assert "{} of them make the second order in the first 30 days, {} of the rest in the next 30, {} of".format(
        *shares
    ) in (PAGE.words)
    ends = "{:.1%} ({:.1%} to {:.1%})"
    assert ends.format(*hazard.claims.loc[0, ["estimate", "low", "high"]]) in PAGE.words
    month = retention.first_month(cdnow, as_of=CDNOW_END).claims
    for row in (0, 1):
        assert ends.format(*month.loc[row, ["estimate", "low", "high"]]) in PAGE.words
    verdicts = [*repeat.claims["verdict"], *hazard.claims["verdict"], *month["verdict"]]
    assert verdicts == ["does not hold", "holds", "does not hold", "not enough data", "holds"]


@pytest.mark.slow
def test_a_foreign_export_of_orders_alone_is_read(tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=400, freq="D")
    orders = pd.DataFrame(
        {
            "买家会员名": [f"u{i % 120}" for i in range(400)],
            "订单付款时间": days,
            "实收金额": [10.0 + i for i in range(400)],
        }
    )
    orders.to_csv(tmp_path / "订单.csv", index=False, encoding="gb18030")
    outcome = ran(tmp_path / "订单.csv")
    assert outcome.status == "ok", outcome.reason
    shown = str(outcome.notebook)
    assert "No table customers with channel, region: it would show who stays longer." in shown
    assert "No table events: it would show the retention of visits." in shown


@pytest.mark.slow
def test_one_order_is_enough_to_be_told_what_cannot_be_told(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("customer_id,ordered_at,revenue\na,2024-01-01,5\n", encoding="utf-8")
    outcome = ran(tmp_path / "orders.csv")
    assert outcome.status == "ok", outcome.reason
    decision = str([cell for cell in outcome.notebook.cells if "decision" in cell.metadata.get("tags", [])])
    assert "cannot be told" in decision
    assert "nan" not in decision


@pytest.mark.slow
def test_without_orders_one_sentence_says_what_is_missing(tmp_path: Path) -> None:
    text = "customer_id,event,occurred_at\na,visit,2024-01-01\nb,visit,2024-02-01\n"
    (tmp_path / "events.csv").write_text(text, encoding="utf-8")
    outcome = ran(tmp_path)
    assert outcome.status == "skipped"
    assert "no table orders" in outcome.reason
