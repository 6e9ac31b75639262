"""Gabor-Granger: would you buy at this price? Demand, revenue and profit by price, and the price that earns most."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames, stats
from opskit.contract import normalized
from opskit.errors import OpskitError, check
from opskit.monetization.pricing import answers
from opskit.monetization.pricing.curves import earnings, nearly_best

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

QUESTION = "would_buy"
SPELLINGS = {
    QUESTION: (
        "would you buy",
        "purchase intent",
        "是否购买",
        "会购买吗",
        "会买吗",
        "是否愿意购买",
        "愿意购买",
        "购买意愿",
    )
}
_GRID = 501  # prices tried between the lowest and the highest asked
_SHOWN = 10  # every so many of them stand in the table


class GaborGranger(NamedTuple):
    """Stated demand by price, the best price, and who answered."""

    demand: "pd.DataFrame"  # price, asked, yes, share, low, high, fitted
    curve: "pd.DataFrame"  # price, demand, revenue and profit per customer, each with _low and _high
    optimum: "pd.DataFrame"  # goal, price, low, high, n, flat_low, flat_high, at_edge
    elasticity: "pd.DataFrame"  # price, estimate, low, high, n
    respondents: "pd.DataFrame"  # status, respondents, share
    survey: str


def gabor_granger(
    surveys: Any,
    *,
    survey: str = "",
    question: str = QUESTION,
    yes: Sequence[str] = answers.YES,
    no: Sequence[str] = answers.NO,
    unit_cost: float = 0.0,
    current_price: float | None = None,
    draws: int = 1000,
    seed: int = 7,
    confidence: float = 0.95,
) -> GaborGranger:
    """Demand that customers state, fitted over price, and the prices at which it would earn most.

    Args:
        surveys: Any engine's frame with respondent_id, survey, question, item (the price shown, "¥129" is understood)
            and answer; a row without answer was asked and did not respond.
        survey: Name of the survey; empty: the only one with this question.
        question: The question as it is spelled in the data; usual English and Chinese spellings of the default one are
            understood.
        yes: Answers that mean yes.
        no: Answers that mean no.
        unit_cost: Cost of one piece.
        current_price: Where to give the elasticity; None: at the middle one of the asked prices.
        draws: Bootstrap samples of respondents.
        seed: Of the bootstrap.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``demand``: price, asked (respondents who said or implied yes or no), yes, share, low, high (Wilson), fitted.
        ``curve``: price, demand (share who say they would buy), revenue and profit per customer asked, each with low and
        high. ``optimum``: goal (revenue, profit), price, low, high, n, flat_low and flat_high (prices that earn at least
        95% of the best), at_edge (the best price is the lowest or highest asked: ask further). ``elasticity``: price,
        estimate, low, high, n. ``respondents``: status, respondents, share; only ``used`` ones enter.

    Raises:
        OpskitError: The question is not there, fewer than 10 answers are usable or fewer than two prices were asked, or
            demand does not fall with the price.

    Assumes willingness to pay is log-normal among customers (a probit on log price), a yes implies yes to every lower
    price, a no implies no to every higher one, and who responds is like who does not. People say yes more readily than
    they pay.

    Source: Gabor and Granger (1966), "Price as an indicator of quality"; percentile bootstrap over respondents.

    >>> import pandas as pd
    >>> shares = {"50": 16, "100": 10, "200": 4}
    >>> rows = [(i, "book", "would buy", p, "yes" if i < n else "no") for p, n in shares.items() for i in range(20)]
    >>> surveys = pd.DataFrame(rows, columns=["respondent_id", "survey", "question", "item", "answer"])
    >>> found = gabor_granger(surveys)
    >>> found.demand[["price", "share", "fitted"]].round(2).values.tolist()
    [[50.0, 0.8, 0.8], [100.0, 0.5, 0.5], [200.0, 0.2, 0.2]]
    """
    import numpy as np
    import pandas as pd

    check(confidence, "confidence", gt=0, lt=1)
    check(draws, "draws", ge=100)
    check(unit_cost, "unit_cost", ge=0)
    prices, patterns, account, name = _answered(surveys, survey, question, (yes, no))
    n = answers.enough(account, f"{question}")
    said = _implied(prices, patterns)
    counts = patterns["n"].to_numpy()
    totals = np.array([counts @ (said == 1), counts @ (said >= 0)])
    demand = _demand(prices, totals, confidence)
    fit = _probit(np.log(prices), *totals[:, None, :])
    if not fit[0, 1] < 0:
        raise OpskitError(
            "stated demand does not fall with the price: check which prices were shown with which answers."
        )
    sampled = answers.resampled(counts, draws=draws, seed=seed)
    fits = _probit(np.log(prices), sampled @ (said == 1), sampled @ (said >= 0))
    grid = np.geomspace(prices[0], prices[-1], _GRID)
    at = float(prices[len(prices) // 2]) if current_price is None else current_price
    estimate, samples = (_elasticity(each, at) for each in (fit, fits))
    low, high = answers.interval(estimate[0], samples, confidence)
    elasticity = pd.DataFrame({"price": [at], "estimate": estimate, "low": low, "high": high, "n": n})
    bought, each = _demanded(fit, grid), _demanded(fits, grid)
    optimum = pd.DataFrame(
        [
            _best(grid, (grid - cost) * bought, (grid - cost) * each, confidence) | {"goal": goal, "n": n}
            for goal, cost in (("revenue", 0.0), ("profit", unit_cost))
        ]
    )[["goal", "price", "low", "high", "n", "flat_low", "flat_high", "at_edge"]]
    table = demand.assign(fitted=_demanded(fit, prices)[0])
    return GaborGranger(table, _curve(grid, bought[0], each, unit_cost, confidence), optimum, elasticity, account, name)


def _answered(
    surveys: Any, survey: str, question: str, words: tuple[Sequence[str], Sequence[str]]
) -> "tuple[np.ndarray[Any, Any], pd.DataFrame, pd.DataFrame, str]":
    """Prices asked; how many consistent respondents said yes up to which and no from which; the account; the survey."""
    import numpy as np

    rows, _, name = answers.rows(surveys, [question], SPELLINGS, survey=survey)
    frames.require_columns(rows.collect_schema().names(), ["item"], table="surveys")
    rows = rows.with_columns(nw.col("item").cast(nw.String))
    seen = frames.collect(rows.group_by("item", "answer").agg(nw.len().alias("n")))
    amounts = {text: answers.amount(text) for text in seen["item"].dropna().unique()}
    prices = np.unique([price for price in amounts.values() if price > 0])
    if len(prices) < 2:
        raise OpskitError(
            f"{question} was asked at {len(prices)} price(s), must be at least 2: item must hold the price shown."
        )
    meant = [{normalized(word) for word in kind} for kind in words]
    texts = [[text for text in seen["answer"].dropna().unique() if normalized(text) in kind] for kind in meant]
    table = frames.collect(_per_pattern(rows, prices, amounts, texts))
    said_yes, said_no = (table[[f"{kind}_{i}" for i in range(len(prices))]].to_numpy() > 0 for kind in ("yes", "no"))
    most = np.where(said_yes, prices, 0).max(axis=1)
    least = np.where(said_no, prices, np.inf).min(axis=1)
    none = ~(said_yes | said_no).any(axis=1)
    conditions = [none & (table["answers"] == 0), none, most >= least]
    reasons = ["no response", "neither yes nor no", "yes above a price refused"]
    status = np.select(conditions, reasons, default="used")
    n = table["n"].groupby(status).sum().reindex(["used", *reasons], fill_value=0)
    kept = table.assign(most=most, least=least)[status == "used"].groupby(["most", "least"], as_index=False)["n"].sum()
    return prices, kept, answers.account({str(key): int(value) for key, value in n.items()}), name


def _per_pattern(
    rows: nw.LazyFrame[Any], prices: "np.ndarray[Any, Any]", amounts: dict[Any, float], texts: list[list[Any]]
) -> nw.LazyFrame[Any]:
    """How many respondents gave each combination of yes and no."""
    cells: list[nw.Expr] = []
    for kind, meaning in zip(("yes", "no"), texts, strict=True):
        for place, price in enumerate(prices):
            shown = nw.col("item").is_in([text for text, amount in amounts.items() if amount == price])
            hit = shown & nw.col("answer").is_in(meaning)
            cells.append(nw.when(hit).then(1).otherwise(0).alias(f"{kind}_{place}"))
    names = [f"{kind}_{place}" for kind in ("yes", "no") for place in range(len(prices))]
    given = nw.when(nw.col("answer").is_null()).then(0).otherwise(1).alias("answers")
    per_person = (
        rows.with_columns(*cells, given).group_by("respondent_id").agg(*(nw.col(c).max() for c in [*names, "answers"]))
    )
    return per_person.group_by(*names, "answers").agg(nw.len().alias("n"))


def _implied(prices: "np.ndarray[Any, Any]", patterns: "pd.DataFrame") -> "np.ndarray[Any, Any]":
    """For each pattern and price 1 for yes, 0 for no, -1 where neither was said or implied."""
    import numpy as np

    most, least = (patterns[column].to_numpy()[:, None] for column in ("most", "least"))
    return np.where(prices <= most, 1, np.where(prices >= least, 0, -1))


def _demand(prices: "np.ndarray[Any, Any]", totals: "np.ndarray[Any, Any]", confidence: float) -> "pd.DataFrame":
    import pandas as pd

    said_yes, asked = totals
    if said_yes.sum() in {0, asked.sum()}:
        word, where = ("no", "lower") if said_yes.sum() == 0 else ("yes", "higher")
        raise OpskitError(
            f"everybody says {word} at every price asked, {prices[0]:g} to {prices[-1]:g}: ask {where} prices."
        )
    low, high = stats.wilson(said_yes, asked, confidence=confidence)
    table = pd.DataFrame({"price": prices, "asked": asked, "yes": said_yes, "share": said_yes / asked})
    return table.assign(low=low, high=high)


def _probit(
    x: "np.ndarray[Any, Any]", said_yes: "np.ndarray[Any, Any]", asked: "np.ndarray[Any, Any]"
) -> "np.ndarray[Any, Any]":
    """Intercept and slope by Fisher scoring, for every sample (row) at once: a library fits one at a time."""
    import numpy as np
    from scipy.special import ndtr, ndtri

    middle = x.mean()
    z = x - middle
    eta, intercept, slope = ndtri((said_yes + 0.5) / (asked + 1)), np.zeros(len(asked)), np.zeros(len(asked))
    for _ in range(30):
        mean = np.clip(ndtr(eta), 1e-9, 1 - 1e-9)
        density = np.exp(-(eta**2) / 2) / np.sqrt(2 * np.pi) + 1e-12
        weight = asked * density**2 / (mean * (1 - mean))
        target = eta + (said_yes / np.maximum(asked, 1) - mean) / density
        sums = [(weight * z**power).sum(axis=1) for power in range(3)]
        first, second = ((weight * target * z**power).sum(axis=1) for power in range(2))
        slope = (sums[0] * second - sums[1] * first) / np.maximum(sums[0] * sums[2] - sums[1] ** 2, 1e-12)
        intercept = (first - slope * sums[1]) / sums[0]
        eta = np.clip(intercept[:, None] + slope[:, None] * z, -8, 8)
    return np.column_stack([intercept - slope * middle, slope])


def _demanded(fits: "np.ndarray[Any, Any]", prices: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    import numpy as np
    from scipy.special import ndtr

    return ndtr(fits[:, :1] + fits[:, 1:] * np.log(prices))


def _elasticity(fits: "np.ndarray[Any, Any]", price: float) -> "np.ndarray[Any, Any]":
    """Percent of demand per percent of price, at the price."""
    import numpy as np
    from scipy.special import ndtr

    eta = fits[:, 0] + fits[:, 1] * np.log(price)
    return fits[:, 1] * np.exp(-(eta**2) / 2) / np.sqrt(2 * np.pi) / np.maximum(ndtr(eta), 1e-12)


def _best(
    grid: "np.ndarray[Any, Any]", earned: "np.ndarray[Any, Any]", sampled: "np.ndarray[Any, Any]", confidence: float
) -> dict[str, Any]:
    """The price that earns most, its interval, and the prices that earn nearly as much."""
    import numpy as np

    best = float(grid[np.argmax(earned[0])])
    low, high = answers.interval(best, grid[np.argmax(sampled, axis=1)], confidence)
    return {"price": best, "low": low, "high": high, **nearly_best(grid, earned[0])}


def _curve(
    grid: "np.ndarray[Any, Any]",
    demand: "np.ndarray[Any, Any]",
    sampled: "np.ndarray[Any, Any]",
    unit_cost: float,
    confidence: float,
) -> "pd.DataFrame":
    """Demand, revenue and profit per customer asked, by price."""
    import pandas as pd

    table = pd.DataFrame({"price": grid, "demand": demand})
    table["demand_low"], table["demand_high"] = answers.interval(demand, sampled, confidence)
    return earnings(table.iloc[::_SHOWN].reset_index(drop=True), unit_cost)
