"""What customers say of the shop, quarter by quarter, and what those who did not answer leave open."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames, stats
from opskit.errors import OpskitError, check, did_you_mean
from opskit.loyalty.journey.satisfaction import answered, numbers, satisfaction, scored
from opskit.loyalty.stages.rules import QUESTIONS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

OVERALL = "overall"
_SILENT = ("silent_lower_by", "asked", "answered", "response", "response_low", "response_high", "score", "low", "high", "worst", "best")  # fmt: skip


class Survey(NamedTuple):
    """One survey and the question in it that sums the shop up."""

    name: str  # empty where the table does not name its surveys
    question: str  # nps or csat; empty where neither was answered
    rows: Any  # its rows, in the kind of frame that was given


def choose(surveys: Any, *, as_of: dt.date, survey: str = "") -> Survey:
    """The survey to read: the one named, else the one with the most answers to ``nps``, else to ``csat``.

    Args:
        surveys: As for `opskit.loyalty.journey.satisfaction`, with customer_id and answered_at.
        as_of: Last day to count, inclusive.
        survey: Its name; empty: the one with the most answers.

    Returns:
        Name, question and rows.

    Raises:
        OpskitError: There is no survey of that name, or a column is missing.
    """
    import numpy as np

    lf = frames.lazy(surveys, "customer_id", "answered_at", table="surveys")
    named = "survey" in lf.collect_schema().names()
    by = ["survey", "question", "answer"] if named else ["question", "answer"]
    texts = frames.collect(answered(surveys, as_of).group_by(*by).agg(nw.len().alias("n")))
    if survey and (not named or survey not in set(texts["survey"])):
        have = sorted(texts["survey"].dropna().unique()) if named else []
        hint = did_you_mean(survey, have)
        raise OpskitError(
            f"survey == {survey!r}, which has no answers to nps or csat; {', '.join(map(repr, have)) or 'none'} has.{hint}"
        )
    texts["survey"] = texts["survey"].fillna("") if named else ""
    found: dict[str, pd.Series[Any]] = {}
    for question in QUESTIONS:
        part = texts[texts["question"] == question]
        part = part[~np.isnan(numbers(question, part["answer"]))]
        if len(part):
            found[question] = part.groupby("survey")["n"].sum()
    for question in QUESTIONS:
        if question in found and (not survey or survey in found[question]):
            name = survey or str(found[question].sort_index().idxmax())
            rows = frames.like(lf.filter(nw.col("survey") == name), surveys) if named and name else surveys
            return Survey(name, question, rows)
    return Survey(survey, "", surveys)


def by_quarter(survey: Survey, *, as_of: dt.date, confidence: float = 0.95) -> "pd.DataFrame":
    """NPS (or CSAT) of each quarter's answers.

    Args:
        survey: What `choose` gives.
        as_of: Last day to count, inclusive.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        quarter (its first day), complete (as_of has reached its last day), answered, happy and unhappy (shares of
        promoters and detractors; of satisfied and others), score (-1 to 1 for NPS, 0 to 1 for CSAT), low, high. No row
        for a quarter without answers.

    Raises:
        OpskitError: A column is missing, or as_of is not a date.

    Assumes one answer per customer and quarter, and for low and high that those who answered are like those who did not.

    Source: as `opskit.loyalty.journey.satisfaction`.
    """
    import pandas as pd

    cells = _cells(survey, as_of)
    rows: list[dict[str, Any]] = []
    for quarter, part in cells.groupby("quarter"):
        found = scored(survey.question, part.groupby("answer")["n"].sum().reset_index(), confidence)
        if not found["answered"]:
            continue
        happy, unhappy = (part.loc[part["sign"] == sign, "n"].sum() / found["answered"] for sign in (1, -1))
        place = int(str(quarter))
        start, end = (dt.date(at // 4, at % 4 * 3 + 1, 1) for at in (place, place + 1))
        row = {"quarter": pd.Timestamp(start), "complete": end <= as_of + dt.timedelta(days=1)}
        kept = {name: found[name] for name in ("score", "low", "high")}
        rows.append({**row, "answered": found["answered"], "happy": happy, "unhappy": unhappy, **kept})
    return pd.DataFrame(rows, columns=["quarter", "complete", "answered", "happy", "unhappy", "score", "low", "high"])


def trend(survey: Survey, *, as_of: dt.date, confidence: float = 0.95) -> "pd.DataFrame":
    """By how much the score changes a quarter: a straight line through all answers.

    Args:
        survey: What `choose` gives.
        as_of: Last day to count, inclusive.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        One row: estimate (change of the score a quarter), low, high, n (answers), quarters; missing with fewer than
        three quarters.

    Raises:
        OpskitError: A column is missing, or as_of is not a date.

    Assumes that who answers changes as little as before: more silent dissatisfied would look like progress.
    """
    import numpy as np
    import pandas as pd

    cells = _cells(survey, as_of)
    worth = cells["sign"].where(cells["sign"] >= 0, -1.0 if survey.question == "nps" else 0.0)
    cells = cells.assign(total=worth * cells["n"]).dropna(subset="sign")
    sums = cells.groupby(["quarter", "group"], as_index=False)[["n", "total"]].sum()
    quarters = sums["quarter"].nunique()

    def slope(totals: "pd.DataFrame") -> float:
        n, total, at = (np.asarray(values, dtype=float) for values in (totals["n"], totals["total"], totals.index))
        away = at - np.average(at, weights=n)
        return float(np.sum(away * total) / np.sum(n * away**2))

    found = pd.DataFrame({"estimate": [np.nan], "low": [np.nan], "high": [np.nan]})
    if quarters >= 3:
        found = stats.jackknife(sums, slope, keys=["quarter"], confidence=confidence)
    return found.assign(n=int(sums["n"].sum()), quarters=quarters)


def unanswered(
    survey: Survey, *, as_of: dt.date, lower_by: Sequence[float] = (0, 0.1, 0.2, 0.4), confidence: float = 0.95
) -> "pd.DataFrame":
    """What the score of all who were asked would be, if the silent ones thought less of the shop.

    Args:
        survey: What `choose` gives.
        as_of: Last day to count, inclusive.
        lower_by: By how much the silent ones' score may lie below that of those who answered.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        silent_lower_by, asked, answered, response with _low and _high, score (of all who were asked), low, high, and
        worst and best (the score if all the silent ones were dissatisfied, or satisfied). Over all quarters: an invitation without answer
        carries no date. No row without answers; where no invitation without answer is in the table, response is 1 and
        says nothing.

    Raises:
        OpskitError: An option is out of range.

    Assumes the difference that it names. Nothing in the answers tells which row is true: only asking the silent ones does.
    """
    import pandas as pd

    for difference in lower_by:
        check(difference, "lower_by", ge=0, le=2)
    told = satisfaction(survey.rows, as_of=as_of, confidence=confidence)
    told = told[(told["question"] == survey.question) & told["score"].notna()]
    told = told[told["touchpoint"] == OVERALL] if OVERALL in set(told["touchpoint"]) else told
    if told.empty:
        return pd.DataFrame(columns=list(_SILENT))
    row, least = told.iloc[0], -1.0 if survey.question == "nps" else 0.0
    silent = 1 - row["response"]
    rows = [
        {
            "silent_lower_by": difference,
            "asked": int(row["invited"]),
            "answered": int(row["answered"]),
            **{name: row[name] for name in ("response", "response_low", "response_high")},
            # The silent ones' own score cannot fall below the least.
            **{name: row["response"] * row[name] + silent * max(row[name] - difference, least) for name in ("score", "low", "high")},
            "worst": row["worst"],
            "best": row["best"],
        }
        for difference in lower_by
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _cells(survey: Survey, as_of: dt.date) -> "pd.DataFrame":
    """Answers counted: quarter (4 * year + quarter), group of customers, answer, n, and sign (1 happy, -1 unhappy)."""
    lf = answered(survey.rows, as_of).filter(nw.col("question") == survey.question)
    touchpoints = frames.collect(lf.group_by("touchpoint").agg(nw.len().alias("n")))["touchpoint"]
    if OVERALL in set(touchpoints):
        lf = lf.filter(nw.col("touchpoint") == OVERALL)
    dated = lf.select("customer_id", "answer", (frames.month_index("answered_at") // 3).alias("quarter"))
    grouped = stats.assign_groups(dated).group_by("quarter", "group", "answer").agg(nw.len().alias("n"))
    cells = frames.collect(grouped).sort_values(["quarter", "group", "answer"], ignore_index=True)
    return cells.assign(sign=signs(survey.question, cells["answer"]))


def signs(question: str, answers: "pd.Series[Any]") -> "np.ndarray[Any, Any]":
    """1 for promoters or satisfied, -1 for detractors or not satisfied, 0 for passives, nan where unreadable."""
    import numpy as np

    value = numbers(question, answers)
    low, high = (6, 9) if question == "nps" else (3, 4)
    return np.where(np.isnan(value), np.nan, np.where(value >= high, 1.0, np.where(value <= low, -1.0, 0.0)))
