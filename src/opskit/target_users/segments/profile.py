"""Who is in a segment: any attribute crossed with any segments, as over- and under-index against everybody."""

from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import frames, stats
from opskit.errors import OpskitError, check
from opskit.target_users.segments.behaviour import FEATURES
from opskit.target_users.segments.clusters import Clusters
from opskit.target_users.segments.rules import NAMES

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, Any]

UNKNOWN, OTHER = "not known", "other"


def attributes(customers: Any, *, most_values: int = 12) -> list[str]:
    """Columns of a table of customers that can be crossed: words with 2 to 12 different values.

    Args:
        customers: Any engine's frame with customer_id, or None.
        most_values: With more different values than this, a column is a name or a number, not an attribute.
    """
    if customers is None:
        return []
    lf = frames.lazy(customers, "customer_id", table="customers")
    kinds = lf.collect_schema()
    words = [
        name for name, kind in kinds.items() if name != "customer_id" and isinstance(kind, nw.String | nw.Categorical)
    ]
    if not words:
        return []
    counted = frames.collect(lf.select(nw.col(*words).n_unique()))
    return [name for name in words if 2 <= int(counted[name].iloc[0]) <= most_values]


def cross(
    assigned: Any,
    customers: Any,
    *,
    attribute: str,
    by: str = "segment",
    most_values: int = 10,
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """How often each value of an attribute occurs in each segment, against everybody.

    Args:
        assigned: Any engine's frame with customer_id and the segment: of `scores`, of `predict`, or one of your own.
        customers: Any engine's frame with customer_id and the attribute, each customer once.
        attribute: Its column.
        by: The segment's column.
        most_values: Rarer values than the first so many count as "other".
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        The segment under its own name, value (of the attribute), customers, n (of the segment), share (of n), base (share
        among all assigned), index (share over base: 1 is average), low, high (of the index), verdict (``over``,
        ``under``, ``as everybody``). Customers without the attribute are "not known".

    Raises:
        OpskitError: A column is missing, or no customer is assigned.

    Assumes customers are independent. The verdicts are kept together for the whole table (Bonferroni): one cell in
    twenty would stand out by chance. An index says who they are, not what made them so.
    """
    import pandas as pd

    check(confidence, "confidence", gt=0, lt=1)
    left = frames.lazy(assigned, "customer_id", by, table="assigned").select("customer_id", nw.col(by).alias("in"))
    right = frames.lazy(customers, "customer_id", attribute, table="customers")
    kind = left.collect_schema()["customer_id"]
    key = nw.col("customer_id") if right.collect_schema()["customer_id"] == kind else nw.col("customer_id").cast(kind)
    value = nw.col(attribute).cast(nw.String).alias("value")
    right = right.select(key, value).group_by("customer_id").agg(nw.col("value").min())
    joined = left.join(right, on="customer_id", how="left")
    counted = frames.collect(joined.group_by("in", "value").agg(nw.len().alias("customers")))
    if counted.empty:
        raise OpskitError("assigned has no rows; at least one customer is needed.")
    counted["value"] = _merged(counted, most_values)
    wide = counted.pivot_table(index="in", columns="value", values="customers", aggfunc="sum", fill_value=0)
    wide = wide[wide.sum().sort_values(ascending=False, kind="stable").index]
    table = wide.reset_index().melt("in", var_name="value", value_name="customers")
    table = table.sort_values("in", key=_place, kind="stable", ignore_index=True)
    n, total = table["in"].map(wide.sum(axis=1)), int(wide.to_numpy().sum())
    base = table["value"].map(wide.sum()) / total
    found = _index(table["customers"], n, base, total, confidence)
    told = _index(table["customers"], n, base, total, 1 - (1 - confidence) / len(table))
    verdict = pd.Series("as everybody", index=table.index).mask(told["low"] > 1, "over").mask(told["high"] < 1, "under")
    table = table.assign(n=n.astype(int), share=table["customers"] / n, base=base, **found, verdict=verdict)
    return table.rename(columns={"in": by})


def _place(names: "pd.Series[Any]") -> "pd.Series[Any]":
    """Named segments in their own order, others as they come in the alphabet."""
    return names.map({name: f"{at:02d}" for at, name in enumerate(NAMES)}).fillna(names.astype(str))


def _merged(counted: "pd.DataFrame", most_values: int) -> "pd.Series[Any]":
    value = counted["value"].astype(object).where(counted["value"].notna(), UNKNOWN)
    sums = counted["customers"].groupby(value).sum().sort_values(ascending=False, kind="stable")
    named = [name for name in sums.index if name != UNKNOWN]
    kept = named if len(named) <= most_values else named[: most_values - 1]
    return value.where(value.isin([*kept, UNKNOWN]), OTHER)


def _index(
    count: "pd.Series[Any]", n: "pd.Series[Any]", base: "pd.Series[Any]", total: int, confidence: float
) -> "dict[str, pd.Series[Any]]":
    """Share over base with its interval; the segment is a part of everybody, and so narrower than a lone share."""
    import numpy as np

    low, high = stats.wilson(count, n, confidence=confidence)
    share, free = count / n, np.sqrt((1 - n / total).clip(lower=0))
    bounds = {"low": share - (share - low) * free, "high": share + (high - share) * free}
    return {"index": share / base, **{name: (bound / base).clip(lower=0) for name, bound in bounds.items()}}


def describe(found: Clusters, *, confidence: float = 0.95) -> "pd.DataFrame":
    """How each group of `Clusters` buys, against all customers looked at.

    Args:
        found: A fitted `Clusters`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        cluster, feature, about, n; difference from all customers in robust standard deviations, low, high; mean and base in
        the feature's own unit (of logarithms: the geometric mean).

    Assumes customers are independent; the groups were chosen to differ, so that intervals say how well the difference is
    known, not whether there are groups.
    """
    import numpy as np
    import pandas as pd
    from scipy.special import ndtri

    z = float(ndtri((1 + confidence) / 2))
    rows: list[dict[str, Any]] = []
    for cluster, part in found.scaled_.groupby("cluster"):
        inside = (found.sample_["cluster"] == cluster).to_numpy()
        for name in found.scale_.steps.index:
            gap = float(part[name].mean() - found.scaled_[name].mean())
            half = z * float(part[name].std()) / np.sqrt(len(part)) if len(part) > 1 else float("nan")
            about, logarithm = FEATURES[name]
            own, base = (float(values.mean()) for values in (found.sample_.loc[inside, name], found.sample_[name]))
            plain = (
                {"mean": float(np.exp(own)), "base": float(np.exp(base))} if logarithm else {"mean": own, "base": base}
            )
            bounds = {"difference": gap, "low": gap - half, "high": gap + half, **plain}
            rows.append({"cluster": cluster, "feature": name, "about": about, "n": len(part), **bounds})
    return pd.DataFrame(rows)
