"""Gaps and contradictions of a plan, each by a stated rule, with the figure that breaks it and what to do."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit.errors import check, did_you_mean
from opskit.incentives.plan.audience import Audience, counts
from opskit.incentives.plan.claims import rule_of
from opskit.incentives.plan.expected import MEASURED
from opskit.incentives.plan.known import STAGES
from opskit.incentives.plan.reached import medium_key
from opskit.plots import number, percent

if TYPE_CHECKING:
    import pandas as pd

RULES = {
    "left out": "of each group of customers, most belong to some row",
    "nobody": "a row has customers",
    "over": "the last day lies after the day of the plan",
    "no KPI": "a goal has a KPI",
    "KPI not measured": "the KPI is one that the data can measure",
    "no experiment": "a row names its experiment and keeps some aside",
    "hold-out too small": "the hold-out can show the effect hoped for",
    "does not pay": "the effect hoped for brings more than it costs",
    "over the cap": "rows that fit the same customers keep to the cap of their medium together",
    "no scene": "a means has a scene in which it is redeemed",
    "out of reach": "the medium reaches most of the row's customers",
    "unknown medium": "the medium is one that contacts know",
    "two goals": "a customer of a segment has one goal at a time",
}
"""Every rule that a plan is held to, in words; a flag says that it is broken."""
WHOLE = "(the plan)"
_NEAR_HALF = 0.45


class Flag(NamedTuple):
    """A rule that is broken."""

    row: str
    flag: str
    value: str
    remedy: str


def flags(
    found: Audience,
    figures: "pd.DataFrame",
    *,
    media: "pd.Series[Any] | None" = None,
    most_out_of_reach: float = 0.2,
    most_left_out: float = 0.5,
) -> "pd.DataFrame":
    """Every rule that the plan breaks.

    Args:
        found: From `audience`.
        figures: From `expected`.
        media: Messages by medium that contacts know, from `media_used`; None or empty: not checked.
        most_out_of_reach: Share of a row's customers suppressed, opted out or without address that is too many.
        most_left_out: Share of a group of customers in no row that is too many.

    Returns:
        row, flag (a key of RULES), rule, value (the figure that breaks it), remedy; in the order of the rules, then of the rows.

    Raises:
        OpskitError: An option is out of range.
    """
    import pandas as pd

    check(most_out_of_reach, "most_out_of_reach", ge=0, le=1)
    check(most_left_out, "most_left_out", ge=0, le=1)
    rows = found.plan.merge(figures.drop(columns=["kpi"]), on="row").to_dict("records")
    raised = [
        *_left_out(found, most_left_out),
        *_nobody(found),
        *(flag for row in rows for flag in _of_row(row, found, most_out_of_reach)),
        *_over_the_cap(found),
        *_media(rows, media),
        *_two_goals(found),
    ]
    table = pd.DataFrame(raised, columns=Flag._fields)
    order = {name: place for place, name in enumerate(RULES)}
    table = table.sort_values("flag", key=lambda names: names.map(order), kind="stable", ignore_index=True)
    table.insert(2, "rule", table["flag"].map(RULES))
    return table


def _left_out(found: Audience, most: float) -> Iterator[Flag]:
    """Groups are the customers' own segments where they are known, else the stages."""
    people = found.people
    named = "segment" in people and people["segment"].notna().any()
    by = people["segment"].fillna("(none)") if named else people["stage"]
    groups = people["place"].eq(-1).groupby(by).agg(["sum", "size"])
    for group, row in groups.loc[sorted(groups.index, key=lambda one: (one not in STAGES, str(one)))].iterrows():
        if row["sum"] > most * row["size"]:
            told = (
                f"{row['sum']:,} of {row['size']:,} {group} customers ({percent(row['sum'] / row['size'])}) in no row"
            )
            remedy = (
                f"Add a row for them, or say that nothing is meant to be done: they are a group of {row['size']:,}."
            )
            yield Flag(WHOLE, "left out", told, remedy)


def _nobody(found: Audience) -> Iterator[Flag]:
    by = set(found.people["segment"].dropna()) if "segment" in found.people else set[str]()
    for at, row in counts(found).iterrows():
        plan = found.plan.iloc[int(str(at))]
        if at not in found.rows or row["people"]:
            continue
        if row["fit"]:
            told = f"{row['fit']:,} fit, all claimed by earlier rows"
            yield Flag(row["row"], "nobody", told, "Make the rules exclusive, or give the row a smaller priority.")
        elif not plan["who"] and plan["segment"] not in by:
            hint = did_you_mean(plan["segment"], map(str, by))
            told = f"no customer's segment is {plan['segment']!r}"
            yield Flag(row["row"], "nobody", told, f"Give a rule in who, or a list of customers and segments.{hint}")
        else:
            told = f"0 of {len(found.people):,} customers meet {rule_of(plan)}"
            yield Flag(row["row"], "nobody", told, "Widen the rule, or take the row out.")


