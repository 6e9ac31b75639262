"""Readings of the panel: who stands where, how they move, where they fall back, and where the moves would lead."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import stats
from opskit.errors import check
from opskit.loyalty.stages.panel import REASONS, Panel
from opskit.loyalty.stages.rules import STAGES

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]

_K = len(STAGES)


class Counts(NamedTuple):
    """The panel as grids over months and stages."""

    present: "Array"  # months x stages: customers at each month's end
    moved: "Array"  # months x before x stage: customers by where they stood a month earlier; nothing in the first
    new: "Array"  # months x stages: customers in their first month
    earned: "Array"  # months x before: revenue in the month of those who stood there at its beginning


def counts(panel: Panel) -> Counts:
    """Customers and moves of everybody together."""
    sums = panel.moves.groupby(["month", "before", "stage"], as_index=False)[["customers", "revenue"]].sum()
    cells = (sums[name].to_numpy() for name in ("month", "before", "stage"))
    return _grids(tuple(cells), sums, len(panel.months))


def _grids(cells: "tuple[Array, ...]", totals: "pd.DataFrame", months: int) -> Counts:
    import numpy as np

    month, before, stage = cells
    flows, earned = np.zeros((months, _K + 1, _K)), np.zeros((months, _K + 1))
    flows[month, before + 1, stage] = totals["customers"]
    np.add.at(earned, (month, before + 1), totals["revenue"])
    present = np.cumsum(flows.sum(axis=1) - flows[:, 1:].sum(axis=2), axis=0)
    moved = flows[:, 1:] * (1 - np.eye(_K))
    stood = np.concatenate([np.zeros((1, _K)), present[:-1]])
    moved += (stood - moved.sum(axis=2))[:, :, None] * np.eye(_K)
    return Counts(present, moved, flows[:, 0], earned[:, 1:])


def jackknife(panel: Panel, statistic: "Callable[[Counts], Array]", confidence: float) -> "pd.DataFrame":
    """estimate, low and high of each entry of a statistic, all months of a customer kept together."""
    import pandas as pd

    keys = ["month", "before", "stage"]
    sums = panel.moves.groupby([*keys, "group"], as_index=False)[["customers", "revenue"]].sum()
    index = sums.groupby(keys).size().index
    cells = tuple(index.get_level_values(key).to_numpy() for key in keys)

    def read(totals: "pd.DataFrame") -> "pd.Series[Any]":
        return pd.Series(statistic(_grids(cells, totals, len(panel.months))).ravel())

    return stats.jackknife(sums, read, keys=keys, confidence=confidence)


def share_interval(found: "pd.DataFrame", n: "Array", confidence: float) -> "tuple[Array, Array]":
    """Wilson's interval with as many independent customers as would give the jackknife's error.

    A customer gives several of the n, so they count for fewer; the interval stays between 0 and 1.

    Source: Korn & Graubard (1998), "Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data".
    """
    import numpy as np
    from scipy.special import stdtrit

    share = found["estimate"].to_numpy()
    size = np.asarray(n, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = (found["high"] - found["low"]).to_numpy() / 2 / stdtrit(99, (1 + confidence) / 2)
        effective = np.where(error > 0, share * (1 - share) / error**2, size)
        effective = np.where((share > 0) & (share < 1), np.minimum(effective, size), size)
    return stats.wilson(share * effective, effective, confidence=confidence)


def funnel(panel: Panel, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Who stands at which stage at the end of the last month.

    Args:
        panel: What `panel` gives.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        A row per stage: stage, n (all customers), customers (there), share, low, high; reached (there or higher),
        reached_share, reached_low, reached_high; went_on (of those one stage lower or higher, the share at this stage or
        higher; missing where there is nobody), went_on_low, went_on_high, went_on_n.

    Raises:
        OpskitError: The confidence is not between 0 and 1.

    Assumes customers are independent. Whoever was not asked cannot stand above habit where answers decide.
    """
    import numpy as np
    import pandas as pd

    present = counts(panel).present[-1]
    reached = np.cumsum(present[::-1])[::-1]
    total = np.full(_K, reached[0])
    before = np.concatenate([[np.nan], reached[:-1]])
    table = pd.DataFrame({"stage": STAGES, "n": total.astype(int), "customers": present.astype(int)})
    parts = (("", present, total), ("reached_", reached, total), ("went_on_", reached, before))
    for name, part, whole in parts:
        low, high = stats.wilson(part, whole, confidence=confidence)
        share = part / np.where(whole > 0, whole, np.nan)
        if name == "reached_":
            table["reached"] = reached.astype(int)
        column = {"": "share", "reached_": "reached_share", "went_on_": "went_on"}[name]
        table = table.assign(**{column: share, f"{name}low": low, f"{name}high": high})
    return table.assign(went_on_n=before)


