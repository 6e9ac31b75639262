"""Who joined a month, against who could have joined then and did not, with the same history so far."""

from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames
from opskit.errors import TooLittleDataError, check
from opskit.monetization.membership.panel import MEASURES, NEVER, Panel

if TYPE_CHECKING:
    import pandas as pd

HISTORY = {
    "orders": "orders so far",
    "recency": "months since the last order",
    "tenure": "months since the first order",
    "value": "mean order value so far",
}
_RECENCY_BREAKS = (0, 1, 2, 5)  # months since the last order: 0, 1, 2, 3 to 5, more
FEWEST_CONTROLS = 2  # in a stratum: one alone says nothing of how far its likes vary
_STEP = 1000  # classes of one characteristic, at most, in a stratum's number


class Matched(NamedTuple):
    """Members and their comparable customers, summed by stratum and jackknife group.

    Attributes:
        sides: stratum, member, group, n (customers), value and value_squared (sums of the mean order value so far),
            member_days (of members, within the window).
        sums: stratum, member, group, k (months after the month of joining) and, of every measure, the part placed
            outside the membership and inside it (spend_out, spend_in, …), plain and times the mean order value so far
            (spend_out_value, …).
        balance: characteristic, its mean among members and others at risk and among the matched (others weighted), and the
            standardized differences before and after.
        counts: who, customers.
        window_months: Months after the month of joining that are compared.
        lead_months: Months before it that are looked at.
        first_month: First month in the data.
        has_margin: Whether margin is among the measures.
    """

    sides: "pd.DataFrame"
    sums: "pd.DataFrame"
    balance: "pd.DataFrame"
    counts: "pd.DataFrame"
    window_months: int
    lead_months: int
    first_month: int
    has_margin: bool

    @property
    def members(self) -> int:
        """Members who have comparable customers."""
        return int(self.sides.loc[self.sides["member"] == 1, "n"].sum())

    @property
    def at_risk(self) -> int:
        """Members who can be followed, with or without comparable customers."""
        return int(self.counts["customers"].iloc[3:5].sum())


def match(panel: Panel, *, window_months: int = 6, lead_months: int = 12, bins: int = 3) -> Matched:
    """Match each month's new members with customers who were at risk of joining and did not.

    Risk-set matching: at the end of each calendar month, those who joined in it stand against every customer who had
    ordered by then and was no member yet. A stratum is one month and one coarsened history at its end: orders so far,
    months since the last order (and whether there were several in the month), months since the first order, and mean
    order value so far, of orders placed outside the membership. A stratum needs two controls; they are weighted to the
    members' number. Controls may join later: looking ahead to leave them out would keep those who turned idle.

    Args:
        panel: From `panel`.
        window_months: Months after the month of joining that are compared. Members who joined later than so many whole
            months ago are left out, and counted.
        lead_months: Months before joining whose spend is kept, as a check.
        bins: Classes of orders so far and of the mean order value so far, by the members' quantiles; half as many of
            tenure. More make the strata finer and leave more members without a match.

    Returns:
        Sums for `effects`, `event_study` and `money`, the balance table and the counts.

    Raises:
        OpskitError: An option is out of range.
        TooLittleDataError: Nobody joined early enough, or no member has a match.

    Assumes that among customers with the same history chance decides who joins: what drives both joining and spending,
    and is not in the orders so far, stays in the result (see `unseen`).

    Source: Li, Propert & Rosenbaum (2001), "Balanced risk set matching"; Iacus, King & Porro (2012), "Causal inference
        without balance checking: coarsened exact matching".
    """
    check(window_months, "window_months", ge=1)
    check(lead_months, "lead_months", ge=0)
    check(bins, "bins", ge=1, le=100)
    risk = _at_risk(panel, window_months)
    cuts = _cuts(risk, bins)
    if cuts is None:
        raise TooLittleDataError(
            f"window_months == {window_months}: no member joined so many whole months before the end of the data and "
            "had ordered by then. Use a shorter window."
        )
    risk = risk.with_columns(_stratum(cuts).alias("stratum"))
    cells = _cells(risk)
    sides = _comparable(cells)
    if sides.empty:
        raise TooLittleDataError(
            f"bins == {bins}: no member has {FEWEST_CONTROLS} customers with the same history who had not joined. "
            "Use fewer bins."
        )
    matched = frames.lazy(_table({"stratum": sorted(sides["stratum"].unique())}))
    rows = risk.join(matched, on="stratum")
    sums = _sums(rows, panel, lead_months, window_months)
    return Matched(
        sides[["stratum", "member", "group", "n", "value", "value_squared", "member_days"]],
        sums,
        _balance(cells, sides),
        _counts(panel, cells, sides, window_months),
        window_months,
        lead_months,
        panel.first_month,
        panel.has_margin,
    )


