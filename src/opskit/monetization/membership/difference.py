"""Difference-in-differences on unmatched customers, with the check of what happened before joining."""

from typing import TYPE_CHECKING, Any, NamedTuple

from opskit.errors import TooLittleDataError, check
from opskit.monetization.membership.leads import estimate_with_leads
from opskit.monetization.membership.naive import customers_and_orders
from opskit.monetization.membership.panel import NEVER, Panel

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Floats = np.ndarray[Any, Any]

_BASE = -1  # the month before joining, against which the others are measured


class Difference(NamedTuple):
    """A difference-in-differences by month, its mean after joining, and whether it fails its own check."""

    by_month: "pd.DataFrame"  # k, estimate, low, high, n
    after: "pd.DataFrame"  # estimate, low, high, n: one row, mean of the months after joining
    lead_p: float  # probability of leads at least so far from 0 if both sides had moved alike before joining


def aligned(panel: Panel, *, window_months: int = 6, lead_months: int = 12, confidence: float = 0.95) -> Difference:
    """Members lined up at their month of joining against those who never joined: the two-way regression of textbooks.

    Spend of every customer in every month (0 where there was no order, also before the first) on months, months of
    joining and months around joining. Cells of equal regressors stand for their customers, which changes nothing.

    Args:
        panel: From `panel`.
        window_months: Months after the month of joining that are compared; members who joined later are left out.
        lead_months: Months before it; earlier and later ones are one step each.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        Spend per customer-month against the month before joining, by month k after joining, errors clustered by the
        jackknife's groups of customers; the mean over the window; the joint test of the leads.

    Raises:
        OpskitError: An option is out of range.
        TooLittleDataError: Nobody joined early enough.

    Assumes members would have moved like the others, which `lead_p` puts to the test; and one effect for all months of
    joining: where it differs, two-way regressions weight some of them negatively.

    Source: Goodman-Bacon (2021), "Difference-in-differences with variation in treatment timing", for what it averages.
    """
    import numpy as np

    _check(window_months, lead_months, confidence)
    cells, size = _filled(panel, window_months)
    fit, kept = _regression(cells, size, lead_months, window_months)
    leads = [place for place, at in enumerate(kept) if -lead_months <= at < _BASE]
    p = float(fit.f_test(np.eye(len(fit.params))[leads]).pvalue) if leads else float("nan")
    after = np.zeros((1, len(fit.params)))
    after[0, : len(kept)] = [1 <= at <= window_months for at in kept]
    test = fit.t_test(after / after.sum())
    n = int(size[(cells["join_month"] != NEVER) & (cells["month"] == cells["join_month"])].sum())
    low, high = np.asarray(fit.conf_int(1 - confidence)).T
    rows = {at: (fit.params[place], low[place], high[place]) for place, at in enumerate(kept)} | {_BASE: (0.0,) * 3}
    months = list(range(-lead_months, window_months + 1))
    by_month = _frame([rows.get(at, (np.nan,) * 3) for at in months], n)
    by_month.insert(0, "k", months)
    mean = (float(test.effect[0]), *np.asarray(test.conf_int(1 - confidence)).ravel().tolist())
    return Difference(by_month, _frame([mean], n), p)


def _regression(cells: "pd.DataFrame", size: "Floats", lead_months: int, window_months: int) -> tuple[Any, list[int]]:
    """Weighted least squares on months around joining, calendar months and months of joining, errors by group."""
    import numpy as np
    from statsmodels.regression.linear_model import WLS

    k = np.where(cells["join_month"] == NEVER, _BASE, cells["month"] - cells["join_month"])
    steps = [at for at in range(-lead_months - 1, window_months + 2) if at != _BASE]
    near = np.clip(k, steps[0], steps[-1])
    events = np.column_stack([(near == at).astype(float) for at in steps])
    seen = events.any(axis=0)
    fixed = [_dummies(cells["month"].to_numpy()), _dummies(cells["join_month"].to_numpy())[:, 1:]]
    model: Any = WLS
    fit = model((cells["spend"] / size).to_numpy(), np.hstack([events[:, seen], *fixed]), weights=size).fit(
        cov_type="cluster", cov_kwds={"groups": cells["group"].to_numpy()}, use_t=True
    )
    return fit, [at for at, there in zip(steps, seen, strict=True) if there]