def _of_row(row: dict[Any, Any], found: Audience, most_out: float) -> Iterator[Flag]:
    """What can be said of one row by itself."""
    name = row["row"]
    if row["until"] is not None and row["until"] <= found.as_of:
        yield Flag(
            name, "over", f"until {row['until']}, the plan is of {found.as_of}", "Give a later day, or take it out."
        )
    if not row["kpi"]:
        yield Flag(name, "no KPI", "kpi is empty", f"Name one of {', '.join(MEASURED)}.")
    elif row["kpi"] not in MEASURED:
        hint = did_you_mean(row["kpi"], MEASURED)
        remedy = f"Name one that incentives/experiment reads: {', '.join(MEASURED)}.{hint}"
        yield Flag(name, "KPI not measured", repr(row["kpi"]), remedy)
    if not row["experiment"] or not row["holdout"]:
        told = "experiment is empty" if not row["experiment"] else "holdout is 0"
        yield Flag(
            name, "no experiment", told, "Name the experiment and hold some out, or nobody will know what it did."
        )
    elif row["hoped"] < row["visible"] or (row["hoped"] > 0 and row["reachable"] and not row["held_out"]):
        yield _blind(row)
    if row["cost_each"] > row["worth"]:
        yield _does_not_pay(row)
    if not row["scene"]:
        yield Flag(name, "no scene", "scene is empty", f"Say where and when {row['means']!r} is redeemed.")
    if row["out_of_reach"] > most_out:
        lost = round(row["out_of_reach"] * row["people"])
        told = f"{lost:,} of {row['people']:,} ({percent(row['out_of_reach'])}) cannot be reached by {row['medium']}"
        yield Flag(
            name, "out of reach", told, f"Reach them by another medium; more than {percent(most_out)} is too many."
        )


def _blind(row: dict[Any, Any]) -> Flag:
    if not row["held_out"]:
        return Flag(
            row["row"],
            "hold-out too small",
            f"0 of {row['reachable']:,} are held out",
            "Hold out more: the group is small.",
        )
    told = (
        f"hoped for {percent(row['hoped'])}, shown from {percent(row['visible'])} with {row['to_be_sent']:,} sent and "
        f"{row['held_out']:,} held out"
    )
    rounds = max(math.ceil(row["needed"] / row["reachable"]), 2)
    more = "" if row["holdout"] > _NEAR_HALF else "hold out half, "
    remedy = (
        f"{number(row['needed'])} customers would show it: {more}pool rows that get the same, or repeat it {rounds} times and "
        "read the rounds together."
    )
    return Flag(row["row"], "hold-out too small", told, remedy)


def _does_not_pay(row: dict[Any, Any]) -> Flag:
    told = (
        f"costs {number(row['cost_each'])} a customer, brings {number(row['worth'])} ({number(row['worth_low'])} to "
        f"{number(row['worth_high'])}) if it works as hoped"
    )
    remedy = "Give less, to fewer, or only to those who would not buy anyway"
    if row["pays_from"] == row["pays_from"]:
        remedy += f"; it pays from an effect of {percent(row['pays_from'])}"
    return Flag(row["row"], "does not pay", told, f"{remedy}.")


def _over_the_cap(found: Audience) -> Iterator[Flag]:
    """Customers whom the rows of a medium, taken together, would send more than its smallest cap."""
    import numpy as np

    bits = found.people["fits"].to_numpy()
    open_rows = found.plan.iloc[found.rows]
    for medium, part in open_rows.groupby(open_rows["medium"].map(medium_key), sort=False):
        cap = part["cap"].min()
        fit = np.column_stack([bits >> int(at) & 1 for at in part.index])
        if cap != cap:
            continue
        together = fit @ part["messages"].to_numpy()
        many = (fit.sum(axis=1) > 1) & (together > cap)
        alone = part[part["messages"] > part["cap"]]
        for _, row in alone.iterrows():
            told = f"{row['messages']:g} messages, at most {row['cap']:g} in {row['cap_days']:g} days"
            yield Flag(row["row"], "over the cap", told, "Send fewer, or raise the cap: as it is, nobody gets them.")
        if many.any():
            told = f"{int(many.sum()):,} customers fit several rows by {medium}: up to {together[many].max():g} messages, cap {cap:g}"
            remedy = "Make the rules exclusive or send fewer; the list gives each customer the first row only."
            yield Flag(" + ".join(part["row"][fit[many].any(axis=0)]), "over the cap", told, remedy)


def _media(rows: list[dict[Any, Any]], media: "pd.Series[Any] | None") -> Iterator[Flag]:
    if media is None or media.empty:
        return
    have = {medium_key(str(name)): str(name) for name in media.index}
    for row in rows:
        if medium_key(row["medium"]) not in have:
            told = f"{row['medium']!r}; contacts know {', '.join(have.values())}"
            remedy = f"Spell it as contacts do, or caps and opt-outs cannot be kept.{did_you_mean(row['medium'], have.values())}"
            yield Flag(row["row"], "unknown medium", told, remedy)


def _two_goals(found: Audience) -> Iterator[Flag]:
    """Rows of one segment with different goals that fit the same customers."""
    import numpy as np

    bits = found.people["fits"].to_numpy()
    open_rows = found.plan.iloc[found.rows]
    for segment, part in open_rows.groupby("segment", sort=False):
        both = sum((bits >> int(at) & 1) for at in part.index) > 1
        if len(part) > 1 and np.any(both):
            told = f"{int(np.count_nonzero(both)):,} customers of {segment!r} fit {' and '.join(part['goal'])}"
            remedy = "One goal at a time: split the rule, or the KPI of one row holds the effect of the other."
            yield Flag(" + ".join(part["row"]), "two goals", told, remedy)
