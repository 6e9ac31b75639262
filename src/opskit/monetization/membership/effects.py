"""What the matched members do differently: spend, orders and order value per member-month, month by month and in all."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import stats
from opskit.errors import TooLittleDataError, check
from opskit.monetization.membership.leads import estimate_with_leads
from opskit.monetization.membership.matching import Matched, match, month_of
from opskit.monetization.membership.panel import Panel

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Floats = np.ndarray[Any, Any]

DAYS_A_MONTH = 365.25 / 12
_KEYS = ["stratum", "member"]
_LOGS = ("priced", "log_spend")
_SIDES = ["n", "value", "value_squared", "member_days"]


class EventStudy(NamedTuple):
    """Members less controls by month around joining, and whether they differ before it."""

    by_month: "pd.DataFrame"  # k, members, controls, estimate, low, high, n
    before: "pd.DataFrame"  # estimate, low, high, n: one row, mean of the months before joining, where 0 is right
    lead_p: float  # probability of leads at least so far from 0 if members and controls were alike before joining


def effects(matched: Matched, *, confidence: float = 0.95) -> "pd.DataFrame":
    """What the membership changes per member-month within the window, on the matched customers.

    Controls who join within the window are not left out (that would keep the idle ones). Instead the membership is taken
    to multiply what a customer does while a member by one factor, the same for early and late joiners: the factor at
    which members and weighted controls, each divided by it for the time inside, would have done the same in all. With
    inside and outside sums I and O of members (m) and controls (c) it is (I_m - I_c) / (O_c - O_m). What is left of the
    difference in the mean order value so far within strata is taken off by a straight line.

    Args:
        matched: From `match`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        A row per effect: effect, estimate, low, high, n (matched members), unit ("money", "orders" or "share"):
        spend, orders and order value, each absolute (spend and orders per member-month, spend in money; order value per
        order placed as a member) and relative to what it would have been, with intervals on the log scale; typical order, relative (geometric mean of the
        order values, which single large orders move less); the parts of the spend effect that come from
        more orders and from dearer ones; spend, total of the matched members within the window; and margin where known.

    Raises:
        OpskitError: The confidence is not between 0 and 1.

    Assumes no unobserved difference within a stratum, and that the effect ends with the membership. The order value is of
    orders that were placed; if the membership changes who orders, part of its effect is that.

    Source: g-estimation of a multiplicative structural nested mean model, Robins (1994), "Correcting for non-compliance
        in randomized trials using structural nested mean models"; correction of the remaining difference as in Abadie &
        Imbens (2011), "Bias-corrected matching estimators for average treatment effects".
    """
    import numpy as np
    import pandas as pd

    measures = ("spend", "orders", *_LOGS, *(("margin",) if matched.has_margin else ()))

    def statistic(totals: "pd.DataFrame") -> "pd.Series[Any]":
        effect = pd.Series(solve(totals, measures))
        factors = _relative(effect.index)
        effect[factors] = np.log1p(effect[factors])
        return effect

    found = stats.jackknife(window_sums(matched, measures), statistic, keys=_KEYS, confidence=confidence)
    factors = _relative(found.index)
    found[factors] = np.expm1(found[factors])
    rows = found.rename_axis("effect").reset_index()
    units = ["share" if "relative" in name else "orders" if name == "orders" else "money" for name in rows["effect"]]
    return rows.assign(n=matched.members, unit=units)


def _relative(effects: "Iterable[str]") -> list[bool]:
    """Which are factors, so that their intervals belong on the scale of logarithms."""
    return ["relative" in name for name in effects]


def comparable(matched: Matched, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Share of the members who can be followed that have comparable customers: for them the effects hold.

    Returns:
        estimate, low, high, n: one row.
    """
    import pandas as pd

    low, high = stats.wilson([matched.members], [matched.at_risk], confidence=confidence)
    share = matched.members / matched.at_risk
    return pd.DataFrame({"estimate": [share], "low": low, "high": high, "n": [matched.at_risk]})


def window_sums(matched: Matched, measures: Sequence[str]) -> "pd.DataFrame":
    """A row per stratum, side and group: its customers, what they did outside and inside, and each of these times value."""
    keys = [*_KEYS, "group"]
    names = [f"{name}_{part}" for name in measures for part in ("out", "in")]
    columns = [*names, *(f"{name}_value" for name in names)]
    parts = matched.sums[matched.sums["k"] >= 1].groupby(keys)[columns].sum()
    return matched.sides.set_index(keys)[_SIDES].join(parts).fillna(0.0).reset_index()


