"""Whether the arms have the sizes that were planned: if not, the log or the lot is broken and no result is read."""

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from opskit.incentives.experiment.design import Design
from opskit.incentives.experiment.measures import BEFORE, MEASURES
from opskit.incentives.experiment.outcomes import Outcomes

if TYPE_CHECKING:
    import pandas as pd

SUSPICIOUS = 0.001
"""Arms this far from plan come by chance once in a thousand experiments."""
UNLIKE = 0.01
"""The same for what was known of the arms before, after Holm's correction: once in a hundred."""
_WEEK = 7


def sample_ratio(arrived: "pd.DataFrame", chosen: Design, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Sizes of both arms against plan, in all and by week of assignment.

    Args:
        arrived: From `arrivals`.
        chosen: From `design`.
        confidence: Coverage of the intervals of the share.

    Returns:
        week (first day; missing: all weeks), control and treatment (customers of one arm only), planned_share and share (of
        the treatment), low, high, p_value. Weeks show where a mismatch sits; only the p-value of all decides.

    Source: sample ratio test of tea-tasting: exact binomial below 1,000 customers, normal approximation with continuity
        correction from there; the interval of the share is Wilson's.

    >>> import datetime as dt
    >>> import pandas as pd
    >>> rows = pd.DataFrame(
    ...     {"experiment": "x", "variant": ["a", "b"], "day": 0, "several": False, "customers": [600, 400]}
    ... )
    >>> plan = Design("x", "a", "b", {"a": 0.5, "b": 0.5}, True, dt.date(1970, 1, 1), None, 0.0)
    >>> f"{sample_ratio(rows, plan)['p_value'].iloc[0]:.3e}"
    '3.115e-10'
    """
    import pandas as pd

    from opskit import stats

    mine = arrived[(arrived["experiment"] == chosen.experiment) & ~arrived["several"]]
    mine = mine[mine["variant"].isin([chosen.control, chosen.treatment])]
    first = int(mine["day"].min()) if len(mine) else 0
    week = first + (mine["day"] - first) // _WEEK * _WEEK
    sizes = mine.pivot_table(index=week, columns="variant", values="customers", aggfunc="sum", fill_value=0)
    sizes = sizes.reindex(columns=[chosen.control, chosen.treatment], fill_value=0).astype(int)
    table = pd.DataFrame(
        {
            "week": [pd.NaT, *pd.to_datetime(sizes.index.to_numpy(), unit="D")],
            "control": [int(sizes[chosen.control].sum()), *sizes[chosen.control]],
            "treatment": [int(sizes[chosen.treatment].sum()), *sizes[chosen.treatment]],
        }
    )
    n = table["control"] + table["treatment"]
    low, high = stats.wilson(table["treatment"], n, confidence=confidence)
    planned = chosen.planned[chosen.treatment]
    shares = {"planned_share": planned, "share": table["treatment"] / n.where(n > 0), "low": low, "high": high}
    return table.assign(
        **shares,
        p_value=[p_value(c, t, planned=planned) for c, t in zip(table["control"], table["treatment"], strict=True)],
    )


def p_value(control: int, treatment: int, *, planned: float) -> float:
    """How rarely arms of these sizes come by chance where the treatment was planned to hold this share.

    >>> round(p_value(520, 480, planned=0.5), 3)
    0.217
    """
    import tea_tasting as tt
    from tea_tasting.aggr import Aggregates

    if control + treatment == 0:
        return float("nan")
    data: dict[Hashable, Aggregates] = {
        "control": Aggregates(count_=control),
        "treatment": Aggregates(count_=treatment),
    }
    test = tt.SampleRatio(planned / (1 - planned))
    return min(1.0, test.analyze(data, control="control", treatment="treatment", variant="variant").pvalue)


def believed(table: "pd.DataFrame") -> bool:
    """Whether a result may be read at all: the arms have the planned sizes as far as chance allows.

    Args:
        table: From `sample_ratio`.
    """
    return bool(table["p_value"].iloc[0] >= SUSPICIOUS)


def if_read(table: "pd.DataFrame", sizes: "pd.DataFrame") -> "pd.DataFrame":
    """The table, or none of its rows where the arms' sizes forbid that a result is read.

    Args:
        table: A result.
        sizes: From `sample_ratio`.
    """
    return table if believed(sizes) else table.head(0)


def balance(found: Outcomes, *, confidence: float = 0.95) -> "pd.DataFrame":
    """What was known of both arms before the assignment: a lot makes them alike.

    Args:
        found: From `outcomes`.
        confidence: Coverage of the intervals.

    Returns:
        known_before, control, treatment, difference, low, high, p_value, p_corrected (Holm), n; nothing where no customer
        had ordered before.
    """
    import pandas as pd
    import tea_tasting as tt
    from statsmodels.stats.multitest import multipletests

    control, treatment = found.arm(found.design.control), found.arm(found.design.treatment)
    columns = ["known_before", "control", "treatment", "difference", "low", "high", "p_value", "n"]
    rows: list[tuple[Any, ...]] = []
    for column in (name for name in found.columns if name.endswith(BEFORE) and name.removesuffix(BEFORE) in MEASURES):
        if control is None or treatment is None or (control + treatment).var(column) <= 0:
            continue
        mean = tt.Mean(column, confidence_level=confidence).analyze_aggregates(control, treatment)
        ends = (mean.effect_size, mean.effect_size_ci_lower, mean.effect_size_ci_upper)
        rows.append((column, mean.control, mean.treatment, *ends, mean.pvalue, control.count() + treatment.count()))
    table = pd.DataFrame(rows, columns=columns)
    corrected = multipletests(table["p_value"], method="holm")[1] if len(table) else []
    table.insert(columns.index("n"), "p_corrected", corrected)
    return table
