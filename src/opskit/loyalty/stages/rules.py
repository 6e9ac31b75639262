"""What each of the five stages means, in rules that can be changed, and in words for the tables that are there."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import customers, frames
from opskit.dataset import Dataset
from opskit.errors import OpskitError, check
from opskit.loyalty.journey.satisfaction import answered, numbers

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd

STAGES = ("none", "habit", "satisfaction", "affection", "loyalty")
QUESTIONS = {"nps": (7.0, 9.0), "csat": (4.0, 5.0)}  # satisfied from, promoter from
_INTERVALS = 3  # natural intervals without an order that end every habit


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When a customer stands at which stage at the end of a month.

    The stages build on each other: whoever is not in the habit stands at none, whatever the answers say.

    Attributes:
        habit_order_days: Order days so far, from which one can speak of a rhythm; at least 2.
        patience: She is in the habit while her last order is at most so many times her own mean gap ago.
        shortest_days: A silence up to this long ends no habit.
        longest_days: A longer one ends every habit.
        question: The survey's question that tells how she feels: ``nps`` (0 to 10) or ``csat`` (1 to 5).
        satisfied_from: Answer from which she is satisfied; the mean, where she gave several that day.
        promoter_from: Answer from which it is affection.
        answer_months: Month-ends, that of the month of the answer included, for which an answer counts.
        advocacy: Events by which she speaks for the shop.
        advocacy_months: Month-ends for which one of them counts.
        satisfaction_order_days: Without surveys: order days so far that stand in for satisfaction.
        affection_order_days: Without surveys: the same for affection.
        loyalty_order_days: Without events: order days so far that stand in for speaking for the shop.

    Raises:
        OpskitError: A rule is out of range, or two contradict each other.

    >>> Rules(shortest_days=90, longest_days=60)
    Traceback (most recent call last):
    opskit.errors.OpskitError: longest_days == 60, must be >= 90.
    """

    habit_order_days: int = 2
    patience: float = 2.0
    shortest_days: int = 30
    longest_days: int = 180
    question: str = "nps"
    satisfied_from: float = 7.0
    promoter_from: float = 9.0
    answer_months: int = 12
    advocacy: tuple[str, ...] = ("invite", "review", "post")
    advocacy_months: int = 12
    satisfaction_order_days: int = 3
    affection_order_days: int = 4
    loyalty_order_days: int = 5

    def __post_init__(self) -> None:
        check(self.question, "question", among=QUESTIONS)
        for name, least in (
            ("habit_order_days", 2),
            ("shortest_days", 1),
            ("answer_months", 1),
            ("advocacy_months", 1),
        ):
            _whole(getattr(self, name), name, least)
        _whole(self.longest_days, "longest_days", self.shortest_days)
        check(self.patience, "patience", gt=0, le=100)
        check(self.promoter_from, "promoter_from", ge=self.satisfied_from)
        ladder = ("habit_order_days", "satisfaction_order_days", "affection_order_days", "loyalty_order_days")
        for lower, upper in pairwise(ladder):
            _whole(getattr(self, upper), upper, getattr(self, lower))
        if isinstance(self.advocacy, str) or not self.advocacy:
            raise OpskitError(f'advocacy == {self.advocacy!r}, must be names of events: ("invite", "review").')


def _whole(value: Any, name: str, least: int) -> None:
    check(value, name, ge=least, le=3650)
    if value != int(value):
        raise OpskitError(f"{name} == {value!r}, must be a whole number.")


class Basis(NamedTuple):
    """The rules that fit a dataset, the tables they are read from, and what that means."""

    rules: Rules
    tables: dict[str, Any]  # accounts, surveys and events as far as they are there: arguments of `panel`
    meanings: "pd.DataFrame"  # stage, means, read_from
    says: str  # what is missing, and what the stages then cannot mean


