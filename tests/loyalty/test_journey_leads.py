import datetime as dt
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")
import matplotlib.pyplot as plt

from opskit import frames
from opskit.errors import OpskitError
from opskit.loyalty import journey

START = pd.Timestamp("2024-01-01 08:00")
AS_OF = dt.date(2024, 4, 9)  # day 99
HAND = {
    "A": {"lead": 0, "mql": 2, "sql": 5, "customer": 9},
    "B": {"lead": 0, "mql": 4, "lost": 8},
    "C": {"lead": 1, "lost": 3},
    "D": {"lead": 10, "mql": 12},
    "E": {"lead": 90},
    "F": {"lead": 20, "sql": 26},  # skips a stage
    "G": {"lead": 30, "lost": 33, "mql": 40},  # lost and taken up again
}


def leads(table: dict[str, dict[str, float]] = HAND) -> pd.DataFrame:
    rows = [(lead, stage, day) for lead, stages in table.items() for stage, day in stages.items()]
    frame = pd.DataFrame(rows, columns=["lead_id", "stage", "day"])
    frame["entered_at"] = (START + pd.to_timedelta(frame.pop("day"), unit="D")).astype("datetime64[us]")
    channel = frame["lead_id"].map(lambda name: "fair" if name < "D" else "web")
    return frame.assign(channel=channel, value=100.0)


def test_pipeline_by_hand(engine: Any) -> None:
    found = journey.pipeline(engine(leads()), as_of=AS_OF)
    table = found.stages.set_index("stage")
    assert table[["entered", "moved_on", "lost", "open"]].to_numpy().tolist() == [
        [7, 4, 2, 1],  # A, B, D and F move on; C and G are lost; E is open
        [4, 1, 1, 2],  # A moves on, B is lost, D and G are open
        [2, 1, 0, 1],  # A converts, F is open
    ]
    np.testing.assert_allclose(table.loc["lead", ["q25", "median"]].astype(float), [2, 2])  # 2, 2, 4 and 6 days
    assert table["overdue"].tolist() == [1, 2, 1]
    ageing = found.ageing.set_index(["stage", "age_from_days"])
    assert ageing["leads"].sum() == 4
    assert ageing.loc[("lead", 7), "leads"] == 1  # E, nine days
    assert ageing["value"].sum() == 400


def test_overdue_leads_are_listed(engine: Any) -> None:
    late = journey.overdue(engine(leads()), as_of=AS_OF)
    frame = frames.collect(frames.lazy(late))
    assert sorted(frame["lead_id"]) == ["D", "E", "F", "G"]
    assert (frame["days"] > frame["limit_days"]).all()
    assert dict(zip(frame["lead_id"], frame["stage"], strict=True)) == {"D": "mql", "E": "lead", "F": "sql", "G": "mql"}


def test_conversion_by_hand(engine: Any) -> None:
    table = journey.conversion(engine(leads()), as_of=AS_OF, window_days=20).set_index(["channel", "stage"])
    assert table.loc[("(all)", "mql"), ["n", "reached"]].tolist() == [6, 4]  # E is too young
    assert table.loc[("(all)", "sql"), ["n", "reached"]].tolist() == [4, 1]  # F skipped mql
    assert table.loc[("(all)", "lead to customer"), ["n", "reached"]].tolist() == [6, 1]
    assert table.loc[("fair", "lead to customer"), ["n", "reached"]].tolist() == [3, 1]
    without = journey.conversion(engine(leads().drop(columns="channel")), as_of=AS_OF, window_days=20)
    assert set(without["channel"]) == {"(all)"}


def stream(n: int, seed: int = 1, days: int = 400) -> pd.DataFrame:
    """Leads of which half become customers after 10 days on average; the others stay open for ever."""
    rng = np.random.default_rng(seed)
    rows: dict[str, dict[str, float]] = {}
    for number, at in enumerate(np.sort(rng.uniform(0, days, n))):
        rows[f"L{number:05d}"] = {"lead": at}
        if rng.random() < 0.5:
            rows[f"L{number:05d}"]["customer"] = at + rng.exponential(10)
    frame = leads(rows)
    return frame[frame["entered_at"] < (START + pd.Timedelta(days=days)).normalize()]


def test_chances_by_age_are_those_of_the_process() -> None:
    """A lead open after a days converts with chance 0.5 e^(-a/10) / (0.5 + 0.5 e^(-a/10)), and within 30 days nearly so."""
    frame = stream(4000)
    as_of = (START + pd.Timedelta(days=399)).date()
    found = journey.forecast(frame, as_of=as_of, horizon_days=30, stages=("lead", "customer"))
    wide = frame.pivot(index="lead_id", columns="stage", values="entered_at")
    waiting = wide[wide["customer"].isna()]
    age = (pd.Timestamp(as_of) - waiting["lead"].dt.normalize()) / pd.Timedelta(days=1) + 0.5
    left = np.exp(-age / 10)
    expected = (0.5 * (left - np.exp(-(age + 30) / 10)) / (0.5 + 0.5 * left)).sum()
    total = found.iloc[-1]
    assert total["open"] == len(waiting)
    assert abs(total["expected"] - expected) < 0.15 * expected
    assert total["low"] < expected < total["high"]


def test_engines_agree_on_the_forecast(engine: Any) -> None:
    frame = stream(600)
    options: dict[str, Any] = {"as_of": (START + pd.Timedelta(days=399)).date(), "stages": ("lead", "customer")}
    pd.testing.assert_frame_equal(journey.forecast(engine(frame), **options), journey.forecast(frame, **options))
    pd.testing.assert_frame_equal(journey.holdout(engine(frame), **options), journey.holdout(frame, **options))


def test_the_forecast_does_not_see_ahead() -> None:
    frame = stream(800)
    as_of = (START + pd.Timedelta(days=300)).date()
    known = frame[frame["entered_at"] < pd.Timestamp(as_of) + pd.Timedelta(days=1)]
    options: dict[str, Any] = {"as_of": as_of, "horizon_days": 30, "stages": ("lead", "customer")}
    pd.testing.assert_frame_equal(journey.forecast(frame, **options), journey.forecast(known, **options))


def test_few_precedents_make_no_forecast() -> None:
    found = journey.forecast(leads(), as_of=AS_OF, horizon_days=30)
    assert found[["expected", "low", "high"]].isna().all(axis=None)
    assert journey.holdout(leads(), as_of=AS_OF, horizon_days=30).empty
    drawn = [
        journey.plot_holdout(journey.holdout(leads(), as_of=AS_OF)),
        journey.plot_ageing(journey.pipeline(leads(), as_of=AS_OF).ageing),
        journey.plot_ageing(journey.pipeline(leads({"A": HAND["A"]}), as_of=AS_OF).ageing),
    ]
    assert all(ax.get_title(loc="left") or ax.texts for ax in drawn)
    plt.close("all")


def test_errors_say_what_is_wrong() -> None:
    with pytest.raises(OpskitError, match="leads hold none of the stages on or before 2023-01-01"):
        journey.pipeline(leads(), as_of=dt.date(2023, 1, 1))
    with pytest.raises(OpskitError, match="horizon_days == 0"):
        journey.forecast(leads(), as_of=AS_OF, horizon_days=0)
    with pytest.raises(OpskitError, match="must each be named once"):
        journey.pipeline(leads(), as_of=AS_OF, stages=("lead", "lost"))
    with pytest.raises(OpskitError, match="leads lacks 'stage'"):
        journey.pipeline(leads().rename(columns={"stage": "stag"}), as_of=AS_OF)