def solve(totals: "pd.DataFrame", measures: Sequence[str]) -> dict[str, float]:
    """All effects of the measures from totals by stratum and side."""
    block = _block(totals)
    members, controls = _compared(block, 2 * len(measures))
    there = (block[:, :, 0] > 0).all(axis=1)
    months = float(block[there, 1, 3].sum()) / DAYS_A_MONTH or float("nan")
    sides = {name: (members[2 * i : 2 * i + 2], controls[2 * i : 2 * i + 2]) for i, name in enumerate(measures)}
    found: dict[str, float] = {}
    for name, (member, control) in sides.items():
        if name in _LOGS:
            continue
        factor = _factor(member, control)
        found |= {name: float(member[1]) * (1 - 1 / factor) / months, f"{name}, relative": factor - 1}
    if set(_LOGS) <= set(sides):
        found["typical order, relative"] = _dearer(*(part for name in _LOGS for part in sides[name]))
    if "spend" in sides:
        found |= _split(found, float(sides["spend"][0][1]), float(sides["orders"][0][1]), months)
    return found


def _split(found: dict[str, float], spent: float, ordered: float, months: float) -> dict[str, float]:
    """The effect on spend as more orders, at what an order would have been worth, and dearer ones."""
    value = (1 + found["spend, relative"]) / (1 + found["orders, relative"])
    each = spent / ordered if ordered > 0 else float("nan")
    from_orders = found["orders"] * each / value
    return {
        "order value": each * (1 - 1 / value),
        "order value, relative": value - 1,
        "spend from more orders": from_orders,
        "spend from dearer orders": found["spend"] - from_orders,
        "spend, total": found["spend"] * months,
    }


def _dearer(orders: "Floats", other_orders: "Floats", logs: "Floats", other_logs: "Floats") -> float:
    """By what share the membership moves the geometric mean of order values: of members, of controls, (outside, inside).

    The mean log of either side's orders is that of an order outside plus the effect for the share placed inside.
    """
    import numpy as np

    n, others = float(orders.sum()), float(other_orders.sum())
    if min(n, others) <= 0:
        return float("nan")
    inside = float(orders[1]) / n - float(other_orders[1]) / others
    gap = float(logs.sum()) / n - float(other_logs.sum()) / others
    return float(np.expm1(gap / inside)) if inside > 0 else float("nan")


def _by_month(matched: Matched, names: Sequence[str], months: Sequence[int]) -> "pd.DataFrame":
    """As `window_sums`, each month in columns of its own."""
    import pandas as pd

    keys = [*_KEYS, "group"]
    columns = [*names, *(f"{name}_value" for name in names)]
    sums = matched.sums
    parts = pd.concat([sums[sums["k"] == k].set_index(keys)[columns].add_suffix(f"|{k}") for k in months], axis=1)
    parts = parts[[f"{name}|{k}" for name in columns for k in months]]
    return matched.sides.set_index(keys)[_SIDES].join(parts).fillna(0.0).reset_index()


def _block(totals: "pd.DataFrame") -> "Floats":
    """Totals as (stratum, control or member, column)."""
    values = totals.to_numpy(dtype=float)
    return values.reshape(-1, 2, values.shape[1])


def _compared(block: "Floats", columns: int, seen: "Floats | None" = None) -> "tuple[Floats, Floats]":
    """Sums of the members, and of their controls weighted to the members' number and brought to their order value.

    seen says for (stratum, column) what the data could show; all of it by default.
    """
    import numpy as np

    n, value, squared = block[:, :, 0], block[:, :, 1], block[:, :, 2]
    start = len(_SIDES)
    sums, times = block[:, :, start : start + columns], block[:, 0, start + columns : start + 2 * columns]
    there = (n > 0).all(axis=1)[:, None]
    use = there & (np.ones((len(block), columns), dtype=bool) if seen is None else seen)
    safe = np.where(n[:, 0] > 0, n[:, 0], 1.0)
    weight = np.where(use, (n[:, 1] / safe)[:, None], 0.0)
    members = np.where(use, sums[:, 1], 0.0).sum(axis=0)
    controls = (weight * sums[:, 0]).sum(axis=0)
    left = (use * value[:, 1, None]).sum(axis=0) - (weight * value[:, 0, None]).sum(axis=0)
    spread = (weight * (squared[:, 0] - value[:, 0] ** 2 / safe)[:, None]).sum(axis=0)
    together = (weight * (times - value[:, 0, None] * sums[:, 0] / safe[:, None])).sum(axis=0)
    line = np.divide(together, spread, out=np.zeros(columns), where=spread > 1e-9)
    return members, controls + line * left


def _factor(members: "Floats", controls: "Floats") -> float:
    """By what the membership multiplies; missing where one side did nothing that could be compared."""
    inside, outside = float(members[1] - controls[1]), float(controls[0] - members[0])
    return inside / outside if inside > 0 and outside > 0 else float("nan")


