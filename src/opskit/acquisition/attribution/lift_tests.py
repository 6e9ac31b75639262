"""Lift tests: what a channel caused in the days in which it was kept from some by lot, beside what rules credit it with."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import frames
from opskit.acquisition.attribution.credit import credit
from opskit.acquisition.attribution.paths import RULES, count_paths
from opskit.acquisition.attribution.touches import touches
from opskit.errors import check

if TYPE_CHECKING:
    import pandas as pd

OVER, UNDER, UNTOLD = "credits too much", "credits too little", "cannot be told"


def lift(lift_tests: Any, touchpoints: Any, *, as_of: dt.date, confidence: float = 0.95) -> "pd.DataFrame":
    """What each finished test found, as a number and as a share of the conversions in its days.

    Args:
        lift_tests: Any engine's frame with channel, started_at, ended_at, incremental (conversions caused in these
            days), standard_error; spend where known.
        touchpoints: As in `count_paths`.
        as_of: Tests that ended later are not seen.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        One row per test, by channel and first day: channel, started_at, ended_at, spend, incremental, low, high; share
        (incremental over n), share_low, share_high; cost (spend per conversion caused), cost_low, cost_high; n
        (conversions in its days). The share is missing where nothing converted in these days, the cost where the
        interval does not lie above 0.

    Raises:
        OpskitError: A column is missing, as_of is no date, or the confidence is not between 0 and 1.

    Assumes the estimate is normally distributed. A test sees what comes in its days: a channel that wins customers goes
    on earning after them, so its share of all conversions ever is larger than this.
    """
    from scipy.special import ndtri

    check(confidence, "confidence", gt=0, lt=1)
    table = _finished(lift_tests, as_of)
    half = ndtri((1 + confidence) / 2) * table["standard_error"]
    table["low"], table["high"] = table["incremental"] - half, table["incremental"] + half
    table["n"] = _conversions(touchpoints, table)
    known = table["n"].where(table["n"] > 0)
    for name, column in (("share", "incremental"), ("share_low", "low"), ("share_high", "high")):
        table[name] = table[column] / known
    caused = table[["incremental", "high", "low"]].where(table["low"] > 0).to_numpy()
    table[["cost", "cost_low", "cost_high"]] = table[["spend"]].to_numpy() / caused
    columns = ["channel", "started_at", "ended_at", "spend", "incremental", "low", "high"]
    return table[[*columns, "share", "share_low", "share_high", "cost", "cost_low", "cost_high", "n"]]


def against_tests(
    lift_tests: Any,
    touchpoints: Any,
    *,
    as_of: dt.date,
    rules: Sequence[str] = RULES,
    confidence: float = 0.95,
    **options: Any,
) -> "pd.DataFrame":
    """What each rule credits to a tested channel in the days of its test, less what the test found.

    Args:
        lift_tests: As in `lift`.
        touchpoints: As in `count_paths`.
        as_of: Tests that ended later are not seen.
        rules: Which rules.
        confidence: Coverage of the intervals, between 0 and 1.
        **options: Further options of `count_paths`.

    Returns:
        One row per test and rule: channel, started_at, rule, credit (conversions, from touches in these days only),
        credit_low, credit_high, incremental, incremental_low, incremental_high, difference (credit less incremental),
        low, high, n (conversions in these days), verdict (``"credits too much"``, ``"credits too little"`` or ``"cannot be told"``). Tests in whose
        days nothing converted are left out.

    Raises:
        OpskitError: As `count_paths` and `lift`.

    Assumes the errors of credit and test are independent, and that the test and the touches count the same conversions.
    """
    import pandas as pd

    found = lift(lift_tests, touchpoints, as_of=as_of, confidence=confidence)
    parts: list[pd.DataFrame] = []
    for _, test in found[found["n"] > 0].iterrows():
        days = {"since": test["started_at"].date(), "as_of": test["ended_at"].date()}
        paths = count_paths(touchpoints, rules=rules, **days, **options)
        credited = credit(paths, confidence=confidence).set_index(["channel", "rule"])[["credit", "low", "high"]]
        # A channel without touches, such as posters, gets no credit from any rule.
        wanted = pd.MultiIndex.from_product([[test["channel"]], paths.rules], names=["channel", "rule"])
        own = credited.reindex(wanted, fill_value=0.0).reset_index()
        half = (((own["high"] - own["low"]) / 2) ** 2 + ((test["high"] - test["low"]) / 2) ** 2) ** 0.5
        own = own.rename(columns={"low": "credit_low", "high": "credit_high"})
        own.insert(1, "started_at", test["started_at"])
        own[["incremental", "incremental_low", "incremental_high"]] = test[["incremental", "low", "high"]].to_list()
        own["difference"] = own["credit"] - test["incremental"]
        parts.append(own.assign(low=own["difference"] - half, high=own["difference"] + half, n=test["n"]))
    columns = ["channel", "started_at", "rule", "credit", "credit_low", "credit_high"]
    columns += ["incremental", "incremental_low", "incremental_high", "difference", "low", "high", "n", "verdict"]
    if not parts:
        return pd.DataFrame(columns=columns)
    table = pd.concat(parts, ignore_index=True)
    table["verdict"] = UNTOLD
    table.loc[table["low"] > 0, "verdict"] = OVER
    table.loc[table["high"] < 0, "verdict"] = UNDER
    return table[columns]


def _finished(lift_tests: Any, as_of: dt.date) -> "pd.DataFrame":
    """Tests that ended by as_of, by channel and first day."""
    import pandas as pd

    needed = ("channel", "started_at", "ended_at", "incremental", "standard_error")
    lf = frames.lazy(lift_tests, *needed, table="lift_tests")
    spend = nw.col("spend").cast(nw.Float64) if "spend" in lf.collect_schema().names() else nw.lit(float("nan"))
    table = frames.collect(lf.select(*needed, spend.alias("spend")))
    for column in ("started_at", "ended_at"):
        table[column] = pd.to_datetime(table[column])
    frames.day_number(as_of)
    ended = table["ended_at"] < pd.Timestamp(as_of) + pd.Timedelta(days=1)
    return table[ended].sort_values(["channel", "started_at"], ignore_index=True)


def _conversions(touchpoints: Any, tests: "pd.DataFrame") -> list[int]:
    """Conversions in the days of each test, all counted in one scan."""
    if tests.empty:
        return []
    last = tests["ended_at"].max().date()
    day = frames.epoch_day("touched_at")
    within = {
        f"test_{place}": nw.when(
            (day >= frames.day_number(test["started_at"].date())) & (day <= frames.day_number(test["ended_at"].date()))
        )
        .then(nw.col("converted"))
        .otherwise(nw.lit(0))
        for place, test in tests.iterrows()
    }
    counted = frames.collect(touches(touchpoints, as_of=last).with_columns(**within).select(nw.col(*within).sum()))
    return [0 if value != value else int(value) for value in counted.iloc[0].tolist()]
