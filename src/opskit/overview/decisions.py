"""What the overview's numbers ask for, as sentences, and the share of buyers who are active at the product's own pace."""

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import plots
from opskit.customers import until
from opskit.errors import check
from opskit.frames import collect
from opskit.overview.drivers import leading_driver
from opskit.stats import wilson

if TYPE_CHECKING:
    import pandas as pd

_NEXT_STEP = {
    ("all", "buyers", True): "More customers bought; whether new or returning ones, a longer history will tell.",
    ("all", "buyers", False): "Fewer customers bought; whether new or returning ones, a longer history will tell.",
    ("all", "orders per buyer", True): "Find which occasion is new, and offer it to those who do not know it.",
    ("all", "orders per buyer", False): "Remind buyers at the product's natural interval, not more often.",
    ("all", "value per order", True): "Check that it is not price alone: orders per buyer should hold.",
    ("all", "value per order", False): "Check discounts, refunds and the mix of products.",
    ("new", "buyers", True): "Before spending more on growth, check on the retention page that they come back.",
    ("new", "buyers", False): "Look at what brings new buyers, channel by channel, before anything else.",
    ("new", "orders per buyer", True): "Find what their first weeks had in common, and keep it.",
    ("new", "orders per buyer", False): "Read the second order on the retention page: that is where they are lost.",
    ("new", "value per order", True): "Find which offer did it, and check that these buyers come back too.",
    ("new", "value per order", False): "Check first-order discounts and the entry products.",
    ("returning", "buyers", True): "Keep what brings them back; the retention page shows since which cohort.",
    (
        "returning",
        "buyers",
        False,
    ): "Work on retention first: the retention page shows which cohort and which age leave.",
    ("returning", "orders per buyer", True): "Find which occasion is new, and offer it to those who do not know it.",
    ("returning", "orders per buyer", False): "Remind them at the product's natural interval, not more often.",
    ("returning", "value per order", True): "Check that it is not price alone: orders per buyer should hold.",
    ("returning", "value per order", False): "Check discounts, refunds and the mix of products sold to regulars.",
}


def active_share(orders: Any, *, as_of: dt.date, within_days: int, confidence: float = 0.95) -> "pd.DataFrame":
    """Share of all buyers to date who ordered within the last so many days.

    Args:
        orders: One row per order: customer_id, ordered_at.
        as_of: Last day counted.
        within_days: Length of the window that ends on as_of, e.g. the natural interval of ``customers.rhythm``.
        confidence: Coverage of the Wilson interval.

    Returns:
        One row: within_days, active, estimate, low, high, n (buyers to date).

    Assumes customers are independent of each other.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "b"], "ordered_at": pd.to_datetime(["2025-01-01", "2025-01-30"])})
    >>> active_share(orders, as_of=dt.date(2025, 1, 31), within_days=2)[["active", "estimate", "n"]].values.tolist()
    [[1.0, 0.5, 2.0]]
    """
    import pandas as pd

    check(within_days, "within_days", ge=1)
    since = dt.datetime.combine(as_of - dt.timedelta(days=within_days - 1), dt.time())
    last = until(orders, as_of=as_of)[0].group_by("customer_id").agg(nw.col("ordered_at").max())
    recent = (nw.col("ordered_at") >= since).cast(nw.Int64)
    counts = collect(last.select(nw.len().alias("n"), recent.sum().alias("active"))).iloc[0]
    n, active = int(counts["n"]), int(counts["active"])
    low, high = wilson([active], [n], confidence=confidence)
    return pd.DataFrame(
        {"within_days": [within_days], "active": active, "estimate": active / n, "low": low, "high": high, "n": n}
    )


def decisions(
    compared: "pd.DataFrame",
    drivers: "pd.DataFrame | None",
    active: "pd.DataFrame | None" = None,
    concentration: "pd.DataFrame | None" = None,
    *,
    currency: str = "",
) -> list[str]:
    """Sentences on what to do, each with the number behind it.

    Args:
        compared: Of ``compare``.
        drivers: Of ``drivers``; None when there is no earlier period.
        active: Of ``active_share``; None when the natural interval is not known.
        concentration: ``measures`` of ``customers.concentration``; None leaves it out.
        currency: Written before amounts of money.
    """
    lines = [_about_change(compared, drivers, currency), *_about_rates(compared)]
    if active is not None:
        row = active.iloc[0]
        quiet = int(row["n"] - row["active"])
        lines.append(
            f"**{quiet:,} of {int(row['n']):,} buyers** have let one natural interval ({int(row['within_days'])} days) pass "
            "without an order: the most recent of them are the first to be reminded."
        )
    top = None if concentration is None else concentration[concentration["measure"] == "top 20%"]
    if top is not None and len(top) and top["estimate"].notna().all():
        share, low, high, n = top[["estimate", "low", "high", "n"]].iloc[0]
        best = round(0.2 * n)
        lines.append(
            f"The best 20% ({best:,} buyers) bring **{plots.percent(share)}** of revenue "
            f"({plots.percent(low)} to {plots.percent(high)}): "
            + (
                "know each of them by name."
                if best <= 25
                else "lose none of them unnoticed; list them by days since the last order."
            )
        )
    return lines


def _about_change(compared: "pd.DataFrame", drivers: "pd.DataFrame | None", currency: str) -> str:
    row = next(row for row in compared.to_dict("records") if row["metric"] == "net_revenue")
    if drivers is None:
        return (
            f"Net revenue is {plots.money(row['after'], currency)}, and there is no earlier period to hold it against: "
            "**do not read a trend into it**; come back when the orders cover twice the time."
        )
    total, lead = drivers.iloc[-1], leading_driver(drivers)
    change = plots.percent(row["change"])
    span = f"{plots.percent(row['change_low'])} to {plots.percent(row['change_high'])}"
    if not (total["low"] > 0 or total["high"] < 0):
        return (
            f"Net revenue changed by {change} ({span}), **within what chance alone does**: neither celebrate nor alarm."
        )
    part = plots.money(lead["contribution"], currency)
    segment = "" if lead["segment"] == "all" else f"{lead['segment']} "
    name = f"{segment}buyers" if lead["driver"] == "buyers" else f"{lead['driver']} of {segment}buyers"
    word = "rose" if total["contribution"] > 0 else "fell"
    sure = lead["low"] > 0 or lead["high"] < 0
    step = _NEXT_STEP[lead["segment"], lead["driver"], bool(lead["contribution"] > 0)]
    unsure = "though that part alone is within chance"
    return f"Net revenue **{word}: {change}** ({span}); the largest part is {name} ({part}{'' if sure else ', ' + unsure}). {step}"


def _about_rates(compared: "pd.DataFrame") -> Iterator[str]:
    """A sentence for each rate that clearly got worse."""
    worse = {
        "new_buyers": (-1, "find which channel brings fewer."),
        "returning_share": (-1, "unless new buyers rose, fewer come back: see the retention page."),
        "refund_share": (1, "find the products and promises behind the refunds."),
        "margin_rate": (-1, "check discounts and costs before growing further."),
    }
    for row in compared.to_dict("records"):
        sign, step = worse.get(row["metric"], (0, ""))
        clear = row["change_low"] > 0 if sign > 0 else row["change_high"] < 0
        if sign and clear:
            points = row["unit"] == "share"
            size = f"{abs(100 * row['change']):.1f} points" if points else plots.percent(abs(row["change"]))
            word = "rose" if sign > 0 else "fell"
            yield f"**{row['label']} {word} by {size}** ({row['before_n']:,} and {row['after_n']:,} buyers): {step}"