def event_study(matched: Matched, *, measure: str = "spend", confidence: float = 0.95) -> EventStudy:
    """Spend or orders per matched customer by month around the month of joining, members against controls.

    Args:
        matched: From `match`.
        measure: ``"spend"`` or ``"orders"``.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``by_month``: k (months after the month of joining), members and controls (per customer; what controls did as members themselves is divided by the factor of `effects`), estimate (members - controls), low, high, n (matched
        members seen then). ``before``: the mean difference of the months before joining. ``lead_p``: joint test that all of
        them show none.

    Raises:
        OpskitError: An option is out of range.

    Assumes what `effects` does. Members and controls have the same number of orders by the end of month 0 by
    construction; a flat lead says that they were also placed at the same time, not that nothing unseen differs.
    """
    import numpy as np

    check(measure, "measure", among=("spend", "orders"))
    names = [f"{measure}_out", f"{measure}_in"]
    months = np.arange(-matched.lead_months, matched.window_months + 1)
    wide = _by_month(matched, names, months.tolist())
    strata = np.sort(matched.sides["stratum"].unique())
    there = month_of(strata)[:, None] + np.tile(months, 2)[None, :] >= matched.first_month
    after = np.concatenate([months >= 1, months >= 1])
    outside = np.arange(2 * len(months)) < len(months)

    def sides(totals: "pd.DataFrame") -> "tuple[Floats, Floats, Floats]":
        block = _block(totals)
        members, controls = _compared(block, 2 * len(months), there)
        both = (members, controls)
        parts = [np.array([side[after & outside].sum(), side[after & ~outside].sum()]) for side in both]
        factor = _factor(parts[0], parts[1])
        inside = controls[~outside] / factor if factor == factor else controls[~outside]
        n = (block[:, 1, 0, None] * ((block[:, :, 0] > 0).all(axis=1)[:, None] & there[:, : len(months)])).sum(axis=0)
        safe = np.where(n > 0, n, np.nan)
        return (members[outside] + members[~outside]) / safe, (controls[outside] + inside) / safe, n

    def gap(totals: "pd.DataFrame") -> "Floats":
        members, controls, _ = sides(totals)
        apart = members - controls
        known = apart[(months < 0) & np.isfinite(apart)]
        return np.append(apart, known.mean() if len(known) else np.nan)

    leads = [int(place) for place in np.flatnonzero(months < 0)]
    table, p = estimate_with_leads(wide, gap, keys=_KEYS, leads=leads, confidence=confidence)
    members, controls, n = sides(wide.drop(columns="group").groupby(_KEYS).sum())
    table["n"] = np.append(n, n[months == 0]).astype(int)
    by_month = table.iloc[:-1].copy()
    by_month.insert(0, "k", months)
    by_month.insert(1, "members", members)
    by_month.insert(2, "controls", controls)
    return EventStudy(by_month, table.iloc[[-1]].reset_index(drop=True), p)


def unseen(effects: "pd.DataFrame") -> "pd.DataFrame":
    """How strongly something unseen would have to drive both joining and spending to explain the effect away.

    Args:
        effects: From `effects`.

    Returns:
        ``of`` (the estimate, and the end of its interval nearer to no effect), ratio (spend as a member over spend
        without), e_value: an unseen trait must be so many times as common among members as among their controls, and
        multiply spend so many times, both at once and beyond the history matched on. 1: nothing need be explained.

    Assumes the trait acts on the ratio scale, as the bound does.

    Source: VanderWeele & Ding (2017), "Sensitivity analysis in observational research: introducing the E-value".

    >>> import pandas as pd
    >>> found = {"effect": ["spend, relative"], "estimate": [1.0], "low": [-0.2], "high": [2.2]}
    >>> unseen(pd.DataFrame(found)).round(2)
                            of  ratio  e_value
    0                 estimate    2.0     3.41
    1  nearest end of interval    1.0     1.00
    """
    import numpy as np
    import pandas as pd

    row = effects[effects["effect"] == "spend, relative"]
    ratio, low, high = (row[["estimate", "low", "high"]].to_numpy(dtype=float)[0] + 1).tolist()
    ends = [end for end in (low, high) if end == end]
    nearest = 1.0 if ends and low <= 1 <= high else min(ends, key=lambda end: abs(end - 1), default=np.nan)
    rows = [("estimate", ratio), ("nearest end of interval", nearest)]
    away = [max(r, 1 / r) if r > 0 else np.inf if r == r else np.nan for _, r in rows]
    values = [r + np.sqrt(r * (r - 1)) for r in away]
    return pd.DataFrame(rows, columns=["of", "ratio"]).assign(e_value=values)


def sensitivity(panel: Panel, *, choices: Iterable[tuple[int, int]], confidence: float = 0.95) -> "pd.DataFrame":
    """The effect on spend for other windows and for coarser or finer matching.

    Args:
        panel: From `panel`.
        choices: Pairs of window_months and bins, as `match` takes them; one that leaves nobody to compare has no row.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        window_months, bins, estimate, low, high (spend per member-month), n (matched members), unmatched (members without
        a comparable customer).

    Raises:
        OpskitError: The confidence is not between 0 and 1.
    """
    import pandas as pd

    rows: list[pd.DataFrame] = []
    for window_months, bins in dict.fromkeys(choices):
        try:
            matched = match(panel, window_months=window_months, lead_months=0, bins=bins)
        except TooLittleDataError:
            continue
        row = effects(matched, confidence=confidence).head(1)
        choice = {"window_months": window_months, "bins": bins, "unmatched": matched.at_risk - matched.members}
        rows.append(row.assign(**choice))
    columns = ["window_months", "bins", "estimate", "low", "high", "n", "unmatched"]
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)
