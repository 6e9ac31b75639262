"""Rules for what may earn points, applied to a log of actions: what each would take away."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import customers, frames
from opskit.errors import OpskitError, check

if TYPE_CHECKING:
    import pandas as pd

STAGES = ("ignore_repeats", "first_only", "daily_cap")
"""Rules in the order in which they are applied, whatever their order in the worksheet."""
EVERY = "*"
_COLUMNS = ("behaviour", "rule", "at_most", "minutes", "per")


class Applied(NamedTuple):
    """What rules leave of a log.

    Attributes:
        rules: rule (in words), behaviour, looked_at (actions that came to it), removed, removed_points, removed_share (of
            looked_at); in the order of application, so that nothing is counted twice.
        behaviours: behaviour, actions, points, kept, kept_points; removed and kept add up to what there was.
    """

    rules: "pd.DataFrame"
    behaviours: "pd.DataFrame"


def given_rules(worksheet: Any = None, *, at_most_a_day: int = 0, repeat_minutes: float = 0.0) -> "pd.DataFrame":
    """Rules from the worksheet point_rules, or the two plain ones for every behaviour where there is none.

    Args:
        worksheet: Any engine's frame with behaviour, rule and, as the rule needs, at_most, minutes and per; None: none.
        at_most_a_day: Without a worksheet: actions of one behaviour that count a day; 0: no such rule.
        repeat_minutes: Without a worksheet: an action on the same object so soon after the one before does not count; 0: no
            such rule.

    Returns:
        behaviour, rule, at_most, minutes, per, in the order in which they are applied.

    Raises:
        OpskitError: A rule is unknown or lacks its number.

    >>> given_rules(at_most_a_day=5)[["behaviour", "rule", "at_most"]].values.tolist()
    [['*', 'daily_cap', 5.0]]
    """
    import pandas as pd

    if worksheet is None:
        check(at_most_a_day, "at_most_a_day", ge=0)
        check(repeat_minutes, "repeat_minutes", ge=0)
        rows: list[tuple[str, str, float, float, str]] = []
        if repeat_minutes:
            rows.append((EVERY, "ignore_repeats", float("nan"), float(repeat_minutes), "object"))
        if at_most_a_day:
            rows.append((EVERY, "daily_cap", float(at_most_a_day), float("nan"), "customer"))
        return pd.DataFrame(rows, columns=list(_COLUMNS))
    lf = frames.lazy(worksheet, "behaviour", "rule", table="point_rules")
    table = frames.collect(lf)
    table = table.reindex(columns=list(_COLUMNS))
    table = table.assign(per=table["per"].fillna("customer"), place=range(len(table)))
    for row in table.to_dict("records"):
        check(row["rule"], "point_rules.rule", among=STAGES)
        check(row["per"], "point_rules.per", among=("customer", "object"))
        needed = {"daily_cap": "at_most", "ignore_repeats": "minutes"}.get(row["rule"])
        if needed and (row[needed] is None or row[needed] != row[needed]):
            raise OpskitError(f"point_rules has no {needed} for {row['rule']} of {row['behaviour']!r}. Fill it in.")
    table["stage"] = table["rule"].map({name: place for place, name in enumerate(STAGES)})
    table["every"] = table["behaviour"] == EVERY
    table = table.sort_values(["stage", "every", "behaviour", "place"], ignore_index=True)
    return table[list(_COLUMNS)].astype({"at_most": float, "minutes": float})


def apply_rules(
    log: Any,
    rules: "pd.DataFrame",
    *,
    as_of: dt.date,
    behaviour: str = "behaviour",
    at: str = "posted_at",
    objects: tuple[str, ...] = ("order_id", "object_id"),
    points: str = "points",
) -> Applied:
    """Apply rules to a log and count what each takes away.

    Repeats are ignored first, then only the first ones counted, then days capped; rules for one behaviour come before those
    for every behaviour, which look at each behaviour apart. A repeat is measured from the action before it, counted or
    not. First ones and caps count what earlier rules have left. Actions of one moment are taken by object.

    Args:
        log: Any engine's frame with customer_id, the behaviour and the time: earnings of a ledger (other kinds are left
            aside) or events.
        rules: From `given_rules`.
        as_of: Last day to count, inclusive.
        behaviour: Column of the behaviour; without it everything is one behaviour.
        at: Column of the time.
        objects: Columns that name the object together; those that are missing are left out.
        points: Column of what an action earned; without it each counts 1.

    Returns:
        What the rules leave.

    Raises:
        OpskitError: A column is missing, or as_of is no date.
    """
    rows = marked(_log(log, as_of, behaviour, at, objects, points), rules)
    counted = frames.collect(
        rows.group_by("behaviour", "gone").agg(nw.len().alias("actions"), nw.col("points").sum())
    ).sort_values(["behaviour", "gone"], ignore_index=True)
    return _report(counted, rules)


def marked(rows: nw.LazyFrame[Any], rules: "pd.DataFrame") -> nw.LazyFrame[Any]:
    """Say of every action which rule takes it away, in the order that `apply_rules` tells.

    Args:
        rows: customer_id, at (a time), behaviour, object (text, empty for none), points.
        rules: From `given_rules`.

    Returns:
        The rows with ``gone``: the place of the rule among the rules, -1 for what is kept.
    """
    order = ["at", "object", "points"]
    rows = rows.with_columns(nw.lit(-1).alias("gone"), frames.start_of(rows, "at").alias("day"))
    for place, rule in enumerate(rules.to_dict("records")):
        within = ["customer_id", "behaviour", *(["object"] if rule["per"] == "object" else [])]
        mine = nw.lit(1) == 1 if rule["behaviour"] == EVERY else nw.col("behaviour") == rule["behaviour"]
        counts = (nw.col("gone") == -1) & mine
        rows = rows.with_columns(nw.when(counts).then(nw.lit(1)).otherwise(nw.lit(0)).alias("counts"))
        if rule["rule"] == "ignore_repeats":
            before = nw.col("at").shift(1).over(*within, order_by=order).alias("before")
            rows = rows.with_columns(before)
            broken = nw.col("at") <= nw.col("before") + dt.timedelta(minutes=rule["minutes"])
        else:
            limit = 1.0 if rule["rule"] == "first_only" else rule["at_most"]
            within += ["day"] if rule["rule"] == "daily_cap" else []
            rows = rows.with_columns(nw.col("counts").cum_sum().over(*within, order_by=order).alias("number"))
            broken = nw.col("number") > limit
        taken = (nw.col("counts") == 1) & broken
        rows = rows.with_columns(nw.when(taken).then(nw.lit(place)).otherwise(nw.col("gone")).alias("gone"))
    return rows


def _log(log: Any, as_of: dt.date, behaviour: str, at: str, objects: tuple[str, ...], points: str) -> nw.LazyFrame[Any]:
    frames.day_number(as_of)
    lf = frames.lazy(log, "customer_id", at, table="points" if at == "posted_at" else "events")
    names = lf.collect_schema().names()
    lf = lf.filter(customers.on_or_before(lf, as_of, at), ~nw.col("customer_id").is_null())
    if "kind" in names and points in names:
        lf = lf.filter(nw.col("kind") == "earn", nw.col(points) > 0)
    named = [nw.col(name).cast(nw.String).fill_null("") for name in objects if name in names]
    thing = nw.concat_str(named, separator=" ") if named else nw.lit("")
    what = nw.col(behaviour).fill_null("") if behaviour in names else nw.lit("")
    worth = nw.col(points).cast(nw.Float64) if points in names else nw.lit(1.0)
    return lf.select(
        "customer_id",
        nw.col(at).cast(nw.Datetime("us")).alias("at"),
        what.alias("behaviour"),
        thing.alias("object"),
        worth.alias("points"),
    )


def _report(counted: "pd.DataFrame", rules: "pd.DataFrame") -> Applied:
    import pandas as pd

    rows: list[tuple[Any, ...]] = []
    for place, rule in enumerate(rules.to_dict("records")):
        mine = counted if rule["behaviour"] == EVERY else counted[counted["behaviour"] == rule["behaviour"]]
        came = mine[(mine["gone"] == -1) | (mine["gone"] >= place)]["actions"].sum()
        gone = mine[mine["gone"] == place]
        share = gone["actions"].sum() / came if came else float("nan")
        rows.append(
            (_words(rule), rule["behaviour"], int(came), int(gone["actions"].sum()), gone["points"].sum(), share)
        )
    columns = ["rule", "behaviour", "looked_at", "removed", "removed_points", "removed_share"]
    left = counted[counted["gone"] == -1].set_index("behaviour")
    table = counted.groupby("behaviour")[["actions", "points"]].sum()
    table["kept"] = left["actions"].reindex(table.index, fill_value=0).astype(int)
    table["kept_points"] = left["points"].reindex(table.index, fill_value=0.0)
    return Applied(pd.DataFrame(rows, columns=columns), table.reset_index())


def _words(rule: dict[Any, Any]) -> str:
    each = " of an object" if rule["per"] == "object" else ""
    if rule["rule"] == "daily_cap":
        return f"at most {rule['at_most']:g}{each} a day"
    if rule["rule"] == "first_only":
        return f"only the first{each}"
    return f"repeats{each} within {rule['minutes']:g} minutes"
