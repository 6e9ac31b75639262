"""How much of what a channel is credited with is extra: by total outcomes, by lift tests, and by both together."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames
from opskit.acquisition.budget.curves import TOTAL, Curves
from opskit.acquisition.budget.response import Known, fit
from opskit.acquisition.budget.season import season
from opskit.acquisition.budget.series import Series, has
from opskit.errors import check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ORDERS = "orders"
COUNTED = (ORDERS, "outcomes")


class Incremental(NamedTuple):
    """Share of each channel's credited outcomes that would not have come without it.

    Attributes:
        table: One row per channel, as `incremental` returns it.
        share: Best estimate of each channel of the curves.
        draws: A row per draw, a column per channel.
    """

    table: "pd.DataFrame"
    share: "Floats"
    draws: "Floats"


def finished(lift_tests: Any, *, as_of: dt.date) -> "pd.DataFrame":
    """Tests that ended by then: channel, started_at, ended_at, caused, standard_error; none where there is no table.

    Args:
        lift_tests: Any engine's frame with channel, started_at, ended_at, incremental and standard_error; None.
        as_of: Tests that ended later are not seen.

    Raises:
        OpskitError: A column is missing.
    """
    import pandas as pd

    needed = ("channel", "started_at", "ended_at", "incremental", "standard_error")
    if lift_tests is None:
        return pd.DataFrame(columns=["channel", "started_at", "ended_at", "caused", "standard_error"])
    tests = frames.collect(frames.lazy(lift_tests, *needed, table="lift_tests").select(*needed))
    for column in ("started_at", "ended_at"):
        tests[column] = pd.to_datetime(tests[column])
    ended = tests["ended_at"] < pd.Timestamp(as_of) + pd.Timedelta(days=1)
    tests = tests[ended & (tests["standard_error"] > 0)].sort_values(["channel", "started_at"], ignore_index=True)
    return tests.rename(columns={"incremental": "caused"})


def known(found: Series, tests: "pd.DataFrame") -> list[Known]:
    """What tests say of the outcomes counted here, as `curves` takes it; tests partly outside the period left out.

    Args:
        found: Of `series`.
        tests: Of `finished`; they must count the same outcomes.
    """
    import numpy as np

    rows: list[Known] = []
    names = [str(name) for name in found.spend]
    for name, start, end, caused, error in tests.itertuples(index=False):
        first, last = np.datetime64(start, "D"), np.datetime64(end, "D")
        if name in names and first >= found.day[0] and last <= found.day[-1]:
            days = (found.day >= first) & (found.day <= last)
            rows.append(Known(names.index(name), days, float(caused), float(error)))
    return rows


def credited(
    tests: "pd.DataFrame", orders: Any, accounts: Any, *, as_of: dt.date, counts: str = ORDERS
) -> "pd.DataFrame":
    """What tests found, beside what the channel is credited with in their days.

    Args:
        tests: Of `finished`.
        orders: Any engine's frame with customer_id and ordered_at; not needed where outcomes were counted.
        accounts: customer_id, signed_up_at and channel, same engine; without them no test can be laid beside anything.
        as_of: Last day to count, inclusive.
        counts: What the tests count: "orders" (all orders in their days of those whom the channel won in their days) or
            "outcomes" (sign-ups in their days).

    Returns:
        The tests with credited (a count), share (caused over credited) and share_error; those whose channel is credited
        with nothing in their days have no row.

    Raises:
        OpskitError: A column is missing, or an option is out of range.
    """
    import numpy as np

    check(counts, "counts", among=COUNTED)
    able = has(accounts, "signed_up_at") and has(accounts, "channel") and (counts != ORDERS or orders is not None)
    if tests.empty or not able:
        return tests.iloc[:0].assign(credited=0.0, share=np.nan, share_error=np.nan)
    roster = frames.lazy(accounts, "customer_id", table="customers").select(
        "customer_id", "channel", frames.epoch_day("signed_up_at").alias("joined")
    )
    rows = roster.with_columns(nw.col("joined").alias("at"))
    if counts == ORDERS:
        lf, _ = customers.until(orders, as_of=as_of)
        rows = lf.select("customer_id", frames.epoch_day("ordered_at").alias("at")).join(roster, on="customer_id")
    within: list[nw.Expr] = []
    for place, (name, start, end) in enumerate(tests[["channel", "started_at", "ended_at"]].itertuples(index=False)):
        first, last = frames.day_number(start.date()), frames.day_number(end.date())
        own = (
            (nw.col("channel") == name) & (nw.col("joined") >= first) & (nw.col("at") >= first) & (nw.col("at") <= last)
        )
        within.append(nw.when(own).then(nw.lit(1)).otherwise(nw.lit(0)).alias(f"test_{place}"))
    counted = frames.collect(rows.select(*within).select(nw.all().sum()))
    tests = tests.assign(credited=np.nan_to_num(counted.iloc[0].to_numpy(float)))
    tests = tests[tests["credited"] > 0].reset_index(drop=True)
    return tests.assign(
        share=tests["caused"] / tests["credited"], share_error=tests["standard_error"] / tests["credited"]
    )


def incremental(
    found: Series,
    curves: Curves,
    tests: "pd.DataFrame | None" = None,
    *,
    special_days: str = "",
    seed: int = 7,
    confidence: float = 0.95,
) -> Incremental:
    """Share of the credited outcomes that are extra.

    Total outcomes are regressed on a baseline and on each channel's curve, whose shape is taken as its own outcomes gave
    it; where lift tests know the share too, both are weighted by their precision.

    Args:
        found: Of `series`.
        curves: Of `curves`.
        tests: Of `credited`; None: no tests.
        special_days: As in `season`.
        seed: Of the draws.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``table``: channel, credited (outcomes), by_total, by_tests and share, each with low and high (of by_tests missing
        without a test), extra (outcomes, share times credited), extra_low, extra_high. Curves of the total are extra as
        they are: their share is 1.

    Raises:
        OpskitError: An option is out of range.

    Assumes the share is the same at every level of spend and over time, and for the outcomes counted here and those
    that the tests counted.
    """
    import numpy as np
    import pandas as pd
    from scipy.special import ndtri

    check(confidence, "confidence", gt=0, lt=1)
    count, z = len(curves.channels), float(ndtri((1 + confidence) / 2))
    draws = curves.response_draws.shape[0]
    if curves.by == TOTAL or not count:
        return Incremental(pd.DataFrame({"channel": list(curves.channels)}), np.ones(count), np.ones((draws, count)))
    names = list(curves.channels)
    shapes = [(float(curves.fits[name].carry_over[0]), float(curves.fits[name].elasticity[0])) for name in names]
    spend = found.spend[names].to_numpy(float)
    whole = fit(found.total, spend, season=season(found.day, special_days), shapes=shapes)
    by_total, total_error = whole.response / curves.response, np.sqrt(np.diag(whole.covariance)) / curves.response
    by_tests, test_error = _of_tests(tests, names)
    precision = np.linalg.pinv(whole.covariance / np.outer(curves.response, curves.response), hermitian=True)
    of_tests = np.where(np.isfinite(by_tests), 1 / test_error**2, 0.0)
    covariance = np.linalg.pinv(precision + np.diag(of_tests), hermitian=True)
    share = covariance @ (precision @ by_total + of_tests * np.nan_to_num(by_tests))
    drawn = np.random.default_rng([seed, 1]).multivariate_normal(share, covariance, size=draws, method="svd")
    error = np.sqrt(np.diag(covariance))
    count_of = found.recorded[names].sum().to_numpy(float)
    columns: dict[str, Any] = {"channel": names, "credited": count_of.astype(int)}
    for name, value, its in (
        ("by_total", by_total, total_error), ("by_tests", by_tests, test_error), ("share", share, error),
    ):  # fmt: skip
        columns |= {name: value, f"{name}_low": value - z * its, f"{name}_high": value + z * its}
    for end in ("", "_low", "_high"):
        columns[f"extra{end}"] = columns[f"share{end}"] * count_of
    return Incremental(pd.DataFrame(columns), np.maximum(share, 0.0), np.maximum(drawn, 0.0))


def _of_tests(tests: "pd.DataFrame | None", names: list[str]) -> tuple["Floats", "Floats"]:
    """Share and its error by channel, several tests weighted by their precision."""
    import numpy as np

    share, error = np.full(len(names), np.nan), np.full(len(names), np.nan)
    if tests is not None:
        for place, name in enumerate(names):
            own = tests[tests["channel"] == name]
            weight = 1 / own["share_error"].to_numpy(float) ** 2
            if len(own):
                share[place] = (weight * own["share"].to_numpy(float)).sum() / weight.sum()
                error[place] = weight.sum() ** -0.5
    return share, error