def _comparable(cells: "pd.DataFrame") -> "pd.DataFrame":
    """Cells of the strata with a member and enough controls."""
    controls = cells["n"].where(cells["member"] == 0, 0).groupby(cells["stratum"]).transform("sum")
    members = cells["member"].groupby(cells["stratum"]).transform("sum")
    return cells[(members > 0) & (controls >= FEWEST_CONTROLS)]


def _table(columns: dict[str, Any]) -> Any:
    import pyarrow as pa

    return pa.table(columns)


def _at_risk(panel: Panel, window_months: int) -> nw.LazyFrame[Any]:
    """A row per customer and month of joining at whose end the customer had ordered and was no member before it."""
    by_customer = {"order_by": ["month"]}
    out = {name: (nw.col(name) - nw.col(f"{name}_in")) for name in ("orders", "spend")}
    so_far = {f"{name}_out": part.cum_sum().over("customer_id", **by_customer) for name, part in out.items()}
    history = frames.lazy(panel.months).with_columns(
        nw.col("orders").cum_sum().over("customer_id", **by_customer).alias("so_far"),
        nw.col("month")
        .shift(-1)
        .over("customer_id", **by_customer)
        .fill_null(panel.last_month + 1)
        .alias("next_month"),
        *(part.alias(name) for name, part in so_far.items()),
    )
    joined = frames.lazy(panel.spells).select(nw.col("join_month").alias("at")).group_by("at").agg(nw.len().alias("_n"))
    months = joined.filter(nw.col("at") <= panel.last_month - window_months).select("at")
    recency, joins = nw.col("at") - nw.col("month"), (nw.col("join_month") == nw.col("at")).cast(nw.Int64)
    return (
        history.filter(nw.col("orders_out") > 0)
        .join(months, how="cross")
        .filter(nw.col("month") <= nw.col("at"), nw.col("next_month") > nw.col("at"))
        .filter((nw.col("join_month") == NEVER) | (nw.col("join_month") >= nw.col("at")))
        .join(_held(panel, window_months), on="customer_id", how="left")
        .select(
            *("customer_id", "group", "at"),
            joins.alias("member"),
            (nw.col("member_days").fill_null(0) * joins).cast(nw.Float64).alias("member_days"),
            nw.col("so_far").cast(nw.Float64).alias("orders"),
            ((recency == 0) & (nw.col("orders") > 1)).cast(nw.Int64).alias("several"),
            recency.cast(nw.Float64).alias("recency"),
            (nw.col("at") - nw.col("first_month")).cast(nw.Float64).alias("tenure"),
            (nw.col("spend_out") / nw.col("orders_out")).alias("value"),
        )
    )


