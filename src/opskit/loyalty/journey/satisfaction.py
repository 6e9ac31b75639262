"""Satisfaction by touchpoint, what it goes along with, and what those who did not answer leave open."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames, stats
from opskit.errors import check
from opskit.loyalty.journey.funnel import Walk
from opskit.loyalty.journey.segments import apart
from opskit.loyalty.journey.waiting import second

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SATISFIED_FROM = 4  # of five
_PROMOTERS_FROM, _DETRACTORS_TO = 9, 6
_RANGE = {"csat": (1, 5), "nps": (0, 10)}


def satisfaction(
    surveys: Any, *, as_of: dt.date, min_response: float = 0.5, confidence: float = 0.95
) -> "pd.DataFrame":
    """CSAT and NPS by touchpoint, with the range that those who did not answer leave open.

    Args:
        surveys: Any engine's frame with respondent_id, question (``csat``: 1 to 5; ``nps``: 0 to 10) and answer, a row
            without answer being an invitation without response; touchpoint and answered_at where they are known.
        as_of: Last day to count, inclusive. Invitations carry no date: at an early as_of later ones count as unanswered.
        min_response: Below this share of answers ``warning`` says so: then only the range from worst to best is sure.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        A row per question and touchpoint: question, touchpoint (``overall`` where none is named), invited, answered,
        unreadable (answers that are no number in range, counted as not given), response (answered / invited),
        response_low, response_high, score (csat: share of 4 and 5; nps: promoters' share less detractors', -1 to 1),
        low, high, worst and best (the score if all who did not answer were dissatisfied, or satisfied), warning. No row
        where neither question is asked.

    Raises:
        OpskitError: An option is out of range, or a column is missing.

    Assumes answers are independent of each other (one per customer and touchpoint), and for score, low and high that
    those who answered are like those who did not. Worst and best need no such assumption.

    Source: interval of the NPS from two Wilson intervals and their correlation, Zou & Donner (2008), "Construction of
    confidence limits about effect measures"; worst and best: Manski (1990), "Nonparametric bounds on treatment effects".

    >>> import pandas as pd
    >>> surveys = pd.DataFrame({"respondent_id": range(4), "question": "csat", "answer": ["5", "4", "2", None]})
    >>> satisfaction(surveys, as_of=dt.date(2024, 1, 31))[["invited", "answered", "score", "worst", "best"]].round(3)
       invited  answered  score  worst  best
    0        4         3  0.667    0.5  0.75
    """
    import pandas as pd

    check(min_response, "min_response", ge=0, le=1)
    frames.day_number(as_of)
    counted = frames.collect(
        asked(surveys, as_of).group_by("question", "touchpoint", "answer").agg(nw.len().alias("n"))
    )
    rows = [
        {"question": question, "touchpoint": touchpoint, **scored(str(question), part, confidence)}
        for (question, touchpoint), part in counted.groupby(["question", "touchpoint"])
    ]
    columns = ["question", "touchpoint", "invited", "answered", "unreadable", "score", "low", "high", "worst", "best"]
    table = pd.DataFrame(rows, columns=columns)
    low, high = stats.wilson(table["answered"], table["invited"], confidence=confidence)
    table.insert(5, "response", table["answered"] / table["invited"])
    table.insert(6, "response_low", low)
    table.insert(7, "response_high", high)
    few = f"under {min_response:.0%} answered"
    warning = (table["response"] < min_response).map({True: few, False: ""})
    return table.assign(warning=warning).sort_values(["question", "score"]).reset_index(drop=True)


def about_steps(surveys: Any, steps: Sequence[str]) -> Any:
    """The surveys that ask about a step of the journey; all of them where none does.

    Args:
        surveys: Any engine's frame with survey and touchpoint; without these two columns it is returned as it is.
        steps: Names of the journey's steps.

    Returns:
        The same kind of frame, without the rows of other surveys, such as a regular one about the whole relationship.
    """
    lf = frames.lazy(surveys, table="surveys")
    if not {"survey", "touchpoint"} <= set(lf.collect_schema().names()):
        return surveys
    about = lf.filter(nw.col("touchpoint").is_in(list(steps))).group_by("survey").agg(nw.len().alias("n"))
    names = sorted(frames.collect(about)["survey"].dropna())
    return frames.like(lf.filter(nw.col("survey").is_in(names)), surveys) if names else surveys


def asked(surveys: Any, as_of: dt.date) -> nw.LazyFrame[Any]:
    """Questions of satisfaction, asked and not answered, or answered on as_of or before."""
    lf = frames.lazy(surveys, "respondent_id", "question", "answer", table="surveys")
    have = lf.collect_schema().names()
    touchpoint = nw.col("touchpoint").fill_null("overall") if "touchpoint" in have else nw.lit("overall")
    if "answered_at" in have:
        lf = lf.filter(nw.col("answered_at").is_null() | customers.on_or_before(lf, as_of, "answered_at"))
    lf = lf.with_columns(
        nw.col("question").str.to_lowercase(), nw.col("answer").cast(nw.String), touchpoint.alias("touchpoint")
    )
    return lf.filter(nw.col("question").is_in(list(_RANGE)))


def scored(question: str, answers: "pd.DataFrame", confidence: float) -> dict[str, Any]:
    """Counts, score, interval and bounds of one question at one touchpoint."""
    import numpy as np

    invited, given = int(answers["n"].sum()), int(answers.loc[answers["answer"].notna(), "n"].sum())
    value, n = numbers(question, answers["answer"]), answers["n"].to_numpy(dtype=float)
    answered = int(n[np.isfinite(value)].sum())
    if question == "csat":
        happy = int(n[value >= SATISFIED_FROM].sum())
        (low,), (high,) = stats.wilson([happy], [answered], confidence=confidence)
        score, least = happy / answered if answered else np.nan, 0.0
    else:
        up, down = n[value >= _PROMOTERS_FROM].sum(), n[value <= _DETRACTORS_TO].sum()
        score, low, high = _net(float(up), float(down), answered, confidence)
        least = -1.0
    part = answered / invited
    told = score * part if answered else 0.0
    counts = {"invited": invited, "answered": answered, "unreadable": given - answered}
    return {
        **counts,
        "score": score,
        "low": low,
        "high": high,
        "worst": told + least * (1 - part),
        "best": told + 1 - part,
    }


def numbers(question: str, answers: "pd.Series[Any]") -> "np.ndarray[Any, Any]":
    """Answers as numbers; nan where one is no number within the question's range."""
    import pandas as pd

    value = pd.to_numeric(answers, errors="coerce").astype(float)
    return value.where(value.between(*_RANGE[question])).to_numpy()


