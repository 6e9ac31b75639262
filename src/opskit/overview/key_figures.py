"""The page's key figures in one table, ready for ``reports.headline``."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = (
    "new_buyers",
    "buyers",
    "returning_share",
    "orders_per_buyer",
    "net_revenue",
    "refund_share",
    "order_value",
    "revenue_per_buyer",
    "margin_rate",
)


def key_figures(
    totals: "pd.DataFrame",
    compared: "pd.DataFrame",
    active: "pd.DataFrame",
    concentration: "pd.DataFrame",
    *,
    period: str = "",
    currency: str = "",
) -> "pd.DataFrame":
    """One row per key figure of the three objectives.

    Args:
        totals: Of ``monthly_totals``.
        compared: Of ``compare``; its later period is the one the figures are of.
        active: Of ``active_share``.
        concentration: ``measures`` of ``customers.concentration``.
        period: What the later period is called, such as "last 3 months"; written behind the figures that are of it.
        currency: Unit of money.

    Returns:
        name, value, low, high, n (buyers), unit. Counts and sums of what happened carry no interval; ratios and the
        change do.
    """
    import pandas as pd

    to_date = int(totals["new_buyers"].sum())
    rows: list[tuple[object, ...]] = [("Buyers to date", to_date, None, None, to_date, "customers")]
    known = {row["metric"]: row for row in compared.to_dict("records")}
    for metric in (metric for metric in _SHOWN if metric in known):
        row = known[metric]
        ratio = metric not in {"new_buyers", "buyers", "net_revenue"}
        bounds = (row["after_low"], row["after_high"]) if ratio else (None, None)
        unit = currency if row["unit"] == "money" else row["unit"]
        name = f"{row['label']}, {period}" if period else row["label"]
        rows.append((name, row["after"], *bounds, row["after_n"], unit))
    change = known["net_revenue"]
    percent = [100 * change[x] for x in ("change", "change_low", "change_high")]
    rows.append(("Change of net revenue", *percent, change["change_n"], "%"))
    pace = active.iloc[0]
    rows.append(
        ("Active within one natural interval", pace["estimate"], pace["low"], pace["high"], int(pace["n"]), "share")
    )
    best = concentration[concentration["measure"] == "top 20%"].to_dict("records")
    rows += [
        ("Revenue share of the best 20%", *(top[x] for x in ("estimate", "low", "high", "n")), "share") for top in best
    ]
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])