def _cuts(risk: nw.LazyFrame[Any], bins: int) -> dict[str, list[float]] | None:
    """Breaks between classes by the members' quantiles, or None where there are no members."""
    parts = {"orders": bins, "value": bins, "tenure": max(bins // 2, 1)}
    wanted = {(name, i): i / part for name, part in parts.items() for i in range(1, part)}
    found = frames.collect(
        risk.filter(nw.col("member") == 1).select(
            nw.len().alias("n"),
            *(nw.col(name).quantile(q, "linear").alias(f"{name}_{i}") for (name, i), q in wanted.items()),
        )
    ).iloc[0]
    if not found["n"]:
        return None
    return {name: sorted({float(found[f"{name}_{i}"]) for i in range(1, part)}) for name, part in parts.items()}


def _stratum(cuts: dict[str, list[float]]) -> nw.Expr:
    """Number of the month and of the class of each characteristic."""
    breaks = {**cuts, "recency": [float(at) for at in _RECENCY_BREAKS], "several": [0.0]}
    number = nw.col("at").cast(nw.Int64)
    for name, at in breaks.items():
        above = [(nw.col(name) > cut).cast(nw.Int64) for cut in at]
        number = number * (_STEP if name in cuts else 10)
        for one in above:
            number = number + one
    return number


def month_of(stratum: Any) -> Any:
    """The calendar month of joining of a stratum's number."""
    return stratum // (_STEP**3 * 100)


def _cells(risk: nw.LazyFrame[Any]) -> "pd.DataFrame":
    """Customers at risk, with sums and sums of squares of their history, by stratum, side and group."""
    squares = [(nw.col(name) * nw.col(name)).alias(f"{name}_squared") for name in HISTORY]
    columns = [name for one in HISTORY for name in (one, f"{one}_squared")]
    found = frames.collect(
        risk.with_columns(*squares)
        .group_by("stratum", "member", "group")
        .agg(nw.len().alias("n"), *(nw.col(name).sum() for name in (*columns, "member_days")))
    )
    return found.sort_values(["stratum", "member", "group"], ignore_index=True)


def _held(panel: Panel, window_months: int) -> nw.LazyFrame[Any]:
    """Days that each member was a member for, within the months compared."""
    import numpy as np

    at = np.arange(panel.first_month - 1, panel.last_month + 1)
    opens, closes = (
        (month - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]").astype(int)
        for month in (at + 1, at + 1 + window_months)
    )
    windows = frames.lazy(_table({"join_month": at, "opens": opens, "closes": closes - 1}))
    begins = nw.max_horizontal(nw.col("start_day") + 1, nw.col("opens"))
    ends = nw.min_horizontal("end_day", "closes")
    return (
        frames.lazy(panel.spells)
        .join(windows, on="join_month")
        .with_columns((ends - begins + 1).alias("member_days"))
        .filter(nw.col("member_days") > 0)
        .group_by("customer_id")
        .agg(nw.col("member_days").sum())
    )


def _sums(rows: nw.LazyFrame[Any], panel: Panel, lead_months: int, window_months: int) -> "pd.DataFrame":
    """What the matched customers did, by months after the month of joining."""
    parts = {f"{name}_in": nw.col(f"{name}_in") for name in MEASURES}
    parts |= {f"{name}_out": nw.col(name) - nw.col(f"{name}_in") for name in MEASURES}
    later = frames.lazy(panel.months).select(
        "customer_id", "month", *(part.alias(name) for name, part in parts.items())
    )
    k = nw.col("month") - nw.col("at")
    found = frames.collect(
        rows.select("customer_id", "stratum", "member", "group", "at", "value")
        .join(later, on="customer_id")
        .with_columns(k.alias("k"), *((nw.col(name) * nw.col("value")).alias(f"{name}_value") for name in parts))
        .filter(nw.col("k") >= -lead_months, nw.col("k") <= window_months)
        .group_by("stratum", "member", "group", "k")
        .agg(*(nw.col(name).sum() for one in parts for name in (one, f"{one}_value")))
    )
    return found.sort_values(["stratum", "member", "group", "k"], ignore_index=True)


def _balance(cells: "pd.DataFrame", sides: "pd.DataFrame") -> "pd.DataFrame":
    """Means and standardized differences of the history, all customers at risk and then the weighted ones."""
    import numpy as np
    import pandas as pd

    columns = ["n", *(name for one in HISTORY for name in (one, f"{one}_squared"))]
    before = cells.groupby("member")[columns].sum()
    strata = sides.groupby(["stratum", "member"])[columns].sum()
    members, controls = strata.xs(1, level="member"), strata.xs(0, level="member")
    weighted: Any = controls.mul(members["n"] / controls["n"], axis=0).sum()
    rows: list[dict[str, Any]] = []
    for name, words in HISTORY.items():
        mean = (before[name] / before["n"]).to_numpy(dtype=float)
        variance = (before[f"{name}_squared"] / before["n"]).to_numpy(dtype=float) - mean**2
        alike = variance.mean() <= 1e-9 * (mean**2).mean()  # only rounding is left of it
        scale = float("nan") if alike else float(np.sqrt(variance.mean()))
        after = members[name].sum() / members["n"].sum(), weighted[name] / weighted["n"]
        row = {"characteristic": words, "members": mean[1], "others": mean[0]}
        row |= {"members_matched": after[0], "others_matched": after[1]}
        rows.append(row | {"before": (mean[1] - mean[0]) / scale, "after": (after[0] - after[1]) / scale})
    return pd.DataFrame(rows)


def _counts(panel: Panel, cells: "pd.DataFrame", sides: "pd.DataFrame", window_months: int) -> "pd.DataFrame":
    """For whom the comparison speaks, and for whom it does not."""
    import pandas as pd

    lf = frames.lazy(panel.spells).group_by("customer_id").agg(nw.col("join_month").min())
    late = (nw.col("join_month") > panel.last_month - window_months).cast(nw.Int64).sum()
    spells = frames.collect(lf.select(nw.len().alias("members"), late.alias("late"))).iloc[0]
    at_risk, matched = (int(table.loc[table["member"] == 1, "n"].sum()) for table in (cells, sides))
    rows = {
        "members": int(spells["members"]),
        "joined too late for the window": int(spells["late"]),
        "no order by the month of joining": int(spells["members"] - spells["late"]) - at_risk,
        "no comparable customer": at_risk - matched,
        "matched members": matched,
        "their controls (a customer counts once per month)": int(sides.loc[sides["member"] == 0, "n"].sum()),
    }
    return pd.DataFrame({"who": list(rows), "customers": list(rows.values())})