def _net(up: float, down: float, n: int, confidence: float) -> tuple[float, float, float]:
    """Promoters' share less detractors', with an interval that two exclusive shares of one sample earn."""
    import numpy as np

    if not n:
        return np.nan, np.nan, np.nan
    p, d = up / n, down / n
    lows, highs = stats.wilson([up, down], [n, n], confidence=confidence)
    together = -np.sqrt(p * d / ((1 - p) * (1 - d))) if p < 1 and d < 1 else 0.0

    def reach(a: float, b: float) -> float:
        return float(np.sqrt(max(a**2 + b**2 - 2 * together * a * b, 0)))

    return p - d, p - d - reach(p - lows[0], highs[1] - d), p - d + reach(highs[0] - p, d - lows[1])


def next_orders(
    surveys: Any, orders: Any, *, as_of: dt.date, next_days: int = 60, confidence: float = 0.95
) -> "pd.DataFrame":
    """Whether the satisfied order again more often than the others, by touchpoint.

    Args:
        surveys: As for `satisfaction`, with customer_id and answered_at.
        orders: Any frame of the same engine with customer_id and ordered_at.
        as_of: Last day to count, inclusive.
        next_days: An order within so many days after the answer counts; only answers that old are used.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        A row per touchpoint asked with ``csat``: touchpoint; satisfied, satisfied_ordered, satisfied_rate with _low and
        _high; others, others_ordered, others_rate with _low and _high; difference, difference_low, difference_high,
        verdict (of the claim that the satisfied order more often). No row where answers carry no customer or time.

    Raises:
        OpskitError: An option is out of range, a column is missing, or there are no orders.

    Assumes one answer per customer and touchpoint. **An association, not an effect**: whoever likes a shop by nature both
    answers kindly and orders often. Only a change made for some and not for others tells what satisfaction does.

    Source: Newcombe (1998), method 10, for the difference.
    """
    check(next_days, "next_days", ge=1)
    answers = _stars(surveys, as_of)
    last = frames.day_number(as_of) - next_days
    known, _ = customers.until(orders, as_of=as_of)
    moment, at = nw.col("ordered_at"), nw.col("answered_at")
    again = (
        answers.join(known.select("customer_id", "ordered_at"), on="customer_id")
        .filter(moment > at, moment <= at + dt.timedelta(days=next_days))
        .group_by("customer_id", "touchpoint")
        .agg(nw.len().alias("orders"))
    )
    counted = frames.collect(
        answers.filter(frames.epoch_day("answered_at") <= last)
        .join(again, on=["customer_id", "touchpoint"], how="left")
        .with_columns((~nw.col("orders").is_null()).alias("hit"))
        .group_by("touchpoint", "satisfied", "hit")
        .agg(nw.len().alias("n"))
    )
    return _held_against(counted, "touchpoint", ("satisfied", "others"), "ordered", confidence)


