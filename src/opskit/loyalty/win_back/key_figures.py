"""The page's key figures and its decision, in words that follow from the numbers."""

from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.errors import check
from opskit.loyalty.win_back.dormancy import TIERS

if TYPE_CHECKING:
    import pandas as pd

    from opskit.loyalty.win_back.wake_list import WakeList, Worth

_ADDED, _CLAIMED = "contacts, over comebacks added", "contacts, over all"
COST_SHARE = 0.02
TABLES = ("contacts", "suppressions", "spend", "customers")  # that the page uses where they are there


def contact_cost(given: float, repaid: "pd.DataFrame", worth: "Worth") -> tuple[float, str]:
    """What one contact costs: as given, else as the contacts compared did, else a share of what an order contributes.

    Args:
        given: In the currency; 0: not given.
        repaid: From `repayment`.
        worth: From `order_worth`.

    Returns:
        The cost, and where it comes from, in words.

    Raises:
        OpskitError: It is below 0.
    """
    check(given, "contact_cost", ge=0)
    if given:
        return float(given), "as given"
    seen = float(repaid.loc[repaid["measure"] == "cost_per_contact", "estimate"].iloc[0])
    if seen > 0:
        return seen, "the mean of the contacts compared"
    return COST_SHARE * max(worth.mean, 0.0), f"{plots.percent(COST_SHARE)} of what an order contributes: an assumption"


def key_figures(
    counts: "pd.DataFrame",
    checked: "pd.DataFrame",
    measured: "pd.DataFrame",
    costs: "pd.DataFrame",
    found: "WakeList",
    total: "pd.DataFrame",
    *,
    window_days: int,
    currency: str = "",
) -> "pd.DataFrame":
    """The figures for the top of the report.

    Args:
        counts: From `tier_counts`.
        checked: From `came_back`.
        measured: From `lift`.
        costs: From `cost_per_customer`.
        found: From `wake_list`.
        total: From `expected_total`.
        window_days: Within which a customer comes back.
        currency: Of the amounts.

    Returns:
        name, value, low, high, n, unit, as `reports.headline` takes them; figures of tables that are not there are left
        out.
    """
    import numpy as np
    import pandas as pd

    everybody = int(counts["customers"].sum())
    shares = counts.set_index("tier")[["share", "low", "high"]]
    back, ratio = checked.set_index("tier"), checked[checked["tier"] == "all"].iloc[0]
    whole = measured[measured["tier"] == "all"].iloc[0]
    compared = int(whole["contacted"] + whole["held_out"])
    asleep = back.loc[TIERS[3]]
    rows: list[tuple[Any, ...]] = [
        ("Customers awake", *shares.loc[TIERS[0]], everybody, "share"),
        ("Customers asleep", *shares.loc[TIERS[3]], everybody, "share"),
        (
            f"Asleep who came back within {window_days} days",
            *asleep[["observed", "low", "high"]],
            asleep["customers"],
            "share",
        ),
        (
            "Came back, over expected",
            *(ratio[["observed", "low", "high"]] / ratio["expected"]),
            ratio["customers"],
            "",
        ),
    ]
    if whole["lift"] == whole["lift"]:
        points = 100 * whole[["lift", "low", "high"]]
        rows.append(("Comebacks added by 100 contacts", *points, compared, "customers"))
    names = {"spent to acquire": "Cost of a new customer", _CLAIMED: "Cost of a resurrected one, as reports claim"}
    names[_ADDED] = "Cost of a comeback added"
    for start, name in names.items():
        one = costs[costs["counted"].str.startswith(start) & costs["estimate"].notna()]
        rows += [(name, *line, currency) for line in one[["estimate", "low", "high", "n"]].to_numpy()]
    sent = int((found.listed["group"] == "contact").sum())
    rows.append(("Customers to contact now", sent, np.nan, np.nan, everybody, "customers"))
    if total["estimate"].notna().all() and sent:
        rows.append(
            ("Expected net value of contacting them", *total.iloc[0][["estimate", "low", "high"]], sent, currency)
        )
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])


def decisions(
    checked: "pd.DataFrame",
    measured: "pd.DataFrame",
    costs: "pd.DataFrame",
    found: "WakeList",
    total: "pd.DataFrame",
    seen: "pd.DataFrame",
    *,
    currency: str = "",
) -> list[str]:
    """What to do, one sentence a line.

    Args:
        checked: From `came_back`.
        measured: From `lift`.
        costs: From `cost_per_customer`.
        found: From `wake_list`.
        total: From `expected_total`.
        seen: From `detectable`.
        currency: Of the amounts.
    """
    return [
        _trust(checked),
        _worth_waking(measured),
        *_list(found, total, seen, measured, currency),
        _dearer(costs, currency),
    ]


