"""Survey answers as they stand in the table: which question is meant, who was asked, who answered twice."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames
from opskit.contract import normalized
from opskit.errors import MissingTableError, OpskitError, TooLittleDataError, check, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "rank": ("ranking", "rank_needs", "排序", "排名", "需求排序"),
    "importance": ("rating", "importance_rating", "重要性", "重要程度", "重要度"),
    "prefer": ("pair", "paired_choice", "二选一", "两两比较"),
    "functional": ("with", "positive", "正向", "正向题", "具备", "有", "提供", "提供时"),
    "dysfunctional": ("without", "negative", "反向", "反向题", "不具备", "没有", "不提供", "不提供时"),
    "need": ("need_strength", "需要程度", "需求程度", "需求强度"),
    "ability_to_pay": ("can_pay", "支付能力", "能否负担", "负担能力"),
    "decided_against": ("refused", "决定不买", "考虑后放弃"),
}
"""Questions that the page reads, each with other spellings of it."""
FEWEST = 10  # respondents below which nothing is estimated
MOST_ITEMS = 200
USED, SILENT, TWICE = "used", "no response", "answered twice"


class Asked(NamedTuple):
    """Answers of one survey, one row per combination of answers."""

    patterns: "pd.DataFrame"  # a column per item (text, missing where not answered), segment, times, n
    items: tuple[str, ...]
    survey: str


def plain(text: object) -> str:
    """A text in lower case, full-width characters folded, without outer blanks.

    >>> plain(" Ａ vs B ")
    'a vs b'
    """
    return unicodedata.normalize("NFKC", str(text)).strip().lower()


def rows(surveys: Any, questions: Sequence[str], *, survey: str = "") -> tuple[nw.LazyFrame[Any], str]:
    """The answers of the one survey that asks all the questions.

    Args:
        surveys: Any engine's frame with respondent_id, survey, question, answer and, where rated or ranked, item.
        questions: Of SPELLINGS, those wanted.
        survey: Name of the survey; empty: the only one with these questions.

    Returns:
        The rows with question in the words of SPELLINGS, item and answer as text; and the survey's name.

    Raises:
        MissingTableError: No survey has the questions.
        OpskitError: Several have.
    """
    lf = frames.lazy(surveys, "respondent_id", "survey", "question", "answer", table="surveys")
    there = frames.collect(lf.group_by("survey", "question").agg(nw.len().alias("n")).sort("survey", "question"))
    found: dict[str, dict[str, str]] = {}
    for name, texts in there.groupby("survey")["question"]:
        meant = {str(text): word for text in texts for word in questions if normalized(str(text)) in _words(word)}
        if set(meant.values()) == set(questions) and survey in {"", str(name)}:
            found[str(name)] = meant
    names = sorted(map(str, there["survey"].unique()))
    if survey and survey not in names:
        raise OpskitError(f"survey == {survey!r}, must be one of {', '.join(names)}.{did_you_mean(survey, names)}")
    if len(found) != 1:
        told = " and ".join(repr(word) for word in questions)
        if found:
            raise OpskitError(f"several surveys ask {told}: {', '.join(found)}. Name one of them.")
        seen = ", ".join(map(repr, there["question"].unique()[:12]))
        raise MissingTableError(f"no survey asks {told}; the questions are {seen}.")
    ((name, meant),) = found.items()
    lf = lf.filter(nw.col("survey").cast(nw.String) == name).with_columns(_renamed(meant).alias("question"))
    texts = [nw.col(column).cast(nw.String) for column in ("answer", "item") if column in lf.collect_schema().names()]
    return lf.filter(~nw.col("question").is_null()).with_columns(*texts), name


def _words(question: str) -> set[str]:
    return {normalized(word) for word in (question, *SPELLINGS[question])}


def _renamed(meant: Mapping[str, str]) -> nw.Expr:
    """The question in the page's words, missing for any other question."""
    text = nw.col("question").cast(nw.String)
    expression = nw.lit(None, dtype=nw.String)
    for spelled, word in meant.items():
        expression = nw.when(text == spelled).then(nw.lit(word)).otherwise(expression)
    return expression