def months(panel: Panel, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Customers at each stage at each month's end.

    Args:
        panel: What `panel` gives.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        month (its first day), stage, n (all customers by then), customers, share, low, high. Customers who have not
        come yet are in no month.

    Raises:
        OpskitError: The confidence is not between 0 and 1.
    """
    import numpy as np
    import pandas as pd

    present = counts(panel).present
    n = np.repeat(present.sum(axis=1), _K)
    low, high = stats.wilson(present.ravel(), n, confidence=confidence)
    return pd.DataFrame(
        {
            "month": np.repeat(panel.months, _K),
            "stage": np.tile(STAGES, len(present)),
            "n": n.astype(int),
            "customers": present.ravel().astype(int),
            "share": present.ravel() / np.where(n > 0, n, np.nan),
            "low": low,
            "high": high,
        }
    )


def flows(panel: Panel, *, last: int = 4) -> "pd.DataFrame":
    """How many went from which stage to which in each of the last months.

    Args:
        panel: What `panel` gives.
        last: Months to give; fewer where there are not so many.

    Returns:
        month (its first day), before (``new`` in a customer's first month), stage, customers.

    Raises:
        OpskitError: The number of months is not positive.
    """
    import numpy as np
    import pandas as pd

    check(last, "last", ge=1)
    found = counts(panel)
    first = max(1, len(panel.months) - last)
    both = np.concatenate([found.new[:, None], found.moved], axis=1)[first:]
    month, before, stage = (place.ravel() for place in np.indices(both.shape))
    names = np.array(["new", *STAGES])
    table = pd.DataFrame({"month": panel.months[first + month], "before": names[before]})
    return table.assign(stage=np.array(STAGES)[stage], customers=both.ravel().round().astype(int))


def pooled(found: Counts, last: int) -> "Array":
    """Customers by stage a month before and now, over the last months together."""
    return found.moved[1:][-last:].sum(axis=0)


def chances(found: Counts, last: int) -> "Array":
    """Probability of each move; nan from a stage where nobody stood."""
    import numpy as np

    moved = pooled(found, last)
    stood = moved.sum(axis=1, keepdims=True)
    return moved / np.where(stood > 0, stood, np.nan)


def transitions(panel: Panel, *, last: int = 12, confidence: float = 0.95) -> "pd.DataFrame":
    """Probability of each move from one month's end to the next.

    Args:
        panel: What `panel` gives.
        last: Take the moves of the last so many months together; a year holds every season once.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        before, stage, n (customer-months at before), customers (moves), probability, low, high; the probabilities from
        one stage add up to one, and are missing where nobody stood there. A customer's first month is no move.

    Raises:
        OpskitError: An option is out of range.

    Assumes nothing about causes: a stage is where a customer stands, not what put her there. The interval keeps all
    months of a customer together.
    """
    import numpy as np
    import pandas as pd

    check(last, "last", ge=1)
    moved = pooled(counts(panel), last)
    n = np.repeat(moved.sum(axis=1), _K)
    found = jackknife(panel, lambda grids: np.nan_to_num(chances(grids, last)), confidence)
    low, high = share_interval(found, n, confidence)
    known = n > 0
    return pd.DataFrame(
        {
            "before": np.repeat(STAGES, _K),
            "stage": np.tile(STAGES, _K),
            "n": n.round().astype(int),
            "customers": moved.ravel().round().astype(int),
            "probability": found["estimate"].where(known),
            "low": np.where(known, low, np.nan),
            "high": np.where(known, high, np.nan),
        }
    )


def falls(panel: Panel, *, last: int = 12, confidence: float = 0.95) -> "pd.DataFrame":
    """From where customers fall back, how far, and what had ended.

    Args:
        panel: What `panel` gives.
        last: Take the last so many months together.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        The most frequent first: before, stage (fallen to), reason (``fell silent``: longer than her rhythm allows;
        ``answered less well``; ``answer too old``: she was not asked or did not answer again; ``no longer speaks for
        it``), n (customer-months at before), customers, rate (customers / n), low, high.

    Raises:
        OpskitError: An option is out of range.

    Assumes each fall has one reason, the first of these that applies.
    """
    import pandas as pd

    check(last, "last", ge=1)
    stood = pooled(counts(panel), last).sum(axis=1)
    moves = panel.moves
    fell = moves[(moves["reason"] > 0) & (moves["month"] >= max(1, len(panel.months) - last))]
    found = fell.groupby(["before", "stage", "reason"], as_index=False)["customers"].sum()
    n = stood[found["before"].to_numpy(dtype=int)] if len(found) else stood[:0]
    low, high = stats.wilson(found["customers"], n, confidence=confidence)
    names = {name: [STAGES[place] for place in found[name]] for name in ("before", "stage")}
    table = pd.DataFrame({**names, "reason": [REASONS[place] for place in found["reason"]]})
    table = table.assign(n=n.round().astype(int), customers=found["customers"].astype(int))
    table = table.assign(rate=found["customers"] / n, low=low, high=high)
    return table.sort_values(["customers", "before", "stage"], ascending=[False, True, True], ignore_index=True)
