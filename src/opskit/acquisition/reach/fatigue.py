"""What more messages do to answers and opt-outs: among customers who happened to get more, and among those put to it by lot."""

from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.acquisition.reach.observed import MEASURES
from opskit.acquisition.reach.trial import WEEK, Trial

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, np.dtype[np.float64]]

_STEPS = 50


def rates_by_arm(found: Trial, *, confidence: float = 0.95) -> "pd.DataFrame":
    """The same measures by arm of a test.

    Args:
        found: From `trial`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        arm, measure, messages_per_week (median of the arm), estimate, low, high, n (messages; customers for the measures
        that are per customer).

    Source: Wilson's interval for customers who opted out; where customers answer several times, Wilson's interval of as
    many messages as tell as much (Kish's design effect); Student's t for the mean of customers.
    """
    import numpy as np
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for arm, rate in found.arms.set_index("arm")["messages_per_week"].items():
        part = found.people[found.people["arm"] == arm]
        n = part["customers"].to_numpy(dtype=float)
        sent, answered, out = (part[name].to_numpy(dtype=float) for name in ("messages", "responded", "opted_out"))
        if not found.opt_outs_known:
            out = out + np.nan
        total, people = float(n @ sent), float(n.sum())
        left = float(n @ out)
        estimates = {
            "responses_per_message": (_clustered(sent, answered, n, confidence), total),
            "opt_outs_per_message": (_share(left, total, confidence), total),
            "responses_per_week": (_mean(answered * WEEK / found.days, n, confidence), people),
            "opted_out": (_share(left, people, confidence), people),
        }
        for measure, (numbers, size) in estimates.items():
            row = {"arm": arm, "measure": measure, "messages_per_week": rate, "n": int(size)}
            rows.append(row | dict(zip(("estimate", "low", "high"), numbers, strict=True)))
    columns = ["arm", "measure", "messages_per_week", "estimate", "low", "high", "n"]
    return pd.DataFrame(rows, columns=columns).sort_values(["measure", "messages_per_week"], ignore_index=True)


def factors(found: Trial, sums: "pd.DataFrame", *, confidence: float = 0.95) -> "pd.DataFrame":
    """By what one further message a week multiplies answers and opt-outs per message, observed and tested.

    Args:
        found: From `trial`. Messages of its first settle_days are left out for answers, where what came before the test
            still tires; opt-outs are too few for that.
        sums: From `observed`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        how (observed, tested), measure, factor, low, high, n (messages), missing where nothing varies or happens.

    Source: Poisson pseudo-maximum likelihood of the ratio on messages a week; sandwich over customers by arm, or
    `stats.jackknife` over groups of customers.
    """
    import numpy as np
    import pandas as pd

    rows: list[tuple[Any, ...]] = []
    for measure in ("responses_per_message", "opt_outs_per_message"):
        above = MEASURES[measure][0]
        rows.append(("observed", measure, *_observed_factor(sums, above, confidence)))
        settled = "settled_" if above == "responded" else ""
        blank = above == "opted_out" and not found.opt_outs_known
        told = (
            (np.nan,) * 3 + (0,)
            if blank
            else _tested_factor(found, f"{settled}{above}", f"{settled}messages", confidence)
        )
        rows.append(("tested", measure, *told))
    return pd.DataFrame(rows, columns=["how", "measure", "factor", "low", "high", "n"])


def _observed_factor(sums: "pd.DataFrame", above: str, confidence: float) -> tuple[float, float, float, int]:
    import numpy as np
    import pandas as pd

    if sums.empty or sums["got"].nunique() < 2 or not sums[above].sum() > 0:
        return np.nan, np.nan, np.nan, 0

    def slope(totals: "pd.DataFrame") -> "pd.Series[Any]":
        n, y = totals["messages"].to_numpy(dtype=float), totals[above].to_numpy(dtype=float)
        weeks = np.maximum(totals["weeks"].to_numpy(dtype=float), 1e-12)  # a row may lie in the group left out
        return pd.Series([_fit(n / weeks, n, y)[1]])

    table = stats.jackknife(
        sums[["got", "group", "messages", "weeks", above]], slope, keys=["got"], confidence=confidence
    )
    middle, low, high = np.exp(table[["estimate", "low", "high"]].to_numpy(dtype=float)[0]).tolist()
    return middle, low, high, int(sums["messages"].sum())