def segmented(lf: nw.LazyFrame[Any], segment: str, customers: Any) -> nw.LazyFrame[Any]:
    """The rows with a column ``segment``: their own attribute of that name, else that of the customer, else missing."""
    have = lf.collect_schema().names()
    if segment and segment in have:
        return lf.with_columns(nw.col(segment).cast(nw.String).alias("segment"))
    if not segment or customers is None or "customer_id" not in have:
        return lf.with_columns(nw.lit(None, dtype=nw.String).alias("segment"))
    of = frames.lazy(customers, "customer_id", table="customers")
    if segment not in of.collect_schema().names():
        return lf.with_columns(nw.lit(None, dtype=nw.String).alias("segment"))
    of = of.select("customer_id", nw.col(segment).cast(nw.String).alias("segment"))
    of = of.group_by("customer_id").agg(nw.col("segment").max())
    return lf.join(of, on="customer_id", how="left")


def patterns(lf: nw.LazyFrame[Any], name: str) -> Asked:
    """How often each combination of answers to the items was given, one answer per respondent and item.

    Args:
        lf: respondent_id, item, answer and segment.
        name: The survey.

    Raises:
        OpskitError: The survey has no items, or too many.
    """
    if "item" not in lf.collect_schema().names():
        raise OpskitError(f"surveys lacks 'item', so {name!r} does not say what was ranked or rated. Map it.")
    counted = frames.collect(lf.group_by("item").agg(nw.len().alias("n")))
    items = tuple(sorted(str(item) for item in counted["item"].dropna()))
    if not 2 <= len(items) <= MOST_ITEMS:
        raise OpskitError(f"{name!r} has {len(items)} different items, must be from 2 to {MOST_ITEMS}.")
    columns = [f"item_{place}" for place in range(len(items))]
    own = [
        nw.when(nw.col("item") == item).then(nw.col("answer")).alias(column)
        for item, column in zip(items, columns, strict=True)
    ]
    each = [nw.col(column).count().alias(f"times_{column}") for column in columns]
    wide = (
        lf.with_columns(*own)
        .group_by("respondent_id")
        .agg(nw.col("segment").max(), *(nw.col(column).max() for column in columns), *each)
    )
    most = nw.max_horizontal(*(nw.col(f"times_{column}").cast(nw.Int64) for column in columns)).alias("times")
    counts = wide.with_columns(most).group_by(*columns, "segment", "times").agg(nw.len().alias("n"))
    table = frames.collect(counts).rename(columns=dict(zip(columns, items, strict=True)))
    table[list(items)] = table[list(items)].astype(object).where(table[list(items)].notna(), None)
    order = table[[*items, "segment"]].fillna("").astype(str).agg("\x00".join, axis=1)
    return Asked(table.iloc[order.argsort(kind="stable")].reset_index(drop=True), items, name)


def mean(
    values: "np.ndarray[Any, Any]", times: "np.ndarray[Any, Any]", *, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Mean of values that came so many times each, with Student's interval; without bounds where all are alike.

    >>> import numpy as np
    >>> [round(number, 3) for number in mean(np.array([1.0, 2.0]), np.array([5, 5]))]
    [1.5, 1.123, 1.877]
    """
    import numpy as np
    from scipy.special import stdtrit

    check(confidence, "confidence", gt=0, lt=1)
    n = int(times.sum())
    centre = float(values @ times / n)
    spread = float(times @ (values - centre) ** 2)
    error = np.sqrt(spread / (n - 1) / n) if spread > 1e-12 else np.nan
    half = float(stdtrit(max(n - 1, 1), (1 + confidence) / 2) * error)
    return centre, centre - half, centre + half


def account(status: Sequence[str], n: Sequence[int], reasons: Sequence[str]) -> "pd.DataFrame":
    """Respondents by what became of their answers: status, respondents, share of those asked."""
    import pandas as pd

    counts = pd.Series(list(n), dtype="int64").groupby(pd.Series(list(status), dtype=object)).sum()
    counts = counts.reindex([USED, *reasons], fill_value=0)
    table = pd.DataFrame({"status": counts.index, "respondents": counts.to_numpy(dtype="int64")})
    return table.assign(share=table["respondents"] / max(int(table["respondents"].sum()), 1))


def enough(respondents: "pd.DataFrame", what: str) -> int:
    """How many respondents can be used.

    Raises:
        TooLittleDataError: They are too few to say anything, with the reasons.
    """
    counts = dict(zip(respondents["status"], respondents["respondents"], strict=True))
    used = int(counts.pop(USED))
    if used < FEWEST:
        why = ", ".join(f"{n:,} {status}" for status, n in counts.items() if n)
        raise TooLittleDataError(
            f"{used} usable answers to {what}, must be at least {FEWEST}{f' ({why})' if why else ''}. Ask more people, "
            "or check how the answers are spelled."
        )
    return used
