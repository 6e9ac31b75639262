"""Van Westendorp's price sensitivity meter: which prices people find too cheap, cheap, expensive, too expensive."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames
from opskit.errors import OpskitError, check
from opskit.monetization.pricing import answers

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

QUESTIONS = ("too_cheap", "cheap", "expensive", "too_expensive")
SPELLINGS = {
    "too_cheap": ("太便宜", "太便宜了", "过于便宜", "便宜得怀疑质量", "过低"),
    "cheap": ("bargain", "good value", "便宜", "划算", "便宜/划算", "便宜划算", "实惠"),
    "expensive": ("贵", "有点贵", "偏贵", "较贵", "贵但可以接受"),
    "too_expensive": ("太贵", "太贵了", "过于昂贵", "贵得不会买", "过高"),
}
POINTS = {
    "PMC": ("point of marginal cheapness", "not_cheap", "too_cheap"),
    "OPP": ("optimal price point", "too_expensive", "too_cheap"),
    "IDP": ("indifference price point", "expensive", "cheap"),
    "PME": ("point of marginal expensiveness", "too_expensive", "not_expensive"),
}
"""What the point is called, and the rising and the falling curve that cross there."""


class VanWestendorp(NamedTuple):
    """Points, curves and who answered."""

    points: "pd.DataFrame"  # point, name, estimate, low, high, n
    curves: "pd.DataFrame"  # price, too_cheap, cheap, not_cheap, expensive, not_expensive, too_expensive
    respondents: "pd.DataFrame"  # status, respondents, share
    survey: str


def van_westendorp(
    surveys: Any,
    *,
    survey: str = "",
    questions: Sequence[str] = QUESTIONS,
    draws: int = 1000,
    seed: int = 7,
    confidence: float = 0.95,
) -> VanWestendorp:
    """The four curves of answered prices, and the points where they cross.

    Args:
        surveys: Any engine's frame with respondent_id, survey, question and answer; a row without answer was asked and
            did not respond. Amounts may carry currency signs ("¥129").
        survey: Name of the survey; empty: the only one with these questions.
        questions: The four questions as they are spelled in the data, from too cheap to too expensive. The usual
            English and Chinese spellings of the default ones are understood.
        draws: Bootstrap samples of respondents.
        seed: Of the bootstrap.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``points``: point (PMC, OPP, IDP, PME), name, estimate, low, high (prices), n (respondents used). ``curves``: per
        answered price the share that finds it too cheap or cheap (price at or below the answer), expensive or too
        expensive (at or above), not cheap and not expensive (one less the curve). ``respondents``: status, respondents,
        share; only ``used`` ones enter. ``survey``: its name.

    Raises:
        OpskitError: The questions are not there or not four, several surveys ask them, or fewer than 10 answers are
            usable.

    Assumes nothing about demand: the points say which prices look odd, not how many would buy. Convention, one of
    several in use: PMC where "too cheap" meets "not cheap", PME where "too expensive" meets "not expensive" (van
    Westendorp's own); curves are straight between answered prices; where two lie on each other for a stretch, its
    middle counts. Used are answers with too cheap <= cheap < expensive <= too expensive, for which PMC <= OPP, IDP <= PME.

    Source: van Westendorp (1976), "NSS price sensitivity meter"; percentile bootstrap over respondents.

    >>> import pandas as pd
    >>> prices = {"too cheap": 40, "cheap": 60, "expensive": 100, "too expensive": 140}
    >>> rows = [(person, "book", q, f"¥{p + person}") for person in range(20) for q, p in prices.items()]
    >>> surveys = pd.DataFrame(rows, columns=["respondent_id", "survey", "question", "answer"])
    >>> van_westendorp(surveys).points[["point", "estimate", "n"]].round(1).values.tolist()
    [['PMC', 60.0, 20], ['OPP', 89.5, 20], ['IDP', 89.5, 20], ['PME', 119.0, 20]]
    """
    import pandas as pd

    check(confidence, "confidence", gt=0, lt=1)
    check(draws, "draws", ge=100)
    if len(questions) != 4:
        raise OpskitError(f"questions == {tuple(questions)!r}, must be four, from too cheap to too expensive.")
    rows, spelled, name = answers.rows(surveys, questions, SPELLINGS, survey=survey)
    kinds, account = _judged(frames.collect(_combinations(rows, spelled)))
    n = answers.enough(account, "the four price questions")
    grid, reached = _reached(kinds[list(QUESTIONS)].to_numpy())
    counts = kinds["n"].to_numpy()
    curves = _curves(reached, counts[None, :])
    samples = _curves(reached, answers.resampled(counts, draws=draws, seed=seed))
    points: list[dict[str, Any]] = []
    for point, (title, rising, falling) in POINTS.items():
        estimate = float(_crossings(grid, curves[rising] - curves[falling])[0])
        low, high = answers.interval(estimate, _crossings(grid, samples[rising] - samples[falling]), confidence)
        points.append({"point": point, "name": title, "estimate": estimate, "low": low, "high": high, "n": n})
    table = pd.DataFrame({"price": grid, **{curve: values[0] / n for curve, values in curves.items()}})
    return VanWestendorp(pd.DataFrame(points), table, account, name)


def _combinations(rows: nw.LazyFrame[Any], spelled: Sequence[str]) -> nw.LazyFrame[Any]:
    """How often each combination of four answers was given; the last column counts repeated answers."""
    of_each = [
        nw.when(nw.col("question") == text).then(nw.col("answer")).alias(question)
        for question, text in zip(QUESTIONS, spelled, strict=True)
    ]
    per_person = (
        rows.with_columns(*of_each)
        .group_by("respondent_id")
        .agg(
            *(nw.col(question).max() for question in QUESTIONS),
            *(nw.col(question).count().alias(f"times_{question}") for question in QUESTIONS),
        )
    )
    most = nw.max_horizontal(*(nw.col(f"times_{question}").cast(nw.Int64) for question in QUESTIONS))
    return per_person.with_columns(most.alias("times")).group_by(*QUESTIONS, "times").agg(nw.len().alias("n"))


def _judged(combinations: "pd.DataFrame") -> "tuple[pd.DataFrame, pd.DataFrame]":
    """The usable combinations as numbers, in a fixed order, and the account of all of them."""
    import numpy as np

    prices = combinations[list(QUESTIONS)].map(answers.amount)
    prices = prices.where(prices > 0)
    empty = combinations[list(QUESTIONS)].isna().all(axis=1)
    ordered = (
        (prices["too_cheap"] <= prices["cheap"])
        & (prices["cheap"] < prices["expensive"])
        & (prices["expensive"] <= prices["too_expensive"])
    )
    conditions = [empty, combinations["times"] > 1, prices.isna().any(axis=1), ~ordered]
    reasons = ["no response", "answered twice", "a price missing or unreadable", "prices out of order"]
    status = np.select(conditions, reasons, default="used")
    n = combinations["n"].groupby(status).sum().reindex(["used", *reasons], fill_value=0)
    kinds = prices.assign(n=combinations["n"])[status == "used"]
    return kinds.sort_values([*QUESTIONS], ignore_index=True), answers.account({str(k): int(v) for k, v in n.items()})


def _reached(prices: "np.ndarray[Any, Any]") -> "tuple[np.ndarray[Any, Any], list[Any]]":
    """Every answered price, and for each question a sparse matrix: combination by place of its answer among them."""
    import numpy as np
    from scipy.sparse import csr_array

    grid, place = np.unique(prices, return_inverse=True)
    place, kinds = place.reshape(prices.shape), np.arange(len(prices))
    ones = np.ones(len(prices), dtype=np.int64)
    shape = (len(prices), len(grid))
    return grid, [csr_array((ones, (kinds, place[:, column])), shape=shape) for column in range(4)]


def _curves(reached: list[Any], counts: "np.ndarray[Any, Any]") -> "dict[str, np.ndarray[Any, Any]]":
    """Respondents behind each curve at each price, a row per sample; whole numbers, so that a crossing is exact."""
    import numpy as np

    n = counts.sum(axis=1)[:, None]
    at = [(matrix.T @ counts.T).T for matrix in reached]
    up_to = [np.cumsum(each, axis=1) for each in at]
    cheap = {"too_cheap": n - up_to[0] + at[0], "cheap": n - up_to[1] + at[1]}
    dear = {"expensive": up_to[2], "too_expensive": up_to[3]}
    return {**cheap, **dear, "not_cheap": n - cheap["cheap"], "not_expensive": n - dear["expensive"]}


def _crossings(grid: "np.ndarray[Any, Any]", gap: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Where each rising row meets zero, straight lines between the prices; the middle where it rests there."""
    import numpy as np

    rows = np.arange(len(gap))
    last = len(grid) - 1

    def between(left: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
        left, right = np.clip(left, 0, last), np.clip(left + 1, 0, last)
        rise = gap[rows, right] - gap[rows, left]
        part = np.clip(-gap[rows, left] / np.where(rise == 0, 1, rise), 0, 1)
        return grid[left] + part * (grid[right] - grid[left])

    first_at_least = np.argmax(gap >= 0, axis=1) - 1
    last_at_most = last - np.argmax((gap <= 0)[:, ::-1], axis=1)
    return (between(first_at_least) + between(last_at_most)) / 2
