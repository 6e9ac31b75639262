"""The figures on top of the page, and what they ask for: computed from whichever tables there are."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opskit import plots

if TYPE_CHECKING:
    import pandas as pd

    from opskit.loyalty.stages.times import Times

_ENDS = ("low", "high")


def key_figures(
    *,
    funnel: "pd.DataFrame",
    transitions: "pd.DataFrame",
    times: "Times",
    steady_state: "pd.DataFrame",
    values: "pd.DataFrame",
    worth: "pd.DataFrame",
    heard: "pd.DataFrame",
    scores: "pd.DataFrame | None" = None,
    trend: "pd.DataFrame | None" = None,
    unanswered: "pd.DataFrame | None" = None,
    drivers: "pd.DataFrame | None" = None,
    question: str = "nps",
    share: float = 0.01,
    currency: str = "",
) -> "pd.DataFrame":
    """The headline of the page: name, value, low, high, n and unit of what there is.

    Args:
        funnel: Of the same name.
        transitions: Of the same name.
        times: Of the same name.
        steady_state: Of the same name.
        values: Of the same name.
        worth: Of the same name, for the share.
        heard: Of the same name.
        scores: What `by_quarter` gives.
        trend: Of the same name.
        unanswered: Of the same name.
        drivers: Of the same name.
        question: The question behind the scores.
        share: Share of customers that `worth` moves.
        currency: Of the revenue.

    Returns:
        A row per figure.
    """
    import pandas as pd

    at = funnel.set_index("stage")
    moves: dict[Any, Any] = transitions.set_index(["before", "stage"]).to_dict("index")
    rows = [
        _row(
            "Customers with a habit or more",
            at.loc["habit"],
            ("reached_share", "reached_low", "reached_high"),
            "n",
            "share",
        ),
        _row("Customers at loyalty", at.loc["loyalty"], ("share", *_ENDS), "n", "share"),
        _row("Fall from habit to none in a month", moves["habit", "none"], ("probability", *_ENDS), "n", "share"),
        _row("Stay at loyalty for a month", moves["loyalty", "loyalty"], ("probability", *_ENDS), "n", "share"),
    ]
    first = times.table[(times.table["stage"] == "habit") & (times.table["months"] == 6)].iloc[0]
    rows.append(_row("Come to a habit within 6 months", first, ("share", *_ENDS), "n", "share"))
    rest = steady_state.set_index("stage").loc["none"]
    pulled = {"value": 1 - rest["steady"], "low": 1 - rest["high"], "high": 1 - rest["low"], "n": rest["n"]}
    rows.append(_row("Habit or more, where the moves pull", pulled, ("value", *_ENDS), "n", "share"))
    for stage in ("none", "habit"):
        value = values.set_index("stage").loc[stage]
        names = ("next_month", "next_month_low", "next_month_high")
        rows.append(_row(f"Next month's revenue at {stage}", value, names, "n", currency))
    for step in worth.iloc[:2].to_dict("records"):
        name = f"{100 * share:g}% moved from {step['before']} to {step['stage']}, a year"
        rows.append(_row(name, step, ("next_year", "next_year_low", "next_year_high"), "n", currency))
    return pd.DataFrame([*rows, *_said(heard, scores, trend, unanswered, drivers, question)])


def _said(
    heard: "pd.DataFrame",
    scores: "pd.DataFrame | None",
    trend: "pd.DataFrame | None",
    unanswered: "pd.DataFrame | None",
    drivers: "pd.DataFrame | None",
    question: str,
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    unit, times = ("points", 100.0) if question == "nps" else ("share", 1.0)
    if len(heard):
        silent = heard.iloc[0]
        told = {"value": 1 - silent["share"], "low": 1 - silent["high"], "high": 1 - silent["low"], "n": silent["n"]}
        rows.append(_row("In the habit, with an answer that counts", told, ("value", *_ENDS), "n", "share"))
    if scores is not None and len(scores):
        name = f"{question.upper()} of the last quarter's answers"
        rows.append(_row(name, scores.iloc[-1], ("score", *_ENDS), "answered", unit, times))
    if trend is not None and trend["low"].notna().all():
        rows.append(
            _row(f"Change of the {question.upper()} a quarter", trend.iloc[0], ("estimate", *_ENDS), "n", "points", 100)
        )
    if unanswered is not None and len(unanswered):
        asked = ("response", "response_low", "response_high")
        rows.append(_row("Answered when asked", unanswered.iloc[0], asked, "asked", "share"))
    if drivers is not None and len(drivers):
        best = drivers.iloc[0]
        name = f"Promoters, per star more for {best['touchpoint']}"
        rows.append(_row(name, best, ("points", "points_low", "points_high"), "n", "points", 100))
    return rows


def _row(name: str, found: Any, columns: tuple[str, str, str], n: str, unit: str, times: float = 1.0) -> dict[str, Any]:
    value, low, high = (float(found[column]) * times for column in columns)
    return {"name": name, "value": value, "low": low, "high": high, "n": int(found[n]), "unit": unit}


def decisions(
    *,
    falls: "pd.DataFrame",
    worth: "pd.DataFrame",
    heard: "pd.DataFrame",
    scores: "pd.DataFrame | None" = None,
    trend: "pd.DataFrame | None" = None,
    unanswered: "pd.DataFrame | None" = None,
    drivers: "pd.DataFrame | None" = None,
    question: str = "nps",
    says: str = "",
    currency: str = "",
) -> list[str]:
    """What the figures ask for, one sentence each; never empty.

    Args:
        falls: Of the same name.
        worth: Of the same name.
        heard: Of the same name.
        scores: What `by_quarter` gives.
        trend: Of the same name.
        unanswered: Of the same name.
        drivers: Of the same name.
        question: The question behind the scores.
        says: What `basis` says of missing tables.
        currency: Of the revenue.
    """
    lines = [*_hold(falls), *_move(worth, currency), *_ask(heard)]
    lines += [f"**Mind what is missing.** {line}" for line in says.splitlines() if line.startswith("No ")]
    lines += [*_read(scores, trend, unanswered, question), *_mend(drivers)]
    return lines or ["Wait: nobody has come to a stage above none yet, so that nothing can be said of any move."]


def _hold(falls: "pd.DataFrame") -> list[str]:
    if falls.empty:
        return []
    total, silent = int(falls["customers"].sum()), int(falls.loc[falls["reason"] == "fell silent", "customers"].sum())
    worst = falls.iloc[0]
    part = (
        f"{plots.percent(silent / total)} of the {total:,} falls of the last months are customers who **fell silent**"
    )
    if silent < total / 2:
        return [f"Look at **{worst['before']}**: most who fall back from there {worst['reason']}; only {part}."]
    return [
        f"Speak to customers at **{worst['before']}** before their own rhythm runs out: {part}, and at {worst['before']} "
        f"{plots.percent(worst['rate'])} do so each month."
    ]


def _move(worth: "pd.DataFrame", currency: str) -> list[str]:
    known = worth[(worth["n"] > 0) & worth["next_year_low"].notna()]
    sure = known[known["next_year_low"] > 0]
    lines: list[str] = []
    if len(sure):
        best = sure.nlargest(1, "next_year").iloc[0]
        money = [plots.money(best[f"next_year{end}"], currency) for end in ("", "_low", "_high")]
        lines.append(
            f"Test, with a control group, what brings customers from {best['before']} to **{best['stage']}**: "
            f"{plots.number(best['customers'])} customers more there go along with {money[0]} a year ({money[1]} to "
            f"{money[2]}). It is an association: those who stand there are keener by nature."
        )
    chance = known[(known["next_year_low"] <= 0) & (known["next_year_high"] >= 0) & (known["before"] != "none")]
    if len(chance):
        steps = ", ".join(f"{row['before']} to {row['stage']}" for row in chance.to_dict("records"))
        lines.append(
            f"Expect no revenue from these steps: {steps}. Customers there spend alike, as far as can be told."
        )
    return lines


def _ask(heard: "pd.DataFrame") -> list[str]:
    if heard.empty or not heard["n"].iloc[0]:
        return []
    silent = heard.iloc[0]
    if silent["low"] < 0.2:
        return []
    return [
        f"**Ask more customers**: of {plots.percent(silent['share'])} in the habit no answer counts, so they cannot stand above it."
    ]


def _read(
    scores: "pd.DataFrame | None", trend: "pd.DataFrame | None", unanswered: "pd.DataFrame | None", question: str
) -> list[str]:
    if scores is None or scores.empty:
        return []
    lines: list[str] = []
    line = trend.iloc[0] if trend is not None else None
    if line is not None and line["low"] == line["low"]:
        sure = "rises" if line["low"] > 0 else "falls" if line["high"] < 0 else ""
        change = f"{plots.number(100 * abs(line['estimate']))} points a quarter"
        words = f"**{sure}** by {change}" if sure else "shows **no trend** beyond chance"
        lines.append(
            f"The {question.upper()} of the answers {words}: keep the survey's list and wording as they are to see it go on."
        )
    if unanswered is not None and len(unanswered) > 1 and unanswered["response"].iloc[0] < 1:
        first, last = unanswered.iloc[0], unanswered.iloc[-1]
        lines.append(
            f"Do not report it as that of all customers: {plots.percent(first['response'])} answered; if the silent lie "
            f"{100 * last['silent_lower_by']:.0f} points lower, it is {100 * last['score']:.0f} and not {100 * first['score']:.0f}. "
            "Telephone some of the silent."
        )
    return lines


def _mend(drivers: "pd.DataFrame | None") -> list[str]:
    if drivers is None or drivers.empty:
        return []
    best = drivers.iloc[0]
    if not best["low"] > 0:
        return ["Single out **no touchpoint**: none goes along with recommending beyond chance."]
    return [
        f"Try to better **{best['touchpoint']}** first: a star more goes along with {100 * best['points']:.0f} points more promoters "
        f"({100 * best['points_low']:.0f} to {100 * best['points_high']:.0f}), the other touchpoints being equal."
    ]


def against(truth: Mapping[str, float], **found: Any) -> "pd.DataFrame":
    """Estimates beside what was planted, where that is known.

    Args:
        truth: Values by the names of the sample shop's truth; empty for other data.
        **found: funnel, transitions, values, times, scores, trend and drivers, as far as they are there.

    Returns:
        name, estimate, low, high, truth, inside; truth is missing and inside empty where nothing was planted.
    """
    import pandas as pd

    rows: list[tuple[str, Any, tuple[str, str, str]]] = []
    rows += [(f"stages.share.{row['stage']}", row, ("share", *_ENDS)) for row in found["funnel"].to_dict("records")]
    for row in found["transitions"].to_dict("records"):
        name = f"stages.from_{row['before']}_to.{row['stage']}"
        if name in truth or (not truth and row["before"] == row["stage"]):
            rows.append((name, row, ("probability", *_ENDS)))
    money = ("next_month", "next_month_low", "next_month_high")
    worth = found["values"].to_dict("records") if "values" in found else []
    rows += [(f"stages.next_month_revenue.{row['stage']}", row, money) for row in worth]
    habit = found["times"].table.query("stage == 'habit' and months > 3")
    rows += [
        (f"stages.habit_within.{row['months']}_months", row, ("share", *_ENDS)) for row in habit.to_dict("records")
    ]
    for name, table in (("scores", found.get("scores")), ("trend", found.get("trend"))):
        if table is not None and len(table):
            key, column = ("nps_of_those_who_answer", "score") if name == "scores" else ("nps_per_quarter", "estimate")
            rows.append((f"relationship.{key}", table.iloc[-1], (column, *_ENDS)))
    slopes = found.get("drivers")
    for row in slopes.to_dict("records") if slopes is not None else []:
        rows.append((f"relationship.weight.{row['touchpoint']}", row, ("log_odds", *_ENDS)))
    table = pd.DataFrame(
        [(name, *(float(row[column]) for column in columns)) for name, row, columns in rows],
        columns=["name", "estimate", "low", "high"],
    )
    known = table["name"].map(truth).astype(float)
    return table.assign(truth=known, inside=known.between(table["low"], table["high"]).where(known.notna(), ""))
