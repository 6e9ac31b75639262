"""How many messages a week pay best among those tested: answers, less what they cost, less those who leave."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opskit.acquisition.reach.trial import WEEK, Trial
from opskit.errors import check

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, np.dtype[np.float64]]

TOLD, NARROWED, UNTOLD = "told", "narrowed", "cannot be told yet"


@dataclass(frozen=True)
class Cap:
    """The tested frequencies in money, and which of them wins.

    Attributes:
        arms: messages_per_week, answers, cost, lost, net (money per customer and week), low, high (of net), wins (share
            of resamples in which it is best), n (customers).
        best: Messages a week of the arm with the highest net; nan without a test.
        low: Fewest messages a week that win often enough to stay possible.
        high: Most.
        verdict: told (one frequency is left), narrowed (some are left out) or cannot be told yet.
        per_opt_out: Money lost with one opt-out, as estimated.
    """

    arms: "pd.DataFrame"
    best: float
    low: float
    high: float
    verdict: str
    per_opt_out: float


def cap(
    found: Trial,
    *,
    believed: bool = True,
    value_per_response: float = 1.0,
    cost_of_opt_out: float = 0.0,
    horizon_weeks: float = 52,
    cost_per_message: float | None = None,
    confidence: float = 0.95,
    seed: int = 7,
    draws: int = 2000,
) -> Cap:
    """The tested frequency that earns most a week, and how sure that is.

    Who opts out gives no more answers: an opt-out costs what the gentlest arm brings in horizon_weeks, and
    cost_of_opt_out besides. Frequencies between those tested are not guessed.

    Args:
        found: From `trial`.
        believed: Whether its arms are believed to be drawn by lot (`believed` of `balance`); else there is no cap.
        value_per_response: Money one answer is worth.
        cost_of_opt_out: Money lost with an opt-out besides the answers it ends.
        horizon_weeks: Weeks of answers that an opt-out ends.
        cost_per_message: Money; None: the mean of each arm, 0 where contacts know no cost.
        confidence: Coverage of the intervals, between 0 and 1.
        seed: Of the resampling.
        draws: Resamples.

    Returns:
        Cap. Without two arms drawn by lot, or where nothing tells who opted out, its best is missing.

    Raises:
        OpskitError: An option is out of range.

    Assumes that answers and opt-outs go on as in the weeks of the test.
    Source: bootstrap over customers within arms, Efron (1979); the low and high of the best frequency are quantiles of
    the winner.
    """
    import numpy as np
    import pandas as pd

    check(value_per_response, "value_per_response", gt=0)
    check(cost_of_opt_out, "cost_of_opt_out", ge=0)
    check(horizon_weeks, "horizon_weeks", ge=0)
    check(confidence, "confidence", gt=0, lt=1)
    check(draws, "draws", ge=100)
    columns = ["messages_per_week", "answers", "cost", "lost", "net", "low", "high", "wins", "n"]
    if not (found.there and believed and found.opt_outs_known):
        return Cap(pd.DataFrame(columns=columns), np.nan, np.nan, np.nan, UNTOLD, np.nan)
    arms = found.arms
    price = (
        arms["cost_per_message"].fillna(0.0) if cost_per_message is None else cost_per_message + 0 * arms["customers"]
    )
    means = _resampled(found, arms["arm"].tolist(), np.random.default_rng(seed), draws)
    sent, answered, out = means[:, :, 0], means[:, :, 1], means[:, :, 2]
    answers, cost = value_per_response * answered, price.to_numpy(dtype=float) * sent
    rate = arms["messages_per_week"].to_numpy(dtype=float)
    gentlest = int(np.argmax(rate > 0))  # arms stand in order of their messages; one may get none
    each = cost_of_opt_out + horizon_weeks * np.maximum(answers - cost, 0)[:, [gentlest]]
    net = answers - cost - each * out
    low, high = np.quantile(net[1:], [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    winner = net[1:].argmax(axis=1)
    best = float(rate[net[0].argmax()])
    ends = np.quantile(rate[winner], [(1 - confidence) / 2, (1 + confidence) / 2], method="inverted_cdf")
    fewest, most = min(float(ends[0]), best), max(float(ends[1]), best)
    table = pd.DataFrame({"messages_per_week": rate, "answers": answers[0], "cost": cost[0], "lost": (each * out)[0]})
    table["net"], table["low"], table["high"] = net[0], np.minimum(low, net[0]), np.maximum(high, net[0])
    table["wins"] = np.bincount(winner, minlength=len(arms)) / draws
    verdict = TOLD if fewest == most else UNTOLD if (fewest, most) == (rate.min(), rate.max()) else NARROWED
    return Cap(table.assign(n=arms["customers"]), best, fewest, most, verdict, float(each[0, 0]))


def sensitivity(
    found: Trial,
    choices: "Iterable[tuple[float, float]]",
    *,
    believed: bool = True,
    cost_of_opt_out: float = 0.0,
    confidence: float = 0.95,
    seed: int = 7,
) -> "pd.DataFrame":
    """The best frequency at other values of an answer and of an opt-out.

    Args:
        found: From `trial`.
        choices: Pairs of value_per_response and horizon_weeks.
        believed: As in `cap`.
        cost_of_opt_out: As in `cap`.
        confidence: As in `cap`.
        seed: As in `cap`.

    Returns:
        value_per_response, horizon_weeks, best, low, high (messages a week), verdict.
    """
    import pandas as pd

    rows: list[tuple[Any, ...]] = []
    for worth, weeks in choices:
        one = cap(
            found,
            believed=believed,
            value_per_response=worth,
            cost_of_opt_out=cost_of_opt_out,
            horizon_weeks=weeks,
            confidence=confidence,
            seed=seed,
        )
        rows.append((worth, weeks, one.best, one.low, one.high, one.verdict))
    return pd.DataFrame(rows, columns=["value_per_response", "horizon_weeks", "best", "low", "high", "verdict"])


def _resampled(found: Trial, arms: list[str], rng: "np.random.Generator", draws: int) -> "Vector":
    """Messages, answers and opt-outs per customer and week by arm: first as they are, then of every resample.

    Customers who are alike are one row with a count, so a resample is one multinomial draw of counts.
    """
    import numpy as np

    parts: list[Vector] = []
    for arm in arms:
        part = found.people[found.people["arm"] == arm]
        values = part[["messages", "responded", "opted_out"]].to_numpy(dtype=float) * WEEK / found.days
        counts = part["customers"].to_numpy()
        drawn = rng.multinomial(counts.sum(), counts / counts.sum(), size=draws)
        parts.append(np.vstack([counts, drawn]) @ values / counts.sum())
    return np.stack(parts, axis=1)