def _tested_factor(found: Trial, above: str, below: str, confidence: float) -> tuple[float, float, float, int]:
    import numpy as np
    from scipy.special import ndtri

    people = found.people.merge(found.arms[["arm", "messages_per_week"]], on="arm")
    people = people[people[below] > 0]
    happened = people.loc[people[above] > 0, "messages_per_week"].nunique()
    if people["messages_per_week"].nunique() < 2 or happened < 2:  # elsewhere the likelihood has no maximum
        return np.nan, np.nan, np.nan, int((people[below] * people["customers"]).sum())
    x, n, y, size = (people[name].to_numpy(dtype=float) for name in ("messages_per_week", below, above, "customers"))
    base, slope, centre = _fit(x, n * size, y * size)
    expected = n * np.exp(base + slope * (x - centre))
    design = np.column_stack([np.ones(len(x)), x - centre])
    bread = np.linalg.inv(design.T @ (design * (expected * size)[:, None]))
    meat = design.T @ (design * (size * (y - expected) ** 2)[:, None])
    half = float(ndtri((1 + confidence) / 2) * np.sqrt((bread @ meat @ bread)[1, 1]))
    return float(np.exp(slope)), float(np.exp(slope - half)), float(np.exp(slope + half)), int(n @ size)


def _fit(x: "Vector", n: "Vector", y: "Vector") -> tuple[float, float, float]:
    """Poisson likelihood of y on n exp(base + slope (x - centre)) by Newton's method; nan where it has no maximum."""
    import numpy as np

    n = np.maximum(n, 1e-12)
    centre = float(np.average(x, weights=n))
    away = x - centre
    if not y.sum() > 0 or np.unique(x[y > 0]).size < 2:
        return np.nan, np.nan, centre
    base, slope = float(np.log(y.sum() / n.sum())), 0.0
    for _ in range(_STEPS):
        expected = n * np.exp(base + slope * away)
        score = np.array([(y - expected).sum(), (away * (y - expected)).sum()])
        first, cross, second = expected.sum(), (away * expected).sum(), (away**2 * expected).sum()
        step = np.array([second * score[0] - cross * score[1], first * score[1] - cross * score[0]])
        step = np.clip(step / (first * second - cross**2), -1, 1)
        base, slope = base + step[0], slope + step[1]
        if np.abs(step).max() < 1e-10:
            break
    return float(base), float(slope), centre


def _clustered(sent: "Vector", answered: "Vector", n: "Vector", confidence: float) -> tuple[float, float, float]:
    """A ratio of sums with Wilson's interval of as many independent messages as would be as uncertain."""
    import numpy as np

    total, people = float(n @ sent), float(n.sum())
    if total == 0:
        return np.nan, np.nan, np.nan
    share = float(n @ answered) / total
    if not 0 < share < 1 or people < 2:
        return share, *_bounds(share * total, total, confidence)
    variance = float(n @ (answered - share * sent) ** 2) * people / (people - 1) / total**2
    alone = share * (1 - share) / variance if variance > 0 else total
    return share, *_bounds(share * alone, alone, confidence)


def _share(happened: float, n: float, confidence: float) -> tuple[float, float, float]:
    return (happened / n if n else float("nan")), *_bounds(happened, n, confidence)


def _bounds(happened: float, n: float, confidence: float) -> tuple[float, float]:
    low, high = stats.wilson(happened, n, confidence=confidence)
    return float(low), float(high)


def _mean(value: "Vector", n: "Vector", confidence: float) -> tuple[float, float, float]:
    import numpy as np
    from scipy.special import stdtrit

    people = float(n.sum())
    mean = float(n @ value) / people
    if people < 2:
        return mean, np.nan, np.nan
    half = float(stdtrit(people - 1, (1 + confidence) / 2) * np.sqrt(n @ (value - mean) ** 2 / (people - 1) / people))
    return mean, max(mean - half, 0.0), mean + half
