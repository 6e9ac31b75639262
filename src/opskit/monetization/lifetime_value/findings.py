"""The page's key figures, and what its numbers ask for, as sentences."""

from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.monetization.lifetime_value.validation import FORECASTS, RANKINGS

if TYPE_CHECKING:
    import pandas as pd

    from opskit.monetization.lifetime_value.contribution import Margin
    from opskit.monetization.lifetime_value.forecast_check import ForecastCheck
    from opskit.monetization.lifetime_value.independence import Independence
    from opskit.monetization.lifetime_value.payback import Payback

_NAN = float("nan")
_RATE = FORECASTS["own_rate"]
_GAP = "model less past spend"


def key_figures(
    total: "pd.DataFrame",
    alive: "pd.DataFrame",
    check: "ForecastCheck",
    economics: "pd.DataFrame",
    paid: "Payback",
    *,
    margin: "Margin",
    horizon_days: int,
    currency: str = "",
) -> "pd.DataFrame":
    """One row per key figure, ready for ``reports.headline``.

    Args:
        total: `lifetime_value(...).total`.
        alive: Of `customers_alive`.
        check: Of `check_forecast`.
        economics: Of `unit_economics`.
        paid: Of `payback`.
        margin: Of `margin`; where it is not known, the value is called revenue.
        horizon_days: Days ahead that the total covers.
        currency: Unit of money.

    Returns:
        name, value, low, high, n, unit; figures that rest on spend only where there is some.
    """
    import pandas as pd

    sums = total.set_index("measure")
    ahead = f"next {horizon_days} days"
    bounds = ["estimate", "low", "high", "n"]
    share = alive[["share", "share_low", "share_high", "n"]].iloc[0]
    rows: list[tuple[Any, ...]] = [
        (
            f"{'Value' if margin.known else 'Revenue'} still to come, {ahead}",
            *sums.loc["lifetime_value", bounds],
            currency,
        ),
        (f"Orders still to come, {ahead}", *sums.loc["purchases", bounds], "orders"),
        ("Customers who have not left", *share, "share"),
    ]
    for name, forecast in (("the model", "model"), ("each customer's own rate", _RATE)):
        found = accuracy(check, forecast, "error")
        rows.append((f"Total missed on the hold-out by {name}", *(100 * found[x] for x in bounds[:3]), found["n"], "%"))
    gain = accuracy(check, _RATE, "gain")
    rows.append(("Miss per customer, model less own rate", *gain[bounds], "orders"))
    for ranked_by in RANKINGS.values():
        found = captured(check, ranked_by)
        name = f"Revenue of the hold-out from the best 20% by {ranked_by}"
        rows.append((name, *found[["captured", "low", "high", "customers"]], "share"))
    rows += _cost_rows(economics, paid)
    table = pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])
    known = table[["low", "high"]].notna().all(axis=1)
    table[["low", "high"]] = table[["low", "high"]].astype(float).where(known)
    return table


def _cost_rows(economics: "pd.DataFrame", paid: "Payback") -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    columns = ["ltv_to_cac", "ltv_to_cac_low", "ltv_to_cac_high", "new_customers"]
    known = economics.dropna(subset="ltv_to_cac")
    every = known[known["group"] == "all"]
    if len(every):
        rows.append(("Value over acquisition cost, all customers", *every[columns].iloc[0], "times"))
    parts = ranked_groups(economics)
    if len(parts) > 1:
        for word, row in (("best", parts.iloc[-1]), ("worst", parts.iloc[0])):
            rows.append((f"Value over acquisition cost, {word}: {row['group']}", *row[columns], "times"))
    priced = paid.months[paid.months["cac"].notna()]
    slowest = priced[priced["group"] == parts["group"].iloc[0]] if len(parts) > 1 else priced.iloc[:0]
    shown = [*priced[priced["group"] == "all"].to_dict("records"), *slowest.to_dict("records")]
    bounds = ("months", "low", "high", "n")
    return [*rows, *((f"Month of payback, {row['group']}", *(row[x] for x in bounds), "months") for row in shown)]


def ranked_groups(economics: "pd.DataFrame") -> "pd.DataFrame":
    """Groups that have a cost and enough customers, the worst value over cost first."""
    known = economics[(economics["group"] != "all") & ~economics["small"].astype(bool)].dropna(subset="ltv_to_cac")
    return known.sort_values("ltv_to_cac", ignore_index=True)


def accuracy(check: "ForecastCheck", forecast: str, measure: str) -> "pd.Series[Any]":
    """One measure of one forecast; missing, with n = 0, where nothing could be checked."""
    import pandas as pd

    table = check.result.accuracy
    row = table[(table["forecast"] == forecast) & (table["measure"] == measure)]
    if row.empty or row["estimate"].isna().all():
        return pd.Series({"estimate": _NAN, "low": _NAN, "high": _NAN, "n": 0})
    return row.iloc[0]