def basis(ds: Dataset, *, rules: Rules | None = None, longest_days: int = 0) -> Basis:
    """Fit the rules to what a dataset can tell, and say so.

    Args:
        ds: The dataset; it needs orders.
        rules: The rules to start from; the default ones if not given.
        longest_days: A longer silence ends every habit; 0: three natural intervals between purchases, in whole months of
            30 days, where enough customers came back to see one.

    Returns:
        Rules, the tables to give `panel` beside the orders, what each stage means, and what is missing. Surveys count
        where customers answered ``nps``, else ``csat``; events where there is one of the rules' events of advocacy.

    Raises:
        OpskitError: An option is out of range, or a table lacks a column.
    """
    check(longest_days, "longest_days", ge=0)
    rules = rules or Rules()
    days = longest_days or _three_intervals(ds.orders, ds.as_of) or rules.longest_days
    rules = replace(rules, longest_days=days, shortest_days=min(rules.shortest_days, days))
    tables: dict[str, Any] = {}
    if "customers" in ds.tables and "signed_up_at" in _columns(ds.customers):
        tables["accounts"] = ds.customers
    if "surveys" in ds.tables and (question := _question(ds.surveys, ds.as_of, rules.question)):
        tables["surveys"] = ds.surveys
        if question != rules.question:
            satisfied, promoter = QUESTIONS[question]
            rules = replace(rules, question=question, satisfied_from=satisfied, promoter_from=promoter)
    if "events" in ds.tables and _speaks(ds.events, rules):
        tables["events"] = ds.events
    answers, speaks = "surveys" in tables, "events" in tables
    return Basis(rules, tables, meanings(rules, answers=answers, speaks=speaks), _says(answers, speaks))


def meanings(rules: Rules, *, answers: bool, speaks: bool) -> "pd.DataFrame":
    """What each stage means under the rules, with or without answers to surveys and events of advocacy.

    Args:
        rules: The rules.
        answers: Whether surveys tell how customers feel.
        speaks: Whether events tell who speaks for the shop.

    Returns:
        stage, means, read_from.
    """
    import pandas as pd

    def asked(least: float) -> str:
        return f"{rules.question.upper()} answer of {least:g} or more, the latest of {rules.answer_months} months"

    def bought(least: int) -> str:
        return f"{least} order days or more so far: nobody was asked"

    habit = (
        f"{rules.habit_order_days} order days or more, the last at most {rules.patience:g} of her own mean gaps ago "
        f"(at least {rules.shortest_days}, at most {rules.longest_days} days)"
    )
    speaking = f"{', '.join(rules.advocacy)} within {rules.advocacy_months} months"
    rows = [
        ("none", "no habit (any more)", "orders"),
        ("habit", habit, "orders"),
        ("satisfaction", asked(rules.satisfied_from) if answers else bought(rules.satisfaction_order_days), answers),
        ("affection", asked(rules.promoter_from) if answers else bought(rules.affection_order_days), answers),
        ("loyalty", speaking if speaks else bought(rules.loyalty_order_days), speaks),
    ]
    sources = {"satisfaction": "surveys", "affection": "surveys", "loyalty": "events"}
    return pd.DataFrame(
        [
            (stage, ("and " if stage in sources else "") + what, sources.get(stage, "orders") if known else "orders")
            for stage, what, known in rows
        ],
        columns=["stage", "means", "read_from"],
    )


def _says(answers: bool, speaks: bool) -> str:
    if answers and speaks:
        return "Habit is read from orders, satisfaction and affection from answers, loyalty from events."
    lines: list[str] = []
    if not answers:
        lines.append(
            "No survey answers: satisfaction and affection here only count order days. They say how often somebody "
            "bought, not how she feels; a table surveys (nps or csat, with customer_id and answered_at) would tell."
        )
    if not speaks:
        lines.append(
            "No events such as invite, review or post: loyalty here only counts order days. It does not say that "
            "anybody speaks for the shop; a table events would tell."
        )
    return "\n".join(lines)


def _three_intervals(orders: Any, as_of: "dt.date") -> int:
    natural = float(customers.rhythm(orders, as_of=as_of).interval["estimate"].iloc[0])
    return max(int(_INTERVALS * natural / 30 + 0.5), 1) * 30 if natural > 0 else 0


def _columns(frame: Any) -> list[str]:
    return frames.lazy(frame, table="customers").collect_schema().names()


def _question(surveys: Any, as_of: "dt.date", preferred: str) -> str:
    """The question that customers answered: the preferred one, else another known one, else none."""
    import narwhals as nw

    if not {"customer_id", "answered_at"} <= set(_columns(surveys)):
        return ""
    texts = frames.collect(answered(surveys, as_of).group_by("question", "answer").agg(nw.len().alias("n")))
    readable = {
        question: bool((numbers(question, texts.loc[texts["question"] == question, "answer"]) >= 0).any())
        for question in QUESTIONS
    }
    return next((name for name in (preferred, *QUESTIONS) if readable.get(name)), "")


def _speaks(events: Any, rules: Rules) -> bool:
    import narwhals as nw

    lf = frames.lazy(events, "customer_id", "event", "occurred_at", table="events")
    said = lf.filter(nw.col("event").is_in(rules.advocacy), ~nw.col("customer_id").is_null())
    return bool(frames.collect(said.select(nw.col("event").count().alias("n")))["n"].iloc[0])