def staggered(panel: Panel, *, window_months: int = 6, lead_months: int = 12, confidence: float = 0.95) -> Difference:
    """Each month's new members against customers who join later than the window or never, then the mean over months.

    Only customers count who had ordered before: at month k those won by then, and by the month before joining.

    Args:
        panel: From `panel`.
        window_months: Months after the month of joining that are compared; members who joined later are left out.
        lead_months: Months before it.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        As `aligned`; n is the number of members behind each month.

    Raises:
        OpskitError: An option is out of range.
        TooLittleDataError: Nobody joined early enough.

    Assumes members would have moved like those not yet members, which `lead_p` puts to the test. Leaving out controls who
    join within the window looks ahead: it keeps those who were not there to join.

    Source: Callaway & Sant'Anna (2021), "Difference-in-differences with multiple time periods": effects by month of
        joining with the not yet treated as controls, averaged with weights that are never negative.
    """
    import numpy as np
    import pandas as pd

    _check(window_months, lead_months, confidence)
    cells = customers_and_orders(panel)
    joins = [m for m in _joins(cells, panel, window_months) if m > panel.first_month]
    if not joins:
        raise TooLittleDataError(_TOO_LATE.format(window_months))
    ks = np.arange(-lead_months, window_months + 1)

    def by_month(total: "pd.DataFrame") -> "tuple[Floats, Floats]":
        return _cohort_by_cohort(total, panel, joins, ks, window_months)

    def estimates(total: "pd.DataFrame") -> "Floats":
        values = by_month(total)[0]
        return np.append(values, values[ks >= 1].mean())

    keys = ["join_month", "first_month", "month"]
    sums = cells[[*keys, "group", "customers", "spend"]]
    leads = [int(place) for place in np.flatnonzero(ks < _BASE)]
    table, p = estimate_with_leads(sums, estimates, keys=keys, leads=leads, confidence=confidence)
    n = by_month(sums.drop(columns="group").groupby(keys).sum())[1].astype(int)
    table["n"] = np.append(n, n[ks >= 1].max())
    months = table.iloc[:-1]
    months.insert(0, "k", ks)
    return Difference(months, pd.DataFrame(table.iloc[[-1]].reset_index(drop=True)), p)


def _cohort_by_cohort(
    total: "pd.DataFrame", panel: Panel, joins: list[int], ks: "Floats", window_months: int
) -> "tuple[Floats, Floats]":
    """Mean difference in growth since the month before joining, and the members behind it, by month k."""
    import numpy as np

    spend, size, every = _cumulated(total, panel)
    found, members = np.zeros(len(ks)), np.zeros(len(ks))
    for m in joins:
        if m not in every:
            continue
        own, later = every.index(m), [i for i, other in enumerate([*every, np.inf]) if other > m + window_months]
        at, base = m + ks - panel.first_month, m + _BASE - panel.first_month
        seen, at = at >= 0, at.clip(0)
        won = np.minimum(at, base)
        n, others = size[own, won], size[later][:, won].sum(axis=0)
        use = seen & (n > 0) & (others > 0)
        grew = spend[own, won, at] - spend[own, won, base]
        others_grew = (spend[later][:, won, at] - spend[later][:, won, base]).sum(axis=0)
        found += np.where(use, grew - n * others_grew / np.where(use, others, 1.0), 0.0)
        members += np.where(use, n, 0.0)
    return found / np.where(members > 0, members, np.nan), members


def _cumulated(total: "pd.DataFrame", panel: Panel) -> "tuple[Floats, Floats, list[int]]":
    """Spend by month of joining (NEVER last), won by a month, and month; customers; and the months of joining."""
    import numpy as np

    joined, won, month = (
        total.index.get_level_values(name).to_numpy() for name in ("join_month", "first_month", "month")
    )
    every = sorted({int(m) for m in joined} - {NEVER})
    place = {m: i for i, m in enumerate([*every, NEVER])}
    row = np.array([place[int(m)] for m in joined])
    span = panel.last_month - panel.first_month + 1
    spend, size = np.zeros((len(place), span, span)), np.zeros((len(place), span))
    np.add.at(spend, (row, won - panel.first_month, month - panel.first_month), total["spend"].to_numpy())
    np.add.at(size, (row, won - panel.first_month), total["customers"].to_numpy())
    return spend.cumsum(axis=1), size.cumsum(axis=1), every


_TOO_LATE = (
    "window_months == {}: no member joined so many whole months before the end of the data. Use a shorter window."
)


def _check(window_months: int, lead_months: int, confidence: float) -> None:
    check(window_months, "window_months", ge=1)
    check(lead_months, "lead_months", ge=0)
    check(confidence, "confidence", gt=0, lt=1)


def _joins(cells: "pd.DataFrame", panel: Panel, window_months: int) -> list[int]:
    """Months of joining that the data can follow for the window."""
    found = sorted({int(m) for m in cells["join_month"]} - {NEVER})
    return [m for m in found if panel.first_month <= m <= panel.last_month - window_months]


def _filled(panel: Panel, window_months: int) -> "tuple[pd.DataFrame, Floats]":
    """Spend of every cell of customers in every month, and the number of customers."""
    import numpy as np
    import pandas as pd

    cells = customers_and_orders(panel)
    joins = _joins(cells, panel, window_months)
    if not joins:
        raise TooLittleDataError(_TOO_LATE.format(window_months))
    cells = cells[cells["join_month"].isin([NEVER, *joins])]
    size = cells.groupby(["join_month", "group"])["customers"].sum()
    months = np.arange(panel.first_month, panel.last_month + 1)
    index = pd.MultiIndex.from_tuples(
        [(*key, month) for key in size.index for month in months], names=["join_month", "group", "month"]
    )
    spend = cells.groupby(["join_month", "group", "month"])["spend"].sum().reindex(index, fill_value=0.0)
    return spend.reset_index(), np.repeat(size.to_numpy(dtype=float), len(months))


def _dummies(values: "Floats") -> "Floats":
    import numpy as np

    _, place = np.unique(values, return_inverse=True)
    return np.eye(place.max() + 1)[place]


def _frame(rows: list[tuple[float, ...]], n: int) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(rows, columns=["estimate", "low", "high"]).assign(n=n)