def captured(check: "ForecastCheck", ranked_by: str) -> "pd.Series[Any]":
    """Share of the held-out revenue that the largest top group brought; missing where nothing could be checked."""
    import pandas as pd

    table = check.result.ranking
    row = table[table["ranked_by"] == ranked_by].tail(1)
    if row.empty or row["captured"].isna().all():
        return pd.Series({"captured": _NAN, "low": _NAN, "high": _NAN, "customers": 0})
    return row.iloc[0]


def decisions(
    total: "pd.DataFrame",
    shares: "pd.DataFrame",
    check: "ForecastCheck",
    independent: "Independence",
    economics: "pd.DataFrame",
    paid: "Payback",
    *,
    margin: "Margin",
    currency: str = "",
) -> list[str]:
    """Sentences on what to do, each with the number behind it.

    Args:
        total: `lifetime_value(...).total`.
        shares: Of `value_shares`.
        check: Of `check_forecast`.
        independent: Of `independence`.
        economics: Of `unit_economics`.
        paid: Of `payback`.
        margin: Of `margin`.
        currency: Written before amounts of money.
    """
    value, n = (float(total.set_index("measure")[column]["lifetime_value"]) for column in ("estimate", "n"))
    lines = [
        *_trust(check),
        f"The customers there are will bring about **{plots.money(value, currency)}"
        f"{'' if margin.known else ' of revenue, all costs still in it'}**, "
        f"{plots.money(value / n, currency)} each: what is spent on keeping them must stay well below that.",
    ]
    top = shares.iloc[0]
    if top["share"] > 0:
        lines.append(
            f"**{int(top['customers']):,} customers** hold {plots.percent(top['share'])} of what is to come: give each "
            "an owner, and watch the P(alive) from month to month."
        )
    if independent.correlation["verdict"].iloc[0] == "does not hold":
        word = "more" if independent.correlation["estimate"].iloc[0] > 0 else "less"
        lines.append(f"Frequent customers spend {word} an order: the **value of the best** is off; model them apart.")
    return [*lines, *_channels(economics), *_cash(paid)]


def _trust(check: "ForecastCheck") -> list[str]:
    """What the hold-out says of totals, of single customers and of rankings."""
    error, gain, gap = accuracy(check, "model", "error"), accuracy(check, _RATE, "gain"), captured(check, _GAP)
    if not error["n"]:
        return ["The forecast is **not checked** on a hold-out: use it for no decision yet that cannot be undone."]
    span = f"{plots.percent(error['estimate'])} ({plots.percent(error['low'])} to {plots.percent(error['high'])})"
    lines = [f"Totals may be planned with: on the hold-out the forecast missed by **{span}**, within chance."]
    if not error["low"] <= 0 <= error["high"]:
        word = "too low" if error["estimate"] < 0 else "too high"
        lines = [
            f"Totals come out **{word}**: the forecast missed the hold-out by {span}. Plan with that miss in mind."
        ]
    if gain["high"] < 0:
        lines[0] += " Customer by customer it beats the rule that each goes on at the own rate."
    else:
        lines[0] += (
            " Customer by customer it does **not** beat the rule that each goes on at the own rate: use that rule."
        )
    if gap["low"] > 0:
        lines.append(
            "To choose the best customers, rank by **the model**: it caught more of later revenue than past spend."
        )
    elif gap["high"] < 0:
        lines.append(
            "To choose the best customers, rank by **past spend**: it caught more of later revenue than the model."
        )
    elif gap["customers"]:
        lines.append(
            "To choose the best customers, **past spend serves as well as the model** as far as the hold-out can tell; the "
            "model adds how much is to come, and who is slipping away."
        )
    return lines


def _channels(economics: "pd.DataFrame") -> list[str]:
    parts = ranked_groups(economics)
    if parts.empty:
        return []
    losing = parts[parts["ltv_to_cac_high"] < 1]["group"].tolist()
    if losing:
        return [
            f"**{', '.join(losing)}** cost more than their customers bring: stop, or show by a test that they do more."
        ]
    worst, best = parts.iloc[0], parts.iloc[-1]
    apart = len(parts) > 1 and worst["ltv_to_cac_high"] < best["ltv_to_cac_low"]
    if not apart:
        return [
            "Groups differ in value over cost by **no more than chance** allows: do not move money between them yet."
        ]
    return [
        f"**{best['group']}** brings {best['ltv_to_cac']:.1f} times its cost, **{worst['group']}** {worst['ltv_to_cac']:.1f}"
        " times: test more of the first before cutting the second; the next customer costs more than the last."
    ]


def _cash(paid: "Payback") -> list[str]:
    priced = paid.months[paid.months["cac"].notna() & (paid.months["group"] != "all")]
    late = priced[~(priced["high"] <= 3)]["group"].tolist()
    if priced.empty:
        return []
    if not late:
        return ["Every group with a cost is paid back **within three months**: cash does not limit growth."]
    return [f"**{', '.join(late)}** may need more than three months to pay back: growth there ties up cash."]