def by_wait(
    surveys: Any, walked: Walk, *, touchpoint: str = "receive", slow_days: float = 10, confidence: float = 0.95
) -> "pd.DataFrame":
    """Satisfaction with a step among those who waited long for it, and among the others.

    Args:
        surveys: As for `satisfaction`, with customer_id and answered_at.
        walked: What `walk` gives, of actions in a frame of the same engine.
        touchpoint: The step, by the same name in the survey and in the journey.
        slow_days: Whoever came to it more than so many days after the step before has waited long.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        One row: touchpoint; quick, quick_satisfied, quick_rate with _low and _high; slow, slow_satisfied, slow_rate with
        _low and _high; difference (quick - slow), difference_low, difference_high, verdict (of the claim that the quick
        are satisfied more often). No row where nobody with an answer took the step.

    Raises:
        OpskitError: An option is out of range, a column is missing, or the journey has no such step.

    Assumes the answer is about the first time the customer took the step. An association: slow parcels may go to other
    people or carry other goods.
    """
    check(touchpoint, "touchpoint", among=walked.steps[1:])
    check(slow_days, "slow_days", gt=0)
    waited = walked.arrivals.filter(nw.col("step") == walked.steps.index(touchpoint)).select(
        "customer_id", (second("at") - second("before_at") <= slow_days * 86_400).alias("quick")
    )
    answers = _stars(surveys, walked.as_of).filter(nw.col("touchpoint") == touchpoint)
    counted = frames.collect(
        answers.join(waited, on="customer_id").group_by("touchpoint", "quick", "satisfied").agg(nw.len().alias("n"))
    )
    counted = counted.rename(columns={"satisfied": "hit", "quick": "satisfied"})
    return _held_against(counted, "touchpoint", ("quick", "slow"), "satisfied", confidence)


def answered(surveys: Any, as_of: dt.date) -> nw.LazyFrame[Any]:
    """What `asked` gives as far as a customer answered, and it is known when."""
    given = asked(surveys, as_of)
    return given.filter(~nw.col("answered_at").is_null(), ~nw.col("customer_id").is_null())


def _stars(surveys: Any, as_of: dt.date) -> nw.LazyFrame[Any]:
    """Answered csat questions: customer_id, touchpoint, answered_at, satisfied."""
    stars = answered(surveys, as_of).filter(nw.col("question") == "csat")
    texts = frames.collect(stars.group_by("answer").agg(nw.len().alias("n")))["answer"]
    value = dict(zip(texts, numbers("csat", texts), strict=True))
    readable = [text for text, number in value.items() if number == number]
    happy = [text for text in readable if value[text] >= SATISFIED_FROM]
    answers = stars.filter(nw.col("answer").is_in(readable))
    return answers.select("customer_id", "touchpoint", "answered_at", nw.col("answer").is_in(happy).alias("satisfied"))


def _held_against(
    counted: "pd.DataFrame", key: str, names: tuple[str, str], verb: str, confidence: float
) -> "pd.DataFrame":
    """Share with hit among the satisfied and among the others, side by side for each key."""
    import numpy as np
    import pandas as pd

    table = pd.DataFrame({key: sorted(counted[key].unique())})
    sizes = (
        counted.assign(hits=counted["n"].where(counted["hit"].astype(bool), 0))
        .groupby([key, "satisfied"])[["n", "hits"]]
        .sum()
    )
    for name, kind in zip(names, (True, False), strict=True):
        mine = sizes.reindex(pd.MultiIndex.from_product([table[key], [kind]]), fill_value=0)
        n, hits = mine["n"].to_numpy(dtype="int64"), mine["hits"].to_numpy(dtype="int64")
        low, high = stats.wilson(hits, n, confidence=confidence)
        rate = hits / np.where(n > 0, n, np.nan)
        table = table.assign(
            **{name: n, f"{name}_{verb}": hits, f"{name}_rate": rate, f"{name}_low": low, f"{name}_high": high}
        )
    a, b = names
    table = table.assign(**apart(table[f"{a}_{verb}"], table[a], table[f"{b}_{verb}"], table[b], confidence))
    bounds = zip(table["difference_low"], table["difference_high"], strict=True)
    return table.assign(verdict=[stats.verdict(low, high, at_least=0) for low, high in bounds])
