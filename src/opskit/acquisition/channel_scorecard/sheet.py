"""The scorecard as a sheet to read: a column per channel, a figure with its interval or a word in every cell."""

from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.acquisition.channel_scorecard.scorecard import COSTS, returns

if TYPE_CHECKING:
    import pandas as pd

NO_SPEND_TABLE = "no spend table"
NO_SPEND = "no spend booked"
NO_SIGNUPS = "no sign-ups"
NO_CUSTOMERS = "no new customers"
TOO_YOUNG = "not old enough"


def sheet(card: "pd.DataFrame", days: "pd.DataFrame | None" = None, *, margin_days: int = 90) -> "pd.DataFrame":
    """The scorecard in words and rounded figures.

    Args:
        card: Of `scorecard`, by channel.
        days: Of `payback`, for the payback day.
        margin_days: As given to `scorecard`.

    Returns:
        A row per figure, a column per channel, texts: "26.0 (23.7–28.5)", or why there is no figure. Nothing that
        cannot be divided shows as a number.

    >>> import pandas as pd
    >>> card = pd.DataFrame({"channel": ["ads"], "signups": [0], "spend": [9.0], "customers": [0]})
    >>> sheet(card.assign(cost_per_signup=float("nan")))["ads"].tolist()
    ['0', '9', 'no sign-ups', 'no sign-ups']
    """
    import pandas as pd

    columns: dict[str, list[str]] = {}
    names = _names(card, margin_days)
    for row in card.to_dict("records"):
        spend = plots.number(row["spend"]) if row["spend"] else NO_SPEND
        texts = [plots.number(row["signups"]), spend if "cost_per_signup" in card else NO_SPEND_TABLE]
        texts.append(plots.number(row["customers"]) if row["customers"] else missing(row, "customers"))
        texts += [_cell(row, name) for name in names]
        if days is not None and len(days):
            texts.append(_payback(row, days))
        columns[str(row["channel"])] = texts
    index = ["sign-ups", "acquisition spend", "new customers", *names.values()]
    index += ["payback day"] if days is not None and len(days) else []
    return pd.DataFrame(columns, index=index)


def missing(row: "dict[Any, Any]", name: str) -> str:
    """Why a figure of a row of the scorecard is missing.

    >>> missing({"signups": 5, "spend": 0.0, "customers": 2, "cost_per_signup": float("nan")}, "cac")
    'no spend booked'
    """
    if not row["signups"]:
        return NO_SIGNUPS
    if name in COSTS and "cost_per_signup" not in row:
        return NO_SPEND_TABLE
    if name in COSTS and not row["spend"]:
        return NO_SPEND
    ripe = row.get("first_order_rate_n", row["customers"])
    return NO_CUSTOMERS if ripe and not row["customers"] else TOO_YOUNG


def _names(card: "pd.DataFrame", margin_days: int) -> dict[str, str]:
    names = {
        "first_order_rate": "first-order rate",
        "cost_per_signup": "spend per sign-up",
        "cac": "CAC",
        "cac_all_spend": "CAC, all spend",
    }
    names |= {name: f"back within {days} days" for days, name in returns(card).items()}
    names |= {
        "margin": f"margin by day {margin_days}, per new customer",
        "recovered": f"that margin over spend, by day {margin_days}",
        "ltv_to_cac": "lifetime value over CAC",
    }
    return {name: text for name, text in names.items() if name in card}


def _cell(row: "dict[Any, Any]", name: str) -> str:
    value = row[name]
    if value != value:
        return missing(row, name)
    share = name.startswith("back_") or name == "first_order_rate"
    text = plots.percent if share else plots.number
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{text(value)} ({text(low)} to {text(high)})" if low == low else f"{text(value)} (interval unknown)"


def _payback(row: "dict[Any, Any]", days: "pd.DataFrame") -> str:
    found = days[days["channel"] == row["channel"]]
    if found.empty or not row["signups"]:
        return missing(row, "cac")
    one = found.iloc[0]
    if not one["observed_days"]:
        return TOO_YOUNG
    if one["payback_day"] != one["payback_day"]:
        return f"not by day {one['observed_days']}: {plots.percent(one['still_missing'])} still missing"
    low, high = (f"{end:.0f}" if end == end else "later" for end in one[["low", "high"]])
    return f"{one['payback_day']:.0f} ({low} to {high})"
