"""The page's key figures, and what to do about them."""

from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.incentives.experiment.measures import MEASURES
from opskit.incentives.plan.audience import Audience
from opskit.incentives.plan.flags import WHOLE

if TYPE_CHECKING:
    import pandas as pd

_NAN = float("nan")
MOST_NAMED = 6
"""Rows whose base stands in the headline."""


def key_figures(
    found: Audience, figures: "pd.DataFrame", flags: "pd.DataFrame", *, currency: str = ""
) -> "pd.DataFrame":
    """The page's headline: name, value, low, high, n, unit.

    Args:
        found: From `audience`.
        figures: From `expected`.
        flags: From `flags`.
        currency: Of the amounts.
    """
    import pandas as pd

    everybody, rows = len(found.people), len(figures)
    people = int(figures["people"].sum())
    cost = float(figures["cost_at_most"].sum(min_count=1))
    asked = figures.dropna(subset=["hoped", "visible"])
    table: list[tuple[Any, ...]] = [
        ("Customers in a row of the plan", people, _NAN, _NAN, everybody, "customers"),
        ("Customers that get a message", int(figures["to_be_sent"].sum()), _NAN, _NAN, people, "customers"),
        ("Customers held out", int(figures["held_out"].sum()), _NAN, _NAN, people, "customers"),
        ("Customers kept back", int(figures["kept_back"].sum()), _NAN, _NAN, people, "customers"),
        ("Cost at most", float(f"{cost:.3g}"), _NAN, _NAN, int(figures["to_be_sent"].sum()), currency),
        ("Flags raised", len(flags), _NAN, _NAN, rows, "flags"),
    ]
    if len(asked):
        told = int((asked["hoped"] >= asked["visible"]).sum())
        table.append(("Hold-outs that can show what is hoped for", told, _NAN, _NAN, len(asked), ""))
    for _, row in figures[figures["base"].notna()].head(MOST_NAMED).iterrows():
        measure = MEASURES[row["kpi"]]
        unit = {"share": "share", "money": currency}.get(measure.unit, measure.unit)
        table.append(
            (f"{row['kpi'].capitalize()} without the plan: {row['row']}", *row[["base", "low", "high", "n"]], unit)
        )
    found_figures = pd.DataFrame(table, columns=["name", "value", "low", "high", "n", "unit"])
    return found_figures[(found_figures["n"] > 0) | found_figures["value"].isna()].reset_index(drop=True)


def decisions(
    found: Audience,
    figures: "pd.DataFrame",
    flags: "pd.DataFrame",
    drives: "pd.DataFrame",
    *,
    made_from_data: bool = False,
    currency: str = "",
) -> list[str]:
    """What to do, computed from the figures.

    Args:
        found: From `audience`.
        figures: From `expected`.
        flags: From `flags`.
        drives: From `drives`.
        made_from_data: Whether the plan is `default_plan`.
        currency: Of the amounts.
    """
    lines = [_of_plan(flags, made_from_data), _of_list(figures, currency)]
    lines += _of_blind(figures, flags)
    lines += _of_money(flags)
    lines += _of_left_out(flags)
    if not made_from_data:
        lines += _of_drives(drives, found)
    return lines


def _of_plan(flags: "pd.DataFrame", made_from_data: bool) -> str:
    if made_from_data:
        return (
            "This plan was **made from your data** and is only a start: `opskit template incentive_plan` writes the worksheet; say "
            "in it what each segment gets, where it is redeemed, what it costs and what you hope for."
        )
    if flags.empty:
        return "**Sign the plan**: it breaks none of the rules it was held to."
    kinds = flags["flag"].value_counts(sort=False)
    told = ", ".join(f"{name} ({count})" if count > 1 else f"{name}" for name, count in kinds.items())
    return f"Mend the plan before it is signed: **{_several(len(flags), 'flag')}**: {told}. Each says its figure and its remedy."


def _of_list(figures: "pd.DataFrame", currency: str) -> str:
    sent, aside, back = (int(figures[name].sum()) for name in ("to_be_sent", "held_out", "kept_back"))
    if not sent:
        return f"**Nobody** would get a message: {back:,} customers are kept back, {aside:,} held out."
    cost = float(figures["cost_at_most"].sum(min_count=1))
    money = f"; it costs at most {plots.money(cost, currency)}" if cost == cost else ""
    return (
        f"As it stands, **{_several(sent, 'customer')}** would get a message{money}. Keep the {aside:,} held out out of every other "
        f"campaign too, and leave the {back:,} kept back alone."
    )


def _several(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _of_blind(figures: "pd.DataFrame", flags: "pd.DataFrame") -> list[str]:
    blind = flags[flags["flag"] == "hold-out too small"]["row"]
    if blind.empty:
        return []
    rows = figures[figures["row"].isin(blind) & figures["needed"].notna() & (figures["reachable"] > 0)]
    if rows.empty:
        return ["**Hold more out**: no row keeps enough aside to show anything."]
    nearest = rows.iloc[int((rows["needed"] / rows["reachable"]).to_numpy().argmin())]
    return [
        f"Do not judge {_several(len(blind), 'row')} after one round: the **hold-out is too small** for what is hoped. Nearest is "
        f"'{nearest['row']}', which shows a rise from {plots.percent(nearest['visible'])} and hopes for "
        f"{plots.percent(nearest['hoped'])}: {plots.number(nearest['needed'])} customers over several rounds would do."
    ]


def _of_money(flags: "pd.DataFrame") -> list[str]:
    return [
        f"Change **{row['row']}**: it {row['value']}. {row['remedy']}"
        for _, row in flags[flags["flag"] == "does not pay"].head(3).iterrows()
    ]


def _of_left_out(flags: "pd.DataFrame") -> list[str]:
    left = flags[(flags["flag"] == "left out") & (flags["row"] == WHOLE)]["value"].tolist()
    return [f"Decide about those the plan **forgets**: {'; '.join(left[:3])}."] if left else []


def _of_drives(drives: "pd.DataFrame", found: Audience) -> list[str]:
    offered = drives[drives["offered"] != ""]
    if offered.empty:
        return ["Say of each means what **drives** people to it: welfare, content or function."]
    kinds = offered.groupby("segment")["drive"].nunique().reindex(found.plan["segment"].unique(), fill_value=0)
    most = offered["drive"].value_counts()
    if (kinds <= 1).all() and len(kinds) > 1:
        return [
            f"No segment is moved by more than one **drive**; {most.index[0]} stands for {most.iloc[0]} of {len(offered)} means. Try "
            "content or function where it costs less."
            if most.index[0] == "welfare"
            else f"No segment is moved by more than one **drive**; {most.index[0]} stands for {most.iloc[0]} of {len(offered)} means."
        ]
    return []