def _trust(checked: "pd.DataFrame") -> str:
    whole = checked[checked["tier"] == "all"].iloc[0]
    text = f"{plots.percent(whole['observed'])} came back, {plots.percent(whole['expected'])} were expected"
    if whole["low"] <= whole["expected"] <= whole["high"]:
        return f"**The tiers can be trusted**: in the last window {text}, within chance."
    way = "More" if whole["observed"] > whole["expected"] else "Fewer"
    return f"**{way} came back than expected**: {text}. Trust the order of the tiers, not the level."


def _worth_waking(measured: "pd.DataFrame") -> str:
    whole = measured[measured["tier"] == "all"].iloc[0]
    if whole["lift"] != whole["lift"]:
        return "**What a contact adds is not known**: nobody was held out. Natural returns are known, the value of waking is not."
    points = [f"{100 * whole[name]:.1f}".replace("-", "−") for name in ("lift", "low", "high")]
    text = f"of 100 contacted, {points[0]} come back who would not have ({points[1]} to {points[2]})"
    if whole["low"] > 0:
        return f"**Contacts wake**: {text}."
    if whole["high"] < 0:
        return f"**Contacts drive away**: {text}. Stop them."
    return f"**Whether contacts wake cannot be told yet**: {text}. Keep holding out, and add waves together."


def _list(
    found: "WakeList", total: "pd.DataFrame", seen: "pd.DataFrame", measured: "pd.DataFrame", currency: str
) -> list[str]:
    sent, aside = int(seen["contacted"].iloc[0]), int(seen["held_out"].iloc[0])
    alone = int(
        found.left_out.loc[found.left_out["reason"].isin(["suppressed", "written to lately"]), "customers"].sum()
    )
    spared = f" {alone} are left alone because they asked for it or were written to lately."
    if not sent:
        return [f"**Contact nobody**: nobody can be listed.{spared}"]
    act = f"**Contact {sent} and hold out {aside}**"
    if not measured["lift"].notna().any():
        return [f"{act}: the first round is a measurement.{spared}", _next_round(seen)]
    figures = [plots.money(float(total[name].iloc[0]), currency) for name in ("estimate", "low", "high")]
    return [f"{act}: expected net value {figures[0]} ({figures[1]} to {figures[2]}).{spared}", _next_round(seen)]


def _next_round(seen: "pd.DataFrame") -> str:
    if not seen["held_out"].iloc[0]:
        return "**Hold some out**: with everybody contacted nobody will know what the contact added."
    points = f"{100 * float(seen['detectable'].iloc[0]):.1f}"
    return f"One round shows a lift from **{points} points** on; add rounds together to see less."


def _dearer(costs: "pd.DataFrame", currency: str) -> str:
    """Whether winning somebody back costs less than winning somebody new."""
    rows = {
        name: costs[costs["counted"].str.startswith(start)]
        for name, start in (("new", "spent to acquire"), ("added", _ADDED), ("claimed", _CLAIMED))
    }
    if rows["new"].empty or rows["added"].empty or rows["added"]["low"].isna().all():
        return (
            "Compare the cost of a comeback with that of a new customer once a hold-out and spend by purpose are there."
        )
    new, added = rows["new"].iloc[0], rows["added"].iloc[0]
    told = f"{_range(added, currency)} against {_range(new, currency)}"
    if added["high"] < new["low"]:
        text = f"**Waking is cheaper than winning**: a comeback added costs {told} for a new customer."
    elif added["low"] > new["high"]:
        text = f"**Waking is dearer than winning**: a comeback added costs {told} for a new customer."
    else:
        text = f"**Waking and winning cost about the same**, as far as can be told: {told} for a new customer."
    if len(rows["claimed"]):
        text += f" A report that counts every comeback would say {plots.money(float(rows['claimed']['estimate'].iloc[0]), currency)}."
    return text


def _range(row: "pd.Series[Any]", currency: str) -> str:
    low, high = (plots.number(float(row[name])) for name in ("low", "high"))
    return f"{plots.money(float(row['estimate']), currency)} ({low} to {high})"


def against_truth(measured: "pd.DataFrame", repaid: "pd.DataFrame", truth: dict[str, float]) -> "pd.DataFrame":
    """What was found about contacts beside what was planted, where that is known.

    Args:
        measured: From `lift`.
        repaid: From `repayment`.
        truth: Values by name, of a sample shop; empty for other data.

    Returns:
        figure, estimate, low, high, truth, inside (whether the interval holds the truth); empty without truth.
    """
    import pandas as pd

    whole = measured[measured["tier"] == "all"].iloc[0]
    per = repaid[repaid["measure"] == "cost_per_comeback"].iloc[0]
    found = {
        "win_back.uplift": [whole[name] - 1 for name in ("ratio", "ratio_low", "ratio_high")],
        "win_back.extra_comebacks_per_contact": [whole[name] for name in ("lift", "low", "high")],
        "win_back.cost_per_extra_comeback": [per[name] for name in ("estimate", "low", "high")],
    }
    rows = [(name, *figures, truth[name]) for name, figures in found.items() if name in truth]
    table = pd.DataFrame(rows, columns=["figure", "estimate", "low", "high", "truth"])
    return table.assign(inside=table["truth"].between(table["low"], table["high"]))
