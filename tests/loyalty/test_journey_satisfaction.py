import datetime as dt
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")
import matplotlib.pyplot as plt

from opskit import stats
from opskit.errors import OpskitError
from opskit.loyalty import journey
from opskit.loyalty.journey.satisfaction import scored

AS_OF = dt.date(2024, 3, 31)
DAY = pd.Timestamp("2024-01-10 09:00").as_unit("us")
ANSWERS = ["5", "4", "4.0", "3", "1", "7", "good", None, None, None]


def surveys(answers: list[Any] = ANSWERS, question: str = "csat", touchpoint: str | None = "receive") -> pd.DataFrame:
    table = pd.DataFrame({"respondent_id": range(len(answers)), "question": question, "answer": answers})
    table["answer"] = table["answer"].astype("str")
    at = pd.Series([DAY if answer is not None else pd.NaT for answer in answers], dtype="datetime64[us]")
    customer = [f"C{number}" for number in range(len(answers))]
    return table.assign(
        customer_id=customer, touchpoint=pd.Series([touchpoint] * len(table), dtype="str"), answered_at=at
    )


def test_csat_by_hand(engine: Any) -> None:
    row = journey.satisfaction(engine(surveys()), as_of=AS_OF).iloc[0]
    assert (row["invited"], row["answered"], row["unreadable"]) == (10, 5, 2)  # 7 of 5 and "good" are no answers
    assert row["score"] == 0.6
    low, high = stats.wilson([3], [5])
    assert (row["low"], row["high"]) == (low[0], high[0])
    np.testing.assert_allclose([row["worst"], row["best"]], [0.3, 0.8])  # five silent: all unhappy, all happy
    assert row["warning"] == ""
    assert (
        "under 60% answered"
        in journey.satisfaction(engine(surveys()), as_of=AS_OF, min_response=0.6)["warning"].iloc[0]
    )


def test_nps_by_hand(engine: Any) -> None:
    given = [*["10"] * 5, *["9"], *["8"] * 2, *["6", "0"], *[None] * 10]
    row = journey.satisfaction(engine(surveys(given, "NPS", None)), as_of=AS_OF).iloc[0]
    assert row["touchpoint"] == "overall"
    np.testing.assert_allclose(row["score"], 0.6 - 0.2)
    np.testing.assert_allclose([row["worst"], row["best"]], [0.5 * 0.4 - 0.5, 0.5 * 0.4 + 0.5])
    assert -1 <= row["low"] < row["score"] < row["high"] <= 1


def test_the_interval_of_the_nps_covers() -> None:
    """2,000 samples of 40 answers: 95% intervals hold the true NPS of 0.25 in 93 to 97 of 100."""
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(2000):
        up, passive, down = rng.multinomial(40, [0.45, 0.35, 0.2])
        counted = pd.DataFrame({"answer": ["10", "8", "3"], "n": [up, passive, down]})
        found = scored("nps", counted, 0.95)
        held += found["low"] <= 0.25 <= found["high"]
    assert 0.93 <= held / 2000 <= 0.975


def test_answers_after_as_of_are_not_known_yet(engine: Any) -> None:
    early = journey.satisfaction(engine(surveys()), as_of=dt.date(2024, 1, 9))
    assert (early["answered"] == 0).all()
    assert early["score"].isna().all()


def test_other_questions_make_no_row() -> None:
    table = journey.satisfaction(surveys(question="would_buy"), as_of=AS_OF)
    assert table.empty
    ax = journey.plot_satisfaction(table)
    assert "Nobody has answered" in ax.texts[0].get_text()
    plt.close("all")


def test_next_orders_by_hand(engine: Any) -> None:
    """C0, C1 and C2 are satisfied, C3 and C4 not; C0 orders on the 60th day, C1 a day later, C3 at once."""
    orders = pd.DataFrame({"customer_id": ["C0", "C1", "C3", "C4", "C4"], "day": [60, 61, 0.5, -1, 0]})
    orders["ordered_at"] = (DAY + pd.to_timedelta(orders.pop("day"), unit="D")).astype("datetime64[us]")
    table = journey.next_orders(engine(surveys()), engine(orders), as_of=AS_OF, next_days=60)
    row = table.iloc[0]
    assert (row["satisfied"], row["satisfied_ordered"]) == (3, 1)
    assert (row["others"], row["others_ordered"]) == (2, 1)  # an order before the answer, or with it, is not a next one
    np.testing.assert_allclose(row["difference"], 1 / 3 - 1 / 2)
    assert row["verdict"] == "not enough data"
    young = journey.next_orders(engine(surveys()), engine(orders), as_of=AS_OF, next_days=82)
    assert young.empty  # 82 days after 10 January are not over on 31 March


def test_by_wait_by_hand(engine: Any) -> None:
    days = {"C0": 3, "C1": 10, "C2": 10.1, "C3": 20, "C4": 4}
    rows = [(c, "pay", DAY - pd.Timedelta(days=30)) for c in days]
    rows += [(c, "receive", DAY - pd.Timedelta(days=30 - wait)) for c, wait in days.items()]
    actions = pd.DataFrame(rows, columns=["customer_id", "event", "occurred_at"])
    actions["occurred_at"] = actions["occurred_at"].astype("datetime64[us]")
    walked = journey.walk(engine(actions), steps=("pay", "receive"), as_of=AS_OF)
    row = journey.by_wait(engine(surveys()), walked).iloc[0]
    assert (row["quick"], row["quick_satisfied"], row["slow"], row["slow_satisfied"]) == (3, 2, 2, 1)
    with pytest.raises(OpskitError, match="touchpoint == 'pay'"):
        journey.by_wait(engine(surveys()), walked, touchpoint="pay")


def test_surveys_about_other_things_are_left_out(engine: Any) -> None:
    both = pd.concat([surveys().assign(survey="steps"), surveys(["1", "2"], touchpoint="price").assign(survey="year")])
    kept = journey.satisfaction(journey.about_steps(engine(both), ("pay", "receive")), as_of=AS_OF)
    assert kept["touchpoint"].tolist() == ["receive"]
    assert kept["invited"].tolist() == [10]
    everything = journey.satisfaction(journey.about_steps(engine(both), ("visit", "pay")), as_of=AS_OF)
    assert set(everything["touchpoint"]) == {"receive", "price"}
    plain = surveys()
    assert journey.about_steps(plain, ("receive",)) is plain  # no column survey: nothing to tell apart
